-- +goose Up

-- Calls that take effect once, with their answers, by the keys that callers gave them.
CREATE TABLE once (
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    key        TEXT   NOT NULL COLLATE "C",
    request    BYTEA  NOT NULL, -- SHA-256
    answer     BYTEA,           -- sealed; there is one once the transaction that wrote the row is committed
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX once_account ON once (account_id, created_at);
CREATE INDEX once_created ON once (created_at);

ALTER TABLE api_key ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0; -- to the hour
