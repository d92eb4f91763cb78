package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"punctual/internal/cron"
)

// FileName is the name of the SQLite database in its directory.
const FileName = "punctual.db"

// The sizes of SQLite's pools of readers: queries are short, and the machine's cores are few. The scheduler, and the work
// in the background, do not wait for the queries of accounts.
const (
	readers       = 4 // of accounts, and one more for what has no account yet
	ownReaders    = 1 // of the scheduler
	upkeepReaders = 2
)

// sqliteBackend is SQLite: one connection writes, a pool of others reads.
type sqliteBackend struct {
	dsn    string
	db     *sql.DB
	writer *writer
	read   pools
}

var _ backend = (*sqliteBackend)(nil)

func (s *Store) openSQLite(ctx context.Context, o Options) error {
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
		err = migrate(ctx, db, sqliteSchema, migrations, o.NoMigrate)
	}
	var w *writer
	if err == nil {
		w, err = newWriter(ctx, db)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, sqliteOpenError(err)), db.Close(), read.close())
	}
	s.read, s.backend, s.hot, s.dialect = read, &sqliteBackend{dsn: sqliteDSN(path), db: db, writer: w, read: read}, sqliteHot{}, sqliteDialect
	s.gate = newGate(readers)
	return nil
}

func sqliteReaders(dsn string) (p pools, err error) {
	for class, size := range map[class]int{classAccount: readers + 1, classStarting: ownReaders, classUpkeep: upkeepReaders} {
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			return p, err
		}
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		p[class] = db
	}
	p[classResults], p[classLease] = p[classStarting], p[classStarting]
	return p, nil
}

// sqliteOpenError adds what a failure means where the code says so.
func sqliteOpenError(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
			return ErrNotADatabase
		}
	}
	return err
}

func (b *sqliteBackend) write(ctx context.Context, t turn, fn func(context.Context, queryer) error) error {
	return databaseError(b.writer.do(ctx, t, fn))
}

// clock says that SQLite has none of its own.
func (b *sqliteBackend) clock(context.Context) (time.Time, bool, error) {
	return time.Time{}, false, nil
}

// latestExecution is not asked for: a database without leases needs no heartbeat.
func (b *sqliteBackend) latestExecution(context.Context) (int64, error) { return 0, nil }

// notify has nobody to tell: a database file has one scheduler.
func (b *sqliteBackend) notify(context.Context, queryer) error { return nil }

func (b *sqliteBackend) duplicate(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}

// copyTo writes a copy of the database to an empty file, from one snapshot and without holding up the writer.
func (b *sqliteBackend) copyTo(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", b.dsn)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, path)
	return errors.Join(err, db.Close())
}

func (b *sqliteBackend) close() error {
	return errors.Join(b.read.close(), b.writer.close(), b.db.Close())
}

// sqliteDialect is what SQLite says differently: a list is one JSON text, and nothing needs a lock.
var sqliteDialect = dialect{
	alone: true,
	few:   `+`,
	in: func(column string, n int) string {
		return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, n)
	},
	list: func(numbers []int64) any {
		text := append(make([]byte, 0, 8*len(numbers)+2), '[')
		for i, n := range numbers {
			if i > 0 {
				text = append(text, ',')
			}
			text = strconv.AppendInt(text, n, 10)
		}
		return string(append(text, ']'))
	},
}

// sqliteHot runs one prepared statement per row: with no network between, that is as fast as anything.
type sqliteHot struct{}

var _ hot = sqliteHot{}

func (sqliteHot) insertRecords(ctx context.Context, q queryer, records []*record) error {
	for _, r := range records {
		res, err := q.ExecContext(ctx,
			`INSERT INTO execution (account_id, job_id, planned_at, kind, attempt, node, outcome, started_at, fault,
			                        last_planned_at, occurrences, occurrences_at_least)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
			r.accountID, r.jobID, r.planned, int(r.kind), r.attempt, r.node, int(r.outcome), r.started, int(r.fault),
			r.last, r.covered, r.atLeast)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			r.id = 0
			continue
		}
		if r.id, err = res.LastInsertId(); err != nil {
			return err
		}
	}
	return nil
}

func (sqliteHot) savePlans(ctx context.Context, q queryer, plans []plan) error {
	for _, p := range plans {
		_, err := q.ExecContext(ctx, `UPDATE job_state SET next_run_at = $2, claim_at = $3 WHERE job_id = $1`, p.jobID,
			p.next, p.look)
		if err != nil {
			return err
		}
	}
	return nil
}

func (sqliteHot) saveResults(ctx context.Context, q queryer, completions []*cron.Completion) (
	[]*cron.Completion, error) {
	saved := make([]*cron.Completion, 0, len(completions))
	for _, c := range completions {
		r := resultRow(c)
		res, err := q.ExecContext(ctx,
			`UPDATE execution SET outcome = $3, started_at = $4, status = $5, http_status = $6, fault = $7, reason = $8,
			        detail = $9, url = $10, lookup_us = $11, connect_us = $12, app_connect_us = $13,
			        pre_transfer_us = $14, start_transfer_us = $15, total_us = $16, cert_expiry_at = $17, lateness_us = $18
			 WHERE id = $1 AND node = $2 AND (outcome = 0 OR outcome = 4 AND $3 <> 4)`,
			c.Launch.ExecutionID, c.Launch.Node, r.outcome, r.started, r.status, r.httpStatus, r.fault, r.reason,
			r.detail, r.url, r.lookup, r.connect, r.appConnect, r.preTransfer, r.startTransfer, r.total, r.certExpiry,
			r.lateness)
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil {
			return nil, err
		} else if n == 0 {
			continue
		}
		saved = append(saved, c)
		if !hasResponse(&c.Result) {
			continue
		}
		_, err = q.ExecContext(ctx,
			`INSERT INTO response (execution_id, planned_at, headers, body, redirects, truncated)
			 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			c.Launch.ExecutionID, millis(c.Launch.Planned), c.Result.Headers, c.Result.Body,
			encodeRedirects(c.Result.Redirects), c.Result.Truncated)
		if err != nil {
			return nil, err
		}
	}
	return saved, nil
}

func (sqliteHot) saveStates(ctx context.Context, q queryer, jobs []*cron.JobRecord) error {
	for _, j := range jobs {
		st := &j.State
		_, err := q.ExecContext(ctx,
			`UPDATE job_state SET last_status = $2, last_duration_us = $3, last_execution_at = $4, cert_expiry_at = $5,
			        failures = $6, counted_failures = $7, cert_notified_at = $8 WHERE job_id = $1`,
			j.ID, int(st.LastStatus), st.LastDuration.Microseconds(), millis(st.LastExecution), millis(st.CertExpiry),
			st.Failures, st.CountedFailures, millis(st.CertNoticed))
		if err != nil {
			return err
		}
	}
	return nil
}
