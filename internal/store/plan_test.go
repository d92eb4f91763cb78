package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// statement is one that the store ran.
type statement struct {
	query string
	args  []any
}

// TestPlans runs every statement on a database of some size and checks its plan: it finds rows by an index in every table
// that grows with the work, and a claim reads them in the order of the index.
func TestPlans(t *testing.T) {
	for _, kind := range storetest.Databases {
		t.Run(kind.Name, func(t *testing.T) {
			options := kind.New(t)
			options.Plans = cron.Plans{cron.PlanDefault: {MaxFailures: 5, Retention: 30 * 24 * time.Hour}}
			db, raw := open(t, options), past(t, options)
			account, node := newAccount(t, db)
			seed := newJob(account)
			seed.Policy.Overlap = cron.OverlapSkip
			seed.Policy.Retry.Count = 1
			seed.Request.URL += "?%secret:A%"
			ok(t, db.CreateJob(t.Context(), &seed))
			ok(t, db.CreateSecret(t.Context(), &cron.Secret{AccountID: account, Name: "A", Value: "value"}))
			if options.URL == "" {
				tables(t, raw).AddLoad(seed.ID, 1000, db.Now()) // SQLite's plans do not depend on how many there are
			} else {
				tables(t, raw).AddLoad(seed.ID, 20_000, db.Now())
				tables(t, raw).AddPeople(4000)
				tables(t, raw).AddStatusLoad(account, 3000, db.Now())
				exec(t, raw, `ANALYZE`)
			}

			var ran, ofScheduler []statement
			defer db.InterceptScheduler(func(query string, args []any) error {
				ofScheduler = append(ofScheduler, statement{query, args})
				return nil
			})()
			undo := db.Intercept(func(query string, args []any) error {
				ran = append(ran, statement{query, args})
				return nil
			})
			runNode(t, db, account, node, seed.ID)
			runSecrets(t, db, account)
			runChannels(t, db, account)
			runMessages(t, db, account, node)
			runProblems(t, db, node, seed.ID)
			runMaintenance(t, db, node, seed.ID)
			runIncidents(t, db, tables(t, raw), account)
			runOverview(t, db, account)
			runPeople(t, db, account)
			runStatusPages(t, db, tables(t, raw), account, seed.ID)
			undo()
			if len(ran) < 40 {
				t.Errorf("only %d statements ran", len(ran))
			}
			if options.URL != "" {
				checkGenericPlans(t, raw, ofScheduler)
			}
			if !slices.ContainsFunc(ran, func(s statement) bool { return findsFailures.MatchString(s.query) }) {
				t.Error("no statement that ran finds failures")
			}
			seen := make(map[string]bool)
			for _, s := range ran {
				if seen[s.query] || !changesRows.MatchString(s.query) {
					continue
				}
				seen[s.query] = true
				if options.URL == "" {
					checkSQLitePlan(t, raw, s)
				} else {
					checkPostgresPlan(t, raw, s)
				}
			}
		})
	}
}

// runSecrets calls everything about secrets.
func runSecrets(t testing.TB, db *store.Store, account int64) {
	t.Helper()
	ctx := t.Context()
	secrets, err := db.Secrets(ctx, account, 0, 10)
	ok(t, err)
	if len(secrets) != 1 || secrets[0].Jobs == 0 {
		t.Fatalf("the secrets are %+v", secrets)
	}
	_, err = db.CountSecrets(ctx, account)
	ok(t, err)
	unused := cron.Secret{AccountID: account, Name: "B", Value: "value"}
	ok(t, db.CreateSecret(ctx, &unused))
	ok(t, db.SetSecret(ctx, &unused))
	_, err = db.Secret(ctx, account, unused.ID)
	ok(t, err)
	ok(t, db.DeleteSecret(ctx, account, unused.ID))
}

