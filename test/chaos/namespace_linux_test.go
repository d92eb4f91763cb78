package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/harness"
)

// wires are the networks of nodes that have a network namespace each: one leads to PostgreSQL, and the other one to everything else, so
// that a node can be cut off from its database alone. The kernel drops and holds back what a wire carries, and its TCP has to do with it.
//
//	          ┌─ namespace of a node ─┐
//	bridge ───┤ database              │
//	bridge ───┤ others                │
//	          └───────────────────────┘
type wires struct {
	t       *testing.T
	name    string
	subnet  int  // the first of two, 10.231.subnet.0/24
	delayed bool // the kernel has netem
}

const (
	wireToDatabase = iota
	wireToOthers
	wireCount
)

// newWires makes the namespaces and the networks of so many nodes. They go with the test. Where that is not allowed, the test is skipped.
func newWires(t *testing.T, nodes int) *wires {
	t.Helper()
	for _, program := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("networks of the kernel are not tested: the program %s is missing; install the package iproute2", program)
		}
	}
	w := &wires{t: t, name: fmt.Sprintf("pt%x", os.Getpid()&0xffff), subnet: os.Getpid() % 120 * 2}
	// Whoever may make one namespace may make all of this.
	if out, err := exec.Command("ip", "netns", "add", w.namespace(0)).CombinedOutput(); err != nil {
		t.Skipf("networks of the kernel are not tested: this user may not make a network namespace: %s", strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		for i := range nodes {
			w.ip("netns", "delete", w.namespace(i)) // which ends its wires
		}
		for wire := range wireCount {
			w.ip("link", "delete", w.bridge(wire))
		}
	})
	for i := 1; i < nodes; i++ {
		w.ip("netns", "add", w.namespace(i))
	}
	for wire := range wireCount {
		w.ip("link", "add", w.bridge(wire), "type", "bridge")
		w.ip("address", "add", w.address(wire, 1)+"/24", "dev", w.bridge(wire))
		w.ip("link", "set", w.bridge(wire), "up")
		for i := range nodes {
			inside := fmt.Sprint("wire", wire)
			w.ip("link", "add", w.plug(wire, i), "type", "veth", "peer", "name", inside, "netns", w.namespace(i))
			w.ip("link", "set", w.plug(wire, i), "master", w.bridge(wire), "up")
			w.ip("-n", w.namespace(i), "address", "add", w.address(wire, 2+i)+"/24", "dev", inside)
			w.ip("-n", w.namespace(i), "link", "set", inside, "up")
		}
	}
	for i := range nodes {
		w.ip("-n", w.namespace(i), "link", "set", "lo", "up")
	}
	probe := w.plug(0, 0)
	w.delayed = exec.Command("tc", "qdisc", "replace", "dev", probe, "root", "netem", "delay", "1ms").Run() == nil
	w.calm(0, 0)
	if !w.delayed {
		t.Log("the kernel has no netem, so packets are delayed and lost by narrow wires instead")
	}
	return w
}

func (w *wires) namespace(node int) string  { return fmt.Sprintf("%s-%d", w.name, node) }
func (w *wires) bridge(wire int) string     { return fmt.Sprintf("%sb%d", w.name, wire) }
func (w *wires) plug(wire, node int) string { return fmt.Sprintf("%sp%d%d", w.name, wire, node) }
func (w *wires) network(wire int) string    { return fmt.Sprintf("10.231.%d.0/24", w.subnet+wire) }
func (w *wires) address(wire, host int) string {
	return fmt.Sprintf("10.231.%d.%d", w.subnet+wire, host)
}
func (w *wires) ip(args ...string) { w.run("ip", args...) }
func (w *wires) port(wire, node, state int) {
	w.ip("link", "set", w.plug(wire, node), "type", "bridge_slave", "state", strconv.Itoa(state))
}

func (w *wires) run(program string, args ...string) {
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		w.t.Errorf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
}

// calm ends what narrow has done.
func (w *wires) calm(wire, node int) {
	_ = exec.Command("tc", "qdisc", "del", "dev", w.plug(wire, node), "root").Run() // there may be nothing
}

