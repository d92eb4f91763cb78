package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// runWorld is a console with a job that runs.
type runWorld struct {
	*console
	t      testing.TB
	b      *visitor
	job    cron.Job
	node   int64
	tables *storetest.Tables
}

func newRunWorld(t testing.TB) *runWorld {
	t.Helper()
	w := &runWorld{console: newConsole(t), t: t}
	w.b = w.setUp(t)
	w.job = w.newJob(t, titled(hostile))
	t.Cleanup(func() {
		if t.Failed() && w.log.Len() > 0 {
			t.Log(w.log)
		}
	})
	w.tables = storetest.NewTables(t, storetest.Raw(t, w.options))
	var err error
	if w.node, err = w.store.StartNode(t.Context(), cron.Node{Name: "test"}); err != nil {
		t.Fatal(err)
	}
	return w
}

// run asks for a run of a job, which ends with a result, and returns its page.
func (w *runWorld) run(jobID int64, r cron.Result) string {
	w.t.Helper()
	l := w.begin(jobID)
	r.Started = w.store.Now()
	if err := w.store.Finish(w.t.Context(), []cron.Completion{{Launch: l, Result: r}}); err != nil {
		w.t.Fatal(err)
	}
	return pageOf(&cron.Execution{ID: l.ExecutionID, JobID: jobID, Planned: l.Planned})
}

// begin asks for a run of a job, which begins.
func (w *runWorld) begin(jobID int64) cron.Launch {
	w.t.Helper()
	actor := cron.OperatorOf(w.account(w.t))
	if _, err := w.service.RunJob(w.t.Context(), actor, jobID); err != nil {
		w.t.Fatal(err)
	}
	claimed, err := w.store.Claim(w.t.Context(), cron.ClaimRequest{Node: w.node, Limit: 10})
	if err != nil || len(claimed.Launches) != 1 {
		w.t.Fatal(len(claimed.Launches), err)
	}
	return claimed.Launches[0]
}

func pageOf(e *cron.Execution) string { return "/console/runs/" + e.Identifier() }

// recorded adds a record to the ledger.
func (w *runWorld) recorded(e cron.Execution) string {
	w.t.Helper()
	e.AccountID = w.account(w.t).ID
	if e.JobID == 0 {
		e.JobID = w.job.ID
	}
	if e.Attempt == 0 {
		e.Attempt = 1
	}
	w.tables.AddExecution(&e)
	return pageOf(&e)
}

// failed is a failure whose texts are hostile.
func failed(code int) cron.Result {
	return cron.Result{Status: cron.StatusHTTPError, HTTPStatus: code, Reason: hostile, URL: "https://target.example/path?" + hostile,
		Duration: 1500 * time.Millisecond, Stats: cron.Stats{NameLookup: time.Millisecond, Connect: 2 * time.Millisecond, AppConnect: 3 * time.Millisecond,
			PreTransfer: 3 * time.Millisecond, StartTransfer: 1400 * time.Millisecond, Total: 1500 * time.Millisecond},
		Headers: []byte("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Hostile: " + hostile + "\r\n\r\n"), Body: []byte("<p>" + hostile + "</p>")}
}

// succeeded is a success.
func succeeded(body string) cron.Result {
	r := failed(200)
	r.Status, r.Reason, r.Body = cron.StatusOK, "OK", []byte(body)
	r.Stats.StartTransfer, r.Stats.Total, r.Duration = 10*time.Millisecond, 11*time.Millisecond, 11*time.Millisecond
	return r
}

// TestRuns lists runs of all outcomes, narrows the list by each condition, and leaves out what is excluded.
func TestRuns(t *testing.T) {
	w := newRunWorld(t)
	b, now := w.b, w.store.Now()
	b.get("/console/runs").says(200, "Look at all time")
	b.get("/console/runs?span=all").says(200, "Nothing has run yet")
	good := w.run(w.job.ID, succeeded("fine"))
	bad := w.run(w.job.ID, failed(503))
	missed := w.recorded(cron.Execution{Planned: now.Add(-2 * time.Hour), Last: now.Add(-time.Hour), Count: 60, AtLeast: true, Outcome: cron.OutcomeMissed,
		Result: cron.Result{Started: now.Add(-time.Hour), Fault: cron.FaultMissed}})
	skipped := w.recorded(cron.Execution{Planned: now.Add(-3 * time.Hour), Last: now.Add(-3 * time.Hour), Count: 1, Outcome: cron.OutcomeSkipped,
		Result: cron.Result{Started: now.Add(-3 * time.Hour), Fault: cron.FaultOverlap}})
	lost := w.recorded(cron.Execution{Planned: now.Add(-4 * time.Hour), Outcome: cron.OutcomeLost, Result: cron.Result{Started: now.Add(-4 * time.Hour),
		Status: cron.StatusInternalError, Fault: cron.FaultLost}})
	all := []string{good, bad, missed, skipped, lost}
	for query, want := range map[string][]string{
		"": all, "span=7d": all, "span=1h": {good, bad}, "outcome=failed": {bad}, "outcome=failed&outcome=lost": {bad, lost},
		"outcome=missed": {missed}, "outcome=skipped": {skipped}, "not.outcome=succeeded&not.outcome=missed": {bad, skipped, lost},
		"reason=overlap": {skipped}, "not.reason=lost": {good, bad, missed, skipped}, "status=5xx": {bad}, "status=500-599": {bad}, "not.status=503&kind=manual": {good},
		"kind=scheduled": {missed, skipped, lost}, "not.kind=scheduled": {good, bad}, "kind=rerun": {}, "job=" + fmt.Sprint(w.job.ID): all, "folder=0": all, "not.folder=0": {},
		"text=SCRIPT&status=503": {bad}, "not.text=target.example": {missed, skipped, lost}, "not.job=" + fmt.Sprint(w.job.ID): {},
		"cause=" + (&cron.Result{Status: cron.StatusInternalError, Fault: cron.FaultLost}).Fingerprint().String(): {lost},
		fmt.Sprintf("from=%d&to=%d", now.Add(-5*time.Hour).Unix(), now.Add(-150*time.Minute).Unix()):              {skipped, lost},
		"from=" + now.Add(-150*time.Minute).UTC().Format(time.RFC3339):                                            {good, bad, missed},
	} {
		for _, path := range []string{"/console/runs", fmt.Sprintf("/console/jobs/%d/runs", w.job.ID)} {
			page := b.get(path+"?"+query).says(200).hides("<script>alert", "ZgotmplZ")
			for _, run := range all {
				if shown, wanted := strings.Contains(page.body, `href="`+run+`"`), contains(want, run); shown != wanted {
					t.Errorf("%s?%s: the run %s is shown: %t", path, query, run, shown)
				}
			}
		}
	}
	b.get("/console/runs").says(200, "60&#43; runs", "skipped, since the previous execution", "Failed", "Missed", "Skipped", "Lost", "1 Failed")
	b.get("/console/runs?outcome=odd&status=9&from=soon").says(422, "is not a date", "odd")
	b.get("/console/runs?text=" + strings.Repeat("x", 201)).says(422)
	b.get("/console/jobs/4711/runs").says(404)
	b.get("/console/jobs/x/runs").says(404)
}

func contains(list []string, text string) bool {
	for _, item := range list {
		if item == text {
			return true
		}
	}
	return false
}
