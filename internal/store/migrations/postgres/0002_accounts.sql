-- +goose Up

-- Titles are unique in the account whatever their letter case: title_key is the title folded.
CREATE TABLE folder (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT   NOT NULL COLLATE "C",
    title_key  TEXT   NOT NULL COLLATE "C",
    UNIQUE (account_id, title_key)
);
CREATE INDEX job_folder ON job (folder_id) WHERE folder_id <> 0;

ALTER TABLE account ADD COLUMN overrides TEXT NOT NULL DEFAULT ''; -- numbers of the plan that differ, as JSON

ALTER TABLE api_key ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE api_key ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN scopes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN allow_from TEXT NOT NULL DEFAULT ''; -- prefixes, separated by commas; empty is any
ALTER TABLE api_key ADD COLUMN hint TEXT NOT NULL DEFAULT '';       -- the last characters of the key

-- Requests counted in fixed windows, for quotas and rates.
CREATE TABLE usage (
    kind      SMALLINT NOT NULL,
    subject   BIGINT   NOT NULL,
    window_at BIGINT   NOT NULL,
    count     BIGINT   NOT NULL,
    PRIMARY KEY (kind, subject, window_at)
) WITH (fillfactor = 50);
