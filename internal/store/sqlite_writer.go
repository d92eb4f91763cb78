package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"punctual/internal/cron"
)

// The limits of a group, which is the writes that share a transaction and so one sync of the disk.
const (
	maxGroup = 64
	// maxGroupCalls and groupTime bound the calls of accounts in a group, so that a claim does not wait long for them
	// and results have room after them.
	maxGroupCalls = 32
	groupTime     = 10 * time.Millisecond
)

var errClosed = errors.New("the database is closed")

// writer is SQLite's single writer. Writes that wait together are committed together, and a failing one does not undo the others:
// all but the first one have a savepoint where a request decides what is written, and a group in which a write of the schedule fails is run
// again with savepoints for these, too. They hardly ever fail, and under a savepoint each page that they change would be copied, to a file when
// there are many. A group is filled in this order:
//
//	first    what the schedule needs: claims, leases
//	calls    of accounts, round-robin over the accounts, until there are maxGroupCalls or they have taken groupTime;
//	         the others keep their place
//
// batches  results and upkeep; other writes make them wait for at most one group
type writer struct {
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt  // by their text, which is constant
	directs map[string]directStmt // those of execEach and eachInto
	now     func() time.Time      // to measure groupTime with

	mu             sync.Mutex
	first          []*write
	calls          fairQueue[*write]
	batches        []*write
	batchesSkipped bool // the latest group left batches waiting
	closed         bool
	wake           chan struct{}
	done           chan struct{}
}

type write struct {
	fn   func(ctx context.Context, q queryer) error
	ctx  context.Context
	turn turn
	err  error
	done chan struct{}
}

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the writer: %w", err)
	}
	w := &writer{
		conn: conn, stmts: make(map[string]*sql.Stmt), directs: make(map[string]directStmt), now: time.Now, wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// do runs fn in a transaction and returns once it is durable. A write whose context ends before fn has started is
// removed; after that it is completed. The error is of kind TooMany when the account has too many writes waiting, and
// of kind Unavailable when a call has waited too long.
func (w *writer) do(ctx context.Context, t turn, fn func(context.Context, queryer) error) error {
	op := &write{fn: fn, ctx: ctx, turn: t, done: make(chan struct{})}
	if err := w.put(op); err != nil {
		return err
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	if t.class != classAccount {
		<-op.done
		return op.err
	}
	timer := time.NewTimer(maxCallWait)
	defer timer.Stop()
	err := error(nil)
	select {
	case <-op.done:
		return op.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = &cron.Error{Kind: cron.Unavailable, Err: errNoTurn}
	}
	w.mu.Lock()
	waited := w.calls.remove(t.account, op)
	w.mu.Unlock()
	if waited {
		return err
	}
	<-op.done
	return op.err
}

func (w *writer) put(op *write) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errClosed
	}
	switch op.turn.class {
	case classLease, classClaim:
		w.first = append(w.first, op)
	case classAccount:
		if !w.calls.push(op.turn.account, op) {
			return errTooManyWaiting()
		}
	case classResults, classUpkeep:
		w.batches = append(w.batches, op)
	}
	return nil
}

// close waits for the waiting writes and closes the database.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	<-w.done
	for _, s := range w.stmts {
		_ = s.Close()
	}
	_ = w.conn.Raw(func(any) error {
		for _, s := range w.directs {
			_ = s.Close()
		}
		return nil
	})
	return w.conn.Close()
}

func (w *writer) run() {
	defer close(w.done)
	for {
		group, closed := w.take()
		if len(group) == 0 {
			if closed {
				return
			}
			<-w.wake
			continue
		}
		for _, op := range w.commit(group) {
			close(op.done)
		}
	}
}

// take removes the next group from the queues.
func (w *writer) take() (group []*write, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ahead := len(w.first) > 0 || !w.calls.empty()
	group, w.first = move(group, w.first, maxGroup)
	for calls := min(maxGroupCalls, maxGroup-len(group)); calls > 0; calls-- {
		_, op, ok := w.calls.pop(anyAccount)
		if !ok {
			break
		}
		group = append(group, op)
	}
	if w.batchesSkipped = ahead && len(w.batches) > 0 && !w.batchesSkipped; !w.batchesSkipped {
		group, w.batches = move(group, w.batches, maxGroup)
	}
	return group, w.closed
}

// move moves writes from the front of a queue to the end of a group, up to most writes in the group.
func move(group, queue []*write, most int) (newGroup, rest []*write) {
	n := max(0, min(len(queue), most-len(group)))
	return append(group, queue[:n]...), append(queue[:0:0], queue[n:]...)
}

// putBack returns calls to the front of their accounts.
func (w *writer) putBack(calls []*write) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, op := range slices.Backward(calls) {
		w.calls.unpop(op.turn.account, op)
	}
}

// commit runs a group in one transaction and sets the error of each write. It returns the writes that have ended; calls
// that did not fit into groupTime wait again.
func (w *writer) commit(group []*write) (ended []*write) {
	ended, ok := w.try(group, false)
	if !ok {
		ended, _ = w.try(group, true)
	}
	return ended
}

