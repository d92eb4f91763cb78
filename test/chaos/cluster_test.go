package chaos

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/harness"
)

// A cluster is three nodes and a PostgreSQL server of their own, or two. Each node reaches the database through a proxy, which
// stands for its network:
//
//	node 0 ── proxy ──┐
//	node 1 ── proxy ──┼── PostgreSQL ══ standby
//	node 2 ── proxy ──┘
//
// Three things happen to it at the same time, each drawn from the seed: to nodes, to the network, and to the database. A fault
// counts when it has happened.
type cluster struct {
	*round
	server  *storetest.Server // nil with a pair
	pair    *storetest.Pair   // nil with one server
	proxies [][]*harness.Proxy
	clocks  []string // files that shift the clocks of the nodes
	until   time.Time

	links      [clusterNodes]sync.Mutex // held while the network of a node fails: a start without the database ends at once
	databaseUp sync.RWMutex             // held for writing while the database is away
	faults     atomic.Int64
}

const clusterNodes = 3

// newCluster starts a cluster with a burst of at least so many jobs.
func newCluster(t *testing.T, seed uint64, pair *storetest.Pair, jobs int) *cluster {
	c := &cluster{pair: pair}
	var ports []int
	var service *harness.Service
	if pair != nil {
		ports = []int{pair.Primary.Port(), pair.Standby.Port()}
		service = harness.NewService(t, pair.URL())
	} else {
		c.server = storetest.StartServer(t, "full_page_writes=on") // so that pages are whole after a kill
		ports = []int{c.server.Port()}
		service = harness.NewService(t, c.server.URL())
	}
	for i := range clusterNodes {
		var proxies []*harness.Proxy
		for _, port := range ports {
			proxies = append(proxies, harness.NewProxy(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))))
		}
		c.proxies = append(c.proxies, proxies)
		c.clocks = append(c.clocks, filepath.Join(t.TempDir(), fmt.Sprint("clock", i)))
	}
	c.round = newRoundWith(t, seed, service, clusterNodes, jobs, c.environment)
	c.witness.Paused = true
	return c
}

// environment leads a node to its proxies and to its clock.
func (c *cluster) environment(node int) []string {
	first, last := c.proxies[node][0], c.proxies[node][len(c.proxies[node])-1]
	return []string{
		"PUNCTUAL_DATABASE=" + storetest.PairURL(c.database(), first.Port(), last.Port()),
		"PUNCTUAL_FAULT_CLOCK=" + c.clocks[node],
	}
}

// database is the server that takes writes.
func (c *cluster) database() *storetest.Server {
	if c.pair != nil {
		return c.pair.Primary
	}
	return c.server
}

// suffer has faults happen for a while.
func (c *cluster) suffer(d time.Duration, seed uint64, streams ...func(*cluster, *rand.Rand)) {
	c.work()
	c.until = time.Now().Add(d)
	var all sync.WaitGroup
	for i, stream := range streams {
		rng := rand.New(rand.NewPCG(seed, uint64(10+i)))
		all.Go(func() {
			for time.Now().Before(c.until) && !c.t.Failed() {
				stream(c, rng)
			}
		})
	}
	all.Wait()
}

// happened counts a fault. What was in flight then may be lost, and so may the launches of claims whose commit got no answer.
func (c *cluster) happened() {
	c.faults.Add(1)
	survived.Add(1)
}

// end checks the cluster after the faults.
func (c *cluster) end() {
	if c.faults.Load() == 0 {
		c.t.Error("nothing has failed in this round")
	}
	for i := range c.proxies {
		c.network(i, harness.Weather{})
	}
	c.witness.InFlight = int(c.faults.Load()) * slots
	c.round.end()
	c.t.Logf("%d faults, %d in all rounds so far", c.faults.Load(), survived.Load())
}

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)))
}

// pause waits between two faults of a stream.
func (c *cluster) pause(rng *rand.Rand, least, most time.Duration) {
	time.Sleep(min(between(rng, least, most), max(0, time.Until(c.until))))
}

