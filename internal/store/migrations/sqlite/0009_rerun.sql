-- +goose Up

-- Manual executions that repeat a record of the ledger. One is named by its job and the instant for which it was planned,
-- so that neither a claim nor a result writes here. Rows are kept as long as the history.
CREATE TABLE rerun (
    planned_at        INTEGER NOT NULL,
    job_id            INTEGER NOT NULL,
    account_id        INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    record_id         INTEGER NOT NULL, -- the execution that is repeated
    record_planned_at INTEGER NOT NULL,
    PRIMARY KEY (planned_at, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rerun_record ON rerun (account_id, record_id);

ALTER TABLE pending ADD COLUMN rerun INTEGER NOT NULL DEFAULT 0; -- 1 for the first attempt of one
CREATE INDEX pending_manual ON pending (account_id, planned_at) WHERE kind = 1;

-- Missed and skipped records. What a result changes is not among its columns.
CREATE INDEX execution_unstarted ON execution (account_id, id) WHERE occurrences > 0;
