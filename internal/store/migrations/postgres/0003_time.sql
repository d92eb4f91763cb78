-- +goose Up

-- When a job is due, besides its schedule.
ALTER TABLE job
    ADD COLUMN run_at       BIGINT  NOT NULL DEFAULT 0,     -- the instant of a one-time job
    ADD COLUMN spent        BOOLEAN NOT NULL DEFAULT false, -- disabled by its occurrence, as a one-time job
    ADD COLUMN spread       BIGINT  NOT NULL DEFAULT 0,     -- seconds
    ADD COLUMN paused_until BIGINT  NOT NULL DEFAULT 0,
    ADD COLUMN pause_note   TEXT    NOT NULL DEFAULT '';