// runProblems calls everything about problems, of the account of a job.
func runProblems(t testing.TB, db *store.Store, node, jobID int64) {
	t.Helper()
	ctx := t.Context()
	for _, status := range []cron.Status{cron.StatusTimeout, cron.StatusOK, cron.StatusTimeout} {
		rec, _, err := db.PublicJob(ctx, jobID)
		ok(t, err)
		claimed, err := db.Claim(ctx, cron.ClaimRequest{Node: node, Limit: 100})
		ok(t, err)
		batch := make([]cron.Completion, len(claimed.Launches))
		for i, l := range claimed.Launches {
			batch[i] = completion(l, status)
		}
		ok(t, db.Finish(ctx, batch))
		list, err := db.Problems(ctx, rec.AccountID, &cron.ProblemQuery{Limit: 10})
		ok(t, err)
		for _, p := range list {
			_, err = db.Problem(ctx, rec.AccountID, p.ID)
			ok(t, err)
			_, err = db.ExecutionJob(ctx, rec.AccountID, p.FirstExecution, p.Opened)
			ok(t, err)
			_, err = db.ProblemJobs(ctx, rec.AccountID, p.ID)
			ok(t, err)
			_, _, err = db.JobProblem(ctx, rec.AccountID, jobID)
			ok(t, err)
			_, err = db.EditsBefore(ctx, rec.AccountID, p.JobIDs, p.Opened.Add(-time.Hour), p.Opened)
			ok(t, err)
			ok(t, db.ActOnProblem(ctx, rec.AccountID, p.ID, &cron.ProblemAction{Note: new("note")}))
		}
	}
}

// runOverview calls everything that the overview of an account shows.
func runOverview(t testing.TB, db *store.Store, account int64) {
	t.Helper()
	ctx := t.Context()
	_, err := db.JobCounts(ctx, account)
	ok(t, err)
	_, err = db.ProblemCounts(ctx, account)
	ok(t, err)
	_, err = db.LastResolved(ctx, account)
	ok(t, err)
	_, err = db.Unresolved(ctx, account, 5)
	ok(t, err)
	for _, jobs := range []int{10, 100_000} {
		_, err = db.NextJobs(ctx, account, jobs, 10)
		ok(t, err)
	}
	_, err = db.Edits(ctx, account, db.Now().Add(-24*time.Hour), 100)
	ok(t, err)
	_, err = db.Recent(ctx, account, db.Now().Add(-24*time.Hour))
	ok(t, err)
}

// runMaintenance calls everything about maintenance windows, and about badges, of the account of a job.
func runMaintenance(t testing.TB, db *store.Store, node, jobID int64) {
	t.Helper()
	ctx := t.Context()
	rec, _, err := db.PublicJob(ctx, jobID)
	ok(t, err)
	ok(t, db.RenewJobBadge(ctx, rec.AccountID, jobID))
	ok(t, second(db.BadgeRenewals(ctx, rec.AccountID, jobID)))
	for _, effect := range []cron.MaintenanceEffect{cron.MaintenanceSilence, cron.MaintenancePause} {
		w := cron.MaintenanceWindow{AccountID: rec.AccountID, Title: "x", Effect: effect, Start: db.Now().Add(-time.Hour), End: db.Now().Add(time.Hour),
			JobIDs: []int64{jobID}, Tags: []string{"x"}}
		ok(t, db.CreateMaintenance(ctx, &w))
		claimed, err := db.Claim(ctx, cron.ClaimRequest{Node: node, Limit: 100})
		ok(t, err)
		batch := make([]cron.Completion, len(claimed.Launches))
		for i, l := range claimed.Launches {
			batch[i] = completion(l, cron.StatusTimeout)
		}
		ok(t, db.Finish(ctx, batch))
		ok(t, db.UpdateMaintenance(ctx, rec.AccountID, w.ID, func(w *cron.MaintenanceWindow) error { w.End = db.Now().Add(-2 * time.Minute); return nil }))
		_, err = db.MaintenanceWindows(ctx, rec.AccountID)
		ok(t, err)
		_, err = db.MaintenanceWindow(ctx, rec.AccountID, w.ID)
		ok(t, err)
		ok(t, db.MoveMaintenance(ctx))
		ok(t, db.DeleteMaintenance(ctx, rec.AccountID, w.ID))
	}
}

