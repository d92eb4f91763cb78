package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"punctual/internal/cron"
)

// The outbox is a table of notices: events of a job that its account is told about. A notice is written in the transaction
// of the result that causes it, so that neither is ever stored without the other:
//
//	result ──▶ Conclude ──▶ Finish: execution, job_state, outbox ──▶ COMMIT ──▶ upkeep prunes it
//
// A row is a snapshot of everything that the notice says: the title, URL and time zone of the job and the result of the
// execution. It stays correct when the job is edited or deleted, and when the retention has removed the execution.
//
// The table is bounded: upkeep removes notices that are older than outboxKept, and the oldest ones of an account that
// has more than maxNotices, which it logs.
const (
	outboxKept = 30 * 24 * time.Hour
	maxNotices = 10_000
	// outboxAccounts is for how many accounts one step of the upkeep counts notices.
	outboxAccounts = 20
)

// writeNotice adds a notice about completion c to the outbox. failures is the number of failures of the job in a row
// before it.
func writeNotice(ctx context.Context, q queryer, kind cron.NoticeKind, c *cron.Completion, failures int, now time.Time) error {
	if kind == cron.NoticeFailure || kind == cron.NoticeDisabled {
		failures++
	}
	l, r := &c.Launch, &c.Result
	_, err := q.ExecContext(ctx,
		`INSERT INTO outbox (account_id, event, created_at, job_id, job_title, url, timezone, execution_id, kind, attempt,
		        planned_at, started_at, duration_us, status, http_status, fault, reason, failures, cert_expiry_at)
		 SELECT account_id, $2, $3, id, title, url, timezone, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
		 FROM job WHERE id = $1`,
		l.Job.ID, int(kind), millis(now), l.ExecutionID, int(l.Kind), l.Attempt, millis(l.Planned), millis(r.Started),
		r.Duration.Microseconds(), int(r.Status), r.HTTPStatus, int(r.Fault), storable(r.Reason), failures,
		millis(r.CertExpiry))
	if err != nil {
		return fmt.Errorf("write a notice: %w", err)
	}
	return nil
}

// countedNotices is where Notices stops counting.
const countedNotices = 10_000

// Notices counts the notices in the outbox, up to countedNotices.
func (s *Store) Notices(ctx context.Context) (int, error) {
	var n int
	err := s.read.QueryRowContext(upkeep.with(ctx), `SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT $1) AS first_ones`,
		countedNotices).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the notices: %w", err)
	}
	return n, nil
}

// pruneOutbox removes a chunk of old notices, or of the notices of an account that has too many.
func (s *Store) pruneOutbox(ctx context.Context) (more bool, err error) {
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		var first int64
		if err := q.QueryRowContext(ctx, `SELECT coalesce(min(id), 0) FROM outbox`).Scan(&first); err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `DELETE FROM outbox WHERE id < $1 AND created_at < $2`, first+pruneChunk,
			millis(s.Now().Add(-outboxKept)))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		more = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("remove old notices: %w", err)
	}
	if !more {
		more, err = s.boundOutbox(ctx)
	}
	return more, err
}

// boundOutbox looks at the next accounts with notices, and removes a chunk of the oldest notices of one that has too
// many.
func (s *Store) boundOutbox(ctx context.Context) (more bool, err error) {
	for range outboxAccounts {
		account := s.outboxAccount.Load() // the last one that was looked at
		err := s.read.QueryRowContext(ctx, `SELECT account_id FROM outbox WHERE account_id > $1 ORDER BY account_id LIMIT 1`,
			account).Scan(&account)
		if errors.Is(err, sql.ErrNoRows) {
			s.outboxAccount.Store(0) // the next step starts with the first account
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("list the accounts with notices: %w", err)
		}
		removed, err := s.boundNotices(ctx, account)
		if err != nil {
			return false, fmt.Errorf("remove notices of which there are too many: %w", err)
		}
		if removed > 0 {
			s.logger.Warn("an account has too many notices in the outbox, and its oldest were removed",
				slog.Int64("account", account), slog.Int64("removed", removed), slog.Int("kept", maxNotices))
		}
		if removed == pruneChunk {
			return true, nil
		}
		s.outboxAccount.Store(account)
	}
	return false, nil
}

// boundNotices removes a chunk of an account's oldest notices beyond the newest maxNotices.
func (s *Store) boundNotices(ctx context.Context, accountID int64) (removed int64, err error) {
	var last int64
	err = s.read.QueryRowContext(ctx, `SELECT id FROM outbox WHERE account_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2`,
		accountID, maxNotices).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM outbox WHERE id IN
			(SELECT id FROM outbox WHERE account_id = $1 AND id <= $2 ORDER BY id LIMIT $3)`, accountID, last, pruneChunk)
		if err != nil {
			return err
		}
		removed, err = res.RowsAffected()
		return err
	})
	return removed, err
}
