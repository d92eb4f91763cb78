package auth

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"punctual/internal/cron"
)

// turns bounds work that is costly on purpose. So many run at once, so many wait, and the rest is refused. Those that wait
// are served round-robin over the networks that they come from (SiteOf), and a network that has many waiting gives a place to one
// that has fewer: a stranger who floods the queue delays himself, and the next person by one turn.
type turns struct {
	mu      sync.Mutex
	free    int // that may run now
	room    int // that may wait
	waiting map[netip.Prefix][]*turn
	round   []netip.Prefix // those with a turn waiting, in the order in which they are served
}

// turn is a place in the queue. It gets one value: nil when the turn has come, or why it will not.
type turn struct{ outcome chan error }

func newTurns(running, waiting int) *turns {
	return &turns{free: running, room: waiting, waiting: make(map[netip.Prefix][]*turn)}
}

// take waits for a turn, which the caller ends by give. It fails with kind TooMany when too many wait, and with the error
// of the context when that ends first.
func (t *turns) take(ctx context.Context, from netip.Addr) error {
	network := SiteOf(from)
	mine, err := t.queue(network)
	if mine == nil || err != nil {
		return err
	}
	select {
	case err := <-mine.outcome:
		return err
	case <-ctx.Done():
	}
	if !t.leave(network, mine) && <-mine.outcome == nil {
		t.give() // it came at the same moment
	}
	return context.Cause(ctx)
}

// queue returns a place to wait at, or nil when the turn has come already.
func (t *turns) queue(network netip.Prefix) (*turn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.free > 0:
		t.free--
		return nil, nil
	case t.room == 0 && !t.displace(network):
		return nil, tooManySignIns()
	}
	t.room--
	if len(t.waiting[network]) == 0 {
		t.round = append(t.round, network)
	}
	mine := &turn{outcome: make(chan error, 1)}
	t.waiting[network] = append(t.waiting[network], mine)
	return mine, nil
}

// displace refuses the last turn of the network that has most waiting; false when that would be no fairer.
func (t *turns) displace(newcomer netip.Prefix) bool {
	most := slices.MaxFunc(t.round, func(a, b netip.Prefix) int { return len(t.waiting[a]) - len(t.waiting[b]) })
	queued := t.waiting[most]
	if len(queued) <= len(t.waiting[newcomer])+1 {
		return false
	}
	last := queued[len(queued)-1]
	t.remove(most, last)
	last.outcome <- tooManySignIns()
	return true
}

// leave takes a turn out of the queue; false when it is not in there any more.
func (t *turns) leave(network netip.Prefix, mine *turn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.waiting[network], mine) {
		return false
	}
	t.remove(network, mine)
	return true
}

// give ends a turn, and the next one comes.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.round) == 0 {
		t.free++
		return
	}
	network := t.round[0]
	next := t.waiting[network][0]
	t.remove(network, next)
	if len(t.waiting[network]) > 0 {
		t.round = append(t.round[1:], network)
	}
	next.outcome <- nil
}

// remove takes a turn out of the queue, and its network out of the round with its last one.
func (t *turns) remove(network netip.Prefix, gone *turn) {
	t.room++
	left := slices.DeleteFunc(t.waiting[network], func(other *turn) bool { return other == gone })
	if len(left) > 0 {
		t.waiting[network] = left
		return
	}
	delete(t.waiting, network)
	t.round = slices.DeleteFunc(t.round, func(other netip.Prefix) bool { return other == network })
}

func tooManySignIns() error {
	return &cron.Error{Kind: cron.TooMany, RetryAfter: 2 * time.Second,
		Problems: []cron.Problem{{Rule: cron.RuleSignInBusy}}}
}
