package cron

import (
	"strings"
	"unicode"
)

// Limits on what people say of themselves and of their accounts, in characters.
const (
	MaxPersonName   = 100
	MaxAccountTitle = 100
	maxLanguageTag  = 35 // RFC 5646, section 4.4.1
)

// Accept takes what a person says of themself for what can be stored: it takes spaces off the name, and reports what is
// wrong as an *Error of kind Invalid.
func (p *Person) Accept() error {
	var c Checker
	p.Name = strings.TrimSpace(p.Name)
	c.Printable("/name", p.Name, MaxPersonName)
	if p.Zone != "" {
		if _, err := LoadZone(p.Zone); err != nil {
			c.Add("/zone", Problem{Rule: RuleUnknownTimeZone, Given: p.Zone})
		}
	}
	if !IsLanguage(p.Language) {
		c.Add("/language", Problem{Rule: RuleUnknownValue, Given: p.Language})
	}
	if p.Theme != "" && p.Theme != "light" && p.Theme != "dark" {
		c.Add("/theme", Problem{Rule: RuleUnknownValue, Given: p.Theme, Want: "light, dark"})
	}
	return c.Err()
}

// IsLanguage tells whether a text is empty or has the form of a language tag (RFC 5646).
func IsLanguage(tag string) bool {
	if len(tag) > maxLanguageTag {
		return false
	}
	for i := range len(tag) {
		b := tag[i] | 0x20
		if !('a' <= b && b <= 'z' || '0' <= tag[i] && tag[i] <= '9' || tag[i] == '-') {
			return false
		}
	}
	return true
}

// AcceptTitle takes the title of an account for one that can be stored, like Person.Accept.
func (a *Account) AcceptTitle() error {
	var c Checker
	a.Title = strings.TrimSpace(a.Title)
	c.Printable("/title", a.Title, MaxAccountTitle)
	return c.Err()
}

// Title adds what is wrong with a title, which is Printable and not empty.
func (c *Checker) Title(pointer, title string, longest int) {
	if title == "" {
		c.Add(pointer, Problem{Rule: RuleMandatory})
	}
	c.Printable(pointer, title, longest)
}

// Printable adds what is wrong with a short text that also stands in mails: it has no line breaks and the like.
func (c *Checker) Printable(pointer, text string, longest int) {
	c.Line(pointer, text, longest)
	if !c.has(pointer) && strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
	}) {
		c.Add(pointer, Problem{Rule: RuleControlCharacter})
	}
}
