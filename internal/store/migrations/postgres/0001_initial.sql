-- +goose Up

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE account (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email      TEXT    NOT NULL UNIQUE,
    plan       TEXT    NOT NULL,
    disabled   BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL
);

CREATE TABLE api_key (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT   NOT NULL,
    hash       BYTEA  NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_key_account ON api_key (account_id);

-- The definition: written by edits only.
CREATE TABLE job (
    id                BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id        BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    folder_id         BIGINT   NOT NULL,
    type              SMALLINT NOT NULL,
    enabled           BOOLEAN  NOT NULL,
    title             TEXT     NOT NULL,
    save_responses    BOOLEAN  NOT NULL,
    url               TEXT     NOT NULL COLLATE "C",
    method            SMALLINT NOT NULL,
    auth_enable       BOOLEAN  NOT NULL,
    timeout           BIGINT   NOT NULL,
    redirect_success  BOOLEAN  NOT NULL,
    timezone          TEXT     NOT NULL,
    expires_at        BIGINT   NOT NULL,
    seconds           BIGINT   NOT NULL,
    minutes           BIGINT   NOT NULL,
    hours             BIGINT   NOT NULL,
    mdays             BIGINT   NOT NULL,
    months            BIGINT   NOT NULL,
    wdays             BIGINT   NOT NULL,
    dst               SMALLINT NOT NULL,
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
    retry_ceiling     BIGINT   NOT NULL, -- seconds
    secret            BYTEA,             -- sealed: headers, body, user and password
    created_at        BIGINT   NOT NULL,
    updated_at        BIGINT   NOT NULL
);
CREATE INDEX job_account ON job (account_id);

-- What executions change, apart from the definition so that no wide row is rewritten.
CREATE TABLE job_state (
    job_id            BIGINT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    account_id        BIGINT   NOT NULL,
    rank              BIGINT   NOT NULL, -- the job's ordinal within its account
    next_run_at       BIGINT,          -- the occurrence that is due next
    look_at           BIGINT,          -- when a claim looks at it: later than next_run_at while its target has no room
    last_status       SMALLINT NOT NULL DEFAULT 0,
    last_duration_us  BIGINT   NOT NULL DEFAULT 0,
    last_execution_at BIGINT   NOT NULL DEFAULT 0,
    cert_expiry_at    BIGINT   NOT NULL DEFAULT 0,
    failures          BIGINT   NOT NULL DEFAULT 0,
    counted_failures  BIGINT   NOT NULL DEFAULT 0,
    cert_noticed_at   BIGINT   NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX job_state_due ON job_state (look_at, rank, account_id) WHERE look_at IS NOT NULL;
CREATE INDEX job_state_rank ON job_state (account_id, rank);

-- Attempts that are due apart from the schedule: retries, repeats and executions that somebody asked for.
CREATE TABLE pending (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id     BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL,
    rank       BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    look_at    BIGINT NOT NULL,
    planned_at BIGINT NOT NULL,
    kind       SMALLINT NOT NULL,
    attempt    BIGINT NOT NULL,
    UNIQUE (job_id, planned_at, kind, attempt)
);
CREATE INDEX pending_due ON pending (look_at, rank, account_id);

-- One row per start of a process.
CREATE TABLE node (
    epoch       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT    NOT NULL,
    started_at  BIGINT  NOT NULL,
    lease_until BIGINT  NOT NULL,
    dead        BOOLEAN NOT NULL
);

-- The ledger. No foreign key: rows go with their partition, not with their job.
CREATE SEQUENCE execution_id;
CREATE TABLE execution (
    id                BIGINT   NOT NULL DEFAULT nextval('execution_id'),
    account_id        BIGINT   NOT NULL,
    job_id            BIGINT   NOT NULL,
    planned_at        BIGINT   NOT NULL,
    kind              SMALLINT NOT NULL,
    attempt           INTEGER  NOT NULL,
    node              BIGINT   NOT NULL,
    outcome           SMALLINT NOT NULL,
    started_at        BIGINT   NOT NULL, -- the claim's instant until the result is known
    status            SMALLINT NOT NULL DEFAULT 0,
    http_status       INTEGER  NOT NULL DEFAULT 0,
    fault             SMALLINT NOT NULL DEFAULT 0,
    reason            TEXT     NOT NULL DEFAULT '',
    detail            TEXT     NOT NULL DEFAULT '',
    url               TEXT     NOT NULL DEFAULT '',
    lookup_us         BIGINT   NOT NULL DEFAULT 0,
    connect_us        BIGINT   NOT NULL DEFAULT 0,
    app_connect_us    BIGINT   NOT NULL DEFAULT 0,
    pre_transfer_us   BIGINT   NOT NULL DEFAULT 0,
    start_transfer_us BIGINT   NOT NULL DEFAULT 0,
    total_us          BIGINT   NOT NULL DEFAULT 0,
    cert_expiry_at    BIGINT   NOT NULL DEFAULT 0,
    lateness_us       BIGINT   NOT NULL DEFAULT 0,
    last_at           BIGINT   NOT NULL DEFAULT 0, -- of a record that covers several occurrences
    covered           BIGINT   NOT NULL DEFAULT 0, -- how many those are
    at_least          BOOLEAN  NOT NULL DEFAULT false,
    PRIMARY KEY (job_id, planned_at, kind, attempt)
) PARTITION BY RANGE (planned_at);
CREATE INDEX execution_job ON execution (job_id, id);
CREATE INDEX execution_account ON execution (account_id, id);
CREATE INDEX execution_running ON execution (job_id, node) WHERE outcome = 0;
CREATE TABLE execution_rest PARTITION OF execution DEFAULT;

CREATE TABLE response (
    execution_id BIGINT NOT NULL,
    planned_at   BIGINT NOT NULL,
    headers      BYTEA,
    body         BYTEA,
    PRIMARY KEY (execution_id, planned_at)
) PARTITION BY RANGE (planned_at);
CREATE TABLE response_rest PARTITION OF response DEFAULT;

-- The outbox: what accounts are owed to hear, written with the result that it follows from.
CREATE TABLE notice (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    job_id       BIGINT NOT NULL,
    execution_id BIGINT NOT NULL,
    event        SMALLINT NOT NULL,
    created_at   BIGINT NOT NULL
);
