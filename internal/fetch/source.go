package fetch

import (
	"net"
	"net/netip"
	"os"
	"syscall"
)

// Sources are the addresses of this host that connections come from, one of each family. Without an address, connections of that
// family cannot be opened, so that none leaves from an address that others do not expect.
type Sources struct{ IPv4, IPv6 netip.Addr }

// NewSources returns the sources of a list; nil for an empty list. ok is false if two addresses are of one family.
func NewSources(list []netip.Addr) (s *Sources, ok bool) {
	if len(list) == 0 {
		return nil, true
	}
	s = new(Sources)
	for _, a := range list {
		of := &s.IPv4
		if a = a.Unmap(); a.Is6() {
			of = &s.IPv6
		}
		if of.IsValid() {
			return nil, false
		}
		*of = a
	}
	return s, true
}

// forTarget is the source of connections to an address. The error is as if the host did not have the family.
func (s *Sources) forTarget(target netip.Addr) (netip.Addr, error) {
	source := s.IPv4
	if target.Is6() {
		source = s.IPv6
	}
	if !source.IsValid() {
		return source, os.NewSyscallError("bind", syscall.EAFNOSUPPORT)
	}
	return source, nil
}

// CheckSource returns an error if no connection can come from an address of this host.
func CheckSource(addr netip.Addr) error {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return err
	}
	return conn.Close()
}
