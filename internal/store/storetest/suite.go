package storetest

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// Run tests a kind of database.
func Run(t *testing.T, d Database) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"open", openTests},
		{"accounts", accountTests},
		{"people", personTests},
		{"members", memberTests},
		{"sessions", sessionTests},
		{"links", linkTests},
		{"passkeys", passkeyTests},
		{"audit", auditTests},
		{"jobs", jobTests},
		{"secrets", secretTests},
		{"folders", folderTests},
		{"usage", usageTests},
		{"claims", claimTests},
		{"admission", admissionTests},
		{"edits", editTests},
		{"races", raceTests},
		{"misfires", misfireTests},
		{"attempts", attemptTests},
		{"timing", timingTests},
		{"finish", finishTests},
		{"exchange", exchangeTests},
		{"notices", noticeTests},
		{"events", eventTests},
		{"runs", runTests},
		{"idempotent calls", idempotencyTests},
		{"conditions", conditionTests},
		{"nodes", nodeTests},
		{"retention", retentionTests},
		{"search", searchTests},
		{"rollups", rollupTests},
		{"time zones", zoneTests},
		{"certificates", certificateTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					fresh := d.New
					if group.name == "open" {
						fresh = d.Empty
					}
					test.run(&suite{T: t, options: fresh(t)})
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*suite)
}

// suite is one test and its database.
type suite struct {
	*testing.T
	options  store.Options
	raw      *sql.DB // see past
	accounts int
	people   int
	keys     int
	tokens   int
}

func (s *suite) ctx() context.Context { return s.Context() }

// isSQLite tells which of the two the database is, for the few things that they do not have in common.
func (s *suite) isSQLite() bool { return s.options.URL == "" }

// open opens a handle on the database.
func (s *suite) open() *store.Store {
	s.Helper()
	return Open(s.T, s.options)
}

// start opens the database and gives it an account and a node.
func (s *suite) start() (db *store.Store, account, node int64) {
	s.Helper()
	db = s.open()
	return db, s.account(db), s.node(db)
}

func (s *suite) account(db *store.Store) int64 {
	s.Helper()
	s.accounts++
	return NewAccount(s.T, db, strconv.Itoa(s.accounts)+"@example.com", cron.PlanMember).ID
}

func (s *suite) node(db *store.Store) int64 {
	s.Helper()
	epoch, err := db.StartNode(s.ctx(), "test")
	s.ok(err)
	return epoch
}

// job creates an enabled job, after edits to it. It is due once an hour, and not within a quarter of an hour of now.
func (s *suite) job(db *store.Store, account int64, edits ...func(*cron.Job)) cron.Job {
	s.Helper()
	j := cron.NewJob()
	j.AccountID, j.Enabled, j.Request.URL = account, true, "http://example.com/"
	j.Schedule = EveryMinute()
	j.Schedule.Minutes = cron.SetOf((db.Now().UTC().Minute() + 30) % 60)
	for _, edit := range edits {
		edit(&j)
	}
	s.ok(db.CreateJob(s.ctx(), &j))
	return j
}

// due creates a job as job does and plans it for a second ago.
func (s *suite) due(db *store.Store, account int64, edits ...func(*cron.Job)) cron.Job {
	s.Helper()
	j := s.job(db, account, edits...)
	s.plan(j.ID, db.Now().Add(-time.Second))
	return j
}

func eachMinute(j *cron.Job) { j.Schedule = EveryMinute() }

// daily makes a job due once a day, at the time of day of an instant.
func daily(at time.Time) func(*cron.Job) {
	at = at.UTC()
	return func(j *cron.Job) {
		j.Schedule.Seconds = cron.SetOf(at.Second())
		j.Schedule.Minutes, j.Schedule.Hours = cron.SetOf(at.Minute()), cron.SetOf(at.Hour())
	}
}

// plan makes a job due at an instant, whatever its schedule says.
func (s *suite) plan(jobID int64, at time.Time) {
	s.Helper()
	s.execOne(`UPDATE job_state SET next_run_at = $2, claim_at = $2 WHERE job_id = $1`, jobID, at.UnixMilli())
}

