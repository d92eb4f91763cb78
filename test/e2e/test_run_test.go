package e2e

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"punctual/internal/store/storetest"
	"punctual/test/harness"
)

// testRun is a test run as the API shows it.
type testRun struct {
	ID         int64  `json:"testRunId"`
	State      string `json:"state"`
	Phase      string `json:"phase"`
	Path       string `json:"path"`
	Ended      bool   `json:"ended"`
	StatusText string `json:"statusText"`
	HTTPStatus int    `json:"httpStatus"`
	Sentence   string `json:"sentence"`
	Request    *struct {
		Raw string `json:"raw"`
	} `json:"request"`
}

// startTestRun starts a test run, once the interval between two has passed.
func startTestRun(t *testing.T, api *harness.Client, body any) (run testRun) {
	t.Helper()
	await(t, "a test run may be started", func() bool {
		answer, err := api.Try("POST", "/testruns", body, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status == http.StatusTooManyRequests {
			return false
		}
		if answer.Status != http.StatusAccepted {
			t.Fatalf("a test run is answered with %d: %s", answer.Status, answer.Body)
		}
		run = decodeTestRun(t, answer)
		return true
	})
	return run
}

func decodeTestRun(t *testing.T, answer harness.Answer) testRun {
	t.Helper()
	var body struct {
		TestRun testRun `json:"testRun"`
	}
	if err := json.Unmarshal(answer.Body, &body); err != nil {
		t.Fatalf("%v in %s", err, answer.Body)
	}
	return body.TestRun
}

// awaitTestRun reads a test run until it is in a state.
func awaitTestRun(t *testing.T, api *harness.Client, path, state string) (run testRun) {
	t.Helper()
	await(t, "a test run is "+state, func() bool {
		answer, err := api.Try("GET", path, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status == http.StatusTooManyRequests {
			return false
		}
		if answer.Status != http.StatusOK {
			t.Fatalf("a test run is answered with %d: %s", answer.Status, answer.Body)
		}
		run = decodeTestRun(t, answer)
		return run.State == state
	})
	return run
}

// rawTarget keeps the requests that it gets, byte for byte, and answers 200.
type rawTarget struct {
	net.Listener
	mu       sync.Mutex
	requests []string
}

func newRawTarget(t *testing.T) *rawTarget {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &rawTarget{Listener: l}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { x.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return x
}

// serve reads one request and answers it.
func (x *rawTarget) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var raw bytes.Buffer
	r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
	if err == nil {
		_, err = io.ReadAll(r.Body)
	}
	if err != nil {
		return
	}
	x.mu.Lock()
	x.requests = append(x.requests, raw.String())
	x.mu.Unlock()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
}

func (x *rawTarget) received() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.requests)
}

