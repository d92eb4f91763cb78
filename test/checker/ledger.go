// Package checker checks a database and the requests that a target received against the promises of Punctual. Each
// promise is a named check that returns violations as sentences. The checker reads the tables itself and decides by the
// schedule alone, so that it does not share mistakes with the program.
package checker

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"modernc.org/sqlite"

	"punctual/internal/cron"
)

// Ledger is the jobs and executions of a database.
type Ledger struct {
	Jobs     []cron.JobRecord  // in the order of their IDs, without title, method and secrets
	Records  []Record          // in the order of job, planned instant, kind and attempt
	Pending  []Pending         // in the order of job, planned instant, kind and attempt
	Nodes    []Node            // in the order of their epochs
	Accounts map[int64]Account // by ID
	Problems []Problem
	Actions  []Action
	Notices  []Notice
	Messages []Message
	// Components of status pages are in the order of their IDs, and Monitors by job.
	Components []Component
	Monitors   map[int64]*Monitor
	Orphans    []string // rows that refer to nothing, and damage, each as a sentence
}

// Record is one row of execution. Its Result has only status, fault, URL, start and duration.
type Record struct {
	cron.Execution
	Node int64 // the epoch that claimed it; 0 when it was not launched
}

// Pending is a pending attempt.
type Pending struct {
	JobID   int64
	Planned time.Time
	Kind    cron.Kind
	Attempt int
}

// Account is the state of an account.
type Account struct {
	ID       int64
	Disabled bool
	Enabled  time.Time // when it was last enabled; zero for never
}

// Node is a start of a process.
type Node struct {
	Epoch int64
	Dead  bool
	Lease time.Time // when it ends; zero after a clean stop, and on SQLite, where a lock stands for it
}

// Read reads a ledger. Nothing may write to the database at the same time.
func Read(ctx context.Context, db *sql.DB) (*Ledger, error) {
	var (
		l   Ledger
		err error
	)
	if l.Jobs, err = list(ctx, db, scanJob,
		`SELECT job.id, job.account_id, job.enabled, job.url, job.timezone, job.expires_at,
		        job.seconds, job.minutes, job.hours, job.mdays, job.months, job.wdays, job.days, job.last_day, job.dst,
		        job.run_at, job.one_time_done, job.spread, job.paused_until, job.misfire, job.grace, job.overlap, job.delivery,
		        job.retry_count, job.created_at, job.updated_at, coalesce(job_state.next_run_at, 0),
		        job_state.last_status, job_state.last_duration_us, job_state.last_execution_at, job_state.failures,
		        job_state.counted_failures, job.late_after, coalesce(job_state.problem_id, 0), job.type
		 FROM job JOIN job_state ON job_state.job_id = job.id ORDER BY job.id`); err != nil {
		return nil, fmt.Errorf("read the jobs: %w", err)
	}
	if l.Records, err = list(ctx, db, scanRecord,
		`SELECT id, job_id, account_id, planned_at, kind, attempt, node, outcome, started_at, status, http_status, fault,
		        url, total_us, lateness_us, last_planned_at, occurrences, occurrences_at_least
		 FROM execution ORDER BY job_id, planned_at, kind, attempt`); err != nil {
		return nil, fmt.Errorf("read the executions: %w", err)
	}
	if l.Pending, err = list(ctx, db, scanPending,
		`SELECT job_id, planned_at, kind, attempt FROM pending ORDER BY job_id, planned_at, kind, attempt`); err != nil {
		return nil, fmt.Errorf("read the pending attempts: %w", err)
	}
	if l.Nodes, err = list(ctx, db, scanNode, `SELECT epoch, dead, lease_until FROM node ORDER BY epoch`); err != nil {
		return nil, fmt.Errorf("read the nodes: %w", err)
	}
	var version string
	if db.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version) == nil {
		for i := range l.Nodes {
			l.Nodes[i].Lease = time.Time{}
		}
	}
	accounts, err := list(ctx, db, scanAccount, `SELECT id, disabled, enabled_at FROM account`)
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	l.Accounts = make(map[int64]Account, len(accounts))
	for _, a := range accounts {
		l.Accounts[a.ID] = a
	}
	if l.Problems, err = list(ctx, db, scanProblem, `SELECT id, account_id, kind, job_id, state, acted_by FROM problem`); err != nil {
		return nil, fmt.Errorf("read the problems: %w", err)
	}
	if l.Actions, err = actions(ctx, db); err != nil {
		return nil, fmt.Errorf("read the actions: %w", err)
	}
	if l.Notices, err = list(ctx, db, scanNotice, allNotices); err != nil {
		return nil, fmt.Errorf("read the notices: %w", err)
	}
	if l.Messages, err = list(ctx, db, scanMessage, allMessages); err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	if l.Components, err = components(ctx, db); err != nil {
		return nil, fmt.Errorf("read the components: %w", err)
	}
	if l.Monitors, err = monitors(ctx, db); err != nil {
		return nil, fmt.Errorf("read the latest results of jobs: %w", err)
	}
	if l.Orphans, err = orphans(ctx, db); err != nil {
		return nil, err
	}
	return &l, nil
}

