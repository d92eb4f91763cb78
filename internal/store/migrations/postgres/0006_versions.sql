-- +goose Up

-- Definitions of jobs, one for each change. Rows outlive their job, which can come back.
CREATE TABLE job_version (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT  NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    job_id     BIGINT  NOT NULL,
    version    BIGINT  NOT NULL,               -- of the row of job
    created_at BIGINT  NOT NULL,
    person_id  BIGINT  NOT NULL DEFAULT 0,
    key_id     BIGINT  NOT NULL DEFAULT 0,
    author     TEXT    NOT NULL DEFAULT '',
    way        TEXT    NOT NULL,
    changes    TEXT    NOT NULL DEFAULT '',    -- the names of the values that differ from the version before, as JSON
    restored   BIGINT  NOT NULL DEFAULT 0,     -- the version that it restores; 0 for none
    action_id  BIGINT  NOT NULL DEFAULT 0,
    value      BIGINT,                         -- the definition is that of the version before, but for one change, which has this value
    size       BIGINT  NOT NULL DEFAULT 0,     -- bytes of sealed
    forgotten  BOOLEAN NOT NULL DEFAULT false, -- secrets were taken out of it
    sealed     BYTEA,                          -- the definition; NULL with a value, and when it is no longer kept
    UNIQUE (job_id, version)
);
CREATE INDEX job_version_account ON job_version (account_id, id, size); -- with the size, for the sum of an account

-- Deleted jobs that can be brought back.
CREATE TABLE bin_job (
    job_id     BIGINT PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT   NOT NULL,
    url        TEXT   NOT NULL, -- without user and password
    folder_id  BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL,
    purges_at  BIGINT NOT NULL,
    deleted_by TEXT   NOT NULL
);
CREATE INDEX bin_job_account ON bin_job (account_id, deleted_at);
CREATE INDEX bin_job_purges ON bin_job (purges_at);

-- Deleted folders, with the jobs that were in them.
CREATE TABLE bin_folder (
    folder_id  BIGINT PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT   NOT NULL,
    job_ids    TEXT   NOT NULL, -- as JSON
    deleted_at BIGINT NOT NULL,
    purges_at  BIGINT NOT NULL,
    deleted_by TEXT   NOT NULL
);
CREATE INDEX bin_folder_account ON bin_folder (account_id, deleted_at);
CREATE INDEX bin_folder_purges ON bin_folder (purges_at);

-- The version of the job that ran; 0 for a record from before versions were kept.
ALTER TABLE execution ADD COLUMN job_version BIGINT NOT NULL DEFAULT 0;

-- A job that leaves the bin for good leaves statistics behind, as one that is deleted does.
-- +goose StatementBegin
CREATE FUNCTION note_purged_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deleted_job (job_id, deleted_at) VALUES (OLD.job_id, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    ON CONFLICT (job_id) DO NOTHING;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER bin_job_gone AFTER DELETE ON bin_job FOR EACH ROW EXECUTE FUNCTION note_purged_job();
