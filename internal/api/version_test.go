package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// versionsOf lists the versions of job 1.
func (c *client) versionsOf() (list []struct {
	Version   int64
	Changes   []string
	Restored  *int64
	Forgotten bool
	By, Way   string
}) {
	c.t.Helper()
	answer := struct{ Versions any }{&list}
	readLoosely(c.t, c.must("GET", "/jobs/1/versions", ""), &answer)
	return list
}

// readLoosely reads the members that to has.
func readLoosely(t testing.TB, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// TestVersions reads, compares, restores and forgets versions of a job.
func TestVersions(t *testing.T) {
	c := newServer(t).newClient(t, "jane@example.com", cron.PlanUnlimited)
	path := c.create(`{"url":"https://joe:pa55word@a.example/","title":"first","enabled":true,` + everyMinute +
		`,"extendedData":{"headers":{"X-Token":"t0ken"},"body":"s3cret"},"tags":["a"]}`)
	first := c.must("GET", path, "")
	c.must("PATCH", path, `{"job":{"title":"second","extendedData":{"headers":{"X-Token":"n3w"},"body":"an0ther"}}}`)

	list := c.versionsOf()
	if len(list) != 2 || list[0].Version != 2 || !reflect.DeepEqual(list[0].Changes, []string{"/extendedData/body", "/extendedData/headers", "/title"}) ||
		list[0].Way != "api" || list[0].By == "" || len(list[1].Changes) != 0 {
		t.Fatalf("the versions are %+v", list)
	}
	page := c.must("GET", path+"/versions?limit=1", "")
	if !strings.Contains(page, `"next":"2"`) || !strings.Contains(c.must("GET", path+"/versions?limit=1&cursor=2", ""), `"version":1,`) {
		t.Errorf("the first page is %s", page)
	}
	details, diff := c.must("GET", path+"/versions/1", ""), c.must("GET", path+"/versions/1/diff", "")
	for _, want := range []string{`"title":"first"`, `"X-Token":"xxxxx"`, `"url":"https://joe:xxxxx@a.example/"`, `"tags":["a"]`, `"kept":true`} {
		if !strings.Contains(details, want) {
			t.Errorf("version 1 is without %s: %s", want, details)
		}
	}
	for _, want := range []string{`"version":1,"to":2`, `{"pointer":"/title","secret":false,"before":"first","after":"second"}`,
		`{"pointer":"/extendedData/headers","secret":true,"before":{"X-Token":"xxxxx"},"after":{"X-Token":"xxxxx"}}`,
		`{"pointer":"/extendedData/body","secret":true,"before":"xxxxx","after":"xxxxx"}`} {
		if !strings.Contains(diff, want) {
			t.Errorf("the difference is without %s: %s", want, diff)
		}
	}
	for _, secret := range []string{"pa55word", "t0ken", "s3cret", "n3w", "an0ther"} {
		if strings.Contains(details+diff, secret) {
			t.Errorf("%s is shown", secret)
		}
	}

	tag := c.do("GET", path, "").header.Get("ETag")
	if got := c.do("POST", path+"/versions/1/restore", "", `If-Match: "other"`); got.status != 412 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	got := c.do("POST", path+"/versions/1/restore", "", "If-Match: "+tag)
	if got.status != 200 || strings.TrimSpace(got.body) != `{"jobId":1,"version":3,"folderId":0,"folderGone":false}` {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if now := c.do("GET", path, ""); withoutTimes(now.body) != withoutTimes(first) || now.header.Get("ETag") != got.header.Get("ETag") {
		t.Errorf("the job is %s, was %s", now.body, first)
	}
	if list = c.versionsOf(); len(list) != 3 || list[0].Restored == nil || *list[0].Restored != 1 {
		t.Errorf("the versions are %+v", list)
	}

	if got := c.do("DELETE", path+"/versions/3/secrets", ""); got.status != 409 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	c.must("DELETE", path+"/versions/2/secrets", "")
	if list = c.versionsOf(); !list[1].Forgotten || list[2].Forgotten {
		t.Errorf("the versions are %+v", list)
	}
	c.must("POST", path+"/versions/2/restore", "")
	if now := c.must("GET", path, ""); !strings.Contains(now, `"second"`) || !strings.Contains(now, "t0ken") || !strings.Contains(now, "s3cret") ||
		!strings.Contains(now, "pa55word") {
		t.Errorf("after a restore of what has forgotten its secrets, the job is %s", now)
	}
	for call, want := range map[string]int{
		"GET /jobs/1/versions?limit=0": 400, "GET /jobs/1/versions?cursor=x": 400, "GET /jobs/1/versions/99": 404, "GET /jobs/1/versions/x": 404,
		"GET /jobs/1/versions/1/diff?to=99": 404, "GET /jobs/1/versions/1/diff?to=x": 400, "POST /jobs/1/versions/99/restore": 404,
		"DELETE /jobs/1/versions/99/secrets": 404, "GET /jobs/2/versions": 404, "POST /jobs/2/versions/1/restore": 404,
	} {
		method, target, _ := strings.Cut(call, " ")
		if got := c.do(method, target, ""); got.status != want {
			t.Errorf("%s: status %d: %s", call, got.status, got.body)
		}
	}
}

// withoutTimes is a job without the members that a save changes.
func withoutTimes(body string) string {
	head, _, _ := strings.Cut(body, `,"created":`)
	return head
}

// TestVersionHasAllMembers makes sure that a version shows what the job shows, but for what is no value of it.
func TestVersionHasAllMembers(t *testing.T) {
	c := newServer(t).newClient(t, "jane@example.com", cron.PlanUnlimited)
	path := c.create(everyField)
	var job struct{ JobDetails map[string]any }
	var version struct{ VersionDetails struct{ Job map[string]any } }
	readLoosely(t, c.must("GET", path, ""), &job)
	readLoosely(t, c.must("GET", path+"/versions/1", ""), &version)
	for _, name := range []string{"jobId", "lastStatus", "lastDuration", "lastExecution", "sslCertExpiry", "nextExecution", "created", "createdBy",
		"updated", "updatedBy"} {
		delete(job.JobDetails, name)
	}
	for name := range job.JobDetails {
		if _, ok := version.VersionDetails.Job[name]; !ok {
			t.Errorf("a version is without %s", name)
		}
	}
}

// TestBin deletes jobs and a folder, and brings them back.
func TestBin(t *testing.T) {
	s := newServer(t)
	c, stranger := s.newClient(t, "jane@example.com", cron.PlanUnlimited), s.newClient(t, "eve@example.com", cron.PlanUnlimited)
	folder := c.createFolder("nightly")
	path := c.create(`{"url":"https://joe:pa55word@a.example/","title":"backup","enabled":true,"folderId":1,` + everyMinute + `}`)
	s.execute(t, 0, cron.Result{Status: cron.StatusOK, HTTPStatus: 200})
	history := c.must("GET", path+"/history", "")
	other := c.create(`{"url":"b.example","folderId":1}`)
	c.must("DELETE", path, "")
	for _, target := range []string{path, path + "/history", path + "/badge", "/history?job=1", "/stats?job=1", path + "/executions"} {
		if got := c.do("GET", target, ""); got.status != 404 {
			t.Errorf("GET %s: status %d", target, got.status)
		}
	}
	for _, call := range []string{"PATCH " + path, "POST " + path + "/run", "POST " + path + "/clone", "DELETE " + path, "POST " + path + "/versions/1/restore"} {
		method, target, _ := strings.Cut(call, " ")
		if got := c.do(method, target, `{"job":{}}`); got.status != 404 {
			t.Errorf("%s: status %d: %s", call, got.status, got.body)
		}
	}
	c.must("GET", path+"/versions/1", "")
	bin := c.must("GET", "/bin", "")
	if !strings.Contains(bin, `{"jobId":1,"title":"backup","url":"https://a.example/","folderId":1,"version":1,"deleted":`) || !strings.Contains(bin, `"folders":[]`) {
		t.Errorf("the bin is %s", bin)
	}
	for _, call := range []string{"POST /bin/jobs/1/restore", "DELETE /bin/jobs/1", "GET /jobs/1/versions", "GET /jobs/1/versions/1", "GET /jobs/1/versions/1/diff"} {
		method, target, _ := strings.Cut(call, " ")
		if got := stranger.do(method, target, ""); got.status != 404 || strings.Contains(got.body, "backup") {
			t.Errorf("a stranger: %s: status %d: %s", call, got.status, got.body)
		}
	}
	if got := stranger.must("GET", "/bin", ""); strings.TrimSpace(got) != `{"jobs":[],"folders":[],"next":null}` {
		t.Errorf("a stranger's bin is %s", got)
	}

	c.must("DELETE", folder, "")
	if got := stranger.do("POST", "/bin/folders/1/restore", ""); got.status != 404 {
		t.Errorf("a stranger restores a folder: status %d", got.status)
	}
	if got := stranger.do("DELETE", "/bin/folders/1", ""); got.status != 404 {
		t.Errorf("a stranger purges a folder: status %d", got.status)
	}
	if got := c.must("POST", "/bin/jobs/1/restore", ""); strings.TrimSpace(got) != `{"jobId":1,"version":2,"folderId":0,"folderGone":true}` {
		t.Errorf("a job whose folder is gone: %s", got)
	}
	if got := c.must("GET", path+"/history", ""); historyOf(got) != historyOf(history) {
		t.Errorf("the history is %s, was %s", got, history)
	}
	if got := c.do("POST", "/bin/jobs/1/restore", ""); got.status != 404 {
		t.Errorf("a second restore: status %d", got.status)
	}
	if got := c.must("POST", "/bin/folders/1/restore", ""); strings.TrimSpace(got) != `{"folderId":1,"jobs":1}` {
		t.Errorf("the folder comes back with %s", got)
	}
	if got := c.job(other).FolderID; got != 1 {
		t.Errorf("its job is in folder %d", got)
	}
	c.must("DELETE", folder, "")
	c.createFolder("NIGHTLY")
	if got := c.do("POST", "/bin/folders/1/restore", ""); got.status != 409 {
		t.Errorf("a folder with the title of another: status %d: %s", got.status, got.body)
	}
	c.must("DELETE", path, "")
	for _, wrong := range []string{"/bin/folders/1", "/bin/folders/1?title=", "/bin/folders/1?title=NIGHTLY", "/bin/jobs/1?title=back", "/bin/jobs/1"} {
		if got := c.do("DELETE", wrong, ""); got.status != 400 || !strings.Contains(got.body, "exactly as the bin shows it") || !strings.Contains(got.body, `"/title"`) {
			t.Errorf("%s: status %d: %s", wrong, got.status, got.body)
		}
	}
	if got := c.must("GET", "/bin", ""); !strings.Contains(got, `"jobId":1,`) || !strings.Contains(got, `"folderId":1,"title":"nightly"`) {
		t.Errorf("the bin is %s", got)
	}
	c.must("DELETE", "/bin/folders/1?title=+nightly+", "")
	c.must("DELETE", "/bin/jobs/1?title=backup", "")
	if got := c.do("POST", "/bin/jobs/1/restore", ""); got.status != 404 {
		t.Errorf("a purged job: status %d", got.status)
	}
}

// TestSameValuesAreNoChange sends values that the job has, and empty ones for those that it does not have.
func TestSameValuesAreNoChange(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example","title":"x",` + everyMinute + `}`)
	c.must("PATCH", path, `{"job":{"title":"x","tags":[],"description":"","extendedData":{"headers":{},"body":""},"runAt":0,"pausedUntil":0,"success":null}}`)
	if got := c.versionsOf()[0].Changes; len(got) > 0 {
		t.Errorf("the changes are %q", got)
	}
	if got := c.must("GET", "/audit?action=job.change", ""); !strings.Contains(got, `"changes":[]`) {
		t.Errorf("the audit log says %s", got)
	}
}

// TestPurgeByURL purges a job without a title, whose URL has credentials that the bin does not show.
func TestPurgeByURL(t *testing.T) {
	c := newClient(t)
	c.must("DELETE", c.create(`{"url":"https://jane:s3cret@a.example/x?a=1&b=2"}`), "")
	if got := c.do("DELETE", "/bin/jobs/1?title="+url.QueryEscape("https://jane:s3cret@a.example/x?a=1&b=2"), ""); got.status != 400 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	c.must("DELETE", "/bin/jobs/1?title="+url.QueryEscape("https://a.example/x?a=1&b=2"), "")
}

// historyOf is a history without its predictions.
func historyOf(body string) string {
	history, _, _ := strings.Cut(body, `"predictions"`)
	return history
}

// TestPagesOfTheBin deletes many jobs in one call and reads the bin in pages.
func TestPagesOfTheBin(t *testing.T) {
	c := newServer(t).newClient(t, "jane@example.com", cron.PlanUnlimited)
	ids := make([]string, 7)
	for i := range ids {
		c.create(`{"url":"a.example"}`)
		ids[i] = fmt.Sprint(i + 1)
	}
	c.must("POST", "/jobs/bulk", `{"action":"delete","jobIds":[`+strings.Join(ids, ",")+`]}`)
	seen := map[int64]bool{}
	for target := "/bin?limit=3"; target != ""; {
		var page struct {
			Jobs []struct{ JobID int64 }
			Next *string
		}
		readLoosely(t, c.must("GET", target, ""), &page)
		for _, j := range page.Jobs {
			seen[j.JobID] = true
		}
		target = ""
		if page.Next != nil {
			target = "/bin?limit=3&cursor=" + *page.Next
		}
	}
	if len(seen) != len(ids) {
		t.Errorf("%d jobs are in the pages", len(seen))
	}
	for _, cursor := range []string{"x", "1", "1-x", "-1-1", "1-0", "01-1"} {
		if got := c.do("GET", "/bin?cursor="+cursor, ""); got.status != 400 {
			t.Errorf("cursor %s: status %d", cursor, got.status)
		}
	}
}

// TestRestoringNeedsRoomAndRights brings back jobs that the plan or the rules of addresses do not allow.
func TestRestoringNeedsRoomAndRights(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "jane@example.com", cron.PlanUnlimited)
	c.create(`{"url":"a.example",` + everyMinute + `}`)
	c.create(`{"url":"b.example"}`)
	c.must("DELETE", "/jobs/1", "")
	limit := func(limits cron.Overrides) {
		t.Helper()
		if err := s.store.UpdateAccount(t.Context(), c.account.ID, func(a *cron.Account) error { a.Overrides = limits; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for want, limits := range map[int]cron.Overrides{429: {"maxJobs": 1}, 400: {"minIntervalSeconds": 3600}} {
		limit(limits)
		if got := c.do("POST", "/bin/jobs/1/restore", ""); got.status != want {
			t.Errorf("%v: status %d: %s", limits, got.status, got.body)
		}
	}
	limit(nil)
	c.must("POST", "/bin/jobs/1/restore", "")
	c.must("PATCH", "/jobs/1", `{"job":{"schedule":{"minutes":[0]}}}`)
	limit(cron.Overrides{"minIntervalSeconds": 3600})
	if got := c.do("POST", "/jobs/1/versions/1/restore", ""); got.status != 400 || len(c.versionsOf()) != 3 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}
