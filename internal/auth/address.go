package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the addresses of proxies whose forwarding headers are trusted: X-Forwarded-For and X-Forwarded-Proto.
type Proxies []netip.Prefix

// Client is the address that a request comes from: the peer's, or, when that is a trusted proxy, the one that the nearest
// untrusted entry of X-Forwarded-For names. It is the zero address, which no allow list holds, when the entry is none.
func (p Proxies) Client(r *http.Request) netip.Addr {
	addr := parseAddress(r.RemoteAddr)
	if !p.Trust(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if hop = strings.TrimSpace(hop); hop == "" {
			continue
		}
		if addr = parseAddress(hop); !p.Trust(addr) {
			return addr
		}
	}
	return addr
}

// Secure tells whether a request came over TLS: to this process, or to a trusted proxy, when the last value of
// X-Forwarded-Proto, which the nearest proxy wrote, is https.
func (p Proxies) Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if !p.Trust(parseAddress(r.RemoteAddr)) {
		return false
	}
	all := strings.Join(r.Header.Values("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:]), "https")
}

// Trust tells whether an address is that of a proxy.
func (p Proxies) Trust(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// parseAddress reads an address that may have a port, as some proxies write it too.
func parseAddress(text string) netip.Addr {
	if addrPort, err := netip.ParseAddrPort(text); err == nil {
		return addrPort.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// NetworkOf is the network of an address whose callers count as one: the address itself, or the /64 of IPv6, all of which one
// machine has. It is the zero prefix for no address.
func NetworkOf(addr netip.Addr) netip.Prefix { return networkOf(addr, 64) }

// SiteOf is the network of an address that one customer of a provider may have: the address itself, or the /48 of IPv6, which
// holds 65,536 networks.
func SiteOf(addr netip.Addr) netip.Prefix { return networkOf(addr, 48) }

func networkOf(addr netip.Addr, ipv6 int) netip.Prefix {
	bits := 32
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		bits = ipv6
	}
	network, _ := addr.Prefix(bits)
	return network
}
