package service

import (
	"context"

	"punctual/internal/cron"
)

// NewClone makes a copy of a job, disabled and with another title, edited by change. AddJob saves it. Errors of the
// change itself are reported before a missing job. change may run more than once.
func (s *Service) NewClone(ctx context.Context, actor cron.Actor, jobID int64, change Change) (cron.Job, error) {
	if err := allow(&actor, UseCloneJob); err != nil {
		return cron.Job{}, err
	}
	source, err := s.store.Job(ctx, actor.Account.ID, jobID)
	if cron.KindOf(err) == cron.NotFound {
		err = s.bodyFirst(actor.Account, change, err)
	}
	if err != nil {
		return cron.Job{}, err
	}
	return s.newJob(actor.Account, func(job *cron.Job) error {
		*job = source.Job
		job.ID, job.Type = 0, cron.TypeDefault
		job.SetEnabled(false)
		job.Title = language(&actor).CopyTitle(job.Title)
		return change(job)
	})
}
