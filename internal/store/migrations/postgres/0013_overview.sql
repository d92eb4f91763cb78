-- +goose Up

-- What the overview of an account counts, so that no number costs more than the rows that it counts. A success leaves all of this
-- as it is.
CREATE INDEX job_state_failing ON job_state (account_id) WHERE last_status > 1;
CREATE INDEX job_search_paused ON job_search (account_id, paused_until) WHERE paused_until > 0;
CREATE INDEX job_search_silenced ON job_search (account_id, silenced_until) WHERE silenced_until > 0;
CREATE INDEX job_search_disabled ON job_search (account_id) WHERE NOT enabled;

-- When the certificates of the targets of jobs end, as the latest executions saw them. A trigger keeps it, as on the other database.
CREATE TABLE job_certificate (
    account_id BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    job_id     BIGINT NOT NULL,
    PRIMARY KEY (account_id, ends_at, job_id)
);
INSERT INTO job_certificate SELECT account_id, cert_expiry_at, job_id FROM job_state WHERE cert_expiry_at > 0;

-- +goose StatementBegin
CREATE FUNCTION note_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM job_certificate WHERE account_id = OLD.account_id AND ends_at = OLD.cert_expiry_at AND job_id = OLD.job_id;
    IF TG_OP = 'UPDATE' AND NEW.cert_expiry_at > 0 THEN
        INSERT INTO job_certificate (account_id, ends_at, job_id) VALUES (NEW.account_id, NEW.cert_expiry_at, NEW.job_id);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER job_certificate_seen AFTER UPDATE OF cert_expiry_at ON job_state FOR EACH ROW
    WHEN (OLD.cert_expiry_at <> NEW.cert_expiry_at) EXECUTE FUNCTION note_certificate();
CREATE TRIGGER job_certificate_gone AFTER DELETE ON job_state FOR EACH ROW
    WHEN (OLD.cert_expiry_at > 0) EXECUTE FUNCTION note_certificate();

-- How the occurrences of an account that were due in a minute (since 1970) ended, for a day or two.
CREATE TABLE rollup_minute (
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    minute     BIGINT NOT NULL,
    succeeded  BIGINT NOT NULL,
    failed     BIGINT NOT NULL, -- or lost
    missed     BIGINT NOT NULL,
    PRIMARY KEY (account_id, minute)
);