// narrow delays and loses some of the packets to a node: by netem, or else by a wire that carries so little that packets wait and are dropped.
func (w *wires) narrow(wire, node int, rng *rand.Rand) {
	change := []string{"qdisc", "replace", "dev", w.plug(wire, node), "root"}
	if w.delayed {
		w.run("tc", append(change, "netem", "delay", fmt.Sprint(1+rng.IntN(100), "ms"), fmt.Sprint(1+rng.IntN(50), "ms"),
			"loss", fmt.Sprint(1+rng.IntN(15), "%"))...)
		return
	}
	w.run("tc", append(change, "tbf", "rate", fmt.Sprint(64+rng.IntN(1000), "kbit"), "burst", "4kb", "latency", fmt.Sprint(10+rng.IntN(200), "ms"))...)
}

// carries tells whether a packet gets to a node and another one back: nobody listens there, and the kernel says so.
func (w *wires) carries(wire, node int) bool {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(w.address(wire, 2+node), "1"), time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil || errors.Is(err, syscall.ECONNREFUSED)
}

// toWires takes a wire of a node away, or both, or drops what they carry without a sign of it, or makes one narrow.
func (w *wires) toWires(c *cluster, rng *rand.Rand) {
	c.pause(rng, 100*time.Millisecond, time.Second)
	i := rng.IntN(clusterNodes)
	c.links[i].Lock()
	defer c.links[i].Unlock()
	lasting := between(rng, 500*time.Millisecond, 4*time.Second)
	if rng.IntN(4) == 0 {
		lasting = between(rng, 11*time.Second, 14*time.Second) // longer than the lease
	}
	affected := []int{wireToDatabase}
	if rng.IntN(4) == 0 {
		affected = append(affected, wireToOthers)
	}
	const disabled, forwarding = 0, 3
	kind := rng.IntN(3)
	for _, wire := range affected {
		switch kind {
		case 0:
			w.ip("link", "set", w.plug(wire, i), "down")
		case 1:
			w.port(wire, i, disabled)
		default:
			w.narrow(wire, i, rng)
		}
	}
	time.Sleep(lasting)
	for _, wire := range affected {
		switch kind {
		case 0:
			w.ip("link", "set", w.plug(wire, i), "up")
		case 1:
			w.port(wire, i, forwarding)
		default:
			w.calm(wire, i)
		}
		c.await("the wire carries again", func() bool { return w.carries(wire, i) }) // a node that starts needs its database at once
	}
	c.happened()
}

// TestNamespaces has each node in a network namespace, whose wires fail; in a soak only.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	if !soaking() {
		t.Skip("it takes minutes: make soak has it")
	}
	rounds(t, 1, 1, func(t *testing.T, seed uint64) {
		w := newWires(t, clusterNodes)
		here := w.address(wireToOthers, 1)
		c := &cluster{server: storetest.StartServer(t, "full_page_writes=on", "listen_addresses=127.0.0.1,"+w.address(wireToDatabase, 1))}
		c.server.Admit(t, w.network(wireToDatabase))
		service := harness.NewService(t, c.server.URL())
		c.round = prepareRound(t, seed, service, clusterNodes)
		reach := func(address string) string {
			return net.JoinHostPort(here, strconv.Itoa(harness.NewProxyAt(t, here, address).Port()))
		}
		c.target.URL = "http://" + reach(strings.TrimPrefix(c.target.URL, "http://"))
		c.told.url = "http://" + reach(strings.TrimPrefix(c.told.url, "http://"))
		c.told.mails.Addr = reach(c.told.mails.Addr)
		database, err := url.Parse(c.server.URL())
		if err != nil {
			t.Fatal("the database has no URL")
		}
		database.Host = net.JoinHostPort(w.address(wireToDatabase, 1), strconv.Itoa(c.server.Port()))
		c.extra = func(node int) []string {
			return []string{"PUNCTUAL_DATABASE=" + database.String(), "PUNCTUAL_LISTEN=" + net.JoinHostPort(w.address(wireToOthers, 2+node), "0")}
		}
		c.within = func(node int) []string { return []string{"ip", "netns", "exec", w.namespace(node)} }
		c.proxies, c.clocks = make([][]*harness.Proxy, clusterNodes), make([]string, clusterNodes)
		c.open(seed, 150)
		c.witness.Paused = true
		c.suffer(suffering(), seed, w.toNodes, w.toWires, toDatabase)
		c.end()
	})
}

// toNodes kills nodes and restarts them.
func (w *wires) toNodes(c *cluster, rng *rand.Rand) {
	c.pause(rng, 500*time.Millisecond, 4*time.Second)
	i := rng.IntN(clusterNodes)
	c.nodes[i].Kill()
	c.happened()
	c.restart(i)
}
