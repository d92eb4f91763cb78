-- +goose Up

-- Instants are milliseconds since 1970, and 0 is none unless a column can be NULL. The other database has the same tables
-- and columns: a test compares them.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE account (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email      TEXT     NOT NULL UNIQUE,
    plan       TEXT     NOT NULL,
    overrides  TEXT     NOT NULL DEFAULT '', -- numbers of the plan that differ, as JSON
    access     SMALLINT NOT NULL DEFAULT 0,  -- which addresses jobs may call: 0 private networks too, 1 global ones only
    disabled   BOOLEAN  NOT NULL,
    enabled_at BIGINT   NOT NULL DEFAULT 0,  -- when it was enabled after it had been disabled
    last_rank  BIGINT   NOT NULL DEFAULT 0,  -- the rank of the newest job
    created_at BIGINT   NOT NULL
);

-- What an account adds to TLS, in PEM.
CREATE TABLE account_tls (
    account_id  BIGINT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    roots       TEXT NOT NULL,
    certificate TEXT NOT NULL,
    sealed_key  BYTEA -- the private key of the certificate
);

CREATE TABLE api_key (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   BIGINT  NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title        TEXT    NOT NULL,
    hash         BYTEA   NOT NULL UNIQUE,
    hint         TEXT    NOT NULL, -- the last characters of the key
    disabled     BOOLEAN NOT NULL,
    expires_at   BIGINT  NOT NULL,
    scopes       BIGINT  NOT NULL,
    allow_from   TEXT    NOT NULL, -- prefixes, separated by commas; empty is any
    created_at   BIGINT  NOT NULL,
    last_used_at BIGINT  NOT NULL DEFAULT 0 -- to the hour
);
CREATE INDEX api_key_account ON api_key (account_id);

-- Titles are unique in the account, ignoring case: title_key is the title folded.
CREATE TABLE folder (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT   NOT NULL COLLATE "C",
    title_key  TEXT   NOT NULL COLLATE "C",
    UNIQUE (account_id, title_key)
);

-- The definition: written by edits only.
CREATE TABLE job (
    id                BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id        BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    version           BIGINT   NOT NULL DEFAULT 1, -- another one with each change: an edit of an older version is not written
    folder_id         BIGINT   NOT NULL,
    type              SMALLINT NOT NULL,
    enabled           BOOLEAN  NOT NULL,
    title             TEXT     NOT NULL,
    save_responses    BOOLEAN  NOT NULL,
    url               TEXT     NOT NULL COLLATE "C", -- without user and password
    sealed_url        BYTEA,                         -- the whole URL, when it has user or password
    method            SMALLINT NOT NULL,
    auth_enabled      BOOLEAN  NOT NULL,
    timeout           BIGINT   NOT NULL, -- seconds
    redirect_success  BOOLEAN  NOT NULL,
    timezone          TEXT     NOT NULL,
    expires_at        BIGINT   NOT NULL, -- YYYYMMDDhhmmss in the time zone
    seconds           BIGINT   NOT NULL, -- a bit for each value, as in the next five
    minutes           BIGINT   NOT NULL,
    hours             BIGINT   NOT NULL,
    mdays             BIGINT   NOT NULL,
    months            BIGINT   NOT NULL,
    wdays             BIGINT   NOT NULL,
    days              SMALLINT NOT NULL, -- how day of month and day of week combine: 0 either, 1 both
    last_day          BOOLEAN  NOT NULL, -- the last day of each month matches, too
    dst               SMALLINT NOT NULL,
    run_at            BIGINT   NOT NULL, -- the instant of a one-time job
    one_time_done     BOOLEAN  NOT NULL, -- the job was disabled since its one occurrence has come
    spread            BIGINT   NOT NULL, -- seconds
    paused_until      BIGINT   NOT NULL,
    pause_note        TEXT     NOT NULL,
    on_failure        BOOLEAN  NOT NULL,
    on_failure_count  BIGINT   NOT NULL,
    on_success        BOOLEAN  NOT NULL,
    on_disable        BOOLEAN  NOT NULL,
    on_cert_expiry    BOOLEAN  NOT NULL,
    cert_expiry_ahead BIGINT   NOT NULL, -- seconds
    misfire           SMALLINT NOT NULL,
    grace             BIGINT   NOT NULL, -- seconds, below 0 is the default
    overlap           SMALLINT NOT NULL,
    delivery          SMALLINT NOT NULL,
    retry_count       SMALLINT NOT NULL,
    retry_delay       BIGINT   NOT NULL, -- seconds
    retry_factor      DOUBLE PRECISION NOT NULL,
    retry_max_delay   BIGINT   NOT NULL, -- seconds
    max_redirects     SMALLINT NOT NULL,
    success_criteria  TEXT     NOT NULL, -- as JSON; empty is none
    skip_tls_verify   BOOLEAN  NOT NULL,
    oversize          SMALLINT NOT NULL,
    created_at        BIGINT   NOT NULL,
    updated_at        BIGINT   NOT NULL
);
CREATE INDEX job_account ON job (account_id);
CREATE INDEX job_folder ON job (folder_id) WHERE folder_id <> 0;

