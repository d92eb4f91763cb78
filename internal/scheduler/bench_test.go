package scheduler

import (
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/metrics"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// BenchmarkBurst runs jobs that are due at once on SQLite, with targets that answer at once: the cost of everything but
// HTTP. It ends when everything is recorded.
func BenchmarkBurst(b *testing.B) {
	const (
		accounts   = 100
		perAccount = 100
		burst      = accounts * perAccount
	)
	w := newWorkload(b)
	for i := range accounts {
		w.add(perAccount, "http://host"+strconv.Itoa(i)+".example/path")
	}

	var (
		counted       = &counter{Store: w.db}
		before, after runtime.MemStats
		allocs, bytes uint64
	)
	for b.Loop() {
		b.StopTimer()
		w.due(time.Now().Add(-time.Second))
		s := New(Config{
			Store: counted, Nodes: w.db, TestRuns: w.db, Exchanger: instant{}, Slots: 1000,
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

// BenchmarkNeighbour runs 100 jobs of one account that are due at once, alone and beside 2,000 of another account whose
// targets all hang. It ends when the hundred are recorded.
func BenchmarkNeighbour(b *testing.B) {
	const jobs = 100
	for _, hanging := range []int{0, 2000} {
		b.Run("hanging="+strconv.Itoa(hanging), func(b *testing.B) {
			w := newWorkload(b)
			if hanging > 0 {
				w.add(hanging, "http://hangs.example/")
			}
			w.add(jobs, "http://answers.example/")
			counted := &counter{Store: w.db}
			targets := &neighbours{}
			for b.Loop() {
				b.StopTimer()
				targets.started = nil
				begin := time.Now()
				w.due(begin.Add(-time.Second))
				s := New(Config{
					Store: counted, Nodes: w.db, TestRuns: w.db, Exchanger: targets, Slots: 2000, HostSlots: 2000,
					Metrics: metrics.New(), Logger: slog.New(slog.DiscardHandler),
				})
				ctx, cancel := context.WithCancel(b.Context())
				counted.done, counted.left = cancel, jobs
				b.StartTimer()
				if err := s.Run(ctx); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if len(targets.started) != jobs {
					b.Fatalf("%d of %d jobs started", len(targets.started), jobs)
				}
				targets.last += targets.started[jobs-1].Sub(begin)
				b.StartTimer()
			}
			b.ReportMetric(float64(targets.last.Microseconds())/1000/float64(b.N), "ms-until-last-start")
		})
	}
}

// neighbours answers at once, or when the call is broken off.
type neighbours struct {
	instant
	mu      sync.Mutex
	started []time.Time
	last    time.Duration // of all rounds together
}

func (n *neighbours) Do(ctx context.Context, call cron.Call) cron.Result {
	if strings.Contains(call.Request.URL, "hangs") {
		<-ctx.Done()
		return cron.Lost()
	}
	n.mu.Lock()
	n.started = append(n.started, time.Now())
	n.mu.Unlock()
	return n.instant.Do(ctx, call)
}

// workload is a SQLite database with jobs.
type workload struct {
	b      *testing.B
	db     *store.Store
	tables *storetest.Tables
}

func newWorkload(b *testing.B) *workload {
	options := store.Options{Dir: storetest.SQLite(b)}
	return &workload{b, storetest.Open(b, options), storetest.OpenTables(b, options)}
}

// add creates an account with jobs that are not due for long.
func (w *workload) add(jobs int, url string) {
	a := storetest.NewAccount(w.b, w.db, url, cron.PlanUnlimited)
	later := time.Now().UTC().Add(12 * time.Hour)
	for range jobs {
		j := cron.NewJob()
		j.AccountID, j.Enabled, j.Request.URL = a.ID, true, url
		j.Schedule = times(cron.SetOf(0), cron.SetOf(later.Minute()), cron.SetOf(later.Hour()))
		if err := w.db.CreateJob(w.b.Context(), &j); err != nil {
			w.b.Fatal(err)
		}
	}
}

// due makes all jobs due at an instant, and clears the ledger.
func (w *workload) due(at time.Time) {
	w.tables.Clear("execution")
	w.tables.SetAllDue(at)
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
	for i := range completions {
		if completions[i].Result.Status == cron.StatusOK {
			c.left--
		}
	}
	if c.left == 0 {
		c.done()
	}
	return err
}

// instant answers at once.
type instant struct{}

func (instant) Do(_ context.Context, call cron.Call) cron.Result {
	return cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Reason: "OK", URL: call.Request.URL}
}

// Trace answers as Do does.
func (i instant) Trace(ctx context.Context, call cron.Call, _ func(cron.Trace)) (cron.Result, cron.Trace) {
	return i.Do(ctx, call), cron.Trace{Phase: cron.PhaseDone}
}
