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

// agenda is what the loop knows of the schedule.
type agenda struct {
	next     time.Time // when something is to be looked at; zero when nothing is
	stale    time.Time // when next is to be read anew, which finds what a lost hint would have told; zero is at once
	without  []int64   // accounts whose work next leaves out, since they have no room
	capped   []int64   // those of them that more slots would not help
	behind   bool      // the latest claim left due work behind
	claimed  time.Time // when that was
	measured time.Time // when the lateness was
	warned   bool      // that the node falls behind
	told     bool      // that accounts wait for themselves
	writing  bool      // the latest pass ended in a write that failed
}

// loop sleeps and claims until ctx ends; executions run under working.
func (s *Scheduler) loop(ctx, working context.Context) {
	var a agenda
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.Store.Changed():
			a.stale = time.Time{}
		case <-s.freedIf(a.behind || len(a.without) > 0):
		}
		wait, err := s.pass(ctx, working, &a)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				s.logFailure(&a, err)
			}
			a, wait = agenda{warned: a.warned, told: a.told}, poll
		case s.lease.age() <= unsureAfter:
			s.turned.Store(time.Now().UnixNano())
		}
		timer.Reset(wait)
	}
}

// logFailure logs why a pass failed.
func (s *Scheduler) logFailure(a *agenda, err error) {
	if a.writing {
		message.LogDatabase(s.Logger, "the database cannot be written and due executions wait; trying again", err)
		return
	}
	message.LogDatabase(s.Logger, "the schedule cannot be read; trying again", err)
}

// freedIf is the channel of slots that come free, while work waits for them.
func (s *Scheduler) freedIf(waiting bool) <-chan struct{} {
	if waiting {
		return s.flight.freed
	}
	return nil
}

// pass claims and starts what is due and returns how long to sleep.
func (s *Scheduler) pass(ctx, working context.Context, a *agenda) (sleep time.Duration, err error) {
	for ctx.Err() == nil && s.lease.age() <= unsureAfter { // the heartbeat says why it is older
		if s.flight.unsure() {
			if err := s.disown(working); err != nil {
				a.writing = true
				return 0, err
			}
		}
		free := s.flight.free()
		if a.behind && (free == 0 || free < min(s.Slots/8, maxClaim) && time.Since(a.claimed) < gather) {
			return crowded, s.measureLateness(ctx, a) // few large claims cost less than many small ones
		}
		if err := s.look(ctx, a); err != nil {
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
			return crowded, s.measureLateness(ctx, a) // others hold what is due, or nothing of it has room
		}
	}
	return poll, nil
}

// due tells whether something is to be looked at now.
func (a *agenda) due(now time.Time) bool { return !a.next.IsZero() && !a.next.After(now) }

// look reads when something is due, unless that is known.
func (s *Scheduler) look(ctx context.Context, a *agenda) error {
	stale := time.Until(a.stale) <= 0 && (len(a.without) > 0 || !a.due(s.Store.Now()))
	before := a.without
	if stale {
		before = nil // whoever has some room by now gets it
	}
	var without []int64
	without, a.capped = s.flight.crowdedOut(before)
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
		s.Metrics.DatabaseErrors.WithLabelValues("look").Inc()
	}
	return next, err
}

// claim takes what is due and starts it; taken counts what it settled in any way.
func (s *Scheduler) claim(working context.Context, free int, a *agenda) (taken int, err error) {
	// Being told to stop does not break off a claim: nobody would know what became of it.
	ctx, cancel := context.WithTimeout(working, claimTimeout)
	defer cancel()
	start := time.Now()
	s.flight.claims()
	claimed, err := s.Store.Claim(ctx, cron.ClaimRequest{
		Node: s.epoch.Load(), Limit: min(free, maxClaim), WithoutAccounts: a.without, Admit: s.flight.admission,
	})
	if err != nil {
		s.Metrics.DatabaseErrors.WithLabelValues("claim").Inc()
		return 0, err
	}
	metrics.Since(s.Metrics.Claims, start)
	s.Metrics.Claimed.Observe(float64(len(claimed.Launches)))
	s.Metrics.Settled.Add(float64(claimed.Settled))
	for i := range claimed.Launches {
		l := claimed.Launches[i] // a copy, lest one that hangs keeps all of the claim in memory
		s.flight.start(&l, func() {
			widenStack()
			s.execute(working, &l)
		})
	}
	s.flight.claimed()
	a.claimed, a.next = time.Now(), claimed.Next
	if claimed.More {
		a.next = s.Store.Now()
	}
	if len(a.without) == 0 {
		a.stale = a.claimed.Add(poll)
	}
	a.behind = a.due(s.Store.Now())
	return len(claimed.Launches) + claimed.Settled, nil
}

// disown settles executions that are this node's by the ledger and that it knows nothing of: a claim of which the answer
// was lost. They were never sent.
func (s *Scheduler) disown(working context.Context) error {
	ctx, cancel := context.WithTimeout(working, claimTimeout)
	defer cancel()
	orphans, err := s.Nodes.Abandoned(ctx, s.epoch.Load(), s.flight.known())
	if err != nil {
		return err
	}
	for _, c := range orphans {
		s.flight.start(&c.Launch, func() { s.finisher.add(c) })
	}
	s.flight.claimed()
	if len(orphans) > 0 {
		s.Logger.Warn("executions whose claim went wrong are recorded as lost", slog.Int("executions", len(orphans)))
	}
	return nil
}

// measureLateness finds out, now and then, how late the oldest work is that waits for slots, and lets people know when that
// is long, once, and when it no longer is. Work of an account that has all it may have waits for that account alone: it
// says nothing about the service.
func (s *Scheduler) measureLateness(ctx context.Context, a *agenda) error {
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
	case late >= lateWarning && !a.warned:
		a.warned = true
		s.Logger.Warn("the service is falling behind: due executions wait for slots",
			slog.Duration("late", late), slog.Int("slots", s.Slots))
	case late < lateWarning && a.warned:
		a.warned = false
		s.Logger.Info("the service has caught up")
	}
	switch {
	case own >= lateWarning && own > late && !a.told:
		a.told = true
		s.Logger.Info("due executions wait since their accounts have as many in flight as they may",
			slog.Duration("late", own), slog.Int("accounts", len(a.capped)))
	case own < lateWarning:
		a.told = false
	}
	return nil
}

// lateness is how late the oldest due work is, that of some accounts left out.
func (s *Scheduler) lateness(ctx context.Context, without []int64) (time.Duration, error) {
	oldest, err := s.nextDue(ctx, without)
	if err != nil || oldest.IsZero() {
		return 0, err
	}
	return max(0, s.Store.Now().Sub(oldest)), nil
}

// execute performs one execution and hands its result over.
func (s *Scheduler) execute(ctx context.Context, l *cron.Launch) {
	started := s.Store.Now()
	result := cron.Lost()
	// A process that stood still for longer than its lease may have been declared dead, and the execution repeated.
	if l.Node == s.epoch.Load() && s.lease.age() < cron.Lease {
		result = s.Exchanger.Do(ctx, l.Job.Call(l.Plan, l.Material, started))
	}
	result.Started = started
	if l.Bytes > 0 { // its bytes are free once its result waits to be recorded
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

// widenStack gives a new goroutine the stack that an exchange needs, while there is nothing on it yet that has to move:
// stacks that grew step by step took 5 % of all CPU.
//
//go:noinline
func widenStack() {
	var room [8 << 10]byte
	runtime.KeepAlive(&room)
}