// actions reads the actions with their jobs, and the versions that they have made.
func actions(ctx context.Context, db *sql.DB) ([]Action, error) {
	all, err := list(ctx, db, scanAction, `SELECT id, state, dry_run, failed, cancelled, changed FROM action ORDER BY id`)
	if err != nil {
		return nil, err
	}
	jobs, err := list(ctx, db, scanActionJob, `SELECT action_id, job_id, version, after, result, effect FROM action_job ORDER BY action_id, job_id`)
	if err != nil {
		return nil, err
	}
	versions, err := list(ctx, db, scanActionVersion, `SELECT action_id, job_id, version FROM job_version WHERE action_id <> 0
		ORDER BY action_id, job_id, version`)
	for i := range all {
		a := &all[i]
		a.Jobs, jobs = cut(jobs, a.ID, func(j ActionJob) int64 { return j.ActionID })
		a.Versions, versions = cut(versions, a.ID, func(v ActionVersion) int64 { return v.ActionID })
	}
	return all, err
}

// list reads all rows of a query.
func list[T any](ctx context.Context, db *sql.DB, scan func(func(...any) error) (T, error), query string) ([]T, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func scanJob(scan func(...any) error) (j cron.JobRecord, err error) {
	var (
		s, t, p, st                                       = &j.Schedule, &j.Timing, &j.Policy, &j.State
		seconds, minutes, hours, mdays, months, wdays     int64
		runAt, spread, paused                             int64
		grace, created, updated, next, duration, executed int64
		late                                              int64
	)
	err = scan(&j.ID, &j.AccountID, &j.Enabled, &j.Request.URL, &s.Timezone, &s.ExpiresAt, &seconds, &minutes, &hours,
		&mdays, &months, &wdays, &s.Days, &s.LastDay, &s.DST, &runAt, &t.RunAtPassed, &spread, &paused, &p.Misfire, &grace, &p.Overlap, &p.Delivery, &p.Retry.Count, &created, &updated,
		&next, &st.LastStatus, &duration, &executed, &st.Failures, &st.CountedFailures,
		&late, &j.ProblemID, &j.Type)
	p.LateAfter = time.Duration(late) * time.Second
	s.Seconds, s.Minutes, s.Hours = cron.Set(seconds), cron.Set(minutes), cron.Set(hours)
	s.MonthDays, s.Months, s.Weekdays = cron.Set(mdays), cron.Set(months), cron.Set(wdays)
	t.RunAt, t.Spread, t.PausedUntil = instant(runAt), time.Duration(spread)*time.Second, instant(paused)
	p.Grace, st.LastDuration = time.Duration(grace)*time.Second, time.Duration(duration)*time.Microsecond
	j.Created, j.Updated, st.NextRun, st.LastExecution = instant(created), instant(updated), instant(next), instant(executed)
	return j, err
}

func scanRecord(scan func(...any) error) (r Record, err error) {
	var planned, started, duration, lateness, last int64
	err = scan(&r.ID, &r.JobID, &r.AccountID, &planned, &r.Kind, &r.Attempt, &r.Node, &r.Outcome, &started,
		&r.Result.Status, &r.Result.HTTPStatus, &r.Result.Fault, &r.Result.URL, &duration, &lateness, &last, &r.Count,
		&r.AtLeast)
	r.Planned, r.Last, r.Result.Started = instant(planned), instant(last), instant(started)
	r.Result.Duration, r.Lateness = time.Duration(duration)*time.Microsecond, time.Duration(lateness)*time.Microsecond
	return r, err
}

func scanPending(scan func(...any) error) (p Pending, err error) {
	var planned int64
	err = scan(&p.JobID, &planned, &p.Kind, &p.Attempt)
	p.Planned = instant(planned)
	return p, err
}

func scanAccount(scan func(...any) error) (a Account, err error) {
	var enabled int64
	err = scan(&a.ID, &a.Disabled, &enabled)
	a.Enabled = instant(enabled)
	return a, err
}

func scanNode(scan func(...any) error) (n Node, err error) {
	var until int64
	err = scan(&n.Epoch, &n.Dead, &until)
	n.Lease = instant(until)
	return n, err
}

// instant reads a column in milliseconds; 0 is the zero time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// orphans finds rows that refer to nothing, and runs SQLite's integrity check.
func orphans(ctx context.Context, db *sql.DB) (found []string, err error) {
	for sentence, query := range map[string]string{
		"%d jobs have no state": `SELECT count(*) FROM job WHERE id NOT IN (SELECT job_id FROM job_state)`,
		"%d stored responses belong to no execution": `SELECT count(*) FROM response
			WHERE execution_id NOT IN (SELECT id FROM execution)`,
		"%d notices are about no execution": `SELECT count(*) FROM outbox
			WHERE execution_id <> 0 AND execution_id NOT IN (SELECT id FROM execution)`,
		"%d notices of messages are gone while those are to be sent": `SELECT count(*) FROM message_notice JOIN message ON message.id = message_id
			WHERE state < 2 AND listed AND outbox_id NOT IN (SELECT id FROM outbox)`,
	} {
		var n int
		if err := db.QueryRowContext(ctx, query).Scan(&n); err != nil {
			return nil, fmt.Errorf("look for orphans: %w", err)
		}
		if n > 0 {
			found = append(found, fmt.Sprintf(sentence, n))
		}
	}
	if _, ok := db.Driver().(*sqlite.Driver); !ok {
		return found, nil
	}
	damage, err := list(ctx, db, func(scan func(...any) error) (s string, err error) { return s, scan(&s) },
		`PRAGMA integrity_check`)
	if err != nil {
		return nil, fmt.Errorf("look for damage: %w", err)
	}
	for _, d := range damage {
		if d != "ok" {
			found = append(found, "the file is damaged: "+d)
		}
	}
	return found, nil
}
