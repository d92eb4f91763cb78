package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// TestBin restores jobs and folders, and deletes them for good when their name is given.
func TestBin(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/settings/bin").says(200, "The bin is empty")
	actor := cron.OperatorOf(c.account(t))
	folder := cron.Folder{AccountID: 1, Title: hostile}
	if err := c.service.AddFolder(t.Context(), actor, &folder); err != nil {
		t.Fatal(err)
	}
	inFolder := func(j *cron.Job) { j.FolderID = folder.ID }
	ids := []int64{c.newJob(t, called(hostile, "https://user:s3cret@example.com/1"), inFolder).ID, c.newJob(t, called("", "https://example.com/2")).ID, c.newJob(t, called("three", "https://example.com/3")).ID}
	for _, id := range ids {
		if err := c.service.DeleteJob(t.Context(), actor, id, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.service.DeleteFolder(t.Context(), actor, folder.ID); err != nil {
		t.Fatal(err)
	}
	b.get("/console/settings/bin").says(200, "&lt;script&gt;", "https://example.com/2", "three", "/console/settings/bin/jobs/3").hides("<script>alert", "s3cret")
	b.get("/console/settings/bin/jobs/1").says(200, "&lt;script&gt;", "Delete for good").hides("<script>alert", "s3cret")
	b.get("/console/settings/bin/folders/1").says(200, "&lt;script&gt;", "Delete for good").hides("<script>alert")

	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/settings/bin").says(200, "three").hides("/restore")
	viewer.get("/console/settings/bin/jobs/3").says(200).hides("/purge", "/restore")
	for _, path := range []string{"jobs/3/restore", "jobs/3/purge", "folders/1/restore", "folders/1/purge"} {
		viewer.post("/console/settings/bin/"+path, "title", "three").says(403, "needs the role editor")
	}

	b.post("/console/settings/bin/jobs/1/restore").leads("/console/settings/bin?done=job-restored-to-root")
	b.get("/console/settings/bin?done=job-restored-to-root").says(200, "The job is back. Its folder no longer exists")
	b.post("/console/settings/bin/jobs/1/restore").says(404)
	b.post("/console/settings/bin/jobs/2/purge", "title", "something").says(422, "exactly as the bin shows it", `value="something"`)
	b.post("/console/settings/bin/jobs/2/purge", "title", "https://example.com/2").leads("/console/settings/bin?done=purged")
	b.get("/console/settings/bin/jobs/2").says(404)
	b.post("/console/settings/bin/folders/1/purge", "title", "x").says(422, "exactly as the bin shows it")
	same := cron.Folder{AccountID: 1, Title: hostile}
	if err := c.service.AddFolder(t.Context(), actor, &same); err != nil {
		t.Fatal(err)
	}
	b.post("/console/settings/bin/folders/1/restore").says(409)
	if err := c.service.DeleteFolder(t.Context(), actor, same.ID); err != nil {
		t.Fatal(err)
	}
	b.post("/console/settings/bin/folders/1/restore").leads("/console/settings/bin?done=folder-restored")
	b.post("/console/settings/bin/folders/2/purge", "title", hostile).leads("/console/settings/bin?done=purged")
	b.get("/console/settings/bin/folders/2").says(404)
	b.get("/console/settings/bin?after=x-y").says(200, "three")
	if got := c.url(t, ids[0]); got != "https://user:s3cret@example.com/1" {
		t.Errorf("the URL is %s", got)
	}
}

// TestFullBin pages through many deleted jobs. No page is too large.
func TestFullBin(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	actor := cron.OperatorOf(c.account(t))
	for i := range 120 {
		id := c.newJob(t, called(fmt.Sprint("job ", i, strings.Repeat(`"`, 500)), "https://example.com/"+strings.Repeat("'", 2000))).ID
		if err := c.service.DeleteJob(t.Context(), actor, id, nil); err != nil {
			t.Fatal(err)
		}
	}
	seen, next := 0, "/console/settings/bin"
	for next != "" {
		a := b.get(next).says(200)
		if len(a.body) > 120<<10 {
			t.Errorf("%s has %d bytes", next, len(a.body))
		}
		seen += strings.Count(a.body, ">job ")
		next = ""
		if found := regexp.MustCompile(`href="([^"]+)">Next page`).FindStringSubmatch(a.body); found != nil {
			next = strings.ReplaceAll(found[1], "&amp;", "&")
		}
	}
	if seen != 120 {
		t.Errorf("the pages show %d jobs", seen)
	}
}
