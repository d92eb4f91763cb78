-- +goose Up

-- What people note about a job, and who made and changed it, apart from the definition: no claim reads it.
CREATE TABLE job_about (
    job_id         BIGINT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    description    TEXT   NOT NULL,
    tags           TEXT   NOT NULL, -- as JSON; empty is none
    created_person BIGINT NOT NULL, -- 0 is none, as in the other ids of authors
    created_key    BIGINT NOT NULL,
    created_by     TEXT   NOT NULL,
    created_way    TEXT   NOT NULL,
    updated_person BIGINT NOT NULL,
    updated_key    BIGINT NOT NULL,
    updated_by     TEXT   NOT NULL,
    updated_way    TEXT   NOT NULL
);

-- What filters of jobs look at, one narrow row for each job, so that those of a large account are read within
-- milliseconds. Triggers keep the columns that are those of job; what has to be folded is written with each edit, and by the
-- upkeep where folded is false: for jobs from before, and those that a node of a former version has written. Rows go by a
-- trigger too, as on SQLite.
CREATE TABLE job_search (
    account_id   BIGINT   NOT NULL,
    job_id       BIGINT   NOT NULL,
    folded       BOOLEAN  NOT NULL, -- title_key, host, changed_by, tag_keys and job_text are those of the job
    title_key    TEXT     NOT NULL COLLATE "C",
    host         TEXT     NOT NULL COLLATE "C",
    changed_by   TEXT     NOT NULL COLLATE "C",
    tag_keys     TEXT     NOT NULL COLLATE "C", -- each between line feeds; empty is none
    timezone     TEXT     NOT NULL COLLATE "C",
    method       SMALLINT NOT NULL,
    folder_id    BIGINT   NOT NULL,
    enabled      BOOLEAN  NOT NULL,
    paused_until BIGINT   NOT NULL,
    updated_at   BIGINT   NOT NULL,
    PRIMARY KEY (account_id, job_id)
);
CREATE INDEX job_search_title ON job_search (account_id, title_key, job_id);
CREATE INDEX job_search_changed ON job_search (account_id, updated_at, job_id);
CREATE INDEX job_search_unfolded ON job_search (account_id, job_id) WHERE NOT folded;

-- The texts of a job in lower case, and the hashes of account and each three letters in a row: jobs that can hold a
-- word are found by the hashes, and compared with the text. The hashes are kept apart from the row, which is read without them.
CREATE TABLE job_text (
    job_id BIGINT PRIMARY KEY,
    body   TEXT   NOT NULL COLLATE "C",
    grams  INT[]  NOT NULL
);
ALTER TABLE job_text ALTER COLUMN grams SET STORAGE EXTERNAL;
ALTER TABLE job_text SET (toast_tuple_target = 256);
CREATE INDEX job_text_grams ON job_text USING gin (grams) WITH (gin_pending_list_limit = 256);

INSERT INTO job_search
SELECT account_id, id, false, lower(left(title, 64) COLLATE "C"), '', '', '', timezone, method, folder_id, enabled, paused_until, updated_at
FROM job;

-- +goose StatementBegin
CREATE FUNCTION find_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO job_search
        VALUES (NEW.account_id, NEW.id, false, lower(left(NEW.title, 64) COLLATE "C"), '', '', '', NEW.timezone, NEW.method, NEW.folder_id,
                NEW.enabled, NEW.paused_until, NEW.updated_at);
    ELSIF TG_OP = 'UPDATE' THEN
        IF (OLD.title, OLD.url, OLD.timezone, OLD.method, OLD.folder_id, OLD.enabled, OLD.paused_until, OLD.updated_at) IS NOT DISTINCT FROM
            (NEW.title, NEW.url, NEW.timezone, NEW.method, NEW.folder_id, NEW.enabled, NEW.paused_until, NEW.updated_at) THEN
            RETURN NULL;
        END IF;
        UPDATE job_search SET timezone = NEW.timezone, method = NEW.method, folder_id = NEW.folder_id, enabled = NEW.enabled,
            paused_until = NEW.paused_until, updated_at = NEW.updated_at,
            folded = folded AND NEW.title = OLD.title AND NEW.url = OLD.url
        WHERE account_id = NEW.account_id AND job_id = NEW.id;
    ELSE
        DELETE FROM job_search WHERE account_id = OLD.account_id AND job_id = OLD.id;
        DELETE FROM job_text WHERE job_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER job_found AFTER INSERT OR UPDATE OR DELETE ON job FOR EACH ROW EXECUTE FUNCTION find_job();

-- Filters that people have given a name.
CREATE TABLE job_view (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    person_id  BIGINT   NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    title      TEXT     NOT NULL,
    title_key  TEXT     NOT NULL COLLATE "C",
    filter     TEXT     NOT NULL, -- as JSON
    sort       SMALLINT NOT NULL,
    descending BOOLEAN  NOT NULL,
    UNIQUE (account_id, person_id, title_key)
);
CREATE INDEX job_view_person ON job_view (person_id);
