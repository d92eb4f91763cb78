package cron

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// Masker replaces values that nobody may see in what a target answers, and in what is shown of a request. It finds a value
// as it is, and as URLs, JSON and HTML encode it. Of a value longer than maskedBeginning, it also finds a beginning of at
// least that length. Values shorter than MinMaskedSecret are not masked. The zero value and nil mask nothing. A Masker can
// be used by several goroutines once all values are added.
//
// Masking takes linear time regardless of the values: at each byte of the text, the next 8 bytes select the values that
// begin with them. These are sorted, so at most maskedBeginning bytes are compared to find the one that the text has.
type Masker struct {
	values  map[uint64][]maskedValue // by the first 8 bytes; sorted
	longest int
	first   [256]bool // the first bytes of all values
}

type maskedValue struct{ text, shown string }

// maskedBeginning is how many bytes of a long value are masked without the rest.
const maskedBeginning = 64

// Add makes m replace a value by what is shown instead.
func (m *Masker) Add(value, shown string) {
	if len(value) < MinMaskedSecret {
		return
	}
	if m.values == nil {
		m.values = make(map[uint64][]maskedValue)
	}
	for _, form := range [...]string{
		value, strings.ReplaceAll(value, " ", "+"), withoutControls(value), strings.TrimSpace(value), takenForLatin1(value),
	} {
		if len(form) < MinMaskedSecret {
			continue
		}
		key := binary.BigEndian.Uint64([]byte(form[:8]))
		at, known := slices.BinarySearchFunc(m.values[key], form, func(v maskedValue, form string) int {
			return strings.Compare(v.text, form)
		})
		if !known {
			m.values[key] = slices.Insert(m.values[key], at, maskedValue{form, shown})
			m.longest = max(m.longest, len(form))
			m.first[form[0]] = true
		}
	}
}

// withoutControls is s as the value of a header.
func withoutControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// takenForLatin1 is s as a program has it that reads headers as ISO 8859-1, as HTTP/1.0 did, and writes UTF-8.
func takenForLatin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// maskedSpan is a part of a text that is replaced.
type maskedSpan struct {
	start, end int
	shown      string
}

// Mask returns text with all values replaced: text itself when there is none.
func (m *Masker) Mask(text []byte) []byte {
	if m == nil || len(m.values) == 0 {
		return text
	}
	spans := m.find(text, nil)
	for i := range maskedEncodings {
		e := &maskedEncodings[i]
		if !slices.Contains(text, e.mark) {
			continue
		}
		decoded, at := e.decode(text)
		for _, s := range m.find(decoded, nil) {
			spans = append(spans, maskedSpan{int(at[s.start]), int(at[s.end]), s.shown})
		}
	}
	if len(spans) == 0 {
		return text
	}
	slices.SortStableFunc(spans, func(a, b maskedSpan) int { return a.start - b.start })
	out := make([]byte, 0, len(text))
	end := 0
	for _, s := range spans {
		if s.start >= end {
			out = append(out, text[end:s.start]...)
			out = append(out, s.shown...)
		}
		end = max(end, s.end)
	}
	return append(out, text[end:]...)
}

// MaskString is Mask of a string.
func (m *Masker) MaskString(text string) string {
	if m == nil || len(m.values) == 0 || len(text) < MinMaskedSecret {
		return text
	}
	return string(m.Mask([]byte(text)))
}

// find appends the values in text to spans, in order and without overlaps.
func (m *Masker) find(text []byte, spans []maskedSpan) []maskedSpan {
	for i := 0; i+8 <= len(text); {
		length, shown := 0, ""
		if m.first[text[i]] {
			length, shown = longestValue(m.values[binary.BigEndian.Uint64(text[i:])], text[i:])
		}
		if length == 0 {
			i++
			continue
		}
		spans = append(spans, maskedSpan{i, i + length, shown})
		i += length
	}
	return spans
}

