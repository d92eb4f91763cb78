package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"punctual/internal/cron"
)

// frontierStep is how long a frontier stands before the database is asked again, and frontierKept how long it is worth
// building on: after that one begins anew, so that who starts to follow does not start in the past.
const (
	frontierStep = 250 * time.Millisecond
	frontierKept = 5 * time.Second
	frontierWait = 20 * time.Millisecond // for transactions under way, while there is no frontier at all
)

// frontier is what is known of the ids that transactions under way have taken. An id is safe once every transaction has
// ended that was writing when the id was the latest.
type frontier struct {
	mu      sync.Mutex
	asked   time.Time
	safe    marks
	known   bool            // safe is
	pending marks           // become safe when writers have ended
	writers map[string]bool // transactions that were under way when pending was read
}

// marks are the latest ids that were given away.
type marks struct{ executions, changes int64 }

// Watermarks tells how far the ids of executions and of changes are safe to follow. It may wait for a transaction under
// way.
func (s *Store) Watermarks(ctx context.Context) (cron.Watermarks, error) {
	ctx = upkeep.with(ctx)
	if s.dialect.alone {
		m, err := s.givenAway(ctx) // in the order of the commits
		return m.frontier(m), err
	}
	f := &s.frontier
	f.mu.Lock()
	defer f.mu.Unlock()
	age := time.Since(f.asked)
	if age > frontierKept {
		f.known, f.writers = false, nil
	}
	for {
		latest, err := s.givenAway(ctx)
		if err == nil && (!f.known || age > frontierStep) {
			err = s.advance(ctx, f, latest)
		}
		if err != nil || f.known {
			return latest.frontier(f.safe), err
		}
		select {
		case <-ctx.Done():
			return cron.Watermarks{}, fmt.Errorf("wait for the transactions under way: %w", ctx.Err())
		case <-time.After(frontierWait):
		}
	}
}

// advance looks at the transactions under way, after latest was read: who has taken one of these ids writes, or has
// ended.
func (s *Store) advance(ctx context.Context, f *frontier, latest marks) error {
	writers, err := s.writers(ctx)
	if err != nil {
		return err
	}
	maps.DeleteFunc(f.writers, func(w string, _ bool) bool { return !writers[w] })
	switch {
	case len(writers) == 0:
		f.safe, f.writers, f.known = latest, nil, true
	case f.writers == nil:
		f.pending, f.writers = latest, writers
	case len(f.writers) == 0:
		f.safe, f.known = f.pending, true
		f.pending, f.writers = latest, writers
	}
	f.asked = time.Now()
	return nil
}

func (m marks) frontier(safe marks) cron.Watermarks {
	return cron.Watermarks{
		Executions: cron.Watermark{Safe: safe.executions, Latest: m.executions},
		Changes:    cron.Watermark{Safe: safe.changes, Latest: m.changes},
	}
}

// givenAway reads the latest ids.
func (s *Store) givenAway(ctx context.Context) (marks, error) {
	query := `SELECT coalesce((SELECT CASE WHEN is_called THEN last_value END FROM execution_id), 0),
		coalesce((SELECT CASE WHEN is_called THEN last_value END FROM job_change_id), 0)`
	if s.dialect.alone {
		query = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'execution'), 0),
			coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'job_change'), 0)`
	}
	var m marks
	if err := s.read.QueryRowContext(ctx, query).Scan(&m.executions, &m.changes); err != nil {
		return m, fmt.Errorf("read the latest ids: %w", err)
	}
	return m, nil
}

// writers lists the transactions that may have taken ids: an INSERT locks its table before it takes one, and the lock
// goes when what was written can be seen.
func (s *Store) writers(ctx context.Context) (map[string]bool, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT virtualtransaction FROM pg_locks
		 WHERE locktype = 'relation' AND relation IN ('execution'::regclass, 'job_change'::regclass)
		   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		   AND mode = 'RowExclusiveLock' AND granted`)
	if err != nil {
		return nil, fmt.Errorf("list the transactions under way: %w", err)
	}
	defer func() { _ = rows.Close() }()
	writers := map[string]bool{}
	for rows.Next() {
		var w string
		if err := rows.Scan(&w); err != nil {
			return nil, fmt.Errorf("list the transactions under way: %w", err)
		}
		writers[w] = true
	}
	return writers, rows.Err()
}

