package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresMoving is a connection to a PostgreSQL database for a move.
type postgresMoving struct{ *sql.Conn }

// snapshot implements engine: all tables are read as they are at one instant, however long that takes.
func (e *postgresEngine) snapshot(ctx context.Context) (moveSide, error) {
	conn, err := e.pools[classClaim].Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &postgresMoving{conn}
	for _, statement := range []string{`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`, unlimited} {
		if _, err := c.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// unlimited lets a transaction take as long as it needs.
const unlimited = `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0`

func (c *postgresMoving) close() error {
	// A transaction that is open must not go back to the pool.
	_, _ = c.ExecContext(context.Background(), `ROLLBACK`)
	if err := c.Conn.Close(); !errors.Is(err, sql.ErrConnDone) { // as after an interruption
		return err
	}
	return nil
}

// counters implements moveSide.
func (c *postgresMoving) counters(ctx context.Context) (map[string]int64, error) {
	sequences, err := c.sequences(ctx)
	if err != nil {
		return nil, err
	}
	latest := make(map[string]int64)
	for table, sequence := range sequences {
		var (
			id   int64
			used bool
		)
		if err := c.QueryRowContext(ctx, `SELECT last_value, is_called FROM `+sequence).Scan(&id, &used); err != nil {
			return nil, err
		}
		if used {
			latest[table] = id
		}
	}
	return latest, nil
}

// sequences are the sequences that IDs come from, by their tables.
func (c *postgresMoving) sequences(ctx context.Context) (map[string]string, error) {
	found := make(map[string]string)
	err := each(ctx, c, "list the sequences", func(scan scanner) error {
		var table, sequence string
		err := scan(&table, &sequence)
		found[table] = sequence
		return err
	}, `SELECT relname, coalesce(pg_get_serial_sequence(quote_ident(relname), attname),
			substring(pg_get_expr(adbin, adrelid) FROM $$nextval\('([^']+)'$$))
		FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> $1
			AND attnum > 0 AND NOT attisdropped AND attnotnull AND (attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE 'nextval(%')`,
		versionTable)
	return found, err
}

// postgresTarget is a database with the mark. Its triggers are disabled until its tables are full.
type postgresTarget struct {
	postgresMoving
	store *Store
}

var _ moveTarget = (*postgresTarget)(nil)

func newPostgresTarget(ctx context.Context, o Options) (t *postgresTarget, err error) {
	// A database that is used is refused as it is, and not migrated first.
	o.NoMigrate = true
	s, err := openEngine(ctx, o)
	if errors.Is(err, ErrNoDatabase) {
		o.NoMigrate = false
		s, err = openEngine(ctx, o)
	}
	if errors.Is(err, ErrOlder) {
		return nil, fmt.Errorf("%w, of an older version", ErrNotEmpty)
	}
	if err != nil {
		return nil, err
	}
	conn, err := s.engine.(*postgresEngine).pools[classClaim].Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	t = &postgresTarget{postgresMoving{conn}, s}
	if err := t.mark(ctx); err != nil {
		return nil, errors.Join(err, t.close())
	}
	if err := t.empty(ctx); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *postgresTarget) close() error { return errors.Join(t.postgresMoving.close(), t.store.Close()) }

// inTransaction runs statements in one transaction of the connection.
func (t *postgresTarget) inTransaction(ctx context.Context, fn func() error) error {
	for _, statement := range []string{`BEGIN`, unlimited} {
		if _, err := t.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := fn(); err != nil {
		_, _ = t.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		return err
	}
	_, err := t.ExecContext(ctx, `COMMIT`)
	return err
}

// mark marks the database, unless it holds something, or a node runs on it. A node that registers meanwhile either is seen here, or sees the
// mark (Store.StartNode).
func (t *postgresTarget) mark(ctx context.Context) error {
	return t.inTransaction(ctx, func() error {
		if _, err := t.ExecContext(ctx, `LOCK TABLE node IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		nodes, err := t.store.nodesWithout(ctx, t, KeyID{})
		if err != nil {
			return err
		}
		if len(nodes) > 0 {
			return runningError(nodes)
		}
		switch moving, err := isMoving(ctx, t); {
		case err != nil:
			return err
		case moving:
			return nil
		}
		for _, name := range movedTables {
			if slices.Contains(seededTables, name) {
				continue
			}
			var filled bool
			if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM "`+name+`")`).Scan(&filled); err != nil {
				return err
			}
			if filled {
				return fmt.Errorf("%w: the table %s has rows", ErrNotEmpty, name)
			}
		}
		_, err = t.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2)`, movingMark, []byte(t.store.stamp().Format(time.RFC3339)))
		return err
	})
}

// empty removes what an interrupted move or the migrations have written, and disables the triggers.
func (t *postgresTarget) empty(ctx context.Context) error {
	return t.inTransaction(ctx, func() error {
		names := slices.DeleteFunc(slices.Clone(movedTables), func(name string) bool { return name == "setting" })
		if _, err := t.ExecContext(ctx, `TRUNCATE "`+strings.Join(names, `", "`)+`"`); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM setting WHERE name <> $1`, movingMark); err != nil {
			return err
		}
		if err := t.switchTriggers(ctx, "DISABLE"); err != nil {
			return err
		}
		sequences, err := t.sequences(ctx)
		if err != nil {
			return err
		}
		for _, sequence := range sequences {
			if _, err := t.ExecContext(ctx, `SELECT setval($1::text::regclass, 1, false)`, sequence); err != nil {
				return err
			}
		}
		return nil
	})
}

