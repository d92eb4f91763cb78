package e2e

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"punctual/test/harness"
)

var (
	metricNames = regexp.MustCompile(`\bpunctual_[a-z_]+`)
	metricTypes = regexp.MustCompile(`(?m)^# TYPE (punctual_[a-z_]+) `)
	metricParts = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// TestMetrics scrapes a process that has just started, without requests and executions. Every metric that the
// dashboard, the alert rules and the documents name must exist, and the documents must name every metric.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	p := s.Start()
	if res, err := http.Get(p.URL + "/jobs"); err != nil { // so that a status code has been counted
		t.Fatal(err)
	} else {
		_ = res.Body.Close()
	}
	res, err := http.Get(p.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	scraped, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", res.Status, err)
	}
	there := make(map[string]bool)
	for _, m := range metricTypes.FindAllSubmatch(scraped, -1) {
		there[string(m[1])] = true
	}
	for name := range there {
		if !strings.Contains(string(scraped), "\n"+name) {
			t.Errorf("%s has no series before something happens", name)
		}
	}
	for _, file := range []string{"deploy/grafana-dashboard.json", "deploy/prometheus-alerts.yml", "docs/metrics.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		named := make(map[string]bool)
		for _, name := range metricNames.FindAllString(string(text), -1) {
			name = metricParts.ReplaceAllString(name, "")
			if named[name] = true; !there[name] {
				t.Errorf("%s names %s, which does not exist", file, name)
			}
		}
		for name := range there {
			if file == "docs/metrics.md" && !named[name] {
				t.Errorf("%s does not name %s", file, name)
			}
		}
	}
}
