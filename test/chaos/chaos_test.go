package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

func TestSQLite(t *testing.T) {
	t.Parallel()
	rounds(t, 35, 3, func(t *testing.T, seed uint64) {
		r := newRound(t, seed, harness.NewService(t, ""), 1, 500)
		for range 1 + r.rng.IntN(3) {
			r.work()
			r.kill(0)
			r.rest()
			r.start(0)
		}
		r.end()
	})
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	rounds(t, 15, 4, func(t *testing.T, seed uint64) {
		url := storetest.Postgres(t) + "&application_name=chaos_" + strconv.FormatUint(seed, 10)
		r := newRound(t, seed, harness.NewService(t, url), 2+int(seed%2), 300)
		switch seed % 7 {
		case 0:
			r.work()
			r.pause(r.rng.IntN(len(r.nodes)))
		case 1:
			for range 5 + r.rng.IntN(10) {
				r.rest()
				r.cut()
			}
		default:
			for range 1 + r.rng.IntN(3) {
				r.work()
				victim := r.rng.IntN(len(r.nodes))
				r.kill(victim)
				r.rest()
				r.start(victim)
			}
		}
		r.end()
	})
}

// rounds runs rounds, several at a time, with seeds that the environment may give.
func rounds(t *testing.T, count, atOnce int, round func(t *testing.T, seed uint64)) {
	number := func(name string, otherwise uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	first := number("PUNCTUAL_CHAOS_SEED", uint64(time.Now().UnixMilli()))
	limit := number("PUNCTUAL_CHAOS_ROUNDS", uint64(count))
	const longest = 2 * time.Minute // of a round
	deadline, limited := t.Deadline()
	var (
		next    atomic.Uint64
		workers sync.WaitGroup
	)
	for range atOnce {
		workers.Go(func() {
			for !t.Failed() && !(limited && time.Until(deadline) < longest) {
				i := next.Add(1) - 1
				if limit > 0 && i >= limit {
					return
				}
				t.Run(fmt.Sprintf("seed=%d", first+i), func(t *testing.T) { round(t, first+i) })
			}
		})
	}
	workers.Wait()
	if done := next.Load(); done < limit && !t.Failed() {
		t.Logf("there was time for %d rounds of %d only", done, limit)
	}
}

// round is a service with a herd of jobs, and what was done to it.
type round struct {
	t       *testing.T
	rng     *rand.Rand
	service *harness.Service
	target  *harness.Target
	nodes   []*harness.Node
	begin   time.Time
	witness checker.Witness
	editing sync.WaitGroup
	stop    context.CancelFunc             // ends the edits
	current atomic.Pointer[harness.Client] // of the node that was started last
}

// newRound starts nodes and lets a herd of at least so many jobs loose on them.
func newRound(t *testing.T, seed uint64, s *harness.Service, nodes, jobs int) *round {
	r := &round{
		t: t, rng: rand.New(rand.NewPCG(seed, 0)), service: s, target: harness.NewTarget(t),
		nodes: make([]*harness.Node, nodes),
	}
	for i := range nodes {
		r.start(i)
	}
	r.begin = time.Now()
	edited := createHerd(t, s, r.nodes[0], r.target.URL, jobs+r.rng.IntN(jobs), r.rng)
	var editing context.Context
	editing, r.stop = context.WithCancel(t.Context())
	r.editing.Go(func() { r.edit(editing, edited, rand.New(rand.NewPCG(seed, 1))) })
	t.Cleanup(r.editing.Wait)
	return r
}

// start starts a node.
func (r *round) start(i int) {
	r.nodes[i] = r.service.Start("--slots", "1000")
	r.current.Store(r.service.Client(r.nodes[i]))
}

// work lets the nodes work for a while that ends at a random moment, or shortly after the turn of a second, at which
// most jobs are due.
func (r *round) work() {
	d := 300*time.Millisecond + rand.N(1200*time.Millisecond)
	if r.rng.IntN(2) == 0 {
		turn := time.Now().Add(d).Truncate(time.Second).Add(time.Second)
		d = time.Until(turn) + time.Duration(r.rng.IntN(60))*time.Millisecond
	}
	time.Sleep(d)
}

// rest is a short pause of random length.
func (r *round) rest() { time.Sleep(time.Duration(r.rng.IntN(900)) * time.Millisecond) }

// kill kills a node and counts what may be lost by that.
func (r *round) kill(i int) {
	r.nodes[i].Kill()
	r.witness.InFlight += r.running()
}

// pause lets a node stand still until the others have declared it dead, and goes on with it.
func (r *round) pause(i int) {
	r.nodes[i].Pause()
	r.witness.InFlight += r.running()
	time.Sleep(13 * time.Second)
	r.nodes[i].Resume()
	r.witness.Paused = true
}

// cut ends all connections of the nodes to the database. What a claim launches whose commit was cut off may be lost.
func (r *round) cut() {
	_, err := r.service.Database().Exec(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()`)
	if err != nil {
		r.t.Errorf("cut the connections: %v", err)
	}
	r.witness.InFlight = max(r.witness.InFlight, r.running())
}

// running is how many executions are in flight.
func (r *round) running() (n int) {
	if err := r.service.Database().QueryRow(`SELECT count(*) FROM execution WHERE outcome = 0`).Scan(&n); err != nil {
		r.t.Errorf("count what is in flight: %v", err)
	}
	return n
}

// end waits until everything that was due is settled, stops the nodes, and checks what is left.
func (r *round) end() {
	r.stop()
	r.editing.Wait()
	quiet := time.Now()
	r.service.AwaitSettled(quiet)
	r.service.AwaitNodes(len(r.nodes))
	for _, n := range r.nodes {
		n.Stop()
	}
	ledger, err := checker.Read(r.t.Context(), r.service.Database())
	if err != nil {
		r.t.Fatal(err)
	}
	w := r.witness
	w.From, w.To, w.Received, w.Stopped = r.begin, quiet, r.target.Counts(), true
	found := checker.Find(ledger, w)
	for _, v := range found[:min(len(found), 20)] {
		r.t.Error(v)
	}
	if n := len(found); n > 20 {
		r.t.Errorf("%d violations in all", n)
	}
	outcomes := make(map[string]int)
	for _, record := range ledger.Records {
		outcomes[[]string{"running", "succeeded", "failed", "skipped", "lost", "missed"}[record.Outcome]]++
	}
	r.t.Logf("%d jobs in %s: %v, at most %d in flight", len(ledger.Jobs), time.Since(r.begin).Round(time.Second), outcomes,
		w.InFlight)
}
