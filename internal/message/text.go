package message

import (
	"strconv"
	"unicode/utf8"
)

// maxGiven is how many characters of a value that somebody sent a sentence repeats.
const maxGiven = 100

// clip shortens s to what a sentence may repeat.
func clip(s string) string { return clipTo(s, maxGiven) }

// clipTo shortens s to so many characters.
func clipTo(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// quote is a clipped s in quotation marks, with control characters made visible.
func quote(s string) string { return strconv.Quote(clip(s)) }
