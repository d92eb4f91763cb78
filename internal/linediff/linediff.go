// Package linediff says which lines of a text are new.
package linediff

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// Bounds of what is returned.
const (
	MaxLines  = 400
	MaxLength = 1000 // bytes of a line
)

// Line is a line of one of the texts.
type Line struct {
	Op   string // "-" is only in the old text, "+" only in the new one, " " in both
	Text string // valid UTF-8, without the end of the line
}

// Texts compares two texts line by line. Lines that did not change are returned next to those that did. It takes
// O(n log n) time. cut tells that MaxLines or MaxLength was reached.
func Texts(before, now []byte) (lines []Line, cut bool) {
	var c collector
	// The hunks of a unified diff follow two lines with names. A missing end of the last line is no difference.
	out := diff.Diff("", ended(before), "", ended(now))
	for i := 0; len(out) > 0; i++ {
		line, rest, _ := bytes.Cut(out, []byte("\n"))
		out = rest
		if i < 3 || line[0] == '@' {
			continue
		}
		c.add(string(line[:1]), line[1:])
	}
	return c.lines, c.cut
}

func ended(text []byte) []byte {
	if len(text) == 0 || text[len(text)-1] == '\n' {
		return text
	}
	return append(bytes.Clone(text), '\n')
}

// Sets compares the lines of two texts, ignoring their order. A line that occurs more often in one of them is returned as
// many times as that. ignored lines are left out.
func Sets(before, now []byte, ignored func(line []byte) bool) (lines []Line, cut bool) {
	var c collector
	for _, side := range [...]struct {
		op    string
		text  []byte
		other []byte
	}{{"-", before, now}, {"+", now, before}} {
		count := make(map[string]int)
		for line := range bytes.Lines(side.other) {
			count[string(trimmed(line))]++
		}
		for line := range bytes.Lines(side.text) {
			line = trimmed(line)
			if count[string(line)]--; count[string(line)] < 0 && len(line) > 0 && !ignored(line) {
				c.add(side.op, line)
			}
		}
	}
	return c.lines, c.cut
}

// collector collects lines within the bounds.
type collector struct {
	lines []Line
	cut   bool
}

func (c *collector) add(op string, line []byte) {
	if len(c.lines) == MaxLines {
		c.cut = true
		return
	}
	line = trimmed(line)
	if len(line) > MaxLength {
		c.cut = true
		line = line[:MaxLength]
		for len(line) > MaxLength-utf8.UTFMax && !utf8.Valid(line[len(line)-1:]) && !utf8.RuneStart(line[len(line)-1]) {
			line = line[:len(line)-1]
		}
	}
	c.lines = append(c.lines, Line{op, strings.ToValidUTF8(string(line), "\uFFFD")})
}

func trimmed(line []byte) []byte { return bytes.TrimRight(line, "\r\n") }
