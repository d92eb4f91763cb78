package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"time"
)

// Migrations on PostgreSQL run while other nodes start, and while nodes of the former version work.
//
//   - One process at a time runs them. It holds an advisory lock in a transaction of its own, which stays open meanwhile. So the lock also
//     works through PgBouncer in transaction mode, where a lock of the session would stay behind in somebody else's. The others ask for the
//     lock again and again instead of waiting inside a statement: a statement that waits has a snapshot, and CREATE INDEX
//     CONCURRENTLY waits for all of those.
//   - A statement of a file waits two seconds for a lock. Whoever needs the same table waits behind it, claims as well, so the file is rolled
//     back then, and tried again later.
//   - A file that removes what older programs need names the version that they must know. The nodes below it see that with their next
//     heartbeat and stop. Only then the file runs.
//   - A file without a transaction can be repeated after an interruption. What it leaves behind is an index that is invalid.
type sharedMigrations struct {
	locks  *sql.DB // for the transaction with the lock
	db     *sql.DB
	logger *slog.Logger
	limits migrationLimits
}

// migrationLimits are how long a process waits, and how often it tries again and says so.
type migrationLimits struct {
	others time.Duration // for the migrations of another process
	tables time.Duration // for tables that are in use
	nodes  time.Duration // for nodes that are too old
	pause  time.Duration
	told   time.Duration
}

var usualLimits = migrationLimits{
	others: 30 * time.Minute, tables: 10 * time.Minute, nodes: 10 * time.Minute, pause: 500 * time.Millisecond, told: 10 * time.Second,
}

const (
	// lockMigrating is the key of the lock; see lockKey.
	lockMigrating lockKey = 2026_1128
	// lockAlive is how often the transaction with the lock says that the process lives, and lockIdle after which silence the database
	// gives the lock to another one.
	lockAlive, lockIdle = 10 * time.Second, `'60s'`
	// migrationLockWait is how long a statement of a migration waits for a lock.
	migrationLockWait = `'2s'`
)

// waiting is a wait that is bounded, and logged now and then.
type waiting struct {
	began, told time.Time
	most        time.Duration
}

// pause waits for a moment. It returns false when the wait is over its bound.
func (m *sharedMigrations) pause(ctx context.Context, w *waiting, doing string, attrs ...slog.Attr) (bool, error) {
	now := time.Now()
	switch {
	case w.began.IsZero():
		w.began, w.told = now, now.Add(-m.limits.told+2*m.limits.pause) // a short wait is not worth a record
	case now.Sub(w.began) > w.most:
		return false, nil
	case now.Sub(w.told) >= m.limits.told:
		w.told = now
		m.logger.LogAttrs(ctx, slog.LevelWarn, doing, append(attrs, slog.Duration("waited", now.Sub(w.began).Round(time.Second)))...)
	}
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-time.After(m.limits.pause/2 + rand.N(m.limits.pause)):
		return true, nil
	}
}

// keepLock keeps a transaction alive. A query would not do: CREATE INDEX CONCURRENTLY waits for the end of every transaction that has a
// snapshot when it looks, and the transaction that holds the lock of the migrations ends after it.
const keepLock = `SET LOCAL ` + idleTimeout + ` = ` + lockIdle

// alone runs fn while no other process migrates the database.
func (m *sharedMigrations) alone(ctx context.Context, fn func(ctx context.Context) error) error {
	w := waiting{most: m.limits.others}
	for {
		ran, err := m.tryAlone(ctx, fn)
		if ran || err != nil {
			return err
		}
		more, err := m.pause(ctx, &w, "another node migrates the database; this one waits for it")
		if err != nil {
			return fmt.Errorf("wait for the migrations of another node: %w", err)
		}
		if !more {
			return fmt.Errorf("another node has been migrating the database for %s; see its log, and start this node again when it is done",
				m.limits.others)
		}
	}
}

// tryAlone is alone; ran is false when another process has the lock.
func (m *sharedMigrations) tryAlone(ctx context.Context, fn func(ctx context.Context) error) (ran bool, err error) {
	// In another level of isolation the transaction would keep a snapshot.
	tx, err := m.locks.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return false, fmt.Errorf("take the lock of the migrations: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // gives the lock back; a connection that broke has done so
	ran, err = takeLock(ctx, tx, lockMigrating)
	if err == nil && ran {
		_, err = tx.ExecContext(ctx, keepLock) // also ends the snapshot of the query, which its portal has until the next statement
	}
	if err != nil {
		return false, fmt.Errorf("take the lock of the migrations: %w", err)
	}
	if !ran {
		return false, nil
	}
	working, lose := context.WithCancelCause(ctx)
	done := make(chan struct{})
	var keeper sync.WaitGroup
	keeper.Go(func() {
		tick := time.NewTicker(lockAlive)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if _, err := tx.ExecContext(ctx, keepLock); err != nil {
				lose(fmt.Errorf("the lock of the migrations was lost: %w", err))
				return
			}
		}
	})
	err = fn(working)
	if cause := context.Cause(working); err != nil && cause != nil {
		err = cause
	}
	close(done)
	keeper.Wait()
	lose(nil)
	return true, err
}

