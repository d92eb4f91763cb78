package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"punctual/internal/cron"
)

// Everything is written through Store.transact. What a transaction does with the context that it passes on becomes part
// of it:
//
//	use case ── Idempotent ──▶ transact ──▶ engine.write ──▶  BEGIN … key … ┐
//	                              ▲                                         │ do(ctx)
//	                    CreateJob ┘ finds the transaction in ctx ◀──────────┘
//	                              └─▶ SAVEPOINT … job … RELEASE ──▶ answer ──▶ COMMIT ──▶ signal
//
// Nothing is decoded, validated or sent inside: on SQLite a transaction blocks the only writer, and on PostgreSQL it
// holds rows that claims and results need. Therefore an edit is prepared outside, and the transaction that writes it
// compares the version of the row (Store.UpdateJob).
//
// A turn is the class of work of a transaction, and its account. Each class has its own connections or its own place in
// the queue, so that no account, nor all of them together, can hold up the schedule:
//
//	turn         PostgreSQL, connections of    SQLite, order of the writer
//	lease        its own                       first
//	claims       the scheduler's               first
//	results      the scheduler's               last, but no later than the group after the next
//	ofAccount    the API's, by account (gate)  second, round-robin over accounts, a part of each group
//	upkeep       its own                       last
type turn struct {
	class   class
	account int64 // 0 when it belongs to none
}

// class is a class of work.
type class int

// The classes.
const (
	classUpkeep  class = iota // can wait
	classResults              // can wait for a moment
	classAccount              // a caller waits for the answer
	classClaim                // executions start when it ends
	classLease                // the node needs it to stay alive
)

var (
	upkeep  = turn{class: classUpkeep}
	results = turn{class: classResults}
	claims  = turn{class: classClaim}
	lease   = turn{class: classLease}
)

// ofAccount is the turn of an account's call. The operator's commands have account 0.
func ofAccount(id int64) turn { return turn{classAccount, id} }

// ofPerson is the turn of a person's call that concerns no account. Its number is negative, apart from those of accounts.
func ofPerson(id int64) turn { return turn{classAccount, -id} }

var errNoTurn = errors.New("no turn came in time")

// errTooManyWaiting says that the account has too many calls waiting.
func errTooManyWaiting() error {
	return &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second,
		Problems: []cron.Problem{{Rule: cron.RuleWaiting, Limit: maxWaiting}}}
}

// errLocked says that another call held the same job or folder for too long.
func errLocked(waited time.Duration, err error) error {
	return &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second, Err: err,
		Problems: []cron.Problem{{Rule: cron.RuleLocked, Limit: int64(waited / time.Second)}}}
}

// transactionKey is the context key of the open transaction.
type transactionKey struct{}

// transaction is an open transaction.
type transaction struct {
	q     queryer
	wakes []wake                            // see wakeHere
	after []func(ctx context.Context) error // see afterCommit
	key   *sealingKey                       // that seals what it writes, once Store.seal has locked it
	ended error                             // why the database has ended it; nothing more may be written
}

// joined is the transaction that ctx is part of.
func joined(ctx context.Context) (*transaction, bool) {
	tx, ok := ctx.Value(transactionKey{}).(*transaction)
	return tx, ok
}