// runIncidents calls everything about incidents and maintenance of a status page.
func runIncidents(t testing.TB, db *store.Store, raw *storetest.Tables, account int64) {
	t.Helper()
	ctx, now := t.Context(), db.Now()
	page := statuspage.Page{AccountID: account, Title: "page", Published: true, Announcement: "x", AnnouncedUntil: now.Add(-time.Hour),
		Components: []statuspage.Component{{Title: "x", Automatic: time.Minute}, {Title: "y"}}}
	ok(t, db.CreateStatusPage(ctx, &page))
	raw.AddIncidents(account, page.ID, statuspage.MaxIncidents, now.Add(-time.Hour))
	runSubscribers(t, db, raw, account, page.ID)
	c, fine := page.Components[1].ID, func([]int64) error { return nil }
	i := statuspage.Incident{PageID: page.ID, AccountID: account, Title: "x", Updates: []statuspage.Update{{Text: "x", At: now.Add(-time.Minute),
		Impacts: []statuspage.Impact{{ComponentID: c, State: statuspage.Degraded}}}}}
	ok(t, db.CreateIncident(ctx, &i, fine))
	ok(t, db.UpdateIncident(ctx, account, page.ID, i.ID, func(i *statuspage.Incident, _ []int64) error {
		i.Updates = []statuspage.Update{{Text: "y", At: now}}
		return nil
	}))
	_, _, err := db.Incidents(ctx, account, page.ID, i.ID, 10)
	ok(t, err)
	_, _, err = db.IncidentsBehind(ctx, account, page.ID, now, i.ID, 10)
	ok(t, err)
	_, err = db.OpenIncidents(ctx, account, page.ID)
	ok(t, err)
	_, err = db.Incident(ctx, account, page.ID, i.ID)
	ok(t, err)
	_, err = db.PublicIncidents(ctx, account, page.ID, now, 10)
	ok(t, err)
	ok(t, db.DeleteIncident(ctx, account, page.ID, i.ID))

	plan := statuspage.Plan{PageID: page.ID, AccountID: account, Title: "x", Start: now.Add(-time.Hour), End: now.Add(time.Hour), ComponentIDs: []int64{c}}
	ok(t, db.CreateStatusPlan(ctx, &plan, fine))
	ok(t, db.UpdateStatusPlan(ctx, account, page.ID, plan.ID, func(*statuspage.Plan, []int64) error { return nil }))
	_, err = db.StatusPlans(ctx, account, page.ID)
	ok(t, err)
	_, err = db.StatusPlan(ctx, account, page.ID, plan.ID)
	ok(t, err)
	_, err = db.JobWindows(ctx, account)
	ok(t, err)
	raw.ShowPlanFrom(plan.ID, now.Add(-2*time.Hour))
	_, err = db.ShowMaintenance(ctx)
	ok(t, err)
	ok(t, db.DeleteStatusPlan(ctx, account, page.ID, plan.ID))
	runDomains(t, db, raw, &page)

	words := func(*store.AutomaticIncident) (title, text, by string) { return "x", "x", "x" }
	raw.Observe(page.Components[0].ID, statuspage.MajorOutage, now.Add(-time.Hour))
	_, err = db.WorkIncidents(ctx, words)
	ok(t, err)
	raw.Observe(page.Components[0].ID, statuspage.Operational, db.Now())
	_, err = db.WorkIncidents(ctx, words)
	ok(t, err)
	_, err = db.EndAnnouncements(ctx)
	ok(t, err)
}

