package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"sync"

	"punctual/internal/cron"
)

// callsInProgress is a set of calls that are being performed. The zero value is ready for use.
type callsInProgress struct {
	mu    sync.Mutex
	calls map[idempotencyKey]bool
}

type idempotencyKey struct {
	accountID int64
	key       string
}

// begin adds a call. It returns false when a call with the same key is in progress.
func (c *callsInProgress) begin(k idempotencyKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[k] {
		return false
	}
	if c.calls == nil {
		c.calls = make(map[idempotencyKey]bool)
	}
	c.calls[k] = true
	return true
}

func (c *callsInProgress) end(k idempotencyKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, k)
}

// Performed finds the answer of a call that the actor has performed before, so that the caller can skip the rest of the
// request. The error is of kind Unprocessable when the key was used for another request.
func (s *Service) Performed(ctx context.Context, actor cron.Actor, use UseCase, c cron.IdempotentCall) (
	answer []byte, found bool, err error) {
	if err := s.allow(&actor, use); err != nil {
		return nil, false, err
	}
	if c.AccountID, err = s.keeperOf(ctx, &actor); err != nil {
		return nil, false, err
	}
	c.Request = s.hiddenRequest(c.Request)
	return s.store.Performed(ctx, c)
}

// hiddenRequest is how a request is stored. Its hash alone would let whoever has the database try out what it may have held.
func (s *Service) hiddenRequest(hash [32]byte) (hidden [32]byte) {
	code := hmac.New(sha256.New, s.requestKey)
	_, _ = code.Write(hash[:]) // never fails
	code.Sum(hidden[:0])
	return hidden
}

// keeperOf is the account that keeps the keys of an actor: the operator's for an operator of the service who has none.
func (s *Service) keeperOf(ctx context.Context, actor *cron.Actor) (accountID int64, err error) {
	if actor.Account.ID != 0 {
		return actor.Account.ID, nil
	}
	operator, err := s.store.Operator(ctx)
	return operator.ID, err
}

// Idempotent performs a use case at most once for each idempotency key. do performs it; it may only write to the store,
// with the context that it is given, and its writes are committed together with its answer. For a call that was
// performed before, replayed is true and the answer is the stored one. do may run more than once.
//
// The error is of kind Conflict while another call with the key is in progress, of kind Unprocessable when the key was
// used for another request, and of kind TooMany when the account has too many keys in use.
func (s *Service) Idempotent(ctx context.Context, actor cron.Actor, use UseCase, c cron.IdempotentCall,
	do func(ctx context.Context) ([]byte, error)) (answer []byte, replayed bool, err error) {
	if err := s.allow(&actor, use); err != nil {
		return nil, false, err
	}
	if c.AccountID, err = s.keeperOf(ctx, &actor); err != nil {
		return nil, false, err
	}
	c.Request = s.hiddenRequest(c.Request)
	k := idempotencyKey{c.AccountID, c.Key}
	if !s.callsInProgress.begin(k) {
		return nil, false, &cron.Error{Kind: cron.Conflict, Problems: []cron.Problem{{Rule: cron.RuleIdempotencyBusy}}}
	}
	defer s.callsInProgress.end(k)
	return s.store.Idempotent(ctx, c, do)
}
