package service

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoter writes arguments for a shell.
type quoter struct {
	program   string
	continued string // at the end of a line that goes on
	quote     func(string) string
}

// quoters are the quoters by their shells.
var quoters = map[Shell]quoter{
	Bash:       {"curl", `\`, quoteBash},
	Cmd:        {"curl", "^", quoteCmd},
	PowerShell: {"curl.exe", "`", quotePowerShell}, // curl is another command in Windows PowerShell
}

// isPlain reports whether no shell gives a character of s a meaning.
func isPlain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_./:", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isShown reports whether a character is written as it is: not one that acts on a terminal, or that nobody sees.
func isShown(r rune, size int) bool {
	return unicode.IsPrint(r) && (r != utf8.RuneError || size > 1)
}

// quoteBash quotes an argument for bash, zsh and ksh.
func quoteBash(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	escaped := false
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
			escaped = true
		case r == '\r':
			b.WriteString(`\r`)
			escaped = true
		case r == '\t':
			b.WriteString(`\t`)
			escaped = true
		case isShown(r, size):
			b.WriteString(s[i : i+size])
		default:
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
			escaped = true
		}
		i += size
	}
	if escaped {
		return "$'" + b.String() + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// quoteCmd quotes an argument for cmd.exe at its prompt. The program gets the argument as the C runtime splits a command line:
// within quotation marks, a backslash escapes backslashes before a mark, and marks. cmd.exe sees no quotation marks, since each is
// escaped with a caret, as everything else that has a meaning.
func quoteCmd(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.WriteString(`^"`)
	backslashes := 0
	for _, r := range s {
		if r == '\\' {
			backslashes++
			b.WriteRune(r)
			continue
		}
		if r == '"' {
			b.WriteString(strings.Repeat(`\`, backslashes+1))
		}
		backslashes = 0
		switch {
		case r == '\n':
			b.WriteString("^\n\n") // the line break after the caret is dropped, and the next one stays
		case r == '\r': // cannot be written: cmd.exe drops it
		case strings.ContainsRune(`"^&|<>()%!`, r):
			b.WriteString("^" + string(r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString(strings.Repeat(`\`, backslashes))
	b.WriteString(`^"`)
	return b.String()
}

// powerShellQuotes are the characters that PowerShell takes for a single quotation mark.
const powerShellQuotes = "'‘’‚‛"

// quotePowerShell quotes an argument for PowerShell.
func quotePowerShell(s string) string {
	if isPlain(s) {
		return s
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return !isShown(r, utf8.RuneLen(r)) }) {
		var b strings.Builder
		for _, r := range s {
			if strings.ContainsRune(powerShellQuotes, r) {
				b.WriteRune(r)
			}
			b.WriteRune(r)
		}
		return "'" + b.String() + "'"
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("`n")
		case r == '\r':
			b.WriteString("`r")
		case r == '\t':
			b.WriteString("`t")
		case strings.ContainsRune("`$\"“”„", r):
			b.WriteString("`" + string(r))
		case isShown(r, utf8.RuneLen(r)):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "`u{%x}", r)
		}
	}
	return `"` + b.String() + `"`
}