// eventQuery reads records with what cron.HistoryRecord has besides. The history of a deleted job goes on.
const eventQuery = `SELECT ` + executionColumns + `, coalesce(job.title, ''),
	coalesce(CASE WHEN execution.attempt > 1 THEN
	    (SELECT former.outcome <> 2 FROM execution AS former
	     WHERE former.job_id = execution.job_id AND former.planned_at = execution.planned_at
	       AND former.kind = execution.kind AND former.attempt = execution.attempt - 1) END, 1 = 0)
	FROM execution LEFT JOIN job ON job.id = execution.job_id `

// ExecutionsAfter lists the executions of an account with larger ids than the given one, in their order and at most
// limit of them, without headers and bodies.
func (s *Store) ExecutionsAfter(ctx context.Context, accountID, id int64, limit int) ([]cron.HistoryRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.events(ctx, `WHERE execution.account_id = $1 AND execution.id > $2 ORDER BY execution.id LIMIT $3`,
		accountID, id, limit)
}

// RunningExecutions lists the executions of an account that are under way, in the order of their ids.
func (s *Store) RunningExecutions(ctx context.Context, accountID int64) ([]cron.HistoryRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	from, err := s.openFrom(ctx, s.read)
	if err != nil {
		return nil, err
	}
	list, err := s.events(ctx, `WHERE execution.outcome = 0 AND `+s.dialect.few+`execution.account_id = $1 AND `+
		s.dialect.few+`execution.id >= $2`, accountID, from)
	slices.SortFunc(list, func(a, b cron.HistoryRecord) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// ChangedExecutions lists those executions of an account, of the given ones, whose outcome is not the given one any
// more, in the order of their ids. None of them was planned before the given instant.
func (s *Store) ChangedExecutions(ctx context.Context, accountID int64, ids []int64, planned time.Time, was cron.Outcome) (
	[]cron.HistoryRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.events(ctx,
		`WHERE execution.account_id = $1 AND `+s.dialect.in("execution.id", 2)+`
		   AND execution.planned_at >= $3 AND execution.outcome <> $4 ORDER BY execution.id`,
		accountID, s.dialect.list(ids), millis(planned), int(was))
}

func (s *Store) events(ctx context.Context, condition string, args ...any) ([]cron.HistoryRecord, error) {
	rows, err := s.read.QueryContext(ctx, eventQuery+condition, args...)
	if err != nil {
		return nil, fmt.Errorf("read executions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []cron.HistoryRecord
	for rows.Next() {
		var r cron.HistoryRecord
		if err := scanExecution(rows.Scan, &r.Execution, &r.Title, intoFlag(&r.Repeats)); err != nil {
			return nil, fmt.Errorf("read executions: %w", err)
		}
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read executions: %w", err)
	}
	return list, nil
}

// JobChangesAfter lists what was done to the jobs of an account, with larger ids than the given one, in their order and
// at most limit of them.
func (s *Store) JobChangesAfter(ctx context.Context, accountID, id int64, limit int) ([]cron.JobChange, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	rows, err := s.read.QueryContext(ctx,
		`SELECT id, job_id, kind, changed_at FROM job_change WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		accountID, id, limit)
	if err != nil {
		return nil, fmt.Errorf("read the changes of jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []cron.JobChange
	for rows.Next() {
		var (
			c  cron.JobChange
			at int64
		)
		if err := rows.Scan(&c.ID, &c.JobID, &c.Kind, &at); err != nil {
			return nil, fmt.Errorf("read the changes of jobs: %w", err)
		}
		c.At = instant(at)
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the changes of jobs: %w", err)
	}
	return list, nil
}

// pruneChanges forgets a chunk of the changes of jobs that nobody can ask for any more.
func (s *Store) pruneChanges(ctx context.Context) (more bool, err error) {
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		var first int64
		if err := q.QueryRowContext(ctx, `SELECT coalesce(min(id), 0) FROM job_change`).Scan(&first); err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `DELETE FROM job_change WHERE id < $1 AND changed_at < $2`,
			first+pruneChunk, millis(s.Now().Add(-cron.ChangesKept)))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		more = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("forget old changes of jobs: %w", err)
	}
	return more, nil
}
