package cron

import (
	"strings"
	"unicode"
)

// NormalURL returns s as it is stored: without surrounding white space, with "http://" if it has no scheme, and with "//"
// if one slash is missing. The Problem is set if s is a typing error that cannot work, such as "https//example.com/" or
// "mailto:a@example.com".
func NormalURL(s string) (string, Problem) {
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' })
	if web, rest := cutWeb(s); web != "" {
		if after, ok := strings.CutPrefix(rest, "://"); ok {
			return s, checkDoubled(s, web, after)
		}
		if after, ok := strings.CutPrefix(rest, ":/"); ok {
			return web + "://" + after, Problem{}
		}
		if given := slip(rest); given != "" {
			return s, Problem{Rule: RuleURLStart, Given: web + given, Want: strings.ToLower(web) + "://"}
		}
	}
	if _, ok := urlScheme(s); ok || s == "" {
		return s, Problem{} // ParseURL checks the rest
	}
	if strings.HasPrefix(s, "//") {
		return "http:" + s, Problem{}
	}
	return "http://" + s, checkBare(s)
}

// cutWeb cuts http or https from the start of s, ignoring case, if no letter or digit follows.
func cutWeb(s string) (web, rest string) {
	for _, web := range [...]string{"https", "http"} {
		if len(s) < len(web) || !strings.EqualFold(s[:len(web)], web) {
			continue
		}
		rest := s[len(web):]
		if rest == "" || !isAlphanumeric(rest[0]) {
			return s[:len(web)], rest
		}
	}
	return "", s
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// slip returns the characters after http or https that are a misspelt "://". It is "" if http may be the name of a host,
// as in "http:8080/path" and "http/path".
func slip(rest string) string {
	marks := rest[:len(rest)-len(strings.TrimLeft(rest, ":;,. '\"|\\/\t"))]
	switch {
	case strings.HasPrefix(rest, ":"):
		if isPort(rest[1:]) {
			return ""
		}
		return marks
	case strings.Contains(marks, "//"), strings.Contains(marks, `\`), strings.ContainsAny(strings.TrimLeft(marks, "/"), "/") &&
		marks[0] != '/':
		return marks
	}
	return ""
}

// isPort reports whether s starts with a number, followed by a path, a query, a fragment or the end.
func isPort(s string) bool {
	rest := strings.TrimLeft(s, "0123456789")
	return len(rest) < len(s) && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0)
}

// checkDoubled finds a repeated scheme, as in "http://https://". after is the part of s after web and "://".
func checkDoubled(s, web, after string) Problem {
	again, rest := cutWeb(after)
	empty := strings.HasPrefix(rest, ":") && (len(rest) == 1 || strings.IndexByte(`/\?#`, rest[1]) >= 0) // a port
	if again == "" || !empty && !strings.HasPrefix(rest, "//") {
		return Problem{}
	}
	end := len(rest) - len(strings.TrimLeft(rest, `:/\`))
	return Problem{Rule: RuleURLStart, Given: s[:len(web)+len("://")+len(again)+end], Want: strings.ToLower(again) + "://"}
}

// notForWeb are schemes other than http and https whose URLs could be mistaken for host:port or user:password@host.
var notForWeb = map[string]bool{
	"acct": true, "callto": true, "data": true, "facetime": true, "file": true, "ftp": true, "git": true, "im": true,
	"imap": true, "javascript": true, "jabber": true, "ldap": true, "mailto": true, "news": true, "nntp": true, "pop": true,
	"pres": true, "sftp": true, "sip": true, "sips": true, "skype": true, "sms": true, "ssh": true, "tel": true, "urn": true,
	"ws": true, "wss": true, "xmpp": true,
}

// checkBare checks whether s, which has no "://", can start with a host, with optional user information and port.
func checkBare(s string) Problem {
	authority := s
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		authority = s[:i]
	}
	name, rest, ok := strings.Cut(authority, ":")
	if _, isScheme := urlScheme(name + "://"); !ok || !isScheme || isPort(rest) {
		return Problem{}
	}
	switch {
	case strings.Contains(rest, "@") && !notForWeb[strings.ToLower(name)]:
		return Problem{} // user and password
	case strings.Contains(name, ".") && rest == "":
		return Problem{} // an empty port (RFC 3986, section 3.2.3)
	case strings.Contains(name, "."):
		return Problem{Rule: RuleURLSyntax}
	}
	return Problem{Rule: RuleURLScheme, Given: name}
}

// userInfo returns the position of the user information in a URL, including the @. start equals end if there is none. The
// URL may be invalid.
func userInfo(s string) (start, end int) {
	if i := strings.Index(s, ":"); i > 0 && i+1 < len(s) && (s[i+1] == '/' || s[i+1] == '\\') &&
		!strings.ContainsAny(s[:i], "/?#@") {
		start = i + 1
	}
	start = len(s) - len(strings.TrimLeft(s[start:], `/\`))
	end = len(s)
	if i := strings.IndexAny(s[start:], "/?#"); i >= 0 {
		end = start + i
	}
	return start, start + strings.LastIndexByte(s[start:end], '@') + 1
}

// Masked stands for a credential that is not shown.
const Masked = "xxxxx"

// MaskURL replaces the password in s by Masked, for display and logs. A user name without a password is masked too, since
// some services take a token there.
func MaskURL(s string) string {
	start, end := userInfo(s)
	if end-start < len("t@") {
		return s
	}
	colon := userEnd(s[start : end-1])
	if colon < 0 {
		return s[:start] + Masked + "@" + s[end:]
	}
	return s[:start+colon] + ":" + Masked + "@" + s[end:]
}

// userEnd is the position of the colon between user and password, which is not in a placeholder; -1 when there is none.
func userEnd(credentials string) int {
	for i := 0; i < len(credentials); i++ {
		if credentials[i] == ':' {
			return i
		}
		if credentials[i] == '%' {
			if _, length, _ := placeholderAt(credentials[i:]); length > 0 {
				i += length - 1
			}
		}
	}
	return -1
}

// WithoutUser returns s without its user information. ok is false if it has none.
func WithoutUser(s string) (plain string, ok bool) {
	start, end := userInfo(s)
	return s[:start] + s[end:], start < end
}
