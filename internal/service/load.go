package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// maxLoadCalls is how many calls of an account may wait for its load at once.
const maxLoadCalls = 4

// ScheduleLoad counts the occurrences that lie ahead of the account's jobs. It takes the processor for up to two seconds, so a
// node works on one of them at a time. The error is of kind TooMany while the account waits for several.
func (s *Service) ScheduleLoad(ctx context.Context, now time.Time, actor cron.Actor, q cron.LoadQuery) (cron.Load, error) {
	if err := s.allow(&actor, UseScheduleLoad); err != nil {
		return cron.Load{}, err
	}
	q.From = now
	var c cron.Checker
	q.Check(&c)
	if err := c.Err(); err != nil {
		return cron.Load{}, err
	}
	if !s.loads.calls.Enter(actor.Account.ID, maxLoadCalls) {
		return cron.Load{}, &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second}
	}
	defer s.loads.calls.Leave(actor.Account.ID)
	select {
	case s.loads.turn <- struct{}{}:
		defer func() { <-s.loads.turn }()
	case <-ctx.Done():
		return cron.Load{}, ctx.Err()
	}
	jobs, err := s.store.ScheduledJobs(ctx, actor.Account.ID)
	if err != nil {
		return cron.Load{}, err
	}
	return cron.PlanLoad(jobs, q), nil
}

// loads bounds the work on loads.
type loads struct {
	calls InProgress    // by account
	turn  chan struct{} // holds the call that is worked on
}

func newLoads() loads { return loads{turn: make(chan struct{}, 1)} }