// transact runs fn in a transaction. If ctx is part of a transaction, fn joins it, and an error undoes only what fn
// did. fn may run more than once, must not keep q, and must use the context that it is given.
func (s *Store) transact(ctx context.Context, t turn, fn func(ctx context.Context, q queryer) error) error {
	if tx, ok := joined(ctx); ok {
		return tx.nested(ctx, fn)
	}
	if known, ok := turnOf(ctx); ok && t.class == classAccount {
		t = known // upkeep on behalf of an account keeps its own turn
	}
	var (
		wakes []wake
		after []func(ctx context.Context) error
	)
	err := s.engine.write(ctx, t, func(ctx context.Context, q queryer) (err error) {
		defer func() {
			if p := recover(); p != nil { // the writer's goroutine must survive
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		tx := &transaction{q: q}
		err = fn(context.WithValue(ctx, transactionKey{}, tx), q)
		wakes, after = tx.wakes, tx.after
		if err == nil {
			err = tx.ended
		}
		return err
	})
	if err == nil {
		if t.class != classLease {
			s.polls.forget()
		}
		for _, w := range wakes {
			s.signal(w)
		}
	}
	for _, follow := range after {
		if err == nil {
			err = follow(ctx)
		}
	}
	return err
}

// wakeHere wakes this node after the commit of the transaction of ctx.
func wakeHere(ctx context.Context, w wake) {
	tx, _ := joined(ctx)
	if !slices.Contains(tx.wakes, w) {
		tx.wakes = append(tx.wakes, w)
	}
}

// wake wakes this node and the others after the commit of the transaction of ctx.
func (s *Store) wake(ctx context.Context, q queryer, w wake) error {
	wakeHere(ctx, w)
	return s.engine.notify(ctx, q, w)
}

// afterCommit makes follow run after the commit of the transaction of ctx, with the context of the caller. It is for long
// work, which upkeep completes if the process dies first. If the part of the transaction that calls it is undone, follow
// does not run.
func afterCommit(ctx context.Context, follow func(ctx context.Context) error) {
	tx, _ := joined(ctx)
	tx.after = append(tx.after, follow)
}

// AfterCommit runs follow after the commit of the transaction that ctx is part of, and not at all when what calls it is undone;
// at once when ctx is part of none. It is for what a transaction must not do, such as sending a mail.
func (s *Store) AfterCommit(ctx context.Context, follow func()) {
	if _, ok := joined(ctx); !ok {
		follow()
		return
	}
	afterCommit(ctx, func(context.Context) error {
		follow()
		return nil
	})
}

// nested runs fn inside a savepoint of the transaction.
func (tx *transaction) nested(ctx context.Context, fn func(context.Context, queryer) error) error {
	if tx.ended != nil {
		return tx.ended
	}
	if _, err := tx.q.ExecContext(ctx, `SAVEPOINT part`); err != nil {
		return fmt.Errorf("begin a part of a transaction: %w", err)
	}
	after, key := len(tx.after), tx.key
	failed := fn(ctx, tx.q)
	if failed != nil {
		tx.after, tx.key = tx.after[:after], key // the lock on the key goes with the savepoint
		if _, err := tx.q.ExecContext(ctx, `ROLLBACK TO SAVEPOINT part`); err != nil {
			// SQLite rolls back the whole transaction when the disk is full, for instance.
			tx.ended = fmt.Errorf("undo a part of a transaction: %w", err)
			return errors.Join(failed, tx.ended)
		}
	}
	if _, err := tx.q.ExecContext(ctx, `RELEASE SAVEPOINT part`); err != nil {
		return errors.Join(failed, fmt.Errorf("end a part of a transaction: %w", err))
	}
	return failed
}

// writeJobs runs fn in a transaction of an account with the current zone data, and wakes the scheduler after the
// commit.
func (s *Store) writeJobs(ctx context.Context, account int64, fn func(ctx context.Context, q queryer) error) error {
	return s.withZones(ctx, func() error {
		return s.transact(ctx, ofAccount(account), func(ctx context.Context, q queryer) error {
			if err := s.checkZones(ctx, q); err != nil {
				return err
			}
			if err := fn(ctx, q); err != nil {
				return err
			}
			return s.wake(ctx, q, wakeSchedule)
		})
	})
}

// pools are the connections for reads, by class of work. In a transaction, reads use its connection.
type pools [classLease + 1]*sql.DB

var _ queryer = pools{}

func (p pools) from(ctx context.Context) queryer {
	if tx, ok := joined(ctx); ok {
		return tx.q
	}
	t, _ := turnOf(ctx)
	return p[t.class]
}

// ExecContext runs a statement.
func (p pools) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.from(ctx).ExecContext(ctx, query, args...)
}

// QueryContext runs a query.
func (p pools) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.from(ctx).QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query for one row.
func (p pools) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.from(ctx).QueryRowContext(ctx, query, args...)
}

// close closes each pool once.
func (p pools) close() (err error) {
	for i, db := range p {
		if db != nil && !slices.Contains(p[:i], db) {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}
