-- +goose Up

-- The rank of the newest job, so that nothing needs an index of ranks: it would change with every claim.
ALTER TABLE account ADD COLUMN last_rank INTEGER NOT NULL DEFAULT 0;
UPDATE account SET last_rank = coalesce((SELECT max(rank) FROM job_state WHERE account_id = account.id), 0);
DROP INDEX job_state_rank;

-- As on PostgreSQL, where it is where a search for what runs begins. It is NULL when nothing of a dead node runs.
ALTER TABLE node ADD COLUMN open_from INTEGER DEFAULT 0;
