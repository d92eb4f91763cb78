package wire

import (
	"time"

	"punctual/internal/cron"
)

// UnixOrNull is t in Unix seconds, and nil for the zero time.
func UnixOrNull(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.Unix())
}

// UntilOrNull is UnixOrNull for what ReadUntil reads.
func UntilOrNull(t time.Time) *int64 {
	if t.Equal(cron.Forever) {
		return new(int64(Forever))
	}
	return UnixOrNull(t)
}

// TextOrNull is b as text, and nil when it was not saved. Bytes that are not UTF-8 become U+FFFD when it is encoded;
// the details of an execution have them.
func TextOrNull(b []byte) *string {
	if b == nil {
		return nil
	}
	return new(string(b))
}

// StringOrNull is s, and nil when it is empty.
func StringOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// WholeSeconds is a duration as the wire has it.
func WholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }
