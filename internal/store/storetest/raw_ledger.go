package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// Record is a row of execution.
type Record struct {
	ID, JobID, Node int64
	Planned         time.Time
	Kind            cron.Kind
	Attempt         int
	Outcome         cron.Outcome
	Fault           cron.Fault
	Started         time.Time
	Lateness        time.Duration
	Last            time.Time
	Count           int64
	AtLeast         bool
	URL             string
}

// Ledger lists the records of some jobs, or of all, by job, planned time, kind and attempt.
func (x *Tables) Ledger(jobIDs ...int64) (list []Record) {
	x.t.Helper()
	of := ""
	for i, id := range jobIDs {
		of += fmt.Sprintf("%s%d", []string{" WHERE job_id IN (", ", "}[min(i, 1)], id)
	}
	if of != "" {
		of += ")"
	}
	x.rows(`SELECT id, job_id, node, planned_at, kind, attempt, outcome, fault, started_at, lateness_us, last_planned_at,
		occurrences, occurrences_at_least, url FROM execution`+of+` ORDER BY job_id, planned_at, kind, attempt`, nil,
		func(scan func(...any)) {
			var (
				r                                Record
				planned, started, last, lateness int64
			)
			scan(&r.ID, &r.JobID, &r.Node, &planned, &r.Kind, &r.Attempt, &r.Outcome, &r.Fault, &started, &lateness, &last,
				&r.Count, &r.AtLeast, &r.URL)
			r.Planned, r.Started, r.Last = timeOf(planned), timeOf(started), timeOf(last)
			r.Lateness = time.Duration(lateness) * time.Microsecond
			list = append(list, r)
		})
	return list
}

// AddExecution adds a record and sets its ID.
func (x *Tables) AddExecution(e *cron.Execution) {
	x.t.Helper()
	r := &e.Result
	last := int64(0)
	if !e.Last.IsZero() {
		last = e.Last.UnixMilli()
	}
	var cause *int64
	if e.Outcome == cron.OutcomeFailed || e.Outcome == cron.OutcomeLost {
		e.Cause = r.Fingerprint()
		cause = new(int64(e.Cause))
	}
	x.execOne(`INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at, status,
			http_status, fault, reason, detail, url, lateness_us, total_us, last_planned_at, occurrences, occurrences_at_least,
			cause, peer)
		VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		e.AccountID, e.JobID, e.Planned.UnixMilli(), int(e.Kind), e.Attempt, int(e.Outcome), r.Started.UnixMilli(),
		int(r.Status), r.HTTPStatus, int(r.Fault), r.Reason, r.Detail, r.URL, e.Lateness.Microseconds(),
		r.Duration.Microseconds(), last, e.Count, e.AtLeast, cause, r.Peer)
	e.ID = x.Number(`SELECT id FROM execution WHERE job_id = $1 AND planned_at = $2 AND kind = $3 AND attempt = $4`,
		e.JobID, e.Planned.UnixMilli(), int(e.Kind), e.Attempt)
}

// AddExecutions adds successful executions of a job, a step apart, the last of them at an instant.
func (x *Tables) AddExecutions(accountID, jobID int64, count int, last time.Time, step time.Duration) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at,
			url, total_us)
		SELECT $1, $2, CAST($3 AS BIGINT) + i * CAST($4 AS BIGINT), 0, 1, 0, 1, CAST($3 AS BIGINT) + i * CAST($4 AS BIGINT),
		       'http://flood/', i
		FROM n ORDER BY i`, accountID, jobID, last.Add(-time.Duration(count)*step).UnixMilli(), step.Milliseconds())
}

// AddFailures adds failed executions of a job, a step apart, the last of them at an instant, with causes that take turns.
func (x *Tables) AddFailures(accountID, jobID int64, count, causes int, last time.Time, step time.Duration) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at,
			url, status, http_status, cause)
		SELECT $1, $2, CAST($3 AS BIGINT) + i * CAST($4 AS BIGINT), 0, 1, 0, 2, CAST($3 AS BIGINT) + i * CAST($4 AS BIGINT),
		       'http://flood/', 4, 500, 1 + i % CAST($5 AS BIGINT)
		FROM n ORDER BY i`, accountID, jobID, last.Add(-time.Duration(count)*step).UnixMilli(), step.Milliseconds(), causes)
}

// AddReruns adds reruns of a job that are due from an instant on.
func (x *Tables) AddReruns(accountID, jobID int64, count int, first time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO pending (job_id, account_id, rank, due_at, claim_at, planned_at, kind, attempt, rerun)
		SELECT $1, $2, 1, CAST($3 AS BIGINT) + i, CAST($3 AS BIGINT) + i, CAST($3 AS BIGINT) + i, 1, 1, 1 FROM n`,
		jobID, accountID, first.UnixMilli())
}

