-- +goose Up

-- Claims take what is due in blocks of neighbouring jobs of an account.
DROP INDEX job_state_due;
CREATE INDEX job_state_due ON job_state (claim_at, ((rank + 6) / 8), account_id, rank) WHERE claim_at IS NOT NULL;
DROP INDEX pending_due;
CREATE INDEX pending_due ON pending (claim_at, ((rank + 6) / 8), account_id, rank);
