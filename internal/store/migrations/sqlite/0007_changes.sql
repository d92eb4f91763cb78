-- +goose Up

-- What was done to jobs, for those who follow the events of an account. Rows go with the upkeep, not with the account.
CREATE TABLE job_change (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    job_id     INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX job_change_account ON job_change (account_id, id);

-- Triggers, so that no statement that changes a job can forget to say so. An edit sets updated_at; what disables a job
-- without it is the service.

-- +goose StatementBegin
CREATE TRIGGER job_created AFTER INSERT ON job BEGIN
    INSERT INTO job_change (account_id, job_id, kind, changed_at)
    VALUES (NEW.account_id, NEW.id, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER job_changed AFTER UPDATE OF enabled, folder_id, updated_at ON job BEGIN
    INSERT INTO job_change (account_id, job_id, kind, changed_at)
    VALUES (NEW.account_id, NEW.id, CASE WHEN OLD.enabled AND NOT NEW.enabled AND OLD.updated_at = NEW.updated_at
                                         THEN 4 ELSE 2 END, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER job_deleted AFTER DELETE ON job BEGIN
    INSERT INTO job_change (account_id, job_id, kind, changed_at)
    VALUES (OLD.account_id, OLD.id, 3, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd
