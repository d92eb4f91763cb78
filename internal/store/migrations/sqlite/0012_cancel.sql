-- +goose Up

-- An action that was cancelled ends with its next step.
ALTER TABLE action ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
