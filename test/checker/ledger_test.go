package checker_test

import (
	"database/sql"
	"os"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
	"punctual/test/checker"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// TestRead reads what the store has written, on both databases, and finds what was changed behind its back.
func TestRead(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			options := d.New(t)
			raw := storetest.Raw(t, options)
			due := perform(t, options, raw)
			ledger, err := checker.Read(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if len(ledger.Jobs) != 1 || len(ledger.Records) != 1 || len(ledger.Pending) != 1 || len(ledger.Nodes) != 1 {
				t.Fatalf("the ledger is %+v", ledger)
			}
			j, r := &ledger.Jobs[0], &ledger.Records[0]
			if !j.Enabled || j.Schedule != storetest.EveryMinute() || j.Policy.Retry.Count != 1 || j.Policy.Delivery != cron.AtLeastOnce ||
				!j.State.NextRun.Equal(due.Add(time.Minute)) || j.State.LastStatus != cron.StatusHTTPError {
				t.Errorf("the job is %+v", j)
			}
			if r.Outcome != cron.OutcomeFailed || !r.Planned.Equal(due) || r.Result.HTTPStatus != 500 || r.Attempt != 1 ||
				r.Result.URL != "http://target/1?u=1" || r.Lateness != 2*time.Millisecond || r.Node != ledger.Nodes[0].Epoch {
				t.Errorf("the record is %+v", r)
			}
			if len(ledger.Notices) != 1 || len(ledger.Messages) != 1 || ledger.Notices[0].Messages != 1 || ledger.Messages[0].State != cron.MessageSent {
				t.Errorf("the notices are %+v, the messages %+v", ledger.Notices, ledger.Messages)
			}
			if len(ledger.Components) != 1 || ledger.Components[0].State != statuspage.Operational || len(ledger.Components[0].Transitions) != 1 ||
				len(ledger.Components[0].Jobs) != 1 || ledger.Components[0].Jobs[0].Health != statuspage.HealthUp {
				t.Errorf("the components are %+v", ledger.Components)
			}
			if m := ledger.Monitors[j.ID]; m == nil || len(m.Window.Runs) != 1 || len(m.Waiting) != 1 || m.Waiting[0].Verdict != statuspage.Failed {
				t.Errorf("the latest results are %+v", m)
			}
			w := checker.Witness{Told: map[int64]int{1: 1}, Received: map[string]int{r.Result.URL: 1}, Stopped: true}
			if found := checker.Find(ledger, w); len(found) > 0 {
				t.Errorf("found %v", found)
			}
			storetest.NewTables(t, raw).BreakReferences()
			ledger, err = checker.Read(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if len(ledger.Orphans) != 3 {
				t.Errorf("the orphans are %q", ledger.Orphans)
			}
		})
	}
}

// perform runs a job once, unsuccessfully, so that another attempt is pending. It returns the planned instant.
func perform(t *testing.T, options store.Options, raw *sql.DB) time.Time {
	t.Helper()
	db, err := store.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	account := storetest.NewAccount(t, db, "a@example.com", cron.PlanUnlimited)
	j := cron.NewJob()
	j.AccountID, j.Enabled, j.Schedule, j.Request.URL = account.ID, true, storetest.EveryMinute(), "http://target/1?u="+cron.PlaceholderUUID
	j.Policy.Delivery, j.Policy.Retry.Count = cron.AtLeastOnce, 1
	j.Notification.OnCertExpiry, j.Notification.CertExpiryAhead = true, 24*time.Hour // told before the attempt that follows
	fatal(db.CreateJob(t.Context(), &j))
	tables := storetest.NewTables(t, raw)
	tables.AddComponent(tables.AddPage(account.ID, "UTC"), statuspage.DefaultRule(), 0, j.ID)
	tables.AddMonitorResults(account.ID, j.ID, 1, cron.OutcomeSucceeded, db.Now())
	_, err = db.ObserveComponents(t.Context())
	fatal(err)
	tables.AddMonitorResults(account.ID, j.ID, 1, cron.OutcomeFailed, db.Now())
	epoch, err := db.StartNode(t.Context(), cron.Node{Name: "test"})
	fatal(err)

	due := time.Now().UTC().Truncate(time.Minute)
	tables.SetAllDue(due)
	tables.SetCreated(due.Add(-time.Second))
	claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: epoch, Limit: 10})
	fatal(err)
	if len(claimed.Launches) != 1 {
		t.Fatalf("claimed %d executions", len(claimed.Launches))
	}
	result := cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, URL: "http://target/1?u=1",
		Started: due.Add(2 * time.Millisecond), Headers: []byte("\r\n")}
	result.CertExpiry = time.Now().Add(time.Hour)
	fatal(db.Finish(t.Context(), []cron.Completion{{Launch: claimed.Launches[0], Result: result}}))
	_, err = db.RouteNotices(t.Context())
	fatal(err)
	messages, err := db.ClaimMessages(t.Context(), cron.MessageClaim{Node: epoch, Limit: 1})
	fatal(err)
	fatal(db.FinishMessage(t.Context(), &cron.MessageResult{MessageID: messages.Deliveries[0].Message.ID, Node: epoch}))
	fatal(db.StopNode(t.Context(), epoch))
	fatal(db.Close())
	return due
}
