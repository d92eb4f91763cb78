package store

import (
	"context"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// ScheduledJobs lists the enabled jobs of an account, by ID, with nothing but the ID, the folder, the URL without user and password, and
// when they are due.
func (s *Store) ScheduledJobs(ctx context.Context, accountID int64) (jobs []cron.Job, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return jobs, each(ctx, s.read, "list the schedules", func(scan scanner) error {
		var j cron.Job
		if err := scan(append(targets(jobTiming(&j)), integer(&j.ID), integer(&j.FolderID), text(&j.Request.URL))...); err != nil {
			return err
		}
		j.AccountID, j.Enabled = accountID, true
		jobs = append(jobs, j)
		return nil
	}, `SELECT `+timingNames+`, job.id, job.folder_id, job.url FROM job WHERE job.account_id = $1 AND job.enabled = $2 ORDER BY job.id`, accountID, true)
}

// TagsOfJobs lists the tags of the enabled jobs of an account that have any.
func (s *Store) TagsOfJobs(ctx context.Context, accountID int64) (map[int64][]string, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	of := make(map[int64][]string)
	return of, each(ctx, s.read, "list the tags of jobs", func(scan scanner) error {
		var (
			id   int64
			tags []string
		)
		err := scan(&id, tagsField{&tags})
		if len(tags) > 0 {
			of[id] = tags
		}
		return err
	}, `SELECT job.id, job_about.tags FROM job JOIN job_about ON job_about.job_id = job.id
		WHERE job.account_id = $1 AND job.enabled = $2`, accountID, true)
}

// maxBeside bounds the rows that DueBeside reads, which may belong to other accounts.
const maxBeside = 5000

// DueBeside counts the other jobs of an account whose next occurrence is at an instant. It looks at no more than maxBeside jobs of the
// service that are due then, so it is a lower bound.
func (s *Store) DueBeside(ctx context.Context, accountID, jobID int64, at time.Time) (n int, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return 0, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM
		(SELECT account_id, job_id FROM job_state WHERE claim_at = $1 ORDER BY `+dueOrder+` LIMIT $2) AS due
		WHERE account_id = $3 AND job_id <> $4`, millis(at), maxBeside, accountID, jobID).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the jobs of an instant: %w", err)
	}
	return n, nil
}
