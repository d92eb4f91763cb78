package scheduler

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/metrics"
)

// The loop is a sequence of passes. A pass claims until nothing more can start, and says how long to sleep:
//
//	wake: timer, edit, free slot
//	  └▶ settle a claim of unknown outcome
//	  └▶ read the next run ── not due ──▶ sleep until then, at most poll
//	  └▶ claim and start   ── due work left ──▶ sleep slotPause, or until a slot is free
//
// The next run is read again at least every poll, which finds edits of other nodes whose notification was lost.

// loopState is what the loop remembers between passes.
type loopState struct {
	next         time.Time // the next run; zero for none
	stale        time.Time // when next must be read again; zero for now
	without      []int64   // accounts that next leaves out, because they have no room
	capped       []int64   // those of them that are at a limit of their own
	behind       bool      // the last claim left due work behind
	claimed      time.Time // the time of the last claim
	measured     time.Time // when the lateness was measured
	lateLogged   bool      // the overload was logged
	cappedLogged bool      // accounts at their own limits were logged
	writing      bool      // the last pass failed in a write
}

// loop sleeps and claims until ctx ends; executions run under working.
func (s *Scheduler) loop(ctx, working context.Context) {
	var a loopState
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.Store.Changed():
			a.stale = time.Time{}
		case <-s.slotFreedIf(a.behind || len(a.without) > 0):
		}
		wait, err := s.pass(ctx, working, &a)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				s.logFailure(&a, err)
			}
			a, wait = loopState{lateLogged: a.lateLogged, cappedLogged: a.cappedLogged}, poll
		case s.lease.age() <= claimLease:
			s.lastPass.Store(time.Now().UnixNano())
		}
		s.behind.Store(a.behind)
		s.lastLoop.Store(time.Now().UnixNano())
		timer.Reset(wait)
	}
}

// logFailure logs why a pass failed.
func (s *Scheduler) logFailure(a *loopState, err error) {
	if a.writing {
		message.LogDatabase(s.Logger, "the database cannot be written and due executions wait; trying again", err)
		return
	}
	message.LogDatabase(s.Logger, "the schedule cannot be read; trying again", err)
}

// slotFreedIf is a channel that receives when a slot becomes free; nil unless work waits for one.
func (s *Scheduler) slotFreedIf(waiting bool) <-chan struct{} {
	if waiting {
		return s.inFlight.freed
	}
	return nil
}

// pass claims and starts due work and returns how long to sleep.
func (s *Scheduler) pass(ctx, working context.Context, a *loopState) (sleep time.Duration, err error) {
	for ctx.Err() == nil && s.lease.age() <= claimLease { // an older lease is logged by the heartbeat
		s.lastLoop.Store(time.Now().UnixNano())
		if s.inFlight.claimUncertain() {
			if err := s.settleUnknown(working); err != nil {
				a.writing = true
				return 0, err
			}
		}
		if s.draining.Load() {
			*a = loopState{}
			s.lateBy.Store(0) // of work that waits for this node
			return poll, nil
		}
		free := s.inFlight.free()
		if a.behind && (free == 0 || free < min(s.Slots/8, maxClaim) && time.Since(a.claimed) < slotGather) {
			return slotPause, s.measureLateness(ctx, a) // few large claims cost less than many small ones
		}
		if err := s.refreshNextRun(ctx, a); err != nil {
			return 0, err
		}
		if now := s.Store.Now(); !a.due(now) {
			a.behind = false
			sleep := time.Until(a.stale)
			if !a.next.IsZero() {
				sleep = min(sleep, a.next.Sub(now))
			}
			return sleep, s.measureLateness(ctx, a)
		}
		if free == 0 {
			a.behind = true
			continue
		}
		taken, err := s.claim(working, free, a)
		if err != nil {
			a.writing = true
			return 0, err
		}
		if taken == 0 && a.behind {
			return slotPause, s.measureLateness(ctx, a) // other nodes hold the due rows, or none of them has room
		}
	}
	return poll, nil
}

// due reports whether the next run has come.
func (a *loopState) due(now time.Time) bool { return !a.next.IsZero() && !a.next.After(now) }

// refreshNextRun reads the next run, unless the one that is known is still valid.
func (s *Scheduler) refreshNextRun(ctx context.Context, a *loopState) error {
	stale := time.Until(a.stale) <= 0 && (len(a.without) > 0 || !a.due(s.Store.Now()))
	before := a.without
	if stale {
		before = nil // accounts with any room at all are included again
	}
	var without []int64
	without, a.capped = s.inFlight.accountsWithoutRoom(before)
	if !stale && slices.Equal(without, a.without) {
		return nil
	}
	next, err := s.nextDue(ctx, without)
	if err != nil {
		return err
	}
	a.next, a.without = next, without
	if stale || len(without) == 0 {
		a.stale = time.Now().Add(poll)
	}
	return nil
}

func (s *Scheduler) nextDue(ctx context.Context, without []int64) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	next, err := s.Store.NextDue(ctx, without)
	if err != nil {
		s.Metrics.DatabaseErrors.WithLabelValues("next_run").Inc()
	}
	return next, err
}

