package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/metrics"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// gate answers calls at once, but those to "hangs" once it opens, and notes the order in which calls came.
type gate struct {
	instant
	mu    sync.Mutex
	calls []string // URLs
	came  chan struct{}
	open  chan struct{}
}

func (g *gate) Do(ctx context.Context, call cron.Call) cron.Result {
	g.mu.Lock()
	g.calls = append(g.calls, call.Request.URL)
	g.mu.Unlock()
	g.came <- struct{}{}
	if strings.Contains(call.Request.URL, "hangs") {
		select {
		case <-g.open:
		case <-ctx.Done():
			return cron.Lost()
		}
	}
	return g.instant.Do(ctx, call)
}

// count is how many calls went to a host.
func (g *gate) count(host string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, url := range g.calls {
		if strings.Contains(url, host) {
			n++
		}
	}
	return n
}

// TestLargeBodiesDoNotHoldUpOthers has an account with many large bodies due at once, whose target hangs, before others.
func TestLargeBodiesDoNotHoldUpOthers(t *testing.T) {
	storetest.OnEach(t, holdUpOthers)
}

func holdUpOthers(t *testing.T, options store.Options) {
	const (
		large, size = 40, 1 << 20
		accounts    = 10
		others      = 5 * accounts
	)
	db, tables := storetest.Open(t, options), storetest.OpenTables(t, options)
	add := func(account string, jobs int, url, body string) {
		a := storetest.NewAccount(t, db, account, cron.PlanUnlimited)
		for i := range jobs {
			j := cron.NewJob()
			j.AccountID, j.Enabled, j.Request.URL, j.Request.Body = a.ID, true, fmt.Sprintf("http://%s/%s/%d", url, account, i), body
			j.Schedule = times(cron.SetOf(0), cron.SetOf(db.Now().UTC().Minute()), cron.SetOf((db.Now().UTC().Hour()+12)%24))
			if err := db.CreateJob(t.Context(), &j); err != nil {
				t.Fatal(err)
			}
		}
	}
	add("large", large, "hangs", strings.Repeat("x", size))
	for i := range accounts {
		add(fmt.Sprint(i), others/accounts, "other", "a small body")
	}
	due := db.Now()
	tables.SetAllDue(due)

	g := &gate{came: make(chan struct{}, large+2*others), open: make(chan struct{})}
	s := New(Config{
		Store: db, Nodes: db, TestRuns: db, Exchanger: g, Slots: 400, HostSlots: 400, Metrics: metrics.New(),
		Logger: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer run.Wait()
	defer cancel()

	for g.count("other") < others {
		<-g.came
	}
	// Due again, they must not wait for the jobs of the large account.
	tables.SetDueAbove(large, due.Add(time.Millisecond))
	for g.count("other") < 2*others {
		<-g.came
	}
	// The others have started while the large ones still hang: those that fit, and not one more.
	if n := g.count("hangs"); n > maxAccountBytes/size {
		t.Errorf("%d large bodies are in memory", n)
	}
	close(g.open)
	for g.count("hangs") < large {
		<-g.came
	}
	calls := slices.Sorted(slices.Values(g.calls))
	if n := len(calls); n != large+2*others || len(slices.Compact(calls)) != large+others {
		t.Errorf("%d calls, want %d", n, large+2*others)
	}
	if n := tables.LaunchesAt(due); n != large+others {
		t.Errorf("%d records of launches, want %d", n, large+others)
	}
}
