package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"punctual/internal/cron"
)

// Guard decides which addresses an exchange may connect to, as protection against SSRF. It checks each address when it
// is dialled, after the name was resolved, so DNS rebinding cannot bypass it. The zero value has no listeners and no
// lists. The fields of a Guard must not be modified once it is in use.
//
// An IPv4-mapped address is treated as its IPv4 address. An IPv6 address that embeds an IPv4 address in another way
// (compatible, translated, NAT64, 6to4, Teredo, ISATAP) is checked as both, and both must be allowed. The first rule
// that matches decides:
//
//  1. An address in Deny is blocked.
//  2. A cloud metadata service and the service's own listeners, of this node and of those that Learn was told of, are blocked.
//  3. An address in Allow is allowed.
//  4. The address and port of the proxy are blocked.
//  5. If the account may reach private networks, IPv4 link-local addresses are blocked, since cloud providers run
//     services there, and every other address is allowed.
//  6. For other accounts, only global unicast addresses are allowed. Everything in the IANA special-purpose address
//     registries, multicast and addresses with a zone are blocked.
type Guard struct {
	Own   []netip.AddrPort // the listeners of this node; an unspecified address means every address of the host
	Allow []netip.Prefix   // configured by the operator, without IPv4-mapped prefixes
	Deny  []netip.Prefix   // likewise
	Proxy *Proxy           // that exchanges go through; nil for none

	local  atomic.Pointer[localAddrs]
	others atomic.Pointer[otherListeners] // nil before Learn
}

// BlockedError is the error for an address that the guard blocks.
type BlockedError struct {
	Addr   netip.AddrPort
	Reason string     // for logs
	Fault  cron.Fault // FaultNotGlobal: allowed for accounts that may reach private networks
}

// Error is the text for logs.
func (e *BlockedError) Error() string { return fmt.Sprintf("%s is blocked: %s", e.Addr, e.Reason) }

// control returns the ControlContext of a net.Dialer for an account with the given access.
func (g *Guard) control(access cron.Access) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("address to dial: %w", err)
		}
		return g.Check(addr, access)
	}
}

// Check returns nil if an account with the given access may dial addr. Otherwise the error is a *BlockedError, or says
// why the check could not be made.
func (g *Guard) Check(addr netip.AddrPort, access cron.Access) error {
	var buf [8]netip.Addr
	forms := appendForms(buf[:0], addr.Addr())
	for _, form := range forms {
		own, err := g.isOwn(form.WithZone(""), addr.Port())
		if err != nil {
			return fmt.Errorf("list the addresses of the host: %w", err)
		}
		proxy := false
		if g.Proxy != nil {
			if proxy, err = g.Proxy.isAt(form.WithZone(""), addr.Port(), g.isLocal); err != nil {
				return fmt.Errorf("list the addresses of the host: %w", err)
			}
		}
		if reason, fault := g.refuse(form, own, proxy, access); reason != "" {
			return &BlockedError{addr, reason, fault}
		}
	}
	return nil
}

// CheckHost checks the host of a URL, given without brackets, as Check does if it is an IP address in any notation. The
// problem is cron.RuleURLBlocked, cron.RuleURLNotGlobal or none; it is cron.RuleURLHostName for a host that is neither an
// address nor a valid domain name. CheckHost resolves no names: their addresses are checked when they are dialled.
func (g *Guard) CheckHost(host string, port int, access cron.Access) cron.Problem {
	_, addr, err := parseHost(host, strings.Contains(host, ":"))
	if err != nil {
		return cron.Problem{Rule: cron.RuleURLHostName, Given: host}
	}
	if !addr.IsValid() {
		return cron.Problem{}
	}
	blocked, is := errors.AsType[*BlockedError](g.Check(netip.AddrPortFrom(addr, uint16(port)), access))
	switch {
	case !is:
		return cron.Problem{}
	case blocked.Fault == cron.FaultNotGlobal:
		return cron.Problem{Rule: cron.RuleURLNotGlobal, Given: addr.String()}
	}
	return cron.Problem{Rule: cron.RuleURLBlocked, Given: addr.String()}
}

// refuse returns the reason why addr is blocked, or "". own and proxy say whether it is one of the service's listeners, or the proxy.
func (g *Guard) refuse(addr netip.Addr, own, proxy bool, access cron.Access) (reason string, fault cron.Fault) {
	global := access == cron.AccessGlobal
	bare := addr.WithZone("") // prefixes contain no address with a zone
	switch {
	case covers(g.Deny, bare):
		return "denied by the operator", cron.FaultDenied
	case covers(metadata, bare):
		return "cloud metadata", cron.FaultMetadata
	case own:
		return "our own listener", cron.FaultOwnListener
	case covers(g.Allow, bare):
		return "", cron.FaultNone
	case proxy:
		return "the outbound proxy", cron.FaultDenied
	case !global && linkLocal4.Contains(bare):
		return "link-local", cron.FaultLinkLocal
	case global && addr.Zone() != "":
		return "zone", cron.FaultNotGlobal
	case global && (covers(special, bare) || bare.Is6() && !global6.Contains(bare)):
		return "special purpose", cron.FaultNotGlobal
	}
	return "", cron.FaultNone
}

