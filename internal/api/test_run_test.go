package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// testOften lets the account start test runs as often as it wants.
func (c *client) testOften() {
	c.t.Helper()
	c.account.Overrides = cron.Overrides{"testRunIntervalSeconds": 0}
	c.changeAccount(func(a *cron.Account) { a.Overrides = c.account.Overrides })
}

// test starts a test run and returns it as JSON.
func (c *client) test(body string) (testRun string) {
	c.t.Helper()
	got := c.do("POST", "/testruns", body)
	if got.status != 202 {
		c.t.Fatalf("POST /testruns %s: %d %s", body, got.status, got.body)
	}
	testRun = part(c.t, json.RawMessage(got.body), "testRun")
	if want := textOf(c.t, testRun, "path"); got.header.Get("Location") != want {
		c.t.Errorf("the location is %q, the path %q", got.header.Get("Location"), want)
	}
	return testRun
}

// textOf is a text in a JSON object.
func textOf(t testing.TB, object, name string) (text string) {
	t.Helper()
	decode(t, part(t, json.RawMessage(object), name), &text)
	return text
}

// state is what a test run is at: its state and phase.
func (c *client) state(path string) string {
	c.t.Helper()
	got := json.RawMessage(c.must("GET", path, ""))
	return part(c.t, got, "testRun.state") + part(c.t, got, "testRun.phase")
}

