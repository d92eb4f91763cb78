-- +goose Up

-- Channels: the ways by which an account is told.
CREATE TABLE channel (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id      INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,                 -- a name of notify.Kinds
    title           TEXT NOT NULL,
    enabled         INTEGER NOT NULL,
    is_default      INTEGER NOT NULL DEFAULT 0,
    sealed          BLOB,                           -- settings and headers as JSON; NULL for none
    options         TEXT NOT NULL DEFAULT '',      -- rules, template, language, quiet hours and reminder as JSON
    muted_until     INTEGER NOT NULL DEFAULT 0,        -- -1 is for good
    confirmed       INTEGER NOT NULL,
    stopped         INTEGER NOT NULL DEFAULT 0,        -- a ChannelFault
    failures        INTEGER NOT NULL DEFAULT 0,        -- in a row
    last_sent_at    INTEGER NOT NULL DEFAULT 0,
    last_failed_at  INTEGER NOT NULL DEFAULT 0,
    last_fault      INTEGER NOT NULL DEFAULT 0,
    last_detail     TEXT NOT NULL DEFAULT '',
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    created_person  INTEGER NOT NULL DEFAULT 0,        -- 0 is none, as in the other ids of authors
    created_key     INTEGER NOT NULL DEFAULT 0,
    created_by      TEXT NOT NULL DEFAULT '',
    created_way     TEXT NOT NULL DEFAULT '',
    updated_person  INTEGER NOT NULL DEFAULT 0,
    updated_key     INTEGER NOT NULL DEFAULT 0,
    updated_by      TEXT NOT NULL DEFAULT '',
    updated_way     TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX channel_account ON channel (account_id, id);

-- Every account begins with one: its owners are told by e-mail.
INSERT INTO channel (account_id, kind, title, is_default, enabled, confirmed, created_at, updated_at)
SELECT id, 'owners', '', 1, 1, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM account ORDER BY id;

-- What the account is told about a job: NULL leaves the channels to the account, otherwise their ids as JSON.
ALTER TABLE job_about ADD COLUMN channel_ids TEXT;

-- When the job began to fail, and what somebody was told of it: 1 the failure, 2 the recovery too, by a manual execution. Both are
-- NULL while there is nothing to say. A save of the job leaves them, a success of the schedule ends them.
ALTER TABLE job_state ADD COLUMN failing_since INTEGER;
ALTER TABLE job_state ADD COLUMN told INTEGER;

-- Notices become messages to channels, and are unrouted until then. A notice that no message tells has the reason in untold: 1 the job
-- names no channels, 2 no channel takes it. snapshot is the rest of what a notice says, as JSON.
ALTER TABLE outbox ADD COLUMN unrouted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN problem_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN snapshot TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_unrouted ON outbox (account_id, id) WHERE unrouted;
CREATE INDEX outbox_job ON outbox (job_id, id);

-- Messages: what one channel is sent, made of notices. A channel that is deleted leaves its messages.
CREATE TABLE message (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    channel_id   INTEGER NOT NULL,
    recipient    TEXT NOT NULL DEFAULT '',
    language     TEXT NOT NULL DEFAULT '',
    state        INTEGER NOT NULL DEFAULT 0,  -- 0 waiting, 1 sending, 2 sent, 3 failed, 4 dropped
    kind         INTEGER NOT NULL,            -- of its gravest notice
    problem_id   INTEGER NOT NULL DEFAULT 0,
    notices      INTEGER NOT NULL DEFAULT 0,  -- how many it tells
    created_at   INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    node         INTEGER NOT NULL DEFAULT 0,  -- the epoch that sends it
    tried_at     INTEGER NOT NULL DEFAULT 0,  -- when the first attempt began
    claimed_at   INTEGER NOT NULL DEFAULT 0,  -- when the last one did
    ended_at     INTEGER NOT NULL DEFAULT 0,
    dropped      INTEGER NOT NULL DEFAULT 0,
    fault        INTEGER NOT NULL DEFAULT 0,  -- of the last attempt
    detail       TEXT NOT NULL DEFAULT '',
    took_us      INTEGER NOT NULL DEFAULT 0,
    link_used_at INTEGER NOT NULL DEFAULT 0   -- when its link to acknowledge or snooze was used
) STRICT;
CREATE INDEX message_due ON message (due_at, id) WHERE state = 0;
CREATE INDEX message_waiting ON message (account_id, id) WHERE state = 0;
CREATE INDEX message_sending ON message (node, id) WHERE state = 1;
CREATE INDEX message_open ON message (channel_id, problem_id, id) WHERE state < 2;
CREATE INDEX message_account ON message (account_id, id);
CREATE INDEX message_channel ON message (channel_id, id);
CREATE INDEX message_ended ON message (ended_at, id) WHERE state >= 2;

-- The notices of a message.
CREATE TABLE message_notice (
    message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    outbox_id  INTEGER NOT NULL,
    listed     INTEGER NOT NULL, -- it is among those that the message says all of
    PRIMARY KEY (message_id, outbox_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_notice_outbox ON message_notice (outbox_id);
