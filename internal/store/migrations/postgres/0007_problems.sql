-- +goose Up

-- Problems: failures of an account that share a cause, one row for each cause however often it comes back. The rows that are not
-- resolved are those that a row of job_state names, until somebody resolves one by hand.
CREATE TABLE problem (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id      BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    cause           BIGINT   NOT NULL,            -- a fingerprint
    kind            SMALLINT NOT NULL,            -- 1 failed, 2 lost, 3 missed, 4 late
    job_id          BIGINT   NOT NULL,            -- of a kind that has a problem for each job; 0 for failures
    state           SMALLINT NOT NULL DEFAULT 0,  -- 0 open, 1 acknowledged, 2 snoozed, 3 resolved
    example         TEXT     NOT NULL,            -- the failure that opened it, as JSON
    first_execution BIGINT   NOT NULL,            -- the id of its record
    opened_at       BIGINT   NOT NULL,
    last_at         BIGINT   NOT NULL,            -- the latest failure of a job that has left it
    reopened        BIGINT   NOT NULL DEFAULT 0,  -- how often it was resolved and came back
    note            TEXT     NOT NULL DEFAULT '',
    acted_by        TEXT     NOT NULL DEFAULT '', -- who changed state or note last; empty for the service
    acted_at        BIGINT   NOT NULL DEFAULT 0,
    snoozed_until   BIGINT   NOT NULL DEFAULT 0,
    resolved_at     BIGINT   NOT NULL DEFAULT 0,
    UNIQUE (account_id, cause)
);
CREATE INDEX problem_opened ON problem (account_id, opened_at, id);
CREATE INDEX problem_unresolved ON problem (account_id) WHERE state <> 3;
CREATE INDEX problem_resolved ON problem (resolved_at) WHERE state = 3;

-- The problem that the latest results of a job are part of; NULL after a success. A save of the job leaves it.
ALTER TABLE job_state ADD COLUMN problem_id BIGINT;
CREATE INDEX job_state_problem ON job_state (problem_id, job_id) WHERE problem_id IS NOT NULL;

-- A success that begins later than this many seconds opens a problem; 0 is off.
ALTER TABLE job ADD COLUMN late_after BIGINT NOT NULL DEFAULT 0;

-- Followers of an account's events read changes of problems, too. 0 is none: the row is about a job.
ALTER TABLE job_change ADD COLUMN problem_id BIGINT NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE FUNCTION note_problem_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kind SMALLINT := 11;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state = NEW.state AND OLD.note <> NEW.note THEN
            kind := 15;
        ELSE
            kind := 11 + NEW.state;
        END IF;
    END IF;
    INSERT INTO job_change (account_id, job_id, problem_id, kind, changed_at)
    VALUES (NEW.account_id, 0, NEW.id, kind, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER problem_opened AFTER INSERT ON problem FOR EACH ROW EXECUTE FUNCTION note_problem_change();
CREATE TRIGGER problem_changed AFTER UPDATE OF state, note, snoozed_until ON problem FOR EACH ROW
    WHEN (OLD.state <> NEW.state OR OLD.note <> NEW.note OR OLD.snoozed_until <> NEW.snoozed_until)
    EXECUTE FUNCTION note_problem_change();
