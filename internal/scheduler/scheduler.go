// Package scheduler runs jobs on time. Every node runs the same loop, and the database decides:
//
//   - sleep until something is due, woken by edits, and by a poll as the rule;
//   - claim what is due, never more than can start at once: the launch record is committed before any byte is sent;
//   - start it immediately: there is no queue in memory;
//   - finish: record the results in batches, so that the database sees few large transactions.
//
// A heartbeat renews the node's lease. A node whose last heartbeat is too old neither claims nor sends.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/metrics"
)

// Store is the work queue and the ledger of executions.
type Store interface {
	// Claim takes due work; the launch records are durable when it returns. The error wraps cron.ErrNodeDead when the
	// node's lease has ended.
	Claim(ctx context.Context, req cron.ClaimRequest) (cron.Claimed, error)
	// Finish records completions, all or none.
	Finish(ctx context.Context, completions []cron.Completion) error
	// NextDue is the earliest time at which work is due; the zero time for none.
	NextDue(ctx context.Context, withoutAccounts []int64) (time.Time, error)
	// Changed receives when NextDue may have become earlier.
	Changed() <-chan struct{}
	// Now is the time of the clock by which occurrences are planned.
	Now() time.Time
}

// Nodes keeps the register of live nodes.
type Nodes interface {
	StartNode(ctx context.Context, n cron.Node) (epoch int64, err error)
	// Heartbeat renews the lease, and tells whether the node is to drain. The error wraps cron.ErrNodeDead when the lease has ended.
	Heartbeat(ctx context.Context, h cron.Heartbeat) (draining bool, err error)
	StopNode(ctx context.Context, epoch int64) error
	// SettleDead records what dead nodes left running as lost, and returns the number of these executions.
	SettleDead(ctx context.Context, self int64) (settled int, err error)
	// Abandoned lists, as lost, the executions that the ledger shows as running on a node, without those in except.
	Abandoned(ctx context.Context, epoch int64, except []int64) ([]cron.Completion, error)
}

// TestRuns are the test runs of all nodes.
type TestRuns interface {
	// WaitingTestRuns lists, in their order, test runs with an ID above after that wait for a node.
	WaitingTestRuns(ctx context.Context, after int64, withoutAccounts []int64, limit int) ([]cron.WaitingTestRun, error)
	// ClaimTestRun makes a node run one that waits; ok is false when it no longer waits, or admit refuses its job.
	ClaimTestRun(ctx context.Context, node int64, w cron.WaitingTestRun, admit func(*cron.Job) bool) (l cron.TestLaunch, ok bool, err error)
	// AdvanceTestRun writes progress. ends asks to end it; running is false when it is not one of the node any more.
	AdvanceTestRun(ctx context.Context, p *cron.TestProgress) (running, ends bool, err error)
	// FinishTestRun writes a result, once.
	FinishTestRun(ctx context.Context, p *cron.TestProgress) error
	// EndingTestRuns lists those of a node that are to end.
	EndingTestRuns(ctx context.Context, node int64) ([]int64, error)
	// TestRunsChanged receives when one waits or is to end.
	TestRunsChanged() <-chan struct{}
}

// Exchanger makes one HTTP exchange. When ctx ends before the exchange does, the result is cron.Lost.
type Exchanger interface {
	Do(ctx context.Context, call cron.Call) cron.Result
	// Trace is Do, and tells observe what it sees until it returns.
	Trace(ctx context.Context, call cron.Call, observe func(cron.Trace)) (cron.Result, cron.Trace)
}

// Config is what a Scheduler needs. All fields are mandatory, but for Clock and Listeners; of Self only the name is.
type Config struct {
	Store     Store
	Nodes     Nodes
	TestRuns  TestRuns
	Exchanger Exchanger
	Self      cron.Node     // name, role, version, addresses and host of this node
	Slots     int           // executions in flight at most
	HostSlots int           // executions in flight at most to one host and port
	Drain     time.Duration // for executions in flight when the scheduler is told to stop
	Metrics   *metrics.Metrics
	Logger    *slog.Logger
	Clock     func() time.Time        // the wall clock; time.Now when nil
	Listeners func() []netip.AddrPort // where this node accepts connections now; nil for nowhere
	Stop      func()                  // makes the process stop as if it had been asked to, and returns at once
}

// The timing of the loops.
const (
	poll           = 500 * time.Millisecond // the next run is read at least this often
	maxClaim       = 1000                   // executions in one claim
	slotPause      = 5 * time.Millisecond   // before the next claim when due work is left
	slotGather     = 25 * time.Millisecond  // that a claim waits for an eighth of the slots to be free
	heartbeatEvery = 2 * time.Second
	claimLease     = 5 * time.Second // age of the last heartbeat up to which the node claims
	batchSize      = 500             // completions that are written without waiting for more
	maxBatch       = 2000
	maxBatchBytes  = 8 << 20               // of responses; the last one may exceed it
	batchWait      = 25 * time.Millisecond // for a batch to fill
	retryShortest  = 100 * time.Millisecond
	retryLongest   = 5 * time.Second
	readTimeout    = 10 * time.Second
	claimTimeout   = 10 * time.Second
	finishTimeout  = 30 * time.Second
	lateWarning    = 5 * time.Second        // lateness from which it is logged that the node falls behind
	lastWrites     = 30 * time.Second       // time to record results after the drain
	testPoll       = time.Second            // test runs that wait or are to end are read at least this often
	testRetry      = 250 * time.Millisecond // the same, while one waits that has no room
	testPage       = 100                    // test runs in one list
	testPhasePause = 200 * time.Millisecond // between two writes of progress
	testBytesPause = time.Second            // the same, when only more was sent or received
)

