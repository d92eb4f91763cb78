package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// Statements of many rows send an array for each column: one statement, one round trip.

var (
	postgresInsertRecords = `INSERT INTO execution (` + batchNames(recordBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(recordBatch) + `)
		ON CONFLICT DO NOTHING RETURNING id, job_id, planned_at, kind, attempt`

	copiedRecordBatch   = append([]batchColumn[*record]{batch("id", "bigint", func(r *record) int64 { return r.id })}, recordBatch...)
	postgresCopyRecords = copyStatement("execution", copiedRecordBatch)

	launchResultBatch = slices.Concat([]batchColumn[*cron.Completion]{
		batch("id", "bigint", func(c *cron.Completion) int64 { return c.Launch.ExecutionID }),
	}, launchBatch, resultBatch)
	resultRows = arrayRows(launchResultBatch)

	postgresInsertResponses = `INSERT INTO response (` + batchNames(responseBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(responseBatch) + `)`
	postgresCopyResponses = copyStatement("response", responseBatch)

	// The rows are locked in the order of the arrays.
	postgresSaveProblems = `INSERT INTO problem (` + batchNames(problemBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(problemBatch) + `)` + problemConflict

	postgresInsertPendingReruns = `INSERT INTO pending (` + batchNames(pendingRerunBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(pendingRerunBatch) + `)`
	postgresInsertReruns = `INSERT INTO rerun (` + batchNames(rerunBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(rerunBatch) + `)`

	postgresInsertNotices = `INSERT INTO outbox (` + batchNames(noticeBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(noticeBatch) + `)`

	postgresInsertMonitorResults = `INSERT INTO monitor_result (` + batchNames(monitorResultBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(monitorResultBatch) + `)`
	postgresSaveMonitors = `INSERT INTO monitor (` + batchNames(monitorBatch, "#") + `)
		SELECT * FROM unnest(` + arrays(monitorBatch) + `)` + monitorConflict

	postgresLockRuns = `UPDATE job_state SET
		last_duration_us = CASE WHEN ` + runsOnly + ` THEN r.last_duration_us ELSE job_state.last_duration_us END,
		last_execution_at = CASE WHEN ` + runsOnly + ` THEN r.last_execution_at ELSE job_state.last_execution_at END
		FROM (` + arrayRows(ranBatch) + `) AS r LEFT JOIN job ON job.id = CASE WHEN NOT r.plain THEN r.job_id END
		WHERE job_state.job_id = r.job_id
		RETURNING job_state.job_id, job_state.account_id, job_state.problem_id, ` + stateNames + `, ` + toldNames + `,
			(SELECT true FROM status_component_job WHERE status_component_job.job_id = r.job_id LIMIT 1) IS NOT NULL, ` + concludedNames
	postgresConcluded = `SELECT job.id, ` + concludedNames + ` FROM job WHERE job.id = ANY ($1::bigint[])`
	concludedNames    = names("job", jobConcluded(new(cron.Job)))

	keyedStateBatch    = slices.Concat(stateKeyBatch, stateBatch)
	postgresSaveStates = postgresUpdateStates(stateBatch)
	keyedRunBatch      = slices.Concat(stateKeyBatch, runBatch)
	postgresSaveRuns   = postgresUpdateStates(runBatch)
)

// postgresSaveResults writes results to the table execution, or to one of its partitions, and tells the numbers of those that it wrote. A
// launch that a failover forgot may have been made again by the same node, as another record, and its ID may have become that of one.
func postgresSaveResults(table string) string {
	return `UPDATE ` + table + ` AS execution SET ` + batchNames(resultBatch, "# = r.#") + `
		FROM (` + resultRows + `) AS r
		WHERE execution.job_id = r.job_id AND execution.planned_at = r.planned_at AND execution.kind = r.kind
		  AND execution.attempt = r.attempt AND execution.node = r.node AND execution.id = r.id
		  AND (execution.outcome = 0 OR execution.outcome = 4 AND r.outcome <> 4)
		RETURNING r.n`
}

// arrayRows selects the rows whose columns are the parameters, and their numbers as n, from 1 on. An unnest of all of them would make a list of each column first. An
// element of fixed length is found by its number at once.
func arrayRows[R any](table []batchColumn[R]) string {
	values, lists, named := make([]string, len(table)), []string(nil), []string(nil)
	for i, c := range table {
		parameter := "$" + strconv.Itoa(i+1) + "::" + c.kind + "[]"
		if c.fixed && i > 0 {
			values[i] = "(" + parameter + ")[n] AS " + c.name
			continue
		}
		values[i] = c.name
		lists, named = append(lists, parameter), append(named, c.name)
	}
	return `SELECT ` + strings.Join(values, ", ") + `, n FROM unnest(` + strings.Join(lists, ", ") + `) WITH ORDINALITY AS lists (` +
		strings.Join(named, ", ") + `, n)`
}

// postgresUpdateStates is an update of some columns of job_state. Its arrays come after that of stateKeyBatch.
func postgresUpdateStates(batch []batchColumn[*cron.JobRecord]) string {
	keyed := slices.Concat(stateKeyBatch, batch)
	return `UPDATE job_state SET ` + batchNames(batch, "# = s.#") + `
		FROM unnest(` + arrays(keyed) + `) AS s (` + batchNames(keyed, "#") + `)
		WHERE job_state.job_id = s.job_id`
}

// runsOnly is the condition for postgresLockRuns to write when the job ran and how long.
const runsOnly = `r.quiet AND job_state.problem_id IS NULL AND r.last_execution_at >= job_state.last_execution_at`

// ran is what a result says of the latest execution of its job.
type ran struct {
	*cron.Completion
	quiet bool // it is a success, and the only result of the job in its batch
	plain bool // it is quiet, and nothing follows from it if all was well before, whatever the definition says
}

// isPlain tells whether a quiet result is plain.
func isPlain(c *cron.Completion) bool {
	after := c.Launch.Job.Policy.LateAfter
	return c.Result.Outcome() == cron.OutcomeSucceeded && c.Result.CertExpiry.IsZero() && (after == 0 || c.Lateness() <= after)
}

// allWell tells whether a success changes no counter and ends nothing.
func (l *lockedJob) allWell() bool {
	st := &l.State
	return st.Failures == 0 && st.CountedFailures == 0 && !st.FailureUntold && st.FailingSince.IsZero() && st.Told == cron.ToldNothing && l.ProblemID == 0
}

// ranBatch are the parameters of postgresLockRuns.
var ranBatch = []batchColumn[*ran]{
	batch("job_id", "bigint", func(r *ran) int64 { return r.Launch.Job.ID }),
	batch("last_duration_us", "bigint", func(r *ran) int64 { return r.Result.Duration.Microseconds() }),
	batch("last_execution_at", "bigint", func(r *ran) int64 { return millis(r.Result.Started) }),
	batch("quiet", "boolean", func(r *ran) bool { return r.quiet }),
	batch("plain", "boolean", func(r *ran) bool { return r.plain }),
}

// secretsIn implements engine: an array of accounts and one of names.
func (*postgresEngine) secretsIn(keys []secretKey) (condition string, args []any) {
	return `(account_id, name) IN (SELECT * FROM unnest($1::bigint[], $2::text[]))`, []any{
		column(keys, func(k secretKey) int64 { return k.account }), column(keys, func(k secretKey) string { return k.name }),
	}
}

func (*postgresEngine) insertRecords(ctx context.Context, q queryer, records []*record) error {
	if len(records) == 0 {
		return nil
	}
	if len(records) >= copyFrom && !isCareful(ctx) {
		return copyRecords(ctx, q, records)
	}
	return readNewIDs(ctx, q, records, "insert rows", postgresInsertRecords, arrayArgs(recordBatch, records)...)
}

// copyRecords is insertRecords for records none of which should be in the ledger.
func copyRecords(ctx context.Context, q queryer, records []*record) error {
	// Who takes IDs holds this lock, as an INSERT does, until its rows are visible: see watermarkState.
	if _, err := q.ExecContext(ctx, `LOCK TABLE ONLY execution IN ROW EXCLUSIVE MODE`); err != nil {
		return err
	}
	n := 0
	err := each(ctx, q, "take IDs", func(scan scanner) error {
		err := scan(integer(&records[n].id))
		n++
		return err
	}, `SELECT nextval('execution_id') FROM generate_series(1, $1)`, len(records))
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, postgresCopyRecords, makeCopy(copiedRecordBatch, records))
	return err
}

func (*postgresEngine) savePlans(ctx context.Context, q queryer, plans []plan) error {
	if len(plans) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx,
		`UPDATE job_state SET next_run_at = p.next_run_at, claim_at = p.claim_at
		 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS p (job_id, next_run_at, claim_at)
		 WHERE job_state.job_id = p.job_id`,
		column(plans, func(p plan) int64 { return p.jobID }),
		column(plans, func(p plan) *int64 { return nullable(p.next) }),
		column(plans, func(p plan) *int64 { return nullable(p.claimAt) }))
	return err
}

func nullable(n sql.NullInt64) *int64 {
	if !n.Valid {
		return nil
	}
	return &n.Int64
}

// takeResults implements engine. After most successes nothing changes of a state but when the job ran and how long. So the statement
// that locks and reads the states writes that, too: a row is looked up and changed once, and not once each. Whatever else follows, and
// everything about jobs that have a problem, whose latest execution before is still needed, is written as for other results. What a
// definition says of results is read only where something can follow from it.
func (e *postgresEngine) takeResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	saved []*cron.Completion, jobs map[int64]*lockedJob, err error) {
	saved, err = e.saveResults(ctx, q, completions)
	if err != nil || len(saved) == 0 {
		return nil, nil, err
	}
	latest, quiet := make([]*ran, 0, len(saved)), make(map[int64]*ran, len(saved))
	for _, c := range saved {
		if r, seen := quiet[c.Launch.Job.ID]; seen {
			r.quiet, r.plain = false, false
			continue
		}
		r := &ran{c, c.Result.Outcome() == cron.OutcomeSucceeded, isPlain(c)}
		latest, quiet[c.Launch.Job.ID] = append(latest, r), r
	}
	jobs, err = lockRuns(ctx, q, latest, quiet)
	for id, job := range jobs {
		job.ran = quiet[id].quiet && job.ProblemID == 0
	}
	return saved, jobs, err
}

// lockRuns runs postgresLockRuns, and then reads what Conclude needs of the definitions of jobs whose plain result is not the whole matter.
func lockRuns(ctx context.Context, q queryer, latest []*ran, byJob map[int64]*ran) (map[int64]*lockedJob, error) {
	var (
		rec   lockedJob
		shown bool // a component has the job
		rest  []int64
	)
	j, st := &rec.Job, &rec.State
	into := scanners([]columns{jobState(st), jobTold(st)}, flag(&shown))
	into = append([]sql.Scanner{integer(&j.ID), integer(&j.AccountID), integer(&rec.ProblemID)}, into...)
	for _, f := range optional(jobConcluded(j)) {
		into = append(into, f.(field))
	}
	jobs, err := keepLocked(ctx, q, len(latest), &rec, into, func() {
		if !byJob[rec.ID].plain {
			return
		}
		if shown || !rec.allWell() {
			rest = append(rest, rec.ID)
		}
		rec.Enabled = true
	}, postgresLockRuns, arrayArgs(ranBatch, latest)...)
	if err != nil || len(rest) == 0 {
		return jobs, err
	}
	var read cron.Job
	into = scanners([]columns{jobConcluded(&read)})
	into = append([]sql.Scanner{integer(&read.ID)}, into...)
	err = eachInto(ctx, q, "read the jobs", into, func() error {
		read.AccountID = jobs[read.ID].AccountID
		jobs[read.ID].Job = read
		return nil
	}, postgresConcluded, rest)
	return jobs, err
}

// jobConcluded is concludedNames.
func jobConcluded(j *cron.Job) columns {
	return func(list *columnList) {
		jobHeld(j)(list)
		jobNotification(j)(list)
		list.add("type", integer(&j.Type))
		list.add("enabled", flag(&j.Enabled))
	}
}

func (e *postgresEngine) saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	[]*cron.Completion, error) {
	took := make(map[*cron.Completion]bool, len(completions)) // a completion that is in the batch twice counts once
	for table, part := range e.byDay.divide(completions) {
		err := each(ctx, q, "write the results of "+table, func(scan scanner) error {
			var n int64
			if err := scan(integer(&n)); err != nil {
				return err
			}
			took[part[n-1]] = true
			return nil
		}, postgresSaveResults(table), arrayArgs(launchResultBatch, part)...)
		if err != nil {
			return nil, err
		}
	}
	saved := make([]*cron.Completion, 0, len(took))
	for _, c := range completions {
		if took[c] {
			delete(took, c)
			saved = append(saved, c)
		}
	}
	return saved, saveResponses(ctx, q, saved)
}

// saveResponses saves headers and bodies, where they are to be saved, of executions whose result was just accepted.
func saveResponses(ctx context.Context, q queryer, completions []*cron.Completion) error {
	saved := make([]*cron.Completion, 0, len(completions))
	for _, c := range completions {
		if hasResponse(&c.Result) {
			saved = append(saved, c)
		}
	}
	if len(saved) == 0 {
		return nil
	}
	if len(saved) >= copyFrom {
		_, err := q.ExecContext(ctx, postgresCopyResponses, makeCopy(responseBatch, saved))
		return err
	}
	_, err := q.ExecContext(ctx, postgresInsertResponses, arrayArgs(responseBatch, saved)...)
	return err
}

func (*postgresEngine) saveProblems(ctx context.Context, q queryer, rows []*problemRow) error {
	byKey := make(map[problemKey]*problemRow, len(rows))
	for _, r := range rows {
		byKey[r.problemKey] = r
	}
	return each(ctx, q, "write problems", func(scan scanner) error {
		var row problemRow
		if err := scan(&row.id, &row.account, integer(&row.cause)); err != nil {
			return err
		}
		byKey[row.problemKey].id = row.id
		return nil
	}, postgresSaveProblems, arrayArgs(problemBatch, rows)...)
}

func (*postgresEngine) saveRuns(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, postgresSaveRuns, arrayArgs(keyedRunBatch, jobs)...)
	return err
}

func (*postgresEngine) saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, postgresSaveStates, arrayArgs(keyedStateBatch, jobs)...)
	return err
}

func (*postgresEngine) insertReruns(ctx context.Context, q queryer, runs []*rerun) error {
	if _, err := q.ExecContext(ctx, postgresInsertPendingReruns, arrayArgs(pendingRerunBatch, runs)...); err != nil {
		return err
	}
	_, err := q.ExecContext(ctx, postgresInsertReruns, arrayArgs(rerunBatch, runs)...)
	return err
}

func (*postgresEngine) insertNotices(ctx context.Context, q queryer, notices []*cron.Notice) error {
	_, err := q.ExecContext(ctx, postgresInsertNotices, arrayArgs(noticeBatch, notices)...)
	return err
}

func (*postgresEngine) insertMonitorResults(ctx context.Context, q queryer, results []*monitorResult) error {
	_, err := q.ExecContext(ctx, postgresInsertMonitorResults, arrayArgs(monitorResultBatch, results)...)
	return err
}

func (*postgresEngine) saveMonitors(ctx context.Context, q queryer, rows []*monitor) error {
	_, err := q.ExecContext(ctx, postgresSaveMonitors, arrayArgs(monitorBatch, rows)...)
	return err
}