// AddRerunOf makes an execution the rerun of a record.
func (x *Tables) AddRerunOf(e *cron.Execution, of cron.RecordRef) {
	x.t.Helper()
	x.execOne(`INSERT INTO rerun (planned_at, job_id, account_id, record_id, record_planned_at) VALUES ($1, $2, $3, $4, $5)`,
		e.Planned.UnixMilli(), e.JobID, e.AccountID, of.ID, of.Planned.UnixMilli())
}

// AddExecutionPerJob adds a successful execution for each job.
func (x *Tables) AddExecutionPerJob(planned time.Time) {
	x.t.Helper()
	x.Exec(`INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at)
		SELECT account_id, job_id, $1, 0, 1, 0, 1, $1 FROM job_state`, planned.UnixMilli())
}

// BeginLaunch locks the row of a node and adds a running execution of job 1, as a claim on PostgreSQL does before its commit.
func (x *Tables) BeginLaunch(accountID, node int64, planned time.Time) (commit func()) {
	x.t.Helper()
	return x.begin(`WITH claim AS (SELECT epoch FROM node WHERE epoch = $3 AND NOT dead FOR SHARE)
		INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at)
		SELECT $1, 1, $2, 0, 1, epoch, 0, $2 FROM claim`, accountID, planned.UnixMilli(), node)
}

// SetResult writes outcome, lateness and duration of an execution.
func (x *Tables) SetResult(e *cron.Execution) {
	x.t.Helper()
	x.execOne(`UPDATE execution SET outcome = $2, lateness_us = $3, total_us = $4 WHERE id = $1`, e.ID, int(e.Outcome),
		e.Lateness.Microseconds(), e.Result.Duration.Microseconds())
}

// MoveExecution moves the planned time of the only execution of a job.
func (x *Tables) MoveExecution(jobID int64, by time.Duration) {
	x.t.Helper()
	x.execOne(`UPDATE execution SET planned_at = planned_at + $2 WHERE job_id = $1`, jobID, by.Milliseconds())
}

// Executions counts the records with an outcome.
func (x *Tables) Executions(o cron.Outcome) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM execution WHERE outcome = $1`, int(o))
}

// Failed counts the records of an account that the index of failures has.
func (x *Tables) Failed(accountID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM execution WHERE account_id = $1 AND cause IS NOT NULL`, accountID)
}

// Updates counts, on PostgreSQL, the updates so far of tables whose names are like the given one, and those of them that changed
// no index. The connections that made them are to be closed.
func (x *Tables) Updates(table string) (all, hot int64) {
	x.t.Helper()
	x.row(`SELECT sum(n_tup_upd), sum(n_tup_hot_upd) FROM pg_stat_user_tables WHERE relname LIKE $1`, []any{table}, &all, &hot)
	return all, hot
}

// FirstAttempts counts the first attempts with an outcome.
func (x *Tables) FirstAttempts(o cron.Outcome) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM execution WHERE outcome = $1 AND attempt = 1`, int(o))
}

// LaunchesAt counts the first attempts that were planned at an instant and are running or have succeeded.
func (x *Tables) LaunchesAt(planned time.Time) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM execution WHERE planned_at = $1 AND attempt = 1 AND outcome IN (0, 1)`,
		planned.UnixMilli())
}

// OutcomeOf is the outcome of an execution; ok is false when it has no record.
func (x *Tables) OutcomeOf(executionID int64) (o cron.Outcome, ok bool) {
	x.t.Helper()
	n := x.Number(`SELECT coalesce(max(outcome), -1) FROM execution WHERE id = $1`, executionID)
	return cron.Outcome(n), n >= 0
}

// Running reads a running execution: its attempt, and the URL of its job as it is now. ok is false when it does not run, or
// not on the latest node.
func (x *Tables) Running(executionID int64) (attempt int, url string, ok bool) {
	x.t.Helper()
	x.rows(`SELECT execution.attempt, job.url FROM execution JOIN job ON job.id = execution.job_id
		WHERE execution.id = $1 AND outcome = 0 AND node = (SELECT max(epoch) FROM node)`, []any{executionID},
		func(scan func(...any)) {
			scan(&attempt, &url)
			ok = true
		})
	return attempt, url, ok
}