-- The secrets of a job, which may be large, apart from the rest: whoever reads or changes a job reads and rewrites no more
-- than that, and a claim reads them of admitted jobs only.
CREATE TABLE job_secret (
    job_id BIGINT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL -- headers, body, URL, user and password
);

-- What executions change, apart from the definition so that no wide row is rewritten. A job of a disabled account that has
-- come due keeps next_run_at, from which on nothing is recorded, and loses claim_at.
CREATE TABLE job_state (
    job_id            BIGINT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    account_id        BIGINT   NOT NULL,
    rank              BIGINT   NOT NULL, -- the job's ordinal within its account
    next_run_at       BIGINT,            -- the occurrence that is due next
    claim_at          BIGINT,            -- when a claim takes it up: after next_run_at while its target has no room
    last_status       SMALLINT NOT NULL DEFAULT 0,
    last_duration_us  BIGINT   NOT NULL DEFAULT 0,
    last_execution_at BIGINT   NOT NULL DEFAULT 0,
    cert_expiry_at    BIGINT   NOT NULL DEFAULT 0,
    failures          BIGINT   NOT NULL DEFAULT 0,
    counted_failures  BIGINT   NOT NULL DEFAULT 0,
    cert_notified_at  BIGINT   NOT NULL DEFAULT 0 -- the expiry that a notice was written about
) WITH (fillfactor = 50);
CREATE INDEX job_state_due ON job_state (claim_at, rank, account_id) WHERE claim_at IS NOT NULL;
CREATE INDEX job_state_dormant ON job_state (account_id, job_id) WHERE claim_at IS NULL AND next_run_at IS NOT NULL;

-- Attempts that are due apart from the schedule: retries, repeats and executions that somebody asked for.
CREATE TABLE pending (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id     BIGINT   NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    account_id BIGINT   NOT NULL,
    rank       BIGINT   NOT NULL,
    due_at     BIGINT   NOT NULL,
    claim_at   BIGINT   NOT NULL, -- as in job_state
    planned_at BIGINT   NOT NULL,
    kind       SMALLINT NOT NULL,
    attempt    BIGINT   NOT NULL,
    UNIQUE (job_id, planned_at, kind, attempt)
);
CREATE INDEX pending_due ON pending (claim_at, rank, account_id);

-- No index tells by its condition what runs: a result would then be an entry in every index, and not only a new version
-- of the row within its page. Executions of a node with ids below its running_from have ended.
CREATE SEQUENCE execution_id;

-- One row per start of a process.
CREATE TABLE node (
    epoch        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         TEXT    NOT NULL,
    started_at   BIGINT  NOT NULL,
    lease_until  BIGINT  NOT NULL,
    dead         BOOLEAN NOT NULL,
    running_from BIGINT  DEFAULT nextval('execution_id'), -- NULL when nothing of a dead node runs
    zone_version TEXT    NOT NULL -- of the time zone data by which the node has to plan
);

