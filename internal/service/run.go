package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// RunJob executes a job now, apart from its schedule and whether it is enabled or not. The error is of kind Conflict
// while another run that was asked for waits, and while an execution of a job that minds overlaps is under way.
func (s *Service) RunJob(ctx context.Context, actor cron.Actor, jobID int64) (cron.Run, error) {
	if err := allow(&actor, UseRunJob); err != nil {
		return cron.Run{}, err
	}
	return s.store.RequestRun(ctx, actor.Account.ID, jobID)
}

// Run tells how far a run has come that was asked for at the given instant.
func (s *Service) Run(ctx context.Context, actor cron.Actor, jobID int64, planned time.Time) (cron.Run, error) {
	if err := allow(&actor, UseGetRun); err != nil {
		return cron.Run{}, err
	}
	return s.store.RequestedRun(ctx, actor.Account.ID, jobID, planned)
}
