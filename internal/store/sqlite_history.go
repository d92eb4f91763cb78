package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// vacuumPages is how many free pages one step returns to the file system.
const vacuumPages = 2000

// holds implements engine: there is one node.
func (e *sqliteEngine) holds(context.Context, *duty, int64) (bool, error) { return true, nil }

// followHistory implements engine: no other node does.
func (e *sqliteEngine) followHistory(context.Context) error { return nil }

// pruneHistory implements engine. It deletes a chunk of the expired executions of each account, and of those of deleted
// accounts.
func (e *sqliteEngine) pruneHistory(ctx context.Context) (more bool, err error) {
	for id := int64(0); ; {
		var plan planRow
		err := e.store.read.QueryRowContext(ctx,
			`SELECT execution.account_id, coalesce(account.plan, ''), coalesce(account.overrides, '')
			 FROM execution
			 LEFT JOIN account ON account.id = execution.account_id
			 WHERE execution.account_id > $1 ORDER BY execution.account_id LIMIT 1`, id).Scan(&id, &plan.name, &plan.overrides)
		if errors.Is(err, sql.ErrNoRows) {
			return more, e.vacuum(ctx)
		}
		if err != nil {
			return false, fmt.Errorf("list accounts with history: %w", err)
		}
		before := e.store.Now()
		if plan.name != "" {
			if before, err = e.store.keptSince(plan); err != nil {
				return false, err
			}
		}
		old, full, err := e.expired(ctx, id, before)
		if err != nil {
			return false, err
		}
		if err := e.deleteExecutions(ctx, old); err != nil {
			return false, err
		}
		more = more || full
	}
}

func (e *sqliteEngine) deleteExecutions(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	err := e.store.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		for _, statement := range []string{
			`DELETE FROM execution WHERE ` + e.in("id", 1),
			`DELETE FROM response WHERE ` + e.in("execution_id", 1),
		} {
			if _, err := q.ExecContext(ctx, statement, e.list(ids)); err != nil {
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

// expired lists the oldest executions of an account that were planned before the given instant. IDs follow time, so the
// first later one ends the search. full tells that there may be more.
func (e *sqliteEngine) expired(ctx context.Context, accountID int64, before time.Time) (old []int64, full bool, err error) {
	rows, err := e.store.read.QueryContext(ctx,
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

// vacuum returns some free pages to the file system, so that the file shrinks after a burst.
func (e *sqliteEngine) vacuum(ctx context.Context) error {
	err := e.store.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, vacuumPages))
		return err
	})
	if err != nil {
		return fmt.Errorf("give back free pages: %w", err)
	}
	return nil
}

// watermarks implements engine: IDs follow the order of the commits.
func (e *sqliteEngine) watermarks(ctx context.Context) (cron.Watermarks, error) {
	m, err := e.store.latestIDs(ctx, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'execution'), 0),
		coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'job_change'), 0)`)
	return m.watermarks(m), err
}

// inOrder implements engine.
func (e *sqliteEngine) inOrder(ctx context.Context, fn func(ctx context.Context, reader queryer) error) error {
	return fn(ctx, e.store.read)
}

// days implements engine: SQLite has no partitions.
func (e *sqliteEngine) days(_, _ int64, args ...any) (string, []any) { return "", args }

// latest implements engine.
func (e *sqliteEngine) latest() string {
	return `SELECT ` + latestColumns + ` FROM json_each($1) AS w CROSS JOIN execution
		WHERE execution.id IN (SELECT id FROM execution AS l WHERE l.job_id = w.value ORDER BY l.id DESC LIMIT $2)
		  AND execution.account_id + 0 = $3 AND execution.planned_at + 0 >= $4 AND execution.planned_at + 0 < $5`
}

// spans implements engine.
func (e *sqliteEngine) spans(since, _ time.Time) [][2]int64 { return [][2]int64{allDays(since)} }
