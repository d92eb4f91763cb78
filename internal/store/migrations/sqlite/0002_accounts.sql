-- +goose Up

-- Titles are unique in the account whatever their letter case: title_key is the title folded.
CREATE TABLE folder (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title      TEXT    NOT NULL,
    title_key  TEXT    NOT NULL,
    UNIQUE (account_id, title_key)
) STRICT;
CREATE INDEX job_folder ON job (folder_id) WHERE folder_id <> 0;

ALTER TABLE account ADD COLUMN overrides TEXT NOT NULL DEFAULT ''; -- numbers of the plan that differ, as JSON

ALTER TABLE api_key ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN scopes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN allow_from TEXT NOT NULL DEFAULT ''; -- prefixes, separated by commas; empty is any
ALTER TABLE api_key ADD COLUMN hint TEXT NOT NULL DEFAULT '';       -- the last characters of the key

-- Requests counted in fixed windows, for quotas and rates.
CREATE TABLE usage (
    kind      INTEGER NOT NULL,
    subject   INTEGER NOT NULL,
    window_at INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (kind, subject, window_at)
) STRICT, WITHOUT ROWID;
