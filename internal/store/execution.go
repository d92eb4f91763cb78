package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

// storable removes from s what a database would refuse, so that a response never makes a batch fail.
func storable(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// executionRow is the columns of execution.
func executionRow(e *cron.Execution) columns {
	return func(list *columnList) {
		r, t := &e.Result, &e.Result.Stats
		list.add("id", integer(&e.ID))
		list.add("job_id", integer(&e.JobID))
		list.add("account_id", integer(&e.AccountID))
		list.add("planned_at", moment(&e.Planned))
		list.add("kind", integer(&e.Kind))
		list.add("attempt", integer(&e.Attempt))
		list.add("outcome", integer(&e.Outcome))
		list.add("started_at", moment(&r.Started))
		list.add("status", integer(&r.Status))
		list.add("http_status", integer(&r.HTTPStatus))
		list.add("fault", integer(&r.Fault))
		list.add("reason", text(&r.Reason))
		list.add("detail", text(&r.Detail))
		list.add("url", text(&r.URL))
		list.add("lookup_us", inMicroseconds(&t.NameLookup))
		list.add("connect_us", inMicroseconds(&t.Connect))
		list.add("app_connect_us", inMicroseconds(&t.AppConnect))
		list.add("pre_transfer_us", inMicroseconds(&t.PreTransfer))
		list.add("start_transfer_us", inMicroseconds(&t.StartTransfer))
		list.add("total_us", inMicroseconds(&t.Total))
		list.add("cert_expiry_at", moment(&r.CertExpiry))
		list.add("lateness_us", inMicroseconds(&e.Lateness))
		list.add("last_planned_at", moment(&e.Last))
		list.add("occurrences", integer(&e.Count))
		list.add("occurrences_at_least", flag(&e.AtLeast))
		list.add("cause", integer(&e.Cause))
		list.add("peer", text(&r.Peer))
		list.add("job_version", integer(&e.Version))
	}
}

var executionNames = names("execution", executionRow(new(cron.Execution)))

// scanExecution reads executionNames and the columns that follow them.
func scanExecution(scan func(...any) error, e *cron.Execution, more ...any) error {
	err := scan(append(targets(executionRow(e)), more...)...)
	e.Result.Duration = e.Result.Stats.Total
	return err
}

// started is the condition for executions that have started and are not running.
const started = `execution.outcome IN (1, 2, 4)`

// History lists the started executions of a job, latest start first, at most limit of them, without headers and bodies.
func (s *Store) History(ctx context.Context, accountID, jobID int64, limit int) ([]cron.Execution, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	var row planRow
	err = s.read.QueryRowContext(ctx,
		`SELECT account.plan, account.overrides FROM job JOIN account ON account.id = job.account_id WHERE job.id = $1 AND account.id = $2`,
		jobID, accountID).Scan(&row.name, &row.overrides)
	if err != nil {
		return nil, oneRow(err, cron.SubjectJob)
	}
	since, err := s.keptSince(row)
	if err != nil {
		return nil, err
	}
	history, err := collect(ctx, s.read, "read the history", func(scan scanner, e *cron.Execution) error {
		return scanExecution(scan, e)
	}, `SELECT `+executionNames+` FROM execution WHERE job_id = $1 AND `+started+` AND planned_at >= $3
		 ORDER BY id DESC LIMIT $2`,
		jobID, limit, millis(since))
	if err != nil {
		return nil, err
	}
	// IDs follow the claims, and an execution starts right after its claim, so only neighbours can be out of order.
	slices.SortStableFunc(history, func(a, b cron.Execution) int {
		return cmp.Or(b.Result.Started.Compare(a.Result.Started), cmp.Compare(b.ID, a.ID))
	})
	return history, nil
}

// Execution reads one started execution, with its headers and body if they were saved.
func (s *Store) Execution(ctx context.Context, accountID, jobID, executionID int64) (cron.Execution, error) {
	r, err := s.record(ctx, accountID, jobID, executionID, ` AND `+started)
	return r.Execution, err
}

// Record reads a record of the ledger, whatever became of it, with its headers and body if they were saved.
func (s *Store) Record(ctx context.Context, accountID, jobID, recordID int64) (cron.HistoryRecord, error) {
	return s.record(ctx, accountID, jobID, recordID, "")
}

// record reads a record that meets a condition.
func (s *Store) record(ctx context.Context, accountID, jobID, recordID int64, only string) (r cron.HistoryRecord, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return r, err
	}
	defer leave()
	var (
		e         = &r.Execution
		saved     bool
		redirects string
		plan      planRow
		former    cron.Outcome
	)
	row := s.read.QueryRowContext(ctx,
		`SELECT `+executionNames+`, response.headers, response.body, response.headers IS NOT NULL,
		        coalesce(response.redirects, ''), coalesce(response.truncated, $4),
		        account.plan, account.overrides, job.title, `+formerOutcome(5)+`,
		        `+rerunColumns+`
		 FROM execution JOIN job ON job.id = execution.job_id JOIN account ON account.id = job.account_id
		 LEFT JOIN response ON response.execution_id = execution.id AND response.planned_at = execution.planned_at
		 `+joinRerun+`
		 WHERE execution.job_id = $1 AND execution.id = $2 AND job.account_id = $3`+only,
		jobID, recordID, accountID, false, int(cron.OutcomeFailed))
	if err := scanExecution(row.Scan, e, append([]any{&e.Result.Headers, &e.Result.Body, &saved, &redirects,
		&e.Result.Truncated, &plan.name, &plan.overrides, &r.Title, &former}, rerunTargets(&r)...)...); err != nil {
		return r, oneRow(err, cron.SubjectExecution)
	}
	r.Repeats = former != cron.OutcomeFailed
	if saved && e.Result.Body == nil {
		e.Result.Body = []byte{} // SQLite's driver returns an empty value as nil
	}
	if e.Result.Redirects, err = decodeRedirects(redirects); err != nil {
		return r, err
	}
	since, err := s.keptSince(plan)
	if err != nil {
		return r, err
	}
	if e.Planned.Before(since) {
		return r, cron.Missing(cron.SubjectExecution)
	}
	return r, nil
}

