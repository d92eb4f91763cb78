package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

// The functions below append JSON to long answers, byte for byte as package encoding/json writes it, and without its reflection.

// AppendText appends a string.
func AppendText(to []byte, s string) []byte {
	if !plain(s) {
		return appendEscaped(to, s)
	}
	to = append(to, '"')
	to = append(to, s...)
	return append(to, '"')
}

// plain reports whether a string is written as it is.
func plain(s string) bool {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s) && !strings.ContainsAny(s, "\u2028\u2029")
}

func appendEscaped(to []byte, s string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string has no error
	return append(to, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// AppendUnixOrNull appends what UnixOrNull makes of t.
func AppendUnixOrNull(to []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(to, "null"...)
	}
	return strconv.AppendInt(to, t.Unix(), 10)
}

// AppendSet appends a set as the contract shows it: its members, and Every alone.
func AppendSet(to []byte, s cron.Set) []byte {
	if s == cron.Every {
		return append(strconv.AppendInt(append(to, '['), Every, 10), ']')
	}
	to = append(to, '[')
	for i, ok := s.Next(0); ok; i, ok = s.Next(i + 1) {
		if to[len(to)-1] != '[' {
			to = append(to, ',')
		}
		to = strconv.AppendInt(to, int64(i), 10)
	}
	return append(to, ']')
}