// Missed is the ID of the missed record of a job, and when it was written.
func (x *Tables) Missed(jobID int64) (id int64, written time.Time) {
	x.t.Helper()
	var at int64
	x.row(`SELECT id, started_at FROM execution WHERE job_id = $1 AND outcome = 5`, []any{jobID}, &id, &at)
	return id, timeOf(at)
}

// Gaps counts the records for at least so many occurrences, the first of which was planned at an instant.
func (x *Tables) Gaps(o cron.Outcome, f cron.Fault, first time.Time, occurrences int) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM execution WHERE outcome = $1 AND fault = $2 AND planned_at = $3 AND occurrences >= $4`,
		int(o), int(f), first.UnixMilli(), occurrences)
}

// WrongGaps counts the records of jobs that are due each minute whose number of occurrences is wrong.
func (x *Tables) WrongGaps() int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM execution WHERE occurrences > 0 AND
		occurrences <> (last_planned_at - planned_at) / 60000 + 1`)
}

// Inconsistencies compares the results of failed executions, each of which has a notice, with the states of their jobs.
func (x *Tables) Inconsistencies() (found []string) {
	x.t.Helper()
	for _, same := range [][2]string{
		{`SELECT count(*) FROM execution WHERE outcome NOT IN (2, 4)`, `SELECT 0`},
		{`SELECT sum(failures) FROM job_state`, `SELECT count(*) FROM execution WHERE outcome = 2`},
		{`SELECT count(*) FROM outbox`, `SELECT count(*) FROM job_state WHERE failures > 0`},
	} {
		if got, want := x.Number(same[0]), x.Number(same[1]); got != want {
			found = append(found, fmt.Sprintf("%s: %d, want %d as of %s", same[0], got, want, same[1]))
		}
	}
	return found
}

// AddResponses adds a response to each execution, on SQLite.
func (x *Tables) AddResponses(size int) {
	x.t.Helper()
	x.Exec(`INSERT INTO response (execution_id, planned_at, body) SELECT id, planned_at, zeroblob($1) FROM execution`, size)
}

// Responses counts the responses of an execution.
func (x *Tables) Responses(executionID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM response WHERE execution_id = $1`, executionID)
}

// BreakReferences leaves rows that refer to nothing.
func (x *Tables) BreakReferences() {
	x.t.Helper()
	x.execOne(`INSERT INTO response (execution_id, planned_at) VALUES (1000, 0)`)
	x.AddNoticePerJob(1000)
	x.Clear("job_state")
}

// Nodes.

// EndLease ends the lease of a node at an instant.
func (x *Tables) EndLease(epoch int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE node SET lease_until = $2 WHERE epoch = $1`, epoch, at.UnixMilli())
}

// SetHeartbeat makes a node one that sent its last heartbeat at a time.
func (x *Tables) SetHeartbeat(epoch int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE node SET heartbeat_at = $2 WHERE epoch = $1`, epoch, at.UnixMilli())
}

// EndLeases ends the leases of all nodes.
func (x *Tables) EndLeases() {
	x.t.Helper()
	x.Exec(`UPDATE node SET lease_until = 0`)
}

// Leases counts the nodes whose lease lasts beyond an instant.
func (x *Tables) Leases(beyond time.Time) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM node WHERE NOT dead AND lease_until > $1`, beyond.UnixMilli())
}

// Nodes counts those of the given nodes that the database has.
func (x *Tables) Nodes(epochs ...int64) (n int64) {
	x.t.Helper()
	for _, epoch := range epochs {
		n += x.Number(`SELECT count(*) FROM node WHERE epoch = $1`, epoch)
	}
	return n
}

// LiveNodes counts the nodes that are not dead.
func (x *Tables) LiveNodes() int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM node WHERE NOT dead`)
}

// LiveNodesNamed counts the nodes of a name that are not dead.
func (x *Tables) LiveNodesNamed(name string) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM node WHERE NOT dead AND name = $1`, name)
}

