-- +goose Up

-- Status pages: what an account shows to its own users. See package statuspage.
CREATE TABLE status_page (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id       BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    version          BIGINT NOT NULL DEFAULT 1,  -- another one with each change of the definition
    revision         BIGINT NOT NULL DEFAULT 1,  -- another one with each change of what a visitor sees
    slug             TEXT NOT NULL UNIQUE,
    title            TEXT NOT NULL,
    body             TEXT NOT NULL,           -- Markdown
    accent           TEXT NOT NULL,
    theme            SMALLINT NOT NULL,
    timezone         TEXT NOT NULL,
    language         TEXT NOT NULL,
    days             SMALLINT NOT NULL,
    published        BOOLEAN NOT NULL,
    access           SMALLINT NOT NULL,
    password_hash    TEXT NOT NULL DEFAULT '', -- as of passwords of people
    networks         TEXT NOT NULL,           -- as JSON; empty is all
    announcement     TEXT NOT NULL,
    announced_until  BIGINT NOT NULL,            -- 0 is until it is taken off
    with_maintenance BOOLEAN NOT NULL,
    page_groups      TEXT NOT NULL,           -- as JSON
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    updated_by       TEXT NOT NULL,
    days_at          BIGINT NOT NULL DEFAULT 0 -- when a day of its components is over that status_day does not have
);
CREATE INDEX status_page_account ON status_page (account_id, id);
CREATE INDEX status_page_days ON status_page (days_at);

CREATE TABLE status_logo (
    page_id BIGINT NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    dark    BOOLEAN NOT NULL,
    picture BYTEA NOT NULL,  -- PNG
    PRIMARY KEY (page_id, dark)
);

CREATE TABLE status_component (
    id                BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    page_id           BIGINT NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    account_id        BIGINT NOT NULL,
    position          SMALLINT NOT NULL,
    page_group        TEXT NOT NULL,
    title             TEXT NOT NULL,
    body              TEXT NOT NULL,
    needed            SMALLINT NOT NULL,     -- jobs that have to work; 0 is all
    rule_failures     SMALLINT NOT NULL,
    rule_of           SMALLINT NOT NULL,
    rule_successes    SMALLINT NOT NULL,
    rule_slow_ms      BIGINT NOT NULL,
    rule_percent      SMALLINT NOT NULL,
    automatic_minutes BIGINT NOT NULL,         -- 0 is never
    publish_automatic BOOLEAN NOT NULL,
    hand_by           TEXT NOT NULL DEFAULT '', -- who set the state of the layer by hand
    state             SMALLINT NOT NULL DEFAULT 0, -- what a visitor is shown
    since             BIGINT NOT NULL DEFAULT 0,
    layers            TEXT NOT NULL DEFAULT '', -- the latest transition of each layer, as JSON
    kept_from         BIGINT NOT NULL DEFAULT 0, -- transitions before have been removed
    days_done         BIGINT NOT NULL DEFAULT 0  -- the first day that status_day does not have
);
CREATE INDEX status_component_page ON status_component (page_id, position);

-- The jobs of components, and how each is by the rule of the component.
CREATE TABLE status_component_job (
    component_id BIGINT NOT NULL REFERENCES status_component (id) ON DELETE CASCADE,
    job_id       BIGINT NOT NULL,
    account_id   BIGINT NOT NULL,
    health       SMALLINT NOT NULL DEFAULT 0, -- 0 unknown, 1 up, 2 slow, 3 down
    PRIMARY KEY (component_id, job_id)
);
CREATE INDEX status_component_job_job ON status_component_job (job_id, component_id);

-- The latest results of the jobs that components have. expires_at is when the next result is overdue.
CREATE TABLE monitor (
    job_id     BIGINT NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    results    BYTEA NOT NULL,
    last_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX monitor_expires ON monitor (expires_at);

-- Results of those jobs that no component has taken up yet, written with the results themselves.
CREATE TABLE monitor_result (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  BIGINT NOT NULL,
    job_id      BIGINT NOT NULL,
    at          BIGINT NOT NULL,  -- when it ended, or was to begin
    outcome     SMALLINT NOT NULL,
    status      SMALLINT NOT NULL,
    duration_us BIGINT NOT NULL
);
CREATE INDEX monitor_result_account ON monitor_result (account_id, id);

CREATE TABLE status_transition (
    component_id BIGINT NOT NULL REFERENCES status_component (id) ON DELETE CASCADE,
    layer        SMALLINT NOT NULL,
    at           BIGINT NOT NULL,
    state        SMALLINT NOT NULL,
    clear        BOOLEAN NOT NULL,
    PRIMARY KEY (component_id, layer, at)
);

-- How long a component was in each state on a day (since 1970) of the page's time zone that is over: numbers of milliseconds as JSON.
CREATE TABLE status_day (
    component_id BIGINT NOT NULL REFERENCES status_component (id) ON DELETE CASCADE,
    day          BIGINT NOT NULL,
    states       TEXT NOT NULL,
    PRIMARY KEY (component_id, day)
);

CREATE TABLE incident (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    page_id     BIGINT NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    account_id  BIGINT NOT NULL,
    title       TEXT NOT NULL,
    draft       BOOLEAN NOT NULL,
    automatic   BIGINT NOT NULL DEFAULT 0,      -- the component that the service made it for
    touched     BOOLEAN NOT NULL DEFAULT false,
    phase       SMALLINT NOT NULL,
    started_at  BIGINT NOT NULL,
    resolved_at BIGINT NOT NULL DEFAULT 0,
    impacts     TEXT NOT NULL,               -- in effect now, as JSON
    created_at  BIGINT NOT NULL
);
CREATE INDEX incident_page ON incident (page_id, started_at, id);
CREATE INDEX incident_open ON incident (page_id) WHERE resolved_at = 0;

CREATE TABLE incident_update (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id BIGINT NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    phase       SMALLINT NOT NULL,
    body        TEXT NOT NULL, -- Markdown
    at          BIGINT NOT NULL,
    impacts     TEXT NOT NULL, -- those that change, as JSON
    written_by  TEXT NOT NULL
);
CREATE INDEX incident_update_incident ON incident_update (incident_id, at, id);
