package storetest

import (
	"time"

	"punctual/internal/cron"
)

// ForgetNotes makes a job one from before notes and authors were kept.
func (x *Tables) ForgetNotes(jobID int64) {
	x.t.Helper()
	x.execOne(`DELETE FROM job_about WHERE job_id = $1`, jobID)
}

// Notes counts the jobs with notes.
func (x *Tables) Notes() int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM job_about`)
}

// EndSilence lets the silence of a job have ended.
func (x *Tables) EndSilence(jobID int64, now time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE job SET silenced_until = $2 WHERE id = $1`, jobID, now.Add(-time.Second).UnixMilli())
}

// Maintenance windows.

// SetMaintenanceSpan sets the span of a window that claims look at.
func (x *Tables) SetMaintenanceSpan(id int64, start, end time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE maintenance SET starts_at = $2, ends_at = $3 WHERE id = $1`, id, start.UnixMilli(), end.UnixMilli())
}

// SetMaintenanceFrom sets from when on claims look at the windows of an account.
func (x *Tables) SetMaintenanceFrom(accountID int64, from time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE account SET maintenance_from = $2 WHERE id = $1`, accountID, from.UnixMilli())
}

// MaintenanceFrom is from when on claims look at the windows of an account.
func (x *Tables) MaintenanceFrom(accountID int64) (from time.Time, ok bool) {
	x.t.Helper()
	ms := x.Number(`SELECT coalesce(maintenance_from, -1) FROM account WHERE id = $1`, accountID)
	return time.UnixMilli(min(ms, 1<<50)), ms >= 0
}

// PassedMaintenance counts the windows that are not over and whose span is.
func (x *Tables) PassedMaintenance(now time.Time) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM maintenance WHERE over = false AND ends_at <= $1`, now.UnixMilli())
}

// Sealed values.

// MoveSecret puts the sealed secrets of a job into the row of another one.
func (x *Tables) MoveSecret(to, from int64) {
	x.t.Helper()
	x.execOne(`UPDATE job_secret SET sealed = (SELECT sealed FROM job_secret WHERE job_id = $2) WHERE job_id = $1`, to, from)
}

// SetSecret sets the sealed secrets of a job to an SQL expression.
func (x *Tables) SetSecret(jobID int64, expression string) {
	x.t.Helper()
	x.execOne(`UPDATE job_secret SET sealed = `+expression+` WHERE job_id = $1`, jobID)
}

// SameSecret tells whether the sealed secrets of two jobs are equal.
func (x *Tables) SameSecret(jobID, other int64) bool {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM job_secret AS a JOIN job_secret AS b ON a.sealed = b.sealed
		WHERE a.job_id = $1 AND b.job_id = $2`, jobID, other) > 0
}

// MoveURL puts the sealed URL of a job into the row of another one.
func (x *Tables) MoveURL(to, from int64) {
	x.t.Helper()
	x.execOne(`UPDATE job SET sealed_url = (SELECT sealed_url FROM job WHERE id = $2) WHERE id = $1`, to, from)
}

// SealedURLs counts the jobs with a sealed URL.
func (x *Tables) SealedURLs() int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM job WHERE sealed_url IS NOT NULL`)
}

// MoveTLSKey puts the sealed private key of an account into the row of another one.
func (x *Tables) MoveTLSKey(to, from int64) {
	x.t.Helper()
	x.execOne(`UPDATE account_tls SET sealed_key = (SELECT sealed_key FROM account_tls WHERE account_id = $2)
		WHERE account_id = $1`, to, from)
}

// MoveAnswer puts the sealed answer of an idempotency key into the row of another one.
func (x *Tables) MoveAnswer(to, from string) {
	x.t.Helper()
	x.execOne(`UPDATE idempotency_key SET answer = (SELECT answer FROM idempotency_key WHERE key = $2) WHERE key = $1`, to, from)
}

// MoveACMEFile puts the sealed value of an ACME file into the row of another one.
func (x *Tables) MoveACMEFile(to, from string) {
	x.t.Helper()
	x.execOne(`UPDATE acme_file SET sealed_value = (SELECT sealed_value FROM acme_file WHERE path = $2) WHERE path = $1`, to, from)
}

// EndACMELock ends the lease of the only ACME lock.
func (x *Tables) EndACMELock(at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE acme_lock SET lease_until = $1`, at.UnixMilli())
}

