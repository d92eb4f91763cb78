-- +goose Up

-- Claims take what is due in blocks of neighbouring jobs of an account.
DROP INDEX job_state_due;
CREATE INDEX job_state_due ON job_state (claim_at, (rank + 6) / 8, account_id, rank) WHERE claim_at IS NOT NULL;
DROP INDEX pending_due;
CREATE INDEX pending_due ON pending (claim_at, (rank + 6) / 8, account_id, rank);

-- What runs is found as on the other database: executions of a node with ids below its running_from have ended.
UPDATE node SET running_from = coalesce((SELECT min(id) FROM execution INDEXED BY execution_running WHERE outcome = 0),
    (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'execution'), 0) WHERE running_from IS NOT NULL;
DROP INDEX execution_running;
