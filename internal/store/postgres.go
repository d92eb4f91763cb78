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
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"punctual/internal/cron"
)

const (
	// connections a node keeps at most, the listener's included, and those that it needs.
	mostConnections, leastConnections = 16, 5
	// lockWait is how long a call of an account waits for a row.
	lockWait = 5 * time.Second
	// idleTimeout ends a session whose transaction waits for its client for so many milliseconds.
	idleTimeout = "idle_in_transaction_session_timeout"
	// wakeChannel is the name that nodes LISTEN to.
	wakeChannel = "punctual_wake"
	// relisten is the pause before the listener connects again; the poll covers the time between.
	relisten = 2 * time.Second
	// writeTries is how often a transaction is tried that the database ended to resolve a conflict.
	writeTries = 5
)

// postgresBackend is PostgreSQL, shared with other nodes.
type postgresBackend struct{ pools pools }

var _ backend = (*postgresBackend)(nil)

func (s *Store) openPostgres(ctx, background context.Context, o Options) error {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return ErrBadURL // the reason may hold the password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "punctual"
	}
	// A node that stands still within a claim holds the lock on its own row: others could never declare it dead.
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
	s.read, s.backend, s.hot, s.dialect = all, &postgresBackend{all}, postgresHot{}, postgresDialect
	s.gate = newGate(max(1, sizes[classAccount]-1)) // one is left for what has no account yet, such as a key to be found
	err = s.MeasureClock(ctx)
	if err == nil && !o.NoMigrate {
		err = s.ensurePartitions(upkeep.with(ctx))
	}
	if err != nil {
		return errors.Join(err, all.close())
	}
	s.background.Go(func() { s.listen(background, config) })
	return nil
}

// connectionLimit is how many connections the database has for a role like ours.
func connectionLimit(ctx context.Context, config *pgx.ConnConfig) (n int, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	err = conn.QueryRow(ctx,
		`SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
		              nullif(datconnlimit, -1), nullif(rolconnlimit, -1))
		 FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read the limit of connections: %w", err)
	}
	return n, nil
}

// shareConnections divides the connections of a node among the kinds of its work. A node takes half of what there is, so
// that two have room. Besides the listener, the lease needs one; the work in the background one or two, one of them for
// what all calls share; the scheduler, which claims and records results, one to four; the rest is the API's, of which an
// account has a quarter (gate).
//
//	limit  97 and more  32  20  10
//	lease            1   1   1   1
//	upkeep           2   2   1   1
//	scheduler        4   4   2   1
//	API              8   8   5   1
func shareConnections(limit int) (sizes [classLease + 1]int) {
	total := min(max(limit/2, leastConnections), mostConnections)
	sizes[classLease] = 1
	sizes[classUpkeep] = max(1, total/8)
	sizes[classStarting] = max(1, total/4)
	sizes[classAccount] = total - 2 - sizes[classUpkeep] - sizes[classStarting]
	return sizes
}

// openPools opens a pool for each class of work; results have that of claims.
func openPools(config *pgx.ConnConfig, sizes [classLease + 1]int) (p pools) {
	for class, size := range sizes {
		if size == 0 {
			continue
		}
		c := config.Copy()
		if class == int(classAccount) && c.RuntimeParams["lock_timeout"] == "" {
			c.RuntimeParams["lock_timeout"] = strconv.FormatInt(lockWait.Milliseconds(), 10)
		}
		db := stdlib.OpenDB(*c)
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		db.SetConnMaxIdleTime(time.Minute)
		p[class] = db
	}
	p[classResults] = p[classStarting]
	return p
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
		case <-time.After(relisten):
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
	for {
		s.signal() // also at the start: what came before was not heard
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("wait for notifications: %w", err)
		}
	}
}

func (b *postgresBackend) write(ctx context.Context, t turn, fn func(context.Context, queryer) error) error {
	var err error
	for range writeTries {
		if err = tryWrite(ctx, b.pools[t.class], fn); !retryable(err) {
			break
		}
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == lockNotAvailable && t.class == classAccount {
		return &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second, Err: err,
			Problems: []cron.Problem{{Rule: cron.RuleLocked, Limit: int64(lockWait / time.Second)}}}
	}
	return databaseError(err)
}

func tryWrite(ctx context.Context, db *sql.DB, fn func(context.Context, queryer) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(ctx, tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// lockNotAvailable is the code of a statement that has waited for lock_timeout.
const lockNotAvailable = "55P03"

// retryable tells whether the database undid the transaction to resolve a conflict with another.
func retryable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01") // serialization_failure, deadlock_detected
}

func (b *postgresBackend) clock(ctx context.Context) (now time.Time, ok bool, err error) {
	var us int64
	err = b.pools[classLease].QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`).Scan(&us)
	return time.UnixMicro(us), true, err
}

