package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
	"punctual/test/checker"
)

// deadline is from the death of a node until everything is as before: its lease, and the time of a heartbeat.
const deadline = cron.Lease + 2*time.Second

// lonely are the deaths of nodes in all rounds in which nothing else happened.
var lonely figures

// figures are how long jobs were late after the deaths of nodes, and by how much at most.
type figures struct {
	mu       sync.Mutex
	felt     []time.Duration
	lateness time.Duration
}

func (f *figures) add(felt []time.Duration, lateness time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.felt, f.lateness = append(f.felt, felt...), max(f.lateness, lateness)
}

// String is a sentence about them; it is empty when there are none.
func (f *figures) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.felt) == 0 {
		return ""
	}
	over := 0
	for _, d := range f.felt {
		if d > deadline {
			over++
		}
	}
	return fmt.Sprintf("after %d deaths of nodes jobs were late by %v at most, and as little as before within %v; %d times that took longer than %v",
		len(f.felt), f.lateness.Round(time.Millisecond), slices.Max(f.felt).Round(time.Millisecond), over, deadline)
}

// feltDeaths tells for each death how long jobs were late by more than usual: until the last of those that were due before the next death
// was started. most is how late one was at most.
func (r *round) feltDeaths(records []checker.Record) (felt []time.Duration, most time.Duration) {
	late := func(from, to time.Time, each func(*checker.Record)) {
		for i := range records {
			e := &records[i]
			if e.Kind == cron.KindScheduled && e.Attempt == 1 && (e.Outcome == cron.OutcomeSucceeded || e.Outcome == cron.OutcomeFailed) &&
				!e.Planned.Before(from) && e.Planned.Before(to) {
				each(e)
			}
		}
	}
	usual := 250 * time.Millisecond
	late(r.begin, r.deaths[0], func(e *checker.Record) { usual = max(usual, 2*e.Lateness) })
	for i, at := range r.deaths {
		next := time.Now()
		if i+1 < len(r.deaths) {
			next = r.deaths[i+1]
		}
		var last time.Duration
		late(at, next, func(e *checker.Record) {
			most = max(most, e.Lateness)
			if e.Lateness > usual {
				last = max(last, e.Planned.Add(e.Lateness).Sub(at))
			}
		})
		felt = append(felt, last)
	}
	return felt, most
}

// TestDeathOfANode measures how long a node's death is felt: when jobs are late again as little as before, and when what it left is settled.
// A soak has it die several times.
func TestDeathOfANode(t *testing.T) {
	t.Parallel()
	rounds(t, 1, 1, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, nil, 150)
		rng := rand.New(rand.NewPCG(seed, 2))
		c.work()
		time.Sleep(3 * time.Second)
		for first, until := true, time.Now().Add(suffering()); first || soaking() && time.Now().Before(until); first = false {
			victim := rng.IntN(clusterNodes)
			epoch := c.epochs[victim]
			c.nodes[victim].Kill()
			dead := time.Now()
			c.happened()
			c.deaths = append(c.deaths, dead)
			c.await("the node counts as dead and nothing of it runs", func() bool {
				return c.number(`SELECT count(*) FROM node WHERE epoch = $1 AND dead AND running_from IS NULL`, epoch) == 1
			})
			settled := time.Since(dead)
			time.Sleep(max(0, time.Until(dead.Add(deadline+3*time.Second))))
			t.Logf("what the node ran was settled %v after its death", settled.Round(10*time.Millisecond))
			if soaking() && settled > deadline+time.Second {
				t.Error("the death of a node is felt for too long")
			}
			c.start(victim)
		}
		c.end()
	})
}

// TestThousands has some thousand jobs every few seconds on three nodes, while everything fails; in a soak only.
func TestThousands(t *testing.T) {
	t.Parallel()
	if !soaking() {
		t.Skip("it takes minutes: make soak has it")
	}
	rounds(t, 1, 1, func(t *testing.T, seed uint64) {
		const jobs = 2000
		if seed%2 == 0 {
			c := newCluster(t, seed, storetest.StartPair(t, true), jobs)
			c.suffer(suffering(), seed, toNodes, toNetwork, toPair)
			c.end()
			return
		}
		c := newCluster(t, seed, nil, jobs)
		c.suffer(suffering(), seed, toNodes, toNetwork, toDatabase)
		c.end()
	})
}

// TestHeldResults holds a lock for long that results need, as the maintenance of a table does; in a soak only. They wait, and all count.
func TestHeldResults(t *testing.T) {
	t.Parallel()
	if !soaking() {
		t.Skip("it takes minutes: make soak has it")
	}
	rounds(t, 1, 1, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, nil, 150)
		c.witness.Paused = false // until a lease ends
		c.work()
		tx, err := c.service.Database().BeginTx(t.Context(), nil)
		if err == nil {
			_, err = tx.ExecContext(t.Context(), `LOCK TABLE monitor_result IN SHARE MODE`)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.happened()
		time.Sleep(between(rand.New(rand.NewPCG(seed, 2)), 25*time.Second, 80*time.Second))
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		c.work()
		c.end()
		t.Logf("a lease has ended meanwhile: %t", c.witness.Paused)
	})
}
