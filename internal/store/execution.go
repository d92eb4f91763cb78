package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

// result is the part of a ledger row that a completion fills in.
type result struct {
	outcome, status, httpStatus, fault                             int
	started                                                        int64
	reason, detail, url                                            string
	lookup, connect, appConnect, preTransfer, startTransfer, total int64
	certExpiry, lateness                                           int64
}

func resultRow(c *cron.Completion) result {
	r := &c.Result
	return result{
		outcome: int(r.Outcome()), status: int(r.Status), httpStatus: r.HTTPStatus, fault: int(r.Fault),
		started: millis(r.Started), reason: storable(r.Reason), detail: storable(r.Detail),
		url:    storable(r.URL),
		lookup: r.Stats.NameLookup.Microseconds(), connect: r.Stats.Connect.Microseconds(),
		appConnect: r.Stats.AppConnect.Microseconds(), preTransfer: r.Stats.PreTransfer.Microseconds(),
		startTransfer: r.Stats.StartTransfer.Microseconds(), total: r.Stats.Total.Microseconds(),
		certExpiry: millis(r.CertExpiry), lateness: c.Lateness().Microseconds(),
	}
}

// storable is s as every database takes it: what strangers send must never make a batch fail.
func storable(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

const executionColumns = `execution.id, execution.job_id, execution.account_id, execution.planned_at, execution.kind,
	execution.attempt, execution.outcome, execution.started_at, execution.status, execution.http_status,
	execution.fault, execution.reason, execution.detail, execution.url, execution.lookup_us, execution.connect_us,
	execution.app_connect_us, execution.pre_transfer_us, execution.start_transfer_us, execution.total_us,
	execution.cert_expiry_at, execution.lateness_us, execution.last_planned_at, execution.occurrences, execution.occurrences_at_least`

// scanExecution reads executionColumns, and more columns behind them.
func scanExecution(scan func(...any) error, e *cron.Execution, more ...any) error {
	var (
		r                                 = &e.Result
		planned, started, expiry          int64
		lookup, connect, appConnect       int64
		preTransfer, startTransfer, total int64
		lateness, last                    int64
	)
	err := scan(append([]any{
		&e.ID, &e.JobID, &e.AccountID, &planned, &e.Kind, &e.Attempt, &e.Outcome, &started, &r.Status, &r.HTTPStatus,
		&r.Fault, &r.Reason, &r.Detail, &r.URL, &lookup, &connect, &appConnect, &preTransfer, &startTransfer, &total,
		&expiry, &lateness, &last, &e.Count, &e.AtLeast,
	}, more...)...)
	if err != nil {
		return err
	}
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	e.Planned, r.Started, r.CertExpiry, e.Last = instant(planned), instant(started), instant(expiry), instant(last)
	e.Lateness, r.Duration = us(lateness), us(total)
	r.Stats = cron.Stats{NameLookup: us(lookup), Connect: us(connect), AppConnect: us(appConnect),
		PreTransfer: us(preTransfer), StartTransfer: us(startTransfer), Total: us(total)}
	return nil
}

// started is the condition for executions that were started and have ended, as far as anybody knows.
const started = `execution.outcome IN (1, 2, 4)`

// History lists the started executions of a job, newest start first and at most limit of them, without headers and
// bodies.
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
	since, err := s.kept(row)
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx,
		`SELECT `+executionColumns+` FROM execution WHERE job_id = $1 AND `+started+` AND planned_at >= $3
		 ORDER BY id DESC LIMIT $2`,
		jobID, limit, millis(since))
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var history []cron.Execution
	for rows.Next() {
		var e cron.Execution
		if err := scanExecution(rows.Scan, &e); err != nil {
			return nil, fmt.Errorf("read the history: %w", err)
		}
		history = append(history, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	// Ids follow the claims, and starts follow the claims at once: only neighbours can stand the other way round.
	slices.SortStableFunc(history, func(a, b cron.Execution) int {
		return cmp.Or(b.Result.Started.Compare(a.Result.Started), cmp.Compare(b.ID, a.ID))
	})
	return history, nil
}

// Execution reads one started execution with its headers and body, where they were saved.
func (s *Store) Execution(ctx context.Context, accountID, jobID, executionID int64) (cron.Execution, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return cron.Execution{}, err
	}
	defer leave()
	var (
		e         cron.Execution
		saved     bool
		redirects string
		plan      planRow
	)
	row := s.read.QueryRowContext(ctx,
		`SELECT `+executionColumns+`, response.headers, response.body, response.headers IS NOT NULL,
		        coalesce(response.redirects, ''), coalesce(response.truncated, $4),
		        account.plan, account.overrides
		 FROM execution JOIN job ON job.id = execution.job_id JOIN account ON account.id = job.account_id
		 LEFT JOIN response ON response.execution_id = execution.id AND response.planned_at = execution.planned_at
		 WHERE execution.job_id = $1 AND execution.id = $2 AND job.account_id = $3 AND `+started,
		jobID, executionID, accountID, false)
	if err := scanExecution(row.Scan, &e, &e.Result.Headers, &e.Result.Body, &saved, &redirects,
		&e.Result.Truncated, &plan.name, &plan.overrides); err != nil {
		return e, oneRow(err, cron.SubjectExecution)
	}
	if saved && e.Result.Body == nil {
		e.Result.Body = []byte{} // SQLite's driver reads an empty value as nil
	}
	if e.Result.Redirects, err = decodeRedirects(redirects); err != nil {
		return e, err
	}
	since, err := s.kept(plan)
	if err != nil {
		return e, err
	}
	if e.Planned.Before(since) {
		return e, cron.Missing(cron.SubjectExecution)
	}
	return e, nil
}
