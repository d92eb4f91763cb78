package web_test

import (
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestProblem goes the way of somebody who was woken: what broke, since when and why, and what was done about it.
func TestProblem(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	account := c.account(t)
	node, err := c.store.StartNode(t.Context(), cron.Node{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	j, other := c.newJob(t, everyMinute(hostile)), c.newJob(t, everyMinute("another job"))
	b.get("/console/problems").says(200, "There is no problem")
	c.attempt(t, node, &j, nil)
	err = c.store.UpdateJob(t.Context(), account.ID, j.ID, func(to *cron.Job) error {
		to.Request.Method, to.UpdatedBy = cron.MethodPost, cron.Author{Label: "zoë@example.com"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.attempt(t, node, &j, refused)
	c.attempt(t, node, &other, func(r *cron.Result) { r.Status, r.HTTPStatus = cron.StatusHTTPError, 404 })
	list := b.get("/console/problems").says(200, "Unresolved", "Open", "refused", "404")
	_, rest, _ := strings.Cut(list.body, "404")
	path := "/console/problems/" + between(rest, `href="/console/problems/`, `"`)
	b.get(path).says(200, "refused", "Last success", "First failure", "The job was changed between the two runs", "zoë@example.com",
		fmt.Sprintf(`href="/console/jobs/%d/changes#version-`, j.ID), "Other jobs that fail at a.example", "another job", "No message was sent",
		"/console/runs/again?cause=", "&lt;script&gt;").hides("<script>alert")

	b.post(path, "do", "acknowledge", "note", hostile).leads(path + "?done=acknowledged")
	b.get(path+"?done=acknowledged").says(200, "Acknowledged.", "jane@example.com", "&lt;script&gt;", "Take back").hides("<title>(2)")
	b.get("/console/problems?state=acknowledged").says(200, "refused").hides("404")
	b.get("/console/problems?state=open").says(200, "404").hides("refused by")
	b.post(path, "do", "snooze", "hours", "4", "note", "wait").leads(path + "?done=snoozed")
	b.get(path).says(200, "Snoozed until", ">wait</textarea>")
	b.post(path, "do", "note", "note", strings.Repeat("x", 2001)).says(422, strings.Repeat("x", 2001), `aria-invalid="true"`, "Snoozed until")
	b.post(path, "do", "open", "note", "").leads(path + "?done=reopened")
	b.post(path, "do", "resolve", "note", "mended").leads(path + "?done=resolved")
	b.get(path).says(200, "Lasted", "mended").hides(`value="snooze"`)
	b.post(path, "do", "acknowledge", "note", "mended").says(409, "resolved")
	b.get("/console/problems?state=resolved").says(200, "refused", "mended")

	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get(path).says(200, "refused", "mended", "Editors can").hides("<textarea", "/console/runs/again")
	viewer.post(path, "do", "resolve").says(403)
	b.get("/console/problems/x").says(404)
	b.get("/console/problems/4711").says(404)
	b.post("/console/problems/4711", "do", "resolve").says(404)
}

// TestProblemRunsAgain offers the runs of a problem that has several causes.
func TestProblemRunsAgain(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	node, err := c.store.StartNode(t.Context(), cron.Node{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	for i, status := range []int{503, 502} {
		j := c.newJob(t, everyMinute(fmt.Sprint("job ", i)))
		c.attempt(t, node, &j, func(r *cron.Result) { r.Status, r.HTTPStatus = cron.StatusHTTPError, status })
	}
	problem := "/console/problems/" + between(b.get("/console/problems").body, `href="/console/problems/`, `"`)
	again := html.UnescapeString(between(b.get(problem).body, `href="/console/runs/again?`, `"`))
	b.get("/console/runs/again?"+again).says(200, "<dt>Runs to start</dt><dd><strong>2</strong>")
	b.get("/console/runs?"+again).says(200, "job 0", "job 1")
}

// TestProblemsOfOthers are not found.
func TestProblemsOfOthers(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	other := cron.Account{Email: "other@example.com", Plan: cron.PlanDefault}
	if err := c.store.CreateAccount(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/console/problems/%d", c.tables(t).AddProblems(other.ID, 1, cron.ProblemOpen, time.Now()))
	b.get(path).says(404)
	b.post(path, "do", "resolve", "note", "").says(404)
	b.get("/console/problems").says(200, "There is no problem").hides("<title>(")
}

// TestPagesOfProblems lists more than a page.
func TestPagesOfProblems(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.tables(t).AddProblems(c.account(t).ID, 120, cron.ProblemOpen, time.Now())
	seen, path := map[string]bool{}, "/console/problems"
	for pages := 0; path != ""; pages++ {
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
		page := b.get(path).says(200)
		for _, part := range strings.Split(page.body, `<a href="/console/problems/`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			if id, _, jobs := strings.Cut(id, "#"); !jobs {
				seen[id] = true
			}
		}
		path = ""
		if _, rest, more := strings.Cut(page.body, `href="/console/problems?after=`); more {
			after, _, _ := strings.Cut(rest, `"`)
			path = "/console/problems?after=" + after
		}
	}
	if len(seen) != 120 {
		t.Errorf("the pages show %d problems", len(seen))
	}
	b.get("/console/problems?after=x-y").says(200)
}
