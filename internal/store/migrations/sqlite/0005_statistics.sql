-- +goose Up

-- How far the ledger of an account has been counted.
CREATE TABLE rollup_state (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    version    INTEGER NOT NULL, -- grows with every change, so that of two nodes only one changes it
    position   INTEGER NOT NULL, -- executions up to this id are counted
    looked_at  INTEGER NOT NULL,
    look_at    INTEGER NOT NULL, -- when it is time to count again
    pruned_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX rollup_state_due ON rollup_state (look_at);

-- What was due in an hour (since 1970), of all jobs and of one. A tally is what cron.Tally encodes.
CREATE TABLE rollup_account (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hour       INTEGER NOT NULL,
    tally      BLOB    NOT NULL,
    PRIMARY KEY (account_id, hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollup_job (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    hour   INTEGER NOT NULL,
    tally  BLOB    NOT NULL,
    PRIMARY KEY (job_id, hour)
) STRICT, WITHOUT ROWID;

-- Executions that are counted as running or lost, which may change.
CREATE TABLE rollup_open (
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    execution_id INTEGER NOT NULL,
    job_id       INTEGER NOT NULL,
    planned_at   INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    outcome      INTEGER NOT NULL, -- as it is counted
    followed     INTEGER NOT NULL, -- a further attempt is counted
    since        INTEGER NOT NULL,
    PRIMARY KEY (account_id, execution_id)
) STRICT, WITHOUT ROWID;
