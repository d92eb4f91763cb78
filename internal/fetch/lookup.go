package fetch

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits on the cache of lookups. Its purpose is that many jobs that are due in the same second share a lookup.
const (
	lookupLife = time.Second
	maxLookups = 4096
)

// lookups resolves names, each once for all exchanges that need it at the same time or within lookupLife. The first exchange
// does it within its own timeout; the others wait, and when it times out, another one takes over.
type lookups struct {
	resolver Resolver

	mu      sync.Mutex
	pending map[string]*pendingLookup
	// Two generations of answers, so that old answers are evicted by dropping a map.
	answers, previous map[string]answer
	rotated           time.Time // when answers became previous
}

// pendingLookup is a lookup in progress. Its results can be read once done is closed.
type pendingLookup struct {
	done  chan struct{}
	addrs []netip.Addr
	err   error
	final bool // the result is valid for all that wait, not only for the one that looked up; shortages are
}

type answer struct {
	addrs []netip.Addr
	at    time.Time
}

func newLookups(resolver Resolver) *lookups {
	return &lookups{resolver: resolver, pending: make(map[string]*pendingLookup)}
}

// lookup returns the addresses of host, at least one. The slice is shared and must not be modified.
func (l *lookups) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	for {
		l.mu.Lock()
		if addrs, ok := l.recall(host, time.Now()); ok {
			l.mu.Unlock()
			return addrs, nil
		}
		f, underway := l.pending[host]
		if !underway {
			f = &pendingLookup{done: make(chan struct{})}
			l.pending[host] = f
		}
		l.mu.Unlock()
		if !underway {
			return l.perform(ctx, host, f)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			select {
			case <-f.done: // at the same moment; it may have met a shortage
			default:
				return nil, ctx.Err()
			}
		}
		if f.final {
			return f.addrs, f.err
		}
	}
}

// perform does the lookup f.
func (l *lookups) perform(ctx context.Context, host string, f *pendingLookup) ([]netip.Addr, error) {
	defer func() { // also when the resolver panics
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.pending, host)
		if f.final && f.err == nil {
			l.remember(host, f.addrs, time.Now())
		}
		close(f.done)
	}()
	found, err := l.resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	if err == nil {
		f.addrs = interleave(found)
	}
	_, short := shortageOf(err)
	f.err, f.final = err, ctx.Err() == nil || short
	return f.addrs, f.err
}

// recall returns an answer that is still valid.
func (l *lookups) recall(host string, now time.Time) ([]netip.Addr, bool) {
	found, ok := l.answers[host]
	if !ok {
		found, ok = l.previous[host]
	}
	return found.addrs, ok && now.Sub(found.at) < lookupLife
}

func (l *lookups) remember(host string, addrs []netip.Addr, now time.Time) {
	if l.answers == nil || now.Sub(l.rotated) >= lookupLife || len(l.answers) >= maxLookups {
		l.answers, l.previous, l.rotated = make(map[string]answer), l.answers, now
	}
	l.answers[host] = answer{addrs, now}
}
