package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"punctual/internal/cron"
)

// pruneChunk is how many executions one transaction deletes, with responses of about pruneBytes at most.
const (
	pruneChunk = 500
	pruneBytes = 4 << 20
)

// vacuumPages is how many free pages a step gives back to the file system.
const vacuumPages = 2000

// kept is the instant from which on an account keeps history.
func (s *Store) kept(r planRow) (time.Time, error) {
	plan, err := s.plan(r)
	return s.Now().Add(-plan.Retention), err
}

// longest is the longest retention of any plan or account.
func (s *Store) longest(ctx context.Context) (longest time.Duration, err error) {
	for _, p := range s.plans {
		longest = max(longest, p.Retention)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT plan, overrides FROM account WHERE overrides <> ''`)
	if err != nil {
		return 0, fmt.Errorf("list the overrides: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row planRow
		if err := rows.Scan(&row.name, &row.overrides); err != nil {
			return 0, fmt.Errorf("list the overrides: %w", err)
		}
		p, err := s.plan(row)
		if err != nil {
			return 0, err
		}
		longest = max(longest, p.Retention)
	}
	return longest, rows.Err()
}

// Maintain takes one short step of the upkeep: it removes history beyond its retention and what is left of nodes that
// died long ago, and completes what they began. more asks for another step soon.
func (s *Store) Maintain(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	if err := s.pruneNodes(ctx); err != nil {
		return false, err
	}
	if more, err := s.Replan(ctx); more || err != nil { // what a node left that died meanwhile
		return more, err
	}
	if more, err := s.pruneUsage(ctx); more || err != nil {
		return more, err
	}
	if more, err := s.pruneOnce(ctx); more || err != nil {
		return more, err
	}
	if more, err := s.wakeForgotten(ctx); more || err != nil {
		return more, err
	}
	if more, err := s.pruneGone(ctx); more || err != nil {
		return more, err
	}
	if more, err := s.pruneChanges(ctx); more || err != nil {
		return more, err
	}
	if more, err := s.pruneOutbox(ctx); more || err != nil {
		return more, err
	}
	if s.dialect.alone {
		return s.pruneAccounts(ctx)
	}
	if err := s.ensurePartitions(ctx); err != nil {
		return false, err
	}
	longest, err := s.longest(ctx)
	if err != nil {
		return false, err
	}
	oldest := s.Now().UTC().Add(-longest)
	if err := s.dropPartitions(ctx, oldest.Truncate(24*time.Hour)); err != nil {
		return false, err
	}
	return s.pruneRest(ctx, oldest)
}

// pruneNodes forgets nodes that have been dead for a day and left nothing running.
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

// pruneAccounts deletes one chunk of each account's executions that its plan no longer keeps, and of those of accounts
// that are gone.
func (s *Store) pruneAccounts(ctx context.Context) (more bool, err error) {
	for id := int64(0); ; {
		var plan planRow
		err := s.read.QueryRowContext(ctx,
			`SELECT execution.account_id, coalesce(account.plan, ''), coalesce(account.overrides, '')
			 FROM execution
			 LEFT JOIN account ON account.id = execution.account_id
			 WHERE execution.account_id > $1 ORDER BY execution.account_id LIMIT 1`, id).Scan(&id, &plan.name, &plan.overrides)
		if errors.Is(err, sql.ErrNoRows) {
			return more, s.vacuum(ctx)
		}
		if err != nil {
			return false, fmt.Errorf("list accounts with history: %w", err)
		}
		before := s.Now()
		if plan.name != "" {
			if before, err = s.kept(plan); err != nil {
				return false, err
			}
		}
		old, full, err := s.expired(ctx, id, before)
		if err != nil {
			return false, err
		}
		if err := s.deleteExecutions(ctx, old); err != nil {
			return false, err
		}
		more = more || full
	}
}

// goneChunk is how many hours of statistics of deleted jobs one transaction deletes.
const goneChunk = 2000

// pruneGone deletes a chunk of the statistics of jobs that are gone. Some may be written still just after the deletion.
func (s *Store) pruneGone(ctx context.Context) (more bool, err error) {
	var id int64
	err = s.read.QueryRowContext(ctx, `SELECT job_id FROM deleted_job WHERE deleted_at < $1 LIMIT 1`,
		millis(s.Now().Add(-rollupLag))).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
			res, err := q.ExecContext(ctx, `DELETE FROM rollup_job WHERE job_id = $1 AND hour IN
				(SELECT hour FROM rollup_job WHERE job_id = $1 LIMIT $2)`, id, goneChunk)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == goneChunk {
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

func (s *Store) deleteExecutions(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		for _, statement := range []string{
			`DELETE FROM execution WHERE ` + s.dialect.in("id", 1),
			`DELETE FROM response WHERE ` + s.dialect.in("execution_id", 1),
		} {
			if _, err := q.ExecContext(ctx, statement, s.dialect.list(ids)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete old executions: %w", err)
	}
	return nil
}

// expired lists the oldest executions of an account that were planned before the given instant. Ids follow the time, so
// the first that is younger ends the search. full tells that there may be more.
func (s *Store) expired(ctx context.Context, accountID int64, before time.Time) (old []int64, full bool, err error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT execution.id, max(execution.planned_at, execution.last_planned_at), execution.outcome, coalesce(length(response.body), 0)
		 FROM execution LEFT JOIN response ON response.execution_id = execution.id
		 WHERE execution.account_id = $1 ORDER BY execution.id LIMIT $2`, accountID, pruneChunk)
	if err != nil {
		return nil, false, fmt.Errorf("find old executions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for bytes := 0; rows.Next(); {
		var (
			id, at  int64
			outcome cron.Outcome
			size    int
		)
		if err := rows.Scan(&id, &at, &outcome, &size); err != nil {
			return nil, false, fmt.Errorf("find old executions: %w", err)
		}
		if at >= millis(before) || outcome == cron.OutcomeRunning {
			return old, false, nil
		}
		old = append(old, id)
		if bytes += size; bytes > pruneBytes {
			return old, true, nil
		}
	}
	return old, len(old) == pruneChunk, rows.Err()
}

// vacuum gives some of SQLite's free pages back, so that the file shrinks after a flood.
func (s *Store) vacuum(ctx context.Context) error {
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, vacuumPages))
		return err
	})
	if err != nil {
		return fmt.Errorf("give back free pages: %w", err)
	}
	return nil
}