// try is commit. Unless all writes are guarded by savepoints, it may undo everything instead, when ok is false.
func (w *writer) try(group []*write, guarded bool) (ended []*write, ok bool) {
	for _, op := range group {
		op.err = nil
	}
	// An interrupted statement would roll back the whole group, so no caller's context reaches the database.
	ctx := context.Background()
	if _, err := w.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		failAll(group, fmt.Errorf("begin: %w", err))
		return group, true
	}
	var late []*write
	begun, written := w.now(), false
	for i, op := range group {
		if i > 0 && op.turn.class == classAccount && w.now().Sub(begun) > groupTime {
			late = append(late, op)
			continue
		}
		ended = append(ended, op)
		if op.err = op.ctx.Err(); op.err != nil {
			continue
		}
		var err error
		switch {
		case !written:
			err = w.unwritten(ctx, op)
		case guarded || !op.turn.ofSchedule():
			err = w.savepoint(ctx, op)
		default:
			if op.err = op.run(w); op.err != nil {
				w.rollback(ctx)
				return nil, false
			}
		}
		if err != nil {
			w.rollback(ctx)
			failAll(group, err)
			return group, true
		}
		written = written || op.err == nil
	}
	w.putBack(late)
	if _, err := w.ExecContext(ctx, `COMMIT`); err != nil {
		w.rollback(ctx)
		failAll(ended, fmt.Errorf("commit: %w", err))
	}
	return ended, true
}

// ofSchedule reports whether no request decides what is written, so that it fails only when something is wrong.
func (t turn) ofSchedule() bool {
	return t.class == classClaim || t.class == classLease || t.class == classResults
}

// failAll ends writes whose transaction failed.
func failAll(group []*write, err error) {
	for _, op := range group {
		if op.err == nil {
			op.err = err
		}
	}
}

// run runs the write. Its caller cannot interrupt it.
func (op *write) run(q queryer) error { return op.fn(context.WithoutCancel(op.ctx), q) }

// unwritten runs a write in a transaction in which nothing is written yet, so that there is nothing to keep if it fails. It returns an error
// only if there is no transaction afterwards.
func (w *writer) unwritten(ctx context.Context, op *write) error {
	if op.err = op.run(w); op.err == nil {
		return nil
	}
	w.rollback(ctx)
	if _, err := w.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return fmt.Errorf("begin again: %w", err)
	}
	return nil
}

// savepoint runs one write of a group. It returns an error only if that ends the transaction.
func (w *writer) savepoint(ctx context.Context, op *write) error {
	if _, err := w.ExecContext(ctx, `SAVEPOINT op`); err != nil {
		return fmt.Errorf("set a savepoint: %w", err)
	}
	if op.err = op.run(w); op.err != nil {
		if _, err := w.ExecContext(ctx, `ROLLBACK TO op`); err != nil {
			return fmt.Errorf("roll back to a savepoint: %w", err)
		}
	}
	if _, err := w.ExecContext(ctx, `RELEASE op`); err != nil {
		return fmt.Errorf("release a savepoint: %w", err)
	}
	return nil
}

// rollback ends a transaction, if SQLite has not ended it already.
func (w *writer) rollback(ctx context.Context) { _, _ = w.ExecContext(ctx, `ROLLBACK`) }

// prepared returns a prepared statement. Preparing costs more than running a small statement.
func (w *writer) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := w.stmts[query]; ok {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	w.stmts[query] = s
	return s, nil
}

// ExecContext runs a statement of the transaction.
func (w *writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// execEach runs a statement count times, each time with the arguments that args returns for that time, which may be the same slice. It
// calls the driver directly: what package database/sql adds to each call takes as long as the driver's part of it.
func (w *writer) execEach(ctx context.Context, query string, count int, args func(n int) []driver.NamedValue,
	done func(n int, changed int64)) error {
	return w.direct(ctx, query, func(s directStmt) error {
		for n := range count {
			res, err := s.ExecContext(ctx, args(n))
			if err != nil {
				return err
			}
			changed, err := res.RowsAffected()
			if err != nil {
				return err
			}
			done(n, changed)
		}
		return nil
	})
}

// eachInto runs a query, scans all of its rows into the same variables, and calls read after each.
func (w *writer) eachInto(ctx context.Context, into []sql.Scanner, read func() error, query string, args []any) error {
	return w.direct(ctx, query, func(s directStmt) (err error) {
		named := make([]driver.NamedValue, len(args))
		for i, a := range args {
			named[i].Ordinal = i + 1
			if named[i].Value, err = driver.DefaultParameterConverter.ConvertValue(a); err != nil {
				return err
			}
		}
		rows, err := s.QueryContext(ctx, named)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		values := make([]driver.Value, len(into))
		for {
			if err := rows.Next(values); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			for i, v := range values {
				if err := into[i].Scan(v); err != nil {
					return fmt.Errorf("column %d: %w", i, err)
				}
			}
			if err := read(); err != nil {
				return err
			}
		}
	})
}

// directStmt is a prepared statement of SQLite's driver.
type directStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// direct calls fn with a prepared statement of the driver. fn must not use the connection otherwise.
func (w *writer) direct(ctx context.Context, query string, fn func(directStmt) error) error {
	return w.conn.Raw(func(conn any) (err error) {
		defer func() {
			if p := recover(); p != nil { // which would close the connection
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		s, ok := w.directs[query]
		if !ok {
			prepared, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
			if err != nil {
				return err
			}
			s = prepared.(directStmt)
			w.directs[query] = s
		}
		return fn(s)
	})
}

// QueryContext runs a query of the transaction.
func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext runs a query of the transaction for one row.
func (w *writer) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := w.prepared(ctx, query)
	if err != nil {
		return w.conn.QueryRowContext(ctx, query, args...) // returns the same error in the Row
	}
	return s.QueryRowContext(ctx, args...)
}

var _ queryer = (*writer)(nil)
