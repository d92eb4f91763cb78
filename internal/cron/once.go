package cron

import "time"

// OnceCall is a call that takes effect once, however often its caller sends it: a caller gives each such call a key of
// its own.
type OnceCall struct {
	AccountID int64
	Key       string
	Request   [32]byte // identifies what is asked for
}

// Limits on keys of calls.
const (
	MaxOnceKey  = 255            // characters
	MaxOnceKeys = 10_000         // that an account may have in use
	OnceKept    = 24 * time.Hour // for so long a key belongs to its first request
)
