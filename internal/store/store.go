package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
)

// The errors of Open for a database that cannot be used.
var (
	ErrNoDatabase   = errors.New("there is no database")
	ErrNotADatabase = errors.New("the file is not a database of this kind, or it is damaged")
	ErrOlder        = errors.New("the database is of an older version and has to be migrated by serve")
	ErrNewer        = errors.New("the database is of a newer version, which this program is too old for")
	ErrUnreleased   = errors.New("the database was made by a development version from before the first release")
	ErrBadURL       = errors.New("the URL of the database cannot be read")
	ErrOtherKey     = errors.New("the secrets in the database were sealed with another key")
)

// Options are what Open needs.
type Options struct {
	URL    string                     // a postgres:// URL; empty for SQLite
	Dir    string                     // the directory of the SQLite database; ignored with URL
	Key    [32]byte                   // the key of the secrets, when there is one only
	Keys   func() ([][32]byte, error) // reads the keys of the secrets, the newest one last, and again when they may have changed; nil for Key
	Plans  cron.Plans                 // cron.DefaultPlans when nil
	Logger *slog.Logger
	Clock  func() time.Time // the clock of this machine, by which SQLite plans; time.Now when nil

	DirectURL   string // the same PostgreSQL database without the pooler that is in URL; empty when there is none
	Connections int    // how many connections to PostgreSQL the node uses at most; 0 for what suits the database

	AuditKept    time.Duration // how long the audit log is kept; a year when 0
	AuditEntries int           // how many entries of an account are kept; cron.MaxAuditEntries when 0

	// SharePolls lets one statement ask for all kinds of background work, which a node asks for each second. What another node has
	// written without a notification is seen up to a second later.
	SharePolls bool

	NoMigrate bool // refuse a database that is missing or of another version, instead of creating or migrating it
}

// queryer runs statements in a transaction or on a pool.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	engine          engine
	plans           cron.Plans
	read            queryer       // a pools
	gate            *gate         // shares the connections of accounts
	callTime        time.Duration // maxCallTime
	edits           editQueue
	sealer          *sealer
	secret          [32]byte                     // see ServiceSecret
	reported        atomic.Pointer[reportedKeys] // nil when this process is no node
	beat            atomic.Pointer[lastBeat]     // the same
	installation    [16]byte                     // see cron.Material
	opened          openedTLS
	logger          *slog.Logger
	changed         chan struct{}    // receives after a change of the schedule
	tested          chan struct{}    // receives when a test run waits or is to end
	noticed         chan struct{}    // receives when there are notices, or messages that wait
	monitored       chan struct{}    // see Monitored
	wall            func() time.Time // the clock of this machine
	clock           func() time.Time // by which this process counts: on PostgreSQL the monotonic one
	offset          atomic.Int64     // of the database's clock to clock, in nanoseconds
	observedAccount atomic.Int64     // the account of which ObserveComponents took results last
	outboxAccount   atomic.Int64     // the account whose notices upkeep has counted last
	routedAccount   atomic.Int64     // the account whose notices were routed last
	sendingTurn     atomic.Int64     // the account whose messages were claimed last
	deliveryTurn    atomic.Int64     // the account whose subscribers were served last
	boundAccount    atomic.Int64     // the account whose messages upkeep has counted last
	auditKept       time.Duration
	auditEntries    int
	auditAccount    atomic.Int64 // the account whose audit log upkeep has counted last
	versionsSeen    atomic.Int64 // the version that upkeep has looked at last
	written         writtenBytes
	pollAge         time.Duration // for how long an answer of polls counts; 0 without Options.SharePolls
	polls           polls
	kept            *definitionCache // nil on SQLite
	packers         sync.Pool        // of *packer
	duties          duties
	known           int64 // the version of the schema that this program knows
	stop            context.CancelFunc
	background      sync.WaitGroup
}

