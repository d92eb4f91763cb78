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

// happyEyeballs connects to the first of several addresses that answers (RFC 8305, section 5). After a delay
// without an answer it starts an attempt for the next address, in parallel. At most two attempts run at once, since each
// execution may use two file descriptors. If neither answers, the older attempt is cancelled in favour of an address that
// was not tried yet. A cancelled address is tried again once every other address was tried:
//
//	a ──────────┤ cancelled       ├──────── a
//	   b ─────────────────────────┤ refused
//	            ├──────────────────── c
type happyEyeballs struct {
	client  *Client
	addrs   []netip.AddrPort
	timeout time.Duration
	connect func(context.Context, netip.AddrPort) (net.Conn, error) // its errors are *fault

	tried   int        // addrs[:tried] were tried
	retry   []int      // indexes of those whose attempt was cancelled
	running []*attempt // oldest first
	ends    chan *attempt
	errs    []error // the latest error of each address
}

// attempt is one attempt to connect to an address.
type attempt struct {
	index     int
	cancel    context.CancelCauseFunc
	cancelled bool // in favour of another address
	conn      net.Conn
	err       error
}

// errGivenUp is the cause of the end of an attempt that was cancelled in favour of another address.
var errGivenUp = errors.New("fetch: another address is tried")

// maxAttempts limits the attempts that run at once.
const maxAttempts = 2

// Limits on the delay before the next attempt starts, in parallel (maxStagger) or in place of the older one
// (maxReplaceDelay).
const (
	minStagger      = 10 * time.Millisecond
	maxStagger      = 250 * time.Millisecond
	maxReplaceDelay = time.Second // the first SYN retransmission is after one second
)

func newHappyEyeballs(
	c *Client, addrs []netip.AddrPort, timeout time.Duration, connect func(context.Context, netip.AddrPort) (net.Conn, error),
) *happyEyeballs {
	return &happyEyeballs{
		client: c, addrs: addrs, timeout: timeout, connect: connect,
		ends: make(chan *attempt), errs: make([]error, len(addrs)),
	}
}

// run makes the attempts and returns when all of them have ended. The error is a *fault.
func (r *happyEyeballs) run(ctx context.Context) (net.Conn, error) {
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
				cancel() // then wait for the other attempt
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

// next starts an attempt for the next address, if there is one.
func (r *happyEyeballs) next(ctx context.Context, timer *time.Timer) {
	switch {
	case r.tried < len(r.addrs):
		r.start(ctx, r.tried)
		r.tried++
	case len(r.retry) > 0:
		r.start(ctx, r.retry[0])
		r.retry = r.retry[1:]
	default:
		return
	}
	limit := maxStagger
	if len(r.running) == maxAttempts {
		limit = maxReplaceDelay
	}
	timer.Reset(stagger(r.timeout, len(r.addrs), limit))
}

func (r *happyEyeballs) start(ctx context.Context, index int) {
	a := &attempt{index: index, err: errPanic}
	ctx, a.cancel = context.WithCancelCause(ctx)
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

// giveUp cancels an attempt. It counts as running until its socket is closed.
func (r *happyEyeballs) giveUp(a *attempt) {
	a.cancelled = true
	a.cancel(errGivenUp)
}

// end records the outcome of an attempt.
func (r *happyEyeballs) end(a *attempt) {
	a.cancel(nil)
	r.running = slices.DeleteFunc(r.running, func(other *attempt) bool { return other == a })
	r.errs[a.index] = a.err
	if a.cancelled && a.err != nil && !isShortage(a.err) {
		r.errs[a.index] = dialFault(os.ErrDeadlineExceeded, r.addrs[a.index])
		r.retry = append(r.retry, a.index)
	}
}

// stagger is the delay between the starts of count attempts, at most the given limit. It is shorter for a short timeout,
// so that all of them start within half of the timeout.
func stagger(timeout time.Duration, count int, limit time.Duration) time.Duration {
	return min(max(timeout/time.Duration(2*count), minStagger), limit)
}

// pickError returns the most important error: a shortage, since the address might have answered without it; then a
// timeout; then any other error except a blocked address. Of equally important errors it returns the first.
func pickError(errs []error) error {
	rank := func(err error) int {
		f, ok := errors.AsType[*fault](err)
		switch {
		case ok && f.fault == cron.FaultShortage:
			return 3
		case ok && f.status == cron.StatusTimeout:
			return 2
		case ok && f.fault.Blocks():
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