func (b *postgresBackend) latestExecution(ctx context.Context) (id int64, err error) {
	err = b.pools[classLease].QueryRowContext(ctx, `SELECT last_value FROM execution_id`).Scan(&id)
	return id, err
}

func (b *postgresBackend) notify(ctx context.Context, q queryer) error {
	_, err := q.ExecContext(ctx, `SELECT pg_notify($1, '')`, wakeChannel)
	return err
}

func (b *postgresBackend) close() error { return b.pools.close() }

func (b *postgresBackend) duplicate(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505" // unique_violation
}

// postgresDialect is what PostgreSQL says differently: a list is an array, and rows are locked.
var postgresDialect = dialect{
	skipLocked:  ` FOR UPDATE SKIP LOCKED`,
	forUpdate:   ` FOR NO KEY UPDATE`, // rows that refer to it may come meanwhile
	lockStates:  ` FOR UPDATE OF job_state`,
	forShare:    ` FOR SHARE`,
	forKeyShare: ` FOR KEY SHARE`,
	forReplace:  ` FOR UPDATE`,
	shareFree:   ` FOR SHARE SKIP LOCKED`,
	in:          func(column string, n int) string { return fmt.Sprintf("%s = ANY ($%d::bigint[])", column, n) },
	list:        func(numbers []int64) any { return append([]int64{}, numbers...) }, // nil would be NULL
}

// postgresHot sends the rows of a batch as arrays, a column each: one statement, one round trip.
type postgresHot struct{}

var _ hot = postgresHot{}

// column is one value of each row.
func column[R, V any](rows []R, value func(R) V) []V {
	values := make([]V, len(rows))
	for i, r := range rows {
		values[i] = value(r)
	}
	return values
}

func (postgresHot) insertRecords(ctx context.Context, q queryer, records []*record) error {
	if len(records) == 0 {
		return nil
	}
	type key struct {
		job, planned  int64
		kind, attempt int
	}
	byKey := make(map[key]*record, len(records))
	for _, r := range records {
		r.id = 0
		byKey[key{r.jobID, r.planned, int(r.kind), r.attempt}] = r
	}
	rows, err := q.QueryContext(ctx,
		`INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at, fault,
		                        last_planned_at, occurrences, occurrences_at_least)
		 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::integer[], $6::bigint[],
		                      $7::smallint[], $8::bigint[], $9::smallint[], $10::bigint[], $11::bigint[], $12::boolean[])
		 ON CONFLICT DO NOTHING RETURNING id, job_id, planned_at, kind, attempt`,
		column(records, func(r *record) int64 { return r.accountID }),
		column(records, func(r *record) int64 { return r.jobID }),
		column(records, func(r *record) int64 { return r.planned }),
		column(records, func(r *record) int16 { return int16(r.kind) }),
		column(records, func(r *record) int32 { return int32(r.attempt) }),
		column(records, func(r *record) int64 { return r.node }),
		column(records, func(r *record) int16 { return int16(r.outcome) }),
		column(records, func(r *record) int64 { return r.started }),
		column(records, func(r *record) int16 { return int16(r.fault) }),
		column(records, func(r *record) int64 { return r.last }),
		column(records, func(r *record) int64 { return r.covered }),
		column(records, func(r *record) bool { return r.atLeast }))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			id int64
			k  key
		)
		if err := rows.Scan(&id, &k.job, &k.planned, &k.kind, &k.attempt); err != nil {
			return err
		}
		byKey[k].id = id
	}
	return rows.Err()
}

