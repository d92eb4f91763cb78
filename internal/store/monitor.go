package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Results of the jobs of components become states in two steps, so that recording a result costs no more than a narrow row, and only for
// those jobs:
//
//	claim, result, loss ──▶ the record and a row of monitor_result      one transaction
//	                              │ wakes
//	Store.ObserveComponents ──▶ monitor, health of the job, transition, state of the component, revision of the page;
//	                            the row is deleted                      one transaction for a chunk
//
// A process that dies in between leaves the row, which any node takes. One node at a time takes rows (engine.alone), a few of each
// account, and each job's in the order in which they were written. What another transaction has locked is left for later.

// monitorResult is a row of monitor_result: the result of the last attempt of an occurrence, or an occurrence that was missed.
type monitorResult struct {
	id        int64
	accountID int64
	jobID     int64
	at        time.Time
	outcome   cron.Outcome
	status    cron.Status
	duration  time.Duration
}

// monitorResultBatch is what results write to monitor_result.
var monitorResultBatch = []batchColumn[*monitorResult]{
	batch("account_id", "bigint", func(r *monitorResult) int64 { return r.accountID }),
	batch("job_id", "bigint", func(r *monitorResult) int64 { return r.jobID }),
	batch("at", "bigint", func(r *monitorResult) int64 { return millis(r.at) }),
	batch("outcome", "smallint", func(r *monitorResult) int16 { return int16(r.outcome) }),
	batch("status", "smallint", func(r *monitorResult) int16 { return int16(r.status) }),
	batch("duration_us", "bigint", func(r *monitorResult) int64 { return r.duration.Microseconds() }),
}

// monitorBatch is a row of monitor.
var monitorBatch = []batchColumn[*monitor]{
	batch("job_id", "bigint", func(m *monitor) int64 { return m.jobID }),
	batch("account_id", "bigint", func(m *monitor) int64 { return m.accountID }),
	batch("results", "bytea", func(m *monitor) []byte { return m.window.Encode() }),
	batch("last_at", "bigint", func(m *monitor) int64 { return millis(m.last) }),
	batch("expires_at", "bigint", func(m *monitor) int64 { return millis(m.expires) }),
}

// monitorConflict ends the INSERT of monitorBatch.
const monitorConflict = ` ON CONFLICT (job_id) DO UPDATE SET results = excluded.results, last_at = excluded.last_at, expires_at = excluded.expires_at`

// monitorResults collects, in one transaction, the results of the jobs that components have.
type monitorResults []*monitorResult

// add takes a completion. An attempt that is followed by another one is not a result.
func (m *monitorResults) add(j *cron.Job, c *cron.Completion, end *cron.Conclusion) {
	if j.Type != cron.TypeMonitoring || !end.NextAttempt.IsZero() {
		return
	}
	r := &c.Result
	*m = append(*m, &monitorResult{accountID: j.AccountID, jobID: j.ID, at: r.Started.Add(r.Duration), outcome: r.Outcome(), status: r.Status,
		duration: r.Duration})
}

// missed takes records of occurrences that were missed. Rules look at whether several in a row were.
func (m *monitorResults) missed(records []*record) {
	for _, r := range records {
		if !r.monitored || r.outcome != cron.OutcomeMissed || r.id == 0 {
			continue
		}
		row := &monitorResult{accountID: r.accountID, jobID: r.jobID, at: instant(r.planned), outcome: r.outcome}
		*m = append(*m, row)
		if r.occurrences > 1 {
			again := *row
			again.at = instant(r.last)
			*m = append(*m, &again)
		}
	}
}

// write writes them, if there are any.
func (m monitorResults) write(ctx context.Context, s *Store, q queryer) error {
	if len(m) == 0 {
		return nil
	}
	if err := s.engine.insertMonitorResults(ctx, q, m); err != nil {
		return fmt.Errorf("write the results for components: %w", err)
	}
	wakeHere(ctx, wakeMonitors)
	return nil
}

