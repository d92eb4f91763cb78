-- +goose Up

-- What was done to jobs, for those who follow the events of an account. Rows go with the upkeep, not with the account.
CREATE SEQUENCE job_change_id;
CREATE TABLE job_change (
    id         BIGINT   NOT NULL DEFAULT nextval('job_change_id') PRIMARY KEY,
    account_id BIGINT   NOT NULL,
    job_id     BIGINT   NOT NULL,
    kind       SMALLINT NOT NULL,
    changed_at BIGINT   NOT NULL
);
CREATE INDEX job_change_account ON job_change (account_id, id);

-- A trigger, so that no statement that changes a job can forget to say so. An edit sets updated_at; what disables a job
-- without it is the service.

-- +goose StatementBegin
CREATE FUNCTION note_job_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed job%ROWTYPE;
    kind    SMALLINT := 2;
BEGIN
    IF TG_OP = 'DELETE' THEN
        changed := OLD;
        kind := 3;
    ELSE
        changed := NEW;
        IF TG_OP = 'INSERT' THEN
            kind := 1;
        ELSIF OLD.enabled AND NOT NEW.enabled AND OLD.updated_at = NEW.updated_at THEN
            kind := 4;
        END IF;
    END IF;
    INSERT INTO job_change (account_id, job_id, kind, changed_at)
    VALUES (changed.account_id, changed.id, kind, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER job_changed AFTER INSERT OR UPDATE OF enabled, folder_id, updated_at OR DELETE ON job
    FOR EACH ROW EXECUTE FUNCTION note_job_change();
