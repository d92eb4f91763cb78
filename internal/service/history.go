package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// How much of the past and the future History shows.
const (
	historyLength   = 50
	predictionCount = 3
)

// History lists the latest started executions of a job, newest start first and without headers and bodies, and when
// the job is due next: up to three instants, none for a disabled job.
func (s *Service) History(ctx context.Context, now time.Time, account cron.Account, jobID int64) (
	executions []cron.Execution, predictions []time.Time, err error) {
	job, err := s.jobs.Job(ctx, account.ID, jobID)
	if err != nil {
		return nil, nil, err
	}
	executions, err = s.history.History(ctx, account.ID, jobID, historyLength)
	if err != nil {
		return nil, nil, err
	}
	return executions, predict(&job, now), nil
}

// predict lists the next occurrences of a job.
func predict(job *cron.JobRecord, now time.Time) []time.Time {
	var predictions []time.Time
	for next := job.NextAfter(now); !next.IsZero() && len(predictions) < predictionCount; next = job.NextAfter(next) {
		predictions = append(predictions, next)
	}
	return predictions
}

// Execution reads one execution of a job with headers and body.
func (s *Service) Execution(ctx context.Context, account cron.Account, jobID, executionID int64) (cron.Execution, error) {
	return s.history.Execution(ctx, account.ID, jobID, executionID)
}
