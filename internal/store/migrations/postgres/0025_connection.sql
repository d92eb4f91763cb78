-- +goose Up

-- Over which connection an execution sends its request: 0 a new one, 1 one that another execution has left open.
ALTER TABLE job ADD COLUMN connection SMALLINT NOT NULL DEFAULT 0;