// Scheduler is a node.
type Scheduler struct {
	Config
	inFlight *inFlight
	finisher *finisher
	tests    *testRunner
	epoch    atomic.Int64
	lease    lease
	lastPass atomic.Int64 // time of the last pass without an error, Unix nanoseconds
	lastLoop atomic.Int64 // time of the last pass, with or without an error, Unix nanoseconds
	draining atomic.Bool  // the node is to claim nothing more, until it is told otherwise
	late     lateness
	behind   atomic.Bool                        // due work waits for a slot
	lateBy   atomic.Int64                       // lateness of the oldest work that waits for a slot, nanoseconds
	outdated atomic.Pointer[cron.OutdatedError] // why the process stops; nil for other reasons
}

// New returns a scheduler.
func New(c Config) *Scheduler {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Listeners == nil {
		c.Listeners = func() []netip.AddrPort { return nil }
	}
	s := &Scheduler{Config: c, inFlight: newInFlight(c.Slots, c.HostSlots), lease: lease{clock: c.Clock}}
	s.finisher = newFinisher(c.Store, c.Metrics, c.Logger, s.inFlight)
	s.tests = newTestRunner(s)
	return s
}

// Epoch is that of the node; 0 before it is registered.
func (s *Scheduler) Epoch() int64 { return s.epoch.Load() }

// Draining tells whether the node is to claim nothing more, neither executions nor messages.
func (s *Scheduler) Draining() bool { return s.draining.Load() }

// Run registers the node, unless Join has done so, and runs jobs until ctx ends. Then it stops claiming, ends test runs,
// waits up to Drain for executions in flight, cancels the rest, which are lost, records all results and returns. A node
// whose role is not to work only keeps its lease.
func (s *Scheduler) Run(ctx context.Context) error {
	if s.epoch.Load() == 0 {
		if err := s.Join(ctx); err != nil {
			return err
		}
	}
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx)) // ends after the drain
	defer stopWork()

	recording, stopRecording := context.WithCancel(context.WithoutCancel(ctx)) // ends last
	defer stopRecording()

	var looping, tester, recorder, keeper sync.WaitGroup
	if s.Self.Role.Works() {
		looping.Go(func() { s.loop(ctx, working) })
		tester.Go(func() { s.tests.run(ctx, recording) })
	}
	recorder.Go(func() { s.finisher.run(recording) })
	keeper.Go(func() { s.keepAlive(recording) })

	<-ctx.Done()
	looping.Wait()
	s.drain()
	stopWork()
	s.inFlight.wait()
	s.finisher.stop()
	overdue := time.AfterFunc(lastWrites, stopRecording)
	recorder.Wait()
	tester.Wait()
	overdue.Stop()
	stopRecording()
	keeper.Wait()

	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryLongest)
	defer cancel()
	err := s.leave(closing)
	if reason := s.outdated.Load(); reason != nil {
		err = errors.Join(reason, err)
	}
	return err
}

// leave tells the other nodes that this one has stopped. The connections of the pool may have died since they were last used,
// so it tries more than once.
func (s *Scheduler) leave(ctx context.Context) error {
	const attempts, pause = 4, 100 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := s.Nodes.StopNode(ctx, s.epoch.Load())
		if err == nil {
			return nil
		}
		if attempt == attempts || ctx.Err() != nil {
			return fmt.Errorf("leave the nodes: %w", err)
		}
		time.Sleep(pause)
	}
}

// drain waits for executions in flight, up to Drain.
func (s *Scheduler) drain() {
	n := s.inFlight.count()
	if n == 0 {
		return
	}
	s.Logger.Info("waiting for executions in flight", slog.Int("executions", n), slog.Duration("drain", s.Drain))
	select {
	case <-s.inFlight.idle():
	case <-time.After(s.Drain):
		s.Logger.Warn("executions were cut short and are recorded as lost", slog.Int("executions", s.inFlight.count()))
	}
}

// InFlight is the number of executions in flight.
func (s *Scheduler) InFlight() int { return s.inFlight.count() }

// LateBy is the lateness of the oldest work that waits for a slot; 0 when none does.
func (s *Scheduler) LateBy() time.Duration { return time.Duration(s.lateBy.Load()) }

// LastPass is the time of the last pass in which the database answered; zero before the first.
func (s *Scheduler) LastPass() time.Time { return timeOf(&s.lastPass) }

// LastLoop is the time of the last pass, whether or not the database answered; zero before the first.
func (s *Scheduler) LastLoop() time.Time { return timeOf(&s.lastLoop) }

// timeOf reads a time that other goroutines set.
func timeOf(unixNanoseconds *atomic.Int64) time.Time {
	ns := unixNanoseconds.Load()
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
