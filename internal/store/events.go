package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
)

// Watermarks returns the IDs of executions and of changes up to which it is safe to read: no row with a lower ID can still
// appear. It may wait for an open transaction.
func (s *Store) Watermarks(ctx context.Context) (cron.Watermarks, error) {
	return s.engine.watermarks(upkeep.with(ctx))
}

// marks are a pair of IDs, one of each sequence.
type marks struct{ executions, changes int64 }

func (m marks) watermarks(safe marks) cron.Watermarks {
	return cron.Watermarks{
		Executions: cron.Watermark{Safe: safe.executions, Latest: m.executions},
		Changes:    cron.Watermark{Safe: safe.changes, Latest: m.changes},
	}
}

// latestIDs reads the latest IDs of executions and of changes.
func (s *Store) latestIDs(ctx context.Context, query string) (m marks, err error) {
	if err := s.read.QueryRowContext(ctx, query).Scan(&m.executions, &m.changes); err != nil {
		return m, fmt.Errorf("read the latest ids: %w", err)
	}
	return m, nil
}

// eventQuery reads records with the other fields of cron.HistoryRecord. The records of deleted jobs are read too.
var eventQuery = `SELECT ` + executionNames + `, coalesce(job.title, ''),
	coalesce(CASE WHEN execution.attempt > 1 THEN
	    (SELECT former.outcome <> 2 FROM execution AS former
	     WHERE former.job_id = execution.job_id AND former.planned_at = execution.planned_at
	       AND former.kind = execution.kind AND former.attempt = execution.attempt - 1) END, 1 = 0),
	` + rerunColumns + `
	FROM execution LEFT JOIN job ON job.id = execution.job_id ` + joinRerun + ` `

// ExecutionsAfter lists the executions of an account with IDs above the given one, in ascending order, at most limit of
// them, without headers and bodies.
func (s *Store) ExecutionsAfter(ctx context.Context, accountID, id int64, limit int) ([]cron.HistoryRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.events(ctx, `WHERE execution.account_id = $1 AND execution.id > $2 ORDER BY execution.id LIMIT $3`,
		accountID, id, limit)
}

// RunningExecutions lists the running executions of an account in the order of their IDs.
func (s *Store) RunningExecutions(ctx context.Context, accountID int64) ([]cron.HistoryRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	from, err := s.runningFrom(ctx, s.read)
	if err != nil {
		return nil, err
	}
	list, err := s.events(ctx, `WHERE execution.outcome = 0 AND execution.account_id = $1 AND execution.id >= $2`, accountID, from)
	slices.SortFunc(list, func(a, b cron.HistoryRecord) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// ChangedExecutions lists, in the order of their IDs, those of the given executions of an account whose outcome differs
// from the given one. None of them may be planned before the given instant.
func (s *Store) ChangedExecutions(ctx context.Context, accountID int64, ids []int64, planned time.Time, was cron.Outcome) (
	[]cron.HistoryRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.events(ctx,
		`WHERE execution.account_id = $1 AND `+s.engine.in("execution.id", 2)+`
		   AND execution.planned_at >= $3 AND execution.outcome <> $4 ORDER BY execution.id`,
		accountID, s.engine.list(ids), millis(planned), int(was))
}

func (s *Store) events(ctx context.Context, condition string, args ...any) ([]cron.HistoryRecord, error) {
	list, err := collect(ctx, s.read, "read executions", func(scan scanner, r *cron.HistoryRecord) error {
		return scanExecution(scan, &r.Execution, append([]any{&r.Title, flag(&r.Repeats)}, rerunTargets(r)...)...)
	}, eventQuery+condition, args...)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// JobChangesAfter lists the changes of an account's jobs, problems, actions and messages with IDs above the given one, in ascending order, at most
// limit of them.
func (s *Store) JobChangesAfter(ctx context.Context, accountID, id int64, limit int) ([]cron.JobChange, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	var list []cron.JobChange
	err = each(ctx, s.read, "read the changes of jobs", func(scan scanner) error {
		var (
			c  cron.JobChange
			at int64
		)
		if err := scan(&c.ID, &c.JobID, &c.ProblemID, &c.ActionID, &c.MessageID, &c.Kind, &at); err != nil {
			return err
		}
		c.At = instant(at)
		list = append(list, c)
		return nil
	}, `SELECT id, job_id, problem_id, action_id, message_id, kind, changed_at FROM job_change
		WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		accountID, id, limit)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// pruneChanges deletes a chunk of the job changes that are older than cron.ChangesKept.
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
