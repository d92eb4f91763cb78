package cron

import "time"

// Secret is a value that the requests of an account's jobs refer to as %secret:NAME%. Its value is never shown.
type Secret struct {
	ID        int64
	AccountID int64
	Name      string
	Value     string // only while it is written, or when a request is made
	Created   time.Time
	Updated   time.Time
	JobIDs    []int64 // jobs that refer to it, in lists
}

// Limits on secrets.
const (
	MaxSecretName   = 64      // letters, digits, "_", "-" and "."; it begins with a letter or "_"
	MaxSecretLength = 4 << 10 // bytes of a value
	MinMaskedSecret = 8       // bytes of a value from which on it is masked in what a target answers
)
