package fetch

import (
	"container/list"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
)

// Jobs can share connections (cron.ConnectionReuse): those of one account to one server, with the same TLS settings.
//
//	open ──▶ request ──▶ response ──▶ kept ──▶ request ──▶ …
//	                        │          └─ 4 s unused, 60 s old, room needed ──▶ closed
//	                        └─ not framed strictly, or "Connection: close" ──▶ closed
//
// No request is sent twice. Right before a kept connection is used, it must be open and have nothing to read, or another one is opened. A
// request of which the operating system has taken no byte goes out over a new connection. From its first byte on, it is sent over this
// connection alone: if the server closes that without an answer, the result is cron.FaultKeptClosed, since the server may have processed the
// request.
//
// All exchanges of a client leave in the same way, so what they leave by, such as a proxy, tells no connections apart.
//
// Only the first request of an exchange uses a kept connection or leaves one behind; redirects are followed over connections of their own.

// Limits on kept connections.
const (
	maxIdle      = 4 * time.Second // the shortest timeouts of common servers, Apache's and Node's, are 5 seconds
	idleMargin   = time.Second     // before the server's timeout
	maxAge       = time.Minute     // so that changes of the name's addresses are followed
	maxExchanges = 100             // over one connection
	maxKept      = 256             // unless configured
	sweepPause   = 100 * time.Millisecond
)

// keptKey tells kept connections apart. Accounts do not share any, nor does an account whose access to private networks has changed.
type keptKey struct {
	account int64
	access  cron.Access
	server  string // scheme, host and port, whether the certificate is verified, and the digest of the TLS settings
}

// keeper holds connections that wait for the next request. Besides places of their own, they have those of the exchanges that could be made at
// the same time and are not, so a burst of exchanges to one host finds the connections of those that have ended. An exchange that begins takes
// its place back. An account has at most half of the places. When they are used up, the account that adds a connection loses its oldest.
type keeper struct {
	max   int // places of their own
	slots int // places of exchanges
	idle  time.Duration

	active atomic.Int64 // exchanges
	size   atomic.Int64 // connections that are kept

	mu       sync.Mutex
	links    map[keptKey][]*list.Element // of *keptLink, the latest last
	order    list.List                   // of *keptLink, the latest last
	accounts map[int64]int               // number of links
	sweeping *time.Timer                 // closes those whose time is over; nil when there are none
	closed   bool

	opened, reused atomic.Int64
}

type keptLink struct {
	*link
	key   keptKey
	until time.Time
}

func newKeeper(most, slots int) *keeper {
	if most == 0 {
		most = maxKept
	}
	return &keeper{max: most, slots: slots, idle: maxIdle, links: make(map[keptKey][]*list.Element), accounts: make(map[int64]int)}
}

// places is how many connections may be kept now.
func (k *keeper) places() int { return k.max + max(0, k.slots-int(k.active.Load())) }

// enter notes that an exchange begins, which may need the place of a kept connection. leave must be called when it has ended.
func (k *keeper) enter() {
	k.active.Add(1)
	for int(k.size.Load()) > k.places() {
		if l := k.trim(); l != nil {
			l.drop()
		}
	}
}

func (k *keeper) leave() { k.active.Add(-1) }

// trim removes the oldest connection if there are too many; nil if there are not.
func (k *keeper) trim() *link {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.order.Len() <= k.places() {
		return nil
	}
	return k.removeOldest(func(*keptLink) bool { return true })
}

// take removes the connection that was kept last; nil if there is none.
func (k *keeper) take(key keptKey, now time.Time) *link {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.links[key])
	if n == 0 {
		return nil
	}
	e := k.links[key][n-1]
	kept := e.Value.(*keptLink)
	if !now.Before(kept.until) {
		return nil // the others are closed soon, too
	}
	k.remove(e)
	return kept.link
}

// put keeps a connection for the given time at most, or closes it.
func (k *keeper) put(key keptKey, l *link, idle time.Duration, now time.Time) {
	l.exchanges++
	until := now.Add(min(idle, k.idle))
	if limit := l.opened.Add(maxAge); limit.Before(until) {
		until = limit
	}
	if l.exchanges >= maxExchanges || !now.Before(until) {
		l.close()
		return
	}
	for _, surplus := range k.add(&keptLink{l, key, until}, now) {
		surplus.close()
	}
}

