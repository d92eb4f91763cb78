package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"punctual/internal/cron"
)

// bodyLimit bounds the body of a request by what its call can need.
type bodyLimit struct {
	bytes int64
	items int // of each array, and members of each object
}

const (
	maxDepth = 32  // of arrays and objects in one another
	maxItems = 500 // of an array or object of a job, which are a few hundred headers or more numbers than a set holds
)

// escaped is how many bytes of JSON one byte of text takes at most: six, as \u00XX.
const escaped = 6

// The limits of the calls that have a body. Each has room for members that nothing reads.
var (
	jobBody    = bodyLimit{7 << 20, maxItems} // of which body, headers, URL and credentials take 6.6 MiB at most
	tlsBody    = bodyLimit{escaped*(cron.MaxRootsLength+cron.MaxCertificateLength+cron.MaxKeyLength) + 16<<10, 100}
	bulkBody   = bodyLimit{maxBulkPatch + 128<<10, 2 * maxBulkJobs} // ids may repeat
	folderBody = bodyLimit{32 << 10, 100}
	keyBody    = bodyLimit{64 << 10, 1000}
	runBody    = bodyLimit{64 << 10, 100} // nothing of it is read
)

// byteOrderMark may stand before a JSON text; it is skipped (RFC 8259, section 8.1).
const byteOrderMark = "\ufeff"

// isJSON tells whether a request has a media type with which its body is read. Parameters are ignored: whatever they
// say, JSON is UTF-8 (RFC 8259, section 8.1).
func isJSON(r *http.Request) bool {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	mediaType = strings.TrimSpace(mediaType)
	return strings.EqualFold(mediaType, "application/json") || strings.EqualFold(mediaType, "text/json")
}

// readBody reads the body of a request whole. What is JSON by its media type is scanned as it comes in, so that one that
// is refused is read no further. A body that breaks off is no JSON.
func readBody(w http.ResponseWriter, r *http.Request, limit bodyLimit) ([]byte, error) {
	tooLong := invalid(cron.Problem{Rule: cron.RuleTooLong, Limit: limit.bytes, Unit: cron.UnitBytes})
	if r.ContentLength > limit.bytes {
		return nil, tooLong
	}
	var (
		body  bytes.Buffer
		in    = http.MaxBytesReader(w, r.Body, limit.bytes)
		s     = scanner{limit: limit}
		check = isJSON(r)
	)
	for {
		_, err := io.CopyN(&body, in, 32<<10)
		end := errors.Is(err, io.EOF)
		_, tooLarge := errors.AsType[*http.MaxBytesError](err)
		switch {
		case tooLarge:
			return nil, tooLong
		case err != nil && !end:
			return nil, invalid(cron.Problem{Rule: cron.RuleNotJSON})
		}
		if check {
			if wrong := s.scan(body.Bytes(), end); wrong.Rule != cron.RuleNone {
				return nil, invalid(wrong)
			}
		}
		if end {
			return body.Bytes(), nil
		}
	}
}

// readObject reads the body of a request, a JSON object.
func readObject(w http.ResponseWriter, r *http.Request, limit bodyLimit) (object, error) {
	if !isJSON(r) {
		return object{}, invalid(cron.Problem{Rule: cron.RuleMediaType})
	}
	body, err := readBody(w, r, limit)
	if err != nil {
		return object{}, err
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte(byteOrderMark)))
	if !json.Valid(body) {
		return object{}, invalid(cron.Problem{Rule: cron.RuleNotJSON})
	}
	var problems problems
	return newObject(body, "", &problems), problems.Err()
}

// readMember reads the body of a request, a JSON object, and returns the object that it holds under the given name.
func readMember(w http.ResponseWriter, r *http.Request, limit bodyLimit, name string) (
	member json.RawMessage, outer object, err error) {
	if outer, err = readObject(w, r, limit); err != nil {
		return nil, outer, err
	}
	member, ok := outer.value(name)
	switch {
	case !ok:
		err = invalid(cron.Problem{Pointer: "/" + name, Rule: cron.RuleMandatory})
	case member[0] != '{':
		err = invalid(cron.Problem{Pointer: "/" + name, Rule: cron.RuleWrongType, Want: typeObject})
	}
	return member, outer, err
}

// scanner looks at a JSON text while it comes in, and finds what nobody has to hold whole: text that is no UTF-8, halves
// of surrogate pairs, and arrays and objects that are too long or nested too deeply. It takes no other notice of the
// grammar.
type scanner struct {
	limit   bodyLimit
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
		if l.items >= s.limit.items {
			s.nesting = s.nesting[:depth-1]
			return cron.Problem{Pointer: s.pointer(body), Rule: cron.RuleTooMany, Limit: int64(s.limit.items)}
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
