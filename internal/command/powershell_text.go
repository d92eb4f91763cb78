package command

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// singleQuoted reads a text up to a single quotation mark; two of them are one.
func (p *script) singleQuoted() string {
	var b strings.Builder
	for p.at < len(p.text) {
		if p.has("''") {
			b.WriteByte('\'')
			continue
		}
		if p.has("'") {
			break
		}
		b.WriteByte(p.text[p.at])
		p.at++
	}
	return b.String()
}

// hereString reads a text of several lines.
func (p *script) hereString(quote byte) string {
	if line := strings.TrimLeft(p.rest(), " \t"); strings.HasPrefix(line, "\n") {
		p.at = len(p.text) - len(line) + 1
	}
	end := "\n" + string(quote) + "@"
	if quote == '"' {
		return p.doubleQuoted(end)
	}
	text := p.rest()
	if strings.HasPrefix(text, end[1:]) {
		p.at += len(end) - 1
		return ""
	}
	text, _, found := strings.Cut(text, end)
	if p.at += len(text); found {
		p.at += len(end)
	}
	return text
}

// doubleQuoted reads a text in which variables and expressions are replaced, up to an end.
func (p *script) doubleQuoted(end string) string {
	var b strings.Builder
	for p.at < len(p.text) && b.Len() <= MaxText {
		switch {
		case p.has(end):
			return b.String()
		case end == `"` && p.has(`""`):
			b.WriteByte('"')
		case p.has("`"):
			b.WriteString(p.escape())
		case strings.HasPrefix(p.rest(), "$("), strings.HasPrefix(p.rest(), "${"), isVariableStart(p.rest()):
			b.WriteString(p.grow(p.interpolated().string()))
		default:
			b.WriteByte(p.text[p.at])
			p.at++
		}
	}
	return b.String()
}

// interpolated reads a variable or an expression in a text.
func (p *script) interpolated() *value {
	if strings.HasPrefix(p.rest(), "$(") {
		return p.primary()
	}
	p.at++
	return p.variableValue()
}

func isVariableStart(text string) bool {
	return len(text) > 1 && text[0] == '$' && (isLetter(text[1]) || text[1] == '_')
}

// escape reads what is behind a backtick.
func (p *script) escape() string {
	if p.at >= len(p.text) {
		return ""
	}
	c := p.text[p.at]
	p.at++
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '0', 'a', 'b', 'f', 'v':
		return ""
	case 'u':
		if digits, _, ok := strings.Cut(p.rest(), "}"); ok && strings.HasPrefix(digits, "{") && len(digits) <= 7 {
			if n, err := strconv.ParseInt(digits[1:], 16, 32); err == nil && utf8.ValidRune(rune(n)) {
				p.at += len(digits) + 1
				return string(rune(n))
			}
		}
	}
	return string(c)
}