// A partition of the ledger holds the executions that were planned on one day (UTC). Those of a day without one, such as
// the first of a long gap, are in the partition "rest".
const (
	partitionFormat = "20060102"
	daysAhead       = 3
)

// partitioned has the tables, and what their partitions are made with: a result is a new version of its row that finds
// room beside the old one.
var partitioned = []struct{ table, with string }{{"execution", ` WITH (fillfactor = 50)`}, {table: "response"}}

// ensurePartitions makes the partitions of today and the next days. A day of which the rest has rows already stays there.
func (s *Store) ensurePartitions(ctx context.Context) error {
	today := s.Now().UTC().Truncate(24 * time.Hour)
	for i := range daysAhead + 1 {
		day := today.AddDate(0, 0, i)
		for _, p := range partitioned {
			if err := s.ensurePartition(ctx, p.table, p.with, day); err != nil {
				return fmt.Errorf("make the partition of %s for %s: %w", p.table, day.Format(time.DateOnly), err)
			}
		}
	}
	return nil
}

func (s *Store) ensurePartition(ctx context.Context, table, with string, day time.Time) error {
	name := table + "_" + day.Format(partitionFormat)
	var there bool
	if err := s.read.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there); err != nil || there {
		return err
	}
	err := s.changeSchema(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s PARTITION OF %s FOR VALUES FROM (%d) TO (%d)%s`,
		name, table, day.UnixMilli(), day.AddDate(0, 0, 1).UnixMilli(), with))
	if tolerable(err) {
		return nil
	}
	return err
}

// changeSchema runs a statement that needs the whole table for a moment, and gives up rather than hold up the others.
func (s *Store) changeSchema(ctx context.Context, statement string) error {
	return s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		if _, err := q.ExecContext(ctx, `SET LOCAL lock_timeout = '2s'`); err != nil {
			return err
		}
		_, err := q.ExecContext(ctx, statement)
		return err
	})
}

// dropPartitions removes the days that no plan keeps any more.
func (s *Store) dropPartitions(ctx context.Context, oldest time.Time) error {
	for _, p := range partitioned {
		names, err := s.partitions(ctx, p.table)
		if err != nil {
			return err
		}
		for _, name := range names {
			day, err := time.Parse(partitionFormat, strings.TrimPrefix(name, p.table+"_"))
			if err != nil || !day.Before(oldest) {
				continue // the rest, or still needed
			}
			if err := s.changeSchema(ctx, `DROP TABLE IF EXISTS `+name); err != nil && !tolerable(err) {
				return fmt.Errorf("drop the partition %s: %w", name, err)
			}
		}
	}
	return nil
}

func (s *Store) partitions(ctx context.Context, table string) ([]string, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass($1)`, table)
	if err != nil {
		return nil, fmt.Errorf("list the partitions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list the partitions: %w", err)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// pruneRest deletes a chunk of what no plan keeps from the partitions without a day.
func (s *Store) pruneRest(ctx context.Context, before time.Time) (more bool, err error) {
	for _, p := range partitioned {
		err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
			res, err := q.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %[1]s_rest WHERE ctid IN
				(SELECT ctid FROM %[1]s_rest WHERE planned_at < $1 LIMIT $2)`, p.table), millis(before), pruneChunk)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			more = more || n == pruneChunk
			return err
		})
		if err != nil {
			return false, fmt.Errorf("delete old rows of %s: %w", p.table, err)
		}
	}
	return more, nil
}