func (postgresHot) savePlans(ctx context.Context, q queryer, plans []plan) error {
	if len(plans) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx,
		`UPDATE job_state SET next_run_at = p.next_run_at, claim_at = p.claim_at
		 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS p (job_id, next_run_at, claim_at)
		 WHERE job_state.job_id = p.job_id`,
		column(plans, func(p plan) int64 { return p.jobID }),
		column(plans, func(p plan) *int64 { return nullable(p.next) }),
		column(plans, func(p plan) *int64 { return nullable(p.look) }))
	return err
}

func nullable(n sql.NullInt64) *int64 {
	if !n.Valid {
		return nil
	}
	return &n.Int64
}

func (postgresHot) saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	[]*cron.Completion, error) {
	type row struct {
		launch *cron.Launch
		result
	}
	rows := make([]row, len(completions))
	for i, c := range completions {
		rows[i] = row{&c.Launch, resultRow(c)}
	}
	returned, err := q.QueryContext(ctx,
		`UPDATE execution SET outcome = r.outcome, started_at = r.started_at, status = r.status,
		        http_status = r.http_status, fault = r.fault, reason = r.reason, detail = r.detail, url = r.url,
		        lookup_us = r.lookup_us, connect_us = r.connect_us, app_connect_us = r.app_connect_us,
		        pre_transfer_us = r.pre_transfer_us, start_transfer_us = r.start_transfer_us, total_us = r.total_us,
		        cert_expiry_at = r.cert_expiry_at, lateness_us = r.lateness_us
		 FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::integer[], $5::bigint[], $6::smallint[],
		             $7::bigint[], $8::smallint[], $9::integer[], $10::smallint[], $11::text[], $12::text[],
		             $13::text[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],
		             $19::bigint[], $20::bigint[], $21::bigint[])
		      AS r (job_id, planned_at, kind, attempt, node, outcome, started_at, status, http_status, fault, reason,
		            detail, url, lookup_us, connect_us, app_connect_us, pre_transfer_us, start_transfer_us, total_us,
		            cert_expiry_at, lateness_us)
		 WHERE execution.job_id = r.job_id AND execution.planned_at = r.planned_at AND execution.kind = r.kind
		   AND execution.attempt = r.attempt AND execution.node = r.node
		   AND (execution.outcome = 0 OR execution.outcome = 4 AND r.outcome <> 4)
		 RETURNING execution.id`,
		column(rows, func(r row) int64 { return r.launch.Job.ID }),
		column(rows, func(r row) int64 { return millis(r.launch.Planned) }),
		column(rows, func(r row) int16 { return int16(r.launch.Kind) }),
		column(rows, func(r row) int32 { return int32(r.launch.Attempt) }),
		column(rows, func(r row) int64 { return r.launch.Node }),
		column(rows, func(r row) int16 { return int16(r.outcome) }),
		column(rows, func(r row) int64 { return r.started }),
		column(rows, func(r row) int16 { return int16(r.status) }),
		column(rows, func(r row) int32 { return int32(r.httpStatus) }),
		column(rows, func(r row) int16 { return int16(r.fault) }),
		column(rows, func(r row) string { return r.reason }),
		column(rows, func(r row) string { return r.detail }),
		column(rows, func(r row) string { return r.url }),
		column(rows, func(r row) int64 { return r.lookup }),
		column(rows, func(r row) int64 { return r.connect }),
		column(rows, func(r row) int64 { return r.appConnect }),
		column(rows, func(r row) int64 { return r.preTransfer }),
		column(rows, func(r row) int64 { return r.startTransfer }),
		column(rows, func(r row) int64 { return r.total }),
		column(rows, func(r row) int64 { return r.certExpiry }),
		column(rows, func(r row) int64 { return r.lateness }))
	if err != nil {
		return nil, err
	}
	defer func() { _ = returned.Close() }()
	took := make(map[int64]bool, len(completions))
	for returned.Next() {
		var id int64
		if err := returned.Scan(&id); err != nil {
			return nil, err
		}
		took[id] = true
	}
	if err := returned.Err(); err != nil {
		return nil, err
	}
	saved := make([]*cron.Completion, 0, len(took))
	for _, c := range completions {
		if took[c.Launch.ExecutionID] {
			delete(took, c.Launch.ExecutionID) // a batch that has it twice has it once
			saved = append(saved, c)
		}
	}
	return saved, saveResponses(ctx, q, saved)
}

