package fetch

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"punctual/internal/cron"
)

const (
	// maxAddrs limits how many addresses of a name are tried.
	maxAddrs = 16
	// keepAliveTimeout is the timeout above which a connection sends keep-alive probes, so that NATs and firewalls do not drop it
	// while it is idle.
	keepAliveTimeout = time.Minute
)

// interleave returns the addresses in the order in which they are tried: the resolver's order, with IPv4 and IPv6
// alternating (RFC 8305, section 4).
func interleave(addrs []netip.Addr) []netip.Addr {
	var families [2][]netip.Addr // starting with the family of the first address
	for _, a := range addrs {
		a = a.Unmap()
		family := 0
		if a.Is4() != addrs[0].Unmap().Is4() {
			family = 1
		}
		if !slices.Contains(families[family], a) && len(families[family]) < maxAddrs {
			families[family] = append(families[family], a)
		}
	}
	order := make([]netip.Addr, 0, min(len(addrs), maxAddrs))
	for i := range addrs {
		for _, family := range families {
			if i < len(family) && len(order) < maxAddrs {
				order = append(order, family[i])
			}
		}
	}
	return order
}

// tcpDialer opens connections for one exchange. How it does that depends on the system: see dial in dial_linux.go.
type tcpDialer struct {
	guard     *Guard
	access    cron.Access
	toProxy   bool     // the addresses are those of the proxy, which the operator has chosen: the guard is not asked
	sources   *Sources // nil for those that the system chooses
	keepAlive bool     // send probes while the connection is idle
	noDelay   bool     // send every write at once: one follows the other without waiting for the server
}

// dialNet connects by package net.
func (d *tcpDialer) dialNet(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: -1}
	if !d.toProxy {
		dialer.ControlContext = d.guard.control(d.access)
	}
	if d.sources != nil {
		source, err := d.sources.forTarget(addr.Addr())
		if err != nil {
			return nil, err
		}
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	if d.keepAlive {
		dialer.KeepAlive = 0 // the default of package net
	}
	// Dialer.DialTCP would take addr without formatting it, but it binds a local port first.
	return dialer.DialContext(ctx, "tcp", addr.String())
}

// dial connects to the first of addrs that answers. Its errors are *fault.
func (x *exchange) dial(ctx context.Context, addrs []netip.Addr) (net.Conn, error) {
	d := x.dialer()
	if len(addrs) == 1 {
		return x.dialOne(ctx, &d, netip.AddrPortFrom(addrs[0], x.target.port))
	}
	return x.dialSeveral(ctx, d, addrs)
}

// dialer opens connections for the current request.
func (x *exchange) dialer() tcpDialer {
	return tcpDialer{
		guard: x.client.guard, access: x.call.Access, sources: x.client.sources,
		keepAlive: x.call.Timeout > keepAliveTimeout || x.reuses(), // by an exchange with any timeout
		noDelay:   x.target.tls || len(x.call.Request.Body) > 0 || x.reuses(),
	}
}

// dialSeveral is dial for more than one address.
func (x *exchange) dialSeveral(ctx context.Context, d tcpDialer, addrs []netip.Addr) (net.Conn, error) {
	targets := make([]netip.AddrPort, len(addrs))
	for i, addr := range addrs {
		targets[i] = netip.AddrPortFrom(addr, x.target.port)
	}
	connect := func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) { return x.dialOne(ctx, &d, addr) }
	return newHappyEyeballs(x.client, targets, x.call.Timeout, connect).run(ctx)
}

// dialOne connects to addr.
func (x *exchange) dialOne(ctx context.Context, d *tcpDialer, addr netip.AddrPort) (net.Conn, error) {
	traced := x.tracer.dialing(addr)
	conn, err := x.open(ctx, d, addr)
	if err != nil {
		err = dialFault(err, addr)
		x.tracer.dialed(ctx, traced, nil, err)
		return nil, err
	}
	x.tracer.dialed(ctx, traced, conn, nil)
	return conn, nil
}

// remoteAddr is the address and port that conn is connected to.
func remoteAddr(conn net.Conn) netip.AddrPort {
	if c, ok := conn.(interface{ peer() netip.AddrPort }); ok {
		return c.peer()
	}
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		peer := tcp.AddrPort()
		return netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	}
	return netip.AddrPort{}
}