func covers(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// localAddrs are the addresses of the host's network interfaces, read at the given time.
type localAddrs struct {
	addrs []netip.Addr
	at    time.Time
}

// isLocal reports whether addr belongs to one of the host's network interfaces.
func (g *Guard) isLocal(addr netip.Addr) (bool, error) {
	addrs, err := g.hostAddrs()
	return slices.Contains(addrs, addr), err // fail closed
}

// hostAddrs are the addresses of the host's network interfaces.
func (g *Guard) hostAddrs() ([]netip.Addr, error) {
	const fresh = 10 * time.Second
	known := g.local.Load()
	if now := time.Now(); known == nil || now.Sub(known.at) > fresh {
		interfaces, err := net.InterfaceAddrs()
		if err != nil {
			return nil, err
		}
		known = &localAddrs{at: now}
		for _, i := range interfaces {
			if network, ok := i.(*net.IPNet); ok {
				if a, ok := netip.AddrFromSlice(network.IP); ok {
					known.addrs = append(known.addrs, a.Unmap())
				}
			}
		}
		g.local.Store(known)
	}
	return known.addrs, nil
}

// appendForms appends every address that addr has to be checked as: addr itself, unmapped; the IPv4 addresses embedded in
// it; and for an unspecified address the loopback address, which a connection to it reaches.
func appendForms(forms []netip.Addr, addr netip.Addr) []netip.Addr {
	addr = addr.Unmap()
	forms = append(forms, addr)
	if addr.Is4() {
		if addr.IsUnspecified() {
			forms = append(forms, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
		}
		return forms
	}
	b := addr.As16()
	v4 := func(i, j, k, l int) netip.Addr { return netip.AddrFrom4([4]byte{b[i], b[j], b[k], b[l]}) }
	switch {
	case addr.IsUnspecified():
		forms = append(forms, netip.IPv6Loopback())
	case nat64.Contains(addr), translated4.Contains(addr), compatible4.Contains(addr) && !addr.IsLoopback():
		forms = append(forms, v4(12, 13, 14, 15))
	case localNAT64.Contains(addr): // every prefix length of RFC 6052, section 2.2, from /48 on
		forms = append(forms, v4(6, 7, 9, 10), v4(7, 9, 10, 11), v4(9, 10, 11, 12), v4(12, 13, 14, 15))
	case sixToFour.Contains(addr):
		forms = append(forms, v4(2, 3, 4, 5))
	case teredo.Contains(addr): // the server, and the client in ones' complement (RFC 4380, section 4)
		forms = append(forms, v4(4, 5, 6, 7), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}))
	}
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // ISATAP (RFC 5214, section 6.1)
		forms = append(forms, v4(12, 13, 14, 15))
	}
	return forms
}

var (
	nat64       = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	localNAT64  = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	sixToFour   = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo      = netip.MustParsePrefix("2001::/32")       // RFC 4380
	compatible4 = netip.MustParsePrefix("::/96")           // RFC 4291, deprecated
	translated4 = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
	linkLocal4  = netip.MustParsePrefix("169.254.0.0/16")  // RFC 3927
	global6     = netip.MustParsePrefix("2000::/3")        // the space that IANA allocates global unicast addresses from
)

// metadata are the cloud metadata services, which give out credentials.
var metadata = prefixes(
	"169.254.169.254/32", "fe80::a9fe:a9fe/128", // nearly all: AWS, Google, Azure, Oracle, OpenStack, …
	"169.254.170.2/32", "169.254.170.23/32", // AWS: credentials of containers
	"fd00:ec2::254/128", "fd00:ec2::23/128", // AWS
	"fd20:ce::254/128",                    // Google
	"169.254.169.252/32",                  // Google Kubernetes Engine
	"168.63.129.16/32",                    // Azure
	"100.100.100.200/32",                  // Alibaba
	"169.254.0.23/32",                     // Tencent
	"192.0.0.192/32",                      // Oracle, classic
	"169.254.42.42/32", "fd00:42::42/128", // Scaleway
	"fd00:a9fe:a9fe::1/128", // Linode
)

// special lists the IANA IPv4 and IPv6 special-purpose address registries, including globally reachable entries, and
// multicast. IPv6 prefixes outside global6 are blocked without an entry.
var special = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private use
	"100.64.0.0/10",   // shared address space
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local
	"172.16.0.0/12",   // private use
	"192.0.0.0/24",    // IETF protocol assignments
	"192.0.2.0/24",    // documentation
	"192.31.196.0/24", // AS112
	"192.52.193.0/24", // AMT
	"192.88.99.0/24",  // 6to4 relays, deprecated
	"192.168.0.0/16",  // private use
	"192.175.48.0/24", // AS112
	"198.18.0.0/15",   // benchmarking
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast

	"2001::/23",         // IETF protocol assignments: Teredo, benchmarking, AMT, ORCHID, drones, …
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
