package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// maxGroup is how many waiting writes share a transaction, and so one sync of the disk.
const maxGroup = 64

var errClosed = errors.New("the database is closed")

// writer is SQLite's single writer. Writes that wait together are committed together, those that somebody waits for
// first; each runs in a savepoint of its own, so that one that fails takes nothing of the others with it.
type writer struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // by their text, which is constant

	mu       sync.Mutex
	queue    [3][]*write // by urgency
	overtook bool        // the latest group left batched writes behind
	closed   bool
	wake     chan struct{}
	done     chan struct{}
}

type write struct {
	fn   func(ctx context.Context, q queryer) error
	ctx  context.Context
	err  error
	done chan struct{}
}

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the writer: %w", err)
	}
	w := &writer{conn: conn, stmts: make(map[string]*sql.Stmt), wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w, nil
}

// do runs fn in a transaction and returns once it is durable. A context that ends before fn has started takes the
// write back; after that the write is carried through.
func (w *writer) do(ctx context.Context, u urgency, fn func(context.Context, queryer) error) error {
	op := &write{fn: fn, ctx: ctx, done: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	}
	w.queue[u] = append(w.queue[u], op)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	<-op.done
	return op.err
}

// close lets the writes that wait finish.
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
		w.commit(group)
		for _, op := range group {
			close(op.done)
		}
	}
}

// take removes the next group from the queues. Batched writes do not hold up others in one transaction with them, but
// wait no longer than for one group.
func (w *writer) take() (group []*write, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	urgent := len(w.queue[waitedOn])+len(w.queue[starting]) > 0
	w.overtook = urgent && len(w.queue[batched]) > 0 && !w.overtook
	least := batched
	if w.overtook {
		least = starting
	}
	for u := waitedOn; u >= least; u-- {
		n := min(len(w.queue[u]), maxGroup-len(group))
		group = append(group, w.queue[u][:n]...)
		w.queue[u] = append(w.queue[u][:0:0], w.queue[u][n:]...)
	}
	return group, w.closed
}

// commit runs a group in one transaction and sets the error of each write.
func (w *writer) commit(group []*write) {
	// An interrupted statement would roll back the whole transaction: no caller's context reaches the database.
	ctx := context.Background()
	fail := func(err error) {
		for _, op := range group {
			if op.err == nil {
				op.err = err
			}
		}
	}
	if _, err := w.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		fail(fmt.Errorf("begin: %w", err))
		return
	}
	for _, op := range group {
		if op.err = op.ctx.Err(); op.err != nil {
			continue
		}
		if len(group) == 1 {
			if op.err = op.fn(ctx, w); op.err != nil {
				w.rollback(ctx)
				return
			}
			break
		}
		if err := w.savepoint(ctx, op); err != nil {
			w.rollback(ctx)
			fail(err)
			return
		}
	}
	if _, err := w.ExecContext(ctx, `COMMIT`); err != nil {
		w.rollback(ctx)
		fail(fmt.Errorf("commit: %w", err))
	}
}

// savepoint runs one write of several; the error it returns is one that ends the transaction.
func (w *writer) savepoint(ctx context.Context, op *write) error {
	if _, err := w.ExecContext(ctx, `SAVEPOINT op`); err != nil {
		return fmt.Errorf("set a savepoint: %w", err)
	}
	if op.err = op.fn(ctx, w); op.err != nil {
		if _, err := w.ExecContext(ctx, `ROLLBACK TO op`); err != nil {
			return fmt.Errorf("roll back to a savepoint: %w", err)
		}
	}
	if _, err := w.ExecContext(ctx, `RELEASE op`); err != nil {
		return fmt.Errorf("release a savepoint: %w", err)
	}
	return nil
}

// rollback ends a transaction that SQLite may have ended already.
func (w *writer) rollback(ctx context.Context) { _, _ = w.ExecContext(ctx, `ROLLBACK`) }

// prepared finds or makes the statement: preparing costs more than running the small ones.
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
		return w.conn.QueryRowContext(ctx, query, args...) // fails in the same way, inside the Row
	}
	return s.QueryRowContext(ctx, args...)
}

var _ queryer = (*writer)(nil)
