package fetch

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"punctual/internal/cron"
)

// A shortage is a failure of this machine that kept an exchange from reaching its target: no open files, memory or
// ports left, or authorities that cannot be read. It says nothing about the target. As long as no byte of the request
// has been sent, the exchange tries again until its timeout, since a shortage may be over in a moment:
//
//	lookup → connect → handshake → send → receive
//	└──── tried again ──────────┘ └─ status 8 ─┘

// The pauses between two tries.
const (
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)

// shortageOf is what err of a system call says that this machine is out of.
func shortageOf(err error) (what string, ok bool) {
	switch {
	case isAny(err, syscall.EMFILE, syscall.ENFILE):
		return cron.ShortOfFiles, true
	case isAny(err, syscall.ENOBUFS, syscall.ENOMEM):
		return cron.ShortOfMemory, true
	case isAny(err, syscall.EADDRNOTAVAIL):
		return cron.ShortOfPorts, true
	}
	if _, isRoots := errors.AsType[*rootsError](err); isRoots {
		return cron.ShortOfRoots, true
	}
	return "", false
}

// shortageFault is the fault of an exchange that a shortage stopped; nil when err is no shortage.
func shortageFault(err error) *fault {
	what, ok := shortageOf(err)
	if !ok {
		return nil
	}
	return &fault{status: cron.StatusInternalError, fault: cron.FaultShortage, detail: what, err: err}
}

// isShortage reports whether err is a fault made by shortageFault.
func isShortage(err error) bool {
	f, ok := errors.AsType[*fault](err)
	return ok && f.fault == cron.FaultShortage
}

// retryShortage calls try until it returns anything but a shortage or ctx ends.
func retryShortage(ctx context.Context, try func() error) error {
	var short error // the latest shortage
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		err := try()
		switch {
		case isShortage(err):
			short = err
		case short != nil && err != nil && ctx.Err() != nil:
			return short // the time went by with it
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return short
		case <-time.After(pause/2 + rand.N(pause)): // apart, since many exchanges meet a shortage at the same time
		}
	}
}

// outOfFiles is the error of opening a file while this process can open none; nil when it can.
func outOfFiles() error {
	f, err := os.Open(os.DevNull)
	if err == nil {
		return f.Close()
	}
	if _, short := shortageOf(err); short {
		return err
	}
	return nil
}

// hasRoute reports whether this host has an address to reach ip from. An IPv6 address that it has none for fails as if
// all ports were taken; a datagram socket, whose connection sends nothing, tells the two apart.
func hasRoute(ip netip.Addr) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 9)))
	if err == nil {
		conn.Close()
	}
	return !isAny(err, syscall.EADDRNOTAVAIL, syscall.ENETUNREACH)
}
