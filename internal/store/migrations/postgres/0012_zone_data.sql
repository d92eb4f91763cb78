-- +goose Up

-- The time zone data that jobs are planned by, one row.
CREATE TABLE zone_data (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    release    TEXT  NOT NULL,
    version    TEXT  NOT NULL,
    data       BYTEA NOT NULL,
    planned_to BIGINT -- jobs with greater ids are still to be planned by them; NULL when none are
);

ALTER TABLE node ADD COLUMN zone_version TEXT NOT NULL DEFAULT ''; -- by which the node has to plan
