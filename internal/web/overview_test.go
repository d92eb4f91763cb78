package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// tables are the tables of the console's database.
func (c *console) tables(t testing.TB) *storetest.Tables {
	t.Helper()
	return storetest.NewTables(t, storetest.Raw(t, c.options))
}

// attempt runs a job once, with a result.
func (c *console) attempt(t testing.TB, node int64, j *cron.Job, change func(*cron.Result)) {
	t.Helper()
	var (
		claimed cron.Claimed
		err     error
	)
	for range 60 { // when a minute has just begun, its occurrence is due too, or is on record already
		c.tables(t).SetDue(j.ID, c.store.Now().Add(-time.Second))
		claimed, err = c.store.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 1})
		if err != nil || len(claimed.Launches) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil || len(claimed.Launches) != 1 {
		t.Fatal(err, claimed)
	}
	l := claimed.Launches[0]
	r := cron.Result{Status: cron.StatusOK, HTTPStatus: 200, URL: j.Request.URL, Started: c.store.Now(), Duration: time.Second, Stats: cron.Stats{Total: time.Second}}
	if change != nil {
		change(&r)
	}
	done := cron.Completion{Launch: l, Result: r, Cause: r.Fingerprint()}
	if err := c.store.Finish(t.Context(), []cron.Completion{done}); err != nil {
		t.Fatal(err)
	}
}

func refused(r *cron.Result) {
	r.Status, r.HTTPStatus, r.Fault, r.Detail = cron.StatusConnectFailed, 0, cron.FaultRefused, "192.0.2.1:443"
}

