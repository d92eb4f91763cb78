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
)

// hostResolver is Go's resolver with the host's configuration. Go's own errors do not say when a lookup failed because
// this process had no file left to ask with, so it looks at each socket that a lookup opens.
type hostResolver struct {
	resolver net.Resolver
	config   string // the file that names the servers
}

var _ Resolver = (*hostResolver)(nil)

func newHostResolver() *hostResolver {
	r := &hostResolver{config: "/etc/resolv.conf"}
	// One behaviour however the program was built, and no thread held by each slow lookup.
	r.resolver = net.Resolver{PreferGo: true, Dial: r.dial}
	return r
}

// shortages collects the first shortage that a lookup met.
type shortages struct {
	mu  sync.Mutex
	err error
}

type shortagesKey struct{}

// LookupNetIP implements Resolver. The error of a lookup that met a shortage wraps it.
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
	err := r.checkServer(address)
	if err == nil {
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, network, address); err == nil {
			return conn, nil
		}
	}
	if _, short := shortageOf(err); short {
		if met, ok := ctx.Value(shortagesKey{}).(*shortages); ok {
			met.mu.Lock()
			defer met.mu.Unlock()
			if met.err == nil {
				met.err = err
			}
		}
	}
	return nil, err
}

// checkServer returns a shortage for the server of this host that Go asks, for some seconds, when it could not read the
// configuration; that one may be none at all.
func (r *hostResolver) checkServer(address string) error {
	if address != "127.0.0.1:53" && address != "[::1]:53" {
		return nil
	}
	servers, err := r.servers()
	if err != nil {
		if _, short := shortageOf(err); short {
			return err
		}
		return nil // there is no configuration, and the host itself is asked
	}
	host, _, _ := net.SplitHostPort(address)
	if len(servers) == 0 || slices.Contains(servers, host) {
		return nil
	}
	return fmt.Errorf("the configuration of the resolver could not be read: %w", syscall.EMFILE)
}

// servers reads which name servers the configuration names.
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
