package scheduler

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// A test run is performed beside the executions, by the same call and the same client, and takes room as an execution
// does: a slot, a place of its account and at its host, and the bytes of a large job. Executions go first:
//
//	poll, start or end ──▶ list what waits ──▶ reserve ──▶ claim ──▶ exchange ──▶ write the result
//	                                              │           │         │             └─ frees its place among test runs
//	                                              │           │         └─ progress; ends by request, or when the node stops
//	                                              │           └─ its host has no room: waits
//	                                              └─ a due execution waits, a claim is under way, or there is no room: waits
//
// Test runs have at most an eighth of the slots, of the places at a host, and of the bytes. Each is claimed by a goroutine
// of its own, since the database makes an account wait that has many calls under way.

// testRunner performs test runs.
type testRunner struct {
	s *Scheduler

	mu      sync.Mutex
	running map[int64]context.CancelFunc // by ID, from the reservation until the result is written
	full    map[int64]string             // those that waited for a host when they were last looked at
	works   sync.WaitGroup

	unread    atomic.Bool // an error was logged, and no pass has succeeded since
	unwritten atomic.Bool // an error was logged, and no result was written since
}

func newTestRunner(s *Scheduler) *testRunner {
	return &testRunner{s: s, running: make(map[int64]context.CancelFunc), full: make(map[int64]string)}
}

// run performs test runs until ctx ends. Then it ends those under way, and returns when their results are written, or
// recording ends.
func (r *testRunner) run(ctx, recording context.Context) {
	timer := time.NewTimer(testPoll)
	defer timer.Stop()
	for ctx.Err() == nil {
		waits, err := r.pass(ctx, recording)
		switch {
		case err == nil:
			r.unread.Store(false)
		case ctx.Err() == nil:
			r.failed(&r.unread, "test runs cannot be read; trying again", err)
		}
		if waits {
			timer.Reset(testRetry)
		} else {
			timer.Reset(testPoll)
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.s.TestRuns.TestRunsChanged():
		}
	}
	r.works.Wait()
}

// failed counts an error of the database, and logs the first of several.
func (r *testRunner) failed(logged *atomic.Bool, text string, err error) {
	r.s.Metrics.DatabaseErrors.WithLabelValues("test_runs").Inc()
	if !logged.Swap(true) {
		message.LogDatabase(r.s.Logger, text, err)
	}
}

// pass ends test runs that are to end, and starts those that have room; waits is true when some have none.
func (r *testRunner) pass(ctx, recording context.Context) (waits bool, err error) {
	if r.s.lease.age() > claimLease {
		return false, nil
	}
	reading, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if r.any() {
		ids, err := r.s.TestRuns.EndingTestRuns(reading, r.s.epoch.Load())
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			r.end(id)
		}
	}
	if r.s.draining.Load() {
		return false, nil
	}
	seen := make(map[int64]bool)
	for after := int64(0); ; {
		if !r.s.hasTestRoom() {
			return len(seen) > 0, nil
		}
		page, err := r.s.TestRuns.WaitingTestRuns(reading, after, nil, testPage)
		if err != nil {
			return false, err
		}
		for _, w := range page {
			seen[w.ID], after = true, w.ID
			if !r.start(ctx, recording, w) {
				waits = true
			}
		}
		if len(page) < testPage {
			break
		}
	}
	r.forget(seen)
	return waits, nil
}

// any tells whether a test run is under way.
func (r *testRunner) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running) > 0
}

// end interrupts a test run.
func (r *testRunner) end(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cancel := r.running[id]; cancel != nil {
		cancel()
	}
}

// forget forgets the hosts of test runs that no longer wait.
func (r *testRunner) forget(except map[int64]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.full {
		if !except[id] {
			delete(r.full, id)
		}
	}
}

// start claims and performs a test run; false when there is no room for it.
func (r *testRunner) start(ctx, recording context.Context, w cron.WaitingTestRun) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[w.ID] != nil {
		return true // its claim is under way
	}
	place := &testPlace{account: w.AccountID, bytes: w.Bytes}
	if r.s.behind.Load() || !r.s.inFlight.reserveTest(place, w.Plan, r.full[w.ID]) {
		return false
	}
	exchanging, cancel := context.WithCancel(ctx)
	r.running[w.ID] = cancel
	r.works.Go(func() {
		defer cancel()
		if !r.claim(exchanging, recording, w, place) {
			r.s.inFlight.endTest(place)
		}
		r.s.inFlight.testRecorded()
		r.mu.Lock()
		delete(r.running, w.ID)
		r.mu.Unlock()
	})
	return true
}

