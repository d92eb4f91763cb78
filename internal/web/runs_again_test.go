package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestRerunMany plans runs that repeat others, warns of methods that are not idempotent, starts them once, and takes them back.
func TestRerunMany(t *testing.T) {
	w := newRunWorld(t)
	b, now := w.b, w.store.Now()
	w.change(t, func(p *cron.JobPatch) {
		p.Fields, p.Values.Request.Method = []string{"/requestMethod"}, cron.MethodPost
	})
	for i := range 3 {
		at := now.Add(-time.Duration(i+1) * time.Minute)
		w.recorded(cron.Execution{Planned: at, Outcome: cron.OutcomeFailed, Result: cron.Result{Started: at, Status: cron.StatusHTTPError, HTTPStatus: 500}})
	}
	viewer := w.join(t, b, "bob@example.com", "viewer")
	for _, path := range []string{"/console/runs", fmt.Sprintf("/console/jobs/%d/runs", w.job.ID)} {
		b.get(path+"/again?outcome=failed").says(200, "Runs to start", "<strong>3</strong>", "not idempotent", "POST", "failed;").hides("<script>alert")
		b.get(path+"/again?perMinute=0").says(422, "perMinute")
		b.get(path+"/again?outcome=succeeded").says(200, "Only runs that failed")
		b.get(path + "/again?status=9").says(422)
		b.get(path+"/again?outcome=failed&perJob=1").says(200, "<strong>1</strong>")
		viewer.get(path + "/again").says(403)
		viewer.post(path+"/again", "careful", "1").says(403)
		viewer.get(path).says(200).hides("/again")
	}
	waiting := func() int64 {
		return w.tables.Number(`SELECT count(*) FROM pending WHERE kind = 1 AND rerun = 1`)
	}
	b.post("/console/runs/again", "outcome", "failed").says(422, "Confirm that these jobs")
	if n := waiting(); n != 0 {
		t.Fatalf("%d runs wait", n)
	}
	b.post("/console/runs/again", "outcome", "failed", "careful", "1", "perMinute", "6000").leads("/console/runs?done=runs-again&kind=rerun")
	if n := waiting(); n != 3 {
		t.Fatalf("%d runs wait", n)
	}
	b.post("/console/runs/again", "outcome", "failed", "careful", "1").says(422, "nothing to run again")
	viewer.post("/console/runs/again/cancel").says(403)
	b.post("/console/runs/again/cancel").leads("/console/runs?done=reruns-cancelled")
	if n := waiting(); n != 0 {
		t.Fatalf("%d runs wait", n)
	}
}

// TestRunAgain repeats a run that failed, and runs a job once more whose run succeeded.
func TestRunAgain(t *testing.T) {
	w := newRunWorld(t)
	b := w.b
	bad := w.run(w.job.ID, failed(500))
	viewer := w.join(t, b, "bob@example.com", "viewer")
	viewer.get(bad).says(200).hides("/again")
	viewer.get(bad + "/again").says(403)
	viewer.post(bad + "/again").says(403)
	b.get(bad+"/again").says(200, "GET", "https://a.example/backup").hides("not idempotent")
	b.post(bad + "/again").leads(bad + "?done=run-again")
	b.post(bad+"/again").says(409, "A run that repeats this one waits")
	claimed, err := w.store.Claim(t.Context(), cron.ClaimRequest{Node: w.node, Limit: 10})
	if err != nil || len(claimed.Launches) != 1 {
		t.Fatal(len(claimed.Launches), err)
	}
	l := claimed.Launches[0]
	if err := w.store.Finish(t.Context(), []cron.Completion{{Launch: l, Result: succeeded("")}}); err != nil {
		t.Fatal(err)
	}
	again := pageOf(&cron.Execution{ID: l.ExecutionID, JobID: w.job.ID, Planned: l.Planned})
	b.get(bad).says(200, "Runs that repeat this one", again)
	b.get(again).says(200, "the run that it repeats", bad, "Rerun", "Asked for by", "jane@example.com (console)")
	w.change(t, func(p *cron.JobPatch) {
		p.Fields, p.Values.Request.Method = []string{"/requestMethod"}, cron.MethodPost
	})
	b.get(again).says(200, again+"/again", `data-dialog="sheet"`, "now version 2").hides(`action="` + again)
	b.get(again+"/again").says(200, "POST is not idempotent")
	b.post(again + "/again").leads(again + "?done=run-again")
	b.post(again + "/again").says(409)
}

// TestExportRuns sends what the list has as a file.
func TestExportRuns(t *testing.T) {
	w := newRunWorld(t)
	w.run(w.job.ID, succeeded(""))
	w.run(w.job.ID, failed(500))
	for _, path := range []string{"/console/runs/export", fmt.Sprintf("/console/jobs/%d/runs/export", w.job.ID)} {
		all := w.b.get(path)
		rows, err := csv.NewReader(strings.NewReader(all.body)).ReadAll()
		if err != nil || all.status != 200 || len(rows) != 3 || !strings.HasPrefix(all.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %v %v", path, all.status, rows, err)
		}
		list := w.b.get(path + "?format=ndjson&outcome=failed")
		var r struct{ HTTPStatus int }
		if err := json.Unmarshal([]byte(list.body), &r); err != nil || r.HTTPStatus != 500 {
			t.Errorf("%s: %s: %v", path, list.body, err)
		}
		w.b.get(path + "?outcome=odd").says(422)
	}
}

// TestStrangersSeeNoRuns asks for the runs of another account.
func TestStrangersSeeNoRuns(t *testing.T) {
	w := newRunWorld(t)
	other := cron.Account{Email: "other@example.com", Plan: cron.PlanDefault}
	if err := w.store.CreateAccount(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	theirs := w.newJob(t, ofAccount(other.ID), titled("of somebody else"))
	at := w.store.Now().Add(-time.Minute)
	e := cron.Execution{JobID: theirs.ID, AccountID: other.ID, Planned: at, Attempt: 1, Outcome: cron.OutcomeFailed, Result: cron.Result{Started: at}}
	w.tables.AddExecution(&e)
	for _, path := range []string{pageOf(&e), pageOf(&e) + "/body", pageOf(&e) + "/headers", pageOf(&e) + "/again", fmt.Sprintf("/console/jobs/%d/runs", theirs.ID),
		fmt.Sprintf("/console/runs?job=%d", theirs.ID), fmt.Sprintf("/console/runs/export?job=%d", theirs.ID), fmt.Sprintf("/console/jobs/%d/runs/again", theirs.ID)} {
		w.b.get(path).says(404).hides("of somebody else")
	}
	w.b.post(pageOf(&e) + "/again").says(404)
	w.b.get("/console/runs?span=all&not.job=1").says(200).hides("of somebody else")
}