// toNodes kills nodes and starts them again, pauses them for less or more than their lease, sets their clocks, and restarts all of them,
// one after the other.
func toNodes(c *cluster, rng *rand.Rand) {
	c.pause(rng, 300*time.Millisecond, 2*time.Second)
	i := rng.IntN(clusterNodes)
	switch rng.IntN(9) {
	case 0, 1, 2:
		c.nodes[i].Kill()
		c.happened()
		time.Sleep(between(rng, 0, time.Second))
		c.restart(i)
	case 3:
		c.nodes[i].Pause()
		time.Sleep(between(rng, 500*time.Millisecond, 4*time.Second))
		c.nodes[i].Resume()
		c.happened()
	case 4:
		c.nodes[i].Pause()
		time.Sleep(between(rng, 11*time.Second, 14*time.Second))
		c.nodes[i].Resume()
		c.happened()
	case 5:
		for i := range clusterNodes {
			c.relieve(i)
		}
		c.happened()
	default:
		off := between(rng, 0, 10*time.Second)
		if rng.IntN(2) == 0 {
			off = between(rng, time.Minute, time.Hour)
		}
		if rng.IntN(2) == 0 {
			off = -off
		}
		c.setClock(i, off)
		c.happened()
	}
}

// restart starts a node once the database is there.
func (c *cluster) restart(node int) {
	c.links[node].Lock()
	defer c.links[node].Unlock()
	c.databaseUp.RLock()
	defer c.databaseUp.RUnlock()
	c.start(node)
}

// relieve stops a node as an operator does, with the database there, and starts it again. A stop leaves nothing open, whatever failed before.
func (c *cluster) relieve(node int) {
	c.links[node].Lock()
	defer c.links[node].Unlock()
	c.databaseUp.RLock()
	defer c.databaseUp.RUnlock()
	c.nodes[node].AwaitStatus("/readyz", http.StatusOK)
	c.nodes[node].Stop()
	if !rejoined(c.nodes[node]) {
		if n := c.number(`SELECT count(*) FROM execution WHERE node = $1 AND outcome = 0`, c.epochs[node]); n > 0 {
			c.t.Errorf("a node was stopped and has left %d executions as running", n)
		}
	}
	c.start(node)
}