// claim claims a test run and performs it; false when it was not claimed, and keeps its place.
func (r *testRunner) claim(ctx, recording context.Context, w cron.WaitingTestRun, place *testPlace) bool {
	claiming, cancel := context.WithTimeout(recording, claimTimeout) // not interrupted, or its outcome would be unknown
	defer cancel()
	node, full := r.s.epoch.Load(), ""
	l, ok, err := r.s.TestRuns.ClaimTestRun(claiming, node, w, func(j *cron.Job) bool {
		host := cron.TargetHost(j.Request.URL)
		if r.s.inFlight.enterHost(place, host) {
			return true
		}
		full = host
		return false
	})
	r.mu.Lock()
	if full != "" {
		r.full[w.ID] = full
	} else {
		delete(r.full, w.ID)
	}
	r.mu.Unlock()
	if err != nil {
		r.failed(&r.unwritten, "test runs cannot be started; trying again", err)
		// It may have been claimed all the same. Then nobody sends it, and it is lost.
		lost := cron.Lost()
		r.record(recording, &cron.TestProgress{Node: node, ID: w.ID, AccountID: w.AccountID, Result: &lost,
			Diagnosis: cron.Diagnose(&lost, new(cron.Job), w.Plan)})
	}
	if !ok {
		return false
	}
	r.perform(ctx, recording, &l, w.AccountID, place)
	return true
}

// perform makes the exchange of a test run, writes its progress meanwhile, and its result in the end.
func (r *testRunner) perform(ctx, recording context.Context, l *cron.TestLaunch, account int64, place *testPlace) {
	p := cron.TestProgress{Node: l.Node, ID: l.ID, AccountID: account, Trace: cron.Trace{Phase: cron.PhasePreparing}}
	var (
		result = cron.Lost()
		last   = p.Trace
		news   = make(chan cron.Trace, 1)
		done   = make(chan struct{})
	)
	started := r.s.Store.Now()
	go func() {
		defer close(done)
		// After a pause longer than the lease, another node may have settled it.
		if l.Node == r.s.epoch.Load() && r.s.lease.age() < cron.Lease && ctx.Err() == nil {
			attempt := cron.Attempt{Execution: l.ID, Test: true, Planned: started, Number: 1}
			call := l.Job.Call(l.Plan, l.Material, attempt, started)
			call.Timeout = min(call.Timeout, cron.MaxTestRunTime)
			result, last = r.s.Exchanger.Trace(ctx, call, func(t cron.Trace) { replace(news, t) })
		}
		r.s.inFlight.endTest(place)
	}()
	r.report(recording, &p, news, done)
	result.Started = started
	p.Trace, p.Result, p.Diagnosis = last, &result, cron.Diagnose(&result, l.Job, l.Plan)
	r.record(recording, &p)
}

// replace puts the latest trace into a channel that holds one.
func replace(news chan cron.Trace, t cron.Trace) {
	select {
	case <-news:
	default:
	}
	news <- t // there is one sender
}

// report writes the progress of a test run until done is closed. It writes changes of phase soon, and others now and then.
func (r *testRunner) report(ctx context.Context, p *cron.TestProgress, news <-chan cron.Trace, done <-chan struct{}) {
	var (
		timer   = time.NewTimer(0)
		written = p.Trace
		at      time.Time // of the last write
		fresh   bool      // p.Trace is to be written
	)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case p.Trace = <-news:
			fresh = true
			pause := testBytesPause
			if p.Trace.Phase != written.Phase || len(p.Trace.Hops) != len(written.Hops) {
				pause = testPhasePause
			}
			timer.Reset(time.Until(at.Add(pause)))
			continue
		case <-timer.C:
		}
		if !fresh {
			continue
		}
		writing, cancel := context.WithTimeout(ctx, claimTimeout)
		running, ends, err := r.s.TestRuns.AdvanceTestRun(writing, p)
		cancel()
		switch {
		case err != nil:
			r.failed(&r.unwritten, "the progress of test runs cannot be written; trying again", err)
		case ends || !running:
			r.end(p.ID)
		}
		written, at, fresh = p.Trace, time.Now(), false
	}
}

// record writes the result of a test run, retrying until the database accepts it or ctx ends.
func (r *testRunner) record(ctx context.Context, p *cron.TestProgress) {
	for wait := retryShortest; ; wait = min(2*wait, retryLongest) {
		writing, cancel := context.WithTimeout(ctx, finishTimeout)
		err := r.s.TestRuns.FinishTestRun(writing, p)
		cancel()
		if err == nil {
			r.unwritten.Store(false)
			return
		}
		if ctx.Err() != nil {
			message.LogDatabase(r.s.Logger, "the result of a test run could not be recorded before the end; it will be settled as lost", err)
			return
		}
		r.failed(&r.unwritten, "results of test runs cannot be recorded; trying again", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// hasTestRoom tells whether a test run could start now.
func (s *Scheduler) hasTestRoom() bool { return !s.behind.Load() && s.inFlight.testRoom() }
