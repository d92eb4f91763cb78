package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"punctual/internal/cron"
)

const (
	// maxConnections and minConnections bound the connections of a node, the listener's included.
	maxConnections, minConnections = 16, 5
	// fewestConnections are those with which a node starts, and does without a listener.
	fewestConnections = 4
	// lockWait is how long a call of an account waits for a row lock.
	lockWait = 5 * time.Second
	// idleTimeout is the setting that ends a session which is idle inside a transaction, in milliseconds.
	idleTimeout = "idle_in_transaction_session_timeout"
	// wakeChannel is the channel of LISTEN and NOTIFY.
	wakeChannel = "punctual_wake"
	// listenRetryDelay is the pause before the listener connects again, a third of it random. The poll covers the time between.
	listenRetryDelay = 2 * time.Second
	// writeTries is how often a transaction is tried that the database aborts to resolve a conflict.
	writeTries = 5
)

// postgresEngine is PostgreSQL, shared with other nodes.
type postgresEngine struct {
	store   *Store
	pools   pools
	link    *link
	session *session
	sizes   [classLease + 1]int // of the pools
	feed    watermarkState
	byDay   partitionDays

	timelineText string                 // timelineText, or '' where the server does not tell it
	timeline     atomic.Pointer[string] // at the latest heartbeat, or when the database was opened; nil while it is unknown
}

var _ engine = (*postgresEngine)(nil)

// openPostgres opens the database of a store, and listens to other nodes until background ends.
func openPostgres(ctx, background context.Context, s *Store, o Options) (err error) {
	e := &postgresEngine{store: s}
	if e.link, err = newLink(o.URL, s.logger); err != nil {
		return err
	}
	if e.session, err = e.link.ask(ctx); err != nil {
		return err
	}
	direct, err := openDirect(ctx, e, o)
	if err != nil {
		return err
	}
	sizes, room, err := chooseSizes(e.session.limit, o.Connections)
	if err != nil {
		return err
	}
	begin := time.Now()
	s.clock = func() time.Time { return begin.Add(time.Since(begin)) }
	e.sizes = sizes
	e.sizes[classResults] = sizes[classClaim]
	all, each := openPools(e.link, e.session, sizes, s.logger)
	e.pools, s.read, s.engine, s.kept = all, all, e, new(definitionCache)
	s.gate = newGate(max(1, sizes[classAccount]-1)) // one is left for calls without an account, such as finding an API key
	if !o.NoMigrate {
		err = reserve(ctx, each)
	}
	if err == nil {
		err = e.migrate(ctx, direct, o)
	}
	if err == nil {
		e.readTimeline(ctx)
		err = s.MeasureClock(ctx)
	}
	if err == nil && !o.NoMigrate {
		err = e.ensurePartitions(upkeep.with(ctx))
	}
	if err != nil {
		return errors.Join(err, all.close())
	}
	s.background.Go(func() { growAll(background, each) })
	if !o.NoMigrate {
		e.tellConnections(sizes, room, direct != nil)
	}
	if direct != nil && room {
		s.background.Go(func() { s.listen(background, direct) })
	}
	return nil
}

// openDirect finds the connection that listens and migrates; nil when there is none that keeps a session, or for a command, which does neither.
func openDirect(ctx context.Context, e *postgresEngine, o Options) (*dialer, error) {
	if o.NoMigrate {
		return nil, nil
	}
	direct := &dialer{link: e.link, session: e.session, class: classUpkeep}
	if o.DirectURL != "" {
		l, err := newLink(o.DirectURL, nil)
		if err != nil {
			return nil, err
		}
		s, err := l.ask(ctx)
		if err != nil {
			return nil, err
		}
		direct.link, direct.session = l, s
	}
	if !direct.session.shared {
		return direct, nil
	}
	if o.DirectURL != "" {
		return nil, &PoolerError{"the URL of --database-direct leads to a pooler that changes the session between transactions"}
	}
	return nil, nil
}

// migrate migrates the database, by the direct connection where there is one of its own. The lock is one of a transaction, so it also works
// through a pooler.
func (e *postgresEngine) migrate(ctx context.Context, direct *dialer, o Options) (err error) {
	db := e.pools[classUpkeep]
	if direct != nil && direct.link != e.link {
		db = sql.OpenDB(direct)
		defer func() { err = errors.Join(err, db.Close()) }()
	}
	m := migrator{schema: postgresSchema, db: db, files: migrations,
		shared: &sharedMigrations{locks: e.pools[classLease], db: db, logger: e.store.logger, limits: usualLimits}}
	return m.migrate(ctx, o.NoMigrate)
}

