package cron

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Method is an HTTP method. The numbers are those of the cron-job.org API.
type Method int

// The methods.
const (
	MethodGet Method = iota
	MethodPost
	MethodOptions
	MethodHead
	MethodPut
	MethodDelete
	MethodTrace
	MethodConnect
	MethodPatch
)

var methodNames = [...]string{"GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE", "TRACE", "CONNECT", "PATCH"}

// Idempotent reports whether a request with the method can be repeated without another effect than that of the first (RFC 9110,
// section 9.2.2).
func (m Method) Idempotent() bool {
	return m != MethodPost && m != MethodPatch && m != MethodConnect
}

// Valid reports whether m is one of the methods.
func (m Method) Valid() bool { return m >= 0 && int(m) < len(methodNames) }

// String is the name of the method in HTTP.
func (m Method) String() string {
	if !m.Valid() {
		return "Method(" + strconv.Itoa(int(m)) + ")"
	}
	return methodNames[m]
}

// ParseMethod finds a method by its name, ignoring case.
func ParseMethod(name string) (Method, bool) {
	for i, n := range methodNames {
		if strings.EqualFold(n, name) {
			return Method(i), true
		}
	}
	return 0, false
}

// SendsBody reports whether the body of a job is sent with the method.
func (m Method) SendsBody() bool {
	return m == MethodPost || m == MethodPut || m == MethodPatch || m == MethodDelete
}

// Request is what a job sends. URL, header values and Body can contain placeholders (see Call.Expand), so URL may not be a
// valid URL before they are replaced.
type Request struct {
	URL     string
	Method  Method
	Headers []Header // in the order given; names are HTTP tokens, names and values not empty and without CR and LF
	Body    string
	Auth    BasicAuth
}

// Header is one header field.
type Header struct{ Name, Value string }

// BasicAuth is the credentials of HTTP basic authentication (RFC 7617).
type BasicAuth struct {
	Enable         bool
	User, Password string
}

// urlScheme is the text before "://" in s. It must have the form of a scheme (RFC 3986, section 3.1), as opposed to that in
// "example.com/?to=http://example.org".
func urlScheme(s string) (scheme string, ok bool) {
	scheme, _, ok = strings.Cut(s, "://")
	for i := range len(scheme) {
		c := scheme[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		ok = ok && (letter || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'))
	}
	return scheme, ok && scheme != ""
}

// TargetHost is the host and port of a URL as written, in lower case, by which executions in flight to one host are
// limited. It works on the text, before placeholders are replaced.
func TargetHost(rawURL string) string {
	_, rest, _ := strings.Cut(rawURL, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return strings.ToLower(rest[strings.LastIndexByte(rest, '@')+1:])
}

// ParseURL parses a URL without placeholders. The rule is RuleNone if it can be requested: http or https with a host.
func ParseURL(s string) (*url.URL, Problem) {
	if scheme, ok := urlScheme(s); ok && !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return nil, Problem{Rule: RuleURLScheme, Given: scheme}
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, Problem{Rule: RuleURLSyntax}
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, Problem{Rule: RuleURLScheme, Given: u.Scheme}
	}
	if u.Hostname() == "" {
		return nil, Problem{Rule: RuleURLHost}
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, Problem{Rule: RuleURLSyntax}
		}
	}
	return u, Problem{}
}

// check adds what is wrong with the request.
func (r *Request) check(c *Checker) {
	switch {
	case c.has("/url"): // its problem has been reported
	case r.URL == "":
		c.Add("/url", Problem{Rule: RuleMandatory})
	case len(r.URL) > MaxURLLength:
		c.Add("/url", Problem{Rule: RuleTooLong, Limit: MaxURLLength, Unit: UnitBytes})
	case !utf8.ValidString(r.URL):
		c.Add("/url", Problem{Rule: RuleNotText})
	default:
		if p := checkURL(r.URL); p.Rule != RuleNone {
			c.Add("/url", p)
		}
	}
	for _, credential := range [...]struct{ pointer, text string }{
		{"/auth/user", r.Auth.User}, {"/auth/password", r.Auth.Password},
	} {
		c.Text(credential.pointer, credential.text, MaxCredentialLength)
	}
	if !r.Method.Valid() {
		c.unknown("/requestMethod", int(r.Method))
	}
	total := 0
	for _, h := range r.Headers {
		total += len(h.Name) + len(h.Value)
		switch {
		case !IsToken(h.Name):
			c.Add("/extendedData/headers", Problem{Rule: RuleHeaderName, Given: h.Name})
		case !isFieldValue(h.Value):
			c.Add("/extendedData/headers", Problem{Rule: RuleControlCharacter, Given: h.Name})
		case !utf8.ValidString(h.Value):
			c.Add("/extendedData/headers", Problem{Rule: RuleNotText})
		}
	}
	if total > MaxHeaderLength {
		c.Add("/extendedData/headers", Problem{Rule: RuleTooLong, Limit: MaxHeaderLength, Unit: UnitBytes})
	}
	c.Text("/extendedData/body", r.Body, MaxBodyLength)
}

// normalize removes headers without a name or a value, and normalises the others.
func (r *Request) normalize() {
	var headers []Header
	for _, h := range r.Headers {
		if h = h.Normal(); h.Name != "" && h.Value != "" {
			headers = append(headers, h)
		}
	}
	r.Headers = headers
}

// Normal is the header as it is stored: name and value without line breaks, and without spaces around them.
func (h Header) Normal() Header {
	oneLine := func(s string) string { return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(s)) }
	return Header{oneLine(h.Name), oneLine(h.Value)}
}

// checkURL reports what is wrong with a URL that can contain placeholders. They must not change the scheme, the host or the
// port, since a job has one target. Credentials can have secrets only.
func checkURL(s string) Problem {
	u, p := ParseURL(SampleURL(s))
	if p.Rule != RuleNone || placeholders(s) == 0 {
		return p
	}
	for _, other := range [...]string{sample(s, "2", "1"), sample(s, "1", "2")} {
		v, p := ParseURL(other)
		if p.Rule != RuleNone || u.Scheme != v.Scheme || u.Host != v.Host {
			return Problem{Rule: RuleURLPlaceholder}
		}
	}
	if v, _ := ParseURL(sample(s, "2", "1")); u.User.String() != v.User.String() {
		return Problem{Rule: RuleURLPlaceholder}
	}
	return Problem{}
}

// IsToken reports whether s is a token (RFC 9110, section 5.6.2), which a header name must be.
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s can be a header value (RFC 9110, section 5.5): no control character except tab.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
