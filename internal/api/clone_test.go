package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// details is a job as an object, without what differs from job to job.
func (c *client) details(path string, without ...string) map[string]any {
	c.t.Helper()
	var answer struct {
		Job map[string]any `json:"jobDetails"`
	}
	if err := json.Unmarshal([]byte(c.must("GET", path, "")), &answer); err != nil {
		c.t.Fatal(err)
	}
	for _, name := range append(without, "jobId") {
		delete(answer.Job, name)
	}
	return answer.Job
}

func TestClone(t *testing.T) {
	c := newClient(t)
	source := c.create(fullJob)
	before := c.must("GET", source, "")
	clone := func(body string, header ...string) string {
		t.Helper()
		got := c.do("POST", source+"/clone", body, header...)
		var answer struct {
			JobID int64 `json:"jobId"`
		}
		decode(t, got.body, &answer)
		path := "/jobs/" + strings.TrimSpace(strings.Trim(strings.TrimPrefix(strings.TrimSpace(got.body), `{"jobId":`), "}"))
		if tag := c.do("GET", path, "").header.Get("ETag"); got.status != 200 || tag == "" || tag != got.header.Get("ETag") {
			t.Errorf("%s: %d %v, the tag is %s", body, got.status, got.header, tag)
		}
		return path
	}
	for _, body := range []string{"", "{}", `{"job":null}`, `{"job":{}}`} {
		path := clone(body)
		if job := c.job(path); job.Enabled || job.Title != "Nightly <backup> & more (copy)" {
			t.Errorf("with %s it is %+v", body, job)
		}
		same := []string{"enabled", "title", "nextExecution", "created", "updated"} // the spread differs
		if a, b := c.details(source, same...), c.details(path, same...); !jsonEqual(t, a, b) {
			t.Errorf("with %s it is\n%v\nof\n%v", body, b, a)
		}
	}
	changed := c.job(clone(`{"job":{"enabled":true,"title":"mine","auth":{"user":"you"},"schedule":{"minutes":[7]}}}`))
	if !changed.Enabled || changed.Title != "mine" || changed.Auth.User != "you" || changed.Auth.Password == "" ||
		!slices.Equal(changed.Schedule.Minutes, []int{7}) || !slices.Equal(changed.Schedule.Hours, []int{5, 23}) {
		t.Errorf("with changes it is %+v", changed)
	}
	if job := c.job(clone("title=x", "Content-Type: text/plain")); job.Title != "Nightly <backup> & more (copy)" {
		t.Errorf("with a body that is not read it is %+v", job)
	}
	for _, tt := range []struct {
		path, body string
		status     int
		at         []string
	}{
		{source, `{"job":{"schedule":{"hours":[24]}}}`, 400, []string{"/job/schedule/hours/0"}},
		{source, `{"job":[]}`, 400, []string{"/job"}},
		{source, `[]`, 400, nil},
		{source, `{`, 400, nil},
		{source, `{"job":{"folderId":7}}`, 400, []string{"/job/folderId"}},
		{"/jobs/999", `{"job":{"url":"ftp://x"}}`, 400, []string{"/job/url"}},
		{"/jobs/999", "", 404, nil},
	} {
		got := c.do("POST", tt.path+"/clone", tt.body)
		if got.status != tt.status || tt.at != nil && !slices.Equal(pointers(t, got), tt.at) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, got.status, got.body)
		}
	}
	if after := c.must("GET", source, ""); after != before {
		t.Errorf("the source has become %s", after)
	}
}

func jsonEqual(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

func TestClonesKeepToTheLimits(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", "tiny")
	path := c.create(`{"url":"a.example","title":"` + strings.Repeat("ü", 512) + `"}`)
	c.must("POST", path+"/clone", "")
	if got := c.job("/jobs/2").Title; len([]rune(got)) != 512 || !strings.HasSuffix(got, "ü (copy)") {
		t.Errorf("the title is %q", got)
	}
	if got := c.do("POST", path+"/clone", ""); got.status != 429 {
		t.Errorf("a job too many: %d %s", got.status, got.body)
	}
	// A schedule that the plan no longer allows cannot be multiplied.
	fast := s.newClient(t, "b@example.com", cron.PlanUnlimited)
	source := fast.create(`{"url":"a.example","schedule":{"seconds":[-1],"minutes":[-1],"hours":[-1],"mdays":[-1],
		"months":[-1],"wdays":[-1]}}`)
	fast.changeAccount(func(a *cron.Account) { a.Plan = "tiny" })
	if got := fast.do("POST", source+"/clone", ""); got.status != 400 || !strings.Contains(got.body, "/job/schedule") {
		t.Errorf("too often: %d %s", got.status, got.body)
	}
}
