package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/metrics"
)

// TestWorker counts the steps of a worker over times in which different things happen.
func TestWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			log                  strings.Builder
			steps                atomic.Int64
			waiting, more, fails atomic.Bool
		)
		figures := metrics.New()
		r := &runner{slog.New(slog.NewTextHandler(&log, nil)), figures, waiting.Load}
		w := worker{
			name: "sweeper", first: 10 * time.Second, period: 30 * time.Second, pause: time.Second, yields: true,
			failure: "it could not be swept",
			step: func(context.Context) (bool, error) {
				steps.Add(1)
				if fails.Load() {
					return true, errors.New("the disk is gone")
				}
				return more.Load(), nil
			},
		}
		stop, err := r.part(func() worker { return w })(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		after := func(what string, d time.Duration, want int) {
			t.Helper()
			steps.Store(0)
			time.Sleep(d)
			synctest.Wait()
			if n := steps.Load(); n != int64(want) {
				t.Errorf("%s: %d steps, want %d", what, n, want)
			}
		}
		time.Sleep(time.Second / 2)
		after("before the first step", 9*time.Second, 0)
		after("the first step", time.Second, 1)
		after("nothing to do", 5*w.period, 5)
		waiting.Store(true)
		after("executions wait", w.period+30*time.Second, 0)
		waiting.Store(false)
		after("they no longer wait", w.pause, 1)
		waiting.Store(true)
		after("they always wait", 3*(w.period+maxYield), 3)
		waiting.Store(false)
		more.Store(true)
		after("much to do", w.period+9*w.pause, 10)
		waiting.Store(true)
		after("much to do while they wait", 2*(w.pause+maxYield), 2)
		waiting.Store(false)
		fails.Store(true)
		after("it fails", w.pause+2*w.period, 3)
		if err := stop(); err != nil {
			t.Error(err)
		}
		after("it has stopped", time.Hour, 0)
		if n := strings.Count(log.String(), `msg="it could not be swept" worker=sweeper error="the disk is gone"`); n != 3 {
			t.Errorf("%d failures were logged, want 3:\n%s", n, log.String())
		}
		scraped := httptest.NewRecorder()
		figures.Handler().ServeHTTP(scraped, httptest.NewRequest("GET", "/metrics", nil))
		for _, line := range []string{
			`punctual_worker_failures_total{worker="sweeper"} 3`, `punctual_worker_step_duration_seconds_count{worker="sweeper"} 25`,
		} {
			if !strings.Contains(scraped.Body.String(), line+"\n") {
				t.Errorf("the metrics lack %s", line)
			}
		}
	})
}

// TestWorkerStopsAmidAStep stops a worker while its step runs: the step is told, is waited for, and does not count as
// failed.
func TestWorkerStopsAmidAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		ended := false
		r := &runner{slog.New(slog.NewTextHandler(&log, nil)), metrics.New(), func() bool { return false }}
		stop, _ := r.part(func() worker {
			return worker{name: "slow", step: func(ctx context.Context) (bool, error) {
				<-ctx.Done()
				time.Sleep(time.Second)
				ended = true
				return false, ctx.Err()
			}}
		})(t.Context())
		synctest.Wait()
		if err := stop(); err != nil || !ended || log.String() != "" {
			t.Errorf("stopped with %v, after the step: %v, logged %q", err, ended, log.String())
		}
	})
}

// TestWorkerIsWoken counts the steps of a worker that something wakes: one soon after, but no more than one for each pause.
func TestWorkerIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps atomic.Int64
		wake := make(chan struct{}, 1)
		r := &runner{slog.New(slog.DiscardHandler), metrics.New(), func() bool { return false }}
		w := worker{name: "sweeper", first: time.Second, period: 30 * time.Second, pause: time.Second, wake: wake,
			step: func(context.Context) (bool, error) { steps.Add(1); return false, nil }}
		stop, err := r.part(func() worker { return w })(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		after := func(what string, d time.Duration, want int64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if n := steps.Swap(0); n != want {
				t.Errorf("%s: %d steps, want %d", what, n, want)
			}
		}
		time.Sleep(time.Second / 2)
		after("the first step", time.Second, 1)
		after("nothing happens", 2*w.period, 2)
		time.Sleep(2 * w.pause)
		wake <- struct{}{}
		after("it is woken", time.Millisecond, 1)
		wake <- struct{}{}
		after("it is woken again, before the pause is over", w.pause/2, 0)
		after("the pause is over", w.pause, 1)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
