-- +goose Up

-- Followers of an account's events read what becomes of its messages, too. 0 is none. That a message is being sent is left out.
ALTER TABLE job_change ADD COLUMN message_id INTEGER NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE TRIGGER message_made AFTER INSERT ON message BEGIN
    INSERT INTO job_change (account_id, job_id, message_id, kind, changed_at)
    VALUES (NEW.account_id, 0, NEW.id, 31 + NEW.state, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER message_changed AFTER UPDATE OF state ON message
WHEN NEW.state <> OLD.state AND NEW.state <> 1 BEGIN
    INSERT INTO job_change (account_id, job_id, message_id, kind, changed_at)
    VALUES (NEW.account_id, 0, NEW.id, 31 + NEW.state, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd
