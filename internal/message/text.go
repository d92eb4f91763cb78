package message

import (
	"strconv"
	"strings"
	"unicode"
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

// plain is text that somebody else chose, in one line: without control characters, without characters that turn the
// direction of what follows, and with single spaces.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(visible(s), unicode.IsSpace), " ")
}

// plainLines is text that somebody else chose, with its lines and indentation, at most so many lines, without empty ones at
// the ends. An ellipsis marks that lines were cut.
func plainLines(s string, most int) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimRight(visible(line), " \t"); line == "" && len(lines) == 0 {
			continue
		}
		if len(lines) == most {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, line)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// visible replaces control characters, line ends among them but no tabs, by spaces, and drops marks of direction, which
// could make a title look like another text.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r), r == '\ufeff', r == '\u200b':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// looksBinary reports whether text is data that nobody can read, such as a compressed body.
func looksBinary(s string) bool {
	odd, all := 0, 0
	for i, r := range s {
		all++
		// A character that the end of an excerpt cut is not odd.
		cut := r == utf8.RuneError && len(s)-i < utf8.UTFMax
		if r == 0 || !cut && (r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r)) {
			odd++
		}
	}
	return odd*20 > all
}
