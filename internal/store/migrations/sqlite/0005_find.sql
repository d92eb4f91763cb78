-- +goose Up

-- What people note about a job, and who made and changed it, apart from the definition: no claim reads it.
CREATE TABLE job_about (
    job_id         INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    description    TEXT    NOT NULL,
    tags           TEXT    NOT NULL, -- as JSON; empty is none
    created_person INTEGER NOT NULL, -- 0 is none, as in the other ids of authors
    created_key    INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    created_way    TEXT    NOT NULL,
    updated_person INTEGER NOT NULL,
    updated_key    INTEGER NOT NULL,
    updated_by     TEXT    NOT NULL,
    updated_way    TEXT    NOT NULL
) STRICT;

-- What filters of jobs look at, one narrow row for each job, so that those of a large account are read within
-- milliseconds. Triggers keep the columns that are those of job; what has to be folded is written with each edit, and by the
-- upkeep where folded is 0: for jobs from before, and those that a node of a former version has written. Rows go by a
-- trigger too, since a foreign key would need another index.
CREATE TABLE job_search (
    account_id   INTEGER NOT NULL,
    job_id       INTEGER NOT NULL,
    folded       INTEGER NOT NULL, -- title_key, host, changed_by, tag_keys and job_text are those of the job
    title_key    TEXT    NOT NULL,
    host         TEXT    NOT NULL,
    changed_by   TEXT    NOT NULL,
    tag_keys     TEXT    NOT NULL, -- each between line feeds; empty is none
    timezone     TEXT    NOT NULL,
    method       INTEGER NOT NULL,
    folder_id    INTEGER NOT NULL,
    enabled      INTEGER NOT NULL,
    paused_until INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (account_id, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_search_title ON job_search (account_id, title_key, job_id);
CREATE INDEX job_search_changed ON job_search (account_id, updated_at, job_id);
CREATE INDEX job_search_unfolded ON job_search (account_id, job_id) WHERE NOT folded;

-- The texts of a job in lower case, and the hashes of account and each three letters in a row: jobs that can hold a
-- word are found by the hashes, and compared with the text.
CREATE TABLE job_text (
    job_id INTEGER PRIMARY KEY,
    body   TEXT    NOT NULL
) STRICT;
CREATE VIRTUAL TABLE job_gram USING fts5 (grams, content = '', contentless_delete = 1, detail = none, tokenize = ascii);

INSERT INTO job_search
SELECT account_id, id, 0, lower(substr(title, 1, 64)), '', '', '', timezone, method, folder_id, enabled, paused_until, updated_at FROM job;

-- +goose StatementBegin
CREATE TRIGGER job_found AFTER INSERT ON job BEGIN
    INSERT INTO job_search
    VALUES (NEW.account_id, NEW.id, 0, lower(substr(NEW.title, 1, 64)), '', '', '', NEW.timezone, NEW.method, NEW.folder_id,
            NEW.enabled, NEW.paused_until, NEW.updated_at);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER job_found_changed AFTER UPDATE OF title, url, timezone, method, folder_id, enabled, paused_until, updated_at ON job BEGIN
    UPDATE job_search SET timezone = NEW.timezone, method = NEW.method, folder_id = NEW.folder_id, enabled = NEW.enabled,
        paused_until = NEW.paused_until, updated_at = NEW.updated_at,
        folded = folded AND NEW.title = OLD.title AND NEW.url = OLD.url
    WHERE account_id = NEW.account_id AND job_id = NEW.id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER job_found_gone AFTER DELETE ON job BEGIN
    DELETE FROM job_search WHERE account_id = OLD.account_id AND job_id = OLD.id;
    DELETE FROM job_text WHERE job_id = OLD.id;
    DELETE FROM job_gram WHERE rowid = OLD.id;
END;
-- +goose StatementEnd

-- Filters that people have given a name.
CREATE TABLE job_view (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    person_id  INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    title      TEXT    NOT NULL,
    title_key  TEXT    NOT NULL,
    filter     TEXT    NOT NULL, -- as JSON
    sort       INTEGER NOT NULL,
    descending INTEGER NOT NULL,
    UNIQUE (account_id, person_id, title_key)
) STRICT;
CREATE INDEX job_view_person ON job_view (person_id);
