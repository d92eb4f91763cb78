-- +goose Up

-- What a node says of itself: at its start, and with each heartbeat. Nodes of former versions leave the defaults.
ALTER TABLE node
    ADD COLUMN role            TEXT    NOT NULL DEFAULT '', -- all when empty
    ADD COLUMN version         TEXT    NOT NULL DEFAULT '',
    ADD COLUMN addresses       TEXT    NOT NULL DEFAULT '', -- that its executions come from, separated by commas
    ADD COLUMN draining        BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN heartbeat_at    BIGINT  NOT NULL DEFAULT 0,
    ADD COLUMN clock_offset_ms BIGINT  NOT NULL DEFAULT 0, -- its clock less that of the database
    ADD COLUMN in_flight       INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN lateness_ms     BIGINT  NOT NULL DEFAULT 0; -- the highest of the last minute