// claimTest claims the test run that waits.
func (s *server) claimTest(t testing.TB) cron.TestLaunch {
	t.Helper()
	node, err := s.store.StartNode(t.Context(), cron.Node{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := s.store.WaitingTestRuns(t.Context(), 0, nil, 10)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%d test runs wait, %v", len(waiting), err)
	}
	l, ok, err := s.store.ClaimTestRun(t.Context(), node, waiting[0], func(*cron.Job) bool { return true })
	if err != nil || !ok {
		t.Fatalf("%t, %v", ok, err)
	}
	return l
}

// progress writes how far a test run has come; with a result, it is finished.
func (s *server) progress(t testing.TB, l *cron.TestLaunch, trace cron.Trace, result *cron.Result) {
	t.Helper()
	p := cron.TestProgress{Node: l.Node, ID: l.ID, AccountID: l.Job.AccountID, Trace: trace, Result: result}
	var err error
	if result == nil {
		_, _, err = s.store.AdvanceTestRun(t.Context(), &p)
	} else {
		p.Diagnosis = cron.Diagnose(result, l.Job, l.Plan)
		err = s.store.FinishTestRun(t.Context(), &p)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// redirected is what was seen of an exchange that followed a redirect to a server that did not answer in time, after it had
// answered with an interim response.
var redirected = cron.Trace{
	Phase: cron.PhaseReceiving,
	Hops: []cron.Hop{{
		URL: "http://a.example/", Addresses: []string{"192.0.2.1"}, Peer: "192.0.2.1:80",
		Dials:   []cron.Dial{{Address: "192.0.2.1:80", Began: time.Millisecond, Took: 2 * time.Millisecond, Chosen: true}},
		Stats:   cron.Stats{NameLookup: time.Millisecond, Connect: 3 * time.Millisecond, PreTransfer: 3 * time.Millisecond, StartTransfer: 4 * time.Millisecond},
		Request: []byte("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), RequestBytes: 35,
		Response: []byte("HTTP/1.1 302 \xff\r\nLocation: https://b.example/\r\nX: \xfe\r\n\r\n"), ResponseBytes: 5000, ResponseCut: true,
	}, {
		URL: "https://b.example/", Began: 5 * time.Millisecond, Addresses: []string{"2001:db8::1", "192.0.2.2"}, Peer: "192.0.2.2:443",
		Dials: []cron.Dial{
			{Address: "[2001:db8::1]:443", Began: 6 * time.Millisecond, Took: time.Millisecond, Fault: cron.FaultUnreachable},
			{Address: "192.0.2.2:443", Began: 7 * time.Millisecond, Took: time.Millisecond, Chosen: true},
			{Began: 7 * time.Millisecond, Took: time.Millisecond, Fault: cron.FaultNotGlobal},
		},
		TLS: &cron.Handshake{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Omitted: 2, Chain: []cron.Certificate{{
			Subject: "CN=b.example", Names: []string{"b.example"}, Issuer: "CN=root", Omitted: 1,
			NotBefore: time.Unix(900_000_000, 0), NotAfter: time.Unix(1_000_000_000, 0), Fingerprint: [32]byte{0xab},
		}}},
		Stats: cron.Stats{NameLookup: 6 * time.Millisecond, Connect: 8 * time.Millisecond, AppConnect: 9 * time.Millisecond,
			PreTransfer: 9 * time.Millisecond, StartTransfer: 10 * time.Millisecond},
		Request: []byte("GET / HTTP/1.1\r\n"), RequestBytes: 35, RequestCut: true,
		Response: []byte("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), ResponseBytes: 78,
	}},
	Checks: []cron.Check{{Kind: cron.CheckStatus, Want: "200-299", Got: "200", Verdict: cron.VerdictPassed},
		{Kind: cron.CheckContains, Want: "x"}, {Kind: cron.CheckMatches, Want: "y", Verdict: cron.VerdictFailed}},
}

// TestTestRun follows a test run from its start to its end.
func TestTestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // from 2000-01-01T00:00:00Z on
		c := newClient(t)
		path := c.create(`{"url":"http://a.example","title":"stored","requestTimeout":10}`)
		before := c.must("GET", path, "")
		goldenTest(t, "waiting", c.test(`{"jobId":"1","job":{"title":"changed","followRedirects":3}}`))
		time.Sleep(2500 * time.Millisecond)
		l := c.server.claimTest(t)
		if l.Job.ID != 1 || l.Job.Title != "changed" || l.Job.Timeout != 10 || l.Job.Exchange.FollowRedirects != 3 || l.Job.Request.URL != "http://a.example" {
			t.Errorf("tested is %+v", l.Job)
		}
		if got := c.state("/testruns/1"); got != `"running""preparing"` {
			t.Errorf("started, it is %s", got)
		}
		c.server.progress(t, &l, cron.Trace{Phase: cron.PhaseWaiting, Hops: redirected.Hops[:1]}, nil)
		goldenTest(t, "running", part(t, json.RawMessage(c.must("GET", "/testruns/1", "")), "testRun"))
		c.server.progress(t, &l, redirected, &cron.Result{
			Status: cron.StatusTimeout, HTTPStatus: 200, Reason: "OK", Fault: cron.FaultTimeout, Detail: "10s", URL: "http://a.example/",
			Peer: "192.0.2.2", Started: time.Now(), Duration: 10 * time.Second, Stats: redirected.Hops[1].Stats,
			CertExpiry: time.Unix(1_000_000_000, 0), Redirects: []cron.Redirect{{Status: 302, URL: "https://b.example/"}},
		})
		goldenTest(t, "finished", part(t, json.RawMessage(c.must("GET", "/testruns/1", "")), "testRun"))
		c.must("DELETE", "/testruns/1", "")
		goldenTest(t, "finished", part(t, json.RawMessage(c.must("GET", "/testruns/1", "")), "testRun"))
		if after := c.must("GET", path, ""); after != before {
			t.Errorf("the job was %s, is %s", before, after)
		}
		if history := c.must("GET", "/history", ""); strings.Contains(history, "a.example") {
			t.Errorf("the history has %s", history)
		}
		time.Sleep(15 * time.Minute)
		for _, call := range []string{"GET /testruns/1", "GET /testruns/1/events", "DELETE /testruns/1"} {
			method, path, _ := strings.Cut(call, " ")
			if got := c.do(method, path, ""); got.status != 404 || !strings.Contains(got.body, "15 minutes") {
				t.Errorf("%s, later: %d %s", call, got.status, got.body)
			}
		}
	})
}

// goldenTest compares a test run with a golden file.
func goldenTest(t *testing.T, name, testRun string) {
	t.Helper()
	golden(t, "testrun/"+name, 200, response{200, map[string][]string{"Content-Type": {"application/json"}}, testRun})
}

// TestTestRunsThatAreEnded ends one that waits, one that runs, and one whose node dies.
func TestTestRunsThatAreEnded(t *testing.T) {
	c := newClient(t)
	c.testOften()
	explains := func(path, state, sentence string) {
		t.Helper()
		got := json.RawMessage(c.must("GET", path, ""))
		run := part(t, got, "testRun")
		if c.state(path) != state || !strings.HasPrefix(textOf(t, run, "sentence"), sentence) ||
			textOf(t, run, "statusText") != textOf(t, run, "sentence") || part(t, got, "testRun.status") != "8" {
			t.Errorf("%s is %s", path, got)
		}
	}
	const job = `{"job":{"url":"a.example"}}`
	waits := textOf(t, c.test(job), "path")
	c.must("DELETE", waits, "")
	explains(waits, `"finished"""`, "The test run was ended before ")

	runs := textOf(t, c.test(job), "path")
	l := c.server.claimTest(t)
	c.must("DELETE", runs, "")
	if got := c.must("GET", runs, ""); part(t, json.RawMessage(got), "testRun.ended") != "true" || c.state(runs) != `"running""preparing"` {
		t.Errorf("ended, it is %s", got)
	}
	c.server.progress(t, &l, cron.Trace{Phase: cron.PhaseConnecting, Hops: redirected.Hops[:1]}, new(cron.Lost()))
	explains(runs, `"finished""connecting"`, "The test run was ended before ")
	if got := c.must("GET", runs, ""); !strings.Contains(got, `"ipAddress":"192.0.2.1"`) {
		t.Errorf("what was seen is lost: %s", got)
	}

	dies := textOf(t, c.test(job), "path")
	l = c.server.claimTest(t)
	c.server.progress(t, &l, cron.Trace{Phase: cron.PhaseWaiting, Hops: redirected.Hops[:1]}, nil)
	heir, err := c.server.store.StartNode(t.Context(), cron.Node{Name: "heir"})
	if err == nil {
		_, err = c.server.store.SettleDead(t.Context(), heir)
	}
	if err != nil {
		t.Fatal(err)
	}
	explains(dies, `"finished""waiting"`, "The test run was started, but the service stopped before ")
}

// TestTestRunsThatCannotBe has a row for each way to ask for what cannot be tested.
func TestTestRunsThatCannotBe(t *testing.T) {
	c := newClient(t)
	c.testOften()
	c.create(`{"url":"a.example"}`)
	for _, tt := range []struct {
		body     string
		status   int
		pointers []string
	}{
		{`{}`, 400, []string{"/job/url"}},
		{`{"job":{}}`, 400, []string{"/job/url"}},
		{`{"job":null,"jobId":null}`, 400, []string{"/job/url"}},
		{`{"job":{"jobId":1}}`, 400, []string{"/job/url"}}, // the one that is read only
		{`{"job":[]}`, 400, []string{"/job"}},
		{`{"job":7,"jobId":1}`, 400, []string{"/job"}},
		{`[]`, 400, nil},
		{`{"job":{"url":"ftp://x","requestTimeout":"x"}}`, 400, []string{"/job/requestTimeout", "/job/url"}},
		{`{"job":{"url":"http://169.254.169.254/"}}`, 400, []string{"/job/url"}},
		{`{"jobId":1,"job":{"schedule":{"hours":[24]}}}`, 400, []string{"/job/schedule/hours/0"}},
		{`{"jobId":0,"job":{"url":"a.example"}}`, 400, []string{"/jobId"}},
		{`{"jobId":-1}`, 400, []string{"/jobId"}},
		{`{"jobId":1.5,"job":{"url":"ftp://x"}}`, 400, []string{"/job/url", "/jobId"}},
		{`{"jobId":[1]}`, 400, []string{"/jobId"}},
		{`{"jobId":9223372036854775808}`, 400, []string{"/jobId"}},
		{`{"jobId":9223372036854775807}`, 404, nil},
		{`{"jobId":2}`, 404, nil},
		{`{"jobId":2,"job":{"url":"ftp://x"}}`, 400, []string{"/job/url"}},
	} {
		got := c.do("POST", "/testruns", tt.body)
		var found []string
		if got.status == 400 {
			found = pointers(t, got)
			slices.Sort(found)
		}
		if got.status != tt.status || !slices.Equal(found, tt.pointers) {
			t.Errorf("%s: %d %s", tt.body, got.status, got.body)
		}
	}
	for _, id := range []string{"0", "1", "-1", "x", "9223372036854775808", "1/x"} {
		for _, call := range []string{"GET %s", "GET %s/events", "DELETE %s"} {
			method, path, _ := strings.Cut(fmt.Sprintf(call, "/testruns/"+id), " ")
			if got := c.do(method, path, ""); got.status != 404 {
				t.Errorf("%s %s: %d %s", method, path, got.status, got.body)
			}
		}
	}
	tables := storetest.OpenTables(t, c.server.database)
	if n := tables.Rows("test_run"); n != 0 {
		t.Errorf("%d were started", n)
	}
}

// TestLimitsOfTestRuns exceeds each limit. A call that is refused uses up nothing of the day.
func TestLimitsOfTestRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // from 2000-01-01T00:00:00Z on
		s := newServer(t)
		c := s.newClient(t, "a@example.com", cron.PlanDefault)
		const job = `{"job":{"url":"a.example"}}`
		refused := func(body, sentence, wait string) {
			t.Helper()
			got := c.do("POST", "/testruns", body)
			if got.status != 429 || !strings.Contains(got.body, sentence) || got.header.Get("Retry-After") != wait {
				t.Errorf("%d %v %s", got.status, got.header, got.body)
			}
		}
		c.test(job)
		refused(job, "one test run every 2 s", "2")
		refused(`{"job":`, "one test run every 2 s", "2") // before the body
		time.Sleep(2 * time.Second)
		if got := c.do("POST", "/testruns", `{}`); got.status != 400 {
			t.Errorf("an invalid one: %d %s", got.status, got.body)
		}
		refused(job, "one test run every 2 s", "2") // an invalid one counts here

		c.changeAccount(func(a *cron.Account) { a.Overrides = cron.Overrides{"testRunsPerDay": 2, "dailyRequests": 0} })
		for range 3 { // invalid ones do not count for the day
			time.Sleep(2 * time.Second)
			if got := c.do("POST", "/testruns", `{}`); got.status != 400 {
				t.Errorf("an invalid one: %d %s", got.status, got.body)
			}
		}
		time.Sleep(2 * time.Second)
		c.test(job)
		time.Sleep(2 * time.Second)
		refused(`{`, "used up its 2 test runs of the day", "86388")
		time.Sleep(2 * time.Second)
		refused(job, "used up its 2 test runs of the day", "86386")
		time.Sleep(24*time.Hour - 14*time.Second)
		c.test(job)

		c.changeAccount(func(a *cron.Account) { a.Overrides = cron.Overrides{"testRunsPerDay": 0, "testRunIntervalSeconds": 0} })
		time.Sleep(time.Second)
		for range cron.MaxOpenTestRuns - 1 {
			c.test(job)
		}
		time.Sleep(time.Second)
		refused(job, "5 test runs of this account have not finished", "60")
	})
}

