package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// Tables reads and changes a database behind the store's back. All SQL of tests that knows the
// schema is in the files raw*.go, so that a change of the schema finds it in one place. Only package checker has SQL of its
// own, since it must not share mistakes with anything else.
type Tables struct {
	t  testing.TB
	db *sql.DB
}

// NewTables returns the tables of a database. Methods fail the test on errors.
func NewTables(t testing.TB, db *sql.DB) *Tables { return &Tables{t, db} }

// OpenTables is NewTables on a connection of its own.
func OpenTables(t testing.TB, o store.Options) *Tables {
	t.Helper()
	return NewTables(t, Raw(t, o))
}

// DB is the database.
func (x *Tables) DB() *sql.DB { return x.db }

func (x *Tables) isPostgres() bool {
	_, is := x.db.Driver().(*stdlib.Driver)
	return is
}

// Exec runs a statement and returns how many rows it changed.
func (x *Tables) Exec(statement string, args ...any) int64 {
	x.t.Helper()
	for {
		res, err := x.db.ExecContext(x.t.Context(), statement, args...)
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "40P01" {
			continue // a deadlock with the store, which also tries again
		}
		if err != nil {
			x.t.Fatalf("%s: %v", statement, err)
		}
		n, err := res.RowsAffected()
		x.ok(err)
		return n
	}
}

// execOne runs a statement that has to change one row.
func (x *Tables) execOne(statement string, args ...any) {
	x.t.Helper()
	if n := x.Exec(statement, args...); n != 1 {
		x.t.Fatalf("%s: changed %d rows, want 1", statement, n)
	}
}

// Number runs a query for one number.
func (x *Tables) Number(query string, args ...any) (n int64) {
	x.t.Helper()
	x.row(query, args, &n)
	return n
}

func (x *Tables) row(query string, args []any, to ...any) {
	x.t.Helper()
	if err := x.db.QueryRowContext(x.t.Context(), query, args...).Scan(to...); err != nil {
		x.t.Fatalf("%s: %v", query, err)
	}
}

// rows calls read for each row.
func (x *Tables) rows(query string, args []any, read func(scan func(...any))) {
	x.t.Helper()
	rows, err := x.db.QueryContext(x.t.Context(), query, args...)
	x.ok(err)
	defer func() { x.ok(rows.Close()) }()
	for rows.Next() {
		read(func(to ...any) {
			x.t.Helper()
			x.ok(rows.Scan(to...))
		})
	}
	x.ok(rows.Err())
}

func (x *Tables) ok(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// numbersTo begins a statement with the table n of the column i, which has the numbers from 1 to count.
func numbersTo(count int) string {
	return fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, count)
}

// Rows counts the rows of a table.
func (x *Tables) Rows(table string) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM ` + table)
}

// RowsOfJob counts the rows of a job in a table.
func (x *Tables) RowsOfJob(table string, jobID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM `+table+` WHERE job_id = $1`, jobID)
}

