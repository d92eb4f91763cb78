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

// lease is this process's own view of its lease, which errs on the short side.
type lease struct {
	mu      sync.Mutex
	renewed time.Time // when the latest heartbeat that succeeded was sent
}

func (l *lease) renew(at time.Time) {
	l.mu.Lock()
	l.renewed = at
	l.mu.Unlock()
}

// age is the time since the latest heartbeat, by the clock on the wall or the monotonic one, whichever says more: the
// latter may stand still while the machine sleeps.
func (l *lease) age() time.Duration {
	l.mu.Lock()
	renewed := l.renewed
	l.mu.Unlock()
	now := time.Now()
	return max(now.Sub(renewed), now.Round(0).Sub(renewed.Round(0)))
}

// Join registers this process as a node and settles what dead ones left.
func (s *Scheduler) Join(ctx context.Context) error {
	sent := time.Now()
	epoch, err := s.Nodes.StartNode(ctx, s.Name)
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
		s.Logger.Warn("executions of a node that died were settled as lost", slog.Int("executions", n))
	}
	if err != nil {
		return fmt.Errorf("settle what dead nodes left: %w", err)
	}
	return nil
}

// keepAlive renews the lease until ctx ends. A node that comes too late joins anew.
func (s *Scheduler) keepAlive(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.beat(ctx); err != nil && ctx.Err() == nil {
			message.LogDatabase(s.Logger, "the lease cannot be renewed; trying again", err)
		}
	}
}

func (s *Scheduler) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, unsureAfter)
	defer cancel()
	sent := time.Now()
	err := s.Nodes.Heartbeat(ctx, s.epoch.Load(), s.flight.openFrom)
	if errors.Is(err, cron.ErrNodeDead) {
		s.Logger.Warn("the lease ran out and the node joins anew; what it had in flight may be recorded as lost")
		return s.Join(ctx)
	}
	if err != nil {
		s.Metrics.DatabaseErrors.WithLabelValues("heartbeat").Inc()
		return err
	}
	s.lease.renew(sent)
	return s.settle(ctx)
}
