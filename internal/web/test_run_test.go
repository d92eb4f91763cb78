package web_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// claimTest lets a node begin the test run that waits.
func (c *console) claimTest(t testing.TB) cron.TestLaunch {
	t.Helper()
	node, err := c.store.StartNode(t.Context(), cron.Node{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := c.store.WaitingTestRuns(t.Context(), 0, nil, 10)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%d test runs wait, %v", len(waiting), err)
	}
	l, ok, err := c.store.ClaimTestRun(t.Context(), node, waiting[0], func(*cron.Job) bool { return true })
	if err != nil || !ok {
		t.Fatalf("%t, %v", ok, err)
	}
	return l
}

// advanceTest writes how far a test run has come; with a result, it is finished.
func (c *console) advanceTest(t testing.TB, l *cron.TestLaunch, trace cron.Trace, result *cron.Result) {
	t.Helper()
	p := cron.TestProgress{Node: l.Node, ID: l.ID, AccountID: l.Job.AccountID, Trace: trace, Result: result}
	var err error
	if result == nil {
		_, _, err = c.store.AdvanceTestRun(t.Context(), &p)
	} else {
		p.Diagnosis = cron.Diagnose(result, l.Job, l.Plan)
		err = c.store.FinishTestRun(t.Context(), &p)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// testOften lets the account start test runs as often as it wants.
func (c *console) testOften(t testing.TB) {
	t.Helper()
	change := service.AccountChange{Overrides: cron.Overrides{"testRunIntervalSeconds": 0, "testRunsPerDay": 0}}
	if err := c.service.ChangeAccount(t.Context(), command(), c.account(t).Email, change); err != nil {
		t.Fatal(err)
	}
}

// tracedHop is a request over TLS with an answer.
func tracedHop(url, answer string) cron.Hop {
	return cron.Hop{
		URL: url, Addresses: []string{"192.0.2.2"}, Peer: "192.0.2.2:443",
		Dials: []cron.Dial{{Address: "[2001:db8::1]:443", Took: time.Millisecond, Fault: cron.FaultUnreachable}, {Address: "192.0.2.2:443", Took: 2 * time.Millisecond, Chosen: true}},
		TLS: &cron.Handshake{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Chain: []cron.Certificate{{Subject: "CN=b.example", Names: []string{"b.example"},
			Issuer: "CN=root", NotBefore: time.Unix(900_000_000, 0), NotAfter: time.Now().Add(24 * time.Hour), Fingerprint: [32]byte{0xab}}}},
		Stats: cron.Stats{NameLookup: time.Millisecond, Connect: 3 * time.Millisecond, AppConnect: 5 * time.Millisecond, PreTransfer: 5 * time.Millisecond,
			StartTransfer: 9 * time.Millisecond, Total: 10 * time.Millisecond},
		Request: []byte("GET / HTTP/1.1\r\nHost: b.example\r\nAuthorization: xxxxx\r\n\r\n"), RequestBytes: 60,
		Response: []byte(answer), ResponseBytes: int64(len(answer)),
	}
}

func TestTestRunOfAStoredJob(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.testOften(t)
	id := c.newJob(t, called("one", "http://a.example/old")).ID
	b.get("/console/jobs/1").says(200, `action="/console/tests"><input type="hidden" name="job" value="1"><button`)
	b.get("/console/jobs/1/settings").says(200, `formaction="/console/tests"`).hides(` action="/console/tests"`) // where its form is tested
	b.post("/console/tests", "job", fmt.Sprint(id)).leads("/console/tests/1")
	b.get("/console/tests/1").says(200, "Waiting", `data-follow="/console/tests/1/events"`, `hx-trigger="followed from:closest [data-follow]"`, "End the test", "Look again", "/console/jobs/1")
	l := c.claimTest(t)
	hop := tracedHop("http://a.example/old", "HTTP/1.1 301 Moved Permanently\r\nLocation: https://a.example/new\r\n\r\n")
	c.advanceTest(t, &l, cron.Trace{Phase: cron.PhaseWaiting, Hops: []cron.Hop{hop}}, nil)
	b.get("/console/tests/1").says(200, "Running", `aria-current="step"`, "192.0.2.2:443", "CN=b.example", "Ends within 14 days", "Authorization: xxxxx", "TLS 1.3")
	trace := cron.Trace{Phase: cron.PhaseDone, Hops: []cron.Hop{hop}, Checks: []cron.Check{
		{Kind: cron.CheckStatus, Want: "200-299", Got: "301", Verdict: cron.VerdictFailed}, {Kind: cron.CheckContains, Want: "<ok>"},
		{Kind: cron.CheckMatches, Want: "y", Verdict: cron.VerdictPassed}}}
	c.advanceTest(t, &l, trace, &cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 301, Fault: cron.FaultStatus, Detail: "https://a.example/new",
		URL: "http://a.example/old", Peer: "192.0.2.2", Started: time.Now(), Duration: 10 * time.Millisecond, Stats: hop.Stats,
		Headers: []byte("Location: https://a.example/new\r\n\r\n")})
	b.get("/console/tests/1").says(200, "Failed", "https://a.example/new", "Update the URL", "/console/jobs/1/settings?mend=url&amp;to=https%3A%2F%2Fa.example%2Fnew",
		`data-mend="url" data-to="https://a.example/new"`, "Not met", "Not checked", "Met", "&lt;ok&gt;", "301 Moved Permanently", "waterfall").
		hides("data-follow", `hx-trigger="followed`, "End the test")
	if page := b.get("/console/jobs/1"); page.status != 200 {
		t.Errorf("the page of the job: %d", page.status)
	}
	b.post("/console/tests/1/end").leads("/console/tests/1")
}

func TestTestRunOfTheEditor(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.testOften(t)
	f := formOf(t, b.get("/console/jobs/new").says(200).body)
	b.sendForm("/console/tests", f, "url", "https//a b", "do", "test").says(422, `id="url-error"`)
	b.sendForm("/console/tests", f, "url", "https://unsaved.example/", "timeout", "7", "do", "test").leads("/console/tests/1")
	if l := c.claimTest(t); l.Job.Request.URL != "https://unsaved.example/" || l.Job.Timeout != 7 {
		t.Errorf("tested is %+v", l.Job)
	}
	id := c.newJob(t, called("stored", "https://stored.example/")).ID
	f = formOf(t, b.get(settingsOf(id)).says(200).body)
	b.sendForm("/console/tests", f, "url", "https://changed.example/", "do", "test").leads("/console/tests/2")
	if l := c.claimTest(t); l.Job.Request.URL != "https://changed.example/" || l.Job.Title != "stored" || len(l.Job.Request.Headers) != 1 {
		t.Errorf("tested is %+v", l.Job)
	}
	if got := c.url(t, id); got != "https://stored.example/" {
		t.Errorf("the job has the URL %s", got)
	}
	b.post("/console/tests/2/end").leads("/console/tests/2")
	b.get("/console/tests/2").says(200, "Ending", "disabled")
}

// TestTestRunLimits starts more test runs than the plan has, and does as viewers and other accounts do.
func TestTestRunLimits(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.newJob(t, called("one", "https://a.example/"))
	change := service.AccountChange{Overrides: cron.Overrides{"testRunIntervalSeconds": 0, "testRunsPerDay": 1}}
	if err := c.service.ChangeAccount(t.Context(), command(), c.account(t).Email, change); err != nil {
		t.Fatal(err)
	}
	b.post("/console/tests").says(404)
	b.post("/console/tests", "job", "4711").says(404)
	b.post("/console/tests", "job", "1").leads("/console/tests/1")
	b.post("/console/tests", "job", "1").says(429, "used up its", "Run now")
	change.Overrides = cron.Overrides{"testRunIntervalSeconds": 3600, "testRunsPerDay": 0}
	if err := c.service.ChangeAccount(t.Context(), command(), c.account(t).Email, change); err != nil {
		t.Fatal(err)
	}
	b.post("/console/tests", "job", "1").leads("/console/tests/2")
	b.post("/console/tests", "job", "1").says(429, "one test run every", "Run now")

	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.post("/console/tests", "job", "1").says(403)
	for _, path := range []string{"/console/tests/1", "/console/tests/1/events"} {
		viewer.get(path).says(403)
	}
	viewer.post("/console/tests/1/end").says(403)

	other := cron.Account{Email: "other@example.com", Plan: cron.PlanDefault}
	if err := c.store.CreateAccount(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	theirs := cron.OperatorOf(other)
	run, err := c.service.NewTestRun(t.Context(), theirs, 0, &cron.JobPatch{Fields: []string{"/url"}, Values: cron.Job{Request: cron.Request{URL: "https://x.example/"}}})
	if err == nil {
		err = c.service.StartTestRun(t.Context(), theirs, &run)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprint("/console/tests/", run.ID)
	b.get(path).says(404)
	b.get(path + "/events").says(404)
	b.post(path + "/end").says(404)
}

// TestHostileTestRun shows what a hostile target sends, and as much of it as there can be.
func TestHostileTestRun(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.testOften(t)
	c.newJob(t, called("one", "https://a.example/"))
	b.post("/console/tests", "job", "1").leads("/console/tests/1")
	l := c.claimTest(t)
	worst := strings.Repeat(`<script>"'&`, 2000)
	var hops []cron.Hop
	for range 11 {
		hop := tracedHop("https://a.example/"+worst[:4000], "HTTP/1.1 200 \xff\x00\r\nX: "+worst)
		hop.Request, hop.Addresses, hop.Peer = []byte(worst), []string{worst[:200]}, worst[:200]
		hop.TLS.Chain[0].Subject, hop.TLS.Chain[0].Names = worst[:2000], []string{worst[:2000], worst[:2000]}
		hops = append(hops, hop)
	}
	trace := cron.Trace{Phase: cron.PhaseReceiving, Hops: hops, Checks: []cron.Check{{Kind: cron.CheckContains, Want: worst[:1024], Verdict: cron.VerdictFailed}}}
	c.advanceTest(t, &l, trace, &cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500, Reason: worst[:500], Fault: cron.FaultBodyLacks, Detail: worst[:1024],
		URL: "https://a.example/", Started: time.Now(), Duration: time.Second})
	a := b.get("/console/tests/1").says(200, "Failed", "This is only the start").hides("<script>\"")
	if len(a.body) > 120<<10 {
		t.Errorf("the page has %d bytes", len(a.body))
	}
}

// TestFollowTestRun streams the changes of a test run until it is finished, and until the session is over.
func TestFollowTestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConsole(t)
		b := c.setUp(t)
		c.testOften(t)
		c.newJob(t, called("one", "https://a.example/"))
		follow := func(path string, meanwhile func()) (told string, took time.Duration) {
			r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			for name, value := range b.cookies {
				r.Header.Add("Cookie", name+"="+value)
			}
			w, start := httptest.NewRecorder(), time.Now()
			var streaming sync.WaitGroup
			streaming.Go(func() { c.ServeHTTP(w, r); took = time.Since(start) })
			time.Sleep(time.Millisecond)
			meanwhile()
			streaming.Wait()
			return w.Body.String(), took
		}
		b.post("/console/tests", "job", "1").leads("/console/tests/1")
		told, took := follow("/console/tests/1/events", func() {
			l := c.claimTest(t)
			time.Sleep(300 * time.Millisecond)
			c.advanceTest(t, &l, cron.Trace{Phase: cron.PhaseConnecting}, nil)
			time.Sleep(300 * time.Millisecond)
			c.advanceTest(t, &l, cron.Trace{Phase: cron.PhaseDone}, &cron.Result{Status: cron.StatusOK, HTTPStatus: 204, Started: time.Now()})
		})
		for _, want := range []string{`{"state":"waiting"}`, `{"state":"running","phase":"preparing"}`, `{"state":"running","phase":"connecting"}`, `{"state":"finished","phase":"done"}`} {
			if strings.Count(told, want) != 1 {
				t.Errorf("%s is not once in %s", want, told)
			}
		}
		if took > 2*time.Second {
			t.Errorf("the stream ended after %v", took)
		}
		b.get("/console/tests/1").says(200, "Succeeded", "204 No Content")
		b.post("/console/tests", "job", "1").leads("/console/tests/2")
		if told, took := follow("/console/tests/2/events", func() { b.post("/console/sign-out") }); took != 15*time.Second || !strings.Contains(told, "waiting") {
			t.Errorf("after the sign-out, the stream ended after %v: %s", took, told)
		}
	})
}
