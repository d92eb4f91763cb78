package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// RunStore keeps executions that people ask for. What is not there, or belongs to another account, is an error of kind
// NotFound.
type RunStore interface {
	// RequestRun asks for an execution of a job now. The error is of kind Conflict while another one that was asked for
	// waits, and while an execution of a job that minds overlaps is under way.
	RequestRun(ctx context.Context, accountID, jobID int64) (cron.Run, error)
	// RequestedRun tells how far a run has come that was asked for at the given instant.
	RequestedRun(ctx context.Context, accountID, jobID int64, planned time.Time) (cron.Run, error)
}

// RunJob executes a job now, apart from its schedule and whether it is enabled or not. The error is of kind Conflict
// while another run that was asked for waits, and while an execution of a job that minds overlaps is under way.
func (s *Service) RunJob(ctx context.Context, account cron.Account, jobID int64) (cron.Run, error) {
	return s.runs.RequestRun(ctx, account.ID, jobID)
}

// Run tells how far a run has come that was asked for at the given instant.
func (s *Service) Run(ctx context.Context, account cron.Account, jobID int64, planned time.Time) (cron.Run, error) {
	return s.runs.RequestedRun(ctx, account.ID, jobID, planned)
}
