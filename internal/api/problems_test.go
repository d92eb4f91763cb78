package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// problems reads a list of problems as a client would.
func (c *client) problems(query string) (list []struct {
	ProblemID                              int64
	State, Kind, Cause, Sentence, Note, By string
	Runs, Jobs                             int
	JobIDs                                 []int64
}) {
	c.t.Helper()
	answer := c.must("GET", "/problems"+query, "")
	if err := json.Unmarshal([]byte(part(c.t, json.RawMessage(answer), "problems")), &list); err != nil {
		c.t.Fatal(err)
	}
	return list
}

// TestProblems has three jobs fail for one host: the problem says why in the words of the history, changes by what people do,
// and ends with the successes.
func TestProblems(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	tables := storetest.NewTables(t, s.raw(t))
	for i := range 3 {
		c.create(fmt.Sprintf(`{"url":"http://down.example/%d","title":"job %d","enabled":true,%s}`, i, i, everyMinute))
	}
	perform := func(r cron.Result) {
		t.Helper()
		node, err := s.store.StartNode(t.Context(), cron.Node{Name: "test"})
		if err != nil {
			t.Fatal(err)
		}
		tables.SetAllDue(s.store.Now())
		claimed, err := s.store.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
		if err != nil || len(claimed.Launches) != 3 {
			t.Fatalf("claimed %d: %v", len(claimed.Launches), err)
		}
		batch := make([]cron.Completion, len(claimed.Launches))
		for i, l := range claimed.Launches {
			batch[i] = cron.Completion{Launch: l, Result: r}
			batch[i].Result.Started, batch[i].Result.URL = s.store.Now(), l.Job.Request.URL
		}
		if err := s.store.Finish(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	perform(cron.Result{Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, Detail: "down.example"})
	list := c.problems("")
	if len(list) != 1 || list[0].Runs != 3 || list[0].Jobs != 3 || list[0].State != "open" || list[0].Kind != "failed" {
		t.Fatalf("the problems are %+v", list)
	}
	causes := c.must("GET", "/history?groupBy=cause", "")
	if sentence, _ := json.Marshal(list[0].Sentence); list[0].Sentence == "" || !strings.Contains(causes, string(sentence)) ||
		!strings.Contains(causes, list[0].Cause) {
		t.Errorf("the problem %+v differs from the history's causes %s", list[0], causes)
	}
	path := fmt.Sprint("/problems/", list[0].ProblemID)
	details := c.must("GET", path, "")
	for _, want := range []string{`"title":"job 2"`, `"edits":[{"jobId"`, `"version":1`} {
		if !strings.Contains(details, want) {
			t.Errorf("the problem has no %s: %s", want, details)
		}
	}
	for _, tt := range []struct {
		call, body string
		status     int
		state      string
	}{
		{"/acknowledge", `{"note":"known"}`, 200, "acknowledged"},
		{"/snooze", `{"until":9999999999}`, 400, "acknowledged"}, // too far ahead
		{"/snooze", `{"until":1}`, 400, "acknowledged"},
		{"/snooze", `{}`, 400, "acknowledged"},
		{"/snooze", fmt.Sprintf(`{"until":%d}`, s.store.Now().Unix()+1000), 200, "snoozed"},
		{"/note", `{}`, 400, "snoozed"},
		{"/note", `{"note":"` + strings.Repeat("x", cron.MaxProblemNote+1) + `"}`, 400, "snoozed"},
		{"/note", `{"note":"still known"}`, 200, "snoozed"},
		{"/resolve", `{}`, 200, "resolved"},
		{"/acknowledge", `{}`, 409, "resolved"},
	} {
		if got := c.do("POST", path+tt.call, tt.body); got.status != tt.status {
			t.Errorf("%s %s: %d %s", tt.call, tt.body, got.status, got.body)
		}
		if got := c.problems("?state=" + tt.state); len(got) != 1 {
			t.Errorf("after %s %s, no problem is %s", tt.call, tt.body, tt.state)
		}
	}
	if got := c.problems("")[0]; got.Note != "still known" || got.By == "" {
		t.Errorf("the problem is %+v", got)
	}
	perform(cron.Result{Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, Detail: "down.example"})
	if got := c.problems("?state=open,snoozed"); len(got) != 1 || got[0].Note != "" {
		t.Errorf("after a further failure the problems are %+v", got)
	}
	perform(cron.Result{Status: cron.StatusOK, HTTPStatus: 200})
	if got := c.problems("?state=resolved"); len(got) != 1 || got[0].By != "" {
		t.Errorf("after the successes the problems are %+v", got)
	}
	for _, query := range []string{"?state=odd", "?cursor=x", "?cursor=1-0", "?limit=0", "?limit=101"} {
		if got := c.do("GET", "/problems"+query, ""); got.status != 400 {
			t.Errorf("%s: %d", query, got.status)
		}
	}
	for call, want := range map[string]int{"GET /problems/999": 404, "POST /problems/999/resolve": 404} {
		method, target, _ := strings.Cut(call, " ")
		if got := c.do(method, target, map[string]string{"POST": `{}`}[method]); got.status != want {
			t.Errorf("%s: %d", call, got.status)
		}
	}
}