// TestOverview shows an account that is fine, one with a problem, and one whose problem has ended.
func TestOverview(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	node, err := c.store.StartNode(t.Context(), cron.Node{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	j := c.newJob(t, everyMinute(hostile))
	page := b.get("/console").says(200, "Your job is fine", "Next runs", "&lt;script&gt;", "created", fmt.Sprintf(`href="/console/jobs/%d"`, j.ID)).hides("<script>alert")
	for _, list := range []string{"state%3Afailing", "state%3Alate", "state%3Acertificate", "state%3Apaused", "state%3Asilenced", "state%3Adisabled"} {
		page.says(200, `href="/console/jobs?q=`+list+`"`)
	}
	page.says(200, `href="/console/runs?outcome=missed&amp;span=24h"`, "Nothing was due", "<title>Overview")

	c.attempt(t, node, &j, nil)
	c.attempt(t, node, &j, refused)
	page = b.get("/console").says(200, "1 of 1 jobs is failing", "<title>(1) Overview", "favicon-down.svg", `data-open="1"`, "refused", "1 runs succeeded, 1 failed, 0 were missed",
		`class="failed" d="M`, `class="done" d="M`)
	path := "/console/problems/" + between(page.body, `href="/console/problems/`, `"`)
	b.get(path).says(200, "<title>(1) ", "First failure beside the last success", "Acknowledge")
	b.get("/console/settings").says(200, "<title>(1) Settings")

	c.attempt(t, node, &j, nil)
	b.get("/console").says(200, "Your job is fine", "The last problem ended", "<title>Overview").hides("<title>(")
}

// TestOverviewOfChanges tells of an action once, and of a deleted job.
func TestOverviewOfChanges(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	account := c.account(t)
	for i := range 20 {
		c.newJob(t, titled(fmt.Sprintf("job %d", i)), func(j *cron.Job) { j.Enabled = false })
	}
	b.get("/console").says(200, "All 20 jobs are disabled", "created 20 jobs", "job 19").hides("job 3<")
	c.tables(t).Exec(`UPDATE job_version SET action_id = 7, created_at = created_at + 1 WHERE job_id > 1`)
	page := b.get("/console").says(200, "changed 19 jobs in one action", `href="/console/actions/7"`, "job 0").hides("job 19")
	if strings.Count(page.body, "/console/actions/7") != 1 {
		t.Error("an action is told more than once")
	}
	if err := c.store.DeleteJob(t.Context(), account.ID, 1); err != nil {
		t.Fatal(err)
	}
	b.get("/console").says(200, "deleted", "job 0")
}

// TestOverviewPlanned shows what is planned for the next hours, in an account that is not too large for it.
func TestOverviewPlanned(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	account := c.account(t)
	j := c.newJob(t, everyMinute("each minute"))
	page := b.get("/console").says(200, "are planned for the next 3 hours", `viewBox="0 0 1619 60"`, `class="planned" d="M1440.5 40v-40M1441.5 40v-40`, ">Planned<", "/console/jobs?sort=next")
	if !strings.Contains(page.body, "180 are planned") && !strings.Contains(page.body, "179 are planned") { // the present minute may be over
		t.Error("not 180 runs are planned")
	}
	for _, w := range []cron.MaintenanceWindow{
		{Title: "Move <b>", Effect: cron.MaintenancePause, Start: time.Now().Add(-time.Hour), End: time.Now().Add(10 * time.Hour), Tags: []string{"other"}},
		{Title: "Move <i>", Effect: cron.MaintenancePause, Start: time.Now().Add(-time.Hour), End: time.Now().Add(10 * time.Hour), Tags: []string{"SHOP"}},
	} {
		w.AccountID = account.ID
		if err := c.store.CreateMaintenance(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
	}
	b.get("/console").says(200, "are planned for the next 3 hours").hides("paused: Move")
	if err := c.store.UpdateJob(t.Context(), account.ID, j.ID, func(j *cron.Job) error { j.Tags = []string{"shop"}; return nil }); err != nil {
		t.Fatal(err)
	}
	b.get("/console").says(200, `href="/console/settings/maintenance/2"`, "Move &lt;i&gt;").hides("are planned for", "Move &lt;b&gt;", "<i>")
	x := c.tables(t)
	x.CopyJob(j.ID, 1000)
	x.Exec(`INSERT INTO rollup_minute (account_id, minute, succeeded, failed, missed) VALUES ($1, $2, 1, 0, 0)`, account.ID, time.Now().Unix()/60)
	b.get("/console").says(200, "What is planned is shown for accounts with up to 1,000 jobs", `viewBox="0 0 1440 60"`).hides(">Planned<", "are planned for")
}

// TestOverviewIsSmall shows the worst data.
func TestOverviewIsSmall(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	account := c.account(t)
	long := strings.Repeat(`<"&`, 40)
	j := c.newJob(t, everyMinute(long))
	x := c.tables(t)
	x.CopyJob(j.ID, 5000)
	x.AddProblems(account.ID, 200, cron.ProblemOpen, time.Now())
	x.Exec(`WITH RECURSIVE ago (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM ago WHERE i < 1439)
		INSERT INTO rollup_minute (account_id, minute, succeeded, failed, missed) SELECT $1, $2 - i, 1000 + i, i, 1 FROM ago`,
		account.ID, time.Now().Unix()/60)
	for _, path := range []string{"/console", "/console/problems", "/console/search?q=script"} {
		page := b.get(path).says(http.StatusOK)
		if len(page.body) > 120<<10 {
			t.Errorf("%s has %d bytes", path, len(page.body))
		}
	}
}

// TestSearch finds jobs, pages and actions.
func TestSearch(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	j := c.newJob(t, titled("Nightly "+hostile))
	c.newJob(t, titled("other"))
	for more := true; more; {
		var err error
		if more, err = c.store.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.get("/console/search").says(200, "Overview", "Create a job", `name="q"`).hides("Nightly")
	b.get("/console/search?q=night").says(200, fmt.Sprintf(`href="/console/jobs/%d"`, j.ID), "Nightly &lt;script&gt;").hides("Create a job", ">other<", "<script>alert")
	b.get("/console/search?q=api+keys").says(200, `href="/console/settings/keys"`)
	b.get("/console/search?q="+strings.Repeat("x+", 100)).says(200, "Nothing matches")
	b.get("/console/search?q=%00%ff").says(200)
	for i := range 11 {
		c.newJob(t, titled(fmt.Sprintf("many %d", i)))
	}
	b.get("/console/search?q=many").says(200, `href="/console/jobs?q=many"`)
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/search").says(200, "Problems").hides("Create a job", "Invite", "Changes")
}