// RowsOfAccount counts the rows of an account in a table.
func (x *Tables) RowsOfAccount(table string, accountID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM `+table+` WHERE account_id = $1`, accountID)
}

// Clear deletes all rows of a table.
func (x *Tables) Clear(table string) {
	x.t.Helper()
	x.Exec(`DELETE FROM ` + table)
}

// Rename renames a table.
func (x *Tables) Rename(table, to string) {
	x.t.Helper()
	x.Exec(`ALTER TABLE ` + table + ` RENAME TO ` + to)
}

// AddVersionTable makes the table of migrations, as a first start does that is interrupted before the first migration.
func (x *Tables) AddVersionTable() {
	x.t.Helper()
	x.Exec(`CREATE TABLE schema_version (id INTEGER PRIMARY KEY, version_id INTEGER, is_applied BOOLEAN, tstamp TIMESTAMP)`)
	x.execOne(`INSERT INTO schema_version VALUES (1, 0, true, CURRENT_TIMESTAMP)`)
}

// AddMigration records a migration with the given version as applied.
func (x *Tables) AddMigration(version int) {
	x.t.Helper()
	x.execOne(`INSERT INTO schema_version (version_id, is_applied) VALUES ($1, 1 = 1)`, version)
}

// RaiseMinimum makes the database one for programs that know a version of the schema.
func (x *Tables) RaiseMinimum(version int) {
	x.t.Helper()
	x.Exec(`DELETE FROM setting WHERE name = 'minimum version'`)
	x.execOne(`INSERT INTO setting (name, value) VALUES ('minimum version', $1)`, []byte(strconv.Itoa(version)))
}

// Widen adds a column to each table, and a table, on PostgreSQL: what a later version may do while this one runs.
func (x *Tables) Widen() {
	x.t.Helper()
	x.Exec(widen)
}

const widen = `
DO $do$
DECLARE t name;
BEGIN
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP
		EXECUTE format('ALTER TABLE %I ADD COLUMN added_later text', t);
		EXECUTE format('ALTER TABLE %I ADD COLUMN added_with_default bigint NOT NULL DEFAULT 7', t);
	END LOOP;
END $do$;
CREATE TABLE added_table (id bigint PRIMARY KEY, account_id bigint REFERENCES account (id) ON DELETE CASCADE)`

// open begins a transaction that is open until commit is called, or the test ends.
func (x *Tables) open(level sql.IsolationLevel) (tx *sql.Tx, commit func()) {
	x.t.Helper()
	tx, err := x.db.BeginTx(x.t.Context(), &sql.TxOptions{Isolation: level})
	x.ok(err)
	x.t.Cleanup(func() { _ = tx.Rollback() })
	return tx, func() {
		x.t.Helper()
		x.ok(tx.Commit())
	}
}

// begin runs a statement in a transaction that is open until commit is called, or the test ends.
func (x *Tables) begin(statement string, args ...any) (commit func()) {
	x.t.Helper()
	tx, commit := x.open(sql.LevelDefault)
	_, err := tx.ExecContext(x.t.Context(), statement, args...)
	x.ok(err)
	return commit
}

// LockJob holds the row that each edit and claim of a job locks, on PostgreSQL, until release is called.
func (x *Tables) LockJob(jobID int64) (release func()) {
	x.t.Helper()
	return x.begin(`SELECT 1 FROM job_state WHERE job_id = $1 FOR UPDATE`, jobID)
}

// LockNode holds the row of a node as a claim does, on PostgreSQL, until release is called.
func (x *Tables) LockNode(epoch int64) (release func()) {
	x.t.Helper()
	return x.begin(`SELECT 1 FROM node WHERE epoch = $1 AND NOT dead FOR SHARE`, epoch)
}

// LockAccount holds the row of an account, on PostgreSQL, until release is called.
func (x *Tables) LockAccount(accountID int64) (release func()) {
	x.t.Helper()
	return x.begin(`SELECT 1 FROM account WHERE id = $1 FOR UPDATE`, accountID)
}

// Accounts.

// SetEnabled enables an account, as if no process had woken its jobs.
func (x *Tables) SetEnabled(accountID int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE account SET disabled = (1 = 0), enabled_at = $2 WHERE id = $1`, accountID, at.UnixMilli())
}

// AccountOf is the account of a job.
func (x *Tables) AccountOf(jobID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT account_id FROM job WHERE id = $1`, jobID)
}

// Jobs and their next runs.

// CopyJob adds n copies of a job without secrets, with its state, to its account.
func (x *Tables) CopyJob(jobID int64, n int) {
	x.t.Helper()
	x.CopyJobTo(jobID, n, x.AccountOf(jobID))
}

// CopyJobTo adds n copies of a job without secrets, with its state, to an account.
func (x *Tables) CopyJobTo(jobID int64, n int, accountID int64) {
	x.t.Helper()
	rows, err := x.db.QueryContext(x.t.Context(), `SELECT * FROM job WHERE id = $1`, jobID)
	x.ok(err)
	columns, err := rows.Columns()
	x.ok(err)
	x.ok(rows.Close())
	columns = slices.DeleteFunc(columns, func(c string) bool { return c == "id" || c == "account_id" })
	list := strings.Join(columns, ", ")
	x.Exec(numbersTo(n)+`INSERT INTO job (account_id, `+list+`)
		SELECT CAST($2 AS BIGINT), `+list+` FROM job JOIN n ON job.id = $1`, jobID, accountID)
	x.Exec(`INSERT INTO job_state (job_id, account_id, rank, next_run_at, claim_at)
		SELECT job.id, job.account_id, row_number() OVER (ORDER BY job.id)
		       + coalesce((SELECT max(rank) FROM job_state WHERE account_id = $2), 0), model.next_run_at, model.claim_at
		FROM job JOIN job_state AS model ON model.job_id = $1
		WHERE job.id > $1 AND job.account_id = $2 AND NOT EXISTS (SELECT 1 FROM job_state WHERE job_id = job.id)`,
		jobID, accountID)
}

// SpreadJobs moves the jobs of an account to it and the accounts with the IDs that follow, to each in turn.
func (x *Tables) SpreadJobs(account int64, accounts int) {
	x.t.Helper()
	x.Exec(`UPDATE job SET account_id = $1 + id % $2 WHERE account_id = $1`, account, accounts)
	x.Exec(`UPDATE job_state SET account_id = (SELECT account_id FROM job WHERE job.id = job_id), rank = job_id / $1 + 1`, accounts)
}

// TouchJob changes the version of a job, as an edit does.
func (x *Tables) TouchJob(jobID int64) {
	x.t.Helper()
	x.execOne(`UPDATE job SET version = version + 1 WHERE id = $1`, jobID)
}

// BeginChange changes a job in a transaction that is open until commit is called.
func (x *Tables) BeginChange(jobID int64) (commit func()) {
	x.t.Helper()
	return x.begin(`UPDATE job SET folder_id = 0 WHERE id = $1`, jobID)
}

// SetRunAt sets the instant of a one-time job.
func (x *Tables) SetRunAt(jobID int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE job SET run_at = $2 WHERE id = $1`, jobID, at.UnixMilli())
}

