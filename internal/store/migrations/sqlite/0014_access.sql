-- +goose Up

-- Which addresses the jobs of an account may call: 0 private networks too, 1 global addresses only.
ALTER TABLE account ADD COLUMN access INTEGER NOT NULL DEFAULT 0;