// formerOutcome is the outcome of the attempt before an execution, and the argument $n for the first attempt.
func formerOutcome(n int) string {
	return `coalesce(CASE WHEN execution.attempt > 1 THEN
		            (SELECT former.outcome FROM execution AS former
		             WHERE former.job_id = execution.job_id AND former.planned_at = execution.planned_at
		               AND former.kind = execution.kind AND former.attempt = execution.attempt - 1) END, $` + strconv.Itoa(n) + `)`
}

// maxAttempts limits how many attempts Attempts lists.
const maxAttempts = 100

// Attempts lists the attempts of the occurrence that an execution is one of, in their order, without headers and bodies.
func (s *Store) Attempts(ctx context.Context, e *cron.Execution) ([]cron.Execution, error) {
	ctx, leave, err := s.enter(ctx, e.AccountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the attempts of an occurrence", func(scan scanner, e *cron.Execution) error {
		return scanExecution(scan, e)
	}, `SELECT `+executionNames+` FROM execution WHERE planned_at = $1 AND job_id = $2 AND kind = $3 AND account_id + 0 = $4
		ORDER BY attempt LIMIT $5`, millis(e.Planned), e.JobID, int(e.Kind), e.AccountID, maxAttempts)
}

// maxRerunsOf limits how many runs RerunsOf lists.
const maxRerunsOf = 10

// RerunsOf lists the latest runs that repeat a record, without headers and bodies.
func (s *Store) RerunsOf(ctx context.Context, e *cron.Execution) ([]cron.Execution, error) {
	ctx, leave, err := s.enter(ctx, e.AccountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the runs that repeat a record", func(scan scanner, e *cron.Execution) error {
		return scanExecution(scan, e)
	}, `SELECT `+executionNames+` FROM rerun CROSS JOIN execution WHERE rerun.account_id = $1 AND rerun.record_id = $2
		AND execution.planned_at = rerun.planned_at AND execution.job_id = rerun.job_id AND execution.kind = 1
		ORDER BY rerun.planned_at DESC LIMIT $3`, e.AccountID, e.ID, maxRerunsOf)
}

// ExecutionJob is the job of an execution of the account that began at about an instant. The error is of kind NotFound when there is
// none.
func (s *Store) ExecutionJob(ctx context.Context, accountID, executionID int64, began time.Time) (jobID int64, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return 0, err
	}
	defer leave()
	days, args := s.engine.days(millis(began.Add(-cron.MaxGrace-24*time.Hour)), millis(began.Add(24*time.Hour)), accountID, executionID)
	err = s.read.QueryRowContext(ctx, `SELECT job_id FROM execution WHERE account_id = $1 AND id = $2`+days, args...).Scan(&jobID)
	return jobID, oneRow(err, cron.SubjectExecution)
}
