-- +goose Up

-- cause is the fingerprint of a failure; NULL for everything else. peer is the address that was called.
ALTER TABLE execution ADD COLUMN cause BIGINT;
ALTER TABLE execution ADD COLUMN peer TEXT NOT NULL DEFAULT '';
CREATE INDEX execution_failed ON execution (account_id, id) WHERE cause IS NOT NULL;

-- secret_names are the secrets that the request of a job refers to, separated by commas.
ALTER TABLE job ADD COLUMN secret_names TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN traceparent BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX job_secret_names ON job (account_id) WHERE secret_names <> '';

-- Values that requests refer to by name.
CREATE TABLE secret (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name         TEXT   NOT NULL,
    sealed_value BYTEA  NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    UNIQUE (account_id, name)
);

-- Test runs: executions without a record in the ledger. Rows are short-lived.
CREATE TABLE test_run (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    job_id        BIGINT   NOT NULL,           -- 0 for a job that is not stored
    node          BIGINT   NOT NULL DEFAULT 0, -- that runs it; 0 while it waits
    state         SMALLINT NOT NULL DEFAULT 0, -- 0 waiting, 1 running, 2 finished
    phase         SMALLINT NOT NULL DEFAULT 0,
    ends          BOOLEAN  NOT NULL DEFAULT false, -- somebody asked that it ends
    version       BIGINT   NOT NULL DEFAULT 1, -- grows with each change
    sealed_job    BYTEA,   -- NULL once it is finished
    sealed_result BYTEA,
    created_at    BIGINT   NOT NULL,
    started_at    BIGINT   NOT NULL DEFAULT 0,
    expires_at    BIGINT   NOT NULL
);
CREATE INDEX test_run_account ON test_run (account_id, id);
CREATE INDEX test_run_open ON test_run (id) WHERE state < 2;
CREATE INDEX test_run_expires ON test_run (expires_at);

-- The ids of the keys that a node has, separated by spaces; empty for a node from before keys could be rotated.
ALTER TABLE node ADD COLUMN key_ids TEXT NOT NULL DEFAULT '';

-- Identifies this installation to the targets of its calls, which see it only as part of a hash.
INSERT INTO setting (name, value) VALUES ('installation', decode(replace(gen_random_uuid()::text, '-', ''), 'hex'));
