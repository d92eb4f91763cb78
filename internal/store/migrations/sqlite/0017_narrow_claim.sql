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
