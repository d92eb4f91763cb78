-- +goose Up

-- Definitions of jobs, one for each change. Rows outlive their job, which can come back.
CREATE TABLE job_version (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    job_id     INTEGER NOT NULL,
    version    INTEGER NOT NULL,           -- of the row of job
    created_at INTEGER NOT NULL,
    person_id  INTEGER NOT NULL DEFAULT 0,
    key_id     INTEGER NOT NULL DEFAULT 0,
    author     TEXT    NOT NULL DEFAULT '',
    way        TEXT    NOT NULL,
    changes    TEXT    NOT NULL DEFAULT '', -- the names of the values that differ from the version before, as JSON
    restored   INTEGER NOT NULL DEFAULT 0,  -- the version that it restores; 0 for none
    action_id  INTEGER NOT NULL DEFAULT 0,
    value      INTEGER,                     -- the definition is that of the version before, but for one change, which has this value
    size       INTEGER NOT NULL DEFAULT 0,  -- bytes of sealed
    forgotten  INTEGER NOT NULL DEFAULT 0,  -- secrets were taken out of it
    sealed     BLOB,                        -- the definition; NULL with a value, and when it is no longer kept
    UNIQUE (job_id, version)
) STRICT;
CREATE INDEX job_version_account ON job_version (account_id, id, size); -- with the size, for the sum of an account

-- Deleted jobs that can be brought back.
CREATE TABLE bin_job (
    job_id     INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT    NOT NULL,
    url        TEXT    NOT NULL, -- without user and password
    folder_id  INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    purges_at  INTEGER NOT NULL,
    deleted_by TEXT    NOT NULL
) STRICT;
CREATE INDEX bin_job_account ON bin_job (account_id, deleted_at);
CREATE INDEX bin_job_purges ON bin_job (purges_at);

-- Deleted folders, with the jobs that were in them.
CREATE TABLE bin_folder (
    folder_id  INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT    NOT NULL,
    job_ids    TEXT    NOT NULL, -- as JSON
    deleted_at INTEGER NOT NULL,
    purges_at  INTEGER NOT NULL,
    deleted_by TEXT    NOT NULL
) STRICT;
CREATE INDEX bin_folder_account ON bin_folder (account_id, deleted_at);
CREATE INDEX bin_folder_purges ON bin_folder (purges_at);

-- The version of the job that ran; 0 for a record from before versions were kept.
ALTER TABLE execution ADD COLUMN job_version INTEGER NOT NULL DEFAULT 0;

-- A job that leaves the bin for good leaves statistics behind, as one that is deleted does.
-- +goose StatementBegin
CREATE TRIGGER bin_job_gone AFTER DELETE ON bin_job BEGIN
    INSERT INTO deleted_job (job_id, deleted_at) VALUES (OLD.job_id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (job_id) DO NOTHING;
END;
-- +goose StatementEnd
