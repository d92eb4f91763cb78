-- +goose Up

-- Who asked for a manual execution. From now on the table has those that repeat no record, too: their record_id is 0.
ALTER TABLE rerun ADD COLUMN person_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rerun ADD COLUMN key_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rerun ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE rerun ADD COLUMN way TEXT NOT NULL DEFAULT '';
