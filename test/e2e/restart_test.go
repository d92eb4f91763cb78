package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/test/checker"
	"punctual/test/harness"
)

// TestRestartLosesNothing stops the service while it works, starts it again, and checks that every second has its
// record.
func TestRestartLosesNothing(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		target := harness.NewTarget(t)
		node := s.Start()
		api := s.Client(node)
		begin := time.Now()
		for i := range 20 {
			api.CreateJob(job(target, fmt.Sprintf("/plain/%d", i), harness.EverySecond()))
			api.CreateJob(job(target, fmt.Sprintf("/slow/%d/delay/700ms", i), harness.EverySecond()))
		}
		api.CreateJob(job(target, "/even", harness.AtSeconds(evenSeconds()...)))
		api.CreateJob(job(target, "/minute", harness.EveryMinute()))
		for range 2 {
			before := len(target.Requests())
			await(t, "the jobs run", func() bool { return len(target.Requests()) >= before+80 })
			node.Stop()
			check(t, s, checker.Witness{From: begin, To: begin, Received: target.Counts(), Stopped: true})
			time.Sleep(1800 * time.Millisecond) // at least one occurrence is due
			node = s.Start()
		}
		end := time.Now()
		s.AwaitSettled(end)
		node.Stop()
		ledger := check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
		missed := 0
		for _, r := range ledger.Records {
			if r.Outcome == cron.OutcomeMissed {
				missed++
			}
		}
		if missed == 0 {
			t.Error("no occurrence was missed while the service stood still")
		}
	})
}

// TestDrain stops the service with executions in flight that end within the drain.
func TestDrain(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		target := harness.NewTarget(t)
		node := s.Start("--drain", "1h")
		api := s.Client(node)
		begin := time.Now()
		const path = "/gate/drained"
		id := api.CreateJob(job(target, path, harness.EverySecond()))
		await(t, "an execution is in flight", func() bool { return len(target.To(path)) > 0 })
		node.Signal(syscall.SIGTERM)
		await(t, "the service drains", func() bool { return strings.Contains(node.Stderr(), "waiting for executions") })
		if h := api.History(id); len(h.Predictions) != 3 {
			t.Errorf("while the service drains it answers %+v", h)
		}
		target.Open()
		if code := node.Wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		ledger := check(t, s, checker.Witness{From: begin, To: begin, Received: target.Counts(), Stopped: true})
		checkOutcome(t, ledger, cron.OutcomeSucceeded, len(target.To(path)))
	})
}

// TestDrainTooShort stops the service with executions in flight that never end.
func TestDrainTooShort(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		target := harness.NewTarget(t)
		node := s.Start("--drain", "300ms")
		api := s.Client(node)
		begin := time.Now()
		api.CreateJob(job(target, "/hang", harness.EverySecond()))
		await(t, "an execution is in flight", func() bool { return len(target.To("/hang")) > 0 })
		node.Stop()
		sent := len(target.To("/hang"))
		ledger := check(t, s, checker.Witness{
			From: begin, To: begin, Received: target.Counts(), InFlight: sent, Stopped: true,
		})
		checkOutcome(t, ledger, cron.OutcomeLost, sent)

		// They are in the history as lost.
		node = s.Start("--drain", "0s")
		api = s.Client(node)
		item := api.History(ledger.Jobs[0].ID).History[0]
		if item.Status != statusInternalError || item.HTTPStatus != 0 || item.StatusText == "" || item.Stats.Total != 0 {
			t.Errorf("a lost execution is shown as %+v", item)
		}
	})
}

// checkOutcome checks that all executions that were sent have one outcome. On a busy machine others may have been
// missed.
func checkOutcome(t *testing.T, ledger *checker.Ledger, outcome cron.Outcome, sent int) {
	t.Helper()
	started := 0
	for _, r := range ledger.Records {
		switch r.Outcome {
		case outcome:
			started++
		case cron.OutcomeMissed:
		default:
			t.Errorf("execution %d ended with outcome %d", r.ID, r.Outcome)
		}
	}
	if started != sent {
		t.Errorf("%d executions ended with outcome %d, %d were sent", started, outcome, sent)
	}
}

// TestSecondSignal sends a second signal to a service that drains, which ends it at once.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	target := harness.NewTarget(t)
	s := harness.NewService(t, "")
	node := s.Start("--drain", "1h")
	api := s.Client(node)
	api.CreateJob(job(target, "/hang", harness.EverySecond()))
	await(t, "an execution is in flight", func() bool { return len(target.To("/hang")) > 0 })
	for i, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		node.Signal(signal)
		if i == 0 {
			await(t, "the service drains", func() bool { return strings.Contains(node.Stderr(), "waiting for executions") })
		}
	}
	if code := node.Wait(); code != -1 {
		t.Errorf("exit code %d, want the end by a signal", code)
	}
	sent := len(target.To("/hang"))

	// The next start settles the interrupted executions, and does not drain its own.
	node = s.Start("--drain", "0s")
	s.Client(node).ChangeJob(1, harness.Fields{"enabled": false})
	node.Stop()
	check(t, s, checker.Witness{InFlight: max(sent, len(target.To("/hang"))) + 1, Stopped: true})
}
