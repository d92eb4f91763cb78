package e2e

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"punctual/test/harness"
)

// TestStreamsEndWithTheService follows the events of a service that is stopped: the stream reports the end of the
// execution that the service waits for, and then ends properly instead of being cut.
func TestStreamsEndWithTheService(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		target := harness.NewTarget(t)
		node := s.Start("--drain", "1h")
		const path = "/gate/followed"
		fields := job(target, path, harness.EverySecond())
		fields["overlap"] = "skip"
		s.Client(node).CreateJob(fields)
		await(t, "an execution is in flight", func() bool { return len(target.To(path)) > 0 })
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, node.URL+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.Key)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		node.Signal(syscall.SIGTERM)
		await(t, "the service drains", func() bool { return strings.Contains(node.Stderr(), "waiting for executions") })
		target.Open()
		if code := node.Wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		stream, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Errorf("the stream ends with %v", err)
		}
		for _, outcome := range []string{`"outcome":"running"`, `"outcome":"succeeded"`} {
			if !strings.Contains(string(stream), outcome) {
				t.Errorf("the stream lacks %s: %s", outcome, stream)
			}
		}
	})
}
