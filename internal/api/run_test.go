package api_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// run is an execution that somebody asked for.
type run struct {
	RunID       int64   `json:"runId"`
	JobID       int64   `json:"jobId"`
	Path        string  `json:"path"`
	State       string  `json:"state"`
	DatePlanned int64   `json:"datePlanned"`
	Outcome     *string `json:"outcome"`
	Identifier  *string `json:"identifier"`
}

func (c *client) readRun(got response) run {
	c.t.Helper()
	var answer struct {
		Run run `json:"run"`
	}
	decode(c.t, got.body, &answer)
	return answer.Run
}

func TestRunNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // from 2000-01-01T00:00:00Z on
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":false}`)
		time.Sleep(1500 * time.Millisecond)
		asked := c.do("POST", path+"/run", "")
		want := run{946684801500, 1, "/jobs/1/runs/946684801500", "waiting", 946684801, nil, nil}
		if got := c.readRun(asked); asked.status != 202 || got != want || asked.header.Get("Location") != want.Path {
			t.Fatalf("%d %v %+v", asked.status, asked.header, got)
		}
		if again := c.do("POST", path+"/run", ""); again.status != 409 || !strings.Contains(again.body, "has not started yet") {
			t.Errorf("a second run: %d %s", again.status, again.body)
		}
		if got := c.readRun(c.do("GET", want.Path, "")); got != want {
			t.Errorf("it waits as %+v", got)
		}
		launches := c.server.claim(t)
		want.State = "running"
		if got := c.readRun(c.do("GET", want.Path, "")); got != want {
			t.Errorf("it runs as %+v", got)
		}
		result := cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, Started: time.Now()}
		if err := c.server.store.Finish(t.Context(), []cron.Completion{{Launch: launches[0], Result: result}}); err != nil {
			t.Fatal(err)
		}
		got := c.readRun(c.do("GET", want.Path, ""))
		if got.State != "finished" || *got.Outcome != "failed" || *got.Identifier != "1-1-0-1" {
			t.Errorf("it ended as %+v", got)
		}
		c.must("GET", path+"/history/"+*got.Identifier, "")
		if job := c.job(path); job.LastStatus != 4 || job.LastExecution != 946684801 || job.Enabled || job.NextExecution != nil {
			t.Errorf("the job is %+v", job)
		}
	})
}

func TestRunsThatCannotBe(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example","overlap":"skip"}`)
	c.do("POST", path+"/run", "")
	c.server.claim(t)
	if got := c.do("POST", path+"/run", ""); got.status != 409 || !strings.Contains(got.body, "still running") {
		t.Errorf("a run beside another: %d %s", got.status, got.body)
	}
	for _, call := range []string{"POST /jobs/999/run", "POST /jobs/x/run", "GET /jobs/999/runs/1", "GET /jobs/1/runs/1",
		"GET /jobs/1/runs/x", "GET /jobs/1/runs/-1", "GET /jobs/1/runs/9223372036854775807", "GET /jobs/1/run"} {
		method, path, _ := strings.Cut(call, " ")
		if got := c.do(method, path, ""); got.status != 404 {
			t.Errorf("%s: %d %s", call, got.status, got.body)
		}
	}
	for name, key := range map[string]*client{
		"read": c.withKey(cron.APIKey{Scopes: cron.ScopeRead}), "write": c.withKey(cron.APIKey{Scopes: cron.ScopeWrite}),
	} {
		post, get := key.do("POST", path+"/run", ""), key.do("GET", path+"/runs/1", "")
		if (post.status == 403) != (name == "read") || (get.status == 403) != (name == "write") {
			t.Errorf("with the scope %s: POST %d, GET %d", name, post.status, get.status)
		}
	}
}

// TestARunThatCouldNotBeIsOnRecord disables the account while the run waits.
func TestARunThatCouldNotBeIsOnRecord(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	asked := c.readRun(c.do("POST", path+"/run", ""))
	for _, disabled := range []bool{true, false} {
		c.changeAccount(func(a *cron.Account) { a.Disabled = disabled })
		if launches := c.server.claim(t); len(launches) > 0 {
			t.Fatalf("claimed %v", launches)
		}
	}
	got := c.readRun(c.do("GET", asked.Path, ""))
	if got.State != "finished" || *got.Outcome != "skipped" || got.Identifier != nil {
		t.Errorf("it ended as %+v", got)
	}
}
