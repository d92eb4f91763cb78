package e2e

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"punctual/test/harness"
)

// ask sends a request without a key and with the given headers.
func ask(t *testing.T, url string, header http.Header) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// TestPublicURL checks that every link that the service shows leads to its public URL.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node := s.Start("--public-url", "https://Cron.Example.com/")
	const link = "https://cron.example.com/jobs"
	if out := node.Stdout(); !strings.Contains(out, link) || strings.Contains(out, node.URL) {
		t.Errorf("the first start says\n%s", out)
	}
	if _, body := ask(t, node.URL+"/", nil); !strings.Contains(body, link) || strings.Contains(body, node.URL) {
		t.Errorf("GET / says\n%s", body)
	}
	node.Stop()
	node = s.Start()
	if _, body := ask(t, node.URL+"/", http.Header{"Host": {"attacker.example"}}); !strings.Contains(body, node.URL+"/jobs") {
		t.Errorf("without a public URL GET / says\n%s", body)
	}
	node.Stop()
}

// TestLog checks each format and level of the log.
func TestLog(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node := s.Start("--log-format", "json", "--log-level", "debug")
	node.Stop()
	levels := make(map[string]int)
	for line := range strings.Lines(node.Stderr()) {
		var record struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Time == "" || record.Msg == "" {
			t.Errorf("%v in %s", err, line)
		}
		levels[record.Level]++
	}
	if levels["INFO"] == 0 || levels["DEBUG"] == 0 {
		t.Errorf("records by level: %v", levels)
	}

	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	p := harness.Launch(t, s.Env(), "serve", "--log-level", "error", "--listen", address)
	await(t, "the service is ready", func() bool {
		res, err := http.Get("http://" + address + "/readyz")
		return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
	})
	p.Stop()
	if got := p.Stderr(); got != "" {
		t.Errorf("at level error the log of a service that is well has\n%s", got)
	}
}

// operationsURL is the URL of the operations that a node has logged.
func operationsURL(t *testing.T, n *harness.Node) string {
	t.Helper()
	found := regexp.MustCompile(`operations_url=(\S+)`).FindStringSubmatch(n.Stderr())
	if found == nil {
		t.Fatalf("the log does not say where the operations are:\n%s", n.Stderr())
	}
	return found[1]
}

// TestOperationsListener checks that metrics, profiles and details of readiness are served on a listener of their own
// only.
func TestOperationsListener(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node := s.Start("--operations-listen", "127.0.0.1:0", "--pprof")
	operations := operationsURL(t, node)
	for _, tt := range []struct {
		url    string
		status int
		holds  string
	}{
		{node.URL + "/healthz", 200, `"process":"ok"`},
		{node.URL + "/readyz", 200, "ready\n"},
		{node.URL + "/metrics", 403, "--operations-listen"},
		{node.URL + "/debug/pprof/heap", 403, "--operations-listen"},
		{operations + "/healthz", 200, `"process":"ok"`},
		{operations + "/readyz", 200, `"scheduler":"ok"`},
		{operations + "/metrics", 200, `punctual_worker_failures_total{worker="upkeep"} 0`},
		{operations + "/metrics", 200, `punctual_worker_last_step_timestamp_seconds{worker="statistics"}`},
		{operations + "/debug/pprof/", 200, "goroutine"},
		{operations + "/debug/pprof/cmdline", 404, ""},
		{operations + "/jobs", 404, "--listen"},
		{operations + "/console", 404, "--listen"},
	} {
		if status, body := ask(t, tt.url, nil); status != tt.status || !strings.Contains(body, tt.holds) {
			t.Errorf("%s: %d %.300s", tt.url, status, body)
		}
	}
	if _, body := ask(t, node.URL+"/readyz", nil); body != "ready\n" {
		t.Errorf("/readyz says %q to everybody", body)
	}
	if status, _ := ask(t, operations+"/metrics", http.Header{"Host": {"node1.example.com"}, "X-Forwarded-For": {"192.0.2.7"}}); status != 200 {
		t.Errorf("the listener of the operations answers a proxy with status %d", status)
	}
	for _, own := range []string{node.URL, operations} {
		s.Client(node).Refused(400, http.MethodPut, "/jobs", harness.Fields{"job": harness.Fields{"url": own + "/metrics"}})
	}
	node.Stop()
}

// TestOperationsWithoutAListener checks that they are served only to programs on the same machine.
func TestOperationsWithoutAListener(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node := s.Start()
	port := node.URL[strings.LastIndex(node.URL, ":"):]
	for name, tt := range map[string]struct {
		header http.Header
		local  bool
	}{
		"a program here":                   {nil, true},
		"a program here that calls a name": {http.Header{"Host": {"localhost" + port}}, true},
		"a proxy":                          {http.Header{"X-Forwarded-For": {"192.0.2.7"}}, false},
		"a proxy of the standard":          {http.Header{"Forwarded": {"for=192.0.2.7"}}, false},
		"a proxy that passes on the name":  {http.Header{"Host": {"cron.example.com"}}, false},
		"a browser lured here":             {http.Header{"Host": {"attacker.example" + port}}, false},
	} {
		metrics, ready := http.StatusForbidden, "ready\n"
		if tt.local {
			metrics, ready = http.StatusOK, `"database":"ok"`
		}
		if status, body := ask(t, node.URL+"/metrics", tt.header); status != metrics {
			t.Errorf("%s: /metrics: %d %.300s", name, status, body)
		}
		if status, body := ask(t, node.URL+"/readyz", tt.header); status != 200 || !strings.Contains(body, ready) {
			t.Errorf("%s: /readyz: %d %s", name, status, body)
		}
		if status, _ := ask(t, node.URL+"/debug/pprof/heap", tt.header); status != 404 {
			t.Errorf("%s: profiles that nobody asked for: %d", name, status)
		}
	}
	node.Stop()
}

// TestConsoleIsReserved requests paths of the console as API clients would. None reaches the API.
func TestConsoleIsReserved(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node := s.Start()
	client := s.Client(node)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions} {
		for _, path := range []string{"/console/history", "/console//jobs", "/console/%2e%2e/jobs"} {
			answer, err := client.Try(method, path, nil, http.Header{"Origin": {"https://example.com"}})
			status := http.StatusNotFound
			if method != http.MethodGet && method != http.MethodOptions {
				status = http.StatusForbidden // from another site
			}
			if err != nil || answer.Status != status || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" ||
				answer.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: %v %d %v %s", method, path, err, answer.Status, answer.Header, answer.Body)
			}
		}
	}
	node.Stop()
}

// TestReadinessEndsWithTheStop stops a service that waits for an execution: it is no longer ready, and still answers.
func TestReadinessEndsWithTheStop(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node, target := s.Start(), harness.NewTarget(t)
	s.Client(node).CreateJob(job(target, "/gate", harness.EverySecond()))
	await(t, "the target is called", func() bool { return len(target.Requests()) > 0 })
	node.Signal(syscall.SIGTERM)
	node.AwaitStatus("/readyz", 503)
	node.AwaitStatus("/healthz", 200)
	if _, body := ask(t, node.URL+"/readyz", nil); !strings.Contains(body, `"process":"starting or stopping"`) {
		t.Errorf("/readyz says %s", body)
	}
	target.Open()
	if code := node.Wait(); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}
