package notify

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"punctual/internal/message"
)

// tidy is a copy of a notification whose texts can be shown anywhere: valid UTF-8, without control characters and without those
// that change the direction of the text around them. Texts for one line have no line breaks.
func tidy(n *message.Notification) *message.Notification {
	c := *n
	for _, line := range []*string{&c.ID, &c.Key, &c.Account, &c.Title, &c.Subject, &c.More} {
		*line = oneLine(*line)
	}
	for _, text := range []*string{&c.Summary, &c.Excerpt, &c.Runbook, &c.Footer} {
		*text = manyLines(*text)
	}
	c.Subject = cmp.Or(c.Subject, mark) // services reject what is empty
	c.Summary = cmp.Or(c.Summary, c.Subject)
	c.Facts = make([]message.Fact, 0, len(n.Facts))
	for _, f := range n.Facts[:min(len(n.Facts), maxFacts)] {
		if f.Label, f.Value = oneLine(f.Label), oneLine(f.Value); f.Label != "" && f.Value != "" {
			c.Facts = append(c.Facts, f)
		}
	}
	c.Jobs = make([]message.Line, 0, len(n.Jobs))
	for _, j := range n.Jobs {
		c.Jobs = append(c.Jobs, message.Line{
			Title: cmp.Or(oneLine(j.Title), mark), Text: cmp.Or(oneLine(j.Text), mark), URL: safeURL(j.URL)})
	}
	c.Links = make([]message.Link, 0, len(n.Links))
	for _, l := range n.Links {
		if l.URL = safeURL(l.URL); l.URL != "" {
			l.Label = cmp.Or(oneLine(l.Label), mark)
			c.Links = append(c.Links, l)
		}
	}
	return &c
}

// oneLine is a text on one line.
func oneLine(s string) string {
	s = beginning(s, maxLine)
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return shown(r)
	}, s)), " ")
}

// What is looked at of a text, in bytes: more than any service takes.
const (
	maxLine = 8 << 10
	maxText = 64 << 10

	maxFacts = 50
)

// beginning is at most limit bytes of a text.
func beginning(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + mark
}

// manyLines is a text with its line breaks, of which no more than two follow each other.
func manyLines(s string) string {
	s = beginning(s, maxText)
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return shown(r)
	}, s)
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return strings.Trim(s, "\n")
}

// shown is a character as it is shown; -1 for one that is left out. Embeddings, overrides and isolates of directions would make
// the text that follows another one (UAX #9).
func shown(r rune) rune {
	switch {
	case unicode.IsControl(r), 0x202A <= r && r <= 0x202E, 0x2066 <= r && r <= 0x2069, r == 0x2028, r == 0x2029, r == 0xFEFF:
		return -1
	}
	return r // an invalid byte is utf8.RuneError by now
}

// safeURL is a web address in which no markup language sees the end of a link or a mention; "" for another text.
func safeURL(s string) string {
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") || len(s) > maxLink {
		return ""
	}
	const hex = "0123456789ABCDEF"
	_, rest, _ := strings.Cut(s, "://")
	path := len(s) - len(rest) + max(strings.IndexByte(rest, '/'), 0)
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; i > path && c == '@' || c <= ' ' || c >= utf8.RuneSelf || c == 0x7f || strings.IndexByte("\"'<>|(){}\\^`*", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(s[i])
	}
	if b.Len() > maxLink {
		return ""
	}
	return b.String()
}

// maxLink is how long a link may be; each of several services has a limit somewhere above.
const maxLink = 2000

// mark ends a text that was cut.
const mark = "…"

// cut shortens a text to at most limit by size, at a character, and ends it with a mark.
func cut(s string, limit int, size func(string) int) string {
	if size(s) <= limit {
		return s
	}
	low, high := 0, len(s) // s[:low] with the mark fits, s[:high] does not
	for high-low > 1 {
		middle := low + (high-low)/2
		for middle > low && !utf8.RuneStart(s[middle]) {
			middle--
		}
		if middle == low {
			middle = low + (high-low)/2
			for middle < high && !utf8.RuneStart(s[middle]) {
				middle++
			}
			if middle == high {
				break
			}
		}
		if size(strings.TrimRight(s[:middle], " \n")+mark) <= limit {
			low = middle
		} else {
			high = middle
		}
	}
	if low == 0 {
		return ""
	}
	return strings.TrimRight(s[:low], " \n") + mark
}

// The sizes that services count in.
func bytesIn(s string) int      { return len(s) }
func charactersIn(s string) int { return utf8.RuneCountInString(s) }

// unitsIn counts the code units of UTF-16, as JavaScript and Java do.
func unitsIn(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// shorten cuts a text to a number of characters, counted as the code units of UTF-16: services that count characters otherwise
// never count more.
func shorten(s string, limit int) string { return cut(s, limit, unitsIn) }
