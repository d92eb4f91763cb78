package store

import (
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"punctual/internal/statuspage"
)

// Intercept calls see for each statement before it runs, until undo is called. An error of see is returned for the
// statement.
func (s *Store) Intercept(see func(query string, args []any) error) (undo func()) {
	engine, read := s.engine, s.read
	s.engine = interceptedEngine{engine, see, false}
	s.read = interceptor{read, see}
	return func() { s.engine, s.read = engine, read }
}

// PollQuery is the statement that asks for all kinds of background work.
const PollQuery = pollQuery

// Observable tells whether states of components can change.
func (s *Store) Observable(ctx context.Context) (bool, error) { return s.observable(ctx) }

// OpenNotice tells whether a notice has not all its deliveries.
func (s *Store) OpenNotice(ctx context.Context) (bool, error) {
	n, err := s.openNotice(ctx)
	return n != nil, err
}

// DueDeliveries tells whether there are deliveries to claim.
func (s *Store) DueDeliveries(ctx context.Context, c statuspage.DeliveryClaim) (bool, error) {
	ids, err := s.dueDeliveries(ctx, c)
	return len(ids) > 0, err
}

// SetPollAge is how long answers of polls count.
func (s *Store) SetPollAge(age time.Duration) { s.pollAge = age }

// SchedulerSettings are the settings of the connections of claims and results on PostgreSQL.
var SchedulerSettings = schedulerSettings

// InterceptScheduler is Intercept for the transactions of claims and results.
func (s *Store) InterceptScheduler(see func(query string, args []any) error) (undo func()) {
	engine := s.engine
	s.engine = interceptedEngine{engine, see, true}
	return func() { s.engine = engine }
}

type interceptedEngine struct {
	engine
	see       func(query string, args []any) error
	scheduler bool // only transactions of the scheduler
}

func (b interceptedEngine) write(ctx context.Context, t turn, fn func(context.Context, queryer) error) error {
	if b.scheduler && t != claims && t != results {
		return b.engine.write(ctx, t, fn)
	}
	return b.engine.write(ctx, t, func(ctx context.Context, q queryer) error { return fn(ctx, interceptor{q, b.see}) })
}

type interceptor struct {
	queryer
	see func(query string, args []any) error
}

func (i interceptor) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := i.see(query, args); err != nil {
		return nil, err
	}
	return i.queryer.ExecContext(ctx, query, args...)
}

func (i interceptor) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := i.see(query, args); err != nil {
		return nil, err
	}
	return i.queryer.QueryContext(ctx, query, args...)
}

func (i interceptor) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := i.see(query, args); err != nil {
		return i.queryer.QueryRowContext(ctx, `SELECT no SQL`) // a Row cannot be made with an error
	}
	return i.queryer.QueryRowContext(ctx, query, args...)
}

// InConnections calls look for one reader and the writer of an SQLite database; pragma reads their settings.
func (s *Store) InConnections(ctx context.Context, look func(name string, pragma func(string) string)) {
	b := s.engine.(*sqliteEngine)
	for name, q := range map[string]queryer{"reader": b.read[classAccount], "writer": b.writer} {
		look(name, func(key string) (value string) {
			if err := q.QueryRowContext(ctx, `PRAGMA `+key).Scan(&value); err != nil {
				return err.Error()
			}
			return value
		})
	}
}

// Setting is a setting of PostgreSQL in a session of the store.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&value)
	return value, err
}

// SettingInside is a setting of a transaction of an account, or of claims or results.
func (s *Store) SettingInside(ctx context.Context, class, name string) (value string, err error) {
	t := ofAccount(1)
	switch class {
	case "claims":
		t = claims
	case "results":
		t = results
	}
	err = s.transact(ctx, t, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&value)
	})
	return value, err
}

// WakeJobs is what enabling an account does to its jobs.
func (s *Store) WakeJobs(ctx context.Context, accountID int64) error {
	return s.wakeJobs(ctx, accountID)
}

// InTransaction runs fn in one transaction.
func (s *Store) InTransaction(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.transact(ctx, ofAccount(0), func(ctx context.Context, _ queryer) error { return fn(ctx) })
}

// Migrations are the files that make and change the schema.
var Migrations fs.FS = migrations

