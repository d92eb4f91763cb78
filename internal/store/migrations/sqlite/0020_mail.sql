-- +goose Up

-- Mails to persons that wait. One is gone when a server has taken it, or when nobody can use it any more.
CREATE TABLE mail (
    id          TEXT PRIMARY KEY,             -- random; it makes the Message-ID
    stranger    INTEGER NOT NULL,             -- somebody without a session asked for it
    sealed      BLOB NOT NULL,                -- to whom it is and what it says, as JSON
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,             -- the next attempt; while there is one, when it counts as lost
    attempts    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX mail_due ON mail (due_at);
CREATE INDEX mail_stranger ON mail (stranger);
