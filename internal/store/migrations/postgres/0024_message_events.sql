-- +goose Up

-- Followers of an account's events read what becomes of its messages, too. 0 is none. That a message is being sent is left out.
ALTER TABLE job_change ADD COLUMN message_id BIGINT NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE FUNCTION note_message_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_change (account_id, job_id, message_id, kind, changed_at)
    VALUES (NEW.account_id, 0, NEW.id, 31 + NEW.state, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER message_made AFTER INSERT ON message FOR EACH ROW EXECUTE FUNCTION note_message_change();
CREATE TRIGGER message_changed AFTER UPDATE OF state ON message FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND NEW.state <> 1)
    EXECUTE FUNCTION note_message_change();
