-- +goose Up

-- cause is the fingerprint of a failure; NULL for everything else. peer is the address that was called.
ALTER TABLE execution ADD COLUMN cause INTEGER;
ALTER TABLE execution ADD COLUMN peer TEXT NOT NULL DEFAULT '';
CREATE INDEX execution_failed ON execution (account_id, id) WHERE cause IS NOT NULL;

-- secret_names are the secrets that the request of a job refers to, separated by commas.
ALTER TABLE job ADD COLUMN secret_names TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN traceparent INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_secret_names ON job (account_id) WHERE secret_names <> '';

-- Values that requests refer to by name.
CREATE TABLE secret (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    sealed_value BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT;

-- Test runs: executions without a record in the ledger. Rows are short-lived.
CREATE TABLE test_run (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id    INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    job_id        INTEGER NOT NULL,           -- 0 for a job that is not stored
    node          INTEGER NOT NULL DEFAULT 0, -- that runs it; 0 while it waits
    state         INTEGER NOT NULL DEFAULT 0, -- 0 waiting, 1 running, 2 finished
    phase         INTEGER NOT NULL DEFAULT 0,
    ends          INTEGER NOT NULL DEFAULT 0, -- somebody asked that it ends
    version       INTEGER NOT NULL DEFAULT 1, -- grows with each change
    sealed_job    BLOB,                       -- NULL once it is finished
    sealed_result BLOB,
    created_at    INTEGER NOT NULL,
    started_at    INTEGER NOT NULL DEFAULT 0,
    expires_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX test_run_account ON test_run (account_id, id);
CREATE INDEX test_run_open ON test_run (id) WHERE state < 2;
CREATE INDEX test_run_expires ON test_run (expires_at);

-- The ids of the keys that a node has, separated by spaces; empty for a node from before keys could be rotated.
ALTER TABLE node ADD COLUMN key_ids TEXT NOT NULL DEFAULT '';

-- Identifies this installation to the targets of its calls, which see it only as part of a hash.
INSERT INTO setting (name, value) VALUES ('installation', randomblob(16));
