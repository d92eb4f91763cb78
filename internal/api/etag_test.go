package api_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
)

// TestETags follows the tag of a job through all that is done to it.
func TestETags(t *testing.T) {
	c := newClient(t)
	created := c.do("PUT", "/jobs", `{"job":`+fullJob+`}`)
	tag := created.header.Get("ETag")
	if len(tag) != 34 || strings.Trim(tag, `"`) != tag[1:33] {
		t.Fatalf("the tag is %s", tag)
	}
	const path = "/jobs/1"
	if got := c.do("GET", path, "").header.Get("ETag"); got != tag {
		t.Errorf("it reads back as %s, was %s", got, tag)
	}
	for i, step := range []struct {
		name, patch string
		same        bool
	}{
		{"nothing", `{}`, true},
		{"the title", `{"title":"x"}`, false},
		{"the title as it is", `{"title":" x "}`, true},
		{"the password", `{"auth":{"password":"other"}}`, false},
		{"one minute", `{"schedule":{"minutes":[3]}}`, false},
		{"an addition", `{"retry":{"factor":3}}`, false},
	} {
		changed := c.do("PATCH", path, `{"job":`+step.patch+`}`, "If-Match: "+tag)
		now := changed.header.Get("ETag")
		if changed.status != 200 || (now == tag) != step.same {
			t.Errorf("%d, %s: %d, the tag is %s after %s", i, step.name, changed.status, now, tag)
		}
		if got := c.do("GET", path, "").header.Get("ETag"); got != now {
			t.Errorf("%s: it reads back as %s, was %s", step.name, got, now)
		}
		tag = now
	}
	// Executions are no edits, and another job of the same definition has another tag.
	c.do("POST", path+"/run", "")
	c.server.execute(t, 0, cron.Result{Status: cron.StatusOK, HTTPStatus: 200, CertExpiry: time.Now()})
	if got := c.do("GET", path, ""); got.header.Get("ETag") != tag || !strings.Contains(got.body, `"lastStatus":1`) {
		t.Errorf("after an execution the tag is %s, was %s: %s", got.header.Get("ETag"), tag, got.body)
	}
	c.must("PUT", "/jobs", `{"job":`+fullJob+`}`)
	if got := c.do("GET", "/jobs/2", "").header.Get("ETag"); got == created.header.Get("ETag") {
		t.Error("two jobs share a tag")
	}
}

func TestIfMatch(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	tag := c.do("GET", path, "").header.Get("ETag")
	for _, tt := range []struct {
		header string
		ok     bool
	}{
		{tag, true},
		{"*", true},
		{`"x", ` + tag, true},
		{`"a,b" ,` + tag + `,"c"`, true},
		{tag + `, W/"x"`, true},
		{`W/"x", ` + tag, true},
		{"W/" + tag, false},
		{`"x"`, false},
		{`"x", "y"`, false},
		{strings.Trim(tag, `"`), false},
		{tag[:33], false},
		{`""`, false},
		{"**", false},
		{",", false},
		{strings.ToUpper(tag), strings.ToUpper(tag) == tag},
	} {
		want := map[bool]int{true: 200, false: 412}[tt.ok]
		got := c.do("PATCH", path, `{"job":{"saveResponses":false}}`, "If-Match: "+tt.header)
		if got.status != want {
			t.Errorf("PATCH with %s: status %d, want %d", tt.header, got.status, want)
		}
		if got.status == 412 && (!strings.Contains(got.body, "Read it again") ||
			got.header.Get("Content-Type") != "application/problem+json") {
			t.Errorf("PATCH with %s: %s", tt.header, got.body)
		}
		other := c.create(`{"url":"a.example"}`)
		otherTag := c.do("GET", other, "").header.Get("ETag")
		header := strings.ReplaceAll(tt.header, strings.Trim(tag, `"`), strings.Trim(otherTag, `"`))
		if strings.Contains(tt.header, tag[:33]) || tt.header == "*" {
			if got := c.do("DELETE", other, "", "If-Match: "+header); got.status != want {
				t.Errorf("DELETE with %s: status %d, want %d", tt.header, got.status, want)
			}
			if got := c.do("GET", other, ""); (got.status == 404) != tt.ok {
				t.Errorf("after DELETE with %s: status %d", tt.header, got.status)
			}
		}
	}
	// A request that would fail anyhow fails as it did.
	for call, status := range map[string]int{
		"PATCH /jobs/999": 404, "DELETE /jobs/999": 404, "PATCH " + path: 400,
	} {
		method, path, _ := strings.Cut(call, " ")
		body := `{"job":{}}`
		if status == 400 {
			body = `{"job":{"schedule":{"hours":[24]}}}`
		}
		if got := c.do(method, path, body, `If-Match: "x"`); got.status != status {
			t.Errorf("%s: status %d, want %d", call, got.status, status)
		}
	}
}

func TestIfNoneMatch(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	tag := c.do("GET", path, "").header.Get("ETag")
	for header, status := range map[string]int{
		tag: 304, "W/" + tag: 304, "*": 304, `"x", ` + tag: 304, `"x"`: 200, "x": 200, strings.Trim(tag, `"`): 200,
	} {
		got := c.do("GET", path, "", "If-None-Match: "+header)
		if got.status != status || got.header.Get("ETag") != tag || (got.body == "") != (status == 304) {
			t.Errorf("%s: %d %v %q, want %d", header, got.status, got.header, got.body, status)
		}
	}
	if got := c.do("GET", "/jobs/999", "", "If-None-Match: *"); got.status != 404 {
		t.Errorf("a missing job: status %d", got.status)
	}
}

// TestOneEditorWins lets editors race who all know the same version.
func TestOneEditorWins(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	for round := range 5 {
		tag := c.do("GET", path, "").header.Get("ETag")
		var (
			wg   sync.WaitGroup
			wins atomic.Int64
		)
		for i := range 8 {
			wg.Go(func() {
				got := c.do("PATCH", path, fmt.Sprintf(`{"job":{"title":"%d by %d"}}`, round, i), "If-Match: "+tag)
				switch got.status {
				case 200:
					wins.Add(1)
				case 412:
				default:
					t.Errorf("status %d: %s", got.status, got.body)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Errorf("%d editors won", wins.Load())
		}
	}
}

// TestTagsOfRandomJobs makes sure that a job has the tag that its maker was told.
func TestTagsOfRandomJobs(t *testing.T) {
	c := newClient(t)
	rapid.Check(t, func(r *rapid.T) {
		created := c.do("PUT", "/jobs", `{"job":`+draw{r}.job()+`}`)
		if created.status != 200 {
			return
		}
		var answer struct {
			JobID int64 `json:"jobId"`
		}
		decode(t, created.body, &answer)
		path := fmt.Sprintf("/jobs/%d", answer.JobID)
		if got := c.do("GET", path, "").header.Get("ETag"); got != created.header.Get("ETag") {
			r.Fatalf("%s has the tag %s, said to be %s", path, got, created.header.Get("ETag"))
		}
		changed := c.do("PATCH", path, `{"job":{"title":"other"}}`)
		if got := c.do("GET", path, "").header.Get("ETag"); got != changed.header.Get("ETag") {
			r.Fatalf("%s has the tag %s, said to be %s", path, got, changed.header.Get("ETag"))
		}
	})
}
