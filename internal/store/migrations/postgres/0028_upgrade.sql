-- +goose Up

-- The version of the schema that the program of a node knows. Nodes of former versions leave the default.
ALTER TABLE node ADD COLUMN schema_version BIGINT NOT NULL DEFAULT 0;

-- What one node at a time does for all of them, and until when it does so unless it says otherwise.
CREATE TABLE duty (
    name       TEXT   PRIMARY KEY,
    epoch      BIGINT NOT NULL, -- of the node
    held_until BIGINT NOT NULL
);
