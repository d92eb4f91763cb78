-- +goose Up

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    email      TEXT    NOT NULL UNIQUE,
    plan       TEXT    NOT NULL,
    disabled   INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_key (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT    NOT NULL,
    hash       BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX api_key_account ON api_key (account_id);

-- The definition: written by edits only.
CREATE TABLE job (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id        INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    folder_id         INTEGER NOT NULL,
    type              INTEGER NOT NULL,
    enabled           INTEGER NOT NULL,
    title             TEXT    NOT NULL,
    save_responses    INTEGER NOT NULL,
    url               TEXT    NOT NULL,
    method            INTEGER NOT NULL,
    auth_enable       INTEGER NOT NULL,
    timeout           INTEGER NOT NULL,
    redirect_success  INTEGER NOT NULL,
    timezone          TEXT    NOT NULL,
    expires_at        INTEGER NOT NULL,
    seconds           INTEGER NOT NULL,
    minutes           INTEGER NOT NULL,
    hours             INTEGER NOT NULL,
    mdays             INTEGER NOT NULL,
    months            INTEGER NOT NULL,
    wdays             INTEGER NOT NULL,
    dst               INTEGER NOT NULL,
    on_failure        INTEGER NOT NULL,
    on_failure_count  INTEGER NOT NULL,
    on_success        INTEGER NOT NULL,
    on_disable        INTEGER NOT NULL,
    on_cert_expiry    INTEGER NOT NULL,
    cert_expiry_ahead INTEGER NOT NULL, -- seconds
    misfire           INTEGER NOT NULL,
    grace             INTEGER NOT NULL, -- seconds, below 0 is the default
    overlap           INTEGER NOT NULL,
    delivery          INTEGER NOT NULL,
    retry_count       INTEGER NOT NULL,
    retry_delay       INTEGER NOT NULL, -- seconds
    retry_factor      REAL NOT NULL,
    retry_ceiling     INTEGER NOT NULL, -- seconds
    secret            BLOB,             -- sealed: headers, body, user and password
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE INDEX job_account ON job (account_id);

-- What executions change, apart from the definition so that no wide row is rewritten.
CREATE TABLE job_state (
    job_id            INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    account_id        INTEGER NOT NULL,
    rank              INTEGER NOT NULL, -- the job's ordinal within its account
    next_run_at       INTEGER,          -- the occurrence that is due next
    look_at           INTEGER,          -- when a claim looks at it: later than next_run_at while its target has no room
    last_status       INTEGER NOT NULL DEFAULT 0,
    last_duration_us  INTEGER NOT NULL DEFAULT 0,
    last_execution_at INTEGER NOT NULL DEFAULT 0,
    cert_expiry_at    INTEGER NOT NULL DEFAULT 0,
    failures          INTEGER NOT NULL DEFAULT 0,
    counted_failures  INTEGER NOT NULL DEFAULT 0,
    cert_noticed_at   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX job_state_due ON job_state (look_at, rank, account_id) WHERE look_at IS NOT NULL;
CREATE INDEX job_state_rank ON job_state (account_id, rank);

-- Attempts that are due apart from the schedule: retries, repeats and executions that somebody asked for.
CREATE TABLE pending (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id     INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    rank       INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    look_at    INTEGER NOT NULL,
    planned_at INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    UNIQUE (job_id, planned_at, kind, attempt)
) STRICT;
CREATE INDEX pending_due ON pending (look_at, rank, account_id);

-- One row per start of a process.
CREATE TABLE node (
    epoch       INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    dead        INTEGER NOT NULL
) STRICT;

-- The ledger. No foreign key: deleting a job with a long history must not hold the writer.
CREATE TABLE execution (
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
    UNIQUE (job_id, planned_at, kind, attempt)
) STRICT;
CREATE INDEX execution_job ON execution (job_id, id);
CREATE INDEX execution_account ON execution (account_id, id);
CREATE INDEX execution_running ON execution (job_id, node) WHERE outcome = 0;

CREATE TABLE response (
    execution_id INTEGER PRIMARY KEY,
    planned_at   INTEGER NOT NULL,
    headers      BLOB,
    body         BLOB
) STRICT;

-- The outbox: what accounts are owed to hear, written with the result that it follows from.
CREATE TABLE notice (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    job_id       INTEGER NOT NULL,
    execution_id INTEGER NOT NULL,
    event        INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;