// tellConnections logs what a node has to do without.
func (e *postgresEngine) tellConnections(sizes [classLease + 1]int, room, direct bool) {
	total := 0
	for _, size := range sizes {
		total += size
	}
	if room {
		total++
	}
	if total < maxConnections {
		e.store.logger.Warn("the node uses few connections of the database, so calls wait for one another",
			slog.Int("connections", total), slog.Int("recommended", maxConnections), slog.Int("allowed", e.session.limit))
	}
	if !direct {
		e.store.logger.Info("a connection pooler is between this node and the database, and changes the session between transactions, so " +
			"jobs that another node changes are noticed by asking twice a second; --database-direct shortens that")
	} else if !room {
		e.store.logger.Info("too few connections are allowed to listen to other nodes, so jobs that they change are noticed by asking twice a second")
	}
}

// listen turns notifications of other nodes into signals, until ctx ends.
func (s *Store) listen(ctx context.Context, direct *dialer) {
	for ctx.Err() == nil {
		err := s.listenOnce(ctx, direct)
		if ctx.Err() != nil {
			return
		}
		s.logger.Warn("the listener for other nodes lost its connection and will connect again", slogErr(err))
		select {
		case <-ctx.Done():
		case <-time.After(listenRetryDelay - rand.N(listenRetryDelay/3)):
		}
	}
}

func (s *Store) listenOnce(ctx context.Context, direct *dialer) error {
	made, err := direct.Connect(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	conn := made.(*stdlib.Conn).Conn()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, `LISTEN `+wakeChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.signal(wakeSchedule) // earlier notifications were not received
	s.signal(wakeTestRuns)
	s.signal(wakeNotices)
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait for notifications: %w", err)
		}
		s.signal(wake(n.Payload))
	}
}

func (e *postgresEngine) write(ctx context.Context, t turn, fn func(context.Context, queryer) error) (err error) {
	if t.class == classAccount {
		entered, leave, err := e.store.enter(ctx, t.account)
		if err != nil {
			return err
		}
		defer leave()
		ctx = entered
	}
	for range writeTries {
		err = e.tryWrite(ctx, t.class, fn)
		next, again := carefully(ctx, err)
		if !again && !e.byDay.forgetMissing(err) && !retryable(err) {
			break
		}
		ctx = next
	}
	e.link.forsake(err)
	if sqlState(err) == lockNotAvailable && t.class == classAccount {
		return errLocked(lockWait, err)
	}
	return databaseError(err)
}