// Monitored receives after results of jobs that components have may have been written on this node.
func (s *Store) Monitored() <-chan struct{} { return s.monitored }

// monitor is a row of monitor: the latest results of a job that components have.
type monitor struct {
	jobID, accountID int64
	window           statuspage.Window
	last             time.Time
	expires          time.Time // when the next result is overdue
}

// overdueAfter is how long after the end of an execution, at the latest, its result is overdue.
const overdueAfter = time.Minute

// expectation is what is known of when the next result of a job comes.
type expectation struct {
	accountID int64
	next      time.Time     // zero when nothing is planned
	timeout   time.Duration // of an execution
	attempts  bool          // an attempt is planned
	latest    *monitorResult
}

// expires is when the next result is overdue.
func (e *expectation) expires(now time.Time) time.Time {
	from := e.next
	if from.Before(now) {
		from = now
	}
	return from.Add(e.timeout + overdueAfter)
}

// expectations reads what is known of jobs. One that does not exist is not in the map.
func (s *Store) expectations(ctx context.Context, q queryer, jobs []int64) (map[int64]*expectation, error) {
	known := make(map[int64]*expectation, len(jobs))
	return known, each(ctx, q, "read when results are due", func(scan scanner) error {
		var (
			j    cron.Job
			e    = new(expectation)
			row  planRow
			last = new(monitorResult)
		)
		err := scan(&j.ID, &e.accountID, &j.Timeout, moment(&e.next), &row.name, &row.overrides, flag(&e.attempts), integer(&last.status),
			moment(&last.at), inMicroseconds(&last.duration))
		if err != nil {
			return err
		}
		plan, err := s.plan(row)
		if err != nil {
			return err
		}
		e.timeout = j.EffectiveTimeout(&plan)
		if !last.at.IsZero() {
			last.outcome = cron.OutcomeFailed
			if last.status == cron.StatusOK {
				last.outcome = cron.OutcomeSucceeded
			}
			last.at = last.at.Add(last.duration)
			e.latest = last
		}
		known[j.ID] = e
		return nil
	}, `SELECT job.id, job.account_id, job.timeout, job_state.next_run_at, account.plan, account.overrides,
		       EXISTS (SELECT 1 FROM pending WHERE pending.job_id = job.id), job_state.last_status, job_state.last_execution_at,
		       job_state.last_duration_us
		  FROM job JOIN job_state ON job_state.job_id = job.id JOIN account ON account.id = job.account_id
		 WHERE `+s.engine.in("job.id", 1), s.engine.list(jobs))
}

// monitors reads the latest results of jobs, by job.
func (s *Store) monitors(ctx context.Context, q queryer, jobs []int64) (map[int64]*monitor, error) {
	known := make(map[int64]*monitor)
	return known, each(ctx, q, "read the latest results", func(scan scanner) error {
		var (
			m       monitor
			results []byte
		)
		if err := scan(&m.jobID, &m.accountID, &results, moment(&m.last), moment(&m.expires)); err != nil {
			return err
		}
		var err error
		if m.window, err = statuspage.DecodeWindow(results); err != nil {
			return err
		}
		known[m.jobID] = &m
		return nil
	}, `SELECT job_id, account_id, results, last_at, expires_at FROM monitor WHERE `+s.engine.in("job_id", 1), s.engine.list(jobs))
}

// saveMonitors writes the latest results of jobs.
func (s *Store) saveMonitors(ctx context.Context, q queryer, rows map[int64]*monitor) error {
	if len(rows) == 0 {
		return nil
	}
	ordered := make([]*monitor, 0, len(rows))
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		ordered = append(ordered, rows[id])
	}
	if err := s.engine.saveMonitors(ctx, q, ordered); err != nil {
		return fmt.Errorf("write the latest results: %w", err)
	}
	return nil
}
