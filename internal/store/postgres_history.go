package store

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
)

// A partition of the ledger holds the executions that were planned on one day (UTC). Executions of a day without a
// partition, such as the first of a long gap, are in the partition "rest".
const (
	partitionFormat = "20060102"
	daysAhead       = 3
)

// partitioned lists the partitioned tables and the storage parameters of their partitions. Half of each page stays
// free, so that the new version of a row that gets its result fits beside the old one.
var partitioned = []struct{ table, with string }{{"execution", ` WITH (fillfactor = 50)`}, {table: "response"}}

// ensurePartitions makes the partitions of today and the next days.
func (e *postgresEngine) ensurePartitions(ctx context.Context) error {
	today := e.store.Now().UTC().Truncate(24 * time.Hour)
	for i := range daysAhead + 1 {
		if err := e.ensureDay(ctx, today.AddDate(0, 0, i)); err != nil {
			return err
		}
	}
	return e.listDays(ctx)
}

// listDays notes which days have a partition.
func (e *postgresEngine) listDays(ctx context.Context) error {
	names, err := e.partitions(ctx, "execution")
	if err != nil {
		return err
	}
	e.byDay.set(names)
	return nil
}

// ensureDay makes the partitions of a day.
func (e *postgresEngine) ensureDay(ctx context.Context, day time.Time) error {
	for _, p := range partitioned {
		if err := e.ensurePartition(ctx, p.table, p.with, day); err != nil {
			return fmt.Errorf("make the partition of %s for %s: %w", p.table, day.Format(time.DateOnly), err)
		}
	}
	return nil
}

// partitionDays is which days have a partition of execution. What is known to lie in one partition is changed there by name: a
// statement on the whole table is planned for all of its partitions, and looks for the partition of each row.
type partitionDays struct {
	known atomic.Pointer[map[int64]string] // the names by the first instant of the day, in milliseconds
}

// set takes the names of all partitions.
func (d *partitionDays) set(names []string) {
	known := make(map[int64]string, len(names))
	for _, name := range names {
		if day, err := time.Parse(partitionFormat, strings.TrimPrefix(name, "execution_")); err == nil {
			known[day.UnixMilli()] = name
		}
	}
	d.known.Store(&known)
}

// divide yields the completions of each partition, in their order, with the name of the partition, or of the whole table for those
// of days that are not known to have one.
func (d *partitionDays) divide(completions []*cron.Completion) iter.Seq2[string, []*cron.Completion] {
	var known map[int64]string
	if p := d.known.Load(); p != nil {
		known = *p
	}
	parts := make(map[string][]*cron.Completion, 1)
	for _, c := range completions {
		const day = 24 * time.Hour / time.Millisecond
		planned := millis(c.Launch.Planned)
		name := cmp.Or(known[planned-planned%int64(day)], "execution")
		parts[name] = append(parts[name], c)
	}
	return func(yield func(string, []*cron.Completion) bool) {
		for _, name := range slices.Sorted(maps.Keys(parts)) { // so that nodes lock rows in the same order
			if !yield(name, parts[name]) {
				return
			}
		}
	}
}

// forgetMissing tells whether a statement failed since a partition is no longer there, whose retention has ended. From then on
// statements name the whole table, until the partitions are listed again.
func (d *partitionDays) forgetMissing(err error) bool {
	return sqlState(err) == undefinedTable && d.known.Swap(nil) != nil
}

// healMost is how many rows outside of the partitions of days are moved at most when the day of some of them gets its partition.
const healMost = 20_000

// ensurePartition makes the partition of a day. It is attached to the table, which others go on reading and writing meanwhile: only the
// rest is locked, as its rows are looked at. Rows of that day there are moved, unless there are so many that claims would have to wait for
// longer than a moment; then the day stays in the rest.
func (e *postgresEngine) ensurePartition(ctx context.Context, table, with string, day time.Time) error {
	name := table + "_" + day.Format(partitionFormat)
	var there bool
	if err := e.store.read.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there); err != nil || there {
		return err
	}
	first, end := day.UnixMilli(), day.AddDate(0, 0, 1).UnixMilli()
	// Its indexes are made when it is attached.
	create := fmt.Sprintf(`CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING INDEXES)%s`, name, table, with)
	attach := fmt.Sprintf(`ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)`, table, name, first, end)
	err := e.changeSchema(ctx, create, attach)
	if sqlState(err) == checkViolation {
		err = e.healDay(ctx, table, name, first, end, create, attach)
	}
	if tolerable(err) {
		return nil
	}
	return err
}

