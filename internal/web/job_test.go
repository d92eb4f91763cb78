package web_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// runsOf adds executions of a job, one each hour up to now, of which some failed.
func (c *console) runsOf(t testing.TB, j *cron.Job, count int, fails func(i int) bool) {
	t.Helper()
	tables := storetest.NewTables(t, storetest.Raw(t, c.options))
	now := time.Now().Truncate(time.Hour)
	for i := count; i > 0; i-- {
		at := now.Add(-time.Duration(i) * time.Hour)
		e := cron.Execution{AccountID: j.AccountID, JobID: j.ID, Planned: at, Attempt: 1, Outcome: cron.OutcomeSucceeded,
			Lateness: time.Duration(i%40) * time.Millisecond, Result: cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Reason: "OK",
				URL: j.Request.URL, Started: at.Add(time.Duration(i%40) * time.Millisecond), Duration: time.Duration(300+i%97) * time.Millisecond}}
		if fails(i) {
			e.Outcome = cron.OutcomeFailed
			e.Result.Status, e.Result.HTTPStatus, e.Result.Reason, e.Result.Fault, e.Result.Detail = cron.StatusConnectFailed, 0, "",
				cron.FaultRefused, "192.0.2.1:443"
		}
		tables.AddExecution(&e)
	}
}

// path is the address of a job's page, or of a part of it.
func path(j cron.Job, part string) string { return fmt.Sprintf("/console/jobs/%d%s", j.ID, part) }

// TestJobPage shows jobs in all states.
func TestJobPage(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	fresh := c.newJob(t)
	b.get(path(fresh, "")).says(200, "Backup", "It has not run yet. The first run is due on", "has not run in the time that is kept",
		"https://a.example/backup", "every day at 03:00", `aria-checked="true"`, "Next runs")
	never := c.newJob(t, func(j *cron.Job) { j.Schedule.Hours = 0 })
	b.get(path(never, "")).says(200, "It has no further run: never, since no hours are chosen", "This job never runs")
	off := c.newJob(t, func(j *cron.Job) { j.Enabled = false })
	b.get(path(off, "")).says(200, "Disabled. It does not run", `aria-checked="false"`, "When the job is enabled again")
	once := c.newJob(t, func(j *cron.Job) { j.Timing.RunAt = time.Now().Add(time.Hour) })
	b.get(path(once, "")).says(200, "once, on")

	ran := c.newJob(t, func(j *cron.Job) {
		j.Description = "# If it fails\n\n<script>alert(1)</script>\n\n[wiki](https://w.example/)"
	})
	c.runsOf(t, &ran, 100, func(i int) bool { return i == 3 })
	b.get(path(ran, "")).says(200, "99.0 % succeeded", "1 failed", "9 of 10 runs take", "Last bad run", "192.0.2.1:443", "<h3>If it fails</h3>",
		`href="https://w.example/" rel="nofollow noreferrer"`, path(ran, "/runs?from="), "outcome=failed", `<figure data-chart="line"`).hides("<script>alert")
	b.get(path(ran, "?days=90")).says(200, "90 days")
	b.get("/console/jobs/4711").says(404)
	b.get("/console/jobs/x").says(404)
}