// runSubscribers calls everything about the subscribers of a status page.
func runSubscribers(t testing.TB, db *store.Store, raw *storetest.Tables, account, page int64) {
	t.Helper()
	ctx := t.Context()
	raw.AddSubscribers(account, page, 20, db.Now())
	i := statuspage.Incident{PageID: page, AccountID: account, Title: "x", Updates: []statuspage.Update{{Text: "x", At: db.Now()}}}
	ok(t, db.CreateIncident(ctx, &i, func([]int64) error { return nil }))
	for more := true; more; {
		var err error
		more, err = db.MakeDeliveries(ctx)
		ok(t, err)
	}
	x := statuspage.Subscriber{PageID: page, Kind: statuspage.SubscriberWebhook}
	ok(t, db.Subscribe(ctx, &x, [32]byte{1}, func(context.Context, *statuspage.Subscriber, bool) error { return nil }))
	ok(t, db.ConfirmSubscriber(ctx, x.ID, x.Created))
	ok(t, db.ChangeSubscriber(ctx, x.ID, nil))
	_, err := db.Subscriber(ctx, x.ID)
	ok(t, err)
	_, err = db.Subscribers(ctx, account, page, 0, 10)
	ok(t, err)
	_, _, err = db.CountSubscribers(ctx, account, page)
	ok(t, err)
	list, err := db.ClaimDeliveries(ctx, statuspage.DeliveryClaim{Limit: 4, Most: 4})
	ok(t, err)
	if len(list) != 4 {
		t.Fatalf("%d deliveries were claimed", len(list))
	}
	for n, r := range []statuspage.DeliveryResult{{Sent: true}, {Gone: true}, {Blames: true, Next: db.Now()}, {Blames: true}} {
		r.ID, r.SubscriberID, r.Attempts = list[n].ID, list[n].Subscriber.ID, 1
		ok(t, db.FinishDelivery(ctx, r))
	}
	_, err = db.PruneSubscribers(ctx)
	ok(t, err)
	ok(t, db.DeleteSubscriber(ctx, account, page, x.ID, func(context.Context, *statuspage.Subscriber, string) error { return nil }))
	ok(t, db.Unsubscribe(ctx, x.ID))
}

// runDomains calls everything about the domains of a status page.
func runDomains(t testing.TB, db *store.Store, raw *storetest.Tables, page *statuspage.Page) {
	t.Helper()
	ctx := t.Context()
	d := statuspage.Domain{AccountID: page.AccountID, PageID: page.ID, Host: "status.example.com"}
	ok(t, db.CreateStatusDomain(ctx, &d))
	raw.DueDomain(d.ID)
	due, err := db.ClaimStatusDomains(ctx, 5)
	ok(t, err)
	if len(due) != 1 {
		t.Fatalf("%d domains are due", len(due))
	}
	_, err = db.SettleStatusDomain(ctx, due[0], func(d statuspage.Domain, _ int64) (statuspage.Domain, time.Time) {
		d.Held = db.Now()
		return d, db.Now().Add(time.Hour)
	})
	ok(t, err)
	_, err = db.StatusDomains(ctx, page.AccountID, page.ID)
	ok(t, err)
	_, err = db.StatusDomain(ctx, page.AccountID, page.ID, d.ID)
	ok(t, err)
	_, err = db.DomainsRevision(ctx)
	ok(t, err)
	_, err = db.HeldDomains(ctx)
	ok(t, err)
	_, err = db.HeldDomain(ctx, d.Host)
	ok(t, err)
	_, err = db.CanonicalDomain(ctx, page.ID)
	ok(t, err)
	ok(t, db.DeleteStatusDomain(ctx, page.AccountID, page.ID, d.ID))
}

