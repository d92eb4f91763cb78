-- +goose Up

-- Instants are milliseconds since 1970, and 0 is none unless a column can be NULL. The other database has the same tables
-- and columns: a test compares them.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    email      TEXT    NOT NULL UNIQUE,
    plan       TEXT    NOT NULL,
    overrides  TEXT    NOT NULL DEFAULT '', -- numbers of the plan that differ, as JSON
    access     INTEGER NOT NULL DEFAULT 0,  -- which addresses jobs may call: 0 private networks too, 1 global ones only
    disabled   INTEGER NOT NULL,
    enabled_at INTEGER NOT NULL DEFAULT 0,  -- when it was enabled after it had been disabled
    last_rank  INTEGER NOT NULL DEFAULT 0,  -- the rank of the newest job
    created_at INTEGER NOT NULL
) STRICT;

-- What an account adds to TLS, in PEM.
CREATE TABLE account_tls (
    account_id  INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    roots       TEXT    NOT NULL,
    certificate TEXT    NOT NULL,
    sealed_key  BLOB -- the private key of the certificate
) STRICT;

CREATE TABLE api_key (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title        TEXT    NOT NULL,
    hash         BLOB    NOT NULL UNIQUE,
    hint         TEXT    NOT NULL,          -- the last characters of the key
    disabled     INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    scopes       INTEGER NOT NULL,
    allow_from   TEXT    NOT NULL,          -- prefixes, separated by commas; empty is any
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL DEFAULT 0 -- to the hour
) STRICT;
CREATE INDEX api_key_account ON api_key (account_id);

-- Titles are unique in the account, ignoring case: title_key is the title folded.
CREATE TABLE folder (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT    NOT NULL,
    title_key  TEXT    NOT NULL,
    UNIQUE (account_id, title_key)
) STRICT;

