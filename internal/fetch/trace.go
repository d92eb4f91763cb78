package fetch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"punctual/internal/cron"
)

// Trace makes the exchange of a call as Do does, and records what it sees. The result has headers and body as if the
// call saved them. It always opens a connection, to show the whole path.
//
// observe is called with what is known so far, first at once and then when that changes, at most once per reportInterval,
// and at most once per bytesInterval when only more was sent or received.
// The last time, it gets the returned trace. Calls do not overlap, and none is made after Trace has returned. A slow
// observe delays the end of Trace, but not the exchange. A trace is not changed once it was given out. observe may be nil.
func (c *Client) Trace(ctx context.Context, call cron.Call, observe func(cron.Trace)) (cron.Result, cron.Trace) {
	call.SaveResponse = true
	call.Exchange.Connection = cron.ConnectionFresh
	c.kept.enter()
	defer c.kept.leave()
	x := &exchange{client: c, call: &call, started: time.Now()}
	x.tracer = newTracer(x)
	stop := x.tracer.report(observe)
	err := x.attempt(ctx)
	x.finish(ctx, err)
	x.maskResult()
	x.tracer.masks.result(&x.result)
	x.tracer.end(&x.result)
	stop()
	last := x.tracer.snapshot()
	if observe != nil {
		observe(last)
	}
	return x.result, last
}

// The shortest times between two reports of a trace. Each masks up to 128 KiB again, and a target may send byte by byte.
const (
	reportInterval = 50 * time.Millisecond
	bytesInterval  = 10 * reportInterval // when only more was sent or received
)

// maxRedirectBytes is the number of bytes that a hop keeps of a request and of a response once a redirect was followed.
const maxRedirectBytes = 4 << 10

// maxDials is the number of dials of a hop: each address is tried twice at most.
const maxDials = 2 * maxAddrs

// tracer records an exchange. A nil tracer records nothing. It is used by the goroutines of the exchange and by the one
// that reports.
type tracer struct {
	started time.Time
	guard   *Guard
	access  cron.Access
	changed chan struct{} // holds a value when there is something to report
	grown   chan struct{} // likewise, when only more was sent or received

	mu     sync.Mutex
	phase  cron.Phase
	hops   []cron.Hop // the last one is under way; those before it are as they are shown
	dials  []tracedDial
	checks []cron.Check
	masks  masks
	ended  bool
}

// tracedDial is a dial of the last hop.
type tracedDial struct {
	cron.Dial
	conn      net.Conn // nil when it failed
	cancelled bool     // since another one was faster, or the exchange was interrupted
}

func newTracer(x *exchange) *tracer {
	return &tracer{
		started: x.started, guard: x.client.guard, access: x.call.Access, changed: make(chan struct{}, 1),
		grown: make(chan struct{}, 1), phase: cron.PhasePreparing, masks: newMasks(x.call),
	}
}

// report calls observe when there is something new, until the returned function is called.
func (t *tracer) report(observe func(cron.Trace)) (stop func()) {
	if observe == nil {
		return func() {}
	}
	ended := make(chan struct{})
	var reporter sync.WaitGroup
	reporter.Go(func() {
		pause := time.NewTicker(reportInterval)
		defer pause.Stop()
		observe(t.snapshot())
		for reported := time.Now(); ; {
			select {
			case <-pause.C:
			case <-ended:
				return
			}
			if received(t.changed) || time.Since(reported) >= bytesInterval && received(t.grown) {
				observe(t.snapshot())
				reported = time.Now()
			}
		}
	})
	return func() {
		close(ended)
		reporter.Wait()
	}
}

// received reports whether there was a value in a channel.
func received(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// change notes that there is something to report.
func (t *tracer) change() { note(t.changed) }

// note puts a value into a channel that has room for one.
func note(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// update changes the trace by f, which gets the hop that is under way.
func (t *tracer) update(f func(hop *cron.Hop)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.hops[len(t.hops)-1])
	t.change()
}

// grow changes the hop that is under way by f, which adds bytes to it and may change the phase.
func (t *tracer) grow(f func(hop *cron.Hop)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	phase := t.phase
	f(&t.hops[len(t.hops)-1])
	if t.phase != phase {
		t.change()
	} else {
		note(t.grown)
	}
}

// snapshot is a copy of what is known so far.
func (t *tracer) snapshot() cron.Trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	trace := cron.Trace{Phase: t.phase, Hops: slices.Clone(t.hops), Checks: t.checks}
	if n := len(trace.Hops); n > 0 {
		trace.Hops[n-1] = t.shown(trace.Hops[n-1], cron.MaxTraceBytes)
	}
	return trace
}

// shown is the hop that is under way, as it is shown, with at most limit bytes of the request and of the response.
func (t *tracer) shown(hop cron.Hop, limit int) cron.Hop {
	hop.Dials = make([]cron.Dial, len(t.dials))
	for i := range t.dials {
		hop.Dials[i] = t.dials[i].Dial
	}
	left := limit < cron.MaxTraceBytes // no more comes
	hop.RequestCut = hop.RequestBytes > int64(len(hop.Request)) || len(hop.Request) > limit
	hop.ResponseCut = hop.ResponseBytes > int64(len(hop.Response))
	var cut bool
	hop.Request, cut = t.masks.request(hop.Request, limit, hop.RequestCut)
	hop.RequestCut = hop.RequestCut || cut
	hop.Response, cut = t.masks.response(hop.Response, limit, !t.ended && !left || hop.ResponseCut)
	hop.ResponseCut = hop.ResponseCut || cut
	return hop
}