// runNode calls everything that a running node calls in the store.
func runNode(t testing.TB, db *store.Store, account, node, jobID int64) {
	t.Helper()
	ctx := t.Context()
	dead, err := db.StartNode(ctx, cron.Node{Name: "dead"})
	ok(t, err)
	_, err = db.Claim(ctx, cron.ClaimRequest{Node: dead, Limit: 100})
	ok(t, err)
	ok(t, db.StopNode(ctx, dead))
	_, err = db.SettleDead(ctx, node)
	ok(t, err)
	ok(t, beat(ctx, db, node))

	var batch []cron.Completion
	for _, without := range [][]int64{nil, {account + 1, account + 2}} {
		claimed, err := db.Claim(ctx, cron.ClaimRequest{Node: node, Limit: 100, WithoutAccounts: without})
		ok(t, err)
		for i, l := range claimed.Launches {
			c := completion(l, []cron.Status{cron.StatusOK, cron.StatusHTTPError}[i%2])
			c.Result.Body = []byte("body")
			batch = append(batch, c)
		}
		_, err = db.NextDue(ctx, without)
		ok(t, err)
	}
	if len(batch) < 100 {
		t.Fatalf("claimed %d", len(batch))
	}
	ok(t, db.Finish(ctx, batch))
	var e cron.Execution
	for _, c := range batch {
		history, err := db.History(ctx, c.Launch.Job.AccountID, c.Launch.Job.ID, 50)
		ok(t, err)
		if len(history) > 0 {
			e = history[0]
		}
	}
	_, err = db.Execution(ctx, e.AccountID, e.JobID, e.ID)
	ok(t, err)
	_, err = db.Record(ctx, e.AccountID, e.JobID, e.ID)
	ok(t, err)
	_, err = db.Attempts(ctx, &e)
	ok(t, err)
	_, err = db.RerunsOf(ctx, &e)
	ok(t, err)
	_, err = db.GoodBefore(ctx, &e)
	ok(t, err)

	f := cron.Folder{AccountID: account, Title: "folder"}
	ok(t, db.CreateFolder(ctx, &f))
	j := newJob(account)
	j.FolderID, j.Request.Body = f.ID, "secret"
	ok(t, db.CreateJob(ctx, &j))
	j.Policy.Overlap = cron.OverlapSkip
	ok(t, db.UpdateJob(ctx, account, j.ID, func(edited *cron.Job) error { *edited = j; return nil }))
	useActions(t, db, account, node, j.ID)
	run, err := db.RequestRun(ctx, account, j.ID, cron.Author{})
	ok(t, err)
	_, err = db.RequestedRun(ctx, account, j.ID, run.Planned)
	ok(t, err)
	_, _, err = db.Jobs(ctx, account)
	ok(t, err)
	_, err = db.LatestRuns(ctx, account, []int64{jobID, j.ID}, 30)
	ok(t, err)
	_, err = db.CountJobs(ctx, account)
	ok(t, err)
	_, err = db.DueBeside(ctx, account, j.ID, db.Now())
	ok(t, err)
	_, err = db.Folders(ctx, account)
	ok(t, err)
	f.Title = "another"
	ok(t, db.RenameFolder(ctx, &f))
	ok(t, db.DeleteFolder(ctx, account, f.ID, cron.Author{}))
	for _, enabled := range []bool{false, true} {
		ok(t, db.UpdateJob(ctx, account, j.ID, func(j *cron.Job) error { j.Enabled = enabled; return nil }))
	}
	ok(t, db.DeleteJob(ctx, account, j.ID))
	k := cron.APIKey{AccountID: account, Hash: [32]byte{1}}
	ok(t, db.CreateAPIKey(ctx, &k))
	_, _, err = db.APIKeyByHash(ctx, k.Hash)
	ok(t, err)
	_, err = db.APIKeys(ctx, account)
	ok(t, err)
	ok(t, db.TouchAPIKey(ctx, account, k.ID, db.Now()))
	_, err = db.FolderJobs(ctx, account, 0, 10)
	ok(t, err)
	for range 2 {
		_, _, err = db.Idempotent(ctx, cron.IdempotentCall{AccountID: account, Key: "key"}, func(ctx context.Context) ([]byte, error) {
			n, err := db.CountJobs(ctx, account)
			return fmt.Append(nil, n), err
		})
		ok(t, err)
	}
	ok(t, db.DeleteAPIKey(ctx, account, k.ID))
	_, err = db.AccountByEmail(ctx, "a@example.com")
	ok(t, err)
	_, err = db.Operator(ctx)
	ok(t, err)
	_, err = db.Count(ctx, account, []cron.RateLimit{{Kind: 1, Subject: account, Window: time.Hour, Max: 10}})
	ok(t, err)
	_, err = db.Watermarks(ctx)
	ok(t, err)
	_, err = db.ExecutionsAfter(ctx, account, e.ID, 100)
	ok(t, err)
	_, err = db.RunningExecutions(ctx, account)
	ok(t, err)
	_, err = db.ChangedExecutions(ctx, account, []int64{e.ID, e.ID + 1}, e.Planned, cron.OutcomeRunning)
	ok(t, err)
	_, err = db.JobChangesAfter(ctx, account, 1, 100)
	ok(t, err)
	searchAll(t, db, e.AccountID, e.JobID)
	runTests(t, db, account, node)
	_, err = db.Maintain(ctx)
	ok(t, err)
}

