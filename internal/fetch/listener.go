package fetch

import (
	"net/netip"
	"slices"

	"punctual/internal/cron"
)

// A service of several nodes has listeners on several hosts. Each node tells the others where it listens, and its guard blocks what they tell:
//
//	an address that other hosts reach       on every node
//	a loopback or an unspecified address    on nodes of the same host, where it leads to the listener

// otherListeners are the listeners of all nodes, as they were told last.
type otherListeners struct {
	reachable map[netip.AddrPort]bool
	here      map[uint16][]netip.Addr // by port: loopback and unspecified addresses of this host
}

// Listeners tells where this node listens: Own, and where that is every address of the host, those that other hosts can reach. The first ones
// are those of Own, and link-local addresses come last.
func (g *Guard) Listeners() ([]netip.AddrPort, error) {
	list := slices.Clone(g.Own)
	if !slices.ContainsFunc(g.Own, func(own netip.AddrPort) bool { return own.Addr().IsUnspecified() }) {
		return list, nil
	}
	addrs, err := g.hostAddrs()
	if err != nil {
		return nil, err
	}
	for _, linkLocal := range []bool{false, true} {
		for _, addr := range addrs {
			if addr.IsLoopback() || addr.IsLinkLocalUnicast() != linkLocal {
				continue
			}
			for _, own := range g.Own {
				if own.Addr().IsUnspecified() {
					list = append(list, netip.AddrPortFrom(addr, own.Port()))
				}
			}
		}
	}
	return list, nil
}

// Learn blocks the listeners of all nodes in place of those that it was told before. host is that of this node.
func (g *Guard) Learn(host string, nodes []cron.Listeners) {
	others := &otherListeners{map[netip.AddrPort]bool{}, map[uint16][]netip.Addr{}}
	for _, n := range nodes {
		isHere := n.Host != "" && n.Host == host
		for _, at := range n.At {
			addr, port := at.Addr().Unmap().WithZone(""), at.Port()
			switch {
			case !addr.IsLoopback() && !addr.IsUnspecified():
				others.reachable[netip.AddrPortFrom(addr, port)] = true
			case isHere && !slices.Contains(others.here[port], addr):
				others.here[port] = append(others.here[port], addr)
			}
		}
	}
	g.others.Store(others)
}

// isOwn reports whether the service listens on addr and port, on this node or on another one.
func (g *Guard) isOwn(addr netip.Addr, port uint16) (bool, error) {
	for _, own := range g.Own {
		if own.Port() != port {
			continue
		}
		if leads, err := g.leadsTo(own.Addr().Unmap().WithZone(""), addr); leads || err != nil {
			return leads, err
		}
	}
	others := g.others.Load()
	if others == nil {
		return false, nil
	}
	for _, listener := range others.here[port] {
		if leads, err := g.leadsTo(listener, addr); leads || err != nil {
			return leads, err
		}
	}
	return others.reachable[netip.AddrPortFrom(addr, port)], nil
}

// leadsTo reports whether a listener of this host is reached at addr.
func (g *Guard) leadsTo(listener, addr netip.Addr) (bool, error) {
	if listener == addr {
		return true, nil
	}
	if !listener.IsUnspecified() {
		return false, nil
	}
	if addr.IsLoopback() {
		return true, nil
	}
	return g.isLocal(addr)
}
