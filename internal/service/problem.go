package service

import (
	"context"

	"punctual/internal/cron"
)

// MaxProblemsPage is the largest page of Problems.
const MaxProblemsPage = 100

// Problems lists problems of the account, latest opening first, and says of each why it failed, whatever the job. next is the
// After of the next page, and zero at the end.
func (s *Service) Problems(ctx context.Context, actor cron.Actor, q *cron.ProblemQuery) (
	list []cron.JobProblem, why []cron.Diagnosis, next cron.ProblemPosition, err error) {
	if err := s.allow(&actor, UseListProblems); err != nil {
		return nil, nil, next, err
	}
	limit := min(q.Limit, MaxProblemsPage)
	list, err = s.store.Problems(ctx, actor.Account.ID, &cron.ProblemQuery{States: q.States, After: q.After, Limit: limit + 1})
	if err != nil {
		return nil, nil, next, err
	}
	if len(list) > limit {
		list = list[:limit]
		last := &list[limit-1]
		next = cron.ProblemPosition{Opened: last.Opened, ID: last.ID}
	}
	why = make([]cron.Diagnosis, len(list))
	for i := range list {
		why[i] = s.whyWhatever(&actor, &list[i])
	}
	return list, why, next, nil
}

// whyWhatever says why the jobs of a problem failed, without what depends on a job.
func (s *Service) whyWhatever(actor *cron.Actor, p *cron.JobProblem) cron.Diagnosis {
	plan := s.planOf(actor.Account)
	if p.Kind == cron.ProblemLate {
		return cron.Diagnosis{Cause: cron.CauseLate, Timeout: p.LateAfter()}
	}
	return cron.DiagnoseAny(&p.Example, &plan)
}

// ProblemDetails is a problem with what surrounds it.
type ProblemDetails struct {
	cron.JobProblem
	Why   cron.Diagnosis
	Jobs  []cron.ProblemJob // that have it now, the first of them
	Edits []cron.JobVersion // of its jobs in the hour before it opened, latest first
}

// Problem reads a problem. The error is of kind NotFound when the account has none of that ID.
func (s *Service) Problem(ctx context.Context, actor cron.Actor, problemID int64) (d ProblemDetails, err error) {
	if err := s.allow(&actor, UseGetProblem); err != nil {
		return d, err
	}
	account := actor.Account.ID
	if d.JobProblem, err = s.store.Problem(ctx, account, problemID); err != nil {
		return d, err
	}
	d.Why = s.whyWhatever(&actor, &d.JobProblem)
	if d.Jobs, err = s.store.ProblemJobs(ctx, account, problemID); err != nil {
		return d, err
	}
	ids := d.JobIDs
	for i := range d.Jobs {
		ids = append(ids, d.Jobs[i].JobID)
	}
	d.Edits, err = s.store.EditsBefore(ctx, account, ids, d.Opened.Add(-cron.ProblemEditSpan), d.Opened)
	return d, err
}

// The actions of the audit log, by the state that they lead to.
var problemActs = map[cron.ProblemState]string{
	cron.ProblemAcknowledged: actProblemAck, cron.ProblemSnoozed: actProblemSnooze, cron.ProblemResolved: actProblemResolve,
}

// ActOnProblem changes the state or the note of a problem. The error is of kind NotFound when the account has none of that ID,
// and of kind Conflict when one that is resolved is to be acknowledged or snoozed.
func (s *Service) ActOnProblem(ctx context.Context, actor cron.Actor, problemID int64, action cron.ProblemAction) error {
	if err := s.allow(&actor, UseActOnProblem); err != nil {
		return err
	}
	var c cron.Checker
	action.Check(&c, s.store.Now())
	if err := c.Err(); err != nil {
		return err
	}
	action.By = authorOf(&actor).Label
	e := cron.AuditEntry{Action: actProblemNote, Object: objectProblem, ObjectID: problemID}
	if action.State != nil {
		e.Action = problemActs[*action.State]
	}
	if action.Note != nil {
		e.Changes = []string{"/note"}
	}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.ActOnProblem(ctx, actor.Account.ID, problemID, &action)
	})
}
