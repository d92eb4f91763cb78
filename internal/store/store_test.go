package store_test

import (
	"context"
	"database/sql"
	"os"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		os.Exit(crashChild(dir))
	}
	os.Exit(storetest.Main(m))
}

func TestSQLite(t *testing.T) { storetest.Run(t, storetest.Databases[0]) }

func TestPostgres(t *testing.T) { storetest.Run(t, storetest.Databases[1]) }

// TestPostgresWidened has the program run beside a later version of it, which has added columns and a table: no statement depends on
// there being no others.
func TestPostgresWidened(t *testing.T) {
	storetest.Run(t, storetest.Widened, "jobs", "claims", "finish", "messages", "monitors", "events", "nodes", "retention", "rollups", "versions", "latest records")
}

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	return storetest.Open(t, o)
}

func past(t testing.TB, o store.Options) *sql.DB {
	t.Helper()
	return storetest.Raw(t, o)
}

// tables are the tables of a database without the store.
func tables(t testing.TB, raw *sql.DB) *storetest.Tables { return storetest.NewTables(t, raw) }

// exec runs a statement without the store.
func exec(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// number reads one number without the store.
func number(t testing.TB, db *sql.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// beat is a heartbeat of a node with any execution in flight.
func beat(ctx context.Context, db *store.Store, node int64) error {
	_, err := db.Heartbeat(ctx, cron.Heartbeat{Epoch: node, RunningFrom: func(int64) int64 { return 1 }})
	return err
}

// newAccount creates the first account of a database and a node.
func newAccount(t testing.TB, db *store.Store) (account, node int64) {
	t.Helper()
	node, err := db.StartNode(t.Context(), cron.Node{Name: "test"})
	ok(t, err)
	return storetest.NewAccount(t, db, "a@example.com", cron.PlanUnlimited).ID, node
}

// disableAccount is a change for UpdateAccount.
func disableAccount(a *cron.Account) error {
	a.Disabled = true
	return nil
}

// newJob is a job that is due every hour.
func newJob(account int64) cron.Job {
	j := cron.NewJob()
	j.AccountID, j.Enabled, j.Request.URL = account, true, "http://example.com/"
	j.Schedule = storetest.EveryMinute()
	j.Schedule.Minutes = cron.SetOf((time.Now().UTC().Minute() + 30) % 60)
	return j
}

// completion is a launch with a result.
func completion(l cron.Launch, status cron.Status) cron.Completion {
	return cron.Completion{Launch: l, Result: cron.Result{
		Status: status, HTTPStatus: 200, Reason: "OK", URL: l.Job.Request.URL, Started: time.Now().UTC(),
		Duration: 42 * time.Millisecond,
		Stats: cron.Stats{NameLookup: time.Millisecond, Connect: 2 * time.Millisecond, PreTransfer: 3 * time.Millisecond,
			StartTransfer: 41 * time.Millisecond, Total: 42 * time.Millisecond},
	}}
}
