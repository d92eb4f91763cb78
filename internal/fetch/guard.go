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

// Guard says which addresses an exchange may connect to. It is asked about each one as it is dialled, after the name
// was resolved, so no name and no change of a name gets around it. The zero value is the guard of a service without
// listeners. It must not be changed once in use.
//
// An IPv4-mapped address is its IPv4 address. An IPv6 address that carries an IPv4 address in another way (compatible,
// translated, NAT64, 6to4, Teredo, ISATAP) is judged as both, and both must pass. In this order:
//
//   - Deny refuses;
//   - our own listeners and the metadata services of clouds are refused;
//   - Allow lets pass;
//   - IPv4 link-local addresses are refused, since clouds keep their services there;
//   - for an account that may reach private networks all else passes, they and the host itself included;
//   - for any other only global unicast addresses pass: everything in the IANA special-purpose address registries,
//     multicast, and addresses with a zone are refused.
type Guard struct {
	Own   []netip.AddrPort // where we listen; an unspecified address stands for every address of the host
	Allow []netip.Prefix   // the operator's; none IPv4-mapped
	Deny  []netip.Prefix   // likewise

	local atomic.Pointer[localAddrs]
}

// BlockedError is the error for an address that the guard refuses.
type BlockedError struct {
	Addr      netip.AddrPort
	Reason    string // for logs
	NotGlobal bool   // an account that may reach private networks could call it
}

// Error is the text for logs.
func (e *BlockedError) Error() string { return fmt.Sprintf("%s is blocked: %s", e.Addr, e.Reason) }

// control is a net.Dialer's ControlContext for an account with that access.
func (g *Guard) control(access cron.Access) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("address to dial: %w", err)
		}
		return g.Check(addr, access)
	}
}

// Check returns nil when an account with that access may dial addr, and otherwise a *BlockedError, or the error that kept
// the guard from knowing.
func (g *Guard) Check(addr netip.AddrPort, access cron.Access) error {
	var buf [8]netip.Addr
	forms := appendForms(buf[:0], addr.Addr())
	for _, form := range forms {
		own, err := g.isOwn(form.WithZone(""), addr.Port())
		if err != nil {
			return fmt.Errorf("list the addresses of the host: %w", err)
		}
		if reason, notGlobal := g.refuse(form, own, access); reason != "" {
			return &BlockedError{addr, reason, notGlobal}
		}
	}
	return nil
}

// CheckHost is Check for the host of a URL, without brackets, when that is an address in any of its spellings. The
// problem is one of cron.RuleURLBlocked or cron.RuleURLNotGlobal, or none; it is cron.RuleURLHostName for a host that is
// neither an address nor a name that can have one. It never resolves: a name is judged when its addresses are dialled.
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
	case blocked.NotGlobal:
		return cron.Problem{Rule: cron.RuleURLNotGlobal, Given: addr.String()}
	}
	return cron.Problem{Rule: cron.RuleURLBlocked, Given: addr.String()}
}

// refuse returns why addr, which may be our own listener, may not be dialled, or "".
func (g *Guard) refuse(addr netip.Addr, own bool, access cron.Access) (reason string, notGlobal bool) {
	global := access == cron.AccessGlobal
	bare := addr.WithZone("") // prefixes contain no address with a zone
	switch {
	case covers(g.Deny, bare):
		return "denied by the operator", false
	case covers(metadata, bare):
		return "cloud metadata", false
	case own:
		return "our own listener", false
	case covers(g.Allow, bare):
		return "", false
	case !global && linkLocal4.Contains(bare):
		return "link-local", false
	case global && addr.Zone() != "":
		return "zone", true
	case global && (covers(special, bare) || bare.Is6() && !global6.Contains(bare)):
		return "special purpose", true
	}
	return "", false
}

func covers(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// isOwn reports whether we listen at addr and port.
func (g *Guard) isOwn(addr netip.Addr, port uint16) (bool, error) {
	for _, own := range g.Own {
		if own.Port() != port {
			continue
		}
		listener := own.Addr().Unmap().WithZone("")
		if listener == addr || listener.IsUnspecified() && addr.IsLoopback() {
			return true, nil
		}
		if listener.IsUnspecified() {
			if local, err := g.isLocal(addr); local || err != nil {
				return local, err
			}
		}
	}
	return false, nil
}

// localAddrs are the addresses of the host's interfaces at some time.
type localAddrs struct {
	addrs []netip.Addr
	at    time.Time
}

// isLocal reports whether addr is one of the host's.
func (g *Guard) isLocal(addr netip.Addr) (bool, error) {
	const fresh = 10 * time.Second
	known := g.local.Load()
	if now := time.Now(); known == nil || now.Sub(known.at) > fresh {
		interfaces, err := net.InterfaceAddrs()
		if err != nil {
			return false, err // not to know is no reason to let it pass
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
	return slices.Contains(known.addrs, addr), nil
}

// appendForms appends addr, an IPv4-mapped address as its IPv4 address, the IPv4 addresses that it carries, and for an
// unspecified address the loopback address that connecting to it reaches.
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
	case localNAT64.Contains(addr): // of any of the lengths that RFC 6052, section 2.2, has for prefixes this long
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
	global6     = netip.MustParsePrefix("2000::/3")        // all that is given out as global unicast
)

// metadata are the services that tell a machine in a cloud its secrets.
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

// special are the IANA IPv4 and IPv6 special-purpose address registries, those entries that are reachable too, and
// multicast. What is outside of global6 needs no entry.
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
