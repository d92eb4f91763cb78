-- +goose Up

-- Every statement that changes the definition of a job makes its version another one: an edit that was worked out for an
-- older version is not written.
ALTER TABLE job ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
