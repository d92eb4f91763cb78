package app

import (
	"container/list"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"punctual/internal/auth"
)

// limitedListener bounds the connections of clients. A connection is idle while no request on it is being answered:
// before and during its TLS handshake, while its head or its body has not arrived completely, and between requests. When
// all connections are taken, a new one replaces the one that has been idle longest; when none is idle, new ones stay in
// the backlog of the operating system. Each address has a share; beyond it a new connection replaces an idle one of the
// same address, or is closed. Loopback addresses and trusted proxies stand for many clients: they have no share, and their
// connections are closed last.
type limitedListener struct {
	net.Listener
	max, share int
	exempt     func(netip.Addr) bool
	onClose    func(reason string) // of a connection that is closed to make room

	mu      sync.Mutex
	room    sync.Cond
	open    int
	waiting [2]list.List // idle ones, longest first: of ordinary addresses, and of exempt ones
	origins map[netip.Addr]*origin
	closed  bool
}

// origin is the source of connections: an IPv4 address, or an IPv6 /64 network, which usually belongs to one host.
type origin struct {
	open    int
	waiting list.List
}

// Why a connection was closed to make room.
const (
	closedFull    = "full"    // all connections were taken
	closedAddress = "address" // the address had used its share
)

func newListener(inner net.Listener, most int, exempt func(netip.Addr) bool, onClose func(string)) *limitedListener {
	l := &limitedListener{
		Listener: inner, max: most, share: max(8, most/8), exempt: exempt, onClose: onClose,
		origins: make(map[netip.Addr]*origin),
	}
	l.room.L = &l.mu
	return l
}

// exemptFrom tells which addresses have no share.
func exemptFrom(proxies auth.Proxies) func(netip.Addr) bool {
	return func(addr netip.Addr) bool { return addr.IsLoopback() || proxies.Trust(addr) }
}

// Accept waits for a connection for which there is room.
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

// Close also ends a call of Accept that waits for room.
func (l *limitedListener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.room.Broadcast()
	return l.Listener.Close()
}

// Open is the number of open connections.
func (l *limitedListener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// admit makes room for a connection and counts it, or returns false.
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

// evict closes the connection that has been idle longest.
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

// wait marks a connection as idle.
func (l *limitedListener) wait(c *limitedConn) {
	if c.gone || c.inAll != nil {
		return
	}
	c.inAll = l.waitingLike(c).PushBack(c)
	c.inOrigin = l.origins[c.from].waiting.PushBack(c)
}

// work marks a connection as busy with a request.
func (l *limitedListener) work(c *limitedConn) {
	if c.gone || c.inAll == nil {
		return
	}
	l.waitingLike(c).Remove(c.inAll)
	l.origins[c.from].waiting.Remove(c.inOrigin)
	c.inAll, c.inOrigin = nil, nil
}

// forget releases the room of a connection.
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

// limitedConn is a connection of a limitedListener. The listener's mutex protects its other fields.
type limitedConn struct {
	net.Conn
	listener *limitedListener
	from     netip.Addr
	exempt   bool

	inAll, inOrigin *list.Element // while it is idle
	gone            bool
}

// Close closes the connection and releases its room.
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

// connKey is the context key of the connection of a request.
type connKey struct{}

// limitedOf returns the connection of the listener under a connection of a server, which TLS may wrap.
func limitedOf(conn net.Conn) (*limitedConn, bool) {
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	c, ok := conn.(*limitedConn)
	return c, ok
}

// watch makes a server tell the listener which connections are idle.
func watch(server *http.Server) {
	handler := server.Handler
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if c, ok := limitedOf(conn); ok && state == http.StateIdle {
			c.change(c.listener.wait)
		}
	}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _ := r.Context().Value(connKey{}).(net.Conn)
		if c, ok := limitedOf(conn); ok {
			c.change(c.listener.work)
			if r.ContentLength != 0 {
				r.Body = awaitedBody{r.Body, c}
			}
		}
		handler.ServeHTTP(w, r)
	})
}

// awaitedBody is the body of a request. Its connection counts as idle while a read waits, so that slow requests keep
// nobody out. Each read that returns makes it the most recently active.
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

// closeAfterChunks closes a connection after a chunked request. One that also has a Content-Length may be two requests
// to a proxy in front of the service (RFC 9112, section 6.3), and package net/http does not report it.
func closeAfterChunks(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