// SetEdited sets when all jobs but one were edited.
func (x *Tables) SetEdited(at time.Time, except int64) {
	x.t.Helper()
	x.Exec(`UPDATE job SET updated_at = $1 WHERE id <> $2`, at.UnixMilli(), except)
}

// SetCreated sets when all jobs were created.
func (x *Tables) SetCreated(at time.Time) {
	x.t.Helper()
	x.Exec(`UPDATE job SET created_at = $1, updated_at = $1`, at.UnixMilli())
}

// SetDue sets the next run of a job, independently of its schedule.
func (x *Tables) SetDue(jobID int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE job_state SET next_run_at = $2, claim_at = $2 WHERE job_id = $1`, jobID, at.UnixMilli())
}

// SetAllDue is SetDue for all jobs.
func (x *Tables) SetAllDue(at time.Time) {
	x.t.Helper()
	x.Exec(setAllDue, at.UnixMilli())
}

const setAllDue = `UPDATE job_state SET next_run_at = $1, claim_at = $1`

// SetAllDue is Tables.SetAllDue in a process that is no test.
func SetAllDue(ctx context.Context, db *sql.DB, at time.Time) error {
	_, err := db.ExecContext(ctx, setAllDue, at.UnixMilli())
	return err
}

// SetDueAbove is SetDue for all jobs with an ID above the given one.
func (x *Tables) SetDueAbove(jobID int64, at time.Time) {
	x.t.Helper()
	x.Exec(`UPDATE job_state SET next_run_at = $1, claim_at = $1 WHERE job_id > $2`, at.UnixMilli(), jobID)
}

// SetSomeDue is SetDue for the planned jobs whose ID leaves the remainder part when divided by parts.
func (x *Tables) SetSomeDue(part, parts int, at time.Time) {
	x.t.Helper()
	x.Exec(`UPDATE job_state SET next_run_at = $1, claim_at = $1 WHERE job_id % $3 = $2 AND next_run_at IS NOT NULL`,
		at.UnixMilli(), part, parts)
}

// SetNextRun sets the next run of a job, but not when a claim finds the job.
func (x *Tables) SetNextRun(jobID int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE job_state SET next_run_at = $2 WHERE job_id = $1`, jobID, at.UnixMilli())
}

// MakeDormant makes a job dormant: it was due while its account was disabled, and the process that enabled the account
// died before it woke the job.
func (x *Tables) MakeDormant(jobID int64, due, enabled time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE job_state SET next_run_at = $2, claim_at = NULL WHERE job_id = $1`, jobID, due.UnixMilli())
	x.execOne(`UPDATE account SET enabled_at = $2 WHERE id = (SELECT account_id FROM job WHERE id = $1)`, jobID,
		enabled.UnixMilli())
}

// DeferJob sets when a claim finds a job that is due.
func (x *Tables) DeferJob(jobID int64, until time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE job_state SET claim_at = $2 WHERE job_id = $1`, jobID, until.UnixMilli())
}

