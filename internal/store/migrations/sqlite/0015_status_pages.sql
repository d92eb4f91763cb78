-- +goose Up

-- Status pages: what an account shows to its own users. See package statuspage.
CREATE TABLE status_page (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id       INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    version          INTEGER NOT NULL DEFAULT 1,  -- another one with each change of the definition
    revision         INTEGER NOT NULL DEFAULT 1,  -- another one with each change of what a visitor sees
    slug             TEXT NOT NULL UNIQUE,
    title            TEXT NOT NULL,
    body             TEXT NOT NULL,           -- Markdown
    accent           TEXT NOT NULL,
    theme            INTEGER NOT NULL,
    timezone         TEXT NOT NULL,
    language         TEXT NOT NULL,
    days             INTEGER NOT NULL,
    published        INTEGER NOT NULL,
    access           INTEGER NOT NULL,
    password_hash    TEXT NOT NULL DEFAULT '', -- as of passwords of people
    networks         TEXT NOT NULL,           -- as JSON; empty is all
    announcement     TEXT NOT NULL,
    announced_until  INTEGER NOT NULL,            -- 0 is until it is taken off
    with_maintenance INTEGER NOT NULL,
    page_groups      TEXT NOT NULL,           -- as JSON
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    updated_by       TEXT NOT NULL,
    days_at          INTEGER NOT NULL DEFAULT 0 -- when a day of its components is over that status_day does not have
) STRICT;
CREATE INDEX status_page_account ON status_page (account_id, id);
CREATE INDEX status_page_days ON status_page (days_at);

CREATE TABLE status_logo (
    page_id INTEGER NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    dark    INTEGER NOT NULL,
    picture BLOB NOT NULL,  -- PNG
    PRIMARY KEY (page_id, dark)
) STRICT;

CREATE TABLE status_component (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    page_id           INTEGER NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    account_id        INTEGER NOT NULL,
    position          INTEGER NOT NULL,
    page_group        TEXT NOT NULL,
    title             TEXT NOT NULL,
    body              TEXT NOT NULL,
    needed            INTEGER NOT NULL,     -- jobs that have to work; 0 is all
    rule_failures     INTEGER NOT NULL,
    rule_of           INTEGER NOT NULL,
    rule_successes    INTEGER NOT NULL,
    rule_slow_ms      INTEGER NOT NULL,
    rule_percent      INTEGER NOT NULL,
    automatic_minutes INTEGER NOT NULL,         -- 0 is never
    publish_automatic INTEGER NOT NULL,
    hand_by           TEXT NOT NULL DEFAULT '', -- who set the state of the layer by hand
    state             INTEGER NOT NULL DEFAULT 0, -- what a visitor is shown
    since             INTEGER NOT NULL DEFAULT 0,
    layers            TEXT NOT NULL DEFAULT '', -- the latest transition of each layer, as JSON
    kept_from         INTEGER NOT NULL DEFAULT 0, -- transitions before have been removed
    days_done         INTEGER NOT NULL DEFAULT 0  -- the first day that status_day does not have
) STRICT;
CREATE INDEX status_component_page ON status_component (page_id, position);

-- The jobs of components, and how each is by the rule of the component.
CREATE TABLE status_component_job (
    component_id INTEGER NOT NULL REFERENCES status_component (id) ON DELETE CASCADE,
    job_id       INTEGER NOT NULL,
    account_id   INTEGER NOT NULL,
    health       INTEGER NOT NULL DEFAULT 0, -- 0 unknown, 1 up, 2 slow, 3 down
    PRIMARY KEY (component_id, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX status_component_job_job ON status_component_job (job_id, component_id);

-- The latest results of the jobs that components have. expires_at is when the next result is overdue.
CREATE TABLE monitor (
    job_id     INTEGER NOT NULL PRIMARY KEY,
    account_id INTEGER NOT NULL,
    results    BLOB NOT NULL,
    last_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX monitor_expires ON monitor (expires_at);

-- Results of those jobs that no component has taken up yet, written with the results themselves.
CREATE TABLE monitor_result (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    job_id      INTEGER NOT NULL,
    at          INTEGER NOT NULL,  -- when it ended, or was to begin
    outcome     INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    duration_us INTEGER NOT NULL
) STRICT;
CREATE INDEX monitor_result_account ON monitor_result (account_id, id);

CREATE TABLE status_transition (
    component_id INTEGER NOT NULL REFERENCES status_component (id) ON DELETE CASCADE,
    layer        INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    clear        INTEGER NOT NULL,
    PRIMARY KEY (component_id, layer, at)
) STRICT, WITHOUT ROWID;

-- How long a component was in each state on a day (since 1970) of the page's time zone that is over: numbers of milliseconds as JSON.
CREATE TABLE status_day (
    component_id INTEGER NOT NULL REFERENCES status_component (id) ON DELETE CASCADE,
    day          INTEGER NOT NULL,
    states       TEXT NOT NULL,
    PRIMARY KEY (component_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE incident (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    page_id     INTEGER NOT NULL REFERENCES status_page (id) ON DELETE CASCADE,
    account_id  INTEGER NOT NULL,
    title       TEXT NOT NULL,
    draft       INTEGER NOT NULL,
    automatic   INTEGER NOT NULL DEFAULT 0,      -- the component that the service made it for
    touched     INTEGER NOT NULL DEFAULT 0,
    phase       INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    resolved_at INTEGER NOT NULL DEFAULT 0,
    impacts     TEXT NOT NULL,               -- in effect now, as JSON
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_page ON incident (page_id, started_at, id);
CREATE INDEX incident_open ON incident (page_id) WHERE resolved_at = 0;

CREATE TABLE incident_update (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    phase       INTEGER NOT NULL,
    body        TEXT NOT NULL, -- Markdown
    at          INTEGER NOT NULL,
    impacts     TEXT NOT NULL, -- those that change, as JSON
    written_by  TEXT NOT NULL
) STRICT;
CREATE INDEX incident_update_incident ON incident_update (incident_id, at, id);
