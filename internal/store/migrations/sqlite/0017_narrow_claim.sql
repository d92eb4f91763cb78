-- +goose Up

-- The secrets of a job, which may be large, apart from the rest: whoever reads or changes a job reads and rewrites no more
-- than that, and a claim reads them of admitted jobs only.
CREATE TABLE job_secret (
    job_id INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL -- headers, body, user and password
) STRICT;
INSERT INTO job_secret (job_id, sealed) SELECT id, secret FROM job WHERE secret IS NOT NULL;
ALTER TABLE job DROP COLUMN secret;

-- When an account that was disabled was enabled again. Jobs of a disabled account keep next_run_at, from which on no
-- record stands, and lose look_at.
ALTER TABLE account ADD COLUMN enabled_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_state_dormant ON job_state (account_id, job_id) WHERE look_at IS NULL AND next_run_at IS NOT NULL;

-- The statistics of a job are up to 8,784 rows, which go with the upkeep and not with the job: deleting many jobs must not
-- hold the writer.
CREATE TABLE rollup_job_new (
    job_id INTEGER NOT NULL,
    hour   INTEGER NOT NULL,
    tally  BLOB    NOT NULL,
    PRIMARY KEY (job_id, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO rollup_job_new SELECT job_id, hour, tally FROM rollup_job;
DROP TABLE rollup_job;
ALTER TABLE rollup_job_new RENAME TO rollup_job;

-- Jobs that are gone and whose statistics may not be.
CREATE TABLE job_gone (
    job_id  INTEGER PRIMARY KEY,
    gone_at INTEGER NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER job_gone AFTER DELETE ON job BEGIN
    INSERT INTO job_gone (job_id, gone_at) VALUES (OLD.id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd
