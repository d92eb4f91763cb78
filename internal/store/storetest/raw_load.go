package storetest

import (
	"fmt"
	"time"
)

// AddLoad adds jobs of 200 accounts with ten executions of the day of now each, some of them running, with responses,
// pending attempts and notices. All jobs are copies of the given one, and the first thousand are due: plans must not depend on how many
// come due while a test runs.
func (x *Tables) AddLoad(jobID int64, jobs int, now time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(200) + `INSERT INTO account (email, plan, disabled, created_at)
		SELECT 'account ' || i, 'default', 1 = 0, 0 FROM n`)
	x.CopyJob(jobID, jobs)
	x.Exec(`UPDATE job SET account_id = (SELECT min(id) FROM account) + id % 200`)
	x.Exec(`UPDATE job_search SET account_id = (SELECT account_id FROM job WHERE id = job_id)`)
	x.Exec(`UPDATE job_state SET account_id = (SELECT account_id FROM job WHERE id = job_id), rank = job_id / 200,
		next_run_at = CAST($1 AS BIGINT) + job_id + job_id / 1000 * 3600000, claim_at = CAST($1 AS BIGINT) + job_id + job_id / 1000 * 3600000`, now.Add(-10*time.Second).UnixMilli())
	day := now.Truncate(24 * time.Hour)
	step := max(now.Sub(day)/12, time.Millisecond) // all are past, at any time of day
	x.Exec(fmt.Sprintf(`%s INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, cause, started_at)
		SELECT account_id, id, CAST($1 AS BIGINT) + i * %[2]d, 0, 1, 1,
		       CASE WHEN i = 1 AND id %% 500 = 0 THEN 0 WHEN i = 5 THEN 2 ELSE 1 END,
		       CASE WHEN i = 5 THEN CAST($1 AS BIGINT) END, CAST($1 AS BIGINT) + i * %[2]d
		FROM job CROSS JOIN n`, numbersTo(10), step.Milliseconds()), day.UnixMilli())
	x.Exec(`INSERT INTO response (execution_id, planned_at, body) SELECT id, planned_at, NULL FROM execution`)
	x.Exec(`INSERT INTO pending (job_id, account_id, rank, due_at, claim_at, planned_at, kind, attempt)
		SELECT job_id, account_id, rank, CAST($1 AS BIGINT) + job_id + job_id / 1000 * 3600000, CAST($1 AS BIGINT) + job_id + job_id / 1000 * 3600000, $1, 0, 2
		FROM job_state WHERE job_id % 10 = 0`, now.UnixMilli())
	x.Exec(`INSERT INTO test_run (account_id, job_id, state, created_at, expires_at)
		SELECT account_id, id, 2, $1, CAST($1 AS BIGINT) + 900000 FROM job`, now.UnixMilli())
	x.Exec(numbersTo(20)+`INSERT INTO maintenance (account_id, title, effect, once_from, once_to, duration, timezone, expires_at, seconds, minutes,
		    hours, mdays, months, wdays, days, last_day, dst, job_ids, folder_ids, tags, starts_at, ends_at, over, created_at, updated_at, updated_by)
		SELECT account.id, 'window', 1, $1, $2, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, false, 0, '', '', '["a"]', $1, CAST($2 AS BIGINT) - i, i > 1, 0, 0, ''
		FROM account CROSS JOIN n`, now.Add(-time.Hour).UnixMilli(), now.Add(-time.Minute-time.Second).UnixMilli())
	x.Exec(`UPDATE account SET maintenance_from = $1 WHERE id % 20 = 1`, now.Add(-time.Hour).UnixMilli())
	x.AddNoticePerJob(1)
}

// AddHistory adds executions of some jobs with consecutive IDs from the given one on, in the order of their time over the
// days up to now. One in a hundred failed, and none was missed.
func (x *Tables) AddHistory(jobID int64, jobs, executions, days int, now time.Time) {
	x.t.Helper()
	today := now.UTC().Truncate(24 * time.Hour)
	for day := today.AddDate(0, 0, -days); x.isPostgres() && day.Before(today); day = day.AddDate(0, 0, 1) {
		x.Exec(fmt.Sprintf(`CREATE TABLE execution_%s PARTITION OF execution FOR VALUES FROM (%d) TO (%d)`,
			day.Format("20060102"), day.UnixMilli(), day.AddDate(0, 0, 1).UnixMilli()))
	}
	step := time.Duration(days) * 24 * time.Hour / time.Duration(executions)
	x.Exec(fmt.Sprintf(`%s INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome,
			started_at, status, http_status, reason, url, total_us, lateness_us, cause)
		SELECT job.account_id, job.id + i %% %d, CAST($2 AS BIGINT) + CAST(i AS BIGINT) * %d, 0, 1, 1,
		       CASE WHEN i %% 100 = 0 THEN 2 ELSE 1 END, CAST($2 AS BIGINT) + CAST(i AS BIGINT) * %[3]d + 2, 1, 200, 'OK',
		       'https://example.com/path/of/some/length?job=' || i %% %[2]d, i %% 100000, i %% 5000,
		       CASE WHEN i %% 100 = 0 THEN 1 + i %% 700 END
		FROM n CROSS JOIN job WHERE job.id = $1 ORDER BY i`, numbersTo(executions), jobs, step.Milliseconds()),
		jobID, now.UnixMilli()-int64(executions)*step.Milliseconds())
	x.Exec(`ANALYZE`)
	if !x.isPostgres() {
		x.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	}
}

// AddPeople adds people with one of everything that a person can have, and twice as many entries of the audit log, on
// PostgreSQL.
func (x *Tables) AddPeople(count int) {
	x.t.Helper()
	hash := x.hashed(`i`)
	x.Exec(numbersTo(count) + `INSERT INTO person (email, name, zone, language, theme, password_hash, operator, disabled, confirmed,
			created_at)
		SELECT 'person ' || i, '', '', '', '', '', i % 1000 = 0, false, true, 0 FROM n`)
	x.Exec(`INSERT INTO membership (account_id, person_id, role, created_at)
		SELECT (SELECT min(id) FROM account) + id % 200, id, 1 + id % 3, 0 FROM person WHERE id % 3 = 0`)
	x.Exec(numbersTo(count) + `INSERT INTO session (hash, person_id, account_id, way, console, second, created_at, signed_in_at,
			last_seen_at, expires_at, address, user_agent)
		SELECT ` + hash + `, person.id, 1, '', true, false, 0, 0, 0, 4102444800000, '', '' FROM n JOIN person ON email = 'person ' || i`)
	x.Exec(numbersTo(count) + `INSERT INTO link (hash, kind, person_id, account_id, email, role, made_by, created_at, expires_at, detail)
		SELECT ` + hash + `, 1 + i % 5, CASE i % 5 WHEN 4 THEN 0 ELSE i END, CASE i % 5 WHEN 4 THEN i % 200 ELSE 0 END, 'person ' || i, 1,
		       i % 100, 0, 4102444800000, '' FROM n`)
	x.Exec(numbersTo(count) + `INSERT INTO passkey (person_id, credential_id, credential, title, created_at, last_used_at)
		SELECT person.id, ` + hash + `, '', '', 0, 0 FROM n JOIN person ON email = 'person ' || i`)
	x.Exec(numbersTo(count) + `INSERT INTO recovery_code (person_id, hash)
		SELECT person.id, ` + hash + ` FROM n JOIN person ON email = 'person ' || i`)
	x.Exec(numbersTo(count) + `INSERT INTO identity (issuer, subject, person_id, email, created_at)
		SELECT 'issuer', i, person.id, '', 0 FROM n JOIN person ON email = 'person ' || i`)
	x.Exec(numbersTo(count) + `INSERT INTO api_key (account_id, title, hash, hint, disabled, expires_at, scopes, allow_from, created_at,
			made_by)
		SELECT membership.account_id, '', ` + hash + `, '', false, 0, 0, '', 0, person_id
		FROM n JOIN person ON email = 'person ' || i JOIN membership ON person_id = person.id`)
	x.Exec(numbersTo(count) + `INSERT INTO used_challenge (hash, expires_at) SELECT ` + hash + `, 4102444800000 FROM n`)
	x.Exec(numbersTo(2*count) + `INSERT INTO audit (account_id, at, actor, person_id, key_id, session_id, way, address, action, object,
		object_id, title, changes) SELECT i % 200, 1800000000000 + i, '', i % 7, 0, 0, '', '', 'job.change', 'job', i % 1000, '', '' FROM n`)
}

// AddFindable adds jobs to the account of a job, with all kinds of texts, tags and states. The upkeep makes them findable. One of
// them has the tag zebra and one the word quagga in its description, every thousandth has failed, every tenth was never executed.
func (x *Tables) AddFindable(jobID int64, jobs int) {
	x.t.Helper()
	x.CopyJob(jobID, jobs)
	word := func(divisor int) string {
		return fmt.Sprintf(`CASE id / %d %% 8 WHEN 0 THEN 'backup' WHEN 1 THEN 'nightly' WHEN 2 THEN 'report' WHEN 3 THEN 'invoice'
			WHEN 4 THEN 'cache' WHEN 5 THEN 'import' WHEN 6 THEN 'Export' ELSE 'cleanup' END`, divisor)
	}
	x.Exec(`UPDATE job SET title = ` + word(1) + ` || ' ' || ` + word(8) + ` || ' ' || id, method = id % 4, enabled = (id % 20 <> 0),
		url = 'https://host' || (id % 500) || '.example.com/' || ` + word(64) + ` || '?id=' || (id * 7919), updated_at = updated_at - id * 1000`)
	x.Exec(`INSERT INTO job_about SELECT id, 'What to do when it fails: look at the dashboard of the team, then call ' || ` + word(3) + `
		|| CASE WHEN id % 70000 = 69999 THEN ' quagga' ELSE '' END,
		CASE WHEN id % 70000 = 60000 THEN '["zebra"]' ELSE '["Prod","team' || (id % 50) || '"]' END,
		0, 1, 'deploy', 'api', 0, 1, 'deploy', 'api', NULL FROM job WHERE id NOT IN (SELECT job_id FROM job_about)`)
	x.Exec(`UPDATE job_state SET last_status = CASE WHEN job_id % 1000 = 0 THEN 4 WHEN job_id % 10 = 1 THEN 0 ELSE 1 END,
		last_execution_at = CASE WHEN job_id % 10 = 1 THEN 0 ELSE 1700000000000 + job_id * 7919 % 100000 END,
		next_run_at = CASE WHEN job_id % 20 = 0 THEN NULL ELSE 1900000000000 + job_id * 7919 % 100000 END, claim_at = NULL`)
}
