-- +goose Up

-- Who is told of incidents and maintenances of a status page.
CREATE TABLE status_subscriber (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    page_id       INTEGER NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    account_id    INTEGER NOT NULL,
    kind          INTEGER NOT NULL,              -- 0 mail, 1 webhook
    hash          BLOB NOT NULL,              -- of kind and address, with a key that is derived from the secret of the service
    sealed        BLOB NOT NULL,              -- the address, and the secret of a webhook, as JSON
    component_ids TEXT NOT NULL,             -- as JSON; empty is all
    language      TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,              -- 0 once it is confirmed
    confirmed_at  INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER NOT NULL DEFAULT 0,
    UNIQUE (page_id, hash)
) STRICT;
CREATE INDEX status_subscriber_page ON status_subscriber (page_id, id);
CREATE INDEX status_subscriber_expires ON status_subscriber (expires_at) WHERE expires_at <> 0;

-- What subscribers of a page are told, as it was. It is deleted when all deliveries have ended.
CREATE TABLE status_notice (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    page_id       INTEGER NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    account_id    INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    object_id     INTEGER NOT NULL,              -- the incident or the maintenance
    title         TEXT NOT NULL,
    body          TEXT NOT NULL,             -- Markdown
    phase         INTEGER NOT NULL,
    starts_at     INTEGER NOT NULL,
    ends_at       INTEGER NOT NULL,
    component_ids TEXT NOT NULL,             -- as JSON; empty concerns all
    created_at    INTEGER NOT NULL,
    served_at     INTEGER NOT NULL DEFAULT 0,    -- when deliveries were made last, so that notices take turns
    last_id       INTEGER NOT NULL DEFAULT 0,    -- subscribers up to that one have their deliveries
    complete      INTEGER NOT NULL DEFAULT 0 -- all have
) STRICT;
CREATE INDEX status_notice_page ON status_notice (page_id);
CREATE INDEX status_notice_open ON status_notice (served_at, id) WHERE NOT complete;

-- A notice to one subscriber that waits; without a notice, a request to a webhook to confirm itself.
CREATE TABLE status_delivery (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    notice_id     INTEGER REFERENCES status_notice (id) ON DELETE CASCADE,
    subscriber_id INTEGER NOT NULL REFERENCES status_subscriber (id) ON DELETE CASCADE,
    account_id    INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,              -- the next attempt; while there is one, when it counts as lost
    sending       INTEGER NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (notice_id, subscriber_id)
) STRICT;
CREATE INDEX status_delivery_due ON status_delivery (account_id, due_at, id);
CREATE INDEX status_delivery_subscriber ON status_delivery (subscriber_id, id);
CREATE INDEX status_delivery_sending ON status_delivery (account_id) WHERE sending;

-- When subscribers are reminded of a maintenance that is to come; 0 is never.
ALTER TABLE maintenance ADD COLUMN remind_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX maintenance_remind ON maintenance (remind_at) WHERE remind_at <> 0;
UPDATE maintenance SET remind_at = 1 WHERE page_id IS NOT NULL AND NOT over; -- 1 has it worked out