// patiently runs fn again while tables that it changes are in use.
func (m *sharedMigrations) patiently(ctx context.Context, fn func() error) error {
	w := waiting{most: m.limits.tables}
	for {
		err := fn()
		if sqlState(err) != lockNotAvailable && !retryable(err) {
			return err
		}
		more, stopped := m.pause(ctx, &w, "the migration waits for a table that is in use", slogErr(err))
		if stopped != nil {
			return stopped
		}
		if !more {
			return fmt.Errorf("a table was in use for %s, by a long transaction or a backup; start again when it has ended: %w", m.limits.tables, err)
		}
	}
}

// awaitOlder waits until no node runs that knows less than a version. current is the version of the database.
func (m *sharedMigrations) awaitOlder(ctx context.Context, current, lowest int64) error {
	w := waiting{most: m.limits.nodes}
	for {
		names, err := m.older(ctx, current, lowest)
		if err != nil {
			return fmt.Errorf("look for older nodes: %w", err)
		}
		if len(names) == 0 {
			return nil
		}
		list := strings.Join(names, ", ")
		more, err := m.pause(ctx, &w, "the migration waits for older nodes, which finish what they run and stop", slog.String("nodes", list))
		if err != nil {
			return fmt.Errorf("wait for older nodes: %w", err)
		}
		if !more {
			return fmt.Errorf("nodes run that are too old for the new version of the database, %s; stop them and start this node again", list)
		}
	}
}

// older lists the nodes that count as alive and know less than a version.
func (m *sharedMigrations) older(ctx context.Context, current, lowest int64) (names []string, err error) {
	tx, err := m.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	// A node that registers looks at the minimum after it has written its row. So it sees the new one, or its row is seen here.
	for _, statement := range []string{`SET LOCAL lock_timeout = ` + migrationLockWait, `LOCK TABLE node IN SHARE MODE`} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			if sqlState(err) == lockNotAvailable {
				return []string{"those that hold locks on the table of nodes"}, nil
			}
			return nil, err
		}
	}
	knows := `schema_version < $1`
	if current < versionOfNodes {
		knows = `$1::bigint > 0` // nodes do not say what they know, and do not stop by themselves
	}
	return collect(ctx, tx, "list the nodes", func(scan scanner, name *string) error { return scan(name) },
		`SELECT name || ' (node ' || epoch || ')' FROM node WHERE NOT dead AND `+knows+`
			AND lease_until > extract(epoch FROM clock_timestamp()) * 1000 ORDER BY epoch`, lowest)
}

// dropInvalid drops the indexes that an interrupted build has left behind. The files that build them run again.
func (m *sharedMigrations) dropInvalid(ctx context.Context, current int64, list []migration) error {
	var names []string
	for _, file := range list {
		if file.version > current && noTransaction.MatchString(file.text) {
			for _, found := range concurrentIndex.FindAllStringSubmatch(file.text, -1) {
				names = append(names, strings.ToLower(found[1]))
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	invalid, err := collect(ctx, m.db, "look for indexes that are not complete", single[string],
		`SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
		 WHERE NOT indisvalid AND relkind = 'i' AND relnamespace = current_schema()::regnamespace AND relname = ANY ($1)`, names)
	if err != nil {
		return err
	}
	for _, name := range invalid {
		m.logger.Info("an index that an interrupted migration has left is dropped and built again", slog.String("index", name))
		if _, err := m.db.ExecContext(ctx, `DROP INDEX CONCURRENTLY IF EXISTS `+name); err != nil {
			return fmt.Errorf("drop the incomplete index %s: %w", name, err)
		}
	}
	return nil
}

// boundedFiles are the files of a directory. Those that run in a transaction begin with the settings of migrations, whatever others have
// set for the role or the database.
type boundedFiles struct{ fs.FS }

const boundedStart = "-- +goose Up\n"

// Open implements fs.FS.
func (b boundedFiles) Open(name string) (fs.File, error) {
	file, err := b.FS.Open(name)
	if err != nil || path.Ext(name) != ".sql" {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	bounded := string(text)
	if !noTransaction.MatchString(bounded) {
		bounded = strings.Replace(bounded, boundedStart, boundedStart+`SET LOCAL lock_timeout = `+migrationLockWait+";\nSET LOCAL statement_timeout = 0;\n", 1)
	}
	return boundedFile{file, strings.NewReader(bounded)}, nil
}

type boundedFile struct {
	fs.File
	text io.Reader
}

func (f boundedFile) Read(p []byte) (int, error) { return f.text.Read(p) }
