package fetch

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// The parser for response heads is as lenient as curl 7.88, not as strict as RFC 9112: a target that did its work must
// not count as failed because of a syntax error in its head. A connection serves another response only after one that was read
// strictly as well, with the same outcome (exchange.keepFor, strict.go), so response smuggling is not possible. Header names and
// values may contain any byte except NUL, and names may be empty.

// Limits on the heads of a response, including the heads of interim (1xx) responses.
const (
	maxHead      = 256 << 10 // bytes, unless the limit of the call is smaller
	maxHeadLines = 1 << 15
)

// malformed is the error of a response that cannot be parsed. It completes "The response was not valid HTTP: …".
type malformed string

func (m malformed) Error() string { return string(m) }

// framing says how the end of a body is determined (RFC 9112, section 6.3).
type framing int

const (
	untilClose framing = iota // the body ends when the server closes the connection
	withLength                // Content-Length
	inChunks                  // Transfer-Encoding: chunked
	withoutBody
)

// head is the parsed head of a response: status line and headers.
type head struct {
	code       int
	reason     string // for Result.Reason
	fields     []byte // the raw header lines, including the empty line at the end
	framing    framing
	length     int64  // of a body withLength; capped at math.MaxInt64
	location   []byte // the value of the first Location header; nil without one
	retryAfter []byte // the value of the first Retry-After header; nil without one
}

// interim reports whether another response follows. 101 is final: the server stops speaking HTTP after it.
func (h *head) interim() bool { return h.code < 200 && h.code != http.StatusSwitchingProtocols }

// cutLine splits b after its first line and strips the line feed and the carriage returns before it.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, newline)
	return trimReturns(line), rest
}

var newline = []byte("\n")

func trimReturns(line []byte) []byte { return bytes.TrimRight(line, "\r") }

// parseStatusLine parses the first line of a head, without its line end: "HTTP/", a version, a code of three digits and
// any text. Versions 1.x and 2 are accepted, since some servers write HTTP/2 in plain text.
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

// reasonPhrase returns text for Result.Reason. The standard phrase of code needs no allocation.
func reasonPhrase(code int, text []byte) string {
	text = bytes.TrimSpace(text)
	if usual := http.StatusText(code); usual == string(text) {
		return usual
	}
	return clean(string(text), maxText)
}

const httpPrefix = "HTTP/"

// isHTTP reports whether line, which may be incomplete, begins like a status line, ignoring case.
func isHTTP(line []byte) bool {
	n := min(len(line), len(httpPrefix))
	return strings.EqualFold(string(line[:n]), httpPrefix[:n])
}

// parseFields parses h.fields. hasBody is false for a response to HEAD.
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
		for len(rest) > 0 && isBlank(rest[0]) { // obsolete line folding (RFC 9112, section 5.2)
			var more []byte
			if more, rest = cutLine(rest); !folded {
				line = bytes.Clone(line) // h.fields must not change
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
		h.framing = withoutBody // regardless of Content-Length and Transfer-Encoding
		return nil
	}
	return h.frame(&f)
}

var colon = []byte(":")

// lineWith returns the first line of b that contains c.
func lineWith(b []byte, c byte) []byte {
	for {
		line, rest := cutLine(b)
		if bytes.IndexByte(line, c) >= 0 || len(rest) == 0 {
			return line
		}
		b = rest
	}
}

// note records a header that the client uses.
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

// framer collects what the headers say about the framing of the body.
type framer struct {
	chunked   bool
	coding    []byte // the first unknown transfer coding; nil without one
	hasLength bool
	length    int64
	badLength []byte // the first invalid Content-Length; nil without one
}

// noteLength records the number at the start of a Content-Length. The last of several counts. A number too large for an
// int64 counts only if there is no other, and an empty value is ignored.
func (f *framer) noteLength(value []byte) {
	n, ok := leadingNumber(bytes.TrimPrefix(value, []byte("+")))
	switch {
	case !ok && f.badLength == nil:
		f.badLength = value // nil if value is empty
	case ok && (n < math.MaxInt64 || !f.hasLength):
		f.hasLength, f.length = true, n
	}
}

// noteCodings records a list of transfer codings. chunked counts at any position. Compressed bodies are not decompressed,
// as with Content-Encoding.
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

// frame determines the framing of the body.
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

// leadingNumber returns the decimal number at the start of b, capped at math.MaxInt64.
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

// cutWord splits b before its first space or tab.
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

// trim removes white space at both ends.
func trim(b []byte) []byte { return bytes.Trim(b, " \t\r\v\f") }

// maxQuote limits how many bytes of a response an error quotes.
const maxQuote = 48

// quote quotes received bytes, escaping those that are not printable.
func quote(b []byte) string {
	if len(b) > maxQuote {
		return strconv.Quote(string(b[:maxQuote]) + "…")
	}
	return strconv.Quote(string(b))
}