// longestValue finds the longest of the values that text begins with, or, of those longer than maskedBeginning, the one
// with the longest beginning. The values are sorted and begin with the first 8 bytes of text. length is 0 when there is none.
func longestValue(values []maskedValue, text []byte) (length int, shown string) {
	for depth := 8; len(values) > 0; {
		if depth == maskedBeginning {
			at, _ := slices.BinarySearchFunc(values, text, func(v maskedValue, text []byte) int {
				return strings.Compare(v.text, string(text[:min(len(text), len(v.text)+1)]))
			})
			for _, v := range values[max(0, at-1):min(len(values), at+1)] {
				if n := commonBeginning(text, v.text); n > length {
					length, shown = n, v.shown
				}
			}
			return length, shown
		}
		if len(values[0].text) == depth { // a value sorts before those that go on after it
			length, shown, values = depth, values[0].shown, values[1:]
			continue
		}
		// All values have in common what the first and the last one have.
		first, last := values[0].text, values[len(values)-1].text
		n := min(len(first), len(last), maskedBeginning)
		if n = depth + commonBeginning(first[depth:n], last[depth:n]); n > depth {
			if len(text) < n || string(text[depth:n]) != first[depth:n] {
				return length, shown
			}
			depth = n
			continue
		}
		if depth == len(text) {
			return length, shown
		}
		start, _ := slices.BinarySearchFunc(values, text[depth], func(v maskedValue, c byte) int { return int(v.text[depth]) - int(c) })
		end, _ := slices.BinarySearchFunc(values, int(text[depth])+1, func(v maskedValue, c int) int { return int(v.text[depth]) - c })
		values = values[start:end]
		depth++
	}
	return length, shown
}

// commonBeginning is the number of bytes at the start that a and b have in common.
func commonBeginning[A, B []byte | string](a A, b B) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// Partial is the length of the longest end of text that is a proper beginning of a value. A caller that cuts a text removes
// that end too, so that no part of a value is shown.
func (m *Masker) Partial(text []byte) int {
	if m == nil || len(m.values) == 0 {
		return 0
	}
	longest := m.partial(text)
	for i := range maskedEncodings {
		e := &maskedEncodings[i]
		tail := text[max(0, len(text)-e.longest*m.longest):]
		if !slices.Contains(tail, e.mark) {
			continue
		}
		whole := len(tail)
		for tries := 0; ; tries++ {
			decoded, at := e.decode(tail[:whole])
			if n := m.partial(decoded); n > 0 {
				longest = max(longest, len(tail)-int(at[len(decoded)-n]))
			}
			// The text may end within an encoded character, which takes up to two units.
			whole = bytes.LastIndexByte(tail[:whole], e.mark)
			if whole < 0 || len(tail)-whole >= e.longest || tries == 2 {
				break
			}
		}
	}
	return longest
}

// partial is Partial for text that is not decoded. It runs each value over the end of text (Knuth, Morris and Pratt).
func (m *Masker) partial(text []byte) (longest int) {
	for _, values := range m.values {
		for _, v := range values {
			longest = max(longest, overlap(text, v.text))
		}
	}
	return longest
}

// overlap is the length of the longest end of text that is a proper beginning of value.
func overlap(text []byte, value string) int {
	text = text[max(0, len(text)-len(value)+1):]
	border := make([]int, len(value)) // of each beginning of value: its longest proper beginning that is its end too
	for i, n := 1, 0; i < len(value); i++ {
		for n > 0 && value[i] != value[n] {
			n = border[n-1]
		}
		if value[i] == value[n] {
			n++
		}
		border[i] = n
	}
	n := 0
	for _, c := range text {
		for n > 0 && c != value[n] {
			n = border[n-1]
		}
		if c == value[n] {
			n++
		}
	}
	return n
}

// Masker masks the secrets of the call by their placeholders; nil when it has none that can be masked.
func (c *Call) Masker() *Masker {
	var m *Masker
	for name, value := range c.Secrets {
		if len(value) >= MinMaskedSecret {
			if m == nil {
				m = new(Masker)
			}
			m.Add(value, secretPrefix+name+"%")
		}
	}
	return m
}
