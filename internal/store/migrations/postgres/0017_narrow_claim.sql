-- +goose Up

-- The secrets of a job, which may be large, apart from the rest: whoever reads or changes a job reads and rewrites no more
-- than that, and a claim reads them of admitted jobs only.
CREATE TABLE job_secret (
    job_id BIGINT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL -- headers, body, user and password
);
INSERT INTO job_secret (job_id, sealed) SELECT id, secret FROM job WHERE secret IS NOT NULL;
ALTER TABLE job DROP COLUMN secret;

-- When an account that was disabled was enabled again. Jobs of a disabled account keep next_run_at, from which on no
-- record stands, and lose look_at.
ALTER TABLE account ADD COLUMN enabled_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX job_state_dormant ON job_state (account_id, job_id) WHERE look_at IS NULL AND next_run_at IS NOT NULL;

-- The statistics of a job are up to 8,784 rows, which go with the upkeep and not with the job: deleting many jobs must be
-- short.
ALTER TABLE rollup_job DROP CONSTRAINT rollup_job_job_id_fkey;

-- Jobs that are gone and whose statistics may not be.
CREATE TABLE job_gone (
    job_id  BIGINT PRIMARY KEY,
    gone_at BIGINT NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION note_job_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_gone (job_id, gone_at) VALUES (OLD.id, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER job_gone AFTER DELETE ON job FOR EACH ROW EXECUTE FUNCTION note_job_gone();