// pend adds an attempt that is due apart from the schedule.
func (s *suite) pend(j cron.Job, due, planned time.Time, kind cron.Kind, attempt int) {
	s.Helper()
	s.execOne(`INSERT INTO pending (job_id, account_id, rank, due_at, claim_at, planned_at, kind, attempt)
		SELECT job_id, account_id, rank, $2, $2, $3, $4, $5 FROM job_state WHERE job_id = $1`,
		j.ID, due.UnixMilli(), planned.UnixMilli(), int(kind), attempt)
}

// hurry makes the attempts of a job that wait due a second ago.
func (s *suite) hurry(db *store.Store, jobID int64) {
	s.Helper()
	s.execOne(`UPDATE pending SET due_at = $2, claim_at = $2 WHERE job_id = $1`,
		jobID, db.Now().Add(-time.Second).UnixMilli())
}

// claim claims up to limit executions.
func (s *suite) claim(db *store.Store, node int64, limit int, without ...int64) cron.Claimed {
	s.Helper()
	claimed, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: limit, WithoutAccounts: without})
	s.ok(err)
	return claimed
}

// claimMany claims so many executions, by as many claims as a busy machine needs: each decides for a short time only.
func (s *suite) claimMany(db *store.Store, node int64, count int) (launches []cron.Launch) {
	s.Helper()
	for len(launches) < count {
		claimed := s.claim(db, node, count-len(launches))
		if launches = append(launches, claimed.Launches...); len(claimed.Launches) == 0 && !claimed.More {
			s.Fatalf("claimed %d executions, want %d", len(launches), count)
		}
	}
	return launches
}

// claimOne claims the one execution that can be claimed.
func (s *suite) claimOne(db *store.Store, node int64) cron.Launch {
	s.Helper()
	launches := s.claim(db, node, 10).Launches
	if len(launches) != 1 {
		s.Fatalf("claimed %d executions, want 1", len(launches))
	}
	return launches[0]
}

// claimNone expects that there is nothing to be claimed.
func (s *suite) claimNone(db *store.Store, node int64) cron.Claimed {
	s.Helper()
	claimed := s.claim(db, node, 10)
	if len(claimed.Launches) != 0 {
		s.Fatalf("claimed %d executions, want none", len(claimed.Launches))
	}
	return claimed
}

func (s *suite) finish(db *store.Store, completions ...cron.Completion) {
	s.Helper()
	s.ok(db.Finish(s.ctx(), completions))
}

// succeeded is the completion of a launch with the answer 200.
func succeeded(l cron.Launch) cron.Completion {
	return cron.Completion{Launch: l, Result: cron.Result{
		Status: cron.StatusOK, HTTPStatus: 200, Reason: "OK", URL: l.Job.Request.URL,
		Started: time.Now().UTC().Truncate(time.Millisecond), Duration: 42 * time.Millisecond,
		Stats: cron.Stats{Total: 42 * time.Millisecond},
	}}
}

// failed is the completion of a launch with the answer 500.
func failed(l cron.Launch) cron.Completion {
	c := succeeded(l)
	c.Result.Status, c.Result.HTTPStatus, c.Result.Reason = cron.StatusHTTPError, 500, "Internal Server Error"
	return c
}

// record reads a job and its state.
func (s *suite) record(db *store.Store, account, jobID int64) cron.JobRecord {
	s.Helper()
	rec, err := db.Job(s.ctx(), account, jobID)
	s.ok(err)
	return rec
}

// history reads the started executions of a job.
func (s *suite) history(db *store.Store, account, jobID int64) []cron.Execution {
	s.Helper()
	h, err := db.History(s.ctx(), account, jobID, 50)
	s.ok(err)
	return h
}

// entry is what most tests want to know of a row of the ledger.
type entry struct {
	Planned time.Time
	Kind    cron.Kind
	Attempt int
	Node    int64
	Outcome cron.Outcome
	Fault   cron.Fault
	Last    time.Time
	Count   int64
	AtLeast bool
}

