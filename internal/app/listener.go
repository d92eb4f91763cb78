package app

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"punctual/internal/auth"
)

// limitedListener bounds the connections of clients. A connection waits while no request on it is being answered: it
// has not sent a whole head yet, is kept alive, or has sent a head and the rest of the body is to come. When all are taken, a new connection replaces the one that has waited
// longest; when none waits, it and all after it stay in the backlog of the operating system until one does. An address
// has a share; beyond it a new connection replaces one of its own, or is closed. Loopback addresses and trusted proxies
// stand for many clients: they have no share, and their connections are closed last.
type limitedListener struct {
	net.Listener
	max, share int
	exempt     func(netip.Addr) bool
	onClose    func(reason string) // of a connection that is closed to make room

	mu      sync.Mutex
	room    sync.Cond
	open    int
	waiting [2]list.List // of strangers, and of exempt addresses; the one that has waited longest first
	origins map[netip.Addr]*origin
	closed  bool
}

// origin is where connections come from: an IPv4 address, or an IPv6 network of 64 bits, which a host has whole.
type origin struct {
	open    int
	waiting list.List
}

// Why a connection was closed to make room.
const (
	closedFull    = "full"    // all were taken
	closedAddress = "address" // its address had its share
)

func newListener(inner net.Listener, most int, exempt func(netip.Addr) bool, onClose func(string)) *limitedListener {
	l := &limitedListener{
		Listener: inner, max: most, share: max(8, most/8), exempt: exempt, onClose: onClose,
		origins: make(map[netip.Addr]*origin),
	}
	l.room.L = &l.mu
	return l
}

// exemptFrom tells which addresses have no share of their own.
func exemptFrom(proxies auth.Proxies) func(netip.Addr) bool {
	return func(addr netip.Addr) bool { return addr.IsLoopback() || proxies.Trust(addr) }
}

// Accept waits for a connection that there is room for.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &limitedConn{Conn: inner, listener: l, from: originOf(inner.RemoteAddr())}
		c.exempt = l.exempt(c.from)
		if l.admit(c) {
			return c, nil
		}
		_ = inner.Close()
	}
}

// Close ends Accept too when it waits for room.
func (l *limitedListener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.room.Broadcast()
	return l.Listener.Close()
}

// Open is how many connections there are.
func (l *limitedListener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// admit makes room for a connection and counts it, or refuses it.
func (l *limitedListener) admit(c *limitedConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.origins[c.from]; !c.exempt && o != nil && o.open >= l.share {
		l.onClose(closedAddress)
		if !l.evict(&o.waiting) {
			return false
		}
	}
	for l.open >= l.max && !l.closed {
		if l.evict(&l.waiting[0]) || l.evict(&l.waiting[1]) {
			l.onClose(closedFull)
			continue
		}
		l.room.Wait()
	}
	if l.closed {
		return false
	}
	if l.origins[c.from] == nil {
		l.origins[c.from] = new(origin)
	}
	l.open++
	l.origins[c.from].open++
	l.wait(c)
	return true
}

// evict closes the connection that has waited longest.
func (l *limitedListener) evict(waiting *list.List) bool {
	first := waiting.Front()
	if first == nil {
		return false
	}
	c := first.Value.(*limitedConn)
	l.forget(c)
	_ = c.Conn.Close()
	return true
}

// wait notes that a connection waits from now on.
func (l *limitedListener) wait(c *limitedConn) {
	if c.gone || c.inAll != nil {
		return
	}
	c.inAll = l.waitingLike(c).PushBack(c)
	c.inOrigin = l.origins[c.from].waiting.PushBack(c)
}

// work notes that a request on a connection is being answered.
func (l *limitedListener) work(c *limitedConn) {
	if c.gone || c.inAll == nil {
		return
	}
	l.waitingLike(c).Remove(c.inAll)
	l.origins[c.from].waiting.Remove(c.inOrigin)
	c.inAll, c.inOrigin = nil, nil
}

// forget gives the room of a connection free.
func (l *limitedListener) forget(c *limitedConn) {
	if c.gone {
		return
	}
	l.work(c)
	c.gone = true
	l.open--
	if o := l.origins[c.from]; o.open > 1 {
		o.open--
	} else {
		delete(l.origins, c.from)
	}
}

func (l *limitedListener) waitingLike(c *limitedConn) *list.List {
	if c.exempt {
		return &l.waiting[1]
	}
	return &l.waiting[0]
}

// limitedConn is a connection of a limitedListener. Its other fields belong to the listener's mutex.
type limitedConn struct {
	net.Conn
	listener *limitedListener
	from     netip.Addr
	exempt   bool

	inAll, inOrigin *list.Element // while it waits
	gone            bool
}

// Close closes the connection and gives its room to another one.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.change(c.listener.forget)
	return err
}

func (c *limitedConn) change(note func(*limitedConn)) {
	c.listener.mu.Lock()
	note(c)
	c.listener.mu.Unlock()
	c.listener.room.Broadcast()
}

func originOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() && !addr.IsLoopback() {
		network, _ := addr.Prefix(64)
		return network.Addr()
	}
	return addr
}

// connKey finds the connection of a request in its context.
type connKey struct{}

// watch makes a server tell the listener which of its connections wait.
func watch(server *http.Server) {
	handler := server.Handler
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if c, ok := conn.(*limitedConn); ok && state == http.StateIdle {
			c.change(c.listener.wait)
		}
	}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*limitedConn); ok {
			c.change(c.listener.work)
			if r.ContentLength != 0 {
				r.Body = awaitedBody{r.Body, c}
			}
		}
		handler.ServeHTTP(w, r)
	})
}

// awaitedBody is the body of a request. Its connection waits while nothing of it comes, so that many that are sent slowly
// on purpose keep nobody out; each part that comes puts it behind those that have waited longer.
type awaitedBody struct {
	io.ReadCloser
	conn *limitedConn
}

// Read implements io.Reader.
func (b awaitedBody) Read(p []byte) (int, error) {
	b.conn.change(b.conn.listener.wait)
	n, err := b.ReadCloser.Read(p)
	b.conn.change(b.conn.listener.work)
	return n, err
}

// closeAfterChunks closes a connection after a request in chunks. One that has a Content-Length too may be two requests
// to a proxy in front (RFC 9112, section 6.3), and package net/http does not tell it apart.
func closeAfterChunks(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
