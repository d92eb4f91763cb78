package fetch

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// newLimit is a limit that ends with the test.
func newLimit(t *testing.T, parent context.Context, timeout time.Duration) *limit {
	l := new(limit)
	l.begin(parent, time.Now().Add(timeout))
	t.Cleanup(l.end)
	return l
}

func TestLimitIsAContext(t *testing.T) {
	type key struct{}
	for name, row := range map[string]struct {
		end   func(l *limit, cancel func())
		want  error
		cause error
	}{
		"deadline": {func(*limit, func()) { time.Sleep(time.Second) }, context.DeadlineExceeded, context.DeadlineExceeded},
		"parent":   {func(_ *limit, cancel func()) { cancel() }, context.Canceled, context.Canceled},
		"end":      {func(l *limit, _ func()) { l.end() }, context.Canceled, context.Canceled},
	} {
		for _, waits := range []bool{false, true} { // before the end
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
				defer cancel()
				l := newLimit(t, parent, time.Second)
				if deadline, ok := l.Deadline(); !ok || time.Until(deadline) != time.Second {
					t.Errorf("%s: %v", name, deadline)
				}
				if l.Err() != nil || l.Value(key{}) != "value" {
					t.Errorf("%s: %v, %v", name, l.Err(), l.Value(key{}))
				}
				var below context.Context
				if waits {
					var stop func()
					below, stop = context.WithCancel(l)
					defer stop()
				}
				row.end(l, cancel)
				synctest.Wait()
				if err := l.Err(); err != row.want {
					t.Errorf("%s: %v", name, err)
				}
				select {
				case <-l.Done():
				default:
					t.Errorf("%s: not done", name)
				}
				if below != nil && (below.Err() != row.want || context.Cause(below) != row.cause) {
					t.Errorf("%s: below it %v, since %v", name, below.Err(), context.Cause(below))
				}
				if l.Value(key{}) != "value" {
					t.Errorf("%s: it has lost a value", name)
				}
			})
		}
	}
}

func TestLimitOfParent(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	want, _ := parent.Deadline()
	if got, _ := newLimit(t, parent, time.Hour).Deadline(); !got.Equal(want) {
		t.Errorf("the parent ends at %v, the limit at %v", want, got)
	}
}

// TestLimitOfConnection has a connection that waits when the exchange is to end.
func TestLimitOfConnection(t *testing.T) {
	read := func(l *limit, conn net.Conn) error {
		if err := l.bind(conn); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 1))
		return err
	}
	pipe := func(t *testing.T) net.Conn {
		a, b := net.Pipe()
		t.Cleanup(func() { a.Close(); b.Close() })
		return a
	}
	synctest.Test(t, func(t *testing.T) { // by the deadline
		start := time.Now()
		if err := read(newLimit(t, t.Context(), time.Second), pipe(t)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) { // by the parent
		parent, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		l := newLimit(t, parent, time.Second)
		start := time.Now()
		if err := read(l, pipe(t)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if l.release() {
			t.Error("a connection that was interrupted is kept")
		}
		if err := read(l, pipe(t)); !errors.Is(err, os.ErrDeadlineExceeded) { // one that comes later
			t.Error(err)
		}
	})
}

// TestReleasedConnection races the end of the parent with the release of a connection, which the end must not touch afterwards.
func TestReleasedConnection(t *testing.T) {
	for range 200 {
		parent, cancel := context.WithCancel(t.Context())
		l := newLimit(t, parent, time.Minute)
		conn := new(countedDeadlines)
		l.bind(conn)
		var both sync.WaitGroup
		both.Go(cancel)
		kept := l.release()
		both.Wait()
		l.end()
		if conn.last().Equal(longAgo) == kept {
			t.Fatalf("kept: %v; its deadline is %v", kept, conn.last())
		}
	}
}

// countedDeadlines is a connection that only knows its deadline.
type countedDeadlines struct {
	mu       sync.Mutex
	deadline time.Time
}

func (c *countedDeadlines) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

func (c *countedDeadlines) last() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline
}
