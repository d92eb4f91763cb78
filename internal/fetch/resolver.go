package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"punctual/internal/cron"
)

// hostResolver is Go's resolver with the configuration of the host. The errors of net.Resolver do not tell when a lookup
// failed because this process had no file descriptors left, so hostResolver checks each socket that a lookup opens.
type hostResolver struct {
	resolver net.Resolver
	config   string         // path of resolv.conf
	server   netip.AddrPort // the name server that is asked instead of those of the host; the zero value for none
}

var _ Resolver = (*hostResolver)(nil)

func newHostResolver() *hostResolver {
	r := &hostResolver{config: "/etc/resolv.conf"}
	// PreferGo behaves the same with and without cgo, and a slow lookup does not block a thread.
	r.resolver = net.Resolver{PreferGo: true, Dial: r.dial}
	return r
}

// NewResolver returns a resolver that asks one name server, by UDP, and by TCP for long answers. As with the resolver of the host, the
// hosts file is read first, and the search list and the options of resolv.conf apply.
func NewResolver(server netip.AddrPort) Resolver {
	r := newHostResolver()
	r.server = server
	return r
}

// shortages records the first shortage of a lookup.
type shortages struct {
	mu  sync.Mutex
	err error
}

type shortagesKey struct{}

// LookupNetIP implements Resolver. If the lookup failed because of a shortage, the error wraps it.
func (r *hostResolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	met := new(shortages)
	addrs, err := r.resolver.LookupNetIP(context.WithValue(ctx, shortagesKey{}, met), network, host)
	if err == nil {
		return addrs, nil
	}
	met.mu.Lock()
	defer met.mu.Unlock()
	if met.err == nil {
		met.err = outOfFiles() // the configuration may not have been readable
	}
	if met.err != nil {
		return nil, errors.Join(err, met.err)
	}
	return nil, err
}

// dial connects to a name server.
func (r *hostResolver) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if r.server.IsValid() {
		return r.dialServer(ctx, network)
	}
	err := r.checkServer(address)
	if err == nil {
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, network, address); err == nil {
			return conn, nil
		}
	}
	shortagesOf(ctx).note(err)
	return nil, err
}

// shortagesOf is what the lookup of ctx has met; nil if nobody asks for that.
func shortagesOf(ctx context.Context) *shortages {
	met, _ := ctx.Value(shortagesKey{}).(*shortages)
	return met
}

// note records err if it is the first shortage.
func (s *shortages) note(err error) {
	if _, short := shortageOf(err); !short || s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// dialServer connects to the configured name server. That it cannot be reached says nothing about a name.
func (r *hostResolver) dialServer(ctx context.Context, network string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, r.server.String())
	if err != nil {
		shortagesOf(ctx).note(unreachedServer(err))
		return nil, err
	}
	if udp, ok := conn.(*net.UDPConn); ok { // which learns only when it reads that nobody listens
		return &serverConn{udp, shortagesOf(ctx)}, nil
	}
	return conn, nil
}

// unreachedServer is err, or a lack if it says that the name server cannot be reached.
func unreachedServer(err error) error {
	if isAny(err, syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN) {
		return &lack{what: cron.ShortOfResolver, err: err}
	}
	return err
}

// serverConn is a connection to the configured name server. The resolver tells UDP from TCP by the methods of net.PacketConn.
type serverConn struct {
	*net.UDPConn
	met *shortages
}

// Read implements net.Conn.
func (c *serverConn) Read(p []byte) (int, error) {
	n, err := c.UDPConn.Read(p)
	c.met.note(unreachedServer(err))
	return n, err
}

// checkServer returns a shortage if Go uses its default name server on this host because it could not read the
// configuration. It does so for some seconds, and there may be no such server.
func (r *hostResolver) checkServer(address string) error {
	if address != "127.0.0.1:53" && address != "[::1]:53" {
		return nil
	}
	servers, err := r.servers()
	if err != nil {
		if _, short := shortageOf(err); short {
			return err
		}
		return nil // without a configuration the default is right
	}
	host, _, _ := net.SplitHostPort(address)
	if len(servers) == 0 || slices.Contains(servers, host) {
		return nil
	}
	return fmt.Errorf("the configuration of the resolver could not be read: %w", syscall.EMFILE)
}

// servers reads the name servers from the configuration.
func (r *hostResolver) servers() ([]string, error) {
	f, err := os.Open(r.config)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var servers []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "nameserver" {
			servers = append(servers, fields[1])
		}
	}
	return servers, nil
}
