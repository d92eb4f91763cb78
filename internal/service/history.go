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

// History lists the latest started executions of a job, latest start first, without headers and bodies, and up to three
// next occurrences; none for a disabled job.
func (s *Service) History(ctx context.Context, now time.Time, actor cron.Actor, jobID int64) (
	executions []cron.Execution, predictions []time.Time, err error) {
	if err := s.allow(&actor, UseListHistory); err != nil {
		return nil, nil, err
	}
	job, err := s.store.Job(ctx, actor.Account.ID, jobID)
	if err != nil {
		return nil, nil, err
	}
	executions, err = s.store.History(ctx, actor.Account.ID, jobID, historyLength)
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

// Execution reads one execution of a job with its headers and body, and says why it failed.
func (s *Service) Execution(ctx context.Context, actor cron.Actor, jobID, executionID int64) (
	e cron.Execution, why cron.Diagnosis, err error) {
	if err := s.allow(&actor, UseGetExecution); err != nil {
		return e, why, err
	}
	if e, err = s.store.Execution(ctx, actor.Account.ID, jobID, executionID); err != nil || e.Outcome == cron.OutcomeSucceeded {
		return e, why, err
	}
	job, err := s.store.Job(ctx, actor.Account.ID, jobID)
	if err != nil {
		return e, why, err
	}
	if !seesSecrets(&actor) {
		hideSecrets(&job.Job)
	}
	plan := s.planOf(actor.Account)
	return e, cron.Diagnose(&e.Result, &job.Job, &plan), nil
}

// Searcher reads the records of an account.
type Searcher interface {
	// Search reads one page, without headers and bodies. The error is of kind NotFound when the account does not have
	// the job or folder of the filter.
	Search(ctx context.Context, accountID int64, q *cron.HistoryQuery) (cron.HistoryPage, error)
}

// MaxHistoryPage is the largest page of SearchHistory.
const MaxHistoryPage = 1000

// SearchHistory reads one page of the records of the account, newest first, without headers and bodies. The error is of
// kind NotFound when the account does not have the job or folder of the filter.
func (s *Service) SearchHistory(ctx context.Context, actor cron.Actor, q *cron.HistoryQuery) (cron.HistoryPage, error) {
	if err := s.allow(&actor, UseHistory); err != nil {
		return cron.HistoryPage{}, err
	}
	if err := checkFilter(&q.Filter); err != nil {
		return cron.HistoryPage{}, err
	}
	return s.searcher.Search(ctx, actor.Account.ID, &cron.HistoryQuery{Filter: q.Filter, After: q.After,
		Limit: min(q.Limit, MaxHistoryPage)})
}

// Failures counts the failures that a filter wants by their causes, and says why those of each cause failed, whatever the job.
// The error is of kind NotFound when the account does not have the job or folder of the filter.
func (s *Service) Failures(ctx context.Context, actor cron.Actor, f *cron.HistoryFilter) (
	found cron.FailureGroups, why []cron.Diagnosis, err error) {
	if err := s.allow(&actor, UseHistory); err != nil {
		return found, nil, err
	}
	if err := checkFilter(f); err != nil {
		return found, nil, err
	}
	if found, err = s.store.Failures(ctx, actor.Account.ID, f); err != nil {
		return found, nil, err
	}
	plan := s.planOf(actor.Account)
	why = make([]cron.Diagnosis, len(found.Groups))
	for i := range found.Groups {
		why[i] = cron.DiagnoseAny(&found.Groups[i].Example.Result, &plan)
	}
	return found, why, nil
}

// AllHistory reads all records that match a filter, newest first, page by page. It ends at the first error of
// SearchHistory.
func (s *Service) AllHistory(ctx context.Context, actor cron.Actor, f cron.HistoryFilter) iter.Seq2[
	cron.HistoryPage, error] {
	return func(yield func(cron.HistoryPage, error) bool) {
		if err := s.allow(&actor, UseHistory); err != nil {
			yield(cron.HistoryPage{}, err)
			return
		}
		if err := checkFilter(&f); err != nil {
			yield(cron.HistoryPage{}, err)
			return
		}
		for q := (cron.HistoryQuery{Filter: f, Limit: MaxHistoryPage}); ; {
			page, err := s.searcher.Search(ctx, actor.Account.ID, &q)
			if !yield(page, err) || err != nil || page.Next.ID == 0 {
				return
			}
			q.After = page.Next
		}
	}
}

// checkFilter fails when a filter is not valid.
func checkFilter(f *cron.HistoryFilter) error {
	var c cron.Checker
	f.Check(&c)
	return c.Err()
}
