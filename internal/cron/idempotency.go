package cron

import "time"

// IdempotentCall is a call with an idempotency key: it takes effect once, however often it is sent with that key.
type IdempotentCall struct {
	AccountID int64
	Key       string
	Request   [32]byte // identifies the request; a key belongs to one request only
}

// Limits on idempotency keys.
const (
	MaxIdempotencyKeyLength = 255            // characters
	MaxIdempotencyKeys      = 10_000         // in use by one account
	IdempotencyKeyLifetime  = 24 * time.Hour // after which a key may be used for another request
)
