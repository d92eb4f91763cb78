package wire

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// Scalar is the text of a string, or of a number, true or false as it is written; ok is false for all else.
func Scalar(raw json.RawMessage) (text string, ok bool) {
	switch raw[0] {
	case '"':
		return ParseText(raw)
	case '{', '[', 'n':
		return "", false
	}
	return string(raw), true
}

// ParseText is a string.
func ParseText(raw json.RawMessage) (s string, ok bool) {
	if raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// ParseChoice reads one of the given names, and returns its index.
func ParseChoice(raw json.RawMessage, names []string) (int, cron.Problem) {
	s, ok := ParseText(raw)
	if !ok {
		return 0, cron.Problem{Rule: cron.RuleWrongType, Want: TypeString}
	}
	if i := slices.Index(names, s); i >= 0 {
		return i, cron.Problem{}
	}
	return 0, cron.Problem{Rule: cron.RuleUnknownValue, Given: s, Want: strings.Join(names, ", ")}
}

// ParseInteger reads an integer between low and high: a number without a fraction, or a string of digits that may have
// a sign.
func ParseInteger(raw json.RawMessage, low, high int64) (int64, cron.Problem) {
	text, ok := Scalar(raw)
	if !ok {
		return 0, cron.Problem{Rule: cron.RuleWrongType, Want: TypeInteger}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) && raw[0] != '"' {
		n, err = parseFloat(text)
	}
	outside := errors.Is(err, strconv.ErrRange) || err == nil && (n < low || n > high)
	switch {
	case outside:
		return 0, cron.Problem{Rule: cron.RuleOutOfRange, Given: text, Min: low, Max: high}
	case err != nil:
		return 0, cron.Problem{Rule: cron.RuleWrongType, Want: TypeInteger}
	}
	return n, cron.Problem{}
}

// parseFloat reads an integer that is written with a fraction or an exponent, such as 1.0 or 1e3.
func parseFloat(text string) (int64, error) {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return 0, err
	case f != math.Trunc(f):
		return 0, strconv.ErrSyntax
	case math.Abs(f) > 1<<53:
		return 0, strconv.ErrRange
	}
	return int64(f), nil
}

// walk visits the members of a JSON object or the items of a JSON array one after the other. token is the name of a
// member or the index of an item. raw is valid JSON, of which values are parts and no copies.
func walk(raw json.RawMessage, visit func(token string, value json.RawMessage)) {
	c := cursor{raw: raw, at: 1}
	for i := 0; c.next() != 0 && c.next() != ']' && c.next() != '}'; i++ {
		token := strconv.Itoa(i)
		if raw[0] == '{' {
			token, _ = ParseText(c.value())
			c.take(':')
		}
		value := c.value()
		if len(value) == 0 {
			return // cannot be; but never loop
		}
		visit(token, value)
		c.take(',')
	}
}

// cursor goes through valid JSON.
type cursor struct {
	raw json.RawMessage
	at  int
}

// next is the next byte that is not a blank, and 0 at the end.
func (c *cursor) next() byte {
	for ; c.at < len(c.raw); c.at++ {
		if b := c.raw[c.at]; b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b
		}
	}
	return 0
}

// take goes over a byte when it comes next.
func (c *cursor) take(b byte) {
	if c.next() == b {
		c.at++
	}
}

// value goes over a value and returns it as it stands there.
func (c *cursor) value() json.RawMessage {
	c.next()
	start, depth := c.at, 0
	for ; c.at < len(c.raw); c.at++ {
		switch c.raw[c.at] {
		case '"':
			for c.at++; c.at < len(c.raw) && c.raw[c.at] != '"'; c.at++ {
				if c.raw[c.at] == '\\' {
					c.at++
				}
			}
			if c.at = min(c.at, len(c.raw)-1); depth == 0 {
				c.at++
				return c.raw[start:c.at:c.at]
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return c.raw[start:c.at:c.at] // the end of what the value is in
			}
			if depth--; depth == 0 {
				c.at++
				return c.raw[start:c.at:c.at]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return c.raw[start:c.at:c.at]
			}
		}
	}
	return c.raw[start:c.at:c.at]
}

// escape is a name as a part of a JSON pointer (RFC 6901, section 3).
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