// changing are the parts of a request that differ between an execution and a test run.
var changing = []struct {
	part *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b`), "UUID"},
	{regexp.MustCompile(`(?m)^(Punctual-Execution|X-Execution): (test-)?\d+`), "$1: ID"},
	{regexp.MustCompile(`(?m)^traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01`), "traceparent: TRACE"},
	{regexp.MustCompile(`\b1[78]\d{8}\b`), "TIME"}, // Unix time
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "ISO"},
	{regexp.MustCompile(`(?m)^webhook-signature: v1,[A-Za-z0-9+/]{43}=`), "webhook-signature: SIGNATURE"},
}

func steady(request string) string {
	for _, c := range changing {
		request = c.part.ReplaceAllString(request, c.with)
	}
	return request
}

// TestATestRunSendsWhatTheSchedulerSends lets a job with everything that a request can have run by the scheduler and as a
// test run, and compares the bytes that arrive.
func TestATestRunSendsWhatTheSchedulerSends(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		const signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G"
		target := newRawTarget(t)
		node := s.Start()
		api := s.Client(node)
		if answer := api.Do("POST", "/secrets", harness.Fields{"secret": harness.Fields{"name": "TOKEN", "value": "planted secret/ä"}}, nil); answer.Status != http.StatusOK {
			t.Fatalf("a secret is answered with %d: %s", answer.Status, answer.Body)
		}
		url := "http://" + target.Addr().String() + "/path/%cjo:uuid4%?t=%cjo:unixtime%&s=%secret:TOKEN%&j=%cjo:jobid%&n=%cjo:title%&p=%cjo:planned%"
		id := api.CreateJob(harness.Fields{
			"title": "a title & more", "url": url, "enabled": false, "requestMethod": 1,
			"auth": harness.Fields{"enable": true, "user": "robot", "password": "%secret:TOKEN%"},
			"extendedData": harness.Fields{
				"headers": harness.Fields{
					"X-Execution": "%cjo:executionid%", "X-Attempt": "%cjo:attempt%", "X-Secret": "%secret:TOKEN%", "X-Plain": "plain",
					"Content-Type": "text/plain",
				},
				"body": "%cjo:plannediso% %cjo:uuid4% %cjo:unknown% %secret:TOKEN% %cjo:title%\r\n" + strings.Repeat("long ", 5000),
			},
			"retry": harness.Fields{"count": 2}, "traceparent": true, "signingSecret": signing,
		})
		tables := func() (rows []int64) {
			for _, table := range []string{"execution", "response", "pending", "outbox", "rollup_open", "job_change"} {
				rows = append(rows, s.Tables().Rows(table))
			}
			return rows
		}
		before := tables()
		run := startTestRun(t, api, harness.Fields{"jobId": id})
		run = awaitTestRun(t, api, run.Path, "finished")
		if run.HTTPStatus != 200 || run.Request == nil {
			t.Fatalf("the test run is %+v", run)
		}
		if after := tables(); !slices.Equal(before, after) {
			t.Errorf("the tables had %v rows, and have %v", before, after)
		}
		if h := api.History(id); len(h.History) != 0 || api.Job(id).LastStatus != 0 {
			t.Errorf("the test run is in the history: %+v", h)
		}
		asked := askRun(t, api, "POST", fmt.Sprintf("/jobs/%d/run", id))
		if asked.Status != http.StatusAccepted {
			t.Fatalf("a run is answered with %d", asked.Status)
		}
		await(t, "the job has run", func() bool { return len(target.received()) == 2 })
		requests := target.received()
		tested, scheduled := steady(requests[0]), steady(requests[1])
		if tested != scheduled {
			t.Errorf("the test run sent\n%.1200s\nand the scheduler\n%.1200s", requests[0], requests[1])
		}
		for _, part := range []string{
			"POST /path/UUID?t=TIME&s=planted%20secret%2F%C3%A4&j=" + strconv.FormatInt(id, 10) + "&n=a%20title%20%26%20more&p=TIME HTTP/1.1\r\n",
			"\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("robot:planted secret/ä")) + "\r\n",
			"\r\nPunctual-Execution: ID\r\n", "\r\nX-Execution: ID\r\n", "\r\nX-Attempt: 1\r\n", "\r\nX-Secret: planted secret/ä\r\n",
			"\r\nIdempotency-Key: UUID\r\n", "\r\nPunctual-Attempt: 1\r\n", "\r\ntraceparent: TRACE\r\n",
			"\r\nwebhook-id: msg_UUID\r\n", "\r\nwebhook-timestamp: TIME\r\n", "\r\nwebhook-signature: SIGNATURE\r\n",
			"\r\n\r\nISO UUID %cjo:unknown% planted secret/ä a title & more\r\nlong ",
		} {
			if !strings.Contains(scheduled, part) {
				t.Errorf("%q is not sent, but\n%.1200s", part, requests[1])
			}
		}
		if !strings.Contains(requests[0], fmt.Sprintf("\r\nPunctual-Execution: test-%d\r\n", run.ID)) {
			t.Errorf("the test run does not say that it is one:\n%.1200s", requests[0])
		}
		for _, request := range requests {
			checkSignature(t, request, signing)
		}
		if shown := run.Request.Raw; strings.Contains(shown, "planted") || strings.Contains(shown, base64.StdEncoding.EncodeToString([]byte("robot:planted"))[:16]) {
			t.Errorf("the secret is shown:\n%.1200s", shown)
		}
	})
}

// checkSignature verifies a request by the Standard Webhooks specification.
func checkSignature(t *testing.T, request, secret string) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := r.Header.Get("webhook-signature"); got != want {
		t.Errorf("the signature is %q, want %q", got, want)
	}
}

// TestTestRunsOnTwoNodes asks one node for two test runs. Each node may run one at a time, so both run one. Then one node is
// killed: its test run is lost, and the other one is finished.
func TestTestRunsOnTwoNodes(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	target := harness.NewTarget(t)
	a, b := s.Start("--slots", "8"), s.Start("--slots", "8")
	asked, other := s.Client(a), s.Client(b)
	var runs []testRun
	for i := range 2 {
		run := startTestRun(t, asked, harness.Fields{"job": harness.Fields{
			"url": fmt.Sprintf("%s/%d/gate", target.URL, i), "requestTimeout": 600,
		}})
		runs = append(runs, awaitTestRun(t, other, run.Path, "running"))
	}
	nodes := func(id int64) int64 { return s.Tables().Number(`SELECT node FROM test_run WHERE id = $1`, id) }
	first := s.Tables().Number(`SELECT min(epoch) FROM node`) // of a, which was started first
	mine, theirs := runs[0], runs[1]
	if nodes(mine.ID) != first {
		mine, theirs = theirs, mine
	}
	if nodes(mine.ID) != first || nodes(theirs.ID) == first {
		t.Fatalf("the test runs are performed by nodes %d and %d", nodes(mine.ID), nodes(theirs.ID))
	}
	await(t, "both targets are called", func() bool { return target.Received() == 2 })
	a.Kill()
	lost := awaitTestRun(t, other, mine.Path, "finished")
	if lost.HTTPStatus != 0 || lost.Sentence == "" || lost.Ended {
		t.Errorf("the test run of the killed node is %+v", lost)
	}
	if kept := awaitTestRun(t, other, theirs.Path, "running"); kept.Phase != "waiting" {
		t.Errorf("the other one is %+v", kept)
	}
	target.Open()
	if done := awaitTestRun(t, other, theirs.Path, "finished"); done.HTTPStatus != 200 {
		t.Errorf("the other one is %+v", done)
	}
	if n := target.Received(); n != 2 {
		t.Errorf("the targets were called %d times", n)
	}
}

// TestATestRunThatEnds ends one by its path, and one by the shutdown of its node.
func TestATestRunThatEnds(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		target := harness.NewTarget(t)
		node := s.Start()
		api := s.Client(node)
		start := func() testRun {
			run := startTestRun(t, api, harness.Fields{"job": harness.Fields{"url": target.URL + "/hang", "requestTimeout": 600}})
			return awaitTestRun(t, api, run.Path, "running")
		}
		ends := start()
		api.Do("DELETE", ends.Path, nil, nil)
		if run := awaitTestRun(t, api, ends.Path, "finished"); !run.Ended || run.HTTPStatus != 0 {
			t.Errorf("the test run is %+v", run)
		}
		cut := start()
		node.Stop() // does not wait for it
		again := s.Client(s.Start())
		if run := awaitTestRun(t, again, cut.Path, "finished"); run.Ended || run.HTTPStatus != 0 {
			t.Errorf("the test run is %+v", run)
		}
	})
}