// runTests calls everything that concerns test runs.
func runTests(t testing.TB, db *store.Store, account, node int64) {
	t.Helper()
	ctx := t.Context()
	for range 2 {
		run := cron.TestRun{AccountID: account, Job: newJob(account)}
		ok(t, db.StartTestRun(ctx, &run))
		list, err := db.WaitingTestRuns(ctx, run.ID-1, []int64{account + 1}, 10)
		ok(t, err)
		_, _, err = db.ClaimTestRun(ctx, node, list[0], func(*cron.Job) bool { return true })
		ok(t, err)
		ok(t, db.EndTestRun(ctx, account, run.ID))
		_, err = db.EndingTestRuns(ctx, node)
		ok(t, err)
		p := cron.TestProgress{Node: node, ID: run.ID, AccountID: account}
		_, _, err = db.AdvanceTestRun(ctx, &p)
		ok(t, err)
		ok(t, db.FinishTestRun(ctx, &p))
		_, err = db.TestRun(ctx, account, run.ID)
		ok(t, err)
		_, err = db.TestRunVersion(ctx, account, run.ID)
		ok(t, err)
	}
	_, err := db.PruneTestRuns(ctx)
	ok(t, err)
}

// searchAll asks for pages and statistics of all kinds, of an account and of a job of it.
func searchAll(t testing.TB, db *store.Store, account, jobID int64) {
	t.Helper()
	now := db.Now()
	_, err := db.RollUp(t.Context())
	ok(t, err)
	for _, jobID := range []int64{0, jobID} {
		for _, f := range []cron.HistoryFilter{
			{},
			{From: now.Add(-2 * time.Hour), To: now.Add(-time.Hour), FolderID: new(int64)},
			{Outcomes: []cron.Outcome{cron.OutcomeLost}, Statuses: []cron.StatusRange{{First: 500, Last: 599}}},
			{Faults: []cron.Fault{cron.FaultRefused}, Text: "text"},
			{Causes: []cron.Fingerprint{1 << 63}},
		} {
			f.JobID = jobID
			page, err := db.Search(t.Context(), account, &cron.HistoryQuery{Filter: f, Limit: 1})
			ok(t, err)
			_, err = db.Search(t.Context(), account, &cron.HistoryQuery{Filter: f, Limit: 10, After: page.Next})
			ok(t, err)
			_, err = db.Failures(t.Context(), account, &f)
			ok(t, err)
			f.Outcomes = []cron.Outcome{cron.OutcomeFailed, cron.OutcomeMissed}
			plan, err := db.PlanReruns(t.Context(), account, &cron.RerunQuery{Filter: f, PerMinute: 60})
			ok(t, err)
			_, err = db.Rerun(t.Context(), account, &plan, cron.Author{})
			ok(t, err)
			_, err = db.CancelReruns(t.Context(), account)
			ok(t, err)
		}
		_, err := db.Stats(t.Context(), account, &cron.StatsQuery{JobID: jobID, From: now.Add(-24 * time.Hour), To: now})
		ok(t, err)
	}
}

