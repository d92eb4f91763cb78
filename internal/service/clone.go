package service

import (
	"cmp"
	"context"

	"punctual/internal/cron"
)

// NewClone makes a copy of a job, disabled and with another title, and applies the patch to it. AddJob saves it. Errors of
// the patch itself are reported before a missing job.
func (s *Service) NewClone(ctx context.Context, actor cron.Actor, jobID int64, patch *cron.JobPatch) (cron.Job, error) {
	if err := s.allow(&actor, UseCloneJob); err != nil {
		return cron.Job{}, err
	}
	source, err := s.store.Job(ctx, actor.Account.ID, jobID)
	if cron.KindOf(err) == cron.NotFound {
		err = cmp.Or(s.checkPatch(actor.Account, patch), err)
	}
	if err != nil {
		return cron.Job{}, err
	}
	job := source.Job
	if err := s.store.LeaveGoneChannels(ctx, &job); err != nil {
		return cron.Job{}, err
	}
	job.ID, job.Type = 0, cron.TypeDefault
	job.SetEnabled(false)
	job.Title = language(&actor).CopyTitle(job.Title)
	return s.newJob(actor.Account, job, patch)
}
