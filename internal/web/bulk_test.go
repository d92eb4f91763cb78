package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store/storetest"
)

// work does what nodes do with actions, until nothing is left.
func (c *console) work(t testing.TB) {
	t.Helper()
	node, err := c.store.StartNode(t.Context(), cron.Node{Name: "node"})
	for more := true; more && err == nil; {
		more, err = c.service.WorkActions(t.Context(), node)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// started is the page of an action that an answer leads to.
func (a answer) started() string {
	a.t.Helper()
	to := a.header.Get("Location")
	if a.status != 303 || !strings.HasPrefix(to, "/console/actions/") {
		a.t.Fatalf("the answer leads to %q with status %d: %s", to, a.status, a.body)
	}
	return to
}

// url is the URL of a job.
func (c *console) url(t testing.TB, id int64) string {
	t.Helper()
	j, err := c.store.Job(t.Context(), c.account(t).ID, id)
	if err != nil {
		t.Fatal(err)
	}
	return j.Request.URL
}

// TestActionTimes shows the next runs of an action in the zone of each job, when that is chosen.
func TestActionTimes(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.newJob(t, func(j *cron.Job) {
		j.Schedule, j.Schedule.Timezone = storetest.EveryMinute(), "Asia/Tokyo"
	})
	preview := b.post("/console/jobs/bulk", "all", "1", "shift", "1").started()
	c.work(t)
	b.get(preview).says(200, "<time datetime=").hides(" JST")
	b.post("/console/times", "times", "job", "next", "/console")
	b.get(preview).says(200, " JST")
}

// TestBulkChange replaces the host of all jobs that match, looks at the preview, performs it and takes it back.
func TestBulkChange(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	ids := []int64{c.newJob(t, called("one", "https://old.example.com/1")).ID, c.newJob(t, called("two", "https://old.example.com/2")).ID}
	c.newJob(t, called("three", "https://other.example.com/3"))
	sheet := "/console/jobs/bulk?all=1&filter=q%3Dhost%253Aold.example.com"
	b.get(sheet).says(200, "All jobs that match", "<code>host:old.example.com</code>", `name="filter" value="q=host%3Aold.example.com"`, "/console/jobs?q=host%3Aold.example.com")
	preview := b.post("/console/jobs/bulk", "all", "1", "filter", "q=host%3Aold.example.com", "in-0", "url", "find-0", "old.example.com", "replace-0", "new.example.com",
		"shift", "5", "header-0", "set", "header-name-0", "X-Token", "header-value-0", "other").started()
	b.get(preview).says(200, "Selecting", "0 jobs selected so far", "/cancel", `hx-trigger="live:action`).hides("/apply")
	c.work(t)
	b.get(preview).says(200, "2 jobs would change", "Change 2 jobs", "Preview: Find and replace, Headers, Move times", "<del>old</del>.example.com/1", "<ins>new</ins>.example.com/1",
		"<del>0</del>", "<ins>5</ins>", "it may be a secret", "/console/jobs/1").hides("s3cret", `hx-target="#action"`, "three")
	if got := c.url(t, ids[0]); got != "https://old.example.com/1" {
		t.Errorf("the preview changed the URL to %s", got)
	}
	again := strings.ReplaceAll(between(b.get(preview).body, `href="/console/jobs/bulk`, `"`), "&amp;", "&")
	b.get("/console/jobs/bulk"+again).says(200, `value="old.example.com"`, `value="new.example.com"`, `value="5"`, `value="X-Token"`, `value="other"`, `value="q=host%3Aold.example.com"`, "<code>host:old.example.com</code>")

	action := b.post("/console/actions/1/apply").started()
	c.work(t)
	b.get(action).says(200, "2 jobs changed", "Undo").hides("/apply")
	if got := c.url(t, ids[1]); got != "https://new.example.com/2" {
		t.Errorf("the URL is %s", got)
	}
	undo := b.post(action + "/undo").started()
	c.work(t)
	b.get(undo).says(200, "2 jobs put back", "Undo of change 2", "Undo the undo")
	if got := c.url(t, ids[1]); got != "https://old.example.com/2" {
		t.Errorf("the URL is %s", got)
	}
	b.get("/console/actions").says(200, "Undo of change 2", "Find and replace, Headers, Move times", "jane@example.com", "Preview")
}

// TestBulkFields sets each field of the sheet, and fills the sheet again from the preview.
func TestBulkFields(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	id := c.newJob(t, called("one", "https://example.com/1")).ID
	actor := cron.OperatorOf(c.account(t))
	folder := cron.Folder{AccountID: 1, Title: "Backups"}
	if err := c.service.AddFolder(t.Context(), actor, &folder); err != nil {
		t.Fatal(err)
	}
	channels, _, err := c.service.Channels(t.Context(), actor, 0, 1)
	if err != nil || len(channels) != 1 {
		t.Fatal(channels, err)
	}
	fields := []string{"schedule", "*/10 8-18 * * 1-5", "zone", "Asia/Tokyo", "keep", "local", "spread", "30", "timeout", "20", "retries", "2", "delay", "5",
		"factor", "1.5", "ceiling", "60", "channels", "these", "channel", fmt.Sprint(channels[0].ID), "folder", fmt.Sprint(folder.ID), "tag-do", "add",
		"tags", "prod, eu", "enabled", "on", "pause", "until", "pause-until", "2999-01-01T10:00", "pause-note", "moving", "silence", "forever",
		"in-0", "title", "find-0", "o(.)e", "replace-0", "$1", "pattern-0", "1", "header-0", "add", "header-name-0", "X-B", "header-value-0", "c"}
	preview := b.post("/console/jobs/bulk", append(fields, "job", fmt.Sprint(id))...).started()
	c.work(t)
	b.get(preview).says(200, "1 job would change", "?job=1")
	b.get(preview+"?job=1").says(200, "Backups", "Asia/Tokyo", "for good", "prod", "moving", "2999-01-01 10:00")
	again := strings.ReplaceAll(between(b.get(preview).body, `href="/console/jobs/bulk`, `"`), "&amp;", "&")
	b.get("/console/jobs/bulk"+again).says(200, `value="*/10 8-18 * * 1-5"`, `value="Asia/Tokyo"`, `value="30"`, `value="20"`, `value="1.5"`,
		`value="prod, eu"`, `value="2999-01-01T10:00"`, `value="moving"`, `value="forever" selected`, `value="o(.)e"`, `name="pattern-0" value="1" checked`,
		`name="job" value="1"`, `value="these" selected`, fmt.Sprintf(`value="%d" checked`, channels[0].ID), fmt.Sprintf(`value="%d" selected`, folder.ID))
	b.post("/console/actions/1/apply").started()
	c.work(t)
	j, err := c.store.Job(t.Context(), 1, id)
	if err != nil {
		t.Fatal(err)
	}
	if j.Schedule.Timezone != "Asia/Tokyo" || j.Timeout != 20 || j.Policy.Retry.Factor != 1.5 || j.FolderID != folder.ID || len(j.Tags) != 2 ||
		j.Timing.PauseNote != "moving" || !j.Notification.SilencedUntil.Equal(cron.Forever) || len(j.Request.Headers) != 2 || len(j.ChannelIDs) != 1 {
		t.Errorf("the job is %+v", j)
	}
}

// TestBulkMistakes shows what is wrong beside its field, and keeps what was typed.
func TestBulkMistakes(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	id := fmt.Sprint(c.newJob(t, called("one", "https://example.com/1")).ID)
	b.get("/console/jobs/bulk").says(200, "No jobs are selected")
	b.get("/console/jobs/bulk?all=1&filter=q%3Dstate:strange").says(422)
	b.get("/console/jobs/bulk?all=1&filter=view%3D99").says(404)
	b.get("/console/jobs/bulk?all=1&filter=%25").says(422)
	b.post("/console/jobs/bulk", "all", "1", "filter", "q=state:strange", "shift", "5").says(422)
	b.post("/console/jobs/bulk", "shift", "5").says(422, "No jobs are selected")
	b.post("/console/jobs/bulk", "job", id).says(422)
	var many []string
	for i := range 1001 {
		many = append(many, fmt.Sprint(i+1))
	}
	b.post("/console/jobs/bulk", "job", strings.Join(many, ","), "shift", "5").says(422, "1000")
	b.get("/console/jobs/bulk?job=1&next=https://evil.example/").says(200).hides(`="https://evil`)
	for field, value := range map[string]string{
		"schedule": "every day", "shift": "soon", "zone": "Mars/Olympus", "spread": "99999", "timeout": "x", "retries": "99", "factor": "x",
		"folder": "999", "pause-until": "never", "header-name-0": "a b", "find-0": "(",
	} {
		a := b.post("/console/jobs/bulk", "job", id, "pattern-0", "1", "in-0", "url", "header-0", "remove", field, value).says(422, "Correct what is marked")
		if at := strings.Index(a.body, fmt.Sprintf(`id="%s-error"`, field)); at < 0 {
			t.Errorf("%s: no error beside the field: %s", field, a.body)
		}
		if field != "folder" && !strings.Contains(a.body, `value="`+value+`"`) {
			t.Errorf("%s: what was typed is lost", field)
		}
	}
	b.post("/console/jobs/bulk", "job", id, "channels", "these", "channel", "999").says(422, `id="channels-error"`)
	b.post("/console/jobs/bulk", "job", id, "pause", "until").says(422, `id="pause-until-error"`)
	more := b.post("/console/jobs/bulk", "job", id, "find-0", hostile, "replaces", "1", "more", "replaces").says(200, `name="find-1"`, "&lt;script&gt;").hides("<script>alert")
	if strings.Contains(more.body, `name="find-2"`) {
		t.Error("two rows were added")
	}
	b.post("/console/jobs/bulk", "job", id, "replaces", "999", "more", "replaces").says(200).hides(`name="find-6"`)
}

// TestBulkDelete deletes jobs and brings them back.
func TestBulkDelete(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	id := c.newJob(t, called(hostile, "https://example.com/1")).ID
	b.get("/console/jobs/bulk?do=delete&job=1").says(200, "Delete jobs", "&lt;script&gt;", "Preview the deletion").hides("<script>alert", `name="shift"`)
	preview := b.post("/console/jobs/bulk", "job", fmt.Sprint(id), "do", "delete").started()
	c.work(t)
	b.get(preview).says(200, "1 job would be deleted", "Delete 1 job", "no next run")
	action := b.post(preview + "/apply").started()
	c.work(t)
	b.get(action).says(200, "1 job deleted", "&lt;script&gt;").hides(`href="/console/jobs/1"`, "<script>alert")
	b.get("/console/settings/bin").says(200, "&lt;script&gt;").hides("<script>alert")
	b.post(action + "/undo").started()
	c.work(t)
	if got := c.url(t, id); got != "https://example.com/1" {
		t.Errorf("the URL is %s", got)
	}
}

// TestTwoPeopleChangeJobs performs a preview after somebody else has changed one of its jobs, and twice.
func TestTwoPeopleChangeJobs(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	first, second := c.newJob(t, called("one", "https://old.example.com/1")).ID, c.newJob(t, called("two", "https://old.example.com/2")).ID
	bob := c.join(t, b, "bob@example.com", "editor")
	change := func(v *visitor, to string) string {
		return v.post("/console/jobs/bulk", "all", "1", "in-0", "url", "find-0", "old.example.com", "replace-0", to).started()
	}
	mine, his := change(b, "jane.example.com"), change(bob, "bob.example.com")
	c.work(t)
	if _, err := c.service.ChangeJob(t.Context(), cron.OperatorOf(c.account(t)), second, nil,
		&cron.JobPatch{Fields: []string{"/title"}, Values: cron.Job{Title: "mine"}}); err != nil {
		t.Fatal(err)
	}
	done := b.post(mine + "/apply").started()
	later := bob.post(his + "/apply").started()
	twice := b.post(mine + "/apply").started()
	c.work(t)
	b.get(done).says(200, "1 job changed", "1 job left as they are", "Changed meanwhile")
	b.get(done+"?result=skipped").says(200, "mine").hides("one</a>")
	for _, action := range []string{later, twice} {
		b.get(action).says(200, "No job was changed", "2 jobs left as they are").hides("/undo")
	}
	if got := c.url(t, first); got != "https://jane.example.com/1" {
		t.Errorf("the URL is %s", got)
	}
}

// TestViewersAndActions shows viewers everything about actions, and lets them do nothing. Other accounts see nothing.
func TestViewersAndActions(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.newJob(t, called("one", "https://old.example.com/1"))
	preview := b.post("/console/jobs/bulk", "job", "1", "shift", "5").started()
	c.work(t)
	done := b.post(preview + "/apply").started()
	c.work(t)
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/actions").says(200, "Move times")
	viewer.get(preview).says(200, "1 job would change").hides("/apply", "/console/jobs/bulk")
	viewer.get(done).says(200, "1 job changed").hides("/undo")
	viewer.get("/console/jobs/bulk?job=1").says(403, "needs the role editor")
	viewer.get("/console/jobs/bulk?from=1").says(403, "needs the role editor")
	for _, path := range []string{preview + "/apply", done + "/undo", preview + "/cancel"} {
		viewer.post(path).says(403, "needs the role editor")
	}
	viewer.post("/console/jobs/bulk", "job", "1", "shift", "5").says(403, "needs the role editor")

	other := cron.Account{Email: "other@example.com", Plan: cron.PlanDefault}
	if err := c.store.CreateAccount(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	theirs := cron.OperatorOf(other)
	a, err := c.service.NewAction(t.Context(), theirs, service.ActionRequest{Filter: new(cron.JobFilter), DryRun: true, Operations: []cron.Operation{{Kind: cron.OperationEnable}}})
	if err == nil {
		err = c.service.StartAction(t.Context(), theirs, &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/console/actions/%d", a.ID)
	b.get(path).says(404)
	b.get("/console/jobs/bulk?from=" + fmt.Sprint(a.ID)).says(404)
	b.post(path + "/undo").says(404)
	b.post(path + "/cancel").says(404)
	b.post(path+"/apply").says(422, "dry run")
}

// TestManyResults pages through the jobs of a large action. No page is too large, whatever the jobs hold.
func TestManyResults(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	worst := strings.Repeat(`"`, 500)
	for i := range 100 {
		c.newJob(t, called(fmt.Sprint(i, " ", worst), "https://old.example.com/"+strings.Repeat("'", 200)), func(j *cron.Job) { j.Description = strings.Repeat("<&>", 60) })
	}
	preview := b.post("/console/jobs/bulk", "all", "1", "in-0", "title", "find-0", `"`, "replace-0", "&", "in-1", "url", "find-1", "'", "replace-1", "-", "replaces", "2",
		"tags", "a,b,c,d", "tag-do", "set", "schedule", "*/7 */3 1-7 * *", "pause-until", "2999-01-01T00:00", "pause-note", worst[:200]).started()
	c.work(t)
	seen, next := 0, preview
	for next != "" {
		a := b.get(next).says(200)
		if len(a.body) > 120<<10 {
			t.Errorf("%s has %d bytes", next, len(a.body))
		}
		seen += strings.Count(a.body, `href="/console/jobs/`) - strings.Count(a.body, "/console/jobs/bulk")
		next = ""
		if found := regexp.MustCompile(`href="([^"]+)">Next page`).FindStringSubmatch(a.body); found != nil {
			next = strings.ReplaceAll(found[1], "&amp;", "&")
		}
	}
	if seen != 100 {
		t.Errorf("the pages show %d jobs", seen)
	}
	b.get(preview+"?job=3").says(200, "/console/jobs/3").hides("/console/jobs/4", "Next page")
}

// TestStoppedAction stops a change before it begins, and one too many.
func TestStoppedAction(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.newJob(t, called("one", "https://old.example.com/1"))
	var last string
	for range cron.MaxOpenActions {
		last = b.post("/console/jobs/bulk", "job", "1", "shift", "5").started()
	}
	b.post("/console/jobs/bulk", "job", "1", "shift", "7").says(429, `value="7"`, "5")
	b.post(last + "/cancel").leads(last)
	b.get(last).says(200, "Stopping").hides("/cancel", "/apply")
	c.work(t)
	b.get(last).says(200, "Stopped").hides("/apply")
	b.post(last+"/apply").says(422, "dry run")
	b.post("/console/actions/1/cancel").says(409)
	b.post("/console/actions/1/undo").says(409)
}