// EndDeferrals lets claims find all jobs and pending attempts that are due.
func (x *Tables) EndDeferrals() {
	x.t.Helper()
	x.Exec(`UPDATE job_state SET claim_at = next_run_at`)
	x.Exec(`UPDATE pending SET claim_at = due_at`)
}

// NextRun is the next run of a job; the zero time for none.
func (x *Tables) NextRun(jobID int64) time.Time {
	x.t.Helper()
	return timeOf(x.Number(`SELECT coalesce(next_run_at, 0) FROM job_state WHERE job_id = $1`, jobID))
}

// FoundAt is when a claim finds a job.
func (x *Tables) FoundAt(jobID int64) time.Time {
	x.t.Helper()
	return timeOf(x.Number(`SELECT claim_at FROM job_state WHERE job_id = $1`, jobID))
}

// JobsToFind counts the jobs that a claim finds now or later.
func (x *Tables) JobsToFind() int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM job_state WHERE claim_at IS NOT NULL`)
}

// JobsPlannedAfter counts the jobs whose next run is after an instant, and that a claim finds then.
func (x *Tables) JobsPlannedAfter(at time.Time) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM job_state WHERE claim_at = next_run_at AND next_run_at > $1`, at.UnixMilli())
}

// SetLastStatus sets the status of the last execution of a job.
func (x *Tables) SetLastStatus(jobID int64, s cron.Status) {
	x.t.Helper()
	x.execOne(`UPDATE job_state SET last_status = $2 WHERE job_id = $1`, jobID, int(s))
}

// SetCountedFailures sets the failures of a job that count towards disabling it.
func (x *Tables) SetCountedFailures(jobID int64, n int) {
	x.t.Helper()
	x.execOne(`UPDATE job_state SET counted_failures = $2 WHERE job_id = $1`, jobID, n)
}

// JobsWithStatus counts the jobs whose last execution had a status.
func (x *Tables) JobsWithStatus(s cron.Status) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM job_state WHERE last_status = $1`, int(s))
}

// JobsWithFailures counts the jobs with so many failures in a row.
func (x *Tables) JobsWithFailures(n int) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM job_state WHERE failures = $1`, n)
}

// Pending attempts.

// AddPending adds a pending attempt of a job.
func (x *Tables) AddPending(jobID int64, due, planned time.Time, kind cron.Kind, attempt int) {
	x.t.Helper()
	x.execOne(`INSERT INTO pending (job_id, account_id, rank, due_at, claim_at, planned_at, kind, attempt)
		SELECT job_id, account_id, rank, $2, $2, $3, $4, $5 FROM job_state WHERE job_id = $1`,
		jobID, due.UnixMilli(), planned.UnixMilli(), int(kind), attempt)
}

// SetPendingDue makes the pending attempt of a job due.
func (x *Tables) SetPendingDue(jobID int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE pending SET due_at = $2, claim_at = $2 WHERE job_id = $1`, jobID, at.UnixMilli())
}

// FindPending lets claims find all pending attempts, even those that are due later.
func (x *Tables) FindPending() {
	x.t.Helper()
	x.Exec(`UPDATE pending SET claim_at = 1`)
}

// DeferPending lets claims find the pending attempt of a job later.
func (x *Tables) DeferPending(jobID int64, by time.Duration) {
	x.t.Helper()
	x.execOne(`UPDATE pending SET claim_at = claim_at + $2 WHERE job_id = $1`, jobID, by.Milliseconds())
}

// Pending lists the pending attempts of a job in the order in which they are due.
func (x *Tables) Pending(jobID int64) (list []cron.Launch) {
	x.t.Helper()
	x.rows(`SELECT due_at, planned_at, kind, attempt FROM pending WHERE job_id = $1 ORDER BY due_at`, []any{jobID},
		func(scan func(...any)) {
			var (
				l            cron.Launch
				due, planned int64
			)
			scan(&due, &planned, &l.Kind, &l.Attempt)
			l.Due, l.Planned = timeOf(due), timeOf(planned)
			list = append(list, l)
		})
	return list
}

// WrongPending counts the pending attempts of a job that do not follow the last attempt on record.
func (x *Tables) WrongPending(jobID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM pending WHERE job_id = $1 AND attempt <> 1 +
		(SELECT max(attempt) FROM execution WHERE job_id = pending.job_id AND planned_at = pending.planned_at)`, jobID)
}

// timeOf is an instant as it is stored; 0 is the zero time.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
