package web_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// jobsIn counts the jobs of a list.
func jobsIn(a answer) int { return strings.Count(a.body, `<tr id="job-`) }

// linkNamed is the address of a link with a text.
func linkNamed(a answer, text string) string {
	if found := regexp.MustCompile(`<a class="button" href="([^"]+)"[^>]*>` + text).FindStringSubmatch(a.body); found != nil {
		return html.UnescapeString(found[1])
	}
	return ""
}

// TestJobsEmpty shows what to do in an account without jobs, to those who may.
func TestJobsEmpty(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/jobs").says(200, "A job calls a URL", `href="/console/jobs/new"`, `href="/console/jobs/import"`).hides("<table")
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/jobs").says(200, "There are no jobs").hides("/console/jobs/new")
	b.get("/console/jobs?q=tag:x").says(200, "No job matches", "Show all jobs")
}

// TestJobsRow shows what a job is, how it went, and what can be done with it.
func TestJobsRow(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	folder := cron.Folder{AccountID: 1, Title: "Shop EU"}
	if err := c.store.CreateFolder(t.Context(), &folder); err != nil {
		t.Fatal(err)
	}
	j := c.newJob(t, func(j *cron.Job) {
		j.FolderID, j.Tags, j.Schedule.Timezone = folder.ID, []string{"prod", "a b", "c", "d", "e"}, "Europe/Berlin"
	})
	tables := storetest.OpenTables(t, c.options)
	for i, o := range []cron.Outcome{cron.OutcomeSucceeded, cron.OutcomeFailed, cron.OutcomeMissed, cron.OutcomeSucceeded} {
		at := time.Now().Add(time.Duration(i-4) * time.Hour)
		tables.AddExecution(&cron.Execution{JobID: j.ID, AccountID: 1, Planned: at, Attempt: 1, Outcome: o, Result: cron.Result{Started: at, Duration: time.Second}})
	}
	id := strconv.FormatInt(j.ID, 10)
	page := b.get("/console/jobs").says(200, "Backup", "a.example", "every day at 03:00, Berlin time", "Never ran", "Next ", "Shop EU",
		`href="/console/jobs?q=folder%3A%231"`, `href="/console/jobs?q=tag%3A%22a&#43;b%22"`, "+2",
		"Latest runs: 4. Succeeded: 2, failed: 1, other: 1.", `class="bad"`, `class="odd"`, `class="good"`,
		`formaction="/console/jobs/`+id+`/run"`, `formaction="/console/jobs/`+id+`/disable"`, `formaction="/console/jobs/`+id+`/delete"`, "move to the bin",
		`href="/console/jobs/`+id+`/pause"`, `href="/console/jobs/`+id+`/silence"`, `href="/console/jobs/new?from=`+id+`"`,
		`href="/console/jobs/`+id+`/curl"`, `href="/console/jobs/`+id+`/runs"`,
		`<form id="selection" method="get" action="/console/jobs/bulk">`, `name="job" value="`+id+`"`, `name="filter" value=""`, `name="all" value="1"`)
	if n := jobsIn(page); n != 1 {
		t.Errorf("the page has %d jobs", n)
	}
	later := time.Now().Add(48 * time.Hour)
	err := c.store.UpdateJob(t.Context(), 1, j.ID, func(j *cron.Job) error {
		j.Timing.PausedUntil, j.Notification.SilencedUntil = later, later
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.get("/console/jobs").says(200, "Paused until", "End the pause", "End the silence", "Silenced", `name="for" value="0"`)
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/jobs").says(200, "Backup", "History").hides("formaction", `name="job"`, "/console/jobs/bulk\"><button", "Change the selected", "/pause")
}

// TestJobsSearch narrows the list by what is typed and by buttons, whose address is that of the search that results.
func TestJobsSearch(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.newJob(t, func(j *cron.Job) {
		j.Title, j.Tags, j.Request.URL = "Alpha", []string{"prod"}, "https://old.example.com/"
	})
	c.newJob(t, func(j *cron.Job) { j.Title, j.Enabled, j.Request.Method = "Beta", false, cron.MethodPost })
	search := func(text string) answer { return b.get("/console/jobs?q=" + url.QueryEscape(text)) }
	search("host:old.example.com").says(200, "Alpha", `value="host:old.example.com"`, "q=host%3Aold.example.com").hides(">Beta<")
	search("-tag:prod").says(200, ">Beta<").hides(">Alpha<")
	search("state:disabled method:post").says(200, ">Beta<", `aria-pressed="true"`).hides(">Alpha<")
	search(`alpha`).says(200, ">Alpha<").hides(">Beta<")
	search("okapi").says(200, "No job matches")
	search(`hots:x zone:Mars "`).says(422, "There is no filter &#34;hots&#34;", "&#34;Mars&#34; is not a known time zone", "close the quotation",
		`value="hots:x zone:Mars &#34;"`, `aria-invalid="true"`).hides("<table")
	search(strings.Repeat("a", 1001)).says(422, "too long")
	b.get("/console/jobs?q=alpha&toggle=state:disabled").leads("/console/jobs?q=alpha+state%3Adisabled")
	b.get("/console/jobs?q=alpha+state:disabled&toggle=state:disabled&sort=-last").leads("/console/jobs?q=alpha&sort=-last")
	b.get("/console/jobs?q=tag:prod&invert=tag:prod").leads("/console/jobs?q=-tag%3Aprod")
	b.get("/console/jobs?q=-tag:prod&invert=-tag:prod").leads("/console/jobs?q=tag%3Aprod")
	b.get("/console/jobs?q=tag:prod&toggle=tag:prod").leads("/console/jobs")
	b.get("/console/jobs?q=folder:%231&toggle=folder:%231").says(422)
	b.get("/console/jobs?toggle=nonsense:x").leads("/console/jobs?q=nonsense%3Ax")
	b.get("/console/jobs?q=%22x").says(422).hides("<table")
	b.get("/console/jobs?q=%22x&toggle=tag:y").says(422)
}

// TestJobsPages goes through a list of many jobs in several orders, by the links of its pages.
func TestJobsPages(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	first := c.newJob(t, func(j *cron.Job) { j.Tags = []string{"prod"} })
	storetest.OpenTables(t, c.options).AddFindable(first.ID, 199)
	for more := true; more; {
		var err error
		if more, err = c.store.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, sort := range []string{"", "-title", "next", "-next", "last", "-last", "changed", "-changed", "status", "-status", "id", "bogus"} {
		seen, pages, next := 0, 0, "/console/jobs?sort="+sort
		for next != "" && pages < 20 {
			a := b.get(next).says(200)
			seen += jobsIn(a)
			next = linkNamed(a, "Next page")
			pages++
			if (pages > 1) != (linkNamed(a, "First page") != "") {
				t.Errorf("page %d of %q leads to the first one: %v", pages, sort, pages > 1)
			}
		}
		if seen != 200 || pages != 6 {
			t.Errorf("by %q there are %d jobs on %d pages", sort, seen, pages)
		}
	}
	b.get("/console/jobs?after=nonsense").says(200)
	b.get("/console/jobs?after=1.%00").says(200)
	b.get("/console/jobs?sort=-last").says(200, `aria-sort="descending"`, `value="last"`, `name="sort" value="-last"`)
}

// TestJobsWorstData shows a page of jobs with the longest and most hostile texts: it stays small, and nothing of them is markup.
func TestJobsWorstData(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	quotes := func(n int) string { return strings.Repeat(`"`, n) }
	folder := cron.Folder{AccountID: 1, Title: quotes(cron.MaxFolderTitle)}
	if err := c.store.CreateFolder(t.Context(), &folder); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		if err := c.store.CreateFolder(t.Context(), &cron.Folder{AccountID: 1, Title: fmt.Sprint(i, quotes(cron.MaxFolderTitle-3))}); err != nil {
			t.Fatal(err)
		}
		if err := c.store.CreateView(t.Context(), &cron.JobView{AccountID: 1, PersonID: 1, Title: fmt.Sprint(i, quotes(cron.MaxFolderTitle-3))}); err != nil {
			t.Fatal(err)
		}
	}
	var ids []int64
	for i := range 50 {
		j := c.newJob(t, func(j *cron.Job) {
			j.Title = hostile + quotes(cron.MaxTitleLength-len(hostile))
			j.Request.URL = "https://" + strings.Repeat("a.", 100) + fmt.Sprint("example", i, ".com/%22") + strings.Repeat("x", 2000)
			j.FolderID, j.Schedule.Timezone = folder.ID, cron.ZoneNames()[i]
			j.Schedule.Minutes, j.Schedule.Hours = cron.SetOf(1, 7, 13, 22, 39, 51), cron.SetOf(0, 3, 5, 9, 17, 20)
			for n := range cron.MaxTags {
				j.Tags = append(j.Tags, fmt.Sprint(i, n, quotes(cron.MaxTagLength-5)))
			}
		})
		ids = append(ids, j.ID)
	}
	tables := storetest.OpenTables(t, c.options)
	for _, id := range ids {
		tables.AddExecutions(1, id, 40, time.Now(), time.Minute)
	}
	for _, q := range []string{"", `tag:"00` + quotes(0) + `"`, "-tag:" + strings.Repeat("x", 300), strings.Repeat("-tag:xxxxxxxxxxx ", 40)} {
		a := b.get("/console/jobs?sort=-changed&q=" + url.QueryEscape(q)).says(200).hides("<script>alert")
		if len(a.body) > 120<<10 {
			t.Errorf("the page of %q has %d bytes", q, len(a.body))
		}
		t.Logf("%d jobs in %d bytes", jobsIn(a), len(a.body))
	}
	for _, path := range []string{"/console/folders", "/console/views"} {
		if a := b.get(path).says(200); len(a.body) > 120<<10 {
			t.Errorf("%s has %d bytes", path, len(a.body))
		}
	}
}

// TestViews saves, shows, renames and deletes views, which are a person's own.
func TestViews(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.newJob(t, func(j *cron.Job) { j.Title, j.Tags = "Alpha", []string{"prod"} })
	c.newJob(t, func(j *cron.Job) { j.Title = "Beta" })
	b.get("/console/views").says(200, "no views yet")
	b.get("/console/jobs?q=tag:prod").says(200, "Save as view")
	b.get("/console/jobs").says(200).hides("Save as view")
	b.post("/console/views", "title", " ", "q", "tag:prod", "sort", "-last").says(422, "must be given", `value="tag:prod"`, `value="-last"`)
	b.post("/console/views", "title", "x", "q", "hots:a").says(422, "no filter", `value="hots:a"`)
	b.post("/console/views", "title", hostile, "q", "tag:prod", "sort", "-last").leads("/console/jobs?view=1&done=view-saved")
	b.post("/console/views", "title", hostile, "q", "tag:prod").says(409)
	b.get("/console/jobs?view=1").says(200, ">Alpha<", `value="tag:prod"`, `aria-sort="descending"`, `name="filter" value="view=1"`, "&lt;script&gt;").
		hides(">Beta<", "<script>alert", "Save as view")
	b.get("/console/views").says(200, "&lt;script&gt;", "tag:prod").hides("<script>alert")
	b.get("/console/views/1").says(200, "&lt;script&gt;").hides("<script>alert")
	b.post("/console/views/1", "title", "").says(422, "must be given")
	b.post("/console/views/1", "title", "Production").leads("/console/views?done=saved")
	other := c.join(t, b, "bob@example.com", "viewer")
	for _, path := range []string{"/console/jobs?view=1", "/console/views/1", "/console/views/x"} {
		other.get(path).says(404)
	}
	other.post("/console/views/1", "title", "x").says(404)
	other.post("/console/views/1/delete").says(404)
	other.post("/console/views", "title", "Mine", "q", "state:failing").leads("/console/jobs?view=2&done=view-saved")
	b.post("/console/views/1/delete").leads("/console/views?done=view-deleted")
	b.get("/console/jobs?view=1").says(404)
}

// TestFolders makes, renames, deletes and brings back folders.
func TestFolders(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/folders").says(200, "There are no folders yet")
	b.post("/console/folders", "title", " ").says(422, "must be given")
	b.post("/console/folders", "title", hostile).leads("/console/folders?done=folder-created")
	b.post("/console/folders", "title", hostile).says(409, "&lt;script&gt;")
	j := c.newJob(t, func(j *cron.Job) { j.FolderID = 1 })
	b.get("/console/folders").says(200, "&lt;script&gt;", "/console/jobs?q=folder%3A%231").hides("<script>alert")
	b.get("/console/jobs?q=folder:%231").says(200, "Backup", "&lt;script&gt;").hides("<script>alert")
	b.get("/console/jobs?q=folder:none").says(200, "No job matches")
	b.post("/console/folders/1", "title", "").says(422, "must be given")
	b.post("/console/folders/1", "title", "Shop").leads("/console/folders?done=saved")
	b.get("/console/folders/1").says(200, "Shop", "Delete the folder")
	b.post("/console/folders/1/delete").leads("/console/folders?done=folder-deleted&undo=1")
	b.get("/console/folders?done=folder-deleted&undo=1").says(200, "moved to the bin", "/console/folders/1/undelete")
	b.get("/console/jobs?q=folder:none").says(200, "Backup")
	b.post("/console/folders", "title", "shop").leads("/console/folders?done=folder-created")
	b.post("/console/folders/1/undelete").says(409, "already")
	b.post("/console/folders/2/delete").leads("/console/folders?done=folder-deleted&undo=2")
	b.post("/console/folders/1/undelete").leads("/console/folders?done=folder-restored")
	b.get("/console/jobs?q=folder:shop").says(200, "Backup", "job-"+strconv.FormatInt(j.ID, 10))
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/folders").says(200, "Shop").hides("Rename or delete", "Create")
	viewer.post("/console/folders", "title", "x").says(403)
	viewer.post("/console/folders/1", "title", "x").says(403)
	viewer.post("/console/folders/1/delete").says(403)
	viewer.post("/console/folders/1/undelete").says(403)
	b.get("/console/folders/99").says(404)
	b.post("/console/folders/99/delete").says(404)
	b.post("/console/folders/99/undelete").says(404)
}

// TestJobsOfOthers looks for the jobs, folders and views of another account.
func TestJobsOfOthers(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	account := cron.Account{Email: "other@example.com", Plan: cron.PlanDefault}
	if err := c.store.CreateAccount(t.Context(), &account); err != nil {
		t.Fatal(err)
	}
	c.newJob(t, func(j *cron.Job) { j.AccountID, j.Title = account.ID, "Secret plans" })
	folder := cron.Folder{AccountID: account.ID, Title: "Hidden"}
	if err := c.store.CreateFolder(t.Context(), &folder); err != nil {
		t.Fatal(err)
	}
	b.get("/console/jobs").says(200).hides("Secret plans", "Hidden")
	b.get("/console/jobs?q=folder:Hidden").says(422, "no folder")
	id := strconv.FormatInt(folder.ID, 10)
	b.get("/console/jobs?q=folder:%23"+id).says(422, "no folder")
	b.get("/console/folders/" + id).says(404)
	b.post("/console/folders/"+id, "title", "x").says(404)
	b.post("/console/folders/" + id + "/delete").says(404)
}

// TestKeyboard lists the keys.
func TestKeyboard(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/keyboard").says(200, "<kbd>j</kbd>", "Next and previous row")
}
