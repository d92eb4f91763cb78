-- +goose Up

-- The rank of the newest job, so that nothing needs an index of ranks: it would change with every claim.
ALTER TABLE account ADD COLUMN last_rank BIGINT NOT NULL DEFAULT 0;
UPDATE account SET last_rank = coalesce((SELECT max(rank) FROM job_state WHERE account_id = account.id), 0);
DROP INDEX job_state_rank;

-- No index tells by its condition what runs: a result would then be an entry in every index, and not only a new version
-- of the row within its page. Executions of a node with ids below open_from have ended; it is NULL when all have.
ALTER TABLE node ADD COLUMN open_from BIGINT;
UPDATE node SET open_from = 0;
ALTER TABLE node ALTER COLUMN open_from SET DEFAULT nextval('execution_id');
DROP INDEX execution_running;
CREATE INDEX execution_node ON execution (node, id);
ALTER TABLE execution_rest SET (fillfactor = 50);
