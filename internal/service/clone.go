package service

import (
	"context"

	"punctual/internal/cron"
)

// CloneJob makes a copy of a job, disabled and with another title, which change then edits. What is wrong with the change
// itself is reported before a job that does not exist. change may run more than once.
func (s *Service) CloneJob(ctx context.Context, account cron.Account, jobID int64, retitle func(title string) string,
	change Change) (cron.Job, error) {
	source, err := s.jobs.Job(ctx, account.ID, jobID)
	if cron.KindOf(err) == cron.NotFound {
		err = s.bodyFirst(account, change, err)
	}
	if err != nil {
		return cron.Job{}, err
	}
	return s.CreateJob(ctx, account, func(job *cron.Job) error {
		*job = source.Job
		job.ID, job.Type, job.Enabled, job.Timing.Spent = 0, cron.TypeDefault, false, false
		job.Title = retitle(job.Title)
		return change(job)
	})
}
