-- +goose Up

-- The time zone data that jobs are planned by, one row.
CREATE TABLE zone_data (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    release    TEXT NOT NULL,
    version    TEXT NOT NULL,
    data       BLOB NOT NULL,
    planned_to INTEGER -- jobs with greater ids are still to be planned by them; NULL when none are
) STRICT;

ALTER TABLE node ADD COLUMN zone_version TEXT NOT NULL DEFAULT ''; -- by which the node has to plan
