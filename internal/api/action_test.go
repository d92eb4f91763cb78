package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// TestActions starts a dry run, performs it, and takes it back, as a client would.
func TestActions(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	node, err := s.store.StartNode(t.Context(), cron.Node{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	worker := newService(s.store, cron.DefaultPlans())
	work := func() {
		t.Helper()
		for more := true; more; {
			if more, err = worker.WorkActions(t.Context(), node); err != nil {
				t.Fatal(err)
			}
		}
	}
	start := func(path, body string) string {
		t.Helper()
		got := c.do("POST", path, body)
		if got.status != 202 {
			t.Fatalf("status %d: %s", got.status, got.body)
		}
		work()
		return got.header.Get("Location")
	}
	c.create(`{"url":"https://bob:s3cret@old.example/a","title":"a",` + everyMinute + `}`)
	c.create(`{"url":"https://other.example/b","title":"b"}`)
	_, position, _ := strings.Cut(c.listen("/events").body, "id: ")
	position, _, _ = strings.Cut(position, "\n")
	dry := start("/actions", `{"action":{"filter":{},"dryRun":true,"operations":[{"kind":"replace","in":"url","find":"old","replace":"new"},`+
		`{"kind":"setHeader","name":"X","value":"s3cret"},{"kind":"enable"}]}}`)
	text := c.must("GET", dry, "")
	if strings.Contains(text, "s3cret") {
		t.Errorf("a secret is shown: %s", text)
	}
	answer := json.RawMessage(text)
	if got := part(t, answer, "action.counts"); got != `{"total":2,"changed":2,"same":0,"invalid":0,"skipped":0,"missing":0,"failed":0,"notReached":0}` {
		t.Errorf("the counts are %s", got)
	}
	if got := part(t, answer, "action.operations"); got != `["replace","setHeader","enable"]` {
		t.Errorf("the operations are %s", got)
	}
	var shown struct {
		Results []struct {
			Changes []struct{ Pointer, From, To any } `json:"changes"`
		} `json:"results"`
	}
	if err := json.Unmarshal(answer, &shown); err != nil {
		t.Fatal(err)
	}
	if got := shown.Results[0].Changes[1]; got.Pointer != "/url" || got.From != "https://old.example/a" || got.To != "https://new.example/a" {
		t.Errorf("the changes are %+v", shown.Results[0].Changes)
	}
	before := c.must("GET", "/jobs/1", "")
	done := start("/actions", `{"action":{"confirms":1}}`)
	if got := c.job("/jobs/1").URL; got != "https://bob:s3cret@new.example/a" {
		t.Errorf("the URL is %s", got)
	}
	undone := start(done+"/undo", "")
	if got := part(t, json.RawMessage(c.must("GET", undone, "")), "action.undoes"); got != "2" {
		t.Errorf("it undoes %s", got)
	}
	for _, name := range []string{"jobDetails.url", "jobDetails.enabled", "jobDetails.extendedData", "jobDetails.schedule"} {
		if got, want := part(t, json.RawMessage(c.must("GET", "/jobs/1", "")), name), part(t, json.RawMessage(before), name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	events := c.listen("/events?after=" + position).body
	for _, want := range []string{`{"actionId":1,"change":"progressed","date":`, `{"actionId":1,"change":"finished","date":`, `{"actionId":3,"change":"finished","date":`} {
		if strings.Count(events, "event: action\n") != 9 || !strings.Contains(events, want) {
			t.Errorf("the events are without %s:\n%s", want, events)
		}
	}
	list := json.RawMessage(c.must("GET", "/actions?limit=2", ""))
	if got := part(t, list, "next"); got != `"2"` {
		t.Errorf("the next page is %s", got)
	}
	c.must("GET", "/actions?limit=2&cursor=2", "")
	if got := part(t, json.RawMessage(c.must("GET", dry+"?result=same&limit=1", "")), "results"); got != "[]" {
		t.Errorf("the results are %s", got)
	}
	if got := c.do("POST", dry+"/undo", ""); got.status != 409 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// TestActionsThatAreRefused sends what no action can be.
func TestActionsThatAreRefused(t *testing.T) {
	c := newClient(t)
	c.testOften()
	for body, pointer := range map[string]string{
		`{}`:                           "/action",
		`{"action":{}}`:                "/action",
		`{"action":{"operations":[]}}`: "/action",
		`{"action":{"jobIds":[1],"filter":{},"operations":[{"kind":"enable"}]}}`:                                                           "/action",
		`{"action":{"confirms":1,"operations":[{"kind":"enable"}]}}`:                                                                       "/action",
		`{"action":{"confirms":1,"filter":{}}}`:                                                                                            "/action",
		`{"action":{"confirms":1}}`:                                                                                                        "/action/confirms",
		`{"action":{"jobIds":[1]}}`:                                                                                                        "/action/operations",
		`{"action":{"jobIds":[0],"operations":[{"kind":"enable"}]}}`:                                                                       "/action/jobIds/0",
		`{"action":{"jobIds":"x","operations":[{"kind":"enable"}]}}`:                                                                       "/action/jobIds",
		`{"action":{"filter":{"state":["x"]},"operations":[{"kind":"enable"}]}}`:                                                           "/action/filter/state/0",
		`{"action":{"jobIds":[1],"operations":[{}]}}`:                                                                                      "/action/operations/0/kind",
		`{"action":{"jobIds":[1],"operations":[{"kind":"x"}]}}`:                                                                            "/action/operations/0/kind",
		`{"action":{"jobIds":[1],"operations":[{"kind":"patch"}]}}`:                                                                        "/action/operations/0/job",
		`{"action":{"jobIds":[1],"operations":[{"kind":"patch","job":{"enabled":"x"}}]}}`:                                                  "/action/operations/0/job/enabled",
		`{"action":{"jobIds":[1],"operations":[{"kind":"patch","job":{"url":"ftp://x"}}]}}`:                                                "/action/operations/0/job/url",
		`{"action":{"jobIds":[1],"operations":[{"kind":"replace","in":"url","find":"(","pattern":true}]}}`:                                 "/action/operations/0/find",
		`{"action":{"jobIds":[1],"operations":[{"kind":"replace","find":"x"}]}}`:                                                           "/action/operations/0/in",
		`{"action":{"jobIds":[1],"operations":[{"kind":"enable"},{"kind":"shift"}]}}`:                                                      "/action/operations/1/minutes",
		`{"action":{"jobIds":[1],"operations":[{"kind":"timezone","timezone":"UTC"}]}}`:                                                    "/action/operations/0/keep",
		`{"action":{"jobIds":[1],"operations":[{"kind":"addTags"}]}}`:                                                                      "/action/operations/0/tags",
		`{"action":{"jobIds":[1],"operations":[{"kind":"move","folderId":9}]}}`:                                                            "/action/operations",
		`{"action":{"jobIds":[1],"operations":[{"kind":"setHeader","name":"a b","value":"c"}]}}`:                                           "/action/operations/0/name",
		`{"action":{"jobIds":[1],"operations":[{"kind":"enable"},{"kind":"delete"}]}}`:                                                     "/action/operations/1",
		`{"action":{"jobIds":[1],"operations":[` + strings.Repeat(`{"kind":"enable"},`, 30) + `{"kind":"enable"}]}}`:                       "/action/operations",
		`{"action":{"jobIds":[1],"operations":[{"kind":"replace","in":"body","find":"a","replace":"` + strings.Repeat("x", 9000) + `"}]}}`: "/action/operations/0/replace",
	} {
		got := c.do("POST", "/actions", body)
		var p problem
		decode(t, got.body, &p)
		if got.status != 400 || len(p.Errors) == 0 || p.Errors[0].Pointer != pointer {
			t.Errorf("%s: status %d: %s", body, got.status, got.body)
		}
	}
	if got := c.do("GET", "/actions/1", ""); got.status != 404 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	for _, path := range []string{"/actions/1/undo", "/actions/1/cancel"} {
		if got := c.do("POST", path, ""); got.status != 404 {
			t.Errorf("status %d: %s", got.status, got.body)
		}
	}
}

// TestCancelledAction cancels an action of which half of the jobs have their results.
func TestCancelledAction(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	node, err := s.store.StartNode(t.Context(), cron.Node{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	worker := newService(s.store, cron.DefaultPlans())
	step := func() (more bool) {
		t.Helper()
		if more, err = worker.WorkActions(t.Context(), node); err != nil {
			t.Fatal(err)
		}
		return more
	}
	for range 150 {
		c.create(`{"url":"a.example"}`)
	}
	c.do("POST", "/actions", `{"action":{"filter":{},"operations":[{"kind":"addTags","tags":["x"]}]}}`)
	step()        // selects
	step()        // the first chunk of 100
	for range 2 { // a client that did not get the answer asks again
		if got := c.do("POST", "/actions/1/cancel", ""); got.status != 202 || strings.TrimSpace(got.body) != `{"actionId":1}` {
			t.Fatalf("status %d: %s", got.status, got.body)
		}
	}
	shown := func(query, name string) string {
		t.Helper()
		return part(t, json.RawMessage(c.must("GET", "/actions/1?limit=1"+query, "")), name)
	}
	if got := shown("", "action.state"); got != `"cancelling"` {
		t.Errorf("the state is %s", got)
	}
	if got := shown("&result=notReached", "results"); got != "[]" {
		t.Errorf("results of an action under way are %s", got)
	}
	if got := c.do("POST", "/actions/1/undo", ""); got.status != 409 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	for step() {
	}
	if got := shown("", "action.state"); got != `"cancelled"` {
		t.Errorf("the state is %s", got)
	}
	if got := shown("", "action.counts"); got != `{"total":150,"changed":100,"same":0,"invalid":0,"skipped":0,"missing":0,"failed":0,"notReached":50}` {
		t.Errorf("the counts are %s", got)
	}
	if got := shown("&result=notReached", "results"); !strings.Contains(got, `"jobId":101,`) || !strings.Contains(got, `"result":"notReached"`) {
		t.Errorf("the results are %s", got)
	}
	if got := c.do("POST", "/actions/1/cancel", ""); got.status != 202 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got := c.do("POST", "/actions/1/undo", ""); got.status != 202 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	for step() {
	}
	if got := part(t, json.RawMessage(c.must("GET", "/actions/2?limit=1", "")), "action.counts.changed"); got != "100" {
		t.Errorf("taken back are %s", got)
	}
	if got := c.do("POST", "/actions/2/cancel", ""); got.status != 409 || !strings.Contains(got.body, "has ended already") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}
