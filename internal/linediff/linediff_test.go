package linediff_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"punctual/internal/linediff"
)

func render(lines []linediff.Line) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s%s|", l.Op, l.Text)
	}
	return b.String()
}

func TestTexts(t *testing.T) {
	for _, test := range []struct{ before, now, want string }{
		{"", "", ""},
		{"a\n", "a", ""},
		{"a\nb\nc\n", "a\nx\nc\n", " a|-b|+x| c|"},
		{"", "a\r\nb", "+a|+b|"},
		{"a", "", "-a|"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n5\n6\n7\n8\n9\n", " 2| 3| 4|+x| 5| 6| 7|"},
		{"@@ -1 +1 @@\n", "--- a\n+++ b\n\n", "-@@ -1 +1 @@|+--- a|++++ b|+|"},
		{"\\ No newline at end of file", "x", "-\\ No newline at end of file|+x|"},
	} {
		lines, cut := linediff.Texts([]byte(test.before), []byte(test.now))
		if got := render(lines); got != test.want || cut {
			t.Errorf("%q and %q: %q, want %q", test.before, test.now, got, test.want)
		}
	}
}

func TestSets(t *testing.T) {
	ignored := func(line []byte) bool { return bytes.HasPrefix(line, []byte("Date:")) }
	for _, test := range []struct{ before, now, want string }{
		{"A: 1\r\nB: 2\r\n\r\n", "B: 2\r\nA: 1\r\n\r\n", ""},
		{"Date: 1\r\nA: 1\r\n\r\n", "Date: 2\r\nA: 2\r\n\r\n", "-A: 1|+A: 2|"},
		{"C: x\r\nC: x\r\n\r\n", "C: x\r\n\r\n", "-C: x|"},
		{"C: x\r\n\r\n", "C: x\r\nC: y\r\nC: x\r\nC: x\r\n\r\n", "+C: y|+C: x|+C: x|"},
	} {
		lines, cut := linediff.Sets([]byte(test.before), []byte(test.now), ignored)
		if got := render(lines); got != test.want || cut {
			t.Errorf("%q and %q: %q, want %q", test.before, test.now, got, test.want)
		}
	}
}

// TestBounds compares texts that a target would send to make the service work.
func TestBounds(t *testing.T) {
	many := func(format string) []byte {
		var b bytes.Buffer
		for i := 0; b.Len() < 64<<10; i++ {
			fmt.Fprintf(&b, format, i%7, i)
		}
		return b.Bytes()[:64<<10]
	}
	short := bytes.Repeat([]byte("a\n"), 32<<10)
	for name, pair := range map[string][2][]byte{
		"every line differs":  {many("a%d %d\n"), many("b%d %d\n")},
		"every second line":   {many("a%d %d\nsame\n"), many("b%d %d\nsame\n")},
		"short lines":         {short, bytes.Repeat([]byte("b\na\n"), 16<<10)},
		"empty lines":         {bytes.Repeat([]byte("\n"), 64<<10), short},
		"one long line":       {bytes.Repeat([]byte("ü"), 32<<10), bytes.Repeat([]byte("ö"), 32<<10)},
		"no text":             {bytes.Repeat([]byte{0xff, '\n'}, 32<<10), bytes.Repeat([]byte{0xfe, '\n', '\n'}, 20<<10)},
		"reversed":            {many("%d %d\n"), reversed(many("%d %d\n"))},
		"bytes that are runs": {bytes.Repeat([]byte{0x80}, 64<<10), nil},
	} {
		for kind, compare := range map[string]func() ([]linediff.Line, bool){
			"texts": func() ([]linediff.Line, bool) { return linediff.Texts(pair[0], pair[1]) },
			"sets": func() ([]linediff.Line, bool) {
				return linediff.Sets(pair[0], pair[1], func([]byte) bool { return false })
			},
		} {
			lines, cut := compare()
			if kind == "texts" && (!cut || len(lines) == 0) || len(lines) > linediff.MaxLines {
				t.Errorf("%s, %s: %d lines, cut %v", name, kind, len(lines), cut)
			}
			for _, l := range lines {
				if !utf8.ValidString(l.Text) || len(l.Text) > 3*linediff.MaxLength {
					t.Fatalf("%s, %s: %q", name, kind, l.Text)
				}
			}
		}
	}
}

func reversed(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return bytes.Join(lines, nil)
}