-- The ledger. No foreign key: rows go with their partition, not with their job. The key is in the order of time, so that
-- the records of jobs that are due together are written side by side.
CREATE TABLE execution (
    id                   BIGINT   NOT NULL DEFAULT nextval('execution_id'),
    account_id           BIGINT   NOT NULL,
    job_id               BIGINT   NOT NULL,
    planned_at           BIGINT   NOT NULL,
    kind                 SMALLINT NOT NULL,
    attempt              INTEGER  NOT NULL,
    node                 BIGINT   NOT NULL,
    outcome              SMALLINT NOT NULL,
    started_at           BIGINT   NOT NULL, -- the claim's instant until the result is known
    status               SMALLINT NOT NULL DEFAULT 0,
    http_status          INTEGER  NOT NULL DEFAULT 0,
    fault                SMALLINT NOT NULL DEFAULT 0,
    reason               TEXT     NOT NULL DEFAULT '',
    detail               TEXT     NOT NULL DEFAULT '',
    url                  TEXT     NOT NULL DEFAULT '',
    lookup_us            BIGINT   NOT NULL DEFAULT 0,
    connect_us           BIGINT   NOT NULL DEFAULT 0,
    app_connect_us       BIGINT   NOT NULL DEFAULT 0,
    pre_transfer_us      BIGINT   NOT NULL DEFAULT 0,
    start_transfer_us    BIGINT   NOT NULL DEFAULT 0,
    total_us             BIGINT   NOT NULL DEFAULT 0,
    cert_expiry_at       BIGINT   NOT NULL DEFAULT 0,
    lateness_us          BIGINT   NOT NULL DEFAULT 0,
    last_planned_at      BIGINT   NOT NULL DEFAULT 0,     -- of a record that covers several occurrences
    occurrences          BIGINT   NOT NULL DEFAULT 0,     -- how many those are
    occurrences_at_least BOOLEAN  NOT NULL DEFAULT false, -- there are more than were counted
    PRIMARY KEY (planned_at, job_id, kind, attempt)
) PARTITION BY RANGE (planned_at);
CREATE INDEX execution_job ON execution (job_id, id);
CREATE INDEX execution_account ON execution (account_id, id);
CREATE INDEX execution_node ON execution (node, id);
CREATE TABLE execution_rest PARTITION OF execution DEFAULT WITH (fillfactor = 50);

-- What came of an execution besides. One with redirects, or a truncated body, has a row even when the response is not saved.
CREATE TABLE response (
    execution_id BIGINT  NOT NULL,
    planned_at   BIGINT  NOT NULL,
    headers      BYTEA,
    body         BYTEA,
    redirects    TEXT    NOT NULL DEFAULT '', -- as JSON; empty is none
    truncated    BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (execution_id, planned_at)
) PARTITION BY RANGE (planned_at);
CREATE TABLE response_rest PARTITION OF response DEFAULT;

-- The outbox: notices that accounts are to get, written with the result that they follow from. A row says all of its
-- notice, which does not change when the job does or is deleted.
CREATE TABLE outbox (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id     BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    event          SMALLINT NOT NULL,
    created_at     BIGINT   NOT NULL,
    job_id         BIGINT   NOT NULL,
    job_title      TEXT     NOT NULL,
    url            TEXT     NOT NULL, -- without user and password
    timezone       TEXT     NOT NULL,
    execution_id   BIGINT   NOT NULL,
    kind           SMALLINT NOT NULL,
    attempt        BIGINT   NOT NULL,
    planned_at     BIGINT   NOT NULL,
    started_at     BIGINT   NOT NULL,
    duration_us    BIGINT   NOT NULL,
    status         SMALLINT NOT NULL,
    http_status    INTEGER  NOT NULL,
    fault          SMALLINT NOT NULL,
    reason         TEXT     NOT NULL,
    failures       BIGINT   NOT NULL, -- in a row: with this one, or before a success
    cert_expiry_at BIGINT   NOT NULL
);
CREATE INDEX outbox_account ON outbox (account_id, id);

-- Requests counted in fixed windows, for quotas and rates.
CREATE TABLE usage (
    kind      SMALLINT NOT NULL,
    subject   BIGINT   NOT NULL,
    window_at BIGINT   NOT NULL,
    count     BIGINT   NOT NULL,
    PRIMARY KEY (kind, subject, window_at)
) WITH (fillfactor = 50);

