package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestManyAskForOneWrite asks from many goroutines, over ten seconds, whether the database takes writes.
func TestManyAskForOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes, open, most atomic.Int64
		p := &probe{logger: slog.New(slog.DiscardHandler), ask: func(context.Context) error {
			writes.Add(1)
			most.Store(max(most.Load(), open.Add(1)))
			time.Sleep(100 * time.Millisecond)
			open.Add(-1)
			return nil
		}}
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				for range 100 {
					if err := p.result(t.Context()); err != nil {
						t.Error(err)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		asking.Wait()
		p.wait()
		if n := writes.Load(); n < 9 || n > 21 || most.Load() != 1 {
			t.Errorf("there were %d writes, %d of them at once", n, most.Load())
		}
	})
}

// TestManyAskForReadiness has many strangers ask at once, while the database takes its time to answer: they take one of its
// connections, which the lease of the node needs.
func TestManyAskForReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, most atomic.Int64
		slow := func(context.Context) error {
			most.Store(max(most.Load(), open.Add(1)))
			time.Sleep(100 * time.Millisecond)
			open.Add(-1)
			return nil
		}
		o := newOperations(nil, nil, time.Now())
		o.trusted = func(*http.Request) bool { return false }
		o.readiness.answering.ask = slow
		o.readiness.zoneRelease = func(ctx context.Context) (string, error) { return "", slow(ctx) }
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				w := httptest.NewRecorder()
				o.ready(w, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
				if w.Code != 200 {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
		}
		asking.Wait()
		if n := most.Load(); n != 1 {
			t.Errorf("the database is asked %d times at once", n)
		}
	})
}

// TestWriteThatTakesLong has the database locked: the first who ask hear that it is slow, later ones why.
func TestWriteThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{logger: slog.New(slog.DiscardHandler), ask: func(context.Context) error {
			time.Sleep(10 * time.Second)
			return fault(cron.DatabaseBusy)
		}}
		ask := func() cron.DatabaseFault {
			ctx, cancel := context.WithTimeout(t.Context(), pingTimeout)
			defer cancel()
			return cron.DatabaseFaultOf(p.result(ctx))
		}
		var heard []cron.DatabaseFault
		for range 8 {
			heard = append(heard, ask())
		}
		p.wait()
		if heard[0] != cron.DatabaseSlow || heard[7] != cron.DatabaseBusy {
			t.Errorf("they hear %v", heard)
		}
	})
}

// TestRepeatedLines logs what fails twice a second for a minute.
func TestRepeatedLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		logger := newLogger(slog.NewTextHandler(&out, nil)).With(slog.Int("node", 1))
		for range 120 {
			logger.Error("cannot write", slog.String("why", "full"), slog.String("error", time.Now().String()))
			logger.Error("cannot write", slog.String("error", "other"))
			logger.Warn("cannot renew", slog.Any("error", errors.New("full")))
			logger.Info("fine")
			time.Sleep(500 * time.Millisecond)
		}
		for text, want := range map[string]int{"why=full": 6, "error=other": 6, "cannot renew": 6, "fine": 120, "left_out=19": 15, "node=1": 138} {
			if got := strings.Count(out.String(), text); got != want {
				t.Errorf("%q is logged %d times, want %d", text, got, want)
			}
		}
	})
}
