-- +goose Up

-- How the day of month and the day of week combine (0 either, 1 both), and whether the last day of each month is added.
ALTER TABLE job ADD COLUMN days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN last_day INTEGER NOT NULL DEFAULT 0;
