package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
)

// What Open may report about a database that it cannot use.
var (
	ErrNoDatabase   = errors.New("there is no database")
	ErrNotADatabase = errors.New("the file is not a database of this kind, or it is damaged")
	ErrOlder        = errors.New("the database is of an older version and has to be migrated by serve")
	ErrNewer        = errors.New("the database is of a newer version of the program")
	ErrUnreleased   = errors.New("the database was made by a development version from before the first release")
	ErrBadURL       = errors.New("the URL of the database cannot be read")
	ErrOtherKey     = errors.New("the secrets in the database were sealed with another key")
)

// Options are what Open needs.
type Options struct {
	URL       string // a postgres:// URL; empty for SQLite
	Dir       string // the directory of the SQLite database; not used with URL
	Key       [32]byte
	Plans     cron.Plans // cron.DefaultPlans when nil
	Logger    *slog.Logger
	NoMigrate bool // refuse a database that is missing or older instead of making or migrating it
}

// queryer runs statements inside a write transaction, or on the pool of readers.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// backend runs transactions.
type backend interface {
	// write runs fn in a transaction and commits it; fn may run more than once and must not keep q. Only Store.transact
	// calls it.
	write(ctx context.Context, t turn, fn func(ctx context.Context, q queryer) error) error
	// clock reads the database's clock; ok is false where it is the process's own.
	clock(ctx context.Context) (now time.Time, ok bool, err error)
	// latestExecution is an id that no execution exceeds whose claim has ended.
	latestExecution(ctx context.Context) (id int64, err error)
	// notify makes other nodes look at the schedule once the transaction is committed.
	notify(ctx context.Context, q queryer) error
	// duplicate tells whether err says that a row would not be unique.
	duplicate(err error) bool
	// close also ends what Store.read reads from.
	close() error
}

// hot is the statements of the hot path that are written per database; each takes many rows at once.
type hot interface {
	// insertRecords sets the id of each record, to 0 when the ledger has the row already.
	insertRecords(ctx context.Context, q queryer, records []*record) error
	savePlans(ctx context.Context, q queryer, plans []plan) error
	// saveResults returns those whose record took the result: one that their node wrote, and that ran or was lost. A lost
	// one takes every result but another loss.
	saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (saved []*cron.Completion, err error)
	saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error
}

// dialect is the rest of what differs between the databases.
type dialect struct {
	alone       bool                                 // one process has the database, and a file lock proves it
	skipLocked  string                               // locks the rows of a SELECT, leaving out those that others hold
	forUpdate   string                               // locks the rows of a SELECT
	lockStates  string                               // locks the rows of job_state in a join
	forShare    string                               // keeps the rows of a SELECT from being changed
	forReplace  string                               // locks the rows of a SELECT against forKeyShare as well
	forKeyShare string                               // waits for forReplace and keeps it waiting, but lets other changes come
	shareFree   string                               // the same, leaving out those that others change
	in          func(column string, n int) string    // is true for rows whose column is in the list at parameter $n
	list        func(numbers []int64) (argument any) // that list

	// few stands before a column of which no index is to be used. SQLite has one of what runs. On PostgreSQL that would
	// make every result a change of all indexes, so what runs is searched for from the oldest on (Store.openFrom).
	few string
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	backend       backend
	hot           hot
	dialect       dialect
	plans         cron.Plans
	read          queryer // a pools
	gate          *gate   // to the connections of accounts
	edits         editQueue
	sealer        *sealer
	opened        openedTLS
	logger        *slog.Logger
	changed       chan struct{}
	offset        atomic.Int64 // of the database's clock against ours, nanoseconds
	settled       atomic.Bool  // SettleDead has run to its end
	frontier      frontier
	outboxAccount atomic.Int64 // whose notices upkeep has counted last
	stop          context.CancelFunc
	background    sync.WaitGroup
}

// Open opens the database, creating or migrating it unless o.NoMigrate. Errors wrap one of the Err values above, where
// one fits.
func Open(ctx context.Context, o Options) (*Store, error) {
	sealer, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{sealer: sealer, plans: o.Plans, logger: o.Logger, changed: make(chan struct{}, 1), stop: stop}
	if s.plans == nil {
		s.plans = cron.DefaultPlans()
	}
	if o.URL != "" {
		err = s.openPostgres(ctx, background, o)
	} else {
		err = s.openSQLite(ctx, o)
	}
	if err != nil {
		stop()
		return nil, databaseError(err)
	}
	if err := s.checkKey(ctx, o.NoMigrate); err != nil {
		return nil, errors.Join(databaseError(err), s.Close())
	}
	return s, nil
}

// Close ends all work and closes the database.
func (s *Store) Close() error {
	s.stop()
	s.background.Wait()
	return s.backend.close()
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.QueryRowContext(lease.with(ctx), `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("ping the database: %w", databaseError(err))
	}
	return nil
}

// writeCheck is the setting that CheckWrite writes.
const writeCheck = "write check"

// CheckWrite reports whether the database takes writes.
func (s *Store) CheckWrite(ctx context.Context) error {
	err := s.transact(ctx, lease, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx,
			`INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			writeCheck, []byte(s.stamp().Format(time.RFC3339)))
		return err
	})
	if err != nil {
		return fmt.Errorf("write to the database: %w", err)
	}
	return nil
}

// Changed receives after the schedule of some job may have changed, here or, as a hint, on another node.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Now is the time by the database's clock, as the latest heartbeat measured it.
func (s *Store) Now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

// stamp is Now as the database can hold it.
func (s *Store) stamp() time.Time { return instant(s.Now().UnixMilli()) }

func (s *Store) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

const keyCheck = "key check"

// checkKey proves that the database's secrets were sealed with our key; a new database takes ours.
func (s *Store) checkKey(ctx context.Context, readOnly bool) error {
	want := sha256.Sum256([]byte(keyCheck))
	var sealed []byte
	err := s.read.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, keyCheck).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) && !readOnly {
		err = s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
			_, err := q.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
				keyCheck, s.sealer.seal(want[:], keyCheck))
			if err != nil {
				return err
			}
			return q.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, keyCheck).Scan(&sealed)
		})
	}
	if err != nil {
		return fmt.Errorf("check the key: %w", err)
	}
	if plain, err := s.sealer.open(sealed, keyCheck); err != nil || string(plain) != string(want[:]) {
		return ErrOtherKey
	}
	return nil
}

// millis is t as the database has it; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// instant is the inverse of millis.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// nullMillis is t for a nullable column; the zero time is NULL.
func nullMillis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

// oneRow turns "no row" into the error for a missing subject.
func oneRow(err error, subject cron.Subject) error {
	if errors.Is(err, sql.ErrNoRows) {
		return cron.Missing(subject)
	}
	return err
}
