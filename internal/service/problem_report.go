package service

import (
	"context"

	"punctual/internal/cron"
)

// How much a report of a problem shows.
const (
	reportMessages = 20
	reportJobs     = 10 // others that fail at the host
)

// ProblemReport is what somebody has to know who deals with a problem.
type ProblemReport struct {
	ProblemDetails
	First    *Comparison      // the first failure, beside the success before it; nil when it is not in the history
	Others   []cron.JobRecord // some jobs that fail at the same host, and do not have the problem
	Messages []cron.Message   // that were sent about it, the newest first
}

// ProblemReport reads a problem with all that surrounds it. The error is of kind NotFound when the account has none of that ID.
func (s *Service) ProblemReport(ctx context.Context, actor cron.Actor, problemID int64) (r ProblemReport, err error) {
	if r.ProblemDetails, err = s.Problem(ctx, actor, problemID); err != nil {
		return r, err
	}
	account := actor.Account.ID
	if r.First, err = s.firstFailure(ctx, actor, &r.JobProblem); err != nil {
		return r, err
	}
	if r.Others, err = s.othersFailing(ctx, actor, &r.ProblemDetails); err != nil {
		return r, err
	}
	r.Messages, err = s.store.Messages(ctx, account, &cron.MessageQuery{ProblemID: problemID, Limit: reportMessages})
	return r, err
}

// firstFailure compares the failure that opened a problem with the success before it.
func (s *Service) firstFailure(ctx context.Context, actor cron.Actor, p *cron.JobProblem) (*Comparison, error) {
	jobID, err := s.store.ExecutionJob(ctx, actor.Account.ID, p.FirstExecution, p.Opened)
	if err == nil {
		var c Comparison
		if c, err = s.Compare(ctx, actor, jobID, p.FirstExecution); err == nil {
			return &c, nil
		}
	}
	if cron.KindOf(err) == cron.NotFound {
		return nil, nil
	}
	return nil, err
}

// othersFailing finds jobs that fail at the host of a problem for another cause.
func (s *Service) othersFailing(ctx context.Context, actor cron.Actor, d *ProblemDetails) (others []cron.JobRecord, err error) {
	if d.Why.Host == "" {
		return nil, nil
	}
	q := &cron.JobQuery{Limit: reportJobs + len(d.Jobs)}
	q.Filter.Conditions, q.Filter.Hosts = []cron.JobCondition{cron.JobFailing}, []string{d.Why.Host}
	page, err := s.SearchJobs(ctx, s.store.Now(), actor, q)
	if err != nil {
		return nil, err
	}
	have := make(map[int64]bool, len(d.Jobs))
	for i := range d.Jobs {
		have[d.Jobs[i].JobID] = true
	}
	for i := range page.Jobs {
		if !have[page.Jobs[i].ID] && len(others) < reportJobs {
			others = append(others, page.Jobs[i])
		}
	}
	return others, nil
}