func (e *postgresEngine) tryWrite(ctx context.Context, c class, fn func(context.Context, queryer) error) error {
	tx, leave, err := e.begin(ctx, c)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer leave()
	if err := fn(ctx, tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Codes of errors.
const (
	lockNotAvailable    = "55P03" // a statement has waited for lock_timeout
	uniqueViolation     = "23505"
	undefinedTable      = "42P01"
	undefinedObject     = "42704"
	readOnlyTransaction = "25006"
	tooManyConnections  = "53300"
	protocolViolation   = "08P01" // poolers use it for all that they refuse
)

// retryable tells whether the database aborted the transaction to resolve a conflict with another.
func retryable(err error) bool {
	code := sqlState(err)
	return code == "40001" || code == "40P01" // serialization_failure, deadlock_detected
}

func (e *postgresEngine) clock(ctx context.Context) (now time.Time, ok bool, err error) {
	var us int64
	err = e.pools[classLease].QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`).Scan(&us)
	return time.UnixMicro(us), true, err
}

// heartbeat implements engine.
func (e *postgresEngine) heartbeat(ctx context.Context, h cron.Heartbeat) (draining bool, err error) {
	if err := e.store.MeasureClock(ctx); err != nil {
		return false, err
	}
	latest, err := e.latestExecution(ctx)
	if err != nil {
		return false, fmt.Errorf("read the latest execution: %w", databaseError(err))
	}
	open := h.RunningFrom(latest)
	var (
		zones  string
		lowest []byte
	)
	err = e.store.transact(ctx, lease, func(ctx context.Context, q queryer) error {
		var timeline string
		now := e.store.Now()
		err := q.QueryRowContext(ctx, `UPDATE node SET lease_until = $2, running_from = greatest(running_from, $3), heartbeat_at = $4,
				clock_offset_ms = $5, in_flight = $6, lateness_ms = $7, listeners = $9
			WHERE epoch = $1 AND NOT dead RETURNING zone_version, draining, (SELECT value FROM setting WHERE name = $8), `+e.timelineText,
			h.Epoch, millis(now.Add(cron.Lease)), open, millis(now), e.store.clockOffset().Milliseconds(), h.InFlight, h.Lateness.Milliseconds(),
			minimumVersion, joinTexts(h.Listeners)).Scan(&zones, &draining, &lowest, &timeline)
		if err == nil && e.failedOver(timeline) {
			e.link.generation.Add(1) // the former server may still take writes
			e.store.kept.forget()    // definitions that the new one has never had
			return cron.ErrFailover  // and renew nothing: running_from must stay where it is
		}
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, cron.ErrNodeDead
	}
	if err != nil {
		return false, fmt.Errorf("renew the lease: %w", err)
	}
	if err := e.store.knows(parseVersion(lowest)); err != nil {
		return draining, err
	}
	if sameZones(zones) != nil {
		if err := e.store.loadZones(ctx); err != nil { // the lease is renewed in any case; claims fail until the node has the data
			e.store.logger.Error("this node runs no jobs: it cannot use the time zone data of the database", slogErr(err))
		}
	}
	return draining, nil
}

// timelineText is the SQL expression of the server's timeline, with whose number the names of the files of its log begin: the promotion of
// a standby begins another one.
const timelineText = `substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`

// readTimeline prepares failedOver. Servers that do not tell their timeline are not made of a primary and standbys.
func (e *postgresEngine) readTimeline(ctx context.Context) {
	var timeline string
	err := e.pools[classLease].QueryRowContext(ctx, `SELECT `+timelineText).Scan(&timeline)
	if slices.Contains(noTimeline, sqlState(err)) {
		e.timelineText = `''`
		return
	}
	e.timelineText = timelineText
	if err == nil {
		e.timeline.Store(&timeline)
	}
}

// noTimeline are the errors of servers that do not tell their timeline: feature_not_supported, undefined_function, insufficient_privilege.
var noTimeline = []string{"0A000", "42883", "42501"}

// failedOver tells, once, that the timeline is another one than at the latest heartbeat.
func (e *postgresEngine) failedOver(timeline string) bool {
	former := e.timeline.Swap(&timeline)
	return former != nil && *former != timeline
}

// size implements engine.
func (e *postgresEngine) size() string { return `SELECT pg_database_size(current_database())` }

// aliveAfter implements engine.
func (e *postgresEngine) aliveAfter(now time.Time) int64 { return millis(now) }

// settleDead implements engine.
func (e *postgresEngine) settleDead(ctx context.Context, self int64) (settled int, err error) {
	return e.store.settleBefore(ctx, self, millis(e.store.Now()), true)
}

// latestExecution is the highest ID among the executions whose claim has ended.
func (e *postgresEngine) latestExecution(ctx context.Context) (id int64, err error) {
	err = e.pools[classLease].QueryRowContext(ctx, `SELECT last_value FROM execution_id`).Scan(&id)
	return id, err
}

func (e *postgresEngine) notify(ctx context.Context, q queryer, w wake) error {
	_, err := q.ExecContext(ctx, `SELECT pg_notify($1, $2)`, wakeChannel, string(w))
	return err
}

// alone implements engine. The schema is part of the key, since several installations can share a database.
func (e *postgresEngine) alone(ctx context.Context, q queryer, what lockKey) (bool, error) {
	return takeLock(ctx, q, what)
}

// takeLock takes a lock of the schema until the end of the transaction, unless another one has it.
func takeLock(ctx context.Context, q queryer, what lockKey) (taken bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1, hashtext(current_schema()))`, int32(what)).Scan(&taken)
	return taken, err
}

func (e *postgresEngine) close() error { return e.pools.close() }

func (e *postgresEngine) duplicate(err error) bool { return sqlState(err) == uniqueViolation }

// in implements engine: a list is an array.
func (e *postgresEngine) in(column string, n int) string {
	return fmt.Sprintf("%s = ANY ($%d::bigint[])", column, n)
}

func (e *postgresEngine) list(numbers []int64) any { return append([]int64{}, numbers...) } // nil would be NULL

func (e *postgresEngine) withID(insert string) string { return insert + ` OVERRIDING SYSTEM VALUE` }

func (e *postgresEngine) lower(column string) string { return `lower(` + column + ` COLLATE "C")` }

func (e *postgresEngine) lock(kind lockKind) string { return postgresLocks[kind] }

var postgresLocks = [...]string{
	skipLocked:  ` FOR UPDATE SKIP LOCKED`,
	forUpdate:   ` FOR NO KEY UPDATE`, // does not exclude inserts of rows that refer to it
	lockStates:  ` FOR UPDATE OF job_state`,
	forShare:    ` FOR SHARE`,
	forReplace:  ` FOR UPDATE`,
	forKeyShare: ` FOR KEY SHARE`,
	keyFree:     ` FOR KEY SHARE SKIP LOCKED`,
	shareFree:   ` FOR SHARE SKIP LOCKED`,
}

func (e *postgresEngine) unindexed(column string) string { return column }

func (e *postgresEngine) nextExecution() string { return `nextval('execution_id')` }

// saveRunningFrom implements engine: heartbeats write it.
func (e *postgresEngine) saveRunningFrom(context.Context, queryer, int64) error { return nil }

// backup implements engine.
func (e *postgresEngine) backup(context.Context, string) error { return ErrNoBackup }
