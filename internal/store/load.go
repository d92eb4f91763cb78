package store

import (
	"context"

	"punctual/internal/cron"
)

// ScheduledJobs lists the enabled jobs of an account, by ID, with nothing but the ID, the URL without user and password, and
// when they are due.
func (s *Store) ScheduledJobs(ctx context.Context, accountID int64) (jobs []cron.Job, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return jobs, each(ctx, s.read, "list the schedules", func(scan scanner) error {
		var j cron.Job
		if err := scan(append(targets(jobTiming(&j)), integer(&j.ID), text(&j.Request.URL))...); err != nil {
			return err
		}
		j.AccountID, j.Enabled = accountID, true
		jobs = append(jobs, j)
		return nil
	}, `SELECT `+timingNames+`, job.id, job.url FROM job WHERE job.account_id = $1 AND job.enabled = $2 ORDER BY job.id`, accountID, true)
}