// TestAskingForATestRunIsNoRequestOfTheDay asks again and again with a key that has used up its requests.
func TestAskingForATestRunIsNoRequestOfTheDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newServer(t).newClient(t, "a@example.com", cron.PlanDefault)
		c.changeAccount(func(a *cron.Account) { a.Overrides = cron.Overrides{"dailyRequests": 1} })
		path := textOf(t, c.test(`{"job":{"url":"a.example"}}`), "path")
		for range 4 {
			c.must("GET", path, "")
			if status, _ := c.follow(path+"/events", time.Second, nil); status != 200 {
				t.Errorf("a stream: %d", status)
			}
		}
		for _, call := range []string{"POST /testruns", "DELETE " + path, "GET /jobs"} {
			time.Sleep(2 * time.Second)
			method, path, _ := strings.Cut(call, " ")
			if got := c.do(method, path, ""); got.status != 429 || !strings.Contains(got.body, "requests of the day") {
				t.Errorf("%s: %d %s", call, got.status, got.body)
			}
		}
	})
}

// TestViewersSeeNoTestRuns asks as everybody of the account. What a test run shows is not for viewers.
func TestViewersSeeNoTestRuns(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	path := textOf(t, c.test(`{"job":{"url":"http://u:s3cret@a.example/"}}`), "path")
	c.must("DELETE", path, "")
	for name, tt := range map[string]struct {
		who         *client
		get, change int
	}{
		"viewer":     {c.signIn("viewer@example.com", cron.RoleViewer), 403, 403},
		"editor":     {c.signIn("editor@example.com", cron.RoleEditor), 200, 200},
		"viewer key": {c.withKey(cron.APIKey{Role: cron.RoleViewer}), 403, 403},
		"reader":     {c.withKey(cron.APIKey{Scopes: cron.ScopeRead}), 200, 403},
		"writer":     {c.withKey(cron.APIKey{Scopes: cron.ScopeWrite}), 403, 200},
	} {
		for call, want := range map[string]int{"GET " + path: tt.get, "GET " + path + "/events": tt.get, "DELETE " + path: tt.change} {
			method, path, _ := strings.Cut(call, " ")
			if got := tt.who.do(method, path, ""); got.status != want {
				t.Errorf("%s as %s: %d %s", call, name, got.status, got.body)
			}
		}
	}
}
