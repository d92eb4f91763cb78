package api

import (
	"net/netip"
	"sync"
	"time"
)

// Limits on calls that need no key.
const (
	openRate      = 10      // calls of an address a second
	openAddresses = 100_000 // addresses that are counted; more in one second have to wait
)

// addressRates counts calls by address in whole seconds. The zero value is ready for use.
type addressRates struct {
	mu     sync.Mutex
	second int64
	counts map[netip.Addr]int
}

// allow counts a call, or tells how long until the next may come.
func (a *addressRates) allow(from netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	if from.Is6() {
		network, _ := from.Prefix(64) // an IPv6 host has all of it
		from = network.Addr()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if second := now.Unix(); a.counts == nil || second != a.second {
		a.second, a.counts = second, make(map[netip.Addr]int)
	}
	count, known := a.counts[from]
	if count >= openRate || !known && len(a.counts) >= openAddresses {
		return now.Truncate(time.Second).Add(time.Second).Sub(now), false
	}
	a.counts[from]++
	return 0, true
}
