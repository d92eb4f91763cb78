package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"punctual/internal/cron"
)

const (
	// maxConnections and minConnections bound the connections of a node, the listener's included.
	maxConnections, minConnections = 16, 5
	// lockWait is how long a call of an account waits for a row lock.
	lockWait = 5 * time.Second
	// idleTimeout is the setting that ends a session which is idle inside a transaction, in milliseconds.
	idleTimeout = "idle_in_transaction_session_timeout"
	// wakeChannel is the channel of LISTEN and NOTIFY.
	wakeChannel = "punctual_wake"
	// listenRetryDelay is the pause before the listener connects again. The poll covers the time between.
	listenRetryDelay = 2 * time.Second
	// writeTries is how often a transaction is tried that the database aborts to resolve a conflict.
	writeTries = 5
)

// postgresEngine is PostgreSQL, shared with other nodes.
type postgresEngine struct {
	store *Store
	pools pools
	feed  watermarkState
	byDay partitionDays
}

var _ engine = (*postgresEngine)(nil)

// openPostgres opens the database of a store, and listens to other nodes until background ends.
func openPostgres(ctx, background context.Context, s *Store, o Options) error {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return ErrBadURL // the cause may contain the password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "punctual"
	}
	// A node that is suspended during a claim holds the lock on its own row, so others could never declare it dead.
	if config.RuntimeParams[idleTimeout] == "" {
		config.RuntimeParams[idleTimeout] = strconv.FormatInt(cron.Lease.Milliseconds(), 10)
	}
	limit, err := connectionLimit(ctx, config)
	if err != nil {
		return err
	}
	sizes := shareConnections(limit)
	all := openPools(config, sizes)
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return errors.Join(fmt.Errorf("prepare the migration lock: %w", err), all.close())
	}
	err = migrate(ctx, all[classUpkeep], postgresSchema, migrations, o.NoMigrate, goose.WithSessionLocker(locker))
	if err != nil {
		return errors.Join(err, all.close())
	}
	e := &postgresEngine{store: s, pools: all}
	s.read, s.engine = all, e
	s.gate = newGate(max(1, sizes[classAccount]-1)) // one is left for calls without an account, such as finding an API key
	err = s.MeasureClock(ctx)
	if err == nil && !o.NoMigrate {
		err = e.ensurePartitions(upkeep.with(ctx))
	}
	if err != nil {
		return errors.Join(err, all.close())
	}
	s.background.Go(func() { s.listen(background, config) })
	return nil
}

// listen turns notifications of other nodes into signals, until ctx ends.
func (s *Store) listen(ctx context.Context, config *pgx.ConnConfig) {
	for ctx.Err() == nil {
		err := s.listenOnce(ctx, config)
		if ctx.Err() != nil {
			return
		}
		s.logger.Warn("the listener for other nodes lost its connection and will connect again", slogErr(err))
		select {
		case <-ctx.Done():
		case <-time.After(listenRetryDelay):
		}
	}
}

func (s *Store) listenOnce(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
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
		err = tryWrite(ctx, e.pools[t.class], fn)
		next, again := carefully(ctx, err)
		if !again && !e.byDay.forgetMissing(err) && !retryable(err) {
			break
		}
		ctx = next
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == lockNotAvailable && t.class == classAccount {
		return errLocked(lockWait, err)
	}
	return databaseError(err)
}

func tryWrite(ctx context.Context, db *sql.DB, fn func(context.Context, queryer) error) error {
	tx, leave, err := beginPostgres(ctx, db)
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
	lockNotAvailable = "55P03" // a statement has waited for lock_timeout
	uniqueViolation  = "23505"
	undefinedTable   = "42P01"
)

// retryable tells whether the database aborted the transaction to resolve a conflict with another.
func retryable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01") // serialization_failure, deadlock_detected
}

func (e *postgresEngine) clock(ctx context.Context) (now time.Time, ok bool, err error) {
	var us int64
	err = e.pools[classLease].QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`).Scan(&us)
	return time.UnixMicro(us), true, err
}

// heartbeat implements engine.
func (e *postgresEngine) heartbeat(ctx context.Context, epoch int64, runningFrom func(latest int64) int64) error {
	if err := e.store.MeasureClock(ctx); err != nil {
		return err
	}
	latest, err := e.latestExecution(ctx)
	if err != nil {
		return fmt.Errorf("read the latest execution: %w", databaseError(err))
	}
	open := runningFrom(latest)
	var zones string
	err = e.store.transact(ctx, lease, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx, `UPDATE node SET lease_until = $2, running_from = greatest(running_from, $3)
			WHERE epoch = $1 AND NOT dead RETURNING zone_version`, epoch, millis(e.store.Now().Add(cron.Lease)), open).Scan(&zones)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return cron.ErrNodeDead
	}
	if err != nil {
		return fmt.Errorf("renew the lease: %w", err)
	}
	if sameZones(zones) != nil {
		if err := e.store.loadZones(ctx); err != nil { // the lease is renewed in any case; claims fail until the node has the data
			e.store.logger.Error("this node runs no jobs: it cannot use the time zone data of the database", slogErr(err))
		}
	}
	return nil
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
func (e *postgresEngine) alone(ctx context.Context, q queryer, what lockKey) (alone bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1, hashtext(current_schema()))`, int32(what)).Scan(&alone)
	return alone, err
}

func (e *postgresEngine) close() error { return e.pools.close() }

func (e *postgresEngine) duplicate(err error) bool {
	failed, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failed.Code == uniqueViolation
}

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
