-- +goose Up

-- Channels: the ways by which an account is told.
CREATE TABLE channel (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id      BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,                 -- a name of notify.Kinds
    title           TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL,
    is_default      BOOLEAN NOT NULL DEFAULT false,
    sealed          BYTEA,                           -- settings and headers as JSON; NULL for none
    options         TEXT NOT NULL DEFAULT '',      -- rules, template, language, quiet hours and reminder as JSON
    muted_until     BIGINT NOT NULL DEFAULT 0,        -- -1 is for good
    confirmed       BOOLEAN NOT NULL,
    stopped         SMALLINT NOT NULL DEFAULT 0,        -- a ChannelFault
    failures        BIGINT NOT NULL DEFAULT 0,        -- in a row
    last_sent_at    BIGINT NOT NULL DEFAULT 0,
    last_failed_at  BIGINT NOT NULL DEFAULT 0,
    last_fault      SMALLINT NOT NULL DEFAULT 0,
    last_detail     TEXT NOT NULL DEFAULT '',
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    created_person  BIGINT NOT NULL DEFAULT 0,        -- 0 is none, as in the other ids of authors
    created_key     BIGINT NOT NULL DEFAULT 0,
    created_by      TEXT NOT NULL DEFAULT '',
    created_way     TEXT NOT NULL DEFAULT '',
    updated_person  BIGINT NOT NULL DEFAULT 0,
    updated_key     BIGINT NOT NULL DEFAULT 0,
    updated_by      TEXT NOT NULL DEFAULT '',
    updated_way     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX channel_account ON channel (account_id, id);

-- Every account begins with one: its owners are told by e-mail.
INSERT INTO channel (account_id, kind, title, is_default, enabled, confirmed, created_at, updated_at)
SELECT id, 'owners', '', true, true, true, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM account ORDER BY id;

-- What the account is told about a job: NULL leaves the channels to the account, otherwise their ids as JSON.
ALTER TABLE job_about ADD COLUMN channel_ids TEXT;

-- When the job began to fail, and what somebody was told of it: 1 the failure, 2 the recovery too, by a manual execution. Both are
-- NULL while there is nothing to say. A save of the job leaves them, a success of the schedule ends them.
ALTER TABLE job_state ADD COLUMN failing_since BIGINT;
ALTER TABLE job_state ADD COLUMN told SMALLINT;

-- Notices become messages to channels, and are unrouted until then. A notice that no message tells has the reason in untold: 1 the job
-- names no channels, 2 no channel takes it. snapshot is the rest of what a notice says, as JSON.
ALTER TABLE outbox ADD COLUMN unrouted BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE outbox ADD COLUMN untold SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN problem_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN snapshot TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_unrouted ON outbox (account_id, id) WHERE unrouted;
CREATE INDEX outbox_job ON outbox (job_id, id);

-- Messages: what one channel is sent, made of notices. A channel that is deleted leaves its messages.
CREATE TABLE message (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    channel_id   BIGINT NOT NULL,
    recipient    TEXT NOT NULL DEFAULT '',
    language     TEXT NOT NULL DEFAULT '',
    state        SMALLINT NOT NULL DEFAULT 0,  -- 0 waiting, 1 sending, 2 sent, 3 failed, 4 dropped
    kind         SMALLINT NOT NULL,            -- of its gravest notice
    problem_id   BIGINT NOT NULL DEFAULT 0,
    notices      BIGINT NOT NULL DEFAULT 0,  -- how many it tells
    created_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    node         BIGINT NOT NULL DEFAULT 0,  -- the epoch that sends it
    tried_at     BIGINT NOT NULL DEFAULT 0,  -- when the first attempt began
    claimed_at   BIGINT NOT NULL DEFAULT 0,  -- when the last one did
    ended_at     BIGINT NOT NULL DEFAULT 0,
    dropped      SMALLINT NOT NULL DEFAULT 0,
    fault        SMALLINT NOT NULL DEFAULT 0,  -- of the last attempt
    detail       TEXT NOT NULL DEFAULT '',
    took_us      BIGINT NOT NULL DEFAULT 0,
    link_used_at BIGINT NOT NULL DEFAULT 0   -- when its link to acknowledge or snooze was used
);
CREATE INDEX message_due ON message (due_at, id) WHERE state = 0;
CREATE INDEX message_waiting ON message (account_id, id) WHERE state = 0;
CREATE INDEX message_sending ON message (node, id) WHERE state = 1;
CREATE INDEX message_open ON message (channel_id, problem_id, id) WHERE state < 2;
CREATE INDEX message_account ON message (account_id, id);
CREATE INDEX message_channel ON message (channel_id, id);
CREATE INDEX message_ended ON message (ended_at, id) WHERE state >= 2;

-- The notices of a message.
CREATE TABLE message_notice (
    message_id BIGINT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    outbox_id  BIGINT NOT NULL,
    listed     BOOLEAN NOT NULL, -- it is among those that the message says all of
    PRIMARY KEY (message_id, outbox_id)
);
CREATE INDEX message_notice_outbox ON message_notice (outbox_id);
