-- +goose Up

-- No notices are written about a job before this instant; 0 for none.
ALTER TABLE job ADD COLUMN silenced_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job_search ADD COLUMN silenced_until BIGINT NOT NULL DEFAULT 0;

-- The notice of the present failures was due while the job was silenced, and is written with the next failure that is not.
ALTER TABLE job_state ADD COLUMN failure_untold BOOLEAN NOT NULL DEFAULT false;

-- The function of 0005_find.sql with one more column.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION find_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO job_search (account_id, job_id, folded, title_key, host, changed_by, tag_keys, timezone, method, folder_id, enabled,
            paused_until, updated_at, silenced_until)
        VALUES (NEW.account_id, NEW.id, false, lower(left(NEW.title, 64) COLLATE "C"), '', '', '', NEW.timezone, NEW.method, NEW.folder_id,
                NEW.enabled, NEW.paused_until, NEW.updated_at, NEW.silenced_until);
    ELSIF TG_OP = 'UPDATE' THEN
        IF (OLD.title, OLD.url, OLD.timezone, OLD.method, OLD.folder_id, OLD.enabled, OLD.paused_until, OLD.silenced_until, OLD.updated_at)
            IS NOT DISTINCT FROM
            (NEW.title, NEW.url, NEW.timezone, NEW.method, NEW.folder_id, NEW.enabled, NEW.paused_until, NEW.silenced_until, NEW.updated_at) THEN
            RETURN NULL;
        END IF;
        UPDATE job_search SET timezone = NEW.timezone, method = NEW.method, folder_id = NEW.folder_id, enabled = NEW.enabled,
            paused_until = NEW.paused_until, silenced_until = NEW.silenced_until, updated_at = NEW.updated_at,
            folded = folded AND NEW.title = OLD.title AND NEW.url = OLD.url
        WHERE account_id = NEW.account_id AND job_id = NEW.id;
    ELSE
        DELETE FROM job_search WHERE account_id = OLD.account_id AND job_id = OLD.id;
        DELETE FROM job_text WHERE job_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Maintenance windows: spans of time, once or by a schedule, in which some jobs of an account are paused or silenced. Whether an
-- instant lies in one is worked out from the definition. starts_at and ends_at only tell where nobody has to look.
CREATE TABLE maintenance (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT     NOT NULL,
    effect     SMALLINT NOT NULL, -- 0 silence, 1 pause
    once_from  BIGINT   NOT NULL, -- 0 for one by a schedule, as in the next one
    once_to    BIGINT   NOT NULL,
    duration   BIGINT   NOT NULL, -- seconds from each start of the schedule
    timezone   TEXT     NOT NULL, -- of the schedule, as the next ten, which are those of a job
    expires_at BIGINT   NOT NULL,
    seconds    BIGINT   NOT NULL,
    minutes    BIGINT   NOT NULL,
    hours      BIGINT   NOT NULL,
    mdays      BIGINT   NOT NULL,
    months     BIGINT   NOT NULL,
    wdays      BIGINT   NOT NULL,
    days       SMALLINT NOT NULL,
    last_day   BOOLEAN  NOT NULL,
    dst        SMALLINT NOT NULL,
    job_ids    TEXT     NOT NULL, -- as JSON; empty is none, and all jobs where the next two are empty, too
    folder_ids TEXT     NOT NULL,
    tags       TEXT     NOT NULL,
    starts_at  BIGINT   NOT NULL, -- the current span or the next one; the last one when it is over
    ends_at    BIGINT   NOT NULL,
    over       BOOLEAN  NOT NULL, -- it has no further span
    created_at BIGINT   NOT NULL,
    updated_at BIGINT   NOT NULL,
    updated_by TEXT     NOT NULL
);
CREATE INDEX maintenance_account ON maintenance (account_id, id);
CREATE INDEX maintenance_ends ON maintenance (ends_at) WHERE NOT over;
CREATE INDEX maintenance_over ON maintenance (ends_at) WHERE over;

-- The earliest start of a span of its windows that has not ended; NULL without windows, and far in the future when all are over.
ALTER TABLE account ADD COLUMN maintenance_from BIGINT;
