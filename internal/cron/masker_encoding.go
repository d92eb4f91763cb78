package cron

import (
	"bytes"
	"html"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maskedEncoding is a way to encode text in which a Masker finds values.
type maskedEncoding struct {
	mark    byte // that begins an encoded character
	longest int  // bytes of an encoded character
	// decoded appends the encoded character at the start of text to b; n is its length, and 0 when there is none.
	decoded func(b, text []byte) (after []byte, n int)
}

var maskedEncodings = [...]maskedEncoding{
	{'%', len("%20"), percentDecoded},
	{'\\', len(`\ud83d\ude00`), jsonDecoded},
	{'&', longestEntity, entityDecoded},
}

// decode is text with its encoded characters decoded. at has the position in text of each byte of the result, and the
// length of text.
func (e *maskedEncoding) decode(text []byte) (decoded []byte, at []int32) {
	decoded, at = make([]byte, 0, len(text)), make([]int32, 0, len(text)+1)
	for i := 0; i < len(text); {
		n := 0
		if text[i] == e.mark {
			decoded, n = e.decoded(decoded, text[i:])
		}
		if n == 0 {
			decoded, n = append(decoded, text[i]), 1
		}
		for len(at) < len(decoded) {
			at = append(at, int32(i))
		}
		i += n
	}
	return decoded, append(at, int32(len(text)))
}

// percentDecoded decodes a byte of a URL (RFC 3986, section 2.1).
func percentDecoded(b, text []byte) (after []byte, n int) {
	if len(text) < len("%20") {
		return b, 0
	}
	high, low := hexDigit(text[1]), hexDigit(text[2])
	if high < 0 || low < 0 {
		return b, 0
	}
	return append(b, byte(high<<4|low)), len("%20")
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// jsonDecoded decodes an escape of a JSON string (RFC 8259, section 7).
func jsonDecoded(b, text []byte) (after []byte, n int) {
	if len(text) < len(`\n`) {
		return b, 0
	}
	if at := bytes.IndexByte([]byte(`"\/bfnrt`), text[1]); at >= 0 {
		return append(b, "\"\\/\b\f\n\r\t"[at]), len(`\n`)
	}
	r, ok := jsonUnit(text)
	if !ok {
		return b, 0
	}
	n = len(`\u0000`)
	if utf16.IsSurrogate(r) {
		low, _ := jsonUnit(text[n:])
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			n *= 2
		}
	}
	return utf8.AppendRune(b, r), n
}

// jsonUnit is the UTF-16 code unit that is escaped at the start of text.
func jsonUnit(text []byte) (r rune, ok bool) {
	if len(text) < len(`\u0000`) || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit), err == nil
}

// longestEntity is the length of the character references that are decoded. Those of usual characters are shorter.
const longestEntity = len("&#x0010FFFF;")

// entityDecoded decodes a character reference of HTML.
func entityDecoded(b, text []byte) (after []byte, n int) {
	end := bytes.IndexByte(text[:min(len(text), longestEntity)], ';')
	if end < 0 {
		return b, 0
	}
	reference := string(text[:end+1])
	character := html.UnescapeString(reference)
	if character == reference {
		return b, 0
	}
	return append(b, character...), len(reference)
}
