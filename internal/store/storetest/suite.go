package storetest

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// Widened is PostgreSQL after a later version of the program has added columns to all tables, and a table.
var Widened = Database{Name: "PostgreSQL, widened", New: func(t testing.TB) store.Options { return options(WidenedPostgres(t), "") }}

// Run tests a kind of database. With names of groups, only these.
func Run(t *testing.T, d Database, only ...string) {
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
		{"finding jobs", findTests},
		{"secrets", secretTests},
		{"secrets of accounts", accountSecretTests},
		{"channels", channelTests},
		{"folders", folderTests},
		{"versions", versionTests},
		{"random versions", randomVersionTests},
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
		{"messages", messageTests},
		{"results of messages", messageResultTests},
		{"messages of several nodes", messageRaceTests},
		{"mails", mailTests},
		{"silence", silenceTests},
		{"maintenance", maintenanceTests},
		{"status pages", statusPageTests},
		{"monitors", monitorTests},
		{"incidents", incidentTests},
		{"visitors", statusPublicTests},
		{"domains", statusDomainTests},
		{"badges", badgeTests},
		{"automatic incidents", automaticTests},
		{"page maintenance", pageMaintenanceTests},
		{"subscribers", subscriberTests},
		{"deliveries to subscribers", deliveryTests},
		{"events", eventTests},
		{"runs", runTests},
		{"reruns", rerunTests},
		{"test runs", testRunTests},
		{"idempotent calls", idempotencyTests},
		{"conditions", conditionTests},
		{"nodes", nodeTests},
		{"retention", retentionTests},
		{"search", searchTests},
		{"record", recordTests},
		{"failures", failureTests},
		{"latest records", latestTests},
		{"problems", problemTests},
		{"rollups", rollupTests},
		{"overview", overviewTests},
		{"time zones", zoneTests},
		{"certificates", certificateTests},
	} {
		if len(only) > 0 && !slices.Contains(only, group.name) {
			continue
		}
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
	tables   *Tables // see raw
	accounts int
	people   int
	keys     int
	tokens   int
	attempts int
}

func (s *suite) ctx() context.Context { return s.Context() }

// isSQLite tells whether the database is SQLite, for the few differences.
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
	epoch, err := db.StartNode(s.ctx(), cron.Node{Name: "test"})
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

// plan makes a job due at an instant, independently of its schedule.
func (s *suite) plan(jobID int64, at time.Time) {
	s.Helper()
	s.raw().SetDue(jobID, at)
}

// pend adds a pending attempt.
func (s *suite) pend(j cron.Job, due, planned time.Time, kind cron.Kind, attempt int) {
	s.Helper()
	s.raw().AddPending(j.ID, due, planned, kind, attempt)
}

// hurry makes the pending attempt of a job due a second ago.
func (s *suite) hurry(db *store.Store, jobID int64) {
	s.Helper()
	s.raw().SetPendingDue(jobID, db.Now().Add(-time.Second))
}

// claim claims up to limit executions.
func (s *suite) claim(db *store.Store, node int64, limit int, without ...int64) cron.Claimed {
	s.Helper()
	claimed, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: limit, WithoutAccounts: without})
	s.ok(err)
	return claimed
}

// claimMany claims count executions. A claim takes a bounded time, so a busy machine needs several.
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

// claimNone checks that nothing can be claimed.
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

// entry is the part of a record that most tests check.
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
func (s *suite) ledger(jobID int64) (ledger []entry) {
	s.Helper()
	for _, r := range s.raw().Ledger(jobID) {
		ledger = append(ledger, entry{r.Planned, r.Kind, r.Attempt, r.Node, r.Outcome, r.Fault, r.Last, r.Count, r.AtLeast})
	}
	return ledger
}

// waiting reads the pending attempts of a job.
func (s *suite) waiting(jobID int64) []cron.Launch {
	s.Helper()
	return s.raw().Pending(jobID)
}

// notices reads the kinds of the notices of a job.
func (s *suite) notices(jobID int64) []cron.NoticeKind {
	s.Helper()
	return s.raw().Notices(jobID)
}

// raw is the database without the store, on one connection.
func (s *suite) raw() *Tables {
	s.Helper()
	if s.tables == nil {
		s.tables = OpenTables(s.T, s.options)
		s.tables.DB().SetMaxOpenConns(1)
		if s.isSQLite() {
			s.tables.Exec(`PRAGMA foreign_keys = on`)
		}
	}
	return s.tables
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// missing checks for the error of a subject that does not exist, or belongs to another account.
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
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
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
