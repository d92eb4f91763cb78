//go:build !linux

package fetch

import (
	"context"
	"net"
	"net/netip"
)

// dial connects to addr.
func (d *tcpDialer) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	return d.dialNet(ctx, addr)
}