// claim claims due work and starts it; taken counts launches and occurrences that were recorded as missed or skipped.
func (s *Scheduler) claim(working context.Context, free int, a *loopState) (taken int, err error) {
	// A shutdown does not interrupt a claim, whose outcome would then be unknown.
	ctx, cancel := context.WithTimeout(working, claimTimeout)
	defer cancel()
	start := time.Now()
	if free = min(free, s.inFlight.beginClaim(), maxClaim); free == 0 { // a test run has taken the last slot
		s.inFlight.endClaim()
		a.behind = true
		return 0, nil
	}
	claimed, err := s.Store.Claim(ctx, cron.ClaimRequest{
		Node: s.epoch.Load(), Limit: free, WithoutAccounts: a.without, Admit: s.inFlight.admission,
	})
	if err != nil {
		s.Metrics.DatabaseErrors.WithLabelValues("claim").Inc()
		return 0, err
	}
	metrics.Since(s.Metrics.Claims, start)
	s.Metrics.Claimed.Observe(float64(len(claimed.Launches)))
	s.Metrics.Settled.Add(float64(claimed.Settled))
	for i := range claimed.Launches {
		l := claimed.Launches[i] // a copy, so that a slow execution does not keep the whole claim in memory
		s.inFlight.start(&l, func() {
			growStack()
			s.execute(working, &l)
		})
	}
	s.inFlight.endClaim()
	a.claimed, a.next = time.Now(), claimed.Next
	if claimed.More {
		a.next = s.Store.Now()
	}
	if len(a.without) == 0 {
		a.stale = a.claimed.Add(poll)
	}
	a.behind = a.due(s.Store.Now())
	s.behind.Store(a.behind)
	return len(claimed.Launches) + claimed.Settled, nil
}

// settleUnknown records as lost the executions that the ledger assigns to this node but that it does not know, because the
// answer to their claim was lost, and were never sent, or because the database has failed over and has forgotten their results.
func (s *Scheduler) settleUnknown(working context.Context) error {
	ctx, cancel := context.WithTimeout(working, claimTimeout)
	defer cancel()
	doubts, n := s.inFlight.doubts(), 0
	for {
		unknown, err := s.Nodes.Abandoned(ctx, s.epoch.Load(), s.inFlight.known())
		if err != nil {
			return err
		}
		if len(unknown) == 0 {
			break
		}
		for _, c := range unknown {
			s.inFlight.start(&c.Launch, func() { s.finisher.add(c) })
		}
		n += len(unknown)
	}
	s.inFlight.endClaim()
	s.inFlight.trust(doubts)
	if n > 0 {
		s.Logger.Warn("executions of unknown outcome are recorded as lost", slog.Int("executions", n))
	}
	return nil
}

// measureLateness measures, at most every poll, the lateness of the oldest work that waits for a slot. It logs once
// when that exceeds lateWarning and once when it no longer does. Work of accounts that are at a limit of their own is
// logged separately, since it does not mean that the service is overloaded.
func (s *Scheduler) measureLateness(ctx context.Context, a *loopState) error {
	var late, own time.Duration
	if a.behind || len(a.without) > 0 {
		if time.Since(a.measured) < poll {
			return nil
		}
		var err error
		if late, err = s.lateness(ctx, a.capped); err != nil {
			return err
		}
		if len(a.capped) > 0 {
			if own, err = s.lateness(ctx, nil); err != nil {
				return err
			}
		}
		a.measured = time.Now()
	}
	s.lateBy.Store(int64(late))
	switch {
	case late >= lateWarning && !a.lateLogged:
		a.lateLogged = true
		s.Logger.Warn("the service is falling behind: due executions wait for slots",
			slog.Duration("late", late), slog.Int("slots", s.Slots))
	case late < lateWarning && a.lateLogged:
		a.lateLogged = false
		s.Logger.Info("the service has caught up")
	}
	switch {
	case own >= lateWarning && own > late && !a.cappedLogged:
		a.cappedLogged = true
		s.Logger.Info("due executions wait: their accounts have as many in flight as they may have",
			slog.Duration("late", own), slog.Int("accounts", len(a.capped)))
	case own < lateWarning:
		a.cappedLogged = false
	}
	return nil
}

// lateness is how late the oldest due work is, leaving out some accounts.
func (s *Scheduler) lateness(ctx context.Context, without []int64) (time.Duration, error) {
	oldest, err := s.nextDue(ctx, without)
	if err != nil || oldest.IsZero() {
		return 0, err
	}
	return max(0, s.Store.Now().Sub(oldest)), nil
}

// execute performs one execution and passes its result to the finisher.
func (s *Scheduler) execute(ctx context.Context, l *cron.Launch) {
	started := s.Store.Now()
	s.late.note(time.Now(), started.Sub(l.Due))
	result := cron.Lost()
	// After a pause longer than the lease, another node may have settled the execution and repeated it.
	if l.Node == s.epoch.Load() && s.lease.age() < cron.Lease {
		attempt := cron.Attempt{Execution: l.ExecutionID, Planned: l.Planned, Kind: l.Kind, Number: l.Attempt}
		result = s.Exchanger.Do(ctx, l.Job.Call(l.Plan, l.Material, attempt, started))
	}
	result.Started = started
	if l.Bytes > 0 { // frees the memory while the result waits to be recorded
		j := *l.Job
		j.Request.Headers, j.Request.Body = nil, ""
		l.Job = &j
	}
	c := cron.Completion{Launch: *l, Result: result}
	s.Metrics.Executions.WithLabelValues(result.Outcome().String(), l.Kind.String()).Inc()
	s.Metrics.Lateness.Observe(c.Lateness().Seconds())
	s.Metrics.Duration.Observe(result.Duration.Seconds())
	s.finisher.add(c)
}

// growStack grows the stack of a new goroutine to what an exchange needs while it is still empty. Growing it step by step
// took 5 % of all CPU.
//
//go:noinline
func growStack() {
	var room [8 << 10]byte
	runtime.KeepAlive(&room)
}
