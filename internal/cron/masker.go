package cron

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Masker replaces values that nobody may see in what a target answers, and in what is shown of a request. It finds a value
// as it is, percent-encoded in any way, and as JSON has it. Of a value longer than maskedBeginning, it also finds a
// beginning of at least that length. Values shorter than MinMaskedSecret are not masked. The zero value and nil mask
// nothing. A Masker can be used by several goroutines once all values are added.
//
// Masking takes linear time: at each byte of the text, the next 8 bytes select the values that begin with them, and each
// of these is compared for at most maskedBeginning bytes unless it is found.
type Masker struct {
	values  map[uint64][]maskedValue // by the first 8 bytes
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
	json := jsonEscaper.Replace(value)
	for _, form := range [...]string{
		value, json, strings.ReplaceAll(json, "/", `\/`), strings.ReplaceAll(value, " ", "+"), withoutControls(value),
	} {
		v := maskedValue{form, shown}
		if len(form) < MinMaskedSecret {
			continue
		}
		key := binary.BigEndian.Uint64([]byte(form[:8]))
		if !slices.ContainsFunc(m.values[key], func(known maskedValue) bool { return known.text == form }) {
			m.values[key] = append(m.values[key], v)
			m.longest = max(m.longest, len(form))
			m.first[form[0]] = true
		}
	}
}

// jsonEscaper writes what a JSON string must not contain (RFC 8259, section 7).
var jsonEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// withoutControls is s as the value of a header.
func withoutControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
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
	if slices.Contains(text, '%') {
		decoded, at := percentDecoded(text)
		for _, s := range m.find(decoded, nil) {
			spans = append(spans, maskedSpan{at[s.start], at[s.end], s.shown})
		}
		slices.SortStableFunc(spans, func(a, b maskedSpan) int { return a.start - b.start })
	}
	if len(spans) == 0 {
		return text
	}
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
			for _, v := range m.values[binary.BigEndian.Uint64(text[i:])] {
				least := min(len(v.text), maskedBeginning)
				if least > len(text)-i || string(text[i:i+least]) != v.text[:least] {
					continue
				}
				if n := commonBeginning(text[i:], v.text); n > length {
					length, shown = n, v.shown
				}
			}
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

// commonBeginning is the number of bytes at the start that a and b have in common.
func commonBeginning(a []byte, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// percentDecoded is text with its percent-encoded bytes decoded. at has the position in text of each byte of the result,
// and the length of text.
func percentDecoded(text []byte) (decoded []byte, at []int) {
	decoded, at = make([]byte, 0, len(text)), make([]int, 0, len(text)+1)
	for i := 0; i < len(text); {
		at = append(at, i)
		if text[i] == '%' && i+2 < len(text) {
			high, low := hexDigit(text[i+1]), hexDigit(text[i+2])
			if high >= 0 && low >= 0 {
				decoded = append(decoded, byte(high<<4|low))
				i += 3
				continue
			}
		}
		decoded = append(decoded, text[i])
		i++
	}
	return decoded, append(at, len(text))
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

// Partial is the length of the longest end of text that is a proper beginning of a value. Who cuts a text cuts it off too,
// so that not a part of a value is shown.
func (m *Masker) Partial(text []byte) int {
	if m == nil || len(m.values) == 0 {
		return 0
	}
	longest := m.partial(text)
	tail := text[max(0, len(text)-3*m.longest):]
	if slices.Contains(tail, '%') {
		// The text may end within an encoded byte.
		for cut := range min(3, len(tail)) {
			decoded, at := percentDecoded(tail[:len(tail)-cut])
			if n := m.partial(decoded); n > 0 && (cut == 0 || tail[len(tail)-cut] == '%') {
				longest = max(longest, len(tail)-at[len(decoded)-n])
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
