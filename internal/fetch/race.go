package fetch

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"punctual/internal/cron"
)

// A race connects to the first of several addresses that answers (RFC 8305, section 5): each has a head start before the
// next is tried beside it. Two are tried at once at most, since a slot has two files. When both are silent, the one that
// was tried first makes room for an address that had no turn yet, and has another turn when there is room again:
//
//	a ──────────┤ given up        ├──────── a
//	   b ─────────────────────────┤ refused
//	            ├──────────────────── c
type race struct {
	client  *Client
	addrs   []netip.AddrPort
	timeout time.Duration
	connect func(context.Context, netip.AddrPort) (net.Conn, error) // its errors are *fault

	tried   int        // addresses that had a turn, in their order
	again   []int      // of them, those that were given up
	running []*attempt // the oldest first
	ends    chan *attempt
	errs    []error // of each address the latest
}

// attempt is one try of one address.
type attempt struct {
	index   int
	cancel  context.CancelFunc
	givenUp bool
	conn    net.Conn
	err     error
}

// maxAttempts is how many addresses are tried at once.
const maxAttempts = 2

// Bounds on the time that an attempt has before the next one starts beside it, and in place of it.
const (
	minStagger  = 10 * time.Millisecond
	maxStagger  = 250 * time.Millisecond
	maxPatience = time.Second // a lost packet is sent again after one
)

func newRace(
	c *Client, addrs []netip.AddrPort, timeout time.Duration, connect func(context.Context, netip.AddrPort) (net.Conn, error),
) *race {
	return &race{
		client: c, addrs: addrs, timeout: timeout, connect: connect,
		ends: make(chan *attempt), errs: make([]error, len(addrs)),
	}
}

// run returns when all attempts have ended.
func (r *race) run(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var won net.Conn
	for r.next(ctx, timer); len(r.running) > 0; {
		select {
		case <-timer.C:
			if len(r.running) == maxAttempts && r.tried < len(r.addrs) {
				r.giveUp(r.running[0])
				continue
			}
		case a := <-r.ends:
			r.end(a)
			switch {
			case a.err == nil && won == nil:
				won = a.conn
				cancel() // and wait for the other
			case a.err == nil:
				a.conn.Close()
			}
		}
		if won == nil && ctx.Err() == nil && len(r.running) < maxAttempts {
			r.next(ctx, timer)
		}
	}
	if won != nil {
		return won, nil
	}
	return nil, pickError(r.errs[:r.tried])
}

// next tries the address whose turn it is, if there is one.
func (r *race) next(ctx context.Context, timer *time.Timer) {
	switch {
	case r.tried < len(r.addrs):
		r.start(ctx, r.tried)
		r.tried++
	case len(r.again) > 0:
		r.start(ctx, r.again[0])
		r.again = r.again[1:]
	default:
		return
	}
	most := maxStagger
	if len(r.running) == maxAttempts {
		most = maxPatience
	}
	timer.Reset(stagger(r.timeout, len(r.addrs), most))
}

func (r *race) start(ctx context.Context, index int) {
	a := &attempt{index: index, err: errPanic}
	ctx, a.cancel = context.WithCancel(ctx)
	r.running = append(r.running, a)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				r.client.logger.Error("panic in a dial", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			}
			r.ends <- a
		}()
		a.conn, a.err = r.connect(ctx, r.addrs[index])
	}()
}

// giveUp ends an attempt early. Its place is free once its file is closed.
func (r *race) giveUp(a *attempt) {
	a.givenUp = true
	a.cancel()
}

// end notes what came of an attempt.
func (r *race) end(a *attempt) {
	a.cancel()
	r.running = slices.DeleteFunc(r.running, func(other *attempt) bool { return other == a })
	r.errs[a.index] = a.err
	if a.givenUp && a.err != nil {
		r.errs[a.index] = dialFault(os.ErrDeadlineExceeded, r.addrs[a.index])
		r.again = append(r.again, a.index)
	}
}

// stagger is how long each of count attempts is waited for, and no longer than most. Short timeouts have them closer
// together, so that each gets its turn with half of the time left.
func stagger(timeout time.Duration, count int, most time.Duration) time.Duration {
	return min(max(timeout/time.Duration(2*count), minStagger), most)
}

// pickError picks the error that says most: a shortage of ours, since the address that met it might have answered; else
// that the time was over, if it was; else the first one, but a blocked address only when nothing else happened.
func pickError(errs []error) error {
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
