package service

import (
	"context"
	"iter"
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

// MaxHistoryPage is the largest page of SearchHistory.
const MaxHistoryPage = 1000

// SearchHistory reads one page of the records of the account, newest first, without headers and bodies. A job or folder
// of the filter that is not there, or belongs to another account, is an error of kind NotFound.
func (s *Service) SearchHistory(ctx context.Context, account cron.Account, q *cron.HistoryQuery) (cron.HistoryPage, error) {
	return s.history.Search(ctx, account.ID, q)
}

// AllHistory reads all records that a filter wants, newest first, page after page. It ends with the first error, which
// is that of SearchHistory.
func (s *Service) AllHistory(ctx context.Context, account cron.Account, f cron.HistoryFilter) iter.Seq2[
	cron.HistoryPage, error] {
	return func(yield func(cron.HistoryPage, error) bool) {
		for q := (cron.HistoryQuery{Filter: f, Limit: MaxHistoryPage}); ; {
			page, err := s.history.Search(ctx, account.ID, &q)
			if !yield(page, err) || err != nil || page.Next.ID == 0 {
				return
			}
			q.After = page.Next
		}
	}
}
