-- +goose Up

-- No notices are written about a job before this instant; 0 for none.
ALTER TABLE job ADD COLUMN silenced_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_search ADD COLUMN silenced_until INTEGER NOT NULL DEFAULT 0;

-- The notice of the present failures was due while the job was silenced, and is written with the next failure that is not.
ALTER TABLE job_state ADD COLUMN failure_untold INTEGER NOT NULL DEFAULT 0;

-- The triggers of 0005_find.sql with one more column.
DROP TRIGGER job_found;
-- +goose StatementBegin
CREATE TRIGGER job_found AFTER INSERT ON job BEGIN
    INSERT INTO job_search (account_id, job_id, folded, title_key, host, changed_by, tag_keys, timezone, method, folder_id, enabled,
        paused_until, updated_at, silenced_until)
    VALUES (NEW.account_id, NEW.id, 0, lower(substr(NEW.title, 1, 64)), '', '', '', NEW.timezone, NEW.method, NEW.folder_id,
            NEW.enabled, NEW.paused_until, NEW.updated_at, NEW.silenced_until);
END;
-- +goose StatementEnd

DROP TRIGGER job_found_changed;
-- +goose StatementBegin
CREATE TRIGGER job_found_changed AFTER UPDATE OF title, url, timezone, method, folder_id, enabled, paused_until, silenced_until, updated_at
ON job BEGIN
    UPDATE job_search SET timezone = NEW.timezone, method = NEW.method, folder_id = NEW.folder_id, enabled = NEW.enabled,
        paused_until = NEW.paused_until, silenced_until = NEW.silenced_until, updated_at = NEW.updated_at,
        folded = folded AND NEW.title = OLD.title AND NEW.url = OLD.url
    WHERE account_id = NEW.account_id AND job_id = NEW.id;
END;
-- +goose StatementEnd

-- Maintenance windows: spans of time, once or by a schedule, in which some jobs of an account are paused or silenced. Whether an
-- instant lies in one is worked out from the definition. starts_at and ends_at only tell where nobody has to look.
CREATE TABLE maintenance (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT    NOT NULL,
    effect     INTEGER NOT NULL, -- 0 silence, 1 pause
    once_from  INTEGER NOT NULL, -- 0 for one by a schedule, as in the next one
    once_to    INTEGER NOT NULL,
    duration   INTEGER NOT NULL, -- seconds from each start of the schedule
    timezone   TEXT    NOT NULL, -- of the schedule, as the next ten, which are those of a job
    expires_at INTEGER NOT NULL,
    seconds    INTEGER NOT NULL,
    minutes    INTEGER NOT NULL,
    hours      INTEGER NOT NULL,
    mdays      INTEGER NOT NULL,
    months     INTEGER NOT NULL,
    wdays      INTEGER NOT NULL,
    days       INTEGER NOT NULL,
    last_day   INTEGER NOT NULL,
    dst        INTEGER NOT NULL,
    job_ids    TEXT    NOT NULL, -- as JSON; empty is none, and all jobs where the next two are empty, too
    folder_ids TEXT    NOT NULL,
    tags       TEXT    NOT NULL,
    starts_at  INTEGER NOT NULL, -- the current span or the next one; the last one when it is over
    ends_at    INTEGER NOT NULL,
    over       INTEGER NOT NULL, -- it has no further span
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT    NOT NULL
) STRICT;
CREATE INDEX maintenance_account ON maintenance (account_id, id);
CREATE INDEX maintenance_ends ON maintenance (ends_at) WHERE NOT over;
CREATE INDEX maintenance_over ON maintenance (ends_at) WHERE over;

-- The earliest start of a span of its windows that has not ended; NULL without windows, and far in the future when all are over.
ALTER TABLE account ADD COLUMN maintenance_from INTEGER;