// Idempotency keys.

// AddKeys adds idempotency keys of an account, named "key 1" and so on.
func (x *Tables) AddKeys(accountID int64, count int, at time.Time) {
	x.t.Helper()
	blob := `x'00'`
	if x.isPostgres() {
		blob = `'\x00'`
	}
	x.Exec(`INSERT INTO idempotency_key (account_id, key, request_hash, answer, created_at) `+numbersTo(count)+`
		SELECT CAST($1 AS BIGINT), 'key ' || i, `+blob+`, `+blob+`, CAST($2 AS BIGINT) FROM n`, accountID, at.UnixMilli())
}

// SetKeyTime sets when an idempotency key was used.
func (x *Tables) SetKeyTime(accountID int64, key string, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE idempotency_key SET created_at = $3 WHERE account_id = $1 AND key = $2`, accountID, key, at.UnixMilli())
}

// SetOnlyKeyTime sets when the only idempotency key was used.
func (x *Tables) SetOnlyKeyTime(at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE idempotency_key SET created_at = $1`, at.UnixMilli())
}

// Rate limits.

// MoveWindow moves the only window of a rate limit.
func (x *Tables) MoveWindow(by time.Duration) {
	x.t.Helper()
	x.execOne(`UPDATE usage SET window_at = window_at + $1`, by.Milliseconds())
}

// AddWindows adds windows of a rate limit of the given kind that ended long ago.
func (x *Tables) AddWindows(kind, count int) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO usage (kind, subject, window_at, count) SELECT CAST($1 AS BIGINT), 1, i, 1 FROM n`, kind)
}

// Windows counts the windows of a kind of rate limit.
func (x *Tables) Windows(kind int) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM usage WHERE kind = $1`, kind)
}

// Statistics.

// SetRollupsDue makes the executions of all accounts due to be counted.
func (x *Tables) SetRollupsDue() {
	x.t.Helper()
	x.Exec(`UPDATE rollup_state SET due_at = 0`)
}

// SetRollupsUnpruned makes the statistics of all accounts due to be pruned.
func (x *Tables) SetRollupsUnpruned() {
	x.t.Helper()
	x.Exec(`UPDATE rollup_state SET pruned_at = 0`)
}

// RollupPosition is the ID up to which the executions of an account are counted.
func (x *Tables) RollupPosition(accountID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT coalesce(max(position), 0) FROM rollup_state WHERE account_id = $1`, accountID)
}

// RollupVersion is how often the executions of an account have been counted.
func (x *Tables) RollupVersion(accountID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT version FROM rollup_state WHERE account_id = $1`, accountID)
}

// RollupsDue is how many accounts are due to be counted.
func (x *Tables) RollupsDue(now time.Time) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM rollup_state WHERE due_at <= $1`, now.UnixMilli())
}

// SetOpenSince sets since when late results are waited for.
func (x *Tables) SetOpenSince(at time.Time) {
	x.t.Helper()
	x.Exec(`UPDATE rollup_open SET since = $1`, at.UnixMilli())
}

// SetDeleted sets when the deleted jobs were deleted.
func (x *Tables) SetDeleted(at time.Time) {
	x.t.Helper()
	x.Exec(`UPDATE deleted_job SET deleted_at = $1`, at.UnixMilli())
}

// AddTallies adds statistics of some hours of a job.
func (x *Tables) AddTallies(jobID int64, hours int) {
	x.t.Helper()
	blob := `x''`
	if x.isPostgres() {
		blob = `''::bytea`
	}
	x.Exec(numbersTo(hours)+`INSERT INTO rollup_job (job_id, hour, tally) SELECT CAST($1 AS BIGINT), i, `+blob+` FROM n`, jobID)
}

// TalliesBefore counts the rows of a table of statistics for hours before an instant, and the others.
func (x *Tables) TalliesBefore(table string, at time.Time) (before, others int64) {
	x.t.Helper()
	before = x.Number(`SELECT count(*) FROM `+table+` WHERE hour < $1`, at.Unix()/3600)
	return before, x.Rows(table) - before
}

// RepeatTally gives an account the statistics of its first hour for count hours from another one on, and no others.
func (x *Tables) RepeatTally(from time.Time, count int) {
	x.t.Helper()
	x.Exec(`DELETE FROM rollup_account WHERE hour <> (SELECT min(hour) FROM rollup_account)`)
	x.Exec(numbersTo(count)+`INSERT INTO rollup_account (account_id, hour, tally)
		SELECT account_id, CAST($1 AS BIGINT) + i, tally FROM rollup_account CROSS JOIN n WHERE true ON CONFLICT DO NOTHING`,
		from.Unix()/3600)
}

// Time zone data.

// SetZones stores zone data as a newer process does.
func (x *Tables) SetZones(z *cron.Zones, version, data string) {
	x.t.Helper()
	x.execOne(`UPDATE zone_data SET release = $1, version = $2, data = $3, replanned_to = 0`, z.Release(), version, []byte(data))
	x.Exec(`UPDATE node SET zone_version = $1 WHERE NOT dead`, version)
}

// SetReplanned sets the ID of the job up to which jobs are planned by the present zone data.
func (x *Tables) SetReplanned(to int64) {
	x.t.Helper()
	x.execOne(`UPDATE zone_data SET replanned_to = $1`, to)
}

// EndReplanning marks all jobs as planned by the present zone data.
func (x *Tables) EndReplanning() {
	x.t.Helper()
	x.Exec(`UPDATE zone_data SET replanned_to = NULL`)
}

// Replanning tells whether jobs are left to plan by the present zone data.
func (x *Tables) Replanning() bool {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM zone_data WHERE replanned_to IS NOT NULL`) > 0
}

// SetState sets the result and the start, in Unix milliseconds, of the latest execution of a job.
func (x *Tables) SetState(jobID int64, status int, started int64) {
	x.t.Helper()
	x.execOne(`UPDATE job_state SET last_status = $2, last_execution_at = $3 WHERE job_id = $1`, jobID, status, started)
}

// SetCertificate sets when the certificate of the target of a job ends; zero is never.
func (x *Tables) SetCertificate(jobID int64, ends time.Time) {
	x.t.Helper()
	at := int64(0)
	if !ends.IsZero() {
		at = ends.UnixMilli()
	}
	x.execOne(`UPDATE job_state SET cert_expiry_at = $2 WHERE job_id = $1`, jobID, at)
}

// SetTitle sets the title of a job, as a node does that knows nothing of the search.
func (x *Tables) SetTitle(jobID int64, title string) {
	x.t.Helper()
	x.execOne(`UPDATE job SET title = $2 WHERE id = $1`, jobID, title)
}

// ForgetFindable makes a job one from before there was a search.
func (x *Tables) ForgetFindable(jobID int64) {
	x.t.Helper()
	x.execOne(`DELETE FROM job_text WHERE job_id = $1`, jobID)
	x.execOne(`UPDATE job_search SET folded = $2, title_key = '', tag_keys = '', host = '' WHERE job_id = $1`, jobID, false)
}

// FindableRows counts the rows by which jobs are found.
func (x *Tables) FindableRows() (n int64) {
	x.t.Helper()
	n = x.Number(`SELECT (SELECT count(*) FROM job_search) + (SELECT count(*) FROM job_text)`)
	if !x.isPostgres() {
		n += x.Number(`SELECT count(*) FROM job_gram WHERE job_gram MATCH 'g0 OR g1'`)
	}
	return n
}

// AddProblems adds problems of an account that no job has, in a state since an instant, and returns the greatest ID.
func (x *Tables) AddProblems(accountID int64, n int, state cron.ProblemState, at time.Time) (latest int64) {
	x.t.Helper()
	x.Exec(numbersTo(n)+`INSERT INTO problem (account_id, cause, kind, job_id, state, example, first_execution, opened_at, last_at, resolved_at)
		SELECT CAST($1 AS BIGINT), n.i + CAST($2 AS BIGINT), 1, 0, CAST($3 AS SMALLINT), '', 1, CAST($4 AS BIGINT), CAST($4 AS BIGINT), CAST($4 AS BIGINT) FROM n`,
		accountID, (x.Rows("problem")+1)*1_000_003, int(state), at.UnixMilli())
	return x.Number(`SELECT max(id) FROM problem`)
}
