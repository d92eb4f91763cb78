-- +goose Up

-- An action that was cancelled ends with its next step.
ALTER TABLE action ADD COLUMN cancelled boolean NOT NULL DEFAULT false;
