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

// A shortage is a failure of this host that prevents an exchange from reaching its target: it has no file descriptors,
// memory or ports left, cannot read its root certificates, or does not get out through its source address, name server or
// proxy as they are configured. It says nothing about the target. Until the first byte of
// the request is sent, the exchange retries up to its timeout, since a shortage may be short:
//
//	lookup → connect → handshake → send → receive
//	└────── retried ────────────┘ └─ status 8 ─┘
//
// An exchange that runs out of time after a shortage is status 8 too, in whichever phase: the target did not get its time.

// Limits on the backoff between two tries.
const (
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)

// lack is the error for something of the network of this host that is configured and does not work.
type lack struct {
	what    string // a text for Result.Detail
	lasting bool   // another try soon would not help
	err     error  // not unwrapped, since it says nothing about the target
}

// Error is the text for logs.
func (l *lack) Error() string { return l.what + ": " + l.err.Error() }

// shortageOf returns the resource that a system call failed for want of.
func shortageOf(err error) (what string, ok bool) {
	if missing, is := errors.AsType[*lack](err); is {
		return missing.what, true
	}
	switch call, isCall := errors.AsType[*os.SyscallError](err); {
	case isCall && call.Syscall == "bind" && isAny(err, syscall.EADDRNOTAVAIL):
		return cron.ShortOfSource, true
	case isCall && call.Syscall == "bind" && isAny(err, syscall.EADDRINUSE):
		return cron.ShortOfPorts, true
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

// shortageFault returns the fault for err if it is a shortage, and nil otherwise.
func shortageFault(err error) *fault {
	what, ok := shortageOf(err)
	if !ok {
		return nil
	}
	return &fault{status: cron.StatusInternalError, fault: cron.FaultShortage, detail: what, err: err}
}

// isShortage reports whether err is a fault from shortageFault.
func isShortage(err error) bool {
	f, ok := errors.AsType[*fault](err)
	return ok && f.fault == cron.FaultShortage
}

// isLasting reports whether err is a shortage that another try soon would not help.
func isLasting(err error) bool {
	missing, ok := errors.AsType[*lack](err)
	return ok && missing.lasting
}

// retryShortage calls try until its error is not a shortage that may end soon, or ctx ends.
func retryShortage(ctx context.Context, try func() error) error {
	var short error // the latest shortage
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		err := try()
		switch {
		case isLasting(err):
			return err
		case isShortage(err):
			short = err
		case short != nil && err != nil && hasEnded(ctx):
			return short // the shortage used up the time
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return short
		case <-time.After(pause/2 + rand.N(pause)): // jitter, since a shortage affects many exchanges at the same time
		}
	}
}

// hasEnded reports whether ctx has ended or its deadline has passed. On a busy machine, a context ends some time after its
// deadline, while a dial judges by the clock.
func hasEnded(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && !time.Now().Before(deadline)
}

// blame returns the error of an exchange that met the given shortage, if any, and ended with err: the shortage if the time ran out.
func blame(ctx context.Context, short, err error) error {
	if f, ok := errors.AsType[*fault](err); ok && short != nil && f.status == cron.StatusTimeout && hasEnded(ctx) {
		return short
	}
	return err
}

// outOfFiles returns the error for opening a file if this process has no file descriptors left, and nil otherwise.
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

// lacksRoute reports whether a connection to ip failed with a shortage that is none of ports, but the lack of a route.
func lacksRoute(short *fault, ip netip.Addr) bool {
	return short != nil && short.detail == cron.ShortOfPorts && !hasRoute(ip)
}

// hasRoute reports whether this host has a source address for ip. A connection to an IPv6 address without one fails with
// EADDRNOTAVAIL, as when all ports are in use. Connecting a UDP socket, which sends nothing, tells the two apart.
func hasRoute(ip netip.Addr) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 9)))
	if err == nil {
		conn.Close()
	}
	return !isAny(err, syscall.EADDRNOTAVAIL, syscall.ENETUNREACH)
}
