package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"punctual/internal/cron"
)

// maxDepth is how deeply arrays and objects may be nested.
const maxDepth = 32

// scanner looks at a JSON text while it comes in, and finds what nobody has to hold whole: text that is not UTF-8, halves
// of surrogate pairs, and arrays and objects that are too long or nested too deeply. It does not
// check the grammar.
type scanner struct {
	limit   BodyLimit
	at      int     // the next byte
	quoted  bool    // it is inside a string
	start   int     // of that string or the one before, with its quotation mark
	stop    int     // of the one before, behind its quotation mark
	nesting []level // the arrays and objects that it is in
}

// level is an array or object.
type level struct {
	array       bool
	items       int // before the present one
	named       bool
	start, stop int // of the name of the present member, when it is named
}

// scan goes on with body, of which more may follow unless end is set. The problem's rule is RuleNone as long as nothing
// is wrong.
func (s *scanner) scan(body []byte, end bool) cron.Problem {
	for s.at < len(body) {
		c := body[s.at]
		switch {
		case c >= utf8.RuneSelf:
			if !end && !utf8.FullRune(body[s.at:]) {
				return cron.Problem{}
			}
			r, n := utf8.DecodeRune(body[s.at:])
			if r == utf8.RuneError && n == 1 {
				return cron.Problem{Pointer: s.pointer(body), Rule: cron.RuleNotUTF8, Given: strconv.Itoa(s.at),
					Want: fmt.Sprintf("0x%02X", c)}
			}
			s.at += n
		case s.quoted && c == '\\':
			n, half := escape16(body[s.at:], end)
			if half {
				return cron.Problem{Pointer: s.pointer(body), Rule: cron.RuleSurrogate, Given: strconv.Itoa(s.at),
					Want: string(body[s.at : s.at+6])}
			}
			if n == 0 {
				return cron.Problem{}
			}
			s.at += n
		case c == '"':
			if s.quoted {
				s.stop = s.at + 1
			} else {
				s.start = s.at
			}
			s.quoted = !s.quoted
			s.at++
		case s.quoted:
			s.at++
		default:
			if wrong := s.structure(body, c); wrong.Rule != cron.RuleNone {
				return wrong
			}
			s.at++
		}
	}
	return cron.Problem{}
}

// structure takes a byte outside of strings.
func (s *scanner) structure(body []byte, c byte) cron.Problem {
	depth := len(s.nesting)
	switch c {
	case '{', '[':
		if depth == maxDepth {
			return cron.Problem{Rule: cron.RuleTooDeep, Limit: maxDepth}
		}
		s.nesting = append(s.nesting, level{array: c == '['})
	case '}', ']':
		s.nesting = s.nesting[:max(depth-1, 0)]
	case ':':
		if depth > 0 && !s.nesting[depth-1].array {
			l := &s.nesting[depth-1]
			l.named, l.start, l.stop = true, s.start, s.stop
		}
	case ',':
		if depth == 0 {
			break
		}
		l := &s.nesting[depth-1]
		l.items++
		l.named = false
		if l.items >= s.limit.Items {
			s.nesting = s.nesting[:depth-1]
			return cron.Problem{Pointer: s.pointer(body), Rule: cron.RuleTooMany, Limit: int64(s.limit.Items)}
		}
	}
	return cron.Problem{}
}

// pointer is where the scanner is (RFC 6901); inside the name of a member, that is the object.
func (s *scanner) pointer(body []byte) string {
	var b strings.Builder
	for _, l := range s.nesting {
		var name string
		switch {
		case l.array:
			name = strconv.Itoa(l.items)
		case !l.named || json.Unmarshal(body[l.start:l.stop], &name) != nil:
			return b.String()
		}
		b.WriteString("/" + escape(name))
	}
	return b.String()
}

// escape16 is how many bytes the escape sequence takes that text begins with: a surrogate pair counts as one. It is 0
// when the sequence may go on behind text, and half is true when it is half of such a pair.
func escape16(text []byte, end bool) (n int, half bool) {
	unit := func(at int) (r rune, ok bool) {
		if len(text) < at+6 || text[at] != '\\' || text[at+1] != 'u' {
			return 0, false
		}
		u, err := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return rune(u), err == nil
	}
	first, ok := unit(0)
	switch {
	case ok && !utf16.IsSurrogate(first):
		return 6, false
	case ok:
		if len(text) < 12 && !end {
			return 0, false
		}
		second, _ := unit(6)
		return 12, utf16.DecodeRune(first, second) == utf8.RuneError
	case len(text) < 6 && !end:
		return 0, false
	}
	if len(text) > 1 && text[1] < utf8.RuneSelf {
		return 2, false // of another kind, or no escape sequence at all
	}
	return 1, false
}