-- Calls that take effect once, with their answers, by the keys that callers gave them.
CREATE TABLE idempotency_key (
    account_id   BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    key          TEXT   NOT NULL COLLATE "C",
    request_hash BYTEA  NOT NULL, -- SHA-256
    answer       BYTEA,           -- sealed; there is one once the transaction that wrote the row is committed
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_key_account ON idempotency_key (account_id, created_at);
CREATE INDEX idempotency_key_created ON idempotency_key (created_at);

-- The time zone data that jobs are planned by, one row.
CREATE TABLE zone_data (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    release      TEXT  NOT NULL,
    version      TEXT  NOT NULL,
    data         BYTEA NOT NULL,
    replanned_to BIGINT -- jobs with greater ids are still to be planned by them; NULL when none are
);

-- How far the ledger of an account has been counted.
CREATE TABLE rollup_state (
    account_id BIGINT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL, -- grows with every change, so that of two nodes only one changes it
    position   BIGINT NOT NULL, -- executions up to this id are counted
    counted_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL, -- when it is time to count again
    pruned_at  BIGINT NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX rollup_state_due ON rollup_state (due_at);

-- What was due in an hour (since 1970), of all jobs and of one. A tally is what cron.Tally encodes.
CREATE TABLE rollup_account (
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hour       BIGINT NOT NULL,
    tally      BYTEA  NOT NULL,
    PRIMARY KEY (account_id, hour)
) WITH (fillfactor = 70);

-- The statistics of a job are up to 8,784 rows, which go with the upkeep and not with the job: deleting many jobs must be
-- short.
CREATE TABLE rollup_job (
    job_id BIGINT NOT NULL,
    hour   BIGINT NOT NULL,
    tally  BYTEA  NOT NULL,
    PRIMARY KEY (job_id, hour)
) WITH (fillfactor = 70);

-- Executions that are counted as running or lost, which may change.
CREATE TABLE rollup_open (
    account_id   BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    execution_id BIGINT   NOT NULL,
    job_id       BIGINT   NOT NULL,
    planned_at   BIGINT   NOT NULL,
    kind         SMALLINT NOT NULL,
    attempt      INTEGER  NOT NULL,
    outcome      SMALLINT NOT NULL, -- as it is counted
    followed     BOOLEAN  NOT NULL, -- a further attempt is counted
    since        BIGINT   NOT NULL,
    PRIMARY KEY (account_id, execution_id)
);

-- What was done to jobs, for those who follow the events of an account. Rows go with the upkeep, not with the account.
CREATE SEQUENCE job_change_id;
CREATE TABLE job_change (
    id         BIGINT   NOT NULL DEFAULT nextval('job_change_id') PRIMARY KEY,
    account_id BIGINT   NOT NULL,
    job_id     BIGINT   NOT NULL,
    kind       SMALLINT NOT NULL,
    changed_at BIGINT   NOT NULL
);
CREATE INDEX job_change_account ON job_change (account_id, id);

-- Jobs that were deleted, and of which there may still be statistics.
CREATE TABLE deleted_job (
    job_id     BIGINT PRIMARY KEY,
    deleted_at BIGINT NOT NULL
);

-- Triggers, so that no statement that changes a job can forget to say so. An edit sets updated_at; what disables a job
-- without it is the service.

-- +goose StatementBegin
CREATE FUNCTION note_job_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed job%ROWTYPE;
    kind    SMALLINT := 2;
BEGIN
    IF TG_OP = 'DELETE' THEN
        changed := OLD;
        kind := 3;
    ELSE
        changed := NEW;
        IF TG_OP = 'INSERT' THEN
            kind := 1;
        ELSIF OLD.enabled AND NOT NEW.enabled AND OLD.updated_at = NEW.updated_at THEN
            kind := 4;
        END IF;
    END IF;
    INSERT INTO job_change (account_id, job_id, kind, changed_at)
    VALUES (changed.account_id, changed.id, kind, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER job_changed AFTER INSERT OR UPDATE OF enabled, folder_id, updated_at OR DELETE ON job
    FOR EACH ROW EXECUTE FUNCTION note_job_change();

-- +goose StatementBegin
CREATE FUNCTION note_deleted_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deleted_job (job_id, deleted_at) VALUES (OLD.id, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER job_gone AFTER DELETE ON job FOR EACH ROW EXECUTE FUNCTION note_deleted_job();
