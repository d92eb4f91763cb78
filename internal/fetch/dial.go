package fetch

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"time"

	"punctual/internal/cron"
)

const (
	// maxAddrs is how many addresses of a name are tried; a name with more is no reason to knock on every door.
	maxAddrs = 16
	// Bounds on the time that an attempt has before the next one starts beside it (RFC 8305, section 5).
	minStagger, maxStagger = 10 * time.Millisecond, 250 * time.Millisecond
	// longCall is the timeout from which on a silent connection needs keep-alive probes, lest middleboxes forget it.
	longCall = time.Minute
)

// interleave returns the addresses in the order to try them: the resolver's, but the families by turns (RFC 8305,
// section 4).
func interleave(addrs []netip.Addr) []netip.Addr {
	var families [2][]netip.Addr // that of the first address first
	for _, a := range addrs {
		a = a.Unmap()
		family := 0
		if a.Is4() != addrs[0].Unmap().Is4() {
			family = 1
		}
		if !slices.Contains(families[family], a) && len(families[family]) < maxAddrs {
			families[family] = append(families[family], a)
		}
	}
	order := make([]netip.Addr, 0, min(len(addrs), maxAddrs))
	for i := range addrs {
		for _, family := range families {
			if i < len(family) && len(order) < maxAddrs {
				order = append(order, family[i])
			}
		}
	}
	return order
}

// dial connects to the first of addrs that answers. Each gets a head start before the next is tried beside it. Its
// errors are *fault.
func (c *Client) dial(
	ctx context.Context, addrs []netip.Addr, port uint16, timeout time.Duration, access cron.Access,
) (net.Conn, error) {
	dialer := net.Dialer{ControlContext: c.guard.control(access), KeepAlive: -1}
	if timeout > longCall {
		dialer.KeepAlive = 0 // the default of package net
	}
	if len(addrs) == 1 {
		return dialOne(ctx, &dialer, netip.AddrPortFrom(addrs[0], port))
	}
	return c.race(ctx, &dialer, addrs, port, timeout)
}

func dialOne(ctx context.Context, dialer *net.Dialer, addr netip.AddrPort) (net.Conn, error) {
	// DialTCP takes the address as it is, but binds a local port first.
	conn, err := dialer.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, dialFault(err, addr)
	}
	return conn, nil
}

// race is dial for several addresses. It returns when all attempts have ended.
func (c *Client) race(
	ctx context.Context, dialer *net.Dialer, addrs []netip.Addr, port uint16, timeout time.Duration,
) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	type end struct {
		index int
		conn  net.Conn
		err   error
	}
	ends := make(chan end)
	started, running := 0, 0
	start := func() {
		index := started
		started++
		running++
		go func() {
			e := end{index: index, err: errPanic}
			defer func() {
				if v := recover(); v != nil {
					c.logger.Error("panic in a dial", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
				}
				ends <- e
			}()
			e.conn, e.err = dialOne(ctx, dialer, netip.AddrPortFrom(addrs[index], port))
		}()
	}

	pace := stagger(timeout, len(addrs))
	timer := time.NewTimer(pace)
	defer timer.Stop()
	var won net.Conn
	errs := make([]error, len(addrs))
	for start(); running > 0; {
		select {
		case <-timer.C:
		case e := <-ends:
			running--
			errs[e.index] = e.err
			switch {
			case e.err == nil && won == nil:
				won = e.conn
				cancel() // and wait for the others
			case e.err == nil:
				e.conn.Close()
			}
		}
		if won == nil && ctx.Err() == nil && started < len(addrs) {
			start()
			timer.Reset(pace)
		}
	}
	if won != nil {
		return won, nil
	}
	return nil, verdict(errs[:started])
}

// stagger is the head start of each of count attempts. Short timeouts have them closer together, so that each gets its
// turn with half of the time left.
func stagger(timeout time.Duration, count int) time.Duration {
	return min(max(timeout/time.Duration(2*count), minStagger), maxStagger)
}

// verdict picks the error that says most: a shortage of ours, since the address that met it might have answered; else
// that the time was over, if it was; else the first one, but a blocked address only when nothing else happened.
func verdict(errs []error) error {
	rank := func(err error) int {
		f, ok := errors.AsType[*fault](err)
		switch {
		case ok && f.fault == cron.FaultShortage:
			return 3
		case ok && f.status == cron.StatusTimeout:
			return 2
		case ok && (f.fault == cron.FaultBlocked || f.fault == cron.FaultNotGlobal):
			return 0
		}
		return 1
	}
	most := errs[0]
	for _, err := range errs[1:] {
		if rank(err) > rank(most) {
			most = err
		}
	}
	return most
}
