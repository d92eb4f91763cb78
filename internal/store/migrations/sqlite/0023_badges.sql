-- +goose Up

-- How often the addresses of the badges of a job have been renewed; no row for never. It stays while the job is in the bin, so that
-- an address that was renewed away does not come back with the job.
CREATE TABLE job_badge (
    job_id     INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    renewals   INTEGER NOT NULL
) STRICT;
CREATE INDEX job_badge_account ON job_badge (account_id);

ALTER TABLE status_page ADD COLUMN badge_renewals INTEGER NOT NULL DEFAULT 0; -- the same for a status page
