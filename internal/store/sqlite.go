package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"punctual/internal/cron"
)

// FileName is the name of the SQLite database in its directory.
const FileName = "punctual.db"

// The sizes of the pools of readers. Queries are short, and a machine has few cores. The scheduler and background work
// do not wait for queries of accounts.
const (
	readers          = 4 // for accounts, and one more for calls without an account
	schedulerReaders = 1 // for the scheduler
	upkeepReaders    = 2
)

// sqliteEngine is SQLite: one connection writes, pools of others read. The lock on the data directory proves that one
// process has the database, so there are no leases and no row locks.
type sqliteEngine struct {
	store     *Store
	dsn       string
	db        *sql.DB
	writer    *writer
	read      pools
	settled   atomic.Bool                 // the executions of former processes are settled
	claimedTo atomic.Int64                // the highest ID of an execution whose claim is committed
	ended     atomic.Pointer[runningMark] // of the latest heartbeat
	draining  atomic.Bool                 // as the latest heartbeat has found it
	written   atomic.Pointer[runningMark] // the latest one in the database
}

var _ engine = (*sqliteEngine)(nil)

// openSQLite opens the database of a store.
func openSQLite(ctx context.Context, s *Store, o Options) error {
	path := filepath.Join(o.Dir, FileName)
	if err := findSQLite(ctx, path, !o.NoMigrate); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	read, err := sqliteReaders(sqliteDSN(path) + "&_query_only=on")
	if err != nil {
		return errors.Join(fmt.Errorf("open the database: %w", err), db.Close())
	}
	err = checkSQLiteTables(ctx, db)
	if err == nil {
		err = (&migrator{schema: sqliteSchema, db: db, files: migrations}).migrate(ctx, o.NoMigrate)
	}
	var w *writer
	if err == nil {
		w, err = newWriter(ctx, db)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, sqliteOpenError(err)), db.Close(), read.close())
	}
	s.read, s.engine = read, &sqliteEngine{store: s, dsn: sqliteDSN(path), db: db, writer: w, read: read}
	s.gate = newGate(readers)
	return nil
}

func sqliteReaders(dsn string) (p pools, err error) {
	for class, size := range map[class]int{classAccount: readers + 1, classClaim: schedulerReaders, classUpkeep: upkeepReaders} {
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			return p, err
		}
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		p[class] = db
	}
	p[classResults], p[classLease] = p[classClaim], p[classClaim]
	return p, nil
}

// sqliteOpenError adds an explanation where the result code has one.
func sqliteOpenError(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
			return ErrNotADatabase
		}
	}
	return err
}

func (e *sqliteEngine) write(ctx context.Context, t turn, fn func(context.Context, queryer) error) error {
	return databaseError(e.writer.do(ctx, t, fn))
}

// clock implements engine: SQLite has no clock of its own.
func (e *sqliteEngine) clock(context.Context) (time.Time, bool, error) {
	return time.Time{}, false, nil
}

// runningMark is an ID below which all executions of a node have ended.
type runningMark struct{ node, from int64 }

// runningStep is how far the mark of a node has to have moved to be written. Whoever looks for what runs reads as many rows more.
const runningStep = 1000

// drainRead is how long a heartbeat waits for the answer whether the node is to drain.
const drainRead = 500 * time.Millisecond

// heartbeat implements engine: there is no lease. The next claim writes what RunningFrom returns, so that a heartbeat needs no
// transaction of its own. It does not fail when the database is too busy to tell whether the node is to drain.
func (e *sqliteEngine) heartbeat(ctx context.Context, h cron.Heartbeat) (draining bool, err error) {
	e.ended.Store(&runningMark{h.Epoch, h.RunningFrom(e.claimedTo.Load())})
	ctx, cancel := context.WithTimeout(lease.with(ctx), drainRead)
	defer cancel()
	if e.store.read.QueryRowContext(ctx, `SELECT draining FROM node WHERE epoch = $1`, h.Epoch).Scan(&draining) == nil {
		e.draining.Store(draining)
	}
	return e.draining.Load(), nil
}

// saveRunningFrom implements engine.
func (e *sqliteEngine) saveRunningFrom(ctx context.Context, q queryer, node int64) error {
	ended, written := e.ended.Load(), e.written.Load()
	if ended == nil || ended.node != node || written != nil && written.node == node && ended.from < written.from+runningStep {
		return nil
	}
	_, err := q.ExecContext(ctx, `UPDATE node SET running_from = max(running_from, $2) WHERE epoch = $1`, node, ended.from)
	if err != nil {
		return fmt.Errorf("write from where on executions run: %w", err)
	}
	afterCommit(ctx, func(context.Context) error {
		e.written.Store(ended)
		return nil
	})
	return nil
}

func (e *sqliteEngine) nextExecution() string {
	return `(SELECT max((SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'execution'), (SELECT coalesce(max(id), 0) FROM execution)) + 1)`
}

// size implements engine.
func (e *sqliteEngine) size() string {
	return `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
}

// aliveAfter implements engine: leases are not renewed.
func (e *sqliteEngine) aliveAfter(time.Time) int64 { return 0 }

// settleDead implements engine: all former processes are dead, and are settled once.
func (e *sqliteEngine) settleDead(ctx context.Context, self int64) (settled int, err error) {
	if e.settled.Load() {
		return 0, nil
	}
	settled, err = e.store.settleBefore(ctx, self, math.MaxInt64, false)
	if err == nil {
		e.settled.Store(true)
	}
	return settled, err
}

// notify implements engine: no other node shares the database.
func (e *sqliteEngine) notify(context.Context, queryer, wake) error { return nil }

// alone implements engine: only one transaction writes.
func (e *sqliteEngine) alone(context.Context, queryer, lockKey) (bool, error) { return true, nil }

func (e *sqliteEngine) duplicate(err error) bool {
	failed, ok := errors.AsType[*sqlite.Error](err)
	return ok && failed.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}

func (e *sqliteEngine) close() error {
	return errors.Join(e.read.close(), e.writer.close(), e.db.Close())
}

// in implements engine: a list is a JSON array.
func (e *sqliteEngine) in(column string, n int) string {
	return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, n)
}

func (e *sqliteEngine) list(numbers []int64) any {
	text := append(make([]byte, 0, 8*len(numbers)+2), '[')
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, n, 10)
	}
	return string(append(text, ']'))
}

func (e *sqliteEngine) withID(insert string) string { return insert }

func (e *sqliteEngine) lower(column string) string { return `lower(` + column + `)` }

func (e *sqliteEngine) lock(lockKind) string { return "" }

func (e *sqliteEngine) unindexed(column string) string { return "+" + column }