// add adds a connection and returns those that are to be closed.
func (k *keeper) add(kept *keptLink, now time.Time) (surplus []*link) {
	k.mu.Lock()
	defer k.mu.Unlock()
	places := k.places()
	if k.closed || places < 2 {
		return []*link{kept.link}
	}
	account := kept.key.account
	switch has := k.accounts[account]; {
	case has >= places/2, k.order.Len() >= places && has > 0:
		surplus = append(surplus, k.removeOldest(func(other *keptLink) bool { return other.key.account == account }))
	case k.order.Len() >= places:
		surplus = append(surplus, k.removeOldest(func(*keptLink) bool { return true }))
	}
	k.links[kept.key] = append(k.links[kept.key], k.order.PushBack(kept))
	k.accounts[account]++
	k.size.Store(int64(k.order.Len()))
	if k.sweeping == nil {
		k.sweeping = time.AfterFunc(kept.until.Sub(now), k.sweep)
	}
	return surplus
}

// removeOldest removes the oldest connection that is one of those meant. There must be one.
func (k *keeper) removeOldest(meant func(*keptLink) bool) *link {
	e := k.order.Front()
	for !meant(e.Value.(*keptLink)) {
		e = e.Next()
	}
	k.remove(e)
	return e.Value.(*keptLink).link
}

func (k *keeper) remove(e *list.Element) {
	kept := k.order.Remove(e).(*keptLink)
	same := k.links[kept.key]
	i := len(same) - 1
	if same[i] != e {
		i = slices.Index(same, e)
	}
	if same = slices.Delete(same, i, i+1); len(same) > 0 {
		k.links[kept.key] = same
	} else {
		delete(k.links, kept.key)
	}
	if k.accounts[kept.key.account]--; k.accounts[kept.key.account] == 0 {
		delete(k.accounts, kept.key.account)
	}
	k.size.Store(int64(k.order.Len()))
}

// sweep closes the connections whose time is over.
func (k *keeper) sweep() {
	now := time.Now()
	for _, l := range k.removeAll(func(kept *keptLink) bool { return !now.Before(kept.until) }) {
		l.close()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.order.Len() == 0 || k.closed {
		k.sweeping = nil
		return
	}
	next := now.Add(maxIdle)
	for e := k.order.Front(); e != nil; e = e.Next() {
		if until := e.Value.(*keptLink).until; until.Before(next) {
			next = until
		}
	}
	k.sweeping = time.AfterFunc(max(next.Sub(now), sweepPause), k.sweep)
}

// removeAll removes the connections that are meant.
func (k *keeper) removeAll(meant func(*keptLink) bool) (removed []*link) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for e := k.order.Front(); e != nil; {
		next := e.Next()
		if kept := e.Value.(*keptLink); meant(kept) {
			k.remove(e)
			removed = append(removed, kept.link)
		}
		e = next
	}
	return removed
}

// shed closes all connections, since this host lacks something that they hold.
func (k *keeper) shed() {
	for _, l := range k.removeAll(func(*keptLink) bool { return true }) {
		l.drop()
	}
}

// close closes all connections. None is kept from then on.
func (k *keeper) close() {
	k.mu.Lock()
	k.closed = true
	if k.sweeping != nil {
		k.sweeping.Stop()
		k.sweeping = nil
	}
	k.mu.Unlock()
	k.shed()
}

// count is the number of connections that are kept now.
func (k *keeper) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.order.Len()
}

// Connections is what became of the connections of a client.
type Connections struct {
	Opened int64 // in total
	Reused int64 // requests that were sent over a kept connection
	Kept   int   // connections that wait for the next request
}

// Connections counts the connections of the client so far.
func (c *Client) Connections() Connections {
	return Connections{Opened: c.kept.opened.Load(), Reused: c.kept.reused.Load(), Kept: c.kept.count()}
}

// Close closes the connections that are kept. Exchanges can still be made, but keep none.
func (c *Client) Close() { c.kept.close() }

// reuses reports whether the current request may use a kept connection, and leave its own. A response to HEAD does not prove that its end is
// where the headers say, and what has arrived cannot be told inside of TLS with a proxy.
func (x *exchange) reuses() bool {
	return canKeep && x.call.Exchange.Connection == cron.ConnectionReuse && x.chain == nil &&
		x.call.Request.Method != cron.MethodHead && x.call.Request.Method != cron.MethodConnect &&
		!x.client.proxy.isSecure()
}

func (x *exchange) keptKey() keptKey {
	server := "http " + x.target.authority()
	if x.target.tls {
		server = "https " + x.sessionName()
	}
	return keptKey{x.call.AccountID, x.call.Access, server}
}

// takeKept returns a kept connection that can be used now; nil if there is none.
func (x *exchange) takeKept() *link {
	key := x.keptKey()
	for {
		now := time.Now()
		l := x.client.kept.take(key, now)
		if l == nil {
			return nil
		}
		expired := !l.expiry.IsZero() && now.After(l.expiry) && !x.call.Exchange.Unverified
		allowed := !l.peer.IsValid() || x.client.guard.Check(l.peer, x.call.Access) == nil // without one, the proxy resolved the name
		if !expired && l.quiet() && allowed {
			return l
		}
		l.close()
	}
}
