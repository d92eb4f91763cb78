package service

import (
	"context"
	"sync"

	"punctual/internal/cron"
)

// underWay is the calls that are being performed. The zero value is ready for use.
type underWay struct {
	mu    sync.Mutex
	calls map[idempotencyKey]bool
}

type idempotencyKey struct {
	accountID int64
	key       string
}

// begin tells whether no other call has the key; it has it until end.
func (u *underWay) begin(k idempotencyKey) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.calls[k] {
		return false
	}
	if u.calls == nil {
		u.calls = make(map[idempotencyKey]bool)
	}
	u.calls[k] = true
	return true
}

func (u *underWay) end(k idempotencyKey) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.calls, k)
}

// Performed finds the answer of a call that the actor has performed before, for whoever need not look at the rest of the
// request then. The error is of kind Unprocessable when the key came with another request.
func (s *Service) Performed(ctx context.Context, actor cron.Actor, use UseCase, c cron.IdempotentCall) (
	answer []byte, found bool, err error) {
	if err := allow(&actor, use); err != nil {
		return nil, false, err
	}
	c.AccountID = actor.Account.ID
	return s.store.Performed(ctx, c)
}

// Idempotent performs a use case that takes effect once, however often it is asked for: do performs it, and what it does with the
// context that it is given, and that is no more than to write, stands and falls with its answer. A call that was performed
// before is answered as it was then, and replayed is true. do may run more than once.
//
// The error is of kind Conflict while another call with the key is under way, of kind Unprocessable when the key came
// with another request before, and of kind TooMany when the account has too many keys in use.
func (s *Service) Idempotent(ctx context.Context, actor cron.Actor, use UseCase, c cron.IdempotentCall,
	do func(ctx context.Context) ([]byte, error)) (answer []byte, replayed bool, err error) {
	if err := allow(&actor, use); err != nil {
		return nil, false, err
	}
	c.AccountID = actor.Account.ID
	k := idempotencyKey{c.AccountID, c.Key}
	if !s.underWay.begin(k) {
		return nil, false, &cron.Error{Kind: cron.Conflict, Problems: []cron.Problem{{Rule: cron.RuleIdempotencyBusy}}}
	}
	defer s.underWay.end(k)
	return s.store.Idempotent(ctx, c, do)
}
