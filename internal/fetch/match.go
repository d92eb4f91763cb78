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
	// patternRoom is how many bytes of compiled patterns are kept at least once used.
	patternRoom = 8 << 20
	// matchTime is how long a pattern may be at work. Few milliseconds are what any body needs, but for patterns that are
	// made to be slow; the rest is for a machine that is busy.
	matchTime = time.Second
)

// match holds the body against a pattern, in turns with all others who match. Its error is a *fault.
func (x *exchange) match(ctx context.Context, text string) error {
	turns := x.client.turns
	if turns.take(ctx, x.call.AccountID) != nil {
		return x.noTurn()
	}
	in := timedRunes{rest: x.body, turn: func() error {
		if !turns.contended() {
			runtime.Gosched()
			return nil
		}
		turns.give()
		return turns.take(ctx, x.call.AccountID)
	}}
	defer func() {
		if in.err == nil { // with an error the turn is lost already
			turns.give()
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

// noTurn is the fault of an exchange whose time was over before it had its turn: the service was busy.
func (x *exchange) noTurn() error {
	return &fault{status: cron.StatusInternalError, fault: cron.FaultMatchBusy, detail: seconds(x.call.Timeout)}
}

// timedRunes is the runes of a body, until time is up. What goes by while others have their turn does not count.
type timedRunes struct {
	rest  []byte
	turn  func() error // lets others have theirs
	read  int
	since time.Time     // of the turn at hand
	spent time.Duration // in the turns before
	late  bool          // it ended before the body did
	err   error         // that kept it from another turn
}

// ReadRune implements io.RuneReader.
func (r *timedRunes) ReadRune() (c rune, size int, err error) {
	if r.read++; r.read%64 == 0 {
		r.look(time.Since(r.since))
	}
	if r.late || r.err != nil || len(r.rest) == 0 {
		return 0, 0, io.EOF
	}
	c, size = utf8.DecodeRune(r.rest)
	r.rest = r.rest[size:]
	return c, size, nil
}

// look sees whether time, or the turn that has lasted so long, is up.
func (r *timedRunes) look(lasted time.Duration) {
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