// beginHop notes that the current request of x begins.
func (t *tracer) beginHop(x *exchange) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.hops); n > 0 {
		t.hops[n-1] = t.shown(t.hops[n-1], maxRedirectBytes)
		t.dials = nil
	}
	url := x.result.URL
	if n := len(x.result.Redirects); n > 0 {
		url = clean(t.masks.url(x.result.Redirects[n-1].URL), cron.MaxURLLength) // what is shown may be longer
	}
	t.hops = append(t.hops, cron.Hop{URL: url, Began: time.Since(t.started)})
	t.phase = cron.PhasePreparing
	t.change()
}

// reach notes the start of a phase.
func (t *tracer) reach(phase cron.Phase) {
	if t == nil {
		return
	}
	t.update(func(*cron.Hop) {
		if t.phase = phase; phase == cron.PhaseConnecting {
			t.dials = nil // of a try before, when this host lacked something
		}
	})
}

// reached is the phase that the exchange is in.
func (t *tracer) reached() cron.Phase {
	if t == nil {
		return cron.PhasePreparing
	}
	return t.phase
}

// marked notes the timings so far.
func (t *tracer) marked(stats *cron.Stats) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.hops); n > 0 { // an exchange can fail before its first hop
		t.hops[n-1].Stats = *stats
	}
}

// resolved notes the addresses of the host.
func (t *tracer) resolved(addrs []netip.Addr, port uint16) {
	if t == nil {
		return
	}
	texts := make([]string, 0, len(addrs))
	for _, addr := range addrs {
		if !t.hides(netip.AddrPortFrom(addr, port)) {
			texts = append(texts, addr.String())
		}
	}
	t.update(func(hop *cron.Hop) { hop.Addresses = texts })
}

// hides reports whether an address is kept from the account, as hideAddress does.
func (t *tracer) hides(addr netip.AddrPort) bool {
	return t.access == cron.AccessGlobal && t.guard.Check(addr, t.access) != nil
}

// dialing notes the start of a dial. The result is for dialed.
func (t *tracer) dialing(addr netip.AddrPort) int {
	if t == nil || t.hides(addr) {
		return -1
	}
	index := -1
	t.update(func(*cron.Hop) {
		index = len(t.dials)
		t.dials = append(t.dials, tracedDial{Dial: cron.Dial{Address: addr.String(), Began: time.Since(t.started)}})
	})
	return index
}

// dialed notes the end of a dial that ctx was for. An error is a *fault.
func (t *tracer) dialed(ctx context.Context, index int, conn net.Conn, err error) {
	if t == nil || index < 0 {
		return
	}
	t.update(func(*cron.Hop) {
		d := &t.dials[index]
		d.Took, d.conn = time.Since(t.started)-d.Began, conn
		if f, ok := errors.AsType[*fault](err); ok {
			d.Fault, d.cancelled = f.fault, context.Cause(ctx) == context.Canceled
		}
	})
}

// blocked notes that no address may be dialled, for a reason that hideAddress has hidden where it must.
func (t *tracer) blocked(f cron.Fault) {
	if t == nil {
		return
	}
	t.update(func(*cron.Hop) {
		if len(t.dials) == 0 {
			t.dials = []tracedDial{{Dial: cron.Dial{Began: time.Since(t.started), Fault: f}}}
		}
	})
}

// connected notes which of the connections is used.
func (t *tracer) connected(conn net.Conn, peer netip.AddrPort) {
	if t == nil {
		return
	}
	t.update(func(hop *cron.Hop) {
		if peer.IsValid() {
			hop.Peer = peer.String()
		}
		won := slices.IndexFunc(t.dials, func(d tracedDial) bool { return d.conn == conn })
		if won < 0 {
			return
		}
		t.dials[won].Chosen = true
		for i := range t.dials {
			if d := &t.dials[i]; d.cancelled {
				d.Fault = cron.FaultNone
			}
		}
	})
}

// sent notes bytes of the request that were sent. all says that they are the last ones.
func (t *tracer) sent(p []byte, all bool) {
	if t == nil {
		return
	}
	t.grow(func(hop *cron.Hop) {
		if hop.RequestBytes == 0 {
			t.masks.learn(p)
		}
		hop.Request = append(hop.Request, p[:min(len(p), cron.MaxTraceBytes-len(hop.Request))]...)
		hop.RequestBytes += int64(len(p))
		if all && t.phase == cron.PhaseSending { // and not yet receiving
			t.phase = cron.PhaseWaiting
		}
	})
}

// sentBody is sent for the first n bytes of text.
func (t *tracer) sentBody(text string, n int, all bool) {
	if t == nil {
		return
	}
	t.sent([]byte(text[:n]), all)
}

// received notes bytes of the response.
func (t *tracer) received(p []byte) {
	if t == nil {
		return
	}
	t.grow(func(hop *cron.Hop) {
		hop.Response = append(hop.Response, p[:min(len(p), cron.MaxTraceBytes-len(hop.Response))]...)
		hop.ResponseBytes += int64(len(p))
		t.phase = cron.PhaseReceiving
	})
}

// judged notes the checks.
func (t *tracer) judged(checks []cron.Check) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checks = checks
	t.change()
}

// end notes the result of the exchange.
func (t *tracer) end(r *cron.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if r.Fault == cron.FaultTLS && r.Stats.StartTransfer == 0 {
		t.phase = cron.PhaseSecuring // with TLS 1.3, a server may reject the handshake after the client has completed it
	}
	for i := range t.dials {
		if d := &t.dials[i]; d.cancelled && r.Fault == cron.FaultLost {
			d.Fault = cron.FaultLost
		}
	}
}
