package harness

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a network between a node and a server on the loopback interface: it forwards connections, and can cut them, hold back
// what they carry, refuse them, and be slow.
type Proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed when the weather changes
	weather Weather
	open    map[net.Conn]struct{}
	closed  bool
}

// Weather is what a Proxy does to what it forwards. The zero value forwards everything at once.
type Weather struct {
	Blocked bool          // nothing gets through; what was sent arrives afterwards, unless the connection has ended meanwhile
	Refused bool          // new connections are closed at once
	Delay   time.Duration // of each piece, up to twice as long
	Loss    float64       // the share of pieces that are sent again only after some time, as a lost packet is
}

// retransmission is how long TCP waits at least until it sends a lost packet again.
const retransmission = 200 * time.Millisecond

// NewProxy starts a proxy to an address. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	return NewProxyAt(t, "127.0.0.1", target)
}

// NewProxyAt is NewProxy on another address of the machine.
func NewProxyAt(t testing.TB, host, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: listener, target: target, changed: make(chan struct{}), open: make(map[net.Conn]struct{})}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.Set(Weather{})
		p.Cut()
		p.running.Wait()
	})
	return p
}

// Port is where the proxy listens.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Set changes the weather, for open connections, too.
func (p *Proxy) Set(w Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut resets all connections, and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		reset(c)
	}
	return len(p.open) / 2
}

// reset closes a connection so that the other side sees an error.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(time.Millisecond) // there are too many open files
			continue
		}
		p.running.Go(func() { p.forward(client) })
	}
}

func (p *Proxy) forward(client net.Conn) {
	defer reset(client)
	if !p.add(client) {
		return
	}
	defer p.remove(client)
	if w := p.await(); w.Refused {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer reset(server)
	if !p.add(server) {
		return
	}
	defer p.remove(server)
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client) })
	both.Go(func() { p.copy(client, server) })
	both.Wait()
}

func (p *Proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = struct{}{}
	return !p.closed
}

func (p *Proxy) remove(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// await waits until something gets through, and returns the weather.
func (p *Proxy) await() Weather {
	for {
		p.mu.Lock()
		w, changed := p.weather, p.changed
		p.mu.Unlock()
		if !w.Blocked {
			return w
		}
		<-changed
	}
}

// copy forwards one direction until it ends, and then ends the other one.
func (p *Proxy) copy(to, from net.Conn) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		w := p.await()
		if w.Delay > 0 {
			time.Sleep(w.Delay + rand.N(w.Delay))
		}
		for wait := retransmission; rand.Float64() < w.Loss && wait < 2*time.Second; wait *= 2 {
			time.Sleep(wait)
		}
		if n > 0 {
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				reset(to)
			}
			return
		}
	}
}
