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
