package cron

import (
	"strings"
	"unicode"
)

// NormalURL is s as it is stored: without blanks around it, with "http://" before it when it names no scheme, and with
// the second slash when one is missing. The rule is RuleNone unless s is a slip that can only fail, such as
// "https//example.com/" or "mailto:a@example.com".
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
		return s, Problem{} // what it is worth, ParseURL knows
	}
	if strings.HasPrefix(s, "//") {
		return "http:" + s, Problem{}
	}
	return "http://" + s, checkBare(s)
}

// cutWeb takes http or https, in any letter case, off the beginning of s, when no letter or digit follows.
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

// slip is what stands in place of "://" behind http or https; "" when the word may be the name of a host, as in
// "http:8080/path" and "http/path".
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

// isPort reports whether s begins with a number that nothing but a path, a query or a fragment follows.
func isPort(s string) bool {
	rest := strings.TrimLeft(s, "0123456789")
	return len(rest) < len(s) && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0)
}

// checkDoubled finds a scheme that was written twice: after is what follows web and "://" in s.
func checkDoubled(s, web, after string) Problem {
	again, rest := cutWeb(after)
	empty := strings.HasPrefix(rest, ":") && (len(rest) == 1 || strings.IndexByte(`/\?#`, rest[1]) >= 0) // a port
	if again == "" || !empty && !strings.HasPrefix(rest, "//") {
		return Problem{}
	}
	end := len(rest) - len(strings.TrimLeft(rest, `:/\`))
	return Problem{Rule: RuleURLStart, Given: s[:len(web)+len("://")+len(again)+end], Want: strings.ToLower(again) + "://"}
}

// notForWeb are schemes whose URLs look as if they had a host or user information.
var notForWeb = map[string]bool{
	"acct": true, "callto": true, "data": true, "facetime": true, "file": true, "ftp": true, "git": true, "im": true,
	"imap": true, "javascript": true, "jabber": true, "ldap": true, "mailto": true, "news": true, "nntp": true, "pop": true,
	"pres": true, "sftp": true, "sip": true, "sips": true, "skype": true, "sms": true, "ssh": true, "tel": true, "urn": true,
	"ws": true, "wss": true, "xmpp": true,
}

// checkBare finds out whether a text without "://" can be a host, which may have a port and user information before it.
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
		return Problem{} // a port that is left out (RFC 3986, section 3.2.3)
	case strings.Contains(name, "."):
		return Problem{Rule: RuleURLSyntax}
	}
	return Problem{Rule: RuleURLScheme, Given: name}
}

// userInfo is where the user information of a URL stands in its text, with the @ behind it; start equals end when there
// is none. It needs no valid URL.
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

// MaskURL is s with "xxxxx" in place of a password in it, for people and logs. A user without a password is masked too:
// services take tokens there.
func MaskURL(s string) string {
	start, end := userInfo(s)
	if end-start < len("t@") {
		return s
	}
	name, _, ok := strings.Cut(s[start:end-1], ":")
	if !ok {
		return s[:start] + "xxxxx@" + s[end:]
	}
	return s[:start] + name + ":xxxxx@" + s[end:]
}

// WithoutUser is s without user information; ok is false when there is none.
func WithoutUser(s string) (plain string, ok bool) {
	start, end := userInfo(s)
	return s[:start] + s[end:], start < end
}
