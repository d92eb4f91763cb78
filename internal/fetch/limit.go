package fetch

import (
	"context"
	"sync"
	"time"
)

// limit ends an exchange at its deadline, or when its parent ends. It is the context of the exchange, and it holds the connection that is
// in use. That one waits no longer than until the deadline, by the runtime's poller, and is interrupted when the parent ends:
//
//	parent ends ── AfterFunc ──┐
//	                           ├─ connection ── connect, handshake, write, read
//	deadline ───── poller ─────┘
//
// So an exchange costs one timer, that of its connection. A timer and a channel of the context are made only for those who
// wait for something else, such as a lookup. Err judges by the clock, so it may be known before Done is closed.
type limit struct {
	context.Context // the parent
	deadline        time.Time
	stop            func() bool // the wait for the parent

	mu          sync.Mutex
	conn        deadliner // nil before the first connection
	interrupted bool      // the parent has ended
	ended       bool      // the exchange has ended
	waited      context.Context
	cancel      context.CancelFunc // of waited
}

// deadliner is a net.Conn, as far as a limit knows it.
type deadliner interface {
	SetDeadline(time.Time) error
}

var _ context.Context = (*limit)(nil)

// begin starts the limit. It must be ended.
func (l *limit) begin(parent context.Context, deadline time.Time) {
	l.Context, l.deadline = parent, deadline
	if earlier, ok := parent.Deadline(); ok && earlier.Before(deadline) {
		l.deadline = earlier
	}
	l.stop = context.AfterFunc(parent, l.interrupt)
}

// end frees what the limit holds.
func (l *limit) end() {
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended, l.conn = true, nil
	if l.cancel != nil {
		l.cancel()
	}
}

func (l *limit) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.interrupted = true; l.conn != nil {
		l.conn.SetDeadline(longAgo)
	}
}

// longAgo is a deadline that ends at once what waits.
var longAgo = time.Unix(1, 0)

// bind limits conn, in place of the connection before.
func (l *limit) bind(conn deadliner) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == conn {
		return nil
	}
	l.conn = conn
	if l.interrupted {
		return conn.SetDeadline(longAgo)
	}
	return conn.SetDeadline(l.deadline)
}

// release makes the connection independent of the limit. It reports whether the connection was not interrupted and can still be used.
func (l *limit) release() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	conn := l.conn
	l.conn = nil
	return conn != nil && !l.interrupted && conn.SetDeadline(time.Time{}) == nil
}

// Deadline implements context.Context.
func (l *limit) Deadline() (time.Time, bool) { return l.deadline, true }

// Done implements context.Context.
func (l *limit) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waited == nil {
		l.waited, l.cancel = context.WithDeadline(l.Context, l.deadline)
		if l.ended {
			l.cancel()
		}
	}
	return l.waited.Done()
}

// Err implements context.Context.
func (l *limit) Err() error {
	if err := l.Context.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !time.Now().Before(l.deadline):
		return context.DeadlineExceeded
	case l.ended:
		return context.Canceled
	}
	return nil
}

// Value implements context.Context. Package context finds what ends a context by it.
func (l *limit) Value(key any) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waited != nil {
		return l.waited.Value(key)
	}
	return l.Context.Value(key)
}
