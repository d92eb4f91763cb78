package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// Count counts one request of an account against every limit. If a limit is exceeded, it counts nothing and returns that
// limit; within a transaction, the caller has to undo that.
func (s *Store) Count(ctx context.Context, accountID int64, limits []cron.RateLimit) (cron.Excess, error) {
	if len(limits) == 0 {
		return cron.Excess{}, nil
	}
	now := s.Now()
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		for i := range limits {
			l := &limits[i]
			var count int
			err := q.QueryRowContext(ctx,
				`INSERT INTO usage (kind, subject, window_at, count) VALUES ($1, $2, $3, 1)
				 ON CONFLICT (kind, subject, window_at) DO UPDATE SET count = usage.count + 1 RETURNING count`,
				l.Kind, l.Subject, millis(l.Start(now))).Scan(&count)
			if err != nil {
				return err
			}
			if count > l.Max {
				return &limitError{l.Kind, max(l.Start(now).Add(l.Window).Sub(now), time.Millisecond)}
			}
		}
		return nil
	})
	if exceeded, ok := errors.AsType[*limitError](err); ok {
		return cron.Excess(*exceeded), nil
	}
	if err != nil {
		return cron.Excess{}, fmt.Errorf("count the request: %w", err)
	}
	return cron.Excess{}, nil
}

// Uncount takes back a request that Count counted at an instant: one less in the window of that instant, of every limit. A
// window in which nothing is left to count is forgotten: strangers choose what is counted.
func (s *Store) Uncount(ctx context.Context, accountID int64, limits []cron.RateLimit, at time.Time) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		for i := range limits {
			const window = ` WHERE kind = $1 AND subject = $2 AND window_at = $3`
			l := &limits[i]
			key := []any{l.Kind, l.Subject, millis(l.Start(at))}
			if _, err := q.ExecContext(ctx, `UPDATE usage SET count = count - 1`+window, key...); err != nil {
				return err
			}
			if _, err := q.ExecContext(ctx, `DELETE FROM usage`+window+` AND count <= 0`, key...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("take back what was counted: %w", err)
	}
	return nil
}

// limitError undoes a transaction that exceeds a limit.
type limitError cron.Excess

func (*limitError) Error() string { return "a limit is exceeded" }

// Used is the number of requests in the current window of a limit.
func (s *Store) Used(ctx context.Context, l cron.RateLimit) (int, error) {
	var count int
	err := s.read.QueryRowContext(ctx,
		`SELECT coalesce(sum(count), 0) FROM usage WHERE kind = $1 AND subject = $2 AND window_at = $3`,
		l.Kind, l.Subject, millis(l.Start(s.Now()))).Scan(&count)
	if err != nil {
		return 0, fmt.Errorf("read the usage: %w", err)
	}
	return count, nil
}

// usageKept is how long windows are kept; it exceeds the longest window.
const usageKept = 48 * time.Hour

// pruneUsage deletes a chunk of the windows that have ended.
func (s *Store) pruneUsage(ctx context.Context) (more bool, err error) {
	return s.prune(ctx, "forget old usage", `DELETE FROM usage WHERE (kind, subject, window_at) IN
		(SELECT kind, subject, window_at FROM usage WHERE window_at < $1 LIMIT $2)`, millis(s.Now().Add(-usageKept)))
}