// ledger reads all records of a job in the order of their instants.
func (s *suite) ledger(jobID int64) []entry {
	s.Helper()
	rows, err := s.past().QueryContext(s.ctx(),
		`SELECT planned_at, kind, attempt, node, outcome, fault, last_planned_at, occurrences, occurrences_at_least FROM execution
		 WHERE job_id = $1 ORDER BY planned_at, kind, attempt`, jobID)
	s.ok(err)
	defer func() { s.ok(rows.Close()) }()
	var ledger []entry
	for rows.Next() {
		var (
			e             entry
			planned, last int64
		)
		s.ok(rows.Scan(&planned, &e.Kind, &e.Attempt, &e.Node, &e.Outcome, &e.Fault, &last, &e.Count, &e.AtLeast))
		e.Planned = time.UnixMilli(planned).UTC()
		if last != 0 {
			e.Last = time.UnixMilli(last).UTC()
		}
		ledger = append(ledger, e)
	}
	s.ok(rows.Err())
	return ledger
}

// waiting reads the attempts of a job that are due apart from the schedule.
func (s *suite) waiting(jobID int64) []cron.Launch {
	s.Helper()
	rows, err := s.past().QueryContext(s.ctx(),
		`SELECT due_at, planned_at, kind, attempt FROM pending WHERE job_id = $1 ORDER BY due_at`, jobID)
	s.ok(err)
	defer func() { s.ok(rows.Close()) }()
	var waiting []cron.Launch
	for rows.Next() {
		var (
			l            cron.Launch
			due, planned int64
		)
		s.ok(rows.Scan(&due, &planned, &l.Kind, &l.Attempt))
		l.Due, l.Planned = time.UnixMilli(due).UTC(), time.UnixMilli(planned).UTC()
		waiting = append(waiting, l)
	}
	s.ok(rows.Err())
	return waiting
}

// notices reads the events that were put into the outbox for a job.
func (s *suite) notices(jobID int64) []cron.NoticeKind {
	s.Helper()
	rows, err := s.past().QueryContext(s.ctx(), `SELECT event FROM outbox WHERE job_id = $1 ORDER BY id`, jobID)
	s.ok(err)
	defer func() { s.ok(rows.Close()) }()
	var events []cron.NoticeKind
	for rows.Next() {
		var e cron.NoticeKind
		s.ok(rows.Scan(&e))
		events = append(events, e)
	}
	s.ok(rows.Err())
	return events
}

// past is a connection that goes past the store.
func (s *suite) past() *sql.DB {
	s.Helper()
	if s.raw == nil {
		s.raw = Raw(s.T, s.options)
		s.raw.SetMaxOpenConns(1)
		if s.isSQLite() {
			_, err := s.raw.ExecContext(s.ctx(), `PRAGMA foreign_keys = on`)
			s.ok(err)
		}
	}
	return s.raw
}

// exec runs a statement past the store and returns how many rows it changed.
func (s *suite) exec(statement string, args ...any) int64 {
	s.Helper()
	for {
		res, err := s.past().ExecContext(s.ctx(), statement, args...)
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "40P01" {
			continue // a statement of many rows may be the one that a deadlock ends; the store tries again, too
		}
		if err != nil {
			s.Fatalf("%s: %v", statement, err)
		}
		n, err := res.RowsAffected()
		s.ok(err)
		return n
	}
}

// execOne runs a statement that has to change one row.
func (s *suite) execOne(statement string, args ...any) {
	s.Helper()
	if n := s.exec(statement, args...); n != 1 {
		s.Fatalf("%s: changed %d rows, want 1", statement, n)
	}
}

// number asks for one number past the store.
func (s *suite) number(query string, args ...any) (n int64) {
	s.Helper()
	if err := s.past().QueryRowContext(s.ctx(), query, args...).Scan(&n); err != nil {
		s.Fatalf("%s: %v", query, err)
	}
	return n
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// missing expects the error for a subject that does not exist, or not for the account that asks.
func (s *suite) missing(err error, subject cron.Subject) {
	s.Helper()
	s.refused(err, cron.NotFound, subject)
}

func (s *suite) refused(err error, kind cron.ErrorKind, subject cron.Subject) {
	s.Helper()
	if got := kindAndSubject(err); got != (refusal{kind, subject}) {
		s.Errorf("the error is %v (%+v), want kind %v and subject %d", err, got, kind, subject)
	}
}

// equal compares values whose times may differ in their location.
func (s *suite) equal(what string, got, want any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func jobIDs(launches []cron.Launch) []int64 {
	ids := make([]int64, len(launches))
	for i, l := range launches {
		ids[i] = l.Job.ID
	}
	return ids
}

func sorted(ids []int64) []int64 { return slices.Sorted(slices.Values(ids)) }