// useActions has an action and its undoing select a job.
func useActions(t testing.TB, db *store.Store, account, node, jobID int64) {
	t.Helper()
	ctx := t.Context()
	first := cron.Action{AccountID: account}
	ok(t, db.StartAction(ctx, &first))
	for range 3 {
		a, _, err := db.ClaimAction(ctx, node)
		ok(t, err)
		switch {
		case a.Undoes != 0:
			ok(t, db.CopyActionJobs(ctx, &a, a.Undoes, 10))
		case a.State == cron.ActionSelecting:
			ok(t, db.ListActionJobs(ctx, &a, []int64{jobID}, 0, true))
		default:
			jobs, err := db.WaitingActionJobs(ctx, &a, 10)
			ok(t, err)
			written, err := db.ActOnJob(ctx, &a, &jobs[0], store.ActionSteps{Edit: func(j *cron.Job, w *cron.ActionJob) {
				j.Title, w.Result, w.Effect = "by an action", cron.ActionChanged, cron.EffectEdited
			}})
			ok(t, err)
			if !written {
				t.Errorf("the job is %+v", jobs[0])
			}
			ok(t, db.SaveActionResults(ctx, &a, nil, jobID, cron.ActionCounts{Changed: 1}))
			a, _, err = db.ClaimAction(ctx, node)
			ok(t, err)
			ok(t, db.FinishAction(ctx, &a))
			ok(t, db.StartAction(ctx, &cron.Action{AccountID: account, Undoes: first.ID}))
		}
	}
	third := cron.Action{AccountID: account}
	ok(t, db.StartAction(ctx, &third))
	ok(t, db.CancelAction(ctx, account, third.ID))
	_, err := db.Actions(ctx, account, 0, 10)
	ok(t, err)
	_, err = db.Action(ctx, account, first.ID)
	ok(t, err)
	_, err = db.ActionJobs(ctx, account, first.ID, 0, cron.ActionChanged, 10)
	ok(t, err)
}

