package store

import (
	"context"
	"sync"
	"time"

	"punctual/internal/cron"
)

// maxCallWait is how long a call waits for its turn. Longer waits mean that something is wrong with the database.
const maxCallWait = 10 * time.Second

// maxCallTime is how long a call may keep a connection, for a read or, on PostgreSQL, a transaction. The database ends
// what takes longer. Transactions on SQLite are run by the writer, and are short.
const maxCallTime = 30 * time.Second

// gate shares the connections of API calls among the accounts. An account uses at most a part of them; its other calls
// wait in a fairQueue. A call that waits for a row lock keeps its connection, so calls that wait for the same row take
// up the share of their account and not the whole pool.
//
//	call ── connection free, and the account below its share ──▶ runs ──▶ leave ──┐
//	  └──── otherwise ──▶ waits, at most maxWaiting of an account ◀── next in turn ─┘
type gate struct {
	share int // connections that an account may have

	mu      sync.Mutex
	free    int
	taken   map[int64]int // by account
	waiting fairQueue[*ticket]
}

// ticket is a call that waits.
type ticket struct{ called chan struct{} }

// newGate makes a gate for a number of connections. The share of an account is a quarter of them, rounded up.
func newGate(connections int) *gate {
	return &gate{share: (connections + 3) / 4, free: connections, taken: make(map[int64]int)}
}

// enter waits for a connection; leave returns it. The error is of kind TooMany when the account has too many calls
// waiting, and of kind Unavailable when the wait was too long.
func (g *gate) enter(ctx context.Context, account int64) error {
	g.mu.Lock()
	if g.free > 0 && g.taken[account] < g.share {
		g.take(account)
		g.mu.Unlock()
		return nil
	}
	t := &ticket{called: make(chan struct{})}
	if !g.waiting.push(account, t) {
		g.mu.Unlock()
		return errTooManyWaiting()
	}
	g.mu.Unlock()
	timer := time.NewTimer(maxCallWait)
	defer timer.Stop()
	var err error
	select {
	case <-t.called:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = &cron.Error{Kind: cron.Unavailable, Err: errNoTurn}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.waiting.remove(account, t) {
		g.giveBack(account) // a connection was given to it at the same moment
	}
	return err
}

func (g *gate) leave(account int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.giveBack(account)
}

func (g *gate) take(account int64) {
	g.free--
	g.taken[account]++
}

// giveBack frees a connection and wakes the callers whose turn it is.
func (g *gate) giveBack(account int64) {
	g.free++
	if g.taken[account]--; g.taken[account] == 0 {
		delete(g.taken, account)
	}
	for g.free > 0 {
		next, t, ok := g.waiting.pop(func(a int64) bool { return g.taken[a] < g.share })
		if !ok {
			return
		}
		g.take(next)
		close(t.called)
	}
}

// turnKey is the context key of a turn, which decides about the connections of reads.
type turnKey struct{}

// with returns ctx with a turn for its reads.
func (t turn) with(ctx context.Context) context.Context { return context.WithValue(ctx, turnKey{}, t) }

// turnOf is the turn of ctx; upkeep when it has none.
func turnOf(ctx context.Context) (t turn, known bool) {
	if t, known = ctx.Value(turnKey{}).(turn); known {
		return t, true
	}
	return ofAccount(0), false
}

// enter waits until a call of an account may use a connection, which it may keep for callTime; leave returns it. A call
// that has entered already, or is part of a transaction, does not wait.
func (s *Store) enter(ctx context.Context, account int64) (_ context.Context, leave func(), err error) {
	_, known := turnOf(ctx)
	if _, ok := joined(ctx); ok || known {
		return ctx, func() {}, nil
	}
	if err := s.gate.enter(ctx, account); err != nil {
		return ctx, nil, err
	}
	ctx, end := context.WithTimeout(ofAccount(account).with(ctx), s.callTime)
	return ctx, func() { end(); s.gate.leave(account) }, nil
}
