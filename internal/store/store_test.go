package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
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

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	return storetest.Open(t, o)
}

func past(t testing.TB, o store.Options) *sql.DB {
	t.Helper()
	return storetest.Raw(t, o)
}

// exec runs a statement past the store.
func exec(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// number asks for one number past the store.
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

// runningFrom says, for a heartbeat, that any execution may be under way.
func runningFrom(int64) int64 { return 1 }

// newAccount creates the first account of a database and a node.
func newAccount(t testing.TB, db *store.Store) (account, node int64) {
	t.Helper()
	node, err := db.StartNode(t.Context(), "test")
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

// completion is a result of a launch.
func completion(l cron.Launch, status cron.Status) cron.Completion {
	return cron.Completion{Launch: l, Result: cron.Result{
		Status: status, HTTPStatus: 200, Reason: "OK", URL: l.Job.Request.URL, Started: time.Now().UTC(),
		Duration: 42 * time.Millisecond,
		Stats: cron.Stats{NameLookup: time.Millisecond, Connect: 2 * time.Millisecond, PreTransfer: 3 * time.Millisecond,
			StartTransfer: 41 * time.Millisecond, Total: 42 * time.Millisecond},
	}}
}

// numbers begins a statement with the table n of the column i, which has the numbers from 1 to count.
func numbers(count int) string {
	return fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, count)
}

// copyJob adds copies of a job, with its state.
func copyJob(t testing.TB, raw *sql.DB, jobID int64, count int) {
	t.Helper()
	var columns []string
	rows, err := raw.Query(`SELECT * FROM job WHERE id = $1`, jobID)
	ok(t, err)
	all, err := rows.Columns()
	ok(t, err)
	ok(t, rows.Close())
	for _, c := range all {
		if c != "id" {
			columns = append(columns, c)
		}
	}
	list := strings.Join(columns, ", ")
	exec(t, raw, numbers(count)+`INSERT INTO job (`+list+`) SELECT `+list+` FROM job JOIN n ON job.id = $1`, jobID)
	exec(t, raw, `INSERT INTO job_state (job_id, account_id, rank, next_run_at, claim_at)
		SELECT job.id, job.account_id, job_state.rank + job.id, job_state.next_run_at, job_state.claim_at
		FROM job JOIN job_state ON job_state.job_id = $1 WHERE job.id > $1`, jobID)
}
