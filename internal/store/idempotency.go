package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"punctual/internal/cron"
)

func idempotencyRow(accountID int64, key string) string {
	return "once " + strconv.FormatInt(accountID, 10) + " " + key
}

// Idempotent performs a call and stores its answer under the idempotency key, in one transaction that do joins by its
// context. An error of do undoes everything and is returned unchanged. A call that was performed before is not
// performed again: replayed is true, and the answer is the stored one. do may run more than once.
//
// The error is of kind Unprocessable when the key was used for another request, and of kind TooMany when the account
// has too many keys in use.
func (s *Store) Idempotent(ctx context.Context, c cron.IdempotentCall, do func(ctx context.Context) (answer []byte, err error)) (
	answer []byte, replayed bool, err error) {
	err = s.transact(ctx, ofAccount(c.AccountID), func(ctx context.Context, q queryer) error {
		if answer, replayed, err = s.takeKey(ctx, q, c); err != nil || replayed {
			return err
		}
		if answer, err = do(ctx); err != nil {
			return err
		}
		sealed, err := s.seal(ctx, q, answer, idempotencyRow(c.AccountID, c.Key))
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE idempotency_key SET answer = $3 WHERE account_id = $1 AND key = $2`,
			c.AccountID, c.Key, sealed)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return answer, replayed, nil
}

// Performed finds the answer of a call that was performed before. The error is of kind Unprocessable when the key was
// used for another request.
func (s *Store) Performed(ctx context.Context, c cron.IdempotentCall) (answer []byte, found bool, err error) {
	ctx, leave, err := s.enter(ctx, c.AccountID)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	answer, err = s.keptAnswer(ctx, s.read, c, millis(s.stamp().Add(-cron.IdempotencyKeyLifetime)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return answer, err == nil, err
}

// keptAnswer reads the stored answer of a key that was used after an instant.
func (s *Store) keptAnswer(ctx context.Context, q queryer, c cron.IdempotentCall, since int64) ([]byte, error) {
	var request, sealed []byte
	err := q.QueryRowContext(ctx, `SELECT request_hash, answer FROM idempotency_key WHERE account_id = $1 AND key = $2 AND created_at > $3`,
		c.AccountID, c.Key, since).Scan(&request, &sealed)
	if err != nil {
		return nil, fmt.Errorf("find the answer of a call: %w", err)
	}
	if string(request) != string(c.Request[:]) {
		return nil, &cron.Error{Kind: cron.Unprocessable, Problems: []cron.Problem{{Rule: cron.RuleIdempotencyOther}}}
	}
	answer, err := s.sealer.open(sealed, idempotencyRow(c.AccountID, c.Key))
	if err != nil {
		return nil, fmt.Errorf("open the answer of a call: %w", err)
	}
	return answer, nil
}

// takeKey finds the answer of a call that was performed before, or inserts its key.
func (s *Store) takeKey(ctx context.Context, q queryer, c cron.IdempotentCall) (answer []byte, found bool, err error) {
	now := s.stamp()
	since := millis(now.Add(-cron.IdempotencyKeyLifetime))
	if _, err := q.ExecContext(ctx, `DELETE FROM idempotency_key WHERE account_id = $1 AND key = $2 AND created_at <= $3`,
		c.AccountID, c.Key, since); err != nil {
		return nil, false, fmt.Errorf("forget an old call: %w", err)
	}
	// On PostgreSQL this waits for a request with the same key on another node.
	res, err := q.ExecContext(ctx,
		`INSERT INTO idempotency_key (account_id, key, request_hash, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		c.AccountID, c.Key, c.Request[:], millis(now))
	if err != nil {
		return nil, false, fmt.Errorf("note the call: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return nil, false, fmt.Errorf("note the call: %w", err)
	} else if n > 0 {
		return nil, false, checkIdempotencyRoom(ctx, q, c.AccountID, since)
	}
	answer, err = s.keptAnswer(ctx, q, c, since)
	return answer, err == nil, err
}

// checkIdempotencyRoom returns an error of kind TooMany when an account has more keys than it may.
func checkIdempotencyRoom(ctx context.Context, q queryer, accountID, since int64) error {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM idempotency_key WHERE account_id = $1 AND created_at > $2`,
		accountID, since).Scan(&n)
	if err != nil {
		return fmt.Errorf("count the calls: %w", err)
	}
	if n > cron.MaxIdempotencyKeys {
		return &cron.Error{Kind: cron.TooMany, Problems: []cron.Problem{{
			Rule: cron.RuleIdempotencyFull, Limit: cron.MaxIdempotencyKeys,
		}}}
	}
	return nil
}

// pruneIdempotencyKeys deletes a chunk of the expired keys.
func (s *Store) pruneIdempotencyKeys(ctx context.Context) (more bool, err error) {
	return s.prune(ctx, "forget old calls", `DELETE FROM idempotency_key WHERE (account_id, key) IN
		(SELECT account_id, key FROM idempotency_key WHERE created_at <= $1 LIMIT $2)`,
		millis(s.Now().Add(-cron.IdempotencyKeyLifetime)))
}