// Open opens the database, and creates or migrates it unless o.NoMigrate. Errors wrap one of the Err values above where
// one applies.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := openEngine(ctx, o)
	if err != nil {
		return nil, err
	}
	moving, err := isMoving(ctx, s.read)
	if err == nil && moving {
		err = ErrMoving
	}
	if err == nil {
		err = s.checkKeys(ctx, o.NoMigrate)
	}
	if err == nil {
		err = s.readInstallation(ctx)
	}
	if err != nil {
		return nil, errors.Join(databaseError(err), s.Close())
	}
	return s, nil
}

// openEngine is Open without a look at what the database holds.
func openEngine(ctx context.Context, o Options) (*Store, error) {
	source := o.Keys
	if source == nil {
		source = func() ([][32]byte, error) { return [][32]byte{o.Key}, nil }
	}
	sealer, err := newSealer(source)
	if err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{known: knownVersion, sealer: sealer, plans: o.Plans, logger: o.Logger, clock: o.Clock, callTime: maxCallTime,
		changed: make(chan struct{}, 1), tested: make(chan struct{}, 1), noticed: make(chan struct{}, 1), monitored: make(chan struct{}, 1), stop: stop}
	s.duties.name()
	if s.plans == nil {
		s.plans = cron.DefaultPlans()
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	s.wall = s.clock
	if o.SharePolls {
		s.pollAge = pollAge
	}
	s.auditKept, s.auditEntries = cmp.Or(o.AuditKept, auditKept), cmp.Or(o.AuditEntries, cron.MaxAuditEntries)
	s.auditAccount.Store(-1) // the service itself comes first
	if o.URL != "" {
		err = openPostgres(ctx, background, s, o)
	} else {
		err = openSQLite(ctx, s, o)
	}
	if err != nil {
		stop()
		return nil, databaseError(err)
	}
	return s, nil
}

// Close ends all background work and closes the database.
func (s *Store) Close() error {
	s.stop()
	s.background.Wait()
	return s.engine.close()
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

// serviceURL is the setting of SetServiceURL.
const serviceURL = "service URL"

// SetServiceURL records at which URL people reach the service, for commands that print links.
func (s *Store) SetServiceURL(ctx context.Context, url string) error {
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx,
			`INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			serviceURL, []byte(url))
		return err
	})
	if err != nil {
		return fmt.Errorf("record the URL of the service: %w", err)
	}
	return nil
}

// ServiceURL is what SetServiceURL recorded last, on any node; empty when nothing was.
func (s *Store) ServiceURL(ctx context.Context) (url string, err error) {
	var value []byte
	err = s.read.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, serviceURL).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the URL of the service: %w", databaseError(err))
	}
	return string(value), nil
}

// Changed receives after the schedule of a job may have changed on this node or, as a hint, on another.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Now is the time of the database's clock, as the latest heartbeat measured it. On PostgreSQL the monotonic clock of the machine
// counts from there on, so it does not matter what else its clock says, or when somebody sets it.
func (s *Store) Now() time.Time { return s.clock().Add(time.Duration(s.offset.Load())) }

// stamp is Now in the precision of the database.
func (s *Store) stamp() time.Time { return instant(s.Now().UnixMilli()) }

// signal wakes this node. A reason that it does not know is taken as a change of the schedule.
func (s *Store) signal(w wake) {
	s.polls.forget()
	to := s.changed
	switch w {
	case wakeTestRuns:
		to = s.tested
	case wakeNotices:
		to = s.noticed
	case wakeMonitors:
		to = s.monitored
	}
	select {
	case to <- struct{}{}:
	default:
	}
}

// readInstallation reads the random ID that the migrations have given the database.
func (s *Store) readInstallation(ctx context.Context) error {
	var id []byte
	err := s.read.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = 'installation'`).Scan(&id)
	if err != nil || copy(s.installation[:], id) < len(s.installation) {
		return fmt.Errorf("read the ID of the installation (%d bytes): %w", len(id), err)
	}
	return nil
}

// millis is t as it is stored; the zero time is 0.
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
