-- +goose Up

-- Changes of many jobs, which a node works off.
CREATE TABLE action (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    state       INTEGER NOT NULL DEFAULT 0, -- 0 selects its jobs, 1 works, 2 has finished
    dry_run     INTEGER NOT NULL DEFAULT 0,
    undoes      INTEGER NOT NULL DEFAULT 0, -- the action that it undoes
    failed      INTEGER NOT NULL DEFAULT 0,
    kinds       TEXT NOT NULL,          -- of its operations, as JSON
    person_id   INTEGER NOT NULL DEFAULT 0,
    key_id      INTEGER NOT NULL DEFAULT 0,
    author      TEXT NOT NULL,
    way         TEXT NOT NULL,
    sealed      BLOB,                    -- what is to be done to which jobs; NULL when that is no longer needed
    node        INTEGER NOT NULL DEFAULT 0, -- the epoch of the node that works on it; 0 for none
    position    INTEGER NOT NULL DEFAULT 0, -- how far it has come
    progress    INTEGER NOT NULL DEFAULT 1, -- grows with each step
    total       INTEGER NOT NULL DEFAULT 0, -- jobs, and below those with each result
    changed     INTEGER NOT NULL DEFAULT 0,
    same        INTEGER NOT NULL DEFAULT 0,
    invalid     INTEGER NOT NULL DEFAULT 0,
    skipped     INTEGER NOT NULL DEFAULT 0,
    missing     INTEGER NOT NULL DEFAULT 0,
    faulty      INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    touched_at  INTEGER NOT NULL,           -- when a node last took a step
    finished_at INTEGER NOT NULL DEFAULT 0,
    expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX action_account ON action (account_id, id);
CREATE INDEX action_open ON action (touched_at) WHERE state < 2;
CREATE INDEX action_expires ON action (expires_at);

-- The jobs of actions. Rows outlive the jobs.
CREATE TABLE action_job (
    action_id  INTEGER NOT NULL REFERENCES action (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    job_id     INTEGER NOT NULL,
    version    INTEGER NOT NULL,           -- of the job when it was selected
    result     INTEGER NOT NULL DEFAULT 0, -- 0 while it waits
    effect     INTEGER NOT NULL DEFAULT 0, -- 1 edited, 2 deleted, 3 restored from the bin
    after      INTEGER NOT NULL DEFAULT 0, -- the version that the action made
    undo       INTEGER NOT NULL DEFAULT 0, -- the effect that is to be undone
    target     INTEGER NOT NULL DEFAULT 0, -- the version to restore
    detail     TEXT NOT NULL DEFAULT '', -- what people are told about it, as JSON
    PRIMARY KEY (action_id, job_id)
) STRICT;

-- A change of a job, or that something happened to a problem or an action: 0 for none.
ALTER TABLE job_change ADD COLUMN action_id INTEGER NOT NULL DEFAULT 0;
