package fetch

import (
	"bytes"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// Responses are read leniently (head.go). What is lenient may be read in two ways, and on a connection that goes on the difference would be
// taken for the next response. So a connection is kept only if the response follows the letter of RFC 9112, by this second reading of its head,
// and both readings agree on where it ends.

// keepFor is for how long the connection of a response may be kept unused; 0 if it must be closed. raw is its status line and headers, which
// were read as h.
func keepFor(raw []byte, h *head) time.Duration {
	line, rest, ok := cutStrict(raw)
	// A server may take 304 for one with the length of the body that it does not have.
	if !ok || !isStrictStatusLine(line) || h.code < 200 || h.code == 304 {
		return 0
	}
	s := strictHead{idle: maxIdle}
	for ok && len(rest) > 0 {
		if line, rest, ok = cutStrict(rest); ok && len(line) > 0 {
			ok = s.note(line)
		}
	}
	if !ok || !s.agrees(h) {
		return 0
	}
	return max(s.idle, 0)
}

// cutStrict splits b after its first line, which must end with CR LF and have no other control characters than tabs.
func cutStrict(b []byte) (line, rest []byte, ok bool) {
	line, rest, ok = bytes.Cut(b, []byte("\r\n"))
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, nil, false
		}
	}
	return line, rest, ok
}

// isStrictStatusLine reports whether line is "HTTP/1.1", a space, three digits, a space and any text.
func isStrictStatusLine(line []byte) bool {
	const start = "HTTP/1.1 "
	return len(line) > len(start)+3 && string(line[:len(start)]) == start && isNumber(line[len(start):len(start)+3]) && line[len(start)+3] == ' '
}

// isNumber reports whether b is decimal digits only, few enough for an int64.
func isNumber(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return 0 < len(b) && len(b) < 19
}

// strictHead is what the headers of a response say about its connection.
type strictHead struct {
	idle    time.Duration
	lengths int // headers of this name
	length  int64
	chunked int // likewise
}

// note notes a header line. It reports whether the line lets the connection be kept.
func (s *strictHead) note(line []byte) bool {
	name, value, ok := bytes.Cut(line, colon)
	if !ok || !cron.IsToken(string(name)) {
		return false
	}
	value = bytes.Trim(value, " \t")
	is := func(other string) bool { return len(name) == len(other) && bytes.EqualFold(name, []byte(other)) }
	switch {
	case is("Content-Length"):
		s.lengths++
		s.length, _ = strconv.ParseInt(string(value), 10, 64)
		return isNumber(value)
	case is("Transfer-Encoding"):
		s.chunked++
		return bytes.EqualFold(value, []byte("chunked"))
	case is("Connection"):
		return goesOn(value)
	case is("Keep-Alive"):
		return s.noteKeepAlive(value)
	case is("WWW-Authenticate"), is("Proxy-Authenticate"):
		return false // some ways to sign in, such as Negotiate, are valid for the connection
	}
	return true
}

// goesOn reports whether the options of a Connection header leave the connection open.
func goesOn(value []byte) bool {
	for option := range bytes.SplitSeq(value, []byte(",")) {
		option = bytes.Trim(option, " \t")
		if !bytes.EqualFold(option, []byte("keep-alive")) && !bytes.EqualFold(option, []byte("upgrade")) { // an offer
			return false
		}
	}
	return true
}

// noteKeepAlive notes for how long and how often the server lets the connection be used. It reports whether it does.
func (s *strictHead) noteKeepAlive(value []byte) bool {
	for parameter := range bytes.SplitSeq(value, []byte(",")) {
		name, value, _ := bytes.Cut(bytes.Trim(parameter, " \t"), []byte("="))
		timeout, most := bytes.EqualFold(name, []byte("timeout")), bytes.EqualFold(name, []byte("max"))
		if !timeout && !most {
			continue
		}
		n, err := strconv.ParseInt(string(value), 10, 32)
		switch {
		case err != nil || !isNumber(value) || n == 0:
			return false
		case timeout:
			s.idle = min(s.idle, time.Duration(n)*time.Second-idleMargin)
		}
	}
	return true
}

// agrees reports whether exactly one header says where the body ends, or status 204 that there is none, and h has the same end.
func (s *strictHead) agrees(h *head) bool {
	switch {
	case h.code == 204:
		return s.lengths+s.chunked == 0 && h.framing == withoutBody
	case s.lengths == 1 && s.chunked == 0:
		return h.framing == withLength && h.length == s.length
	}
	return s.lengths == 0 && s.chunked == 1 && h.framing == inChunks
}
