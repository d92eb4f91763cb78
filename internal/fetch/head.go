package fetch

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// The head of a response is read as curl 7.88 reads it, not as RFC 9112 demands it: a target that did its work must not
// count as failed because its head is untidy. A connection serves one response, so there is nothing to smuggle.
//
// What we need not know is not judged: names and values may hold any byte but NUL, and names may be empty.

// Bounds on the heads of a response, those of interim responses included.
const (
	maxHead      = 256 << 10 // bytes, where the limit of the call is larger still
	maxHeadLines = 1 << 15
)

// malformed is the error of a response that cannot be read. It completes "The response was not valid HTTP: …".
type malformed string

func (m malformed) Error() string { return string(m) }

// framing says where a body ends (RFC 9112, section 6.3).
type framing int

const (
	untilClose framing = iota // with the connection
	withLength
	inChunks
	withoutBody
)

// head is what is read out of the head of a response.
type head struct {
	code       int
	reason     string // as Result.Reason
	fields     []byte // the raw lines behind the first, ending with an empty one
	framing    framing
	length     int64  // of a body withLength; more than an int64 holds is math.MaxInt64
	location   []byte // the value of the first Location; nil without one
	retryAfter []byte // the like
}

// interim reports whether another response follows. After 101, which nobody asked for, HTTP is over.
func (h *head) interim() bool { return h.code < 200 && h.code != http.StatusSwitchingProtocols }

// cutLine cuts off the first line of b, without its line feed and the carriage returns before that.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, newline)
	return trimReturns(line), rest
}

var newline = []byte("\n")

func trimReturns(line []byte) []byte { return bytes.TrimRight(line, "\r") }

// parseStatusLine reads code and reason out of the first line of a head, without its end:
// "HTTP/", a version of HTTP/1 or, as some servers say in plain text, HTTP/2, a code of three digits, anything.
func (h *head) parseStatusLine(line []byte) error {
	if len(line) == 0 {
		return malformed("it begins with an empty line")
	}
	if !isHTTP(line) || len(line) < len(httpPrefix) {
		return malformed("it begins with " + quote(line))
	}
	version, rest := cutWord(trimLeft(line[len(httpPrefix):]))
	number, isNumber := leadingNumber(version)
	if isNumber && number != 1 && number != 2 {
		return malformed("its version is neither HTTP/1.1 nor HTTP/1.0 in " + quote(line))
	}
	rest = trimLeft(rest)
	code, digits := 0, 0
	for digits < len(rest) && isDigit(rest[digits]) && digits < 4 {
		code = code*10 + int(rest[digits]-'0')
		digits++
	}
	if digits != 3 || code < 100 {
		return malformed("there is no status code from 100 to 999 in " + quote(line))
	}
	h.code = code
	h.reason = reasonPhrase(code, rest[digits:])
	return nil
}

// reasonPhrase is text as Result.Reason. The usual phrase of code costs nothing.
func reasonPhrase(code int, text []byte) string {
	text = bytes.TrimSpace(text)
	if usual := http.StatusText(code); usual == string(text) {
		return usual
	}
	return clean(string(text), maxText)
}

const httpPrefix = "HTTP/"

// isHTTP reports whether line, or as much as there is of it, begins as a status line does. Letter case does not matter.
func isHTTP(line []byte) bool {
	n := min(len(line), len(httpPrefix))
	return strings.EqualFold(string(line[:n]), httpPrefix[:n])
}

// parseFields reads h.fields. hasBody is false when the request was one whose responses have no body.
func (h *head) parseFields(hasBody bool) error {
	rest := h.fields
	if bytes.IndexByte(rest, 0) >= 0 {
		return malformed("there is a NUL byte in the header line " + quote(lineWith(rest, 0)))
	}
	var f framer
	for first := true; len(rest) > 0; first = false {
		var line []byte
		if line, rest = cutLine(rest); len(line) == 0 {
			break
		}
		if first && isBlank(line[0]) {
			return malformed("the first header line continues another: " + quote(line))
		}
		folded := false
		for len(rest) > 0 && isBlank(rest[0]) { // a line that begins with a blank continues the one before
			var more []byte
			if more, rest = cutLine(rest); !folded {
				line = bytes.Clone(line) // the raw lines stay as they are
			}
			line, folded = append(append(line, ' '), trimLeft(more)...), true
		}
		name, value, ok := bytes.Cut(line, colon)
		if !ok {
			return malformed("there is no colon in the header line " + quote(line))
		}
		h.note(&f, trim(name), value)
	}
	if !hasBody || h.code < 200 || h.code == http.StatusNoContent || h.code == http.StatusNotModified {
		h.framing = withoutBody // whatever is announced
		return nil
	}
	return h.frame(&f)
}

