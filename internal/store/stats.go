package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// statsTries is how often Stats starts again because the account was counted meanwhile.
const statsTries = 5

// Stats adds up what was due in a time span, for an account or one of its jobs: the stored statistics, and at most
// maxUncounted executions that are not counted yet. The error is of kind NotFound for a job that does not exist.
func (s *Store) Stats(ctx context.Context, accountID int64, q *cron.StatsQuery) (stats cron.HourlyStats, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return stats, err
	}
	defer leave()
	if _, err := s.searchable(ctx, accountID, &cron.HistoryFilter{JobID: q.JobID}); err != nil {
		return stats, err
	}
	err = s.whileNotCounted(ctx, accountID, func(position int64) (err error) {
		stats, _, err = s.stats(ctx, accountID, q, position, maxUncounted)
		return err
	})
	return stats, err
}

// whileNotCounted calls read with how far the executions of an account are counted, until that is still so afterwards.
func (s *Store) whileNotCounted(ctx context.Context, accountID int64, read func(position int64) error) error {
	for range statsTries {
		before, err := s.rollupPosition(ctx, accountID)
		if err != nil {
			return err
		}
		if err := read(before.position); err != nil {
			return err
		}
		after, err := s.rollupPosition(ctx, accountID)
		if err != nil || before == after {
			return err
		}
	}
	return &cron.Error{Kind: cron.Unavailable, Err: errors.New("the statistics change all the time")}
}

func (s *Store) rollupPosition(ctx context.Context, accountID int64) (st rollupState, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT version, position FROM rollup_state WHERE account_id = $1`, accountID).Scan(
		&st.version, &st.position)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return st, fmt.Errorf("read how far the statistics are: %w", err)
	}
	return st, nil
}

// stats adds up what is counted up to a position, and at most limit executions after it, which the digest holds.
func (s *Store) stats(ctx context.Context, accountID int64, q *cron.StatsQuery, position int64, limit int) (
	stats cron.HourlyStats, d *digest, err error) {
	hour := func(t time.Time) int64 { return millis(t) / time.Hour.Milliseconds() }
	add := func(h int64, t cron.Tally) {
		if hour(q.From) <= h && h < hour(q.To) {
			stats.Hours = append(stats.Hours, cron.HourTally{Hour: time.Unix(h*3600, 0).UTC(), Tally: t})
		}
	}
	decode := cron.DecodeTally
	if q.Counts {
		decode = cron.DecodeCounts
	}
	table, column, owner := "rollup_account", "account_id", accountID
	if q.JobID != 0 {
		table, column, owner = "rollup_job", "job_id", q.JobID
	}
	err = each(ctx, s.read, "read the statistics", func(scan scanner) error {
		var (
			h int64
			b []byte
		)
		if err := scan(&h, &b); err != nil {
			return err
		}
		t, err := decode(b)
		if err != nil {
			return err
		}
		add(h, t)
		return nil
	}, `SELECT hour, tally FROM `+table+` WHERE `+column+` = $1 AND hour >= $2
		AND hour < $3`, owner, hour(q.From), hour(q.To))
	if err != nil {
		return stats, nil, err
	}
	stats.AsOf = s.stamp()
	d = newDigest(q.JobID != 0, q.JobID == 0)
	if _, err := s.lateResults(ctx, d, accountID, q.JobID); err != nil {
		return stats, nil, err
	}
	fresh, err := s.uncounted(ctx, column, owner, position, limit)
	if err != nil {
		return stats, nil, err
	}
	if len(fresh) == limit {
		stats.AsOf = fresh[len(fresh)-1].Result.Started
	}
	if err := s.count(ctx, d, fresh); err != nil {
		return stats, nil, err
	}
	for key, t := range d.tallies {
		add(key.hour, *t)
	}
	return stats, d, nil
}
