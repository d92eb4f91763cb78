package service

import (
	"context"
	"sync"

	"punctual/internal/cron"
)

// IdempotencyStore performs calls that take effect once.
type IdempotencyStore interface {
	// Idempotent lets do perform a call and keeps its answer, all in one transaction that everything is part of that do does
	// with the context it is given. A call that was performed before is not performed again: then replayed is true, and
	// the answer that of the first time. do may run more than once.
	Idempotent(ctx context.Context, c cron.IdempotentCall, do func(ctx context.Context) ([]byte, error)) (
		answer []byte, replayed bool, err error)
	// Performed finds the answer of a call that was performed before. The error is of kind Unprocessable when the key
	// belongs to another request.
	Performed(ctx context.Context, c cron.IdempotentCall) (answer []byte, found bool, err error)
}

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

// Performed finds the answer of a call that was performed before, for whoever need not look at the rest of the request
// then. The error is of kind Unprocessable when the key came with another request.
func (s *Service) Performed(ctx context.Context, c cron.IdempotentCall) (answer []byte, found bool, err error) {
	return s.idempotency.Performed(ctx, c)
}

// Idempotent performs a call that takes effect once, however often it is sent: do performs it, and what it does with the
// context that it is given, and that is no more than to write, stands and falls with its answer. A call that was performed before is answered as it was
// then, and replayed is true. do may run more than once.
//
// The error is of kind Conflict while another call with the key is under way, of kind Unprocessable when the key came
// with another request before, and of kind TooMany when the account has too many keys in use.
func (s *Service) Idempotent(ctx context.Context, c cron.IdempotentCall, do func(ctx context.Context) ([]byte, error)) (
	answer []byte, replayed bool, err error) {
	k := idempotencyKey{c.AccountID, c.Key}
	if !s.underWay.begin(k) {
		return nil, false, &cron.Error{Kind: cron.Conflict, Problems: []cron.Problem{{Rule: cron.RuleIdempotencyBusy}}}
	}
	defer s.underWay.end(k)
	return s.idempotency.Idempotent(ctx, c, do)
}
