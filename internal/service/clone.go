package service

import (
	"context"

	"punctual/internal/cron"
)

// NewClone is a copy of a job, disabled and with another title, which change then edits and AddJob can save. What is wrong with the change
// itself is reported before a job that does not exist. change may run more than once.
func (s *Service) NewClone(ctx context.Context, account cron.Account, jobID int64, retitle func(title string) string,
	change Change) (cron.Job, error) {
	source, err := s.jobs.Job(ctx, account.ID, jobID)
	if cron.KindOf(err) == cron.NotFound {
		err = s.bodyFirst(account, change, err)
	}
	if err != nil {
		return cron.Job{}, err
	}
	return s.NewJob(account, func(job *cron.Job) error {
		*job = source.Job
		job.ID, job.Type, job.Enabled, job.Timing.RunAtPassed = 0, cron.TypeDefault, false, false
		job.Title = retitle(job.Title)
		return change(job)
	})
}