// saveResponses saves the headers and bodies that were to be saved, of executions that have just taken their one result.
func saveResponses(ctx context.Context, q queryer, completions []*cron.Completion) error {
	saved := make([]*cron.Completion, 0, len(completions))
	for _, c := range completions {
		if hasResponse(&c.Result) {
			saved = append(saved, c)
		}
	}
	if len(saved) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx,
		`INSERT INTO response (execution_id, planned_at, headers, body, redirects, truncated)
		 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::text[], $6::boolean[])`,
		column(saved, func(c *cron.Completion) int64 { return c.Launch.ExecutionID }),
		column(saved, func(c *cron.Completion) int64 { return millis(c.Launch.Planned) }),
		column(saved, func(c *cron.Completion) []byte { return c.Result.Headers }),
		column(saved, func(c *cron.Completion) []byte { return c.Result.Body }),
		column(saved, func(c *cron.Completion) string { return encodeRedirects(c.Result.Redirects) }),
		column(saved, func(c *cron.Completion) bool { return c.Result.Truncated }))
	return err
}

func (postgresHot) saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx,
		`UPDATE job_state SET last_status = s.last_status, last_duration_us = s.last_duration_us,
		        last_execution_at = s.last_execution_at, cert_expiry_at = s.cert_expiry_at, failures = s.failures,
		        counted_failures = s.counted_failures, cert_notified_at = s.cert_notified_at
		 FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
		             $8::bigint[])
		      AS s (job_id, last_status, last_duration_us, last_execution_at, cert_expiry_at, failures,
		            counted_failures, cert_notified_at)
		 WHERE job_state.job_id = s.job_id`,
		column(jobs, func(j *cron.JobRecord) int64 { return j.ID }),
		column(jobs, func(j *cron.JobRecord) int16 { return int16(j.State.LastStatus) }),
		column(jobs, func(j *cron.JobRecord) int64 { return j.State.LastDuration.Microseconds() }),
		column(jobs, func(j *cron.JobRecord) int64 { return millis(j.State.LastExecution) }),
		column(jobs, func(j *cron.JobRecord) int64 { return millis(j.State.CertExpiry) }),
		column(jobs, func(j *cron.JobRecord) int64 { return int64(j.State.Failures) }),
		column(jobs, func(j *cron.JobRecord) int64 { return int64(j.State.CountedFailures) }),
		column(jobs, func(j *cron.JobRecord) int64 { return millis(j.State.CertNoticed) }))
	return err
}

// tolerable tells of a change to the partitions that somebody else made first, that has to wait for a quieter moment, or
// that rows in the rest stand against.
func tolerable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch e.Code {
	case "42P07", "23505", // duplicate_table, unique_violation: two nodes at once
		lockNotAvailable,
		"23514": // check_violation: the rest has rows of that day
		return true
	}
	return false
}
