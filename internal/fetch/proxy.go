package fetch

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
)

// Connections can go through a proxy, which all exchanges of a client share. It is asked for a tunnel to the address of the target, for
// http and https alike, and everything else happens inside of the tunnel:
//
//	look up → guard → connect to the proxy → ask for a tunnel to the address → TLS with the target → send → …
//	                  └──────────────── phase connect ──────────────────────┘
//
// So names are resolved and addresses checked as without a proxy, and the proxy gets an address, which means the same to it: DNS rebinding
// stays impossible. The operator may let the proxy resolve names (ProxyConfig.Resolves). Then it has to refuse what the guard would.
//
// What keeps the proxy from being of use is a shortage of this host. That the target cannot be reached, as far as the proxy says so, is a
// failure of the target: see tunnelFault.

// ProxyConfig describes a proxy.
type ProxyConfig struct {
	Scheme         ProxyScheme
	Host           string // a name or an address, without brackets
	Port           uint16
	User, Password string // "" for no login
	Resolves       bool   // the proxy resolves the names of targets
	Except         Exceptions
	Resolver       Resolver     // for Host; nil for that of the host
	Logger         *slog.Logger // nil for none
}

// ProxyScheme is how a proxy is spoken to.
type ProxyScheme string

// The schemes.
const (
	ProxyHTTP   ProxyScheme = "http"   // CONNECT (RFC 9110, section 9.3.6)
	ProxyHTTPS  ProxyScheme = "https"  // the same over TLS
	ProxySOCKS5 ProxyScheme = "socks5" // RFC 1928
)

// Proxy is a proxy in use.
type Proxy struct {
	config   ProxyConfig
	login    string // for Proxy-Authorization; "" for none
	lookups  *lookups
	addrs    atomic.Pointer[[]netip.Addr] // of Host, as they were looked up last; nil before the first time
	latest   atomic.Pointer[netip.Addr]   // the one that was connected to last
	silences silences
	warned   atomic.Int64 // when the log was told of a failure, in Unix seconds
}

// warnPause is the shortest time between two entries in the log about failures of the proxy.
const warnPause = time.Minute

// NewProxy returns a proxy for a client and its guard.
func NewProxy(config ProxyConfig) *Proxy {
	if config.Resolver == nil {
		config.Resolver = newHostResolver()
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{config: config, lookups: newLookups(config.Resolver), silences: silences{hosts: map[int64]map[string]bool{}}}
	if config.User != "" || config.Password != "" {
		p.login = "Basic " + base64.StdEncoding.EncodeToString([]byte(config.User+":"+config.Password))
	}
	return p
}

// Find looks up the addresses of the proxy, which the guard then knows. Errors are of the lookup.
func (p *Proxy) Find(ctx context.Context) ([]netip.Addr, error) {
	addrs, err := []netip.Addr(nil), error(nil)
	if addr, notAddr := netip.ParseAddr(p.config.Host); notAddr == nil {
		addrs = []netip.Addr{addr.Unmap()}
	} else if addrs, err = p.lookups.lookup(ctx, p.config.Host); err != nil {
		return nil, err
	}
	p.addrs.Store(&addrs)
	return addrs, nil
}

// isSecure reports whether tunnels run through TLS with the proxy.
func (p *Proxy) isSecure() bool { return p != nil && p.config.Scheme == ProxyHTTPS }

// resolves reports whether the proxy is to resolve the name of a target.
func (p *Proxy) resolves(t *target) bool {
	return p != nil && p.config.Resolves && !t.addr.IsValid() && !isLocalhost(t.host) && !p.config.Except.coverName(t.host)
}

// isDirect reports whether a connection to an address of a target does not go through the proxy: one that was excepted, and those
// that mean something else to the proxy, such as this host itself.
func (p *Proxy) isDirect(t *target, addr netip.Addr) bool {
	return addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.Zone() != "" ||
		p.config.Except.coverAddr(addr) || !t.addr.IsValid() && p.config.Except.coverName(t.host)
}

// isAt reports whether the proxy listens on an address and port, or may do so, as long as its addresses are not known. local says
// whether an address is one of this host, of which each leads to a proxy that listens on all of them.
func (p *Proxy) isAt(addr netip.Addr, port uint16, local func(netip.Addr) (bool, error)) (bool, error) {
	if port != p.config.Port {
		return false, nil
	}
	known := p.addrs.Load()
	if known == nil || slices.Contains(*known, addr) {
		return true, nil
	}
	isLocal := func(a netip.Addr) (bool, error) {
		if a.IsLoopback() || a.IsUnspecified() {
			return true, nil
		}
		return local(a)
	}
	if here, err := isLocal(addr); !here || err != nil {
		return false, err
	}
	for _, a := range *known {
		if here, err := isLocal(a); here || err != nil {
			return here, err
		}
	}
	return false, nil
}

// checkName returns a *fault for a name that the proxy must not resolve: its own one, and those of cloud metadata services.
func (p *Proxy) checkName(t *target) error {
	f := &fault{status: cron.StatusConnectFailed, detail: t.authority()}
	switch name := t.serverName(); {
	case slices.Contains(metadataNames, name):
		f.fault = cron.FaultMetadata
	case t.port == p.config.Port && strings.EqualFold(name, strings.TrimSuffix(p.config.Host, ".")):
		f.fault = cron.FaultDenied
	default:
		return nil
	}
	return f
}

// metadataNames are the names of cloud metadata services.
var metadataNames = []string{"metadata.google.internal", "metadata.goog", "metadata", "instance-data.ec2.internal", "instance-data",
	"metadata.tencentyun.com", "metadata.packet.net", "metadata.platformequinix.com"}

// isLocalhost reports whether a name stands for the loopback address (RFC 6761, section 6.3).
func isLocalhost(name string) bool {
	name = strings.TrimSuffix(name, ".")
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// warn logs that the proxy is of no use, once in a while.
func (p *Proxy) warn(err error) {
	now, before := time.Now().Unix(), p.warned.Load()
	if now-before >= int64(warnPause/time.Second) && p.warned.CompareAndSwap(before, now) {
		p.config.Logger.Warn("the outbound proxy could not be used; what it keeps from being sent does not count as a failure of its target",
			slog.String("proxy", string(p.config.Scheme)+"://"+net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port)))),
			slog.Any("error", err))
	}
}

