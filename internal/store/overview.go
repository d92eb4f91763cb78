package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// What the overview of an account shows. Every count is of the entries of an index that holds just what is counted, or of as many
// rows as are named here.
const (
	dueWindow   = 5000 // jobs of all accounts that are due first, among which those of a large account are looked for
	largeJobs   = 5000 // of an account for which that is worth while
	lastsLooked = 50   // problems that opened last, among which is the one that ended last
)

// JobCounts counts the jobs of an account.
func (s *Store) JobCounts(ctx context.Context, accountID int64) (c cron.JobCounts, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return c, err
	}
	defer leave()
	now := s.Now()
	for _, count := range []struct {
		of    *int
		query string
		args  []any
	}{
		{&c.Jobs, `FROM job WHERE account_id = $1`, nil},
		{&c.Failing, `FROM job_state WHERE account_id = $1 AND last_status > ` + strconv.Itoa(int(cron.StatusOK)), nil},
		{&c.Late, `FROM (SELECT 1 FROM job_state WHERE claim_at IS NOT NULL AND claim_at < $2 AND account_id = $1 AND next_run_at < $2
			LIMIT $3) AS late`, []any{millis(now.Add(-cron.LateAfter)), cron.MaxLateCounted}},
		{&c.Paused, `FROM job_search WHERE account_id = $1 AND paused_until > 0 AND paused_until > $2`, []any{millis(now)}},
		{&c.Silenced, `FROM job_search WHERE account_id = $1 AND silenced_until > 0 AND silenced_until > $2`, []any{millis(now)}},
		{&c.Disabled, `FROM job_search WHERE account_id = $1 AND NOT enabled`, nil},
		{&c.Certificates, `FROM job_certificate WHERE account_id = $1 AND ends_at < $2`, []any{millis(now.Add(cron.CertificateAhead))}},
	} {
		err := s.read.QueryRowContext(ctx, `SELECT count(*) `+count.query, append([]any{accountID}, count.args...)...).Scan(count.of)
		if err != nil {
			return c, fmt.Errorf("count the jobs: %w", err)
		}
	}
	return c, nil
}

// ProblemCounts counts the problems of an account.
func (s *Store) ProblemCounts(ctx context.Context, accountID int64) (c cron.ProblemCounts, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return c, err
	}
	defer leave()
	err = each(ctx, s.read, "count the problems", func(scan scanner) error {
		var state cron.ProblemState
		var n int
		if err := scan(&state, &n); err != nil {
			return err
		}
		switch state {
		case cron.ProblemAcknowledged:
			c.Acknowledged = n
		case cron.ProblemSnoozed:
			c.Snoozed = n
		default:
			c.Open = n
		}
		return nil
	}, `SELECT `+stateNow("$2")+` AS state_now, count(*) FROM problem WHERE account_id = $1 AND state <> 3 GROUP BY 1`, accountID, millis(s.Now()))
	return c, err
}

// LastResolved is when the problem of an account that ended last did; zero for none.
func (s *Store) LastResolved(ctx context.Context, accountID int64) (at time.Time, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return at, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(max(resolved_at), 0) FROM
		(SELECT resolved_at FROM problem WHERE account_id = $1 ORDER BY opened_at DESC, id DESC LIMIT $2) AS p`, accountID, lastsLooked).Scan(moment(&at))
	if err != nil {
		return at, fmt.Errorf("find the end of the last problem: %w", err)
	}
	return at, nil
}

// Unresolved lists the problems of an account that opened last and are not resolved, with the number of jobs that have each now, and
// without what Problems counts in the ledger.
func (s *Store) Unresolved(ctx context.Context, accountID int64, limit int) (list []cron.JobProblem, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	now := s.Now()
	list, err = collect(ctx, s.read, "list the unresolved problems", func(scan scanner, p *cron.JobProblem) error { return scanProblem(scan, now, p) },
		`SELECT `+problemColumns+` FROM problem WHERE account_id = $1 AND state <> 3 ORDER BY opened_at DESC, id DESC LIMIT $2`, accountID, limit)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	byID, ids := make(map[int64]*cron.JobProblem, len(list)), make([]int64, len(list))
	for i := range list {
		ids[i], byID[list[i].ID] = list[i].ID, &list[i]
	}
	return list, each(ctx, s.read, "count the jobs of problems", func(scan scanner) error {
		var id, count, first int64
		err := scan(&id, &count, &first)
		if p := byID[id]; err == nil {
			p.Jobs, p.JobIDs = int(count), []int64{first}
		}
		return err
	}, `SELECT problem_id, count(*), min(job_id) FROM job_state WHERE problem_id IS NOT NULL AND `+s.engine.in("problem_id", 1)+` GROUP BY problem_id`,
		s.engine.list(ids))
}

// NextJobs lists the jobs of an account that run next, in that order. jobs is how many jobs the account has, about.
func (s *Store) NextJobs(ctx context.Context, accountID int64, jobs, limit int) ([]cron.JobRecord, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	var ids []int64
	if jobs > largeJobs {
		err := each(ctx, s.read, "list the jobs that run next", func(scan scanner) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		}, `SELECT job_id FROM (SELECT job_id, account_id, next_run_at FROM job_state WHERE claim_at IS NOT NULL
			ORDER BY `+dueOrder+` LIMIT $2) AS due WHERE account_id = $1 ORDER BY next_run_at, job_id LIMIT $3`,
			accountID, dueWindow, limit)
		if err != nil {
			return nil, err
		}
	}
	if len(ids) < limit {
		q := &cron.JobQuery{Sort: cron.SortNext, Limit: limit}
		found, _, err := s.findJobs(ctx, accountID, q)
		if err != nil {
			return nil, err
		}
		ids = ids[:0]
		for i := range found {
			ids = append(ids, found[i].ID)
		}
	}
	list, err := s.foundJobs(ctx, accountID, ids)
	for i := range list {
		if list[i].State.NextRun.IsZero() { // the rest have none, too
			return list[:i], err
		}
	}
	return list, err
}

// Edits lists the versions that jobs of an account got since an instant, latest first.
func (s *Store) Edits(ctx context.Context, accountID int64, since time.Time, limit int) ([]cron.JobEdit, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the latest edits", func(scan scanner, e *cron.JobEdit) error {
		return scanVersion(scan, &e.JobVersion, text(&e.Title), flag(&e.Deleted))
	}, `SELECT v.job_id, v.version, v.created_at, v.person_id, v.key_id, v.author, v.way, v.changes, v.restored, v.action_id, v.forgotten,
			coalesce(job.title, bin_job.title, ''), job.id IS NULL
		FROM (SELECT `+versionColumns+`, id FROM job_version WHERE account_id = $1 ORDER BY id DESC LIMIT $3) AS v
		LEFT JOIN job ON job.id = v.job_id LEFT JOIN bin_job ON bin_job.job_id = v.job_id
		WHERE v.created_at >= $2 ORDER BY v.id DESC`, accountID, millis(since), limit)
}
