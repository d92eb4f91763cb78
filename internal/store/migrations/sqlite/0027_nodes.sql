-- +goose Up

-- What a node says of itself: at its start and, where nodes have leases, with each heartbeat.
ALTER TABLE node ADD COLUMN role            TEXT    NOT NULL DEFAULT ''; -- all when empty
ALTER TABLE node ADD COLUMN version         TEXT    NOT NULL DEFAULT '';
ALTER TABLE node ADD COLUMN addresses       TEXT    NOT NULL DEFAULT ''; -- that its executions come from, separated by commas
ALTER TABLE node ADD COLUMN draining        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN heartbeat_at    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN clock_offset_ms INTEGER NOT NULL DEFAULT 0; -- its clock less that of the database
ALTER TABLE node ADD COLUMN in_flight       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN lateness_ms     INTEGER NOT NULL DEFAULT 0; -- the highest of the last minute
