package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"punctual/internal/cron"
)

// A URL may hold user and password. Column url of such a job has the URL without them; sealed_url has the whole URL,
// for lists. The sealed secrets of the job contain it too. Lists are sorted by the whole URL.

func urlRow(jobID int64) string { return jobRow(jobID) + " url" }

// saveURL seals the URL of a job and writes it; NULL when it has no user and password.
func (s *Store) saveURL(ctx context.Context, q queryer, j *cron.Job) error {
	var sealed []byte
	if _, ok := cron.WithoutUser(j.Request.URL); ok {
		var err error
		if sealed, err = s.seal(ctx, q, []byte(j.Request.URL), urlRow(j.ID)); err != nil {
			return err
		}
	}
	if _, err := q.ExecContext(ctx, `UPDATE job SET sealed_url = $2 WHERE id = $1`, j.ID, sealed); err != nil {
		return fmt.Errorf("write the URL of the job: %w", err)
	}
	return nil
}

// openURL restores the URL with user and password.
func (s *Store) openURL(j *cron.Job, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	plain, err := s.sealer.open(sealed, urlRow(j.ID))
	if err != nil {
		return fmt.Errorf("open the URL of job %d: %w", j.ID, err)
	}
	j.Request.URL = string(plain)
	return nil
}

// sortJobs sorts jobs in the order of the list.
func sortJobs(jobs []cron.JobRecord) {
	order := func(enabled bool) int {
		if enabled {
			return 0
		}
		return 1
	}
	slices.SortFunc(jobs, func(a, b cron.JobRecord) int {
		return cmp.Or(cmp.Compare(order(a.Enabled), order(b.Enabled)), cmp.Compare(a.State.LastStatus, b.State.LastStatus),
			cmp.Compare(a.Request.URL, b.Request.URL), cmp.Compare(a.ID, b.ID))
	})
}
