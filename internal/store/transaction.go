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

// All that is written goes through Store.transact, and what a transaction does with the context that it is given
// joins it:
//
//	use case ── Idempotent ──▶ transact ──▶ engine.write ──▶  BEGIN … key … ┐
//	                              ▲                                         │ do(ctx)
//	                    CreateJob ┘ finds the transaction in ctx ◀──────────┘
//	                              └─▶ SAVEPOINT … job … RELEASE ──▶ answer ──▶ COMMIT ──▶ signal
//
// Nothing is decoded, validated or sent in between: on SQLite a transaction is a turn of the only writer, and on
// PostgreSQL it holds rows that claims and results need. What an edit makes of a job is therefore worked out outside,
// and the transaction that writes it compares the version of the row (Store.UpdateJob).
//
// A turn says whose a transaction is. Each kind has what it needs apart from the others, so that one account, or all of
// them, cannot hold up the schedule:
//
//	turn         PostgreSQL, connections of    SQLite, order of the writer
//	lease        its own                       first
//	starting     the scheduler's               first
//	results      the scheduler's               last, but no later than the group after the next
//	ofAccount    the API's, by account (gate)  second, round-robin over accounts, a part of each group
//	upkeep       its own                       last
type turn struct {
	class   class
	account int64 // 0 when it belongs to none
}

// class is what kind of work a transaction is.
type class int

// The classes.
const (
	classUpkeep   class = iota // can wait
	classResults               // can wait for a moment
	classAccount               // a person or program waits for the answer
	classStarting              // executions start with it
	classLease                 // the node lives by it
)

var (
	upkeep   = turn{class: classUpkeep}
	results  = turn{class: classResults}
	starting = turn{class: classStarting}
	lease    = turn{class: classLease}
)

// ofAccount is the turn of a call of an account; that of the operator's commands is 0.
func ofAccount(id int64) turn { return turn{classAccount, id} }

var errNoTurn = errors.New("no turn came in time")

// errTooManyWaiting is that an account has as many calls waiting as it may.
func errTooManyWaiting() error {
	return &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second,
		Problems: []cron.Problem{{Rule: cron.RuleWaiting, Limit: maxWaiting}}}
}

// errLocked is that another call held for so long what this one is about.
func errLocked(waited time.Duration, err error) error {
	return &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second, Err: err,
		Problems: []cron.Problem{{Rule: cron.RuleLocked, Limit: int64(waited / time.Second)}}}
}

// transactionKey finds the open transaction in a context.
type transactionKey struct{}

// transaction is one that is open.
type transaction struct {
	q       queryer
	changed bool  // the schedule of some job may be another
	ended   error // why the database ended it, though its function goes on: nothing more may be written
}

// joined is the transaction that ctx is part of.
func joined(ctx context.Context) (*transaction, bool) {
	tx, ok := ctx.Value(transactionKey{}).(*transaction)
	return tx, ok
}

// transact runs fn in a transaction: that of ctx where there is one, of which an error undoes what fn did and no more,
// and otherwise one of its own. fn may run more than once, must not keep q, and does everything with the context that
// it is given.
func (s *Store) transact(ctx context.Context, t turn, fn func(ctx context.Context, q queryer) error) error {
	if tx, ok := joined(ctx); ok {
		return tx.nested(ctx, fn)
	}
	if known, ok := turnOf(ctx); ok && t.class == classAccount {
		t = known // upkeep does something on behalf of an account
	}
	var changed bool
	err := s.engine.write(ctx, t, func(ctx context.Context, q queryer) (err error) {
		defer func() {
			if p := recover(); p != nil { // on the goroutine of the writer nobody else would
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		tx := &transaction{q: q}
		err = fn(context.WithValue(ctx, transactionKey{}, tx), q)
		changed = tx.changed
		if err == nil {
			err = tx.ended
		}
		return err
	})
	if err == nil && changed {
		s.signal()
	}
	return err
}

// nested runs fn as a part of the transaction.
func (tx *transaction) nested(ctx context.Context, fn func(context.Context, queryer) error) error {
	if tx.ended != nil {
		return tx.ended
	}
	if _, err := tx.q.ExecContext(ctx, `SAVEPOINT part`); err != nil {
		return fmt.Errorf("begin a part of a transaction: %w", err)
	}
	failed := fn(ctx, tx.q)
	if failed != nil {
		if _, err := tx.q.ExecContext(ctx, `ROLLBACK TO SAVEPOINT part`); err != nil {
			// SQLite undoes all of a transaction when the disk is full, for instance.
			tx.ended = fmt.Errorf("undo a part of a transaction: %w", err)
			return errors.Join(failed, tx.ended)
		}
	}
	if _, err := tx.q.ExecContext(ctx, `RELEASE SAVEPOINT part`); err != nil {
		return errors.Join(failed, fmt.Errorf("end a part of a transaction: %w", err))
	}
	return failed
}

// writeJobs runs fn for an account, with the zone data of the database, and tells the scheduler after the commit.
func (s *Store) writeJobs(ctx context.Context, account int64, fn func(ctx context.Context, q queryer) error) error {
	return s.withZones(ctx, func() error {
		return s.transact(ctx, ofAccount(account), func(ctx context.Context, q queryer) error {
			if err := s.checkZones(ctx, q); err != nil {
				return err
			}
			if err := fn(ctx, q); err != nil {
				return err
			}
			tx, _ := joined(ctx)
			tx.changed = true
			return s.engine.notify(ctx, q)
		})
	})
}

// pools are what is read from: the transaction of the context where there is one, and otherwise the connections of its
// turn.
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
