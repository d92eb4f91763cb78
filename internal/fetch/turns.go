package fetch

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// turns is a fair semaphore. It limits the CPU time of exchanges that match regular expressions, so that expressions that
// are slow on purpose do not delay other accounts. Turns are given round-robin across accounts, and first in, first out
// within an account:
//
//	account 7:  a ─ b ─ c ┐
//	account 9:  d         ├─ next: a, d, e, b, e, c, … at most slots at once, each for a slice
//	account 12: e ─ e     ┘
type turns struct {
	mu      sync.Mutex
	slots   int
	waiting map[int64][]chan struct{} // by account, never empty; closing a channel gives a turn
	order   []int64                   // the waiting accounts, the next one first
}

// slice is the length of a turn while others wait.
const slice = 5 * time.Millisecond

func newTurns() *turns {
	return &turns{slots: max(1, runtime.GOMAXPROCS(0)/2), waiting: make(map[int64][]chan struct{})}
}

// acquire waits for a turn for the account. If the error is nil, the caller must call release.
func (t *turns) acquire(ctx context.Context, account int64) error {
	t.mu.Lock()
	if t.slots > 0 {
		t.slots--
		t.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	if len(t.waiting[account]) == 0 {
		t.order = append(t.order, account)
	}
	t.waiting[account] = append(t.waiting[account], mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine: // the turn was given at the same moment
		t.releaseLocked()
	default:
		t.dequeue(account, mine)
	}
	return ctx.Err()
}

// dequeue removes a waiting exchange from the queue of its account.
func (t *turns) dequeue(account int64, mine chan struct{}) {
	queue := t.waiting[account]
	for i, c := range queue {
		if c == mine {
			t.waiting[account] = append(queue[:i:i], queue[i+1:]...)
			break
		}
	}
	if len(t.waiting[account]) > 0 {
		return
	}
	delete(t.waiting, account)
	for i, a := range t.order {
		if a == account {
			t.order = append(t.order[:i:i], t.order[i+1:]...)
			break
		}
	}
}

// release ends a turn and gives it to the next waiting exchange.
func (t *turns) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.releaseLocked()
}

func (t *turns) releaseLocked() {
	if len(t.order) == 0 {
		t.slots++
		return
	}
	account := t.order[0]
	queue := t.waiting[account]
	close(queue[0])
	if t.order = t.order[1:]; len(queue) == 1 {
		delete(t.waiting, account)
		return
	}
	t.waiting[account] = queue[1:]
	t.order = append(t.order, account)
}

// contended reports whether other exchanges wait for a turn.
func (t *turns) contended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.order) > 0
}