// proxyAddrs are the addresses of the proxy, as they were found for one tunnel.
type proxyAddrs struct {
	list []netip.Addr
	late bool // the time was over before they were looked up
}

// find is Find for a tunnel. Its errors are those of unreached.
func (p *Proxy) find(ctx context.Context) (at proxyAddrs, err error) {
	at.late = hasEnded(ctx)
	if at.list, err = p.Find(ctx); err != nil {
		return at, p.unreached(ctx, at.late, err)
	}
	return at, nil
}

// connect connects to the proxy. Its errors are those of unreached. Where the proxy has several addresses, the one that answered last is
// tried first, and each has its share of the time.
func (p *Proxy) connect(ctx context.Context, d *tcpDialer, at proxyAddrs) (conn net.Conn, err error) {
	addrs := at.list
	if latest := p.latest.Load(); latest != nil && len(addrs) > 1 {
		if i := slices.Index(addrs, *latest); i > 0 {
			addrs = slices.Clone(addrs)
			addrs[0], addrs[i] = addrs[i], addrs[0]
		}
	}
	for i, addr := range addrs {
		if conn, err = p.connectTo(ctx, d, addr, len(addrs)-i, at.late); err == nil {
			if len(addrs) > 1 {
				p.latest.Store(&addr)
			}
			return conn, nil
		}
		if hasEnded(ctx) {
			break
		}
	}
	return nil, err
}

// connectTo connects to an address of the proxy. It takes a part of the time that is left; late says that there was none.
func (p *Proxy) connectTo(ctx context.Context, d *tcpDialer, addr netip.Addr, parts int, late bool) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && parts > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(parts))
		defer cancel()
	}
	conn, err := d.dial(ctx, netip.AddrPortFrom(addr, p.config.Port))
	if err == nil {
		return conn, nil
	}
	return nil, p.unreachedAt(ctx, addr, late, err)
}

// unreachedAt is unreached for a connection to an address of the proxy.
func (p *Proxy) unreachedAt(ctx context.Context, addr netip.Addr, late bool, err error) error {
	if lacksRoute(shortageFault(err), addr) {
		err = fmt.Errorf("this machine has no route to it: %v", err) // %v: it does not lack ports
	}
	return p.unreached(ctx, late, err)
}

// unreached is the error for a proxy that was not reached: a shortage, unless the exchange had no time left before it tried (late) or was
// interrupted. That says nothing about the proxy and is os.ErrDeadlineExceeded.
func (p *Proxy) unreached(ctx context.Context, late bool, err error) error {
	if short := shortageFault(err); short != nil {
		return short
	}
	if late || ctx.Err() == context.Canceled {
		return os.ErrDeadlineExceeded
	}
	return p.lacks(cron.ShortOfProxy, err)
}

// lacks is the shortage of what the proxy should give. It is logged, unless it is one of this machine.
func (p *Proxy) lacks(what string, err error) error {
	if short := shortageFault(err); short != nil {
		return short
	}
	missing := &lack{what: what, err: err}
	p.warn(err)
	return shortageFault(missing)
}

// refuses is lacks for an answer that the proxy would give again.
func (p *Proxy) refuses(what string, err error) error {
	p.warn(err)
	return shortageFault(&lack{what: what, lasting: true, err: err})
}

// Exceptions are the targets that are called without the proxy.
type Exceptions struct {
	// Names in lower case and ASCII. Each stands for itself and its subdomains, or with a dot in front for its subdomains only.
	Names     []string
	Addresses []netip.Prefix
}

func (e *Exceptions) coverName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return slices.ContainsFunc(e.Names, func(name string) bool {
		domain := strings.TrimPrefix(name, ".")
		return host == name || strings.HasSuffix(host, domain) && strings.HasSuffix(strings.TrimSuffix(host, domain), ".")
	})
}

func (e *Exceptions) coverAddr(addr netip.Addr) bool { return covers(e.Addresses, addr) }

// silences tells a target that does not answer from a proxy that does not. A proxy that waits for a silent target is silent itself. But if
// several hosts of an account seem silent and the proxy has answered nobody meanwhile, then it is the proxy. Accounts are judged by
// their own hosts, so that none can hide failures of others.
type silences struct {
	mu    sync.Mutex
	hosts map[int64]map[string]bool // by account, since the latest answer
}

// Limits of silences.
const (
	maxSilentHosts    = 3 // from which on the proxy is to blame
	maxSilentAccounts = 4096
)

// end notes an answer of the proxy.
func (s *silences) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.hosts)
}

// add notes that the proxy did not answer for a host, and reports whether the proxy is to blame.
func (s *silences) add(account int64, host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.hosts[account]
	switch {
	case of == nil && len(s.hosts) >= maxSilentAccounts:
		return false
	case of == nil:
		of = map[string]bool{}
		s.hosts[account] = of
	}
	if len(of) < maxSilentHosts {
		of[host] = true
	}
	return len(of) == maxSilentHosts
}
