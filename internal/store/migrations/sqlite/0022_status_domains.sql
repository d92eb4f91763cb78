-- +goose Up

-- Hosts at which status pages are shown. Several accounts may ask for one; who proved that it is theirs holds it.
CREATE TABLE status_domain (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    page_id     INTEGER NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    host        TEXT NOT NULL,              -- lower case, internationalized names in their ASCII form
    held_at     INTEGER NOT NULL DEFAULT 0, -- since when the account holds it; 0 if it does not
    missing_at  INTEGER NOT NULL DEFAULT 0, -- since when the proof of one that is held is missing; 0 when it is there
    checked_at  INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL,           -- the next check; 0 for none
    fault       INTEGER NOT NULL DEFAULT 0, -- what the last check found
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    UNIQUE (account_id, host)
) STRICT;
CREATE UNIQUE INDEX status_domain_held ON status_domain (host) WHERE held_at <> 0;
CREATE INDEX status_domain_page ON status_domain (page_id);
CREATE INDEX status_domain_due ON status_domain (due_at) WHERE due_at <> 0;

-- A number that grows with each change of which page is shown at which host.
CREATE TABLE status_domain_set (
    id       INTEGER NOT NULL PRIMARY KEY, -- 1
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO status_domain_set (id, revision) VALUES (1, 1);
