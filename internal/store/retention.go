package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// pruneChunk is how many executions one transaction deletes, with about pruneBytes of responses at most.
const (
	pruneChunk = 500
	pruneBytes = 4 << 20
)

// keptSince is the instant from which on an account's history is kept.
func (s *Store) keptSince(r planRow) (time.Time, error) {
	plan, err := s.plan(r)
	return s.Now().Add(-plan.Retention), err
}

// Maintain takes one short step of the upkeep: it deletes expired history and nodes that died long ago, and completes
// what dead processes left half done. more asks for another step soon. One node at a time does this; on the others it does nearly nothing.
func (s *Store) Maintain(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	if mine, err := s.onDuty(ctx, &s.duties.upkeep); err != nil {
		return false, err
	} else if !mine {
		return false, s.engine.followHistory(ctx)
	}
	if err := s.pruneNodes(ctx); err != nil {
		return false, err
	}
	for _, step := range []func(context.Context) (bool, error){
		s.pruneUsage, s.pruneIdempotencyKeys, s.pruneSessions, s.pruneChallenges, s.pruneLinks, s.pruneAudit,
		s.wakeRemaining, s.deleteDue, s.pruneDeletedJobs, s.pruneChanges, s.pruneOutbox, s.pruneBin, s.pruneVersions, s.pruneActions, s.foldJobs,
		s.pruneProblems, s.boundAllVersions, s.pruneReruns, s.moveMaintenance, s.pruneMessages, s.keepDays,
	} {
		if more, err := step(ctx); more || err != nil {
			return more, err
		}
	}
	return s.engine.pruneHistory(ctx)
}

// prune runs a statement that deletes rows, of which $2 is how many at most. Errors say what was being done.
func (s *Store) prune(ctx context.Context, doing, statement string, first any, rest ...any) (more bool, err error) {
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, statement, append([]any{first, pruneChunk}, rest...)...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		more = n == pruneChunk
		return err
	})
	if err != nil {
		return false, fmt.Errorf("%s: %w", doing, err)
	}
	return more, nil
}

// pruneNodes deletes nodes that have been dead for a day and left nothing running.
func (s *Store) pruneNodes(ctx context.Context) error {
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `DELETE FROM node WHERE dead AND running_from IS NULL AND started_at < $1 AND lease_until < $1`,
			millis(s.Now().Add(-24*time.Hour)))
		return err
	})
	if err != nil {
		return fmt.Errorf("forget dead nodes: %w", err)
	}
	return nil
}

// deletedJobsChunk is how many hours of statistics of deleted jobs one transaction deletes.
const deletedJobsChunk = 2000

// pruneDeletedJobs deletes a chunk of the statistics, or of the versions, or the rest, of deleted jobs that are not in the bin. A node may write such statistics shortly after a
// job is deleted.
func (s *Store) pruneDeletedJobs(ctx context.Context) (more bool, err error) {
	var id int64
	err = s.read.QueryRowContext(ctx, `SELECT job_id FROM deleted_job WHERE deleted_at < $1 LIMIT 1`,
		millis(s.Now().Add(-rollupLag))).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
			res, err := q.ExecContext(ctx, `DELETE FROM rollup_job WHERE job_id = $1 AND hour IN
				(SELECT hour FROM rollup_job WHERE job_id = $1 LIMIT $2)`, id, deletedJobsChunk)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == deletedJobsChunk {
				return err
			}
			res, err = q.ExecContext(ctx, `DELETE FROM job_version WHERE job_id = $1 AND version IN
				(SELECT version FROM job_version WHERE job_id = $1 LIMIT $2)`, id, versionsChunk)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == versionsChunk {
				return err
			}
			if _, err := q.ExecContext(ctx, `DELETE FROM job_badge WHERE job_id = $1`, id); err != nil {
				return err
			}
			_, err = q.ExecContext(ctx, `DELETE FROM deleted_job WHERE job_id = $1`, id)
			return err
		})
	}
	if err != nil {
		return false, fmt.Errorf("delete the statistics of deleted jobs: %w", err)
	}
	return true, nil
}

// longestRetention is the longest retention of all plans and accounts.
func (s *Store) longestRetention(ctx context.Context) (longest time.Duration, err error) {
	for _, p := range s.plans {
		longest = max(longest, p.Retention)
	}
	err = each(ctx, s.read, "list the overrides", func(scan scanner) error {
		var row planRow
		if err := scan(&row.name, &row.overrides); err != nil {
			return err
		}
		p, err := s.plan(row)
		if err != nil {
			return err
		}
		longest = max(longest, p.Retention)
		return nil
	}, `SELECT plan, overrides FROM account WHERE overrides <> ''`)
	return longest, err
}