// TestJobActions does what the buttons of a job's page do, without scripts.
func TestJobActions(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	j := c.newJob(t)
	job := func() cron.JobRecord {
		t.Helper()
		rec, err := c.store.Job(t.Context(), j.AccountID, j.ID)
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	b.post(path(j, "/disable")).leads(path(j, "?done=job-disabled"))
	b.get(path(j, "?done=job-disabled")).says(200, "The job is disabled.", "by jane@example.com")
	if job().Enabled {
		t.Error("the job is enabled")
	}
	b.post(path(j, "/enable"), "next", "/console/jobs?q=state:failing").leads("/console/jobs?done=job-enabled&q=state%3Afailing")
	b.post(path(j, "/run")).leads(path(j, "?done=job-run"))
	b.post(path(j, "/run")).says(409, "Backup")

	b.get(path(j, "/pause?next=/console/jobs")).says(200, "Pause Backup", "For 1 hour", `value="/console/jobs"`)
	b.post(path(j, "/pause"), "until", "2001-01-01T00:00", "pauseNote", "typed").says(422, "Choose a time in the future", `value="typed"`)
	b.post(path(j, "/pause"), "until", "soon").says(422, "Choose a time in the future")
	b.post(path(j, "/pause"), "for", "99999999999999").says(422, "Choose a time in the future")
	b.post(path(j, "/pause"), "for", "3600", "pauseNote", "moving").leads(path(j, "?done=job-paused"))
	if left := time.Until(job().Timing.PausedUntil); left < 59*time.Minute || left > time.Hour {
		t.Errorf("the job is paused for %v", left)
	}
	b.get(path(j, "")).says(200, "Paused until", "moving", "Resume")
	b.post(path(j, "/pause"), "for", "0").leads(path(j, "?done=job-resumed"))
	if rec := job(); !rec.Timing.PausedUntil.IsZero() || rec.Timing.PauseNote != "" {
		t.Errorf("the job is paused: %+v", rec.Timing)
	}
	b.post(path(j, "/pause"), "until", "2999-01-02T03:04").leads(path(j, "?done=job-paused"))
	if got := job().Timing.PausedUntil.UTC().Format(time.RFC3339); got != "2999-01-02T02:04:00Z" { // typed in Europe/Berlin
		t.Errorf("the job is paused until %s", got)
	}
	b.post(path(j, "/silence"), "for", "-1").leads(path(j, "?done=job-silenced"))
	b.get(path(j, "")).says(200, "until somebody ends it", "End the silence")
	b.post(path(j, "/silence"), "for", "0", "next", "https://attacker.example/").leads("/console?done=job-unsilenced")

	b.post(path(j, "/delete"), "next", "/console/jobs").leads(fmt.Sprintf("/console/jobs?done=job-deleted&undo=%d", j.ID))
	b.get(path(j, "")).says(200, "This job was deleted", "Bring it back", "jane@example.com")
	b.post(path(j, "/run")).says(404)
	b.post(path(j, "/undelete")).leads(path(j, "?done=job-restored"))
	b.get(path(j, "")).says(200, "Backup").hides("This job was deleted")
	b.post(path(j, "/undelete")).says(404)
}

// TestJobOfOthers asks for a job as somebody of another account, and as a viewer.
func TestJobOfOthers(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	other := cron.Account{Email: "shop@example.com", Plan: cron.PlanUnlimited}
	if err := c.store.CreateAccount(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	theirs := c.newJob(t, func(j *cron.Job) { j.AccountID = other.ID })
	for _, part := range []string{"", "/pause", "/silence", "/curl", "/badge", "/changes", "/changes/1", "/notices"} {
		b.get(path(theirs, part)).says(404).hides("Backup")
	}
	for _, part := range []string{"/enable", "/disable", "/run", "/delete", "/undelete"} {
		b.post(path(theirs, part)).says(404)
	}
	b.post(path(theirs, "/pause"), "for", "3600").says(404)
	b.post(path(theirs, "/silence"), "for", "3600").says(404)

	j := c.newJob(t, func(j *cron.Job) {
		j.Request.URL = "https://joe:s3cret@a.example/"
		j.Request.Headers = []cron.Header{{Name: "X-Token", Value: "s3cret"}}
	})
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get(path(j, "")).says(200, "xxxxx@a.example").hides("s3cret", "/enable", "Run now", "/delete")
	viewer.get(path(j, "/curl")).says(200, "X-Token: xxxxx", "shown to editors only").hides("s3cret")
	viewer.get(path(j, "/badge")).says(200, "![State of the job](http", "![Uptime 30 days](http", "/uptime-30d.svg&#34; alt=&#34;Uptime 30 days&#34;&gt;").hides("/badge/renew")
	viewer.post(path(j, "/run")).says(403)
	viewer.post(path(j, "/delete")).says(403)
	viewer.get("/console/jobs/export").says(200, "xxxxx@a.example").hides("s3cret")
	b.get("/console/jobs/export").says(200, "s3cret", "SHELL=/bin/bash")
	b.get(path(j, "/curl?shell=powershell")).says(200, "curl.exe", "&#39;X-Token: s3cret&#39;")
	b.get(path(j, "/curl?as=file&shell=cmd")).says(200, `^"X-Token: s3cret^"`)
}

// TestJobPageOfTheWorst keeps the pages of a job small, whatever it holds.
func TestJobPageOfTheWorst(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	j := c.newJob(t, func(j *cron.Job) {
		j.Title = strings.Repeat("<&\"'>", cron.MaxTitleLength/5)
		j.Description = strings.Repeat("[a](https://a.example/?<&>) *b* `c` | ", cron.MaxDescription/40)
		j.Request.URL = "https://a.example/" + strings.Repeat("<&%22", 1600)
		j.Request.Method, j.Request.Body = cron.MethodPost, strings.Repeat("\x01\n'", cron.MaxBodyLength/3)
		for i := range cron.MaxTags {
			j.Tags = append(j.Tags, strconv.Itoa(i)+strings.Repeat("<", cron.MaxTagLength-3))
		}
	})
	c.runsOf(t, &j, 1900, func(i int) bool { return i%3 == 0 })
	for _, part := range []string{"", "?days=90", "/curl", "/badge", "/pause", "/changes", "/notices"} {
		if a := b.get(path(j, part)).says(200); len(a.body) > 120_000 {
			t.Errorf("%s has %d bytes", part, len(a.body))
		}
	}
	if a := b.get(path(j, "?runbook=all")).says(200); len(a.body) > 200_000 {
		t.Errorf("the whole runbook has %d bytes", len(a.body))
	}
}

// TestJobChanges edits a job, compares its versions, restores one and forgets its secrets.
func TestJobChanges(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	j := c.newJob(t, func(j *cron.Job) { j.Request.Headers = []cron.Header{{Name: "X-Token", Value: "s3cret"}} })
	b.get(path(j, "/changes")).says(200, "The job was made.", "current").hides("Compare the chosen")
	edit := func(change func(*cron.Job) error) {
		t.Helper()
		if err := c.store.UpdateJob(t.Context(), j.AccountID, j.ID, change); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(j *cron.Job) error {
		j.Title, j.Request.Headers = hostile, []cron.Header{{Name: "X-Token", Value: "0ther"}}
		return nil
	})
	b.get(path(j, "/changes")).says(200, "Headers, Title", "Compare the chosen").hides("<script>alert")
	b.get(path(j, "/changes?from=2&to=1")).says(200, "Differences between version 1 and version 2", "<del>Backup</del>",
		"A secret, which differs").hides("s3cret", "0ther", "<script>alert")
	b.get(path(j, "/changes?from=1&to=4711")).says(200, "no longer kept")
	page := b.get(path(j, "/changes/1")).says(200, "What restoring this version changes", "<ins>Backup</ins>").hides("s3cret")
	tag := between(page.body, `name="tag" value="`, `"`)
	edit(func(j *cron.Job) error { j.Timeout = 7; return nil })
	b.post(path(j, "/changes/1/restore"), "tag", tag).says(412, "Somebody changed the job meanwhile", "7 s")
	tag = between(b.get(path(j, "/changes/1")).body, `name="tag" value="`, `"`)
	b.post(path(j, "/changes/1/restore"), "tag", tag).leads(path(j, "/changes?done=version-restored"))
	b.get(path(j, "/changes")).says(200, "Restored version 1.")
	b.get(path(j, "")).says(200, "<h1>Backup</h1>")
	b.post(path(j, "/changes/4/forget")).says(409)
	b.post(path(j, "/changes/2/forget")).leads(path(j, "/changes?done=version-forgotten"))
	b.get(path(j, "/changes/2")).says(200, "secrets of this version are forgotten").hides("0ther")
	b.get(path(j, "/changes/4711")).says(404)
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get(path(j, "/changes/2")).says(200, "What restoring").hides("Restore this version", "s3cret")
	viewer.post(path(j, "/changes/2/restore")).says(403)
	viewer.post(path(j, "/changes/2/forget")).says(403)
}

// TestJobNotices says who is told, by a job, a rule and the account.
func TestJobNotices(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	account := c.account(t).ID
	add := func(title string, edit func(*cron.Channel)) int64 {
		t.Helper()
		channel := cron.Channel{AccountID: account, Kind: "webhook", Title: title, Enabled: true, Confirmed: true,
			Settings: map[string]string{"url": "https://hook.example/s3cret"}}
		edit(&channel)
		if err := c.store.CreateChannel(t.Context(), &channel); err != nil {
			t.Fatal(err)
		}
		return channel.ID
	}
	add("everything", func(c *cron.Channel) { c.Default = true })
	add("tagged", func(c *cron.Channel) { c.Tags = []string{"Night"} })
	named := add(hostile, func(*cron.Channel) {})
	silent := c.newJob(t)
	b.get(path(silent, "/notices")).says(200, "Nobody is told anything about this job", "The default channels", "everything").hides("tagged", "s3cret")
	tagged := c.newJob(t, func(j *cron.Job) {
		j.Tags, j.Notification.OnFailure, j.Notification.OnFailureCount = []string{"night"}, true, 3
	})
	b.get(path(tagged, "/notices")).says(200, "failed 3 times in a row", "their rules name", "tagged").hides("Nobody is told anything", "everything<")
	chosen := c.newJob(t, func(j *cron.Job) { j.ChannelIDs = []int64{named} })
	b.get(path(chosen, "/notices")).says(200, "since the job names them", "&lt;script&gt;").hides("<script>alert")
	nobody := c.newJob(t, func(j *cron.Job) { j.ChannelIDs = []int64{} })
	b.get(path(nobody, "/notices")).says(200, "No channel is told of this job")
}
