package cron

import (
	"regexp/syntax"
	"strconv"
	"strings"
)

// Exchange is the options of the exchange of a job. The zero value is the behaviour of the cron-job.org API.
type Exchange struct {
	FollowRedirects int      // the maximum number of redirects that are followed; 0 for none
	Success         *Success // nil for a 2xx status; read-only
	Unverified      bool     // the server's certificate is not verified
	Oversize        Oversize
	Connection      Connection
}

// Connection says over which connection a request is sent. The numbers are stored.
type Connection int

// The choices.
const (
	ConnectionFresh Connection = 0 // a new one
	ConnectionReuse Connection = 1 // one that an execution of the account has left open; a new one when there is none
)

// Oversize says what happens with a response that is larger than the plan allows. The numbers are stored.
type Oversize int

// The choices. A response whose header alone is too large always fails.
const (
	OversizeFail     Oversize = 0 // StatusTooMuchData
	OversizeTruncate Oversize = 1 // the body is cut, and success is decided by what was received
)

// Limits on Exchange.
const (
	MaxRedirects       = 10
	MaxStatusRanges    = 50
	MaxCriterionLength = 1024      // bytes, of each text and pattern of Success
	maxCompiledPattern = 256 << 10 // bytes, of a compiled pattern
	maxPatternSize     = 500       // characters and operators of a pattern with repetitions expanded
)

// Success is the criteria of a successful response, which must meet all that are set.
type Success struct {
	Status      []StatusRange // empty for 2xx and, with Job.RedirectSuccess, redirects
	Contains    string        // the body must contain it
	NotContains string        // the body must not contain it
	Matches     string        // a regular expression in RE2 syntax that matches some part of the body
}

// StatusRange is HTTP status codes from First to Last.
type StatusRange struct{ First, Last int }

// String is the range as ParseStatusRange reads it.
func (r StatusRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(r.First)
	}
	return strconv.Itoa(r.First) + "-" + strconv.Itoa(r.Last)
}

// ParseStatusRange reads a status code, such as "404", or a range of them, such as "200-299".
func ParseStatusRange(text string) (StatusRange, bool) {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	low, err := strconv.Atoi(first)
	high, err2 := strconv.Atoi(last)
	r := StatusRange{low, high}
	return r, err == nil && err2 == nil && r.valid()
}

func (r StatusRange) valid() bool { return 100 <= r.First && r.First <= r.Last && r.Last <= 999 }

// ChecksBody reports whether any criterion concerns the body.
func (s *Success) ChecksBody() bool {
	return s.Contains != "" || s.NotContains != "" || s.Matches != ""
}

// IsSuccess reports whether a status code is a success. The criteria of the body are not considered.
func (c *Call) IsSuccess(code int) bool {
	if s := c.Exchange.Success; s != nil && len(s.Status) > 0 {
		for _, r := range s.Status {
			if r.First <= code && code <= r.Last {
				return true
			}
		}
		return false
	}
	return code >= 200 && code < 300 || c.RedirectSuccess && IsRedirect(code)
}

// IsRedirect reports whether code is one of the five redirects with a Location.
func IsRedirect(code int) bool {
	return code == 301 || code == 302 || code == 303 || code == 307 || code == 308
}

// normalize removes criteria of which none is set.
func (e *Exchange) normalize() {
	if s := e.Success; s != nil && len(s.Status) == 0 && !s.ChecksBody() {
		e.Success = nil
	}
}

// check adds what is wrong with the exchange.
func (e *Exchange) check(c *Checker) {
	if e.FollowRedirects < 0 || e.FollowRedirects > MaxRedirects {
		c.Add("/followRedirects", OutOfRange(int64(e.FollowRedirects), 0, MaxRedirects))
	}
	c.Choice("/oversize", int(e.Oversize), 2)
	c.Choice("/connection", int(e.Connection), 2)
	s := e.Success
	if s == nil {
		return
	}
	for _, r := range s.Status {
		if !r.valid() {
			c.Add("/success/status", Problem{Rule: RuleStatusRange, Given: r.String()})
		}
	}
	if n := len(s.Status); n > MaxStatusRanges {
		c.Add("/success/status", OutOfRange(int64(n), 0, MaxStatusRanges))
	}
	for _, criterion := range [...]struct{ pointer, text string }{
		{"/success/contains", s.Contains}, {"/success/notContains", s.NotContains}, {"/success/matches", s.Matches},
	} {
		c.Text(criterion.pointer, criterion.text, MaxCriterionLength)
	}
	if c.has("/success/matches") {
		return
	}
	tree, err := syntax.Parse(s.Matches, syntax.Perl)
	switch {
	case err != nil:
		c.Add("/success/matches", Problem{Rule: RulePattern, Given: s.Matches})
	case patternSize(tree) > maxPatternSize || compiledSize(tree) > maxCompiledPattern:
		c.Add("/success/matches", Problem{Rule: RulePatternSize})
	}
}

// PatternSize is the approximate size of a compiled pattern in bytes; 0 if it is not a pattern.
func PatternSize(pattern string) int {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	return compiledSize(tree)
}

// compiledSize is PatternSize of a parsed pattern. A character class such as \pL is one instruction with hundreds of
// ranges.
func compiledSize(tree *syntax.Regexp) int {
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0
	}
	const instruction, character = 40, 4
	size := instruction * len(program.Inst)
	for i := range program.Inst {
		size += character * len(program.Inst[i].Rune)
	}
	return size
}

// patternSize is the size of a pattern with its repetitions expanded, which is the cost of matching each byte of a body.
// The limits of the parser prevent an overflow.
func patternSize(tree *syntax.Regexp) int {
	size := 1
	switch tree.Op {
	case syntax.OpLiteral:
		size = len(tree.Rune)
	case syntax.OpRepeat:
		size = 0
	}
	for _, part := range tree.Sub {
		size += patternSize(part)
	}
	if tree.Op == syntax.OpRepeat {
		size *= max(tree.Min, tree.Max, 1)
	}
	return size
}
