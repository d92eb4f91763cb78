package fetch

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds on what is remembered of names. It is for the herd at the full minute, not for saving lookups.
const (
	lookupLife = time.Second
	maxLookups = 4096
)

// lookups looks names up, each once for all who ask at the same time or within a moment. The first to ask does it
// with the time it has; the others wait, and when the first gives up, the next takes over.
type lookups struct {
	resolver Resolver

	mu      sync.Mutex
	flights map[string]*flight
	// Two generations of answers, so that old ones go by dropping a map.
	answers, former map[string]answer
	turned          time.Time
}

// flight is a lookup under way. Its results may be read once done is closed.
type flight struct {
	done  chan struct{}
	addrs []netip.Addr
	err   error
	final bool // for all who wait, and not only for the one who looked up
}

type answer struct {
	addrs []netip.Addr
	at    time.Time
}

func newLookups(resolver Resolver) *lookups {
	return &lookups{resolver: resolver, flights: make(map[string]*flight)}
}

// lookup returns the addresses of host, at least one. They are shared: not to be changed.
func (l *lookups) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	for {
		l.mu.Lock()
		if addrs, ok := l.recall(host, time.Now()); ok {
			l.mu.Unlock()
			return addrs, nil
		}
		f, underway := l.flights[host]
		if !underway {
			f = &flight{done: make(chan struct{})}
			l.flights[host] = f
		}
		l.mu.Unlock()
		if !underway {
			return l.fly(ctx, host, f)
		}
		select {
		case <-f.done:
			if f.final {
				return f.addrs, f.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// fly performs the lookup f.
func (l *lookups) fly(ctx context.Context, host string, f *flight) ([]netip.Addr, error) {
	defer func() { // also when the resolver panics
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.flights, host)
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
	f.err, f.final = err, ctx.Err() == nil
	return f.addrs, f.err
}

// recall returns an answer that is still good.
func (l *lookups) recall(host string, now time.Time) ([]netip.Addr, bool) {
	found, ok := l.answers[host]
	if !ok {
		found, ok = l.former[host]
	}
	return found.addrs, ok && now.Sub(found.at) < lookupLife
}

func (l *lookups) remember(host string, addrs []netip.Addr, now time.Time) {
	if l.answers == nil || now.Sub(l.turned) >= lookupLife || len(l.answers) >= maxLookups {
		l.answers, l.former, l.turned = make(map[string]answer), l.answers, now
	}
	l.answers[host] = answer{addrs, now}
}
