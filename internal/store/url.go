package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"punctual/internal/cron"
)

// A URL may hold user and password. Column url of such a job is the URL without them, and url_sealed the whole one, for
// lists; whoever opens the secrets of the job finds the URL there too. Lists are in the order of the whole URLs.

func urlRow(jobID int64) string { return jobRow(jobID) + " url" }

// saveURL writes the sealed URL of a job; NULL when the URL is none to be sealed.
func (s *Store) saveURL(ctx context.Context, q queryer, j *cron.Job) error {
	var sealed []byte
	if _, ok := cron.WithoutUser(j.Request.URL); ok {
		sealed = s.sealer.seal([]byte(j.Request.URL), urlRow(j.ID))
	}
	if _, err := q.ExecContext(ctx, `UPDATE job SET url_sealed = $2 WHERE id = $1`, j.ID, sealed); err != nil {
		return fmt.Errorf("write the URL of the job: %w", err)
	}
	return nil
}

// openURL puts the whole URL in the place of the one without user and password.
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

// sortJobs brings jobs into the order of the list.
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

// urlsSealed is the name of the setting that says that no URL of an older version stands unsealed.
const urlsSealed = "urls sealed"

// sealChunk is how many jobs one transaction of sealURLs seals.
const sealChunk = 100

// sealURLs seals the URLs that an older version has written with user and password, once for a database.
func (s *Store) sealURLs(ctx context.Context) error {
	var done []byte
	err := s.read.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, urlsSealed).Scan(&done)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("look for URLs to seal: %w", err)
	}
	found := false
	for after, more := int64(0), true; more; {
		err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
			jobs, err := unsealedURLs(ctx, q, after)
			if err != nil {
				return err
			}
			if more = len(jobs) > 0; !more {
				_, err := q.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
					urlsSealed, []byte{1})
				return err
			}
			found, after = true, jobs[len(jobs)-1].ID
			if s.dialect.alone {
				// What pages no longer hold is to be overwritten with zeros.
				if _, err := q.ExecContext(ctx, `PRAGMA secure_delete = ON`); err != nil {
					return err
				}
			}
			for _, j := range jobs {
				if err := s.sealURL(ctx, q, j.AccountID, j.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("seal URLs: %w", err)
		}
	}
	if found {
		return s.backend.wipe(ctx)
	}
	return nil
}

// unsealedURLs are jobs, of larger ids than the given one, whose URL may have to be sealed.
func unsealedURLs(ctx context.Context, q queryer, after int64) ([]cron.Job, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, account_id FROM job WHERE id > $1 AND url_sealed IS NULL AND url LIKE '%@%'
		ORDER BY id LIMIT $2`, after, sealChunk)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var jobs []cron.Job
	for rows.Next() {
		var j cron.Job
		if err := rows.Scan(&j.ID, &j.AccountID); err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, rows.Err()
}

// sealURL seals the URL of a job that stands there whole. A job whose secrets do not open stays as it is, and cannot run.
func (s *Store) sealURL(ctx context.Context, q queryer, accountID, jobID int64) error {
	_, err := s.lockState(ctx, q, accountID, jobID)
	var rec cron.JobRecord
	if err == nil {
		rec, _, err = s.readVersion(ctx, accountID, jobID)
	}
	switch {
	case errors.Is(err, errSealed):
		s.logger.Error("the URL of a job cannot be sealed", slogErr(err))
		return nil
	case cron.KindOf(err) == cron.NotFound: // deleted since
		return nil
	case err != nil:
		return err
	}
	plain, ok := cron.WithoutUser(rec.Request.URL)
	if !ok {
		return nil
	}
	if _, err := q.ExecContext(ctx, `UPDATE job SET url = $2, version = version + 1 WHERE id = $1`, jobID, plain); err != nil {
		return err
	}
	sealed, err := s.sealJob(&rec.Job)
	if err == nil {
		err = saveSecret(ctx, q, jobID, sealed)
	}
	if err != nil {
		return err
	}
	return s.saveURL(ctx, q, &rec.Job)
}
