package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"punctual/test/harness"
)

// ask is the answer to a request without a key, which has the given headers.
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

// TestPublicURL has every link that the service shows lead to its public URL.
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

// TestLog has each format and level of the log.
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
	if levels["INFO"] == 0 {
		t.Errorf("records by level: %v", levels)
	}

	p := harness.Launch(t, s.Env(), "serve", "--log-level", "error")
	await(t, "the service runs", func() bool {
		var nodes int
		err := s.Database().QueryRow(`SELECT count(*) FROM node WHERE NOT dead`).Scan(&nodes)
		return err == nil && nodes == 1
	})
	p.Stop()
	if got := p.Stderr(); got != "" {
		t.Errorf("at level error the log of a service that is well has\n%s", got)
	}
}