// Migrate applies files to the kind of database that a directory of files is for.
func Migrate(ctx context.Context, db *sql.DB, dir string, files fs.FS, checkOnly bool) error {
	m := migrator{schema: sqliteSchema, db: db, files: files}
	if dir == "postgres" {
		m.schema = postgresSchema
		m.shared = &sharedMigrations{locks: db, db: db, logger: slog.New(slog.DiscardHandler), limits: usualLimits}
	}
	return m.migrate(ctx, checkOnly)
}

// KnownVersion is the version that the program knows.
var KnownVersion = knownVersion

// Know makes a handle that of a program which knows another version of the schema.
func (s *Store) Know(version int64) { s.known = version }

// SetCallTime is how long calls may keep a connection from now on.
func (s *Store) SetCallTime(d time.Duration) { s.callTime = d }

// ReadNumber reads one number as a call of an account.
func (s *Store) ReadNumber(ctx context.Context, account int64, query string) (n int64, err error) {
	ctx, leave, err := s.enter(ctx, account)
	if err != nil {
		return 0, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// Queued is how many writes wait for SQLite's writer.
func (s *Store) Queued() (n int) {
	w := s.engine.(interceptedEngine).engine.(*sqliteEngine).writer
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, calls := range w.calls.waiting {
		n += len(calls)
	}
	return n + len(w.first) + len(w.batches)
}

// SealedColumns are the names of the columns that a rotation walks.
func SealedColumns() (names []string) {
	for _, c := range sealedColumns {
		names = append(names, c.table+"."+c.column)
	}
	return names
}

// Opened counts the sealed values of each column and setting that a handle opens.
func (s *Store) Opened(ctx context.Context) (opened, all map[string]int, err error) {
	opened, all = map[string]int{}, map[string]int{}
	columns := append(sealedColumns, sealedColumn{table: "setting", column: "value", key: []string{"name"},
		where: `name = '` + keyCheck + `'`, row: func(key []any) string { return key[0].(string) }})
	for _, c := range columns {
		name := c.table + "." + c.column
		where := c.where
		if where == "" {
			where = c.column + ` IS NOT NULL`
		}
		err := each(ctx, s.read, "read sealed values", func(scan scanner) error {
			key, to := make([]any, len(c.key)), make([]any, len(c.key))
			for i := range key {
				to[i] = &key[i]
			}
			var sealed []byte
			if err := scan(append(to, &sealed)...); err != nil {
				return err
			}
			all[name]++
			if _, err := s.sealer.open(sealed, c.row(key)); err == nil {
				opened[name]++
			}
			return nil
		}, `SELECT `+strings.Join(c.key, ", ")+`, `+c.column+` FROM `+c.table+` WHERE `+where)
		if err != nil {
			return nil, nil, err
		}
	}
	return opened, all, nil
}

// Forget drops all keys but one, as if the process had started with that one.
func (s *Store) Forget(key [32]byte) error {
	fresh, err := newSealer(func() ([][32]byte, error) { return [][32]byte{key}, nil })
	s.sealer = fresh
	return err
}

// MoveMaintenance takes one step of the upkeep of maintenance windows.
func (s *Store) MoveMaintenance(ctx context.Context) error {
	_, err := s.moveMaintenance(upkeep.with(ctx))
	return err
}

// SetLayer is setLayers for a component in a transaction of its own.
func SetLayer(ctx context.Context, s *Store, pageID, componentID int64, layer statuspage.Layer, from time.Time, list ...statuspage.Transition) error {
	return s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		return s.setLayers(ctx, q, pageID, layer, from, map[int64][]statuspage.Transition{componentID: list})
	})
}

// KeepDays is keepDays.
func KeepDays(ctx context.Context, s *Store) (more bool, err error) { return s.keepDays(ctx) }

// MovedTables and SeededTables are the lists of a move.
var MovedTables, SeededTables = movedTables, seededTables

// SealFor seals a value for each sealed column of a row of a table.
func SealFor(ctx context.Context, s *Store, table string, row map[string]any, plain []byte) error {
	return s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		for i := range sealedColumns {
			c := &sealedColumns[i]
			if c.table != table || row[c.column] == nil {
				continue
			}
			key := make([]any, len(c.key))
			for k, name := range c.key {
				key[k] = row[name]
			}
			sealed, err := s.seal(ctx, q, plain, c.row(key))
			if err != nil {
				return err
			}
			row[c.column] = sealed
		}
		return nil
	})
}

// ForgetDuties makes a handle ask for its duties again.
func (s *Store) ForgetDuties() {
	s.duties.upkeep.sure.Store(0)
	s.duties.statistics.sure.Store(0)
}
