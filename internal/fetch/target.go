package fetch

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"punctual/internal/cron"
)

// target is the parsed URL of a request.
type target struct {
	tls      bool
	name     string     // the host as the user wrote it
	host     string     // a domain name in ASCII, or addr without its zone
	addr     netip.Addr // valid when the host is an address
	port     uint16
	resource string // the request target of the request line
	user     *url.Userinfo
}

// errHost is the error for an invalid host.
var errHost = errors.New("fetch: invalid host")

// parseTarget parses the URL of r. The error is a *fault.
func parseTarget(r *cron.Request) (target, error) {
	u, problem := cron.ParseURL(r.URL)
	if problem.Rule != cron.RuleNone || !r.Method.Valid() {
		return target{}, &fault{status: cron.StatusInvalidURL, fault: cron.FaultInvalidURL}
	}
	t := target{tls: u.Scheme == "https", name: u.Hostname(), user: u.User}
	var err error
	if t.host, t.addr, err = parseHost(t.name, strings.HasPrefix(u.Host, "[")); err != nil {
		return target{}, &fault{status: cron.StatusInvalidURL, fault: cron.FaultInvalidURL, err: err}
	}
	t.port = t.defaultPort()
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil { // ParseURL has checked the range
		t.port = uint16(port)
	}
	if r.Method == cron.MethodConnect {
		t.resource = t.authority()
	} else {
		t.resource = resource(u)
	}
	return t, nil
}

func (t *target) defaultPort() uint16 {
	if t.tls {
		return 443
	}
	return 80
}

// authority is host:port, with brackets around an IPv6 address.
func (t *target) authority() string {
	return bracketed(t.host) + ":" + strconv.Itoa(int(t.port))
}

// hostField is the value of the Host header. It omits the default port of the scheme.
func (t *target) hostField() string {
	if t.port == t.defaultPort() {
		return bracketed(t.host)
	}
	return t.authority()
}

// serverName is the name for SNI and certificate verification, without a trailing dot (RFC 6066, section 3).
func (t *target) serverName() string { return strings.TrimSuffix(t.host, ".") }

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// parseHost parses the host of a URL, given without brackets: a domain name, returned in ASCII, or an IP address. literal
// says whether the URL has brackets. As in the WHATWG URL Standard, a host that ends in a number is an IPv4 address, also
// in the notations "2130706433", "0x7f.1" and "0177.0.0.1", or invalid. So the resolver, which may interpret such a host
// in another way, never gets it.
func parseHost(name string, literal bool) (string, netip.Addr, error) {
	if literal {
		addr, err := netip.ParseAddr(name)
		if err != nil || !addr.Is6() {
			return "", netip.Addr{}, errHost
		}
		return addr.WithZone("").String(), addr.Unmap(), nil
	}
	host := name
	if !isASCII(name) {
		var err error
		if host, err = idna.Lookup.ToASCII(name); err != nil {
			return "", netip.Addr{}, errHost
		}
	}
	host = strings.ToLower(host)
	if endsInNumber(host) {
		addr, ok := parseIPv4(host)
		if !ok {
			return "", netip.Addr{}, errHost
		}
		return addr.String(), addr, nil
	}
	if !isDomainName(host) {
		return "", netip.Addr{}, errHost
	}
	return host, netip.Addr{}, nil
}

// isDomainName reports whether name is a valid domain name (RFC 1035, section 2.3.4): at most 253 bytes, in labels of 1 to
// 63 bytes that neither begin nor end with a hyphen, optionally with a trailing dot.
func isDomainName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.IndexFunc(label, func(r rune) bool { return !isLabelByte(r) }) >= 0 {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// isLabelByte reports whether r may stand in a part of a name: letters, digits and hyphen, and the underscore that service
// names in container networks have.
func isLabelByte(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

// endsInNumber is the "ends in a number checker" of the WHATWG URL Standard.
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return false
	}
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	return strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == ""
}

// parseIPv4 is the IPv4 parser of the WHATWG URL Standard.
func parseIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, part := range parts {
		n, ok := parseIPv4Number(part)
		if !ok {
			return netip.Addr{}, false
		}
		if i == len(parts)-1 {
			rest := 8 * (4 - i) // bits of the last part
			if n >= 1<<rest {
				return netip.Addr{}, false
			}
			value = value<<rest | n
		} else {
			if n > 255 {
				return netip.Addr{}, false
			}
			value = value<<8 | n
		}
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// parseIPv4Number parses a decimal, octal (leading 0) or hexadecimal (leading 0x) number.
func parseIPv4Number(s string) (uint64, bool) {
	base := 10
	switch {
	case s == "":
		return 0, false
	case s == "0x":
		return 0, true
	case strings.HasPrefix(s, "0x"):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	n, err := strconv.ParseUint(s, base, 40)
	return n, err == nil
}

// resource is the path and query as the user wrote them, percent-encoded as browsers do (the path and special-query
// percent-encode sets of the WHATWG URL Standard).
func resource(u *url.URL) string {
	path := u.RawPath
	if path == "" {
		path = u.EscapedPath()
	}
	if path == "" {
		path = "/"
	}
	path = percentEncode(path, " \"#<>?^`{}")
	if u.RawQuery != "" || u.ForceQuery {
		path += "?" + percentEncode(u.RawQuery, " \"#<>'")
	}
	return path
}

// percentEncode encodes control characters, spaces, non-ASCII bytes and the bytes of set.
func percentEncode(s, set string) string {
	must := func(c byte) bool { return c <= ' ' || c >= 0x7f || strings.IndexByte(set, c) >= 0 }
	i := 0
	for i < len(s) && !must(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := []byte(s[:i])
	for ; i < len(s); i++ {
		if must(s[i]) {
			b = append(b, '%', hex[s[i]>>4], hex[s[i]&15])
		} else {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// requestedURL is s as the history shows it: without the fragment and with a masked password. s may be invalid.
func requestedURL(s string) string {
	s, _, _ = strings.Cut(s, "#")
	s = clean(s, len(s))
	return cron.MaskURL(s)
}
