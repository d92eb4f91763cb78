package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"punctual/internal/cron"
)

// The definitions of an account take at most Plan.MaxVersionBytes, and a little more for a while:
//
//	a call that writes a version     adds its bytes to a count in memory; when the count reaches a part of the limit, the call
//	                                 itself forgets the oldest definitions of the account, after its commit
//	upkeep, once an hour             sums up all accounts, for what the count does not know of
//
// So nothing is summed up at an ordinary edit, and an account that makes many large versions pays for it. The definitions of jobs in
// the bin go last, and their jobs with them.

const (
	// boundPart is the part of the limit that an account may write before its definitions are summed up.
	boundPart = 16
	// sumPeriod is how often upkeep sums up all accounts.
	sumPeriod = time.Hour
)

// writtenBytes counts the bytes of definitions that accounts have written since they were last summed up. The zero value is ready
// for use.
type writtenBytes struct {
	mu      sync.Mutex
	account map[int64]int64
	summed  time.Time // when upkeep summed up all accounts
}

// add counts bytes of an account, and tells how many there are.
func (w *writtenBytes) add(accountID, bytes int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.account == nil {
		w.account = make(map[int64]int64)
	}
	w.account[accountID] += bytes
	return w.account[accountID]
}

// clear forgets the bytes of an account.
func (w *writtenBytes) clear(accountID int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.account, accountID)
}

// due tells whether upkeep is to sum up all accounts, which is then taken for done.
func (w *writtenBytes) due(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.summed.IsZero() && now.Sub(w.summed) < sumPeriod {
		return false
	}
	w.summed = now
	return true
}

// noteVersion counts a definition once its transaction is committed, and keeps the account within its limit.
func (s *Store) noteVersion(ctx context.Context, accountID int64, bytes int) {
	afterCommit(ctx, func(ctx context.Context) error {
		written := s.written.add(accountID, int64(bytes))
		if written < smallestBound {
			return nil
		}
		limit, err := s.versionLimit(ctx, accountID)
		if err != nil || limit == 0 || written < max(limit/boundPart, smallestBound) {
			return nil // upkeep will do it
		}
		if err := s.boundVersions(ctx, accountID, limit); err != nil {
			s.logger.Warn("old versions could not be forgotten; upkeep tries again", "account", accountID, "error", err)
		}
		return nil
	})
}

// smallestBound keeps the limit of an account from being read for each small version.
const smallestBound = 256 << 10

func (s *Store) versionLimit(ctx context.Context, accountID int64) (int64, error) {
	var row planRow
	err := s.read.QueryRowContext(upkeep.with(ctx), `SELECT plan, overrides FROM account WHERE id = $1`, accountID).Scan(&row.name, &row.overrides)
	if err != nil {
		return 0, oneRow(err, cron.SubjectAccount)
	}
	plan, err := s.plan(row)
	return plan.MaxVersionBytes, err
}

// boundVersions forgets the oldest definitions of an account until the others are within the limit.
func (s *Store) boundVersions(ctx context.Context, accountID, limit int64) error {
	for more := true; more; {
		err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) (err error) {
			more, err = s.forgetOldest(ctx, q, accountID, limit)
			return err
		})
		if err != nil {
			return fmt.Errorf("keep the versions of an account within their limit: %w", err)
		}
	}
	s.written.clear(accountID)
	return nil
}

// forgetOldest forgets a chunk of definitions, at most as many as are needed. more tells that others may have to follow.
func (s *Store) forgetOldest(ctx context.Context, q queryer, accountID, limit int64) (more bool, err error) {
	var over int64
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(size), 0) FROM job_version WHERE account_id = $1`, accountID).Scan(&over)
	if over -= limit; err != nil || over <= 0 {
		return false, err
	}
	type row struct{ id, size, jobID int64 }
	read := func(what, query string) ([]row, error) {
		return collect(ctx, q, what, func(scan scanner, r *row) error { return scan(&r.id, &r.size, &r.jobID) }, query, accountID, versionsChunk)
	}
	found, err := read("find the oldest definitions", `SELECT id, size, 0 FROM job_version WHERE account_id = $1 AND size > 0
		AND NOT EXISTS (SELECT 1 FROM bin_job WHERE bin_job.job_id = job_version.job_id AND bin_job.version = job_version.version)
		ORDER BY id LIMIT $2`)
	if err == nil && len(found) == 0 {
		found, err = read("find the oldest jobs of the bin", `SELECT job_version.id, size, bin_job.job_id FROM bin_job
			JOIN job_version ON job_version.job_id = bin_job.job_id AND job_version.version = bin_job.version
			WHERE bin_job.account_id = $1 AND size > 0 ORDER BY deleted_at, bin_job.job_id LIMIT $2`)
	}
	if err != nil {
		return false, err
	}
	var versions, jobs []int64
	for _, r := range found {
		if over <= 0 {
			break
		}
		over -= r.size
		versions, jobs = append(versions, r.id), append(jobs, r.jobID)
	}
	if _, err := q.ExecContext(ctx, `UPDATE job_version SET sealed = NULL, size = 0 WHERE `+s.engine.in("id", 1), s.engine.list(versions)); err != nil {
		return false, fmt.Errorf("forget definitions: %w", err)
	}
	if _, err := q.ExecContext(ctx, `DELETE FROM bin_job WHERE `+s.engine.in("job_id", 1), s.engine.list(jobs)); err != nil {
		return false, fmt.Errorf("purge jobs: %w", err)
	}
	return over > 0 && len(found) > 0, nil
}

// boundAllVersions keeps all accounts within their limits, once an hour.
func (s *Store) boundAllVersions(ctx context.Context) (more bool, err error) {
	if !s.written.due(s.Now()) {
		return false, nil
	}
	type sum struct{ accountID, bytes int64 }
	sums, err := collect(upkeep.with(ctx), s.read, "sum up the versions", func(scan scanner, r *sum) error { return scan(&r.accountID, &r.bytes) },
		`SELECT account_id, sum(size) FROM job_version GROUP BY account_id HAVING sum(size) > $1`, smallestBound)
	if err != nil {
		return false, err
	}
	for _, r := range sums {
		limit, err := s.versionLimit(ctx, r.accountID)
		if cron.KindOf(err) == cron.NotFound || err == nil && (limit == 0 || r.bytes <= limit) {
			continue
		}
		if err != nil {
			return false, err
		}
		if err := s.boundVersions(ctx, r.accountID, limit); err != nil {
			return false, err
		}
	}
	return false, nil
}