var colon = []byte(":")

// lineWith is the line of b that holds c.
func lineWith(b []byte, c byte) []byte {
	for {
		line, rest := cutLine(b)
		if bytes.IndexByte(line, c) >= 0 || len(rest) == 0 {
			return line
		}
		b = rest
	}
}

// note keeps what a field says if it is one that counts.
func (h *head) note(f *framer, name, value []byte) {
	switch len(name) {
	case len("Location"):
		if h.location == nil && bytes.EqualFold(name, []byte("Location")) {
			h.location = trim(value)
		}
	case len("Retry-After"):
		if h.retryAfter == nil && bytes.EqualFold(name, []byte("Retry-After")) {
			h.retryAfter = trim(value)
		}
	case len("Content-Length"):
		if bytes.EqualFold(name, []byte("Content-Length")) {
			f.noteLength(trim(value))
		}
	case len("Transfer-Encoding"):
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			f.noteCodings(value)
		}
	}
}

// framer gathers what fields say about the end of the body.
type framer struct {
	chunked   bool
	coding    []byte // the first transfer coding that is unknown; nil without one
	hasLength bool
	length    int64
	badLength []byte // the first length that is none; nil without one
}

// noteLength takes the number that value begins with. The last of several lengths counts, one too large for an int64
// only in want of another, and an empty one says nothing.
func (f *framer) noteLength(value []byte) {
	n, ok := leadingNumber(bytes.TrimPrefix(value, []byte("+")))
	switch {
	case !ok && f.badLength == nil:
		f.badLength = value // nil when it is empty
	case ok && (n < math.MaxInt64 || !f.hasLength):
		f.hasLength, f.length = true, n
	}
}

// noteCodings takes a list of transfer codings. Chunks count wherever they stand in it. Compression stays as it is, as
// that of Content-Encoding does.
func (f *framer) noteCodings(value []byte) {
	for coding := range bytes.SplitSeq(value, []byte(",")) {
		coding = trim(coding)
		switch {
		case bytes.EqualFold(coding, []byte("chunked")):
			f.chunked = true
		case f.coding == nil && !isKnownCoding(coding):
			f.coding = coding
		}
	}
}

func isKnownCoding(coding []byte) bool {
	for _, known := range [...]string{"", "identity", "gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"} {
		if bytes.EqualFold(coding, []byte(known)) {
			return true
		}
	}
	return false
}

// frame decides how the body ends.
func (h *head) frame(f *framer) error {
	switch {
	case f.coding != nil:
		return malformed("the transfer coding " + quote(f.coding) + " is unknown")
	case f.chunked:
		h.framing = inChunks
	case f.badLength != nil:
		return malformed("the Content-Length " + quote(f.badLength) + " is not a length")
	case f.hasLength:
		h.framing, h.length = withLength, f.length
	}
	return nil
}

// leadingNumber is the decimal number that b begins with, at most math.MaxInt64.
func leadingNumber(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			break
		}
		ok = true
		if n > (math.MaxInt64-9)/10 {
			return math.MaxInt64, true
		}
		n = n*10 + int64(c-'0')
	}
	return n, ok
}

// cutWord cuts b at its first blank.
func cutWord(b []byte) (word, rest []byte) {
	for i, c := range b {
		if isBlank(c) {
			return b[:i], b[i:]
		}
	}
	return b, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trimLeft(b []byte) []byte { return bytes.TrimLeft(b, " \t") }

// trim drops blanks and other white space at both ends.
func trim(b []byte) []byte { return bytes.Trim(b, " \t\r\v\f") }

// maxQuote is how many bytes of a response an error cites.
const maxQuote = 48

// quote cites what was received, each byte that cannot be printed as \x and its number.
func quote(b []byte) string {
	if len(b) > maxQuote {
		return strconv.Quote(string(b[:maxQuote]) + "…")
	}
	return strconv.Quote(string(b))
}
