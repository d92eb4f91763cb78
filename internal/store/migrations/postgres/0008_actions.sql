-- +goose Up

-- Changes of many jobs, which a node works off.
CREATE TABLE action (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    state       BIGINT NOT NULL DEFAULT 0, -- 0 selects its jobs, 1 works, 2 has finished
    dry_run     BOOLEAN NOT NULL DEFAULT false,
    undoes      BIGINT NOT NULL DEFAULT 0, -- the action that it undoes
    failed      BOOLEAN NOT NULL DEFAULT false,
    kinds       TEXT NOT NULL,          -- of its operations, as JSON
    person_id   BIGINT NOT NULL DEFAULT 0,
    key_id      BIGINT NOT NULL DEFAULT 0,
    author      TEXT NOT NULL,
    way         TEXT NOT NULL,
    sealed      BYTEA,                    -- what is to be done to which jobs; NULL when that is no longer needed
    node        BIGINT NOT NULL DEFAULT 0, -- the epoch of the node that works on it; 0 for none
    position    BIGINT NOT NULL DEFAULT 0, -- how far it has come
    progress    BIGINT NOT NULL DEFAULT 1, -- grows with each step
    total       BIGINT NOT NULL DEFAULT 0, -- jobs, and below those with each result
    changed     BIGINT NOT NULL DEFAULT 0,
    same        BIGINT NOT NULL DEFAULT 0,
    invalid     BIGINT NOT NULL DEFAULT 0,
    skipped     BIGINT NOT NULL DEFAULT 0,
    missing     BIGINT NOT NULL DEFAULT 0,
    faulty      BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    touched_at  BIGINT NOT NULL,           -- when a node last took a step
    finished_at BIGINT NOT NULL DEFAULT 0,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX action_account ON action (account_id, id);
CREATE INDEX action_open ON action (touched_at) WHERE state < 2;
CREATE INDEX action_expires ON action (expires_at);

-- The jobs of actions. Rows outlive the jobs.
CREATE TABLE action_job (
    action_id  BIGINT NOT NULL REFERENCES action (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL,
    job_id     BIGINT NOT NULL,
    version    BIGINT NOT NULL,           -- of the job when it was selected
    result     BIGINT NOT NULL DEFAULT 0, -- 0 while it waits
    effect     BIGINT NOT NULL DEFAULT 0, -- 1 edited, 2 deleted, 3 restored from the bin
    after      BIGINT NOT NULL DEFAULT 0, -- the version that the action made
    undo       BIGINT NOT NULL DEFAULT 0, -- the effect that is to be undone
    target     BIGINT NOT NULL DEFAULT 0, -- the version to restore
    detail     TEXT NOT NULL DEFAULT '', -- what people are told about it, as JSON
    PRIMARY KEY (action_id, job_id)
);

-- A change of a job, or that something happened to a problem or an action: 0 for none.
ALTER TABLE job_change ADD COLUMN action_id BIGINT NOT NULL DEFAULT 0;
