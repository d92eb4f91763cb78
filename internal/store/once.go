package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"punctual/internal/cron"
)

// transactionKey finds the open transaction in a context.
type transactionKey struct{}

// joined is the transaction that Once has opened, when ctx comes from there.
func joined(ctx context.Context) (queryer, bool) {
	q, ok := ctx.Value(transactionKey{}).(queryer)
	return q, ok
}

// write runs fn in a transaction: that of Once when ctx comes from there, otherwise one of its own.
func (s *Store) write(ctx context.Context, u urgency, fn func(ctx context.Context, q queryer) error) error {
	if q, ok := joined(ctx); ok {
		return fn(ctx, q)
	}
	return s.backend.write(ctx, u, fn)
}

// joinedReads reads inside the transaction of Once where there is one, and otherwise from the pool. It would be waited
// for in vain when all connections of the pool were such transactions.
type joinedReads struct{ pool queryer }

var _ queryer = joinedReads{}

func (r joinedReads) from(ctx context.Context) queryer {
	if q, ok := joined(ctx); ok {
		return q
	}
	return r.pool
}

// ExecContext runs a statement.
func (r joinedReads) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return r.from(ctx).ExecContext(ctx, query, args...)
}

// QueryContext runs a query.
func (r joinedReads) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return r.from(ctx).QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query for one row.
func (r joinedReads) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return r.from(ctx).QueryRowContext(ctx, query, args...)
}

func onceRow(c cron.OnceCall) string {
	return "once " + strconv.FormatInt(c.AccountID, 10) + " " + c.Key
}

// Once lets do perform a call and keeps its answer, all in one transaction, of which everything is part that do does
// with the context it is given; an error of do undoes it all and is returned as it is. A call that was performed before
// is not performed again: then replayed is true, and the answer that of the first time. do may run more than once.
//
// The error is of kind Unprocessable when the key belongs to another request, and of kind TooMany when the account has
// too many keys in use.
func (s *Store) Once(ctx context.Context, c cron.OnceCall, do func(ctx context.Context) (answer []byte, err error)) (
	answer []byte, replayed bool, err error) {
	err = s.backend.write(ctx, waitedOn, func(_ context.Context, q queryer) error {
		kept, found, err := s.onceAnswer(ctx, q, c)
		if err != nil || found {
			answer, replayed = kept, true
			return err
		}
		answer, err = do(context.WithValue(context.WithoutCancel(ctx), transactionKey{}, q))
		replayed = false
		if err != nil {
			return err
		}
		_, err = q.ExecContext(context.WithoutCancel(ctx), `UPDATE once SET answer = $3 WHERE account_id = $1 AND key = $2`,
			c.AccountID, c.Key, s.sealer.seal(answer, onceRow(c)))
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if !replayed {
		s.signal() // what do has changed can be seen by now
	}
	return answer, replayed, nil
}

// onceAnswer finds the answer of a call that was performed before, or takes its key.
func (s *Store) onceAnswer(ctx context.Context, q queryer, c cron.OnceCall) (answer []byte, found bool, err error) {
	ctx = context.WithoutCancel(ctx) // an interrupted statement would undo the writes of others
	now := s.stamp()
	since := millis(now.Add(-cron.OnceKept))
	if _, err := q.ExecContext(ctx, `DELETE FROM once WHERE account_id = $1 AND key = $2 AND created_at <= $3`,
		c.AccountID, c.Key, since); err != nil {
		return nil, false, fmt.Errorf("forget an old call: %w", err)
	}
	// On PostgreSQL this waits for a first request that is under way on another node.
	res, err := q.ExecContext(ctx,
		`INSERT INTO once (account_id, key, request, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		c.AccountID, c.Key, c.Request[:], millis(now))
	if err != nil {
		return nil, false, fmt.Errorf("note the call: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return nil, false, fmt.Errorf("note the call: %w", err)
	} else if n > 0 {
		return nil, false, checkOnceRoom(ctx, q, c.AccountID, since)
	}
	var request, sealed []byte
	err = q.QueryRowContext(ctx, `SELECT request, answer FROM once WHERE account_id = $1 AND key = $2`,
		c.AccountID, c.Key).Scan(&request, &sealed)
	if err != nil {
		return nil, false, fmt.Errorf("find the answer of a call: %w", err)
	}
	if string(request) != string(c.Request[:]) {
		return nil, false, &cron.Error{Kind: cron.Unprocessable, Problems: []cron.Problem{{Rule: cron.RuleIdempotencyOther}}}
	}
	answer, err = s.sealer.open(sealed, onceRow(c))
	if err != nil {
		return nil, false, fmt.Errorf("open the answer of a call: %w", err)
	}
	return answer, true, nil
}

// checkOnceRoom is an error of kind TooMany when an account has taken one key too many.
func checkOnceRoom(ctx context.Context, q queryer, accountID, since int64) error {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM once WHERE account_id = $1 AND created_at > $2`,
		accountID, since).Scan(&n)
	if err != nil {
		return fmt.Errorf("count the calls: %w", err)
	}
	if n > cron.MaxOnceKeys {
		return &cron.Error{Kind: cron.TooMany, Problems: []cron.Problem{{
			Rule: cron.RuleIdempotencyFull, Limit: cron.MaxOnceKeys,
		}}}
	}
	return nil
}

// pruneOnce forgets a chunk of the calls whose keys are free again.
func (s *Store) pruneOnce(ctx context.Context) (more bool, err error) {
	err = s.backend.write(ctx, batched, func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM once WHERE (account_id, key) IN
			(SELECT account_id, key FROM once WHERE created_at <= $1 LIMIT $2)`, millis(s.Now().Add(-cron.OnceKept)), pruneChunk)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		more = n == pruneChunk
		return err
	})
	if err != nil {
		return false, fmt.Errorf("forget old calls: %w", err)
	}
	return more, nil
}
