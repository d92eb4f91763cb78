package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// A process start is a node with an epoch. It holds a lease of cron.Lease, which each heartbeat renews:
//
//	heartbeat sent ── 5 s: no more claims ── 10 s: nothing is sent; other nodes settle its executions
//
// The node measures from when it sent the heartbeat and the database from when it received it, so the node's view ends first.

// lease is this process's own view of its lease.
type lease struct {
	clock   func() time.Time // the wall clock
	mu      sync.Mutex
	renewed moment // when the latest heartbeat that succeeded was sent
}

// moment is a time by the monotonic clock and by the wall clock.
type moment struct{ monotonic, wall time.Time }

func (l *lease) now() moment { return moment{time.Now(), l.clock().Round(0)} }

func (l *lease) renew(at moment) {
	l.mu.Lock()
	l.renewed = at
	l.mu.Unlock()
}

// age is the time since the last heartbeat by the wall clock or the monotonic clock, whichever is longer: the monotonic
// clock can stop while the machine sleeps.
func (l *lease) age() time.Duration {
	l.mu.Lock()
	renewed := l.renewed
	l.mu.Unlock()
	now := l.now()
	return max(now.monotonic.Sub(renewed.monotonic), now.wall.Sub(renewed.wall))
}

// Join registers this process as a node and settles the executions of dead nodes.
func (s *Scheduler) Join(ctx context.Context) error {
	sent := s.lease.now()
	self := s.Self
	self.Draining = s.draining.Load() // a drained node that joins again stays so
	self.Listeners.At = s.Listeners()
	epoch, err := s.Nodes.StartNode(ctx, self)
	if err != nil {
		return fmt.Errorf("join the nodes: %w", err)
	}
	s.epoch.Store(epoch)
	s.lease.renew(sent)
	return s.settle(ctx)
}

func (s *Scheduler) settle(ctx context.Context) error {
	n, err := s.Nodes.SettleDead(ctx, s.epoch.Load())
	if n > 0 {
		s.Logger.Warn("executions of a dead node were settled as lost", slog.Int("executions", n))
	}
	if err != nil {
		return fmt.Errorf("settle the executions of dead nodes: %w", err)
	}
	return nil
}

// keepAlive renews the lease until ctx ends. A node whose lease has ended joins again with a new epoch.
func (s *Scheduler) keepAlive(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.heartbeat(ctx); err != nil && ctx.Err() == nil {
			message.LogDatabase(s.Logger, "the lease cannot be renewed; trying again", err)
		}
	}
}

func (s *Scheduler) heartbeat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, claimLease)
	defer cancel()
	sent := s.lease.now()
	beat := func() (draining bool, err error) {
		return s.Nodes.Heartbeat(ctx, cron.Heartbeat{
			Epoch: s.epoch.Load(), RunningFrom: s.inFlight.runningFrom, InFlight: s.inFlight.count(), Lateness: s.late.highest(time.Now()),
			Listeners: s.Listeners(),
		})
	}
	draining, err := beat()
	if errors.Is(err, cron.ErrFailover) {
		s.Logger.Warn("another server has taken over as the database; what it does not have of this node's results is recorded as lost")
		if s.Self.Role.Works() { // the others run nothing, and have no loop that would end the doubt
			s.inFlight.doubt()
		}
		draining, err = beat()
	}
	if errors.Is(err, cron.ErrNodeDead) {
		s.Logger.Warn("the lease has ended and the node joins again; its executions in flight may be recorded as lost")
		err = s.Join(ctx)
		if outdated, ok := errors.AsType[*cron.OutdatedError](err); ok { // without a lease, nothing is claimed
			s.retire(outdated)
			return nil
		}
		return err
	}
	if outdated, ok := errors.AsType[*cron.OutdatedError](err); ok { // the lease was renewed, for what is in flight
		s.retire(outdated)
		err = nil
	}
	if err != nil {
		s.Metrics.DatabaseErrors.WithLabelValues("heartbeat").Inc()
		return err
	}
	s.lease.renew(sent)
	s.drainAs(draining)
	return s.settle(ctx)
}

// retire makes the process stop, since its database is for newer programs now. Run returns the reason.
func (s *Scheduler) retire(reason *cron.OutdatedError) {
	if s.outdated.CompareAndSwap(nil, reason) {
		s.Logger.Error("this node stops: its program is too old for the database",
			slog.Int64("needed_version", reason.Lowest), slog.Int64("known_version", reason.Known))
		s.Stop()
	}
}

// drainAs takes over what operators decided. Nothing that runs is interrupted.
func (s *Scheduler) drainAs(draining bool) {
	switch was := s.draining.Swap(draining); {
	case draining && !was:
		s.Logger.Warn("this node drains: it finishes what runs and claims nothing more, until an operator resumes it",
			slog.Int("in_flight", s.inFlight.count()))
	case was && !draining:
		s.Logger.Info("this node was resumed")
	}
}
