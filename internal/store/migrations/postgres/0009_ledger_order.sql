-- +goose Up

-- The key of the ledger in the order of time, so that a herd's records are written side by side and not each to a page of
-- its own, which made every claim write more the longer the ledger was.
ALTER TABLE execution DROP CONSTRAINT execution_pkey;
ALTER TABLE execution ADD PRIMARY KEY (planned_at, job_id, kind, attempt);
