-- +goose Up

-- Calls that take effect once, with their answers, by the keys that callers gave them.
CREATE TABLE once (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    request    BLOB    NOT NULL, -- SHA-256
    answer     BLOB,             -- sealed; there is one once the transaction that wrote the row is committed
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_account ON once (account_id, created_at);
CREATE INDEX once_created ON once (created_at);

ALTER TABLE api_key ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0; -- to the hour
