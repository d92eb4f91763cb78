-- +goose Up

-- How far the ledger of an account has been counted.
CREATE TABLE rollup_state (
    account_id BIGINT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL, -- grows with every change, so that of two nodes only one changes it
    position   BIGINT NOT NULL, -- executions up to this id are counted
    looked_at  BIGINT NOT NULL,
    look_at    BIGINT NOT NULL, -- when it is time to count again
    pruned_at  BIGINT NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX rollup_state_due ON rollup_state (look_at);

-- What was due in an hour (since 1970), of all jobs and of one. A tally is what cron.Tally encodes.
CREATE TABLE rollup_account (
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hour       BIGINT NOT NULL,
    tally      BYTEA  NOT NULL,
    PRIMARY KEY (account_id, hour)
) WITH (fillfactor = 70);
CREATE TABLE rollup_job (
    job_id BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    hour   BIGINT NOT NULL,
    tally  BYTEA  NOT NULL,
    PRIMARY KEY (job_id, hour)
) WITH (fillfactor = 70);

-- Executions that are counted as running or lost, which may change.
CREATE TABLE rollup_open (
    account_id   BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    execution_id BIGINT   NOT NULL,
    job_id       BIGINT   NOT NULL,
    planned_at   BIGINT   NOT NULL,
    kind         SMALLINT NOT NULL,
    attempt      INTEGER  NOT NULL,
    outcome      SMALLINT NOT NULL, -- as it is counted
    followed     BOOLEAN  NOT NULL, -- a further attempt is counted
    since        BIGINT   NOT NULL,
    PRIMARY KEY (account_id, execution_id)
);