var (
	changesRows = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE)\b`)
	takesFirst  = regexp.MustCompile(`rank LIMIT \$2( FOR UPDATE SKIP LOCKED)?$|rank LIMIT \$2\) AS due\s+WHERE account_id = \$3|ORDER BY claim_at LIMIT 1`)

	// The tables that grow with the work.
	sqliteScan = regexp.MustCompile(`SCAN (job|job_state|execution|response|pending|notice|rollup_account|rollup_job|rollup_open|rollup_minute|job_search|job_certificate|job_badge|job_version|job_change|person|membership|session|link|passkey|recovery_code|identity|audit|secret|used_challenge|usage|rerun|api_key|maker|test_run|action|action_job|problem|maintenance|outbox|message|message_notice|channel|mail|monitor|monitor_result|status_page|status_component|status_component_job|status_transition|status_day|status_subscriber|status_delivery)\b(.*)`)
	// Partial indexes of waiting or running rows are small, or are read from their beginning.
	sqliteSmall = regexp.MustCompile(`USING (COVERING )?INDEX (job_state_due|pending_due|person_operator|audit_at|test_run_open|action_open|outbox_unrouted|message_sending|monitor_result_account|status_delivery_sending)$`)

	changesStates = regexp.MustCompile(`^\s*UPDATE (job_state|execution)`)

	postgresScan = regexp.MustCompile(`Seq Scan on (\w+)`)
	postgresSort = regexp.MustCompile(`(?m)^\W*(Incremental )?Sort$`)

	// A condition of an index is no filter of the rows that it finds.
	findsIdle      = regexp.MustCompile(`execution\.occurrences > 0`)
	findsFailures  = regexp.MustCompile(`cause IS NOT NULL`)
	postgresFilter = regexp.MustCompile(`Index Scan.*\n(.*Cond: .*\n)*.*Filter: .*cause IS NOT NULL`)
)

// checkSQLitePlan reports scans of whole tables, and sorts.
func checkSQLitePlan(t *testing.T, raw *sql.DB, s statement) {
	t.Helper()
	plan := explain(t, raw, `EXPLAIN QUERY PLAN `, s, 3)
	for _, m := range sqliteScan.FindAllStringSubmatch(plan, -1) {
		if !sqliteSmall.MatchString(m[2]) {
			t.Errorf("%s\nscans %s:\n%s", s.query, m[1], plan)
		}
	}
	if findsFailures.MatchString(s.query) && !strings.Contains(plan, "INDEX execution_failed ") {
		t.Errorf("%s\ndoes not use the index of failures:\n%s", s.query, plan)
	}
	if findsIdle.MatchString(s.query) && !strings.Contains(plan, "INDEX execution_unstarted ") {
		t.Errorf("%s\ndoes not use the index of records that did not start:\n%s", s.query, plan)
	}
	if takesFirst.MatchString(s.query) && strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("%s\nsorts:\n%s", s.query, plan)
	}
}

// checkPostgresPlan does the same. Scans of small tables are allowed.
func checkPostgresPlan(t *testing.T, raw *sql.DB, s statement) {
	t.Helper()
	plan := explain(t, raw, `EXPLAIN (COSTS OFF) `, s, 0)
	for _, m := range postgresScan.FindAllStringSubmatch(plan, -1) {
		if number(t, raw, `SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass($1)`, m[1]) > 1000 {
			t.Errorf("%s\nscans %s:\n%s", s.query, m[1], plan)
		}
	}
	if findsFailures.MatchString(s.query) && postgresFilter.MatchString(plan) {
		t.Errorf("%s\ndoes not use the index of failures:\n%s", s.query, plan)
	}
	if takesFirst.MatchString(s.query) && postgresSort.MatchString(plan) {
		t.Errorf("%s\nsorts:\n%s", s.query, plan)
	}
}

// checkGenericPlans checks the plans that the scheduler's connections have: made once, without the arguments. Rows of states and
// executions are changed in the order in which they are given, so there is no join by hashes.
func checkGenericPlans(t *testing.T, raw *sql.DB, statements []statement) {
	t.Helper()
	conn, err := raw.Conn(t.Context())
	ok(t, err)
	defer func() { ok(t, conn.Close()) }()
	run := func(query string) {
		_, err := conn.ExecContext(t.Context(), query)
		ok(t, err)
	}
	for name, value := range store.SchedulerSettings {
		run(`SET ` + name + ` = ` + value)
	}
	defer run(`RESET ALL`)
	seen := make(map[string]bool)
	for _, s := range statements {
		if seen[s.query] || !changesRows.MatchString(s.query) {
			continue
		}
		seen[s.query] = true
		run(`PREPARE checked AS ` + s.query)
		execute := `EXECUTE checked`
		if len(s.args) > 0 {
			execute += `(NULL` + strings.Repeat(`, NULL`, len(s.args)-1) + `)`
		}
		rows, err := conn.QueryContext(t.Context(), `EXPLAIN (COSTS OFF) `+execute)
		ok(t, err)
		var plan strings.Builder
		for rows.Next() {
			var line string
			ok(t, rows.Scan(&line))
			plan.WriteString(line + "\n")
		}
		ok(t, rows.Err())
		run(`DEALLOCATE checked`)
		for _, m := range postgresScan.FindAllStringSubmatch(plan.String(), -1) {
			if number(t, raw, `SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass($1)`, m[1]) > 1000 {
				t.Errorf("%s\nscans %s:\n%s", s.query, m[1], &plan)
			}
		}
		if changesStates.MatchString(s.query) && strings.Contains(plan.String(), "Hash Join") {
			t.Errorf("%s\njoins by hashes:\n%s", s.query, &plan)
		}
		if takesFirst.MatchString(s.query) && postgresSort.MatchString(plan.String()) {
			t.Errorf("%s\nsorts:\n%s", s.query, &plan)
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d statements of the scheduler ran", len(seen))
	}
}

// explain asks for the plan of a statement, which is in the given column.
func explain(t *testing.T, raw *sql.DB, prefix string, s statement, column int) string {
	t.Helper()
	rows, err := raw.Query(prefix+s.query, s.args...)
	if err != nil {
		t.Fatalf("%s%s: %v", prefix, s.query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	ok(t, err)
	var plan strings.Builder
	for rows.Next() {
		var (
			line  string
			other any
		)
		fields := make([]any, len(columns))
		for i := range fields {
			fields[i] = &other
		}
		fields[column] = &line
		ok(t, rows.Scan(fields...))
		plan.WriteString(line + "\n")
	}
	ok(t, rows.Err())
	return plan.String()
}