-- The definition: written by edits only.
CREATE TABLE job (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id        INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    version           INTEGER NOT NULL DEFAULT 1, -- another one with each change: an edit of an older version is not written
    folder_id         INTEGER NOT NULL,
    type              INTEGER NOT NULL,
    enabled           INTEGER NOT NULL,
    title             TEXT    NOT NULL,
    save_responses    INTEGER NOT NULL,
    url               TEXT    NOT NULL,           -- without user and password
    sealed_url        BLOB,                       -- the whole URL, when it has user or password
    method            INTEGER NOT NULL,
    auth_enabled      INTEGER NOT NULL,
    timeout           INTEGER NOT NULL,           -- seconds
    redirect_success  INTEGER NOT NULL,
    timezone          TEXT    NOT NULL,
    expires_at        INTEGER NOT NULL,           -- YYYYMMDDhhmmss in the time zone
    seconds           INTEGER NOT NULL,           -- a bit for each value, as in the next five
    minutes           INTEGER NOT NULL,
    hours             INTEGER NOT NULL,
    mdays             INTEGER NOT NULL,
    months            INTEGER NOT NULL,
    wdays             INTEGER NOT NULL,
    days              INTEGER NOT NULL,           -- how day of month and day of week combine: 0 either, 1 both
    last_day          INTEGER NOT NULL,           -- the last day of each month matches, too
    dst               INTEGER NOT NULL,
    run_at            INTEGER NOT NULL,           -- the instant of a one-time job
    one_time_done     INTEGER NOT NULL,           -- the job was disabled since its one occurrence has come
    spread            INTEGER NOT NULL,           -- seconds
    paused_until      INTEGER NOT NULL,
    pause_note        TEXT    NOT NULL,
    on_failure        INTEGER NOT NULL,
    on_failure_count  INTEGER NOT NULL,
    on_success        INTEGER NOT NULL,
    on_disable        INTEGER NOT NULL,
    on_cert_expiry    INTEGER NOT NULL,
    cert_expiry_ahead INTEGER NOT NULL,           -- seconds
    misfire           INTEGER NOT NULL,
    grace             INTEGER NOT NULL,           -- seconds, below 0 is the default
    overlap           INTEGER NOT NULL,
    delivery          INTEGER NOT NULL,
    retry_count       INTEGER NOT NULL,
    retry_delay       INTEGER NOT NULL,           -- seconds
    retry_factor      REAL    NOT NULL,
    retry_max_delay   INTEGER NOT NULL,           -- seconds
    max_redirects     INTEGER NOT NULL,
    success_criteria  TEXT    NOT NULL,           -- as JSON; empty is none
    skip_tls_verify   INTEGER NOT NULL,
    oversize          INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE INDEX job_account ON job (account_id);
CREATE INDEX job_folder ON job (folder_id) WHERE folder_id <> 0;

-- The secrets of a job, which may be large, apart from the rest: whoever reads or changes a job reads and rewrites no more
-- than that, and a claim reads them of admitted jobs only.
CREATE TABLE job_secret (
    job_id INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    sealed BLOB    NOT NULL -- headers, body, URL, user and password
) STRICT;

-- What executions change, apart from the definition so that no wide row is rewritten. A job of a disabled account that has
-- come due keeps next_run_at, from which on nothing is recorded, and loses claim_at.
CREATE TABLE job_state (
    job_id            INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    account_id        INTEGER NOT NULL,
    rank              INTEGER NOT NULL,          -- the job's ordinal within its account
    next_run_at       INTEGER,                   -- the occurrence that is due next
    claim_at          INTEGER,                   -- when a claim takes it up: after next_run_at while its target has no room
    last_status       INTEGER NOT NULL DEFAULT 0,
    last_duration_us  INTEGER NOT NULL DEFAULT 0,
    last_execution_at INTEGER NOT NULL DEFAULT 0,
    cert_expiry_at    INTEGER NOT NULL DEFAULT 0,
    failures          INTEGER NOT NULL DEFAULT 0,
    counted_failures  INTEGER NOT NULL DEFAULT 0,
    cert_notified_at  INTEGER NOT NULL DEFAULT 0 -- the expiry that a notice was written about
) STRICT;
CREATE INDEX job_state_due ON job_state (claim_at, rank, account_id) WHERE claim_at IS NOT NULL;
CREATE INDEX job_state_dormant ON job_state (account_id, job_id) WHERE claim_at IS NULL AND next_run_at IS NOT NULL;

-- Attempts that are due apart from the schedule: retries, repeats and executions that somebody asked for.
CREATE TABLE pending (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id     INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    rank       INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    claim_at   INTEGER NOT NULL, -- as in job_state
    planned_at INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    UNIQUE (job_id, planned_at, kind, attempt)
) STRICT;
CREATE INDEX pending_due ON pending (claim_at, rank, account_id);

-- One row per start of a process.
CREATE TABLE node (
    epoch        INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    lease_until  INTEGER NOT NULL,
    dead         INTEGER NOT NULL,
    running_from INTEGER DEFAULT 0, -- NULL when nothing of a dead node runs; on PostgreSQL, where what runs begins
    zone_version TEXT    NOT NULL   -- of the time zone data by which the node has to plan
) STRICT;

-- The ledger. No foreign key: deleting a job with a long history must not hold up the writer. The key is in the order of
-- time, so that the records of jobs that are due together are written side by side.
CREATE TABLE execution (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id           INTEGER NOT NULL,
    job_id               INTEGER NOT NULL,
    planned_at           INTEGER NOT NULL,
    kind                 INTEGER NOT NULL,
    attempt              INTEGER NOT NULL,
    node                 INTEGER NOT NULL,
    outcome              INTEGER NOT NULL,
    started_at           INTEGER NOT NULL,           -- the claim's instant until the result is known
    status               INTEGER NOT NULL DEFAULT 0,
    http_status          INTEGER NOT NULL DEFAULT 0,
    fault                INTEGER NOT NULL DEFAULT 0,
    reason               TEXT    NOT NULL DEFAULT '',
    detail               TEXT    NOT NULL DEFAULT '',
    url                  TEXT    NOT NULL DEFAULT '',
    lookup_us            INTEGER NOT NULL DEFAULT 0,
    connect_us           INTEGER NOT NULL DEFAULT 0,
    app_connect_us       INTEGER NOT NULL DEFAULT 0,
    pre_transfer_us      INTEGER NOT NULL DEFAULT 0,
    start_transfer_us    INTEGER NOT NULL DEFAULT 0,
    total_us             INTEGER NOT NULL DEFAULT 0,
    cert_expiry_at       INTEGER NOT NULL DEFAULT 0,
    lateness_us          INTEGER NOT NULL DEFAULT 0,
    last_planned_at      INTEGER NOT NULL DEFAULT 0, -- of a record that covers several occurrences
    occurrences          INTEGER NOT NULL DEFAULT 0, -- how many those are
    occurrences_at_least INTEGER NOT NULL DEFAULT 0, -- there are more than were counted
    UNIQUE (planned_at, job_id, kind, attempt)
) STRICT;
CREATE INDEX execution_job ON execution (job_id, id);
CREATE INDEX execution_account ON execution (account_id, id);
CREATE INDEX execution_running ON execution (job_id, node) WHERE outcome = 0;

-- What came of an execution besides. One with redirects, or a truncated body, has a row even when the response is not saved.
CREATE TABLE response (
    execution_id INTEGER PRIMARY KEY,
    planned_at   INTEGER NOT NULL,
    headers      BLOB,
    body         BLOB,
    redirects    TEXT    NOT NULL DEFAULT '', -- as JSON; empty is none
    truncated    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The outbox: notices that accounts are to get, written with the result that they follow from. A row says all of its
-- notice, which does not change when the job does or is deleted.
CREATE TABLE outbox (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id     INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    event          INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    job_id         INTEGER NOT NULL,
    job_title      TEXT    NOT NULL,
    url            TEXT    NOT NULL, -- without user and password
    timezone       TEXT    NOT NULL,
    execution_id   INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    attempt        INTEGER NOT NULL,
    planned_at     INTEGER NOT NULL,
    started_at     INTEGER NOT NULL,
    duration_us    INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    http_status    INTEGER NOT NULL,
    fault          INTEGER NOT NULL,
    reason         TEXT    NOT NULL,
    failures       INTEGER NOT NULL, -- in a row: with this one, or before a success
    cert_expiry_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_account ON outbox (account_id, id);

-- Requests counted in fixed windows, for quotas and rates.
CREATE TABLE usage (
    kind      INTEGER NOT NULL,
    subject   INTEGER NOT NULL,
    window_at INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (kind, subject, window_at)
) STRICT, WITHOUT ROWID;

-- Calls that take effect once, with their answers, by the keys that callers gave them.
CREATE TABLE idempotency_key (
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL, -- SHA-256
    answer       BLOB,             -- sealed; there is one once the transaction that wrote the row is committed
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_key_account ON idempotency_key (account_id, created_at);
CREATE INDEX idempotency_key_created ON idempotency_key (created_at);

-- The time zone data that jobs are planned by, one row.
CREATE TABLE zone_data (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    release      TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    data         BLOB    NOT NULL,
    replanned_to INTEGER -- jobs with greater ids are still to be planned by them; NULL when none are
) STRICT;

-- How far the ledger of an account has been counted.
CREATE TABLE rollup_state (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    version    INTEGER NOT NULL, -- grows with every change, so that of two nodes only one changes it
    position   INTEGER NOT NULL, -- executions up to this id are counted
    counted_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL, -- when it is time to count again
    pruned_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX rollup_state_due ON rollup_state (due_at);

-- What was due in an hour (since 1970), of all jobs and of one. A tally is what cron.Tally encodes.
CREATE TABLE rollup_account (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hour       INTEGER NOT NULL,
    tally      BLOB    NOT NULL,
    PRIMARY KEY (account_id, hour)
) STRICT, WITHOUT ROWID;

-- The statistics of a job are up to 8,784 rows, which go with the upkeep and not with the job: deleting many jobs must be
-- short.
CREATE TABLE rollup_job (
    job_id INTEGER NOT NULL,
    hour   INTEGER NOT NULL,
    tally  BLOB    NOT NULL,
    PRIMARY KEY (job_id, hour)
) STRICT, WITHOUT ROWID;

-- Executions that are counted as running or lost, which may change.
CREATE TABLE rollup_open (
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    execution_id INTEGER NOT NULL,
    job_id       INTEGER NOT NULL,
    planned_at   INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    outcome      INTEGER NOT NULL, -- as it is counted
    followed     INTEGER NOT NULL, -- a further attempt is counted
    since        INTEGER NOT NULL,
    PRIMARY KEY (account_id, execution_id)
) STRICT, WITHOUT ROWID;

-- What was done to jobs, for those who follow the events of an account. Rows go with the upkeep, not with the account.
CREATE TABLE job_change (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    job_id     INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX job_change_account ON job_change (account_id, id);

-- Jobs that were deleted, and of which there may still be statistics.
CREATE TABLE deleted_job (
    job_id     INTEGER PRIMARY KEY,
    deleted_at INTEGER NOT NULL
) STRICT;

-- Triggers, so that no statement that changes a job can forget to say so. An edit sets updated_at; what disables a job
-- without it is the service.

-- +goose StatementBegin
CREATE TRIGGER job_created AFTER INSERT ON job BEGIN
    INSERT INTO job_change (account_id, job_id, kind, changed_at)
    VALUES (NEW.account_id, NEW.id, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER job_changed AFTER UPDATE OF enabled, folder_id, updated_at ON job BEGIN
    INSERT INTO job_change (account_id, job_id, kind, changed_at)
    VALUES (NEW.account_id, NEW.id, CASE WHEN OLD.enabled AND NOT NEW.enabled AND OLD.updated_at = NEW.updated_at
                                         THEN 4 ELSE 2 END, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER job_deleted AFTER DELETE ON job BEGIN
    INSERT INTO job_change (account_id, job_id, kind, changed_at)
    VALUES (OLD.account_id, OLD.id, 3, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER job_gone AFTER DELETE ON job BEGIN
    INSERT INTO deleted_job (job_id, deleted_at) VALUES (OLD.id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
-- +goose StatementEnd
