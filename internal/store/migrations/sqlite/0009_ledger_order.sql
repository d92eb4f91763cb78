-- +goose Up

-- The key of the ledger in the order of time, so that a herd's records are written side by side and not each to a page of
-- its own, which made every claim write more the longer the ledger was.
CREATE TABLE execution_new (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id       INTEGER NOT NULL,
    job_id           INTEGER NOT NULL,
    planned_at       INTEGER NOT NULL,
    kind             INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    node             INTEGER NOT NULL,
    outcome          INTEGER NOT NULL,
    started_at       INTEGER NOT NULL, -- the claim's instant until the result is known
    status           INTEGER NOT NULL DEFAULT 0,
    http_status      INTEGER NOT NULL DEFAULT 0,
    fault            INTEGER NOT NULL DEFAULT 0,
    reason           TEXT    NOT NULL DEFAULT '',
    detail           TEXT    NOT NULL DEFAULT '',
    url              TEXT    NOT NULL DEFAULT '',
    lookup_us        INTEGER NOT NULL DEFAULT 0,
    connect_us       INTEGER NOT NULL DEFAULT 0,
    app_connect_us   INTEGER NOT NULL DEFAULT 0,
    pre_transfer_us  INTEGER NOT NULL DEFAULT 0,
    start_transfer_us INTEGER NOT NULL DEFAULT 0,
    total_us         INTEGER NOT NULL DEFAULT 0,
    cert_expiry_at   INTEGER NOT NULL DEFAULT 0,
    lateness_us      INTEGER NOT NULL DEFAULT 0,
    last_at           INTEGER NOT NULL DEFAULT 0, -- of a record that covers several occurrences
    covered           INTEGER NOT NULL DEFAULT 0, -- how many those are
    at_least          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (planned_at, job_id, kind, attempt)
) STRICT;
INSERT INTO execution_new SELECT * FROM execution;
-- No id is given away twice, even when the last ones have been deleted.
INSERT INTO sqlite_sequence (name, seq) SELECT 'execution_new', 0
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'execution_new');
UPDATE sqlite_sequence SET seq = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'execution'), 0)
    WHERE name = 'execution_new';
DROP TABLE execution;
ALTER TABLE execution_new RENAME TO execution;
CREATE INDEX execution_job ON execution (job_id, id);
CREATE INDEX execution_account ON execution (account_id, id);
CREATE INDEX execution_running ON execution (job_id, node) WHERE outcome = 0;