// healDay makes the partition of a day of which the rest has rows.
func (e *postgresEngine) healDay(ctx context.Context, table, name string, first, end int64, create, attach string) error {
	var rows int
	err := e.store.read.QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM %s_rest LIMIT %d) AS head`, table, healMost+1)).
		Scan(&rows)
	if err != nil {
		return err
	}
	if rows > healMost {
		e.store.logger.Warn("a day of the ledger stays without a partition: too many of its records were written before it could be made",
			slog.String("partition", name))
		return nil
	}
	err = e.changeSchema(ctx,
		// Whoever writes to the rest waits from here on: a row that comes behind the move would keep the partition from being attached.
		fmt.Sprintf(`LOCK TABLE %s_rest IN ACCESS EXCLUSIVE MODE`, table), create,
		fmt.Sprintf(`WITH moved AS (DELETE FROM %s_rest WHERE planned_at >= %d AND planned_at < %d RETURNING *)
			INSERT INTO %s SELECT * FROM moved`, table, first, end, name), attach)
	if err == nil {
		e.store.logger.Info("a day of the ledger has got its partition late", slog.String("partition", name))
	}
	return err
}

// changeSchema runs statements that lock a whole table, in one transaction. It gives up soon, so as not to hold up others.
func (e *postgresEngine) changeSchema(ctx context.Context, statements ...string) error {
	return e.store.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		for _, statement := range append([]string{`SET LOCAL lock_timeout = '2s'`}, statements...) {
			if _, err := q.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// dropPartitions removes the days whose retention has ended for all plans.
func (e *postgresEngine) dropPartitions(ctx context.Context, oldest time.Time) error {
	for _, p := range partitioned {
		names, err := e.partitions(ctx, p.table)
		if err != nil {
			return err
		}
		for _, name := range names {
			day, err := time.Parse(partitionFormat, strings.TrimPrefix(name, p.table+"_"))
			if err != nil || !day.Before(oldest) {
				continue // the rest, or a day that is still kept
			}
			if err := e.changeSchema(ctx, `DROP TABLE IF EXISTS `+name); err != nil && !tolerable(err) {
				return fmt.Errorf("drop the partition %s: %w", name, err)
			}
		}
	}
	return nil
}

func (e *postgresEngine) partitions(ctx context.Context, table string) ([]string, error) {
	return collect(ctx, e.store.read, "list the partitions", single[string],
		`SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass($1)`, table)
}

// pruneRest deletes a chunk of expired executions from the partitions without a day.
func (e *postgresEngine) pruneRest(ctx context.Context, before time.Time) (more bool, err error) {
	for _, p := range partitioned {
		err := e.store.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
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

// checkViolation is the code of the error for rows of a day in the rest, when its partition is attached.
const checkViolation = "23514"

// tolerable tells whether a change of the partitions can be left out: another node made it first, the table is busy, or
// the rest has rows of that day.
func tolerable(err error) bool {
	switch sqlState(err) {
	case "42P07", "42710", uniqueViolation, // duplicate_table, duplicate_object: two nodes at once
		lockNotAvailable, checkViolation:
		return true
	}
	return false
}

// followHistory implements engine.
func (e *postgresEngine) followHistory(ctx context.Context) error { return e.listDays(ctx) }

// pruneHistory implements engine: days whose retention has ended are dropped as a whole.
func (e *postgresEngine) pruneHistory(ctx context.Context) (more bool, err error) {
	if err := e.ensurePartitions(ctx); err != nil {
		return false, err
	}
	longest, err := e.store.longestRetention(ctx)
	if err != nil {
		return false, err
	}
	oldest := e.store.Now().UTC().Add(-longest)
	if err := e.dropPartitions(ctx, oldest.Truncate(24*time.Hour)); err != nil {
		return false, err
	}
	if err := e.listDays(ctx); err != nil {
		return false, err
	}
	return e.pruneRest(ctx, oldest)
}

// inOrder implements engine. PostgreSQL would plan each statement again for all days of the history, or sort. Here it
// plans once per connection, and excludes days by the arguments when it runs.
func (e *postgresEngine) inOrder(ctx context.Context, fn func(ctx context.Context, reader queryer) error) error {
	t, _ := turnOf(ctx)
	return e.store.transact(ctx, t, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `SELECT set_config('plan_cache_mode', 'force_generic_plan', true),
			set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
			set_config('enable_sort', 'off', true), set_config('enable_hashjoin', 'off', true),
			set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`)
		if err != nil {
			return fmt.Errorf("prepare to read in order: %w", err)
		}
		return fn(ctx, q)
	})
}

// days implements engine: each day has a partition.
func (e *postgresEngine) days(first, last int64, args ...any) (string, []any) {
	return fmt.Sprintf(` AND execution.planned_at >= $%d AND execution.planned_at <= $%d`, len(args)+1, len(args)+2),
		append(args, first, last)
}

// latest implements engine.
func (e *postgresEngine) latest() string {
	return `SELECT ` + latestColumns + ` FROM unnest($1::bigint[]) AS w (job_id) CROSS JOIN LATERAL (
		SELECT * FROM execution AS l WHERE l.job_id = w.job_id AND l.planned_at >= $4 AND l.planned_at < $5 ORDER BY l.id DESC LIMIT $2
	) AS execution WHERE execution.account_id = $3`
}

// spans implements engine. A job is looked for in each partition of a span, so the days of the span grow only for jobs that run seldom.
func (e *postgresEngine) spans(since, now time.Time) (spans [][2]int64) {
	before := int64(largestID)
	for _, days := range []int{1, 8} {
		from := millis(now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days))
		if from <= millis(since) {
			break
		}
		spans, before = append(spans, [2]int64{from, before}), from
	}
	return append(spans, [2]int64{millis(since), before})
}
