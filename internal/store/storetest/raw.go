package storetest

// The SQL of tests that knows the schema, so that a change of the schema finds it in one place.

// NoticePerJob adds a notice to the outbox for each job, about an execution whose id is parameter $1.
const NoticePerJob = `INSERT INTO outbox (account_id, event, created_at, job_id, job_title, url, timezone, execution_id,
	kind, attempt, planned_at, started_at, duration_us, status, http_status, fault, reason, failures, cert_expiry_at)
	SELECT account_id, 1, 0, id, title, url, timezone, $1, 0, 1, 0, 0, 0, 4, 500, 0, '', 1, 0 FROM job`

// fillOutbox is NoticePerJob for one job and many notices, written at the instant $2: those with numbers from 1 to $3.
const fillOutbox = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $3)
	INSERT INTO outbox (account_id, event, created_at, job_id, job_title, url, timezone, execution_id,
	kind, attempt, planned_at, started_at, duration_us, status, http_status, fault, reason, failures, cert_expiry_at)
	SELECT account_id, 1, $2, id, title, url, timezone, i, 0, 1, 0, 0, 0, 4, 500, 0, '', 1, 0
	FROM job CROSS JOIN n WHERE id = $1`

// readNotice reads what the outbox says of the one notice of a job.
const readNotice = `SELECT account_id, event, job_title, url, timezone, execution_id, kind, attempt, planned_at, started_at,
	duration_us, status, http_status, fault, reason, failures, cert_expiry_at FROM outbox WHERE job_id = $1`
