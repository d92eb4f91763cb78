package fetch

import (
	"context"
	"io"
	"regexp"
	"runtime"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

const (
	// maxPatternBytes is the size of a generation of the cache of compiled patterns, in bytes.
	maxPatternBytes = 8 << 20
	// matchTime is the limit on the time of matching. A few milliseconds suffice for any body unless the pattern is slow on
	// purpose; the rest is for a busy machine.
	matchTime = time.Second
)

// match matches the body against a regular expression, in time slices shared with other exchanges (see turns). The error
// is a *fault.
func (x *exchange) match(ctx context.Context, text string) error {
	turns := x.client.turns
	if turns.acquire(ctx, x.call.AccountID) != nil {
		return x.noTurn()
	}
	in := timedRunes{rest: x.body, turn: func() error {
		if !turns.contended() {
			runtime.Gosched()
			return nil
		}
		turns.release()
		return turns.acquire(ctx, x.call.AccountID)
	}}
	defer func() {
		if in.err == nil { // otherwise the turn was already released
			turns.release()
		}
	}()
	pattern, err := x.client.patterns.get(text, func() (*regexp.Regexp, int, error) {
		pattern, err := regexp.Compile(text)
		return pattern, cron.PatternSize(text), err
	})
	if err != nil {
		return err
	}
	in.since = time.Now()
	matches := pattern.MatchReader(&in)
	switch {
	case in.err != nil:
		return x.noTurn()
	case in.late:
		return unmet(cron.FaultMatchTime, text)
	case !matches:
		return unmet(cron.FaultBodyMismatch, text)
	}
	return nil
}

// noTurn is the fault of an exchange that timed out while it waited for a turn, since the service was busy.
func (x *exchange) noTurn() error {
	return &fault{status: cron.StatusInternalError, fault: cron.FaultMatchBusy, detail: seconds(x.call.Timeout)}
}

// timedRunes reads the runes of a body until matchTime has passed. Waiting for a turn does not count.
type timedRunes struct {
	rest  []byte
	turn  func() error // releases the turn and waits for another one
	read  int
	since time.Time     // start of the current turn
	spent time.Duration // matching time in earlier turns
	late  bool          // matchTime passed before the end of the body
	err   error         // from turn
}

// ReadRune implements io.RuneReader.
func (r *timedRunes) ReadRune() (c rune, size int, err error) {
	if r.read++; r.read%64 == 0 {
		r.checkTime(time.Since(r.since))
	}
	if r.late || r.err != nil || len(r.rest) == 0 {
		return 0, 0, io.EOF
	}
	c, size = utf8.DecodeRune(r.rest)
	r.rest = r.rest[size:]
	return c, size, nil
}

// checkTime checks matchTime, and releases the turn if it has lasted for a slice.
func (r *timedRunes) checkTime(lasted time.Duration) {
	if r.late || r.err != nil {
		return
	}
	if r.late = r.spent+lasted > matchTime; r.late || lasted < slice {
		return
	}
	r.spent += lasted
	r.err = r.turn()
	r.since = time.Now()
}