// IsDead tells whether a node was declared dead.
func IsDead(ctx context.Context, db *sql.DB, epoch int64) (dead bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT dead FROM node WHERE epoch = $1`, epoch).Scan(&dead)
	return dead, err
}

// WorkingNodes counts the nodes that have ended an execution.
func (x *Tables) WorkingNodes() int64 {
	x.t.Helper()
	return x.Number(`SELECT count(DISTINCT node) FROM execution WHERE node <> 0 AND outcome <> 0`)
}

// KillNodes declares all nodes dead since an instant.
func (x *Tables) KillNodes(at time.Time) {
	x.t.Helper()
	x.Exec(`UPDATE node SET started_at = $1, lease_until = $1, dead = (1 = 1)`, at.UnixMilli())
}

// Notices.

const noticeColumns = `account_id, event, created_at, job_id, job_title, url, timezone, execution_id, kind, attempt, planned_at,
	started_at, duration_us, status, http_status, fault, reason, failures, cert_expiry_at`

// AddNoticePerJob adds a notice for each job, about an execution.
func (x *Tables) AddNoticePerJob(executionID int64) {
	x.t.Helper()
	x.Exec(`INSERT INTO outbox (`+noticeColumns+`)
		SELECT account_id, 1, 0, id, title, url, timezone, $1, 0, 1, 0, 0, 0, 4, 500, 0, '', 1, 0 FROM job`, executionID)
}

// AddNotices adds notices of a job, about executions with IDs from 1 on.
func (x *Tables) AddNotices(jobID int64, count int, created time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO outbox (`+noticeColumns+`)
		SELECT account_id, 1, $2, id, title, url, timezone, i, 0, 1, 0, 0, 0, 4, 500, 0, '', 1, 0
		FROM job CROSS JOIN n WHERE id = $1`, jobID, created.UnixMilli())
}

// Notices lists the kinds of the notices of a job, the oldest first.
func (x *Tables) Notices(jobID int64) (kinds []cron.NoticeKind) {
	x.t.Helper()
	x.rows(`SELECT event FROM outbox WHERE job_id = $1 ORDER BY id`, []any{jobID}, func(scan func(...any)) {
		var k cron.NoticeKind
		scan(&k)
		kinds = append(kinds, k)
	})
	return kinds
}

// Notice reads the only notice of a job: the columns of noticeColumns, and created apart.
func (x *Tables) Notice(jobID int64) (columns []any, created time.Time) {
	x.t.Helper()
	columns = make([]any, 19)
	to := make([]any, len(columns))
	for i := range columns {
		to[i] = &columns[i]
	}
	x.row(`SELECT `+noticeColumns+` FROM outbox WHERE job_id = $1`, []any{jobID}, to...)
	return append(columns[:2:2], columns[4:]...), timeOf(columns[2].(int64))
}

// NoticesAfter counts the notices of a kind that followed so many failures.
func (x *Tables) NoticesAfter(kind cron.NoticeKind, failures int) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM outbox WHERE event = $1 AND failures = $2`, int(kind), failures)
}

// OldestNotice is the ID of the oldest execution that a job has a notice about.
func (x *Tables) OldestNotice(jobID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT min(execution_id) FROM outbox WHERE job_id = $1`, jobID)
}

// Changes of jobs.

// SetChanged sets when a change of a job was made.
func (x *Tables) SetChanged(changeID int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE job_change SET changed_at = $2 WHERE id = $1`, changeID, at.UnixMilli())
}

// AddOldChanges adds changes that were made long ago.
func (x *Tables) AddOldChanges(count int) {
	x.t.Helper()
	x.Exec(numbersTo(count) + `INSERT INTO job_change (account_id, job_id, kind, changed_at) SELECT 1, 1, 2, 1 FROM n`)
}

// BeginJobChange adds a change of a job in a transaction that is open until commit is called.
func (x *Tables) BeginJobChange(accountID, jobID int64) (id int64, commit func()) {
	x.t.Helper()
	tx, commit := x.open(sql.LevelDefault)
	x.ok(tx.QueryRowContext(x.t.Context(), `INSERT INTO job_change (account_id, job_id, kind, changed_at)
		VALUES ($1, $2, 1, 1) RETURNING id`, accountID, jobID).Scan(&id))
	return id, commit
}

// BeginDump reads tables in a transaction that is open until the test ends, as a dump does.
func (x *Tables) BeginDump() {
	x.t.Helper()
	tx, _ := x.open(sql.LevelRepeatableRead)
	_, err := tx.ExecContext(x.t.Context(), `SELECT count(*) FROM execution, job_change`)
	x.ok(err)
}
