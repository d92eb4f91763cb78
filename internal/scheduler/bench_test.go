package scheduler

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/metrics"
	"punctual/internal/store"
)

// BenchmarkBurst runs jobs that are due at once on SQLite, with targets that answer at once: the cost of everything but
// HTTP. It ends when everything is recorded.
func BenchmarkBurst(b *testing.B) {
	const (
		accounts   = 100
		perAccount = 100
		burst      = accounts * perAccount
	)
	dir := b.TempDir()
	db, err := store.Open(b.Context(), store.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(dir, store.FileName)+"?_busy_timeout=10000")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	later := time.Now().UTC().Add(12 * time.Hour)
	for i := range accounts {
		a := cron.Account{Email: strconv.Itoa(i) + "@example.com", Plan: cron.PlanUnlimited}
		if err := db.CreateAccount(b.Context(), &a); err != nil {
			b.Fatal(err)
		}
		for range perAccount {
			j := cron.NewJob()
			j.AccountID, j.Enabled, j.Request.URL = a.ID, true, "http://host"+strconv.Itoa(i)+".example/path"
			j.Schedule = times(cron.SetOf(0), cron.SetOf(later.Minute()), cron.SetOf(later.Hour()))
			if err := db.CreateJob(b.Context(), &j); err != nil {
				b.Fatal(err)
			}
		}
	}

	var (
		counted       = &counter{Store: db}
		before, after runtime.MemStats
		allocs, bytes uint64
	)
	for b.Loop() {
		b.StopTimer()
		if _, err := raw.Exec(`DELETE FROM execution; UPDATE job_state SET next_run_at = $1, look_at = $1`,
			time.Now().Add(-time.Second).UnixMilli()); err != nil {
			b.Fatal(err)
		}
		s := New(Config{
			Store: counted, Nodes: db, Upkeep: idle{}, Exchanger: instant{}, Slots: 1000,
			HostSlots: 1000, Drain: time.Minute, Metrics: metrics.New(), Logger: slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithCancel(b.Context())
		counted.done, counted.left = cancel, burst
		runtime.ReadMemStats(&before)
		b.StartTimer()
		if err := s.Run(ctx); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		runtime.ReadMemStats(&after)
		allocs, bytes = allocs+after.Mallocs-before.Mallocs, bytes+after.TotalAlloc-before.TotalAlloc
		b.StartTimer()
	}
	n := float64(b.N) * burst
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/execution")
	b.ReportMetric(float64(allocs)/n, "allocs/execution")
	b.ReportMetric(float64(bytes)/n, "B/execution")
	b.ReportMetric(float64(counted.claims.Load())/b.Elapsed().Seconds(), "claims/s")
	b.ReportMetric(n/float64(counted.claims.Load()), "executions/claim")
	b.ReportMetric(n/float64(counted.finishes.Load()), "executions/finish")
}

// counter counts calls, and what is left to be recorded.
type counter struct {
	*store.Store
	claims, finishes atomic.Int64
	left             int
	done             func()
}

func (c *counter) Claim(ctx context.Context, req cron.ClaimRequest) (cron.Claimed, error) {
	c.claims.Add(1)
	return c.Store.Claim(ctx, req)
}

func (c *counter) Finish(ctx context.Context, completions []cron.Completion) error {
	c.finishes.Add(1)
	err := c.Store.Finish(ctx, completions)
	if c.left -= len(completions); c.left == 0 {
		c.done()
	}
	return err
}

// instant answers at once.
type instant struct{}

func (instant) Do(_ context.Context, call cron.Call) cron.Result {
	return cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Reason: "OK", URL: call.Request.URL}
}
