package store

import (
	"context"
	"fmt"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// PublicJob reads a job of any account as Jobs does, without user and password in its URL, and how often the addresses of its badges have
// been renewed. The error is of kind NotFound when there is none, or when its account is disabled.
func (s *Store) PublicJob(ctx context.Context, jobID int64) (rec cron.JobRecord, renewals int64, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return rec, 0, err
	}
	defer leave()
	if rec, err = readListed(ctx, s.read, jobID); err != nil {
		return rec, 0, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT coalesce((SELECT renewals FROM job_badge WHERE job_id = $1), 0)
		FROM account WHERE id = $2 AND NOT disabled`, jobID, rec.AccountID).Scan(&renewals)
	return rec, renewals, oneRow(err, cron.SubjectJob)
}

// BadgeRenewals is how often the addresses of the badges of a job have been renewed.
func (s *Store) BadgeRenewals(ctx context.Context, accountID, jobID int64) (renewals int64, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return 0, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT coalesce((SELECT renewals FROM job_badge WHERE job_id = $1), 0)
		FROM job WHERE id = $1 AND account_id = $2`, jobID, accountID).Scan(&renewals)
	return renewals, oneRow(err, cron.SubjectJob)
}

// RenewJobBadge counts a renewal of the addresses of the badges of a job. The transaction also runs then, with the title of the job.
func (s *Store) RenewJobBadge(ctx context.Context, accountID, jobID int64, then ...func(ctx context.Context, title string) error) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var title string
		err := q.QueryRowContext(ctx, `SELECT title FROM job WHERE id = $1 AND account_id = $2`, jobID, accountID).Scan(&title)
		if err != nil {
			return oneRow(err, cron.SubjectJob)
		}
		_, err = q.ExecContext(ctx, `INSERT INTO job_badge (job_id, account_id, renewals) VALUES ($1, $2, 1)
			ON CONFLICT (job_id) DO UPDATE SET renewals = job_badge.renewals + 1`, jobID, accountID)
		if err != nil {
			return fmt.Errorf("renew the addresses of badges: %w", err)
		}
		return runThen(ctx, title, then)
	})
}

// RenewPageBadges does the same for the badges of a status page and its components.
func (s *Store) RenewPageBadges(ctx context.Context, accountID, pageID int64, then ...func(ctx context.Context, title string) error) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var title string
		err := q.QueryRowContext(ctx, `UPDATE status_page SET badge_renewals = badge_renewals + 1 WHERE id = $1 AND account_id = $2 RETURNING title`,
			pageID, accountID).Scan(&title)
		if err != nil {
			return oneRow(err, cron.SubjectStatusPage)
		}
		return runThen(ctx, title, then)
	})
}

func runThen(ctx context.Context, title string, then []func(context.Context, string) error) error {
	for _, write := range then {
		if err := write(ctx, title); err != nil {
			return err
		}
	}
	return nil
}

// StatusRuns is what the runs of a component's jobs tell, or those of all components of the page when componentID is 0. It counts as a call
// of the account.
func (s *Store) StatusRuns(ctx context.Context, accountID, pageID, componentID int64) (r statuspage.Runs, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return r, err
	}
	defer leave()
	var last, next, expiry int64
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(max(job_state.last_execution_at), 0), coalesce(min(job_state.next_run_at), 0),
		coalesce(min(CASE WHEN job_state.cert_expiry_at > 0 THEN job_state.cert_expiry_at END), 0) FROM job_state
		WHERE job_state.job_id IN `+jobsShown, pageID, componentID).Scan(&last, &next, &expiry)
	if err != nil {
		return r, fmt.Errorf("read the runs of components: %w", err)
	}
	r.Last, r.Next, r.CertExpiry = instant(last), instant(next), instant(expiry)
	return r, nil
}

// jobsShown are the jobs of the page $1, or only those of its component $2 when that is not 0.
const jobsShown = `(SELECT status_component_job.job_id FROM status_component
	JOIN status_component_job ON status_component_job.component_id = status_component.id
	WHERE status_component.page_id = $1 AND (status_component.id = $2 OR $2 = 0))`

// StatusDurations is how long the runs of a component's jobs took from an instant on, by whole hours, or those of all components of the page
// when componentID is 0. It counts as a call of the account.
func (s *Store) StatusDurations(ctx context.Context, accountID, pageID, componentID int64, from time.Time) (taken cron.Histogram, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return taken, err
	}
	defer leave()
	err = each(ctx, s.read, "read the durations of components", func(scan scanner) error {
		var encoded []byte
		if err := scan(&encoded); err != nil {
			return err
		}
		tally, err := cron.DecodeTally(encoded)
		if err == nil {
			taken.Merge(&tally.Duration)
		}
		return err
	}, `SELECT rollup_job.tally FROM rollup_job WHERE rollup_job.hour >= $3 AND rollup_job.job_id IN `+jobsShown,
		pageID, componentID, millis(from)/time.Hour.Milliseconds())
	return taken, err
}