// switchTriggers enables or disables the triggers of all tables, but not the foreign keys.
func (t *postgresTarget) switchTriggers(ctx context.Context, to string) error {
	tables, err := collect(ctx, t, "list the triggers", single[string], `SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
		WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal`)
	if err != nil {
		return err
	}
	for _, name := range tables {
		if _, err := t.ExecContext(ctx, `ALTER TABLE "`+name+`" `+to+` TRIGGER USER`); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom implements moveTarget: each day of the history has a partition.
func (t *postgresTarget) makeRoom(ctx context.Context, source queryer) error {
	days, err := plannedDays(ctx, source)
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := t.store.engine.(*postgresEngine).ensureDay(upkeep.with(ctx), day); err != nil {
			return err
		}
	}
	return nil
}

// write implements moveTarget.
func (t *postgresTarget) write(ctx context.Context, table string, columns []string, rows [][]any, grams [][]int32) error {
	if len(rows) == 0 {
		return nil
	}
	truths, err := t.truths(ctx, table, columns)
	if err != nil {
		return err
	}
	for _, row := range rows {
		for _, at := range truths {
			if n, ok := row[at].(int64); ok {
				row[at] = n != 0
			}
		}
	}
	if grams != nil {
		columns = append(slices.Clone(columns), "grams")
		for i := range rows {
			rows[i] = append(rows[i], append([]int32{}, grams[i]...)) // nil would be NULL
		}
	}
	return t.Raw(func(driver any) error {
		n, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		if err == nil && n != int64(len(rows)) {
			err = fmt.Errorf("%d of %d rows were written", n, len(rows))
		}
		return err
	})
}

// truths are the positions of columns that are true or false.
func (t *postgresTarget) truths(ctx context.Context, table string, columns []string) (at []int, err error) {
	rows, err := t.QueryContext(ctx, `SELECT "`+strings.Join(columns, `", "`)+`" FROM "`+table+`" LIMIT 0`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	for i, column := range types {
		if column.DatabaseTypeName() == "BOOL" {
			at = append(at, i)
		}
	}
	return at, rows.Err()
}

// setCounter implements moveTarget.
func (t *postgresTarget) setCounter(ctx context.Context, table string, id int64) error {
	sequences, err := t.sequences(ctx)
	if err != nil {
		return err
	}
	sequence, ok := sequences[table]
	if !ok {
		return fmt.Errorf("%w: the table gives no IDs", ErrMoveWrong)
	}
	_, err = t.ExecContext(ctx, `SELECT setval($1::text::regclass, $2)`, sequence, id)
	return err
}

// complete implements moveTarget. The planner knows nothing of tables that were just filled.
func (t *postgresTarget) complete(ctx context.Context) error {
	return t.inTransaction(ctx, func() error {
		for _, name := range movedTables {
			if _, err := t.ExecContext(ctx, `ANALYZE "`+name+`"`); err != nil {
				return err
			}
		}
		return t.switchTriggers(ctx, "ENABLE")
	})
}

// check implements moveTarget. What is derived is written with the rows.
func (t *postgresTarget) check(context.Context) error { return nil }

// finish implements moveTarget.
func (t *postgresTarget) finish(ctx context.Context) error {
	_, err := t.ExecContext(ctx, `DELETE FROM setting WHERE name = $1`, movingMark)
	return err
}

// isMoving tells whether a move into a PostgreSQL database was not completed.
func isMoving(ctx context.Context, q queryer) (moving bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM setting WHERE name = $1)`, movingMark).Scan(flag(&moving))
	if err != nil {
		return false, fmt.Errorf("look for an incomplete move: %w", err)
	}
	return moving, nil
}
