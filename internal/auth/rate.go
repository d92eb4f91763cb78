package auth

import (
	"net/netip"
	"sync"
	"time"
)

// maxAddresses is how many addresses AddressRates counts; more in one second have to wait.
const maxAddresses = 100_000

// AddressRates counts calls by address in whole seconds, where callers prove nothing. It is safe for concurrent use.
type AddressRates struct {
	Most int // calls of an address a second

	mu     sync.Mutex
	second int64
	counts map[netip.Addr]int
}

// Allow counts a call, or tells how long until the next may come.
func (a *AddressRates) Allow(from netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	from = NetworkOf(from).Addr() // an IPv6 host has all of it
	a.mu.Lock()
	defer a.mu.Unlock()
	if second := now.Unix(); a.counts == nil || second != a.second {
		a.second, a.counts = second, make(map[netip.Addr]int)
	}
	count, known := a.counts[from]
	if count >= a.Most || !known && len(a.counts) >= maxAddresses {
		return now.Truncate(time.Second).Add(time.Second).Sub(now), false
	}
	a.counts[from]++
	return 0, true
}
