package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/test/checker"
	"punctual/test/harness"
)

// TestIdleConnectionsOfStrangers has a client without a key open 400 idle connections to a service that may have 300
// files open. All executions succeed, and the API goes on answering.
func TestIdleConnectionsOfStrangers(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		s.Files = 300
		node, target := s.Start(), harness.NewTarget(t)
		client := s.Client(node)
		address := strings.TrimPrefix(node.URL, "http://")
		for range 400 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
		}
		const jobs = 80
		var ids []int64
		for i := range jobs {
			ids = append(ids, client.CreateJob(job(target, fmt.Sprintf("/delay/300ms/%d", i), harness.EverySecond())))
		}
		begin := time.Now()
		await(t, "all jobs run three times", func() bool { return len(target.Requests()) >= 3*jobs })
		for _, j := range client.Jobs() {
			if !j.Enabled {
				t.Errorf("job %d was disabled", j.JobID)
			}
		}
		for _, id := range ids {
			client.ChangeJob(id, harness.Fields{"enabled": false})
		}
		s.AwaitSettled(time.Now())
		node.Stop()
		check(t, s, checker.Witness{From: begin, To: begin, Received: target.Counts(), Stopped: true})
		// Of those that were started; the last instants were skipped, since the jobs were disabled.
		tables := s.Tables()
		succeeded := tables.Executions(cron.OutcomeSucceeded)
		others := tables.Executions(cron.OutcomeFailed) + tables.Executions(cron.OutcomeLost)
		if succeeded < 3*jobs || others != 0 {
			t.Errorf("%d executions succeeded and %d did not", succeeded, others)
		}
	})
}

// TestTooFewFiles starts the service with a limit on open files that is too low for a hundred executions at once.
func TestTooFewFiles(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	p := harness.LaunchWithFiles(t, 256, s.Env(), "serve")
	if code := p.Wait(); code != 1 {
		t.Errorf("the exit code is %d", code)
	}
	checkSentence(t, s, p.Stderr(), []string{"256 files", "100 executions", "ulimit -n", "296"})
	s.Files = 256
	s.Start("--slots", "50").Stop() // as configured
}
