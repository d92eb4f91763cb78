package fetch

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

const (
	// maxPatterns is how many compiled patterns are kept at least once used.
	maxPatterns = 256
	// matchTime is how long a pattern may take. Few milliseconds are what any body needs, but for patterns that are made
	// to be slow; the rest is for a machine that is busy.
	matchTime = time.Second
)

// judge holds the response against the criteria of the call. Its error, a *fault, names the first one that is not met;
// a status that is no success by the rule of the API needs none.
func (x *exchange) judge() error {
	s := x.call.Exchange.Success
	if s == nil {
		return nil
	}
	if code := x.result.HTTPStatus; !x.call.IsSuccess(code) {
		if len(s.Status) == 0 {
			return nil
		}
		return unmet(cron.FaultStatus, strconv.Itoa(code))
	}
	if s.Contains != "" && !bytes.Contains(x.body, []byte(s.Contains)) {
		return unmet(cron.FaultBodyLacks, s.Contains)
	}
	if s.NotContains != "" && bytes.Contains(x.body, []byte(s.NotContains)) {
		return unmet(cron.FaultBodyHolds, s.NotContains)
	}
	if s.Matches != "" {
		pattern, err := x.client.patterns.get(s.Matches, func() (*regexp.Regexp, error) { return regexp.Compile(s.Matches) })
		if err != nil {
			return err
		}
		in := timedRunes{rest: x.body, until: time.Now().Add(matchTime)}
		switch matches := pattern.MatchReader(&in); {
		case in.late:
			return unmet(cron.FaultMatchTime, s.Matches)
		case !matches:
			return unmet(cron.FaultBodyMismatch, s.Matches)
		}
	}
	return nil
}

// timedRunes is the runes of a body, until time is up.
type timedRunes struct {
	rest  []byte
	read  int
	until time.Time
	late  bool // it ended before the body did
}

// ReadRune implements io.RuneReader.
func (r *timedRunes) ReadRune() (c rune, size int, err error) {
	if r.read++; r.read%64 == 0 && time.Now().After(r.until) {
		r.late = true
	}
	if r.late || len(r.rest) == 0 {
		return 0, 0, io.EOF
	}
	c, size = utf8.DecodeRune(r.rest)
	r.rest = r.rest[size:]
	return c, size, nil
}

// unmet is the fault of a response that fails a criterion.
func unmet(f cron.Fault, detail string) error {
	return &fault{status: cron.StatusHTTPError, fault: f, detail: strings.TrimSpace(detail)}
}