// setClock sets the clock of a node.
func (c *cluster) setClock(node int, off time.Duration) {
	path := c.clocks[node]
	if err := os.WriteFile(path+".new", []byte(strconv.FormatInt(off.Milliseconds(), 10)), 0o600); err != nil {
		c.t.Error(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		c.t.Error(err)
	}
}

// network changes the network of a node.
func (c *cluster) network(node int, w harness.Weather) {
	for _, p := range c.proxies[node] {
		p.Set(w)
	}
}

// toNetwork cuts the connections of a node to the database, holds back, loses or delays what they carry, or refuses new ones.
func toNetwork(c *cluster, rng *rand.Rand) {
	c.pause(rng, 100*time.Millisecond, 700*time.Millisecond)
	i := rng.IntN(clusterNodes)
	c.links[i].Lock()
	defer c.links[i].Unlock()
	var (
		weather harness.Weather
		lasting = between(rng, 500*time.Millisecond, 4*time.Second)
	)
	switch rng.IntN(10) {
	case 0:
		weather.Delay = between(rng, time.Millisecond, 100*time.Millisecond)
	case 1:
		weather.Loss = 0.02 + rng.Float64()/5
	case 2:
		weather.Blocked = true
	case 3:
		weather.Blocked = true
		lasting = between(rng, 11*time.Second, 14*time.Second) // longer than the lease
	case 4:
		weather.Refused = true
	default:
		c.cut(i)
		return
	}
	c.network(i, weather)
	if weather.Refused {
		c.cut(i)
	}
	time.Sleep(lasting)
	c.network(i, harness.Weather{})
	c.happened()
}

// cut resets the connections of a node to the database.
func (c *cluster) cut(node int) {
	n := 0
	for _, p := range c.proxies[node] {
		n += p.Cut()
	}
	if n > 0 {
		c.happened()
	}
}

// toDatabase kills, stops or pauses the only server and continues it, or ends sessions.
func toDatabase(c *cluster, rng *rand.Rand) {
	c.pause(rng, time.Second, 4*time.Second)
	s := c.database()
	c.databaseUp.Lock()
	defer c.databaseUp.Unlock()
	switch rng.IntN(5) {
	case 0:
		s.Kill(c.t)
		time.Sleep(between(rng, 0, 2*time.Second))
		s.Start(c.t)
	case 1:
		s.Stop(c.t)
		time.Sleep(between(rng, 0, 2*time.Second))
		s.Start(c.t)
	case 2:
		s.Pause(c.t)
		time.Sleep(between(rng, 500*time.Millisecond, 8*time.Second))
		s.Resume(c.t)
	default:
		c.endSessions(rng)
	}
	c.happened()
}

// endSessions ends about half of the sessions.
func (c *cluster) endSessions(rng *rand.Rand) {
	c.number(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid % 2 = $1`, rng.IntN(2))
}

// toPair kills the primary and promotes the standby, or kills the standby, which commits wait for.
func toPair(c *cluster, rng *rand.Rand) {
	c.pause(rng, time.Second, 5*time.Second)
	c.databaseUp.Lock()
	defer c.databaseUp.Unlock()
	switch rng.IntN(5) {
	case 0:
		c.pair.Standby.Kill(c.t)
		c.happened()
		time.Sleep(between(rng, 0, 3*time.Second))
	case 1:
		c.pair.Primary.Pause(c.t)
		time.Sleep(between(rng, 500*time.Millisecond, 5*time.Second))
		c.pair.Primary.Resume(c.t)
		c.happened()
		return
	case 2:
		c.endSessions(rng)
		c.happened()
		return
	default:
		c.pair.Primary.Kill(c.t)
		time.Sleep(between(rng, 0, 2*time.Second))
		c.pair.Promote(c.t)
		c.happened()
		time.Sleep(between(rng, 0, 2*time.Second)) // without a standby
	}
	c.pair.Rebuild(c.t)
}

// TestForgetfulFailover fails over to a standby that is behind, with asynchronous replication. What was committed in the last moments
// of the former primary is forgotten, so some jobs run again. What was replicated is never sent twice, and nothing stays open.
func TestForgetfulFailover(t *testing.T) {
	t.Parallel()
	rounds(t, 1, 2, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, storetest.StartPair(t, false), 150)
		var gaps [][2]time.Time // from when on the standby was behind, until the other nodes knew the new primary
		c.forgotten = func() map[string]int {
			all := make(map[string]int)
			for _, gap := range gaps {
				maps.Copy(all, c.target.CountsBetween(gap[0], gap[1]))
			}
			return all
		}
		c.suffer(suffering(), seed, func(c *cluster, rng *rand.Rand) {
			c.pause(rng, 3*time.Second, 5*time.Second)
			c.pair.Standby.Pause(c.t)
			from := time.Now().Add(-time.Second)
			time.Sleep(between(rng, 300*time.Millisecond, 3*time.Second))
			c.pair.Primary.Kill(c.t)
			c.pair.Standby.Resume(c.t)
			c.pair.Promote(c.t)
			c.happened()
			time.Sleep(3 * time.Second)
			gaps = append(gaps, [2]time.Time{from, time.Now()})
			c.pair.Rebuild(c.t)
		})
		c.end()
		forgotten := 0
		for _, gap := range gaps {
			forgotten += len(c.target.CountsBetween(gap[0], gap[1]))
		}
		t.Logf("%d requests were sent in %d failovers that could forget them", forgotten, len(gaps))
	})
}

// soaking tells that rounds are long.
func soaking() bool { return os.Getenv("PUNCTUAL_CHAOS_ROUNDS") != "" }

// suffering is how long a round has faults: short in a test, longer in a soak.
func suffering() time.Duration {
	if soaking() {
		return time.Minute
	}
	return 20 * time.Second
}

func TestCluster(t *testing.T) {
	t.Parallel()
	rounds(t, 1, 2, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, nil, 150)
		c.suffer(suffering(), seed, toNodes, toNetwork, toDatabase)
		c.end()
	})
}

func TestFailover(t *testing.T) {
	t.Parallel()
	rounds(t, 1, 2, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, storetest.StartPair(t, true), 150)
		c.suffer(suffering(), seed, toNodes, toNetwork, toPair)
		c.end()
	})
}
