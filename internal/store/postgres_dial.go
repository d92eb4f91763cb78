package store

import (
	"context"
	"net"
	"time"
)

// A connection over which nothing comes back is given up after deadAfter, which is less than a lease: a node that is cut off from its
// database has to notice before its executions are settled by others, and to look for another server.
const (
	deadAfter     = 9 * time.Second
	probeAfter    = 3 * time.Second
	probeInterval = 2 * time.Second
	probes        = int((deadAfter - probeAfter) / probeInterval)
)

// dialPostgres opens a network connection to a server.
func dialPostgres(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeAfter, Interval: probeInterval, Count: probes},
		Control:         limitUnacknowledged, // probes are not sent while something waits to be acknowledged
	}
	return d.DialContext(ctx, network, address)
}
