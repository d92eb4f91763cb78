package message

import (
	"strconv"
	"unicode/utf8"
)

// maxGiven limits how many characters of a value from a request a sentence repeats.
const maxGiven = 100

// clip shortens s to maxGiven characters.
func clip(s string) string { return clipTo(s, maxGiven) }

// clipTo shortens s to limit characters.
func clipTo(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "…"
}

// quote returns s, clipped and in quotation marks, with control characters escaped.
func quote(s string) string { return strconv.Quote(clip(s)) }
