-- +goose Up

-- When a job is due, besides its schedule.
ALTER TABLE job ADD COLUMN run_at INTEGER NOT NULL DEFAULT 0;       -- the instant of a one-time job
ALTER TABLE job ADD COLUMN spent INTEGER NOT NULL DEFAULT 0;        -- disabled by its occurrence, as a one-time job
ALTER TABLE job ADD COLUMN spread INTEGER NOT NULL DEFAULT 0;       -- seconds
ALTER TABLE job ADD COLUMN paused_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN pause_note TEXT NOT NULL DEFAULT '';
