package service

import (
	"context"
	"fmt"

	"punctual/internal/cron"
)

// PlanReruns finds the records that a query selects, and plans the executions that would repeat them. It changes nothing. The error
// is of kind NotFound when the account does not have the job or folder of the filter, and of kind TooMany when too many reruns wait.
func (s *Service) PlanReruns(ctx context.Context, actor cron.Actor, q *cron.RerunQuery) (cron.RerunPlan, error) {
	if err := s.allow(&actor, UseRerun); err != nil {
		return cron.RerunPlan{}, err
	}
	var c cron.Checker
	q.Check(&c)
	if err := c.Err(); err != nil {
		return cron.RerunPlan{}, err
	}
	return s.store.PlanReruns(ctx, actor.Account.ID, q)
}

// Rerun requests the executions of a plan, all or none, and returns those that were requested. A record that has been repeated since
// the plan was made is left out.
func (s *Service) Rerun(ctx context.Context, actor cron.Actor, plan *cron.RerunPlan) (made cron.RerunPlan, err error) {
	if err := s.allow(&actor, UseRerun); err != nil {
		return cron.RerunPlan{}, err
	}
	e := cron.AuditEntry{Action: actHistoryRerun, Object: objectHistory}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, e *cron.AuditEntry) (err error) {
		made, err = s.store.Rerun(ctx, actor.Account.ID, plan, authorOf(&actor))
		e.Title = fmt.Sprintf("%d runs, %d jobs", len(made.Runs), len(made.Jobs))
		return err
	})
	return made, err
}

// CancelReruns takes back all runs of the account that repeat records and wait, and returns how many. Those that have begun go on.
func (s *Service) CancelReruns(ctx context.Context, actor cron.Actor) (count int, err error) {
	if err := s.allow(&actor, UseCancelReruns); err != nil {
		return 0, err
	}
	e := cron.AuditEntry{Action: actRerunCancel, Object: objectHistory}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, e *cron.AuditEntry) (err error) {
		count, err = s.store.CancelReruns(ctx, actor.Account.ID)
		e.Title = fmt.Sprintf("%d runs", count)
		return err
	})
	return count, err
}
