package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// EgressConfig has the flags of how executions leave the machine.
type EgressConfig struct {
	EgressProxy         EgressProxy    `name:"egress-proxy" env:"PUNCTUAL_EGRESS_PROXY" placeholder:"URL" help:"The proxy that executions go through: http://user:password@host:3128, https:// or socks5://. The service resolves the names of targets and asks the proxy for a tunnel to a checked address."`
	EgressProxyResolves bool           `name:"egress-proxy-resolves" env:"PUNCTUAL_EGRESS_PROXY_RESOLVES" help:"Let the proxy resolve the names of targets, for networks without public DNS. The service cannot check their addresses then, so the proxy must refuse those that jobs may not call."`
	EgressNoProxy       []EgressExcept `name:"egress-no-proxy" env:"PUNCTUAL_EGRESS_NO_PROXY" placeholder:"HOST" help:"Hosts, domains such as .example.com, addresses and ranges that executions call without the proxy."`
	EgressSource        []netip.Addr   `name:"egress-source" env:"PUNCTUAL_EGRESS_SOURCE" placeholder:"ADDRESS" help:"The address of this machine that executions come from; one IPv4 address, one IPv6 address or both. A family without an address is not used."`
	EgressResolver      EgressResolver `name:"egress-resolver" env:"PUNCTUAL_EGRESS_RESOLVER" placeholder:"ADDRESS:PORT" help:"The name server that resolves the names of targets; by default those of the machine. The default port is 53."`
	EgressCA            string         `name:"egress-ca" env:"PUNCTUAL_EGRESS_CA" placeholder:"FILE" help:"A PEM file with certificate authorities that executions trust in addition to those of the machine."`
}

// check reports flags that do not go together, and values that no flag's type rules out.
func (e *EgressConfig) check() error {
	switch proxy := e.EgressProxy.Host != ""; {
	case !proxy && e.EgressProxyResolves:
		return errors.New("--egress-proxy-resolves needs --egress-proxy, the proxy that resolves names")
	case !proxy && len(e.EgressNoProxy) > 0:
		return errors.New("--egress-no-proxy needs --egress-proxy, the proxy that is not used for these hosts")
	}
	families := map[bool]netip.Addr{}
	for _, a := range e.EgressSource {
		if a = a.Unmap(); a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
			return fmt.Errorf("--egress-source is %s, but must be an address of this machine, such as 192.0.2.7", a)
		}
		if other, ok := families[a.Is4()]; ok {
			return fmt.Errorf("--egress-source has %s and %s, but may have one IPv4 and one IPv6 address", other, a)
		}
		families[a.Is4()] = a
	}
	return nil
}

// EgressProxy is a proxy for connections to targets. The zero value is none. Printed, it is without the password.
type EgressProxy struct {
	Scheme         string // "http", "https" or "socks5"
	Host           string
	Port           uint16
	User, Password string
}

var (
	_ fmt.Stringer           = EgressProxy{}
	_ fmt.GoStringer         = EgressProxy{}
	_ slog.LogValuer         = EgressProxy{}
	_ encoding.TextMarshaler = EgressProxy{}
)

// proxyPorts are the default ports by scheme.
var proxyPorts = map[string]uint16{"http": 3128, "https": 443, "socks5": 1080}

// parseEgressProxy reads the URL of a proxy.
func parseEgressProxy(text string) (EgressProxy, error) {
	const example = "write it as http://user:password@proxy.example.com:3128, with https or socks5 as the scheme where the proxy needs that"
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || proxyPorts[u.Scheme] == 0 {
		// The text may contain a password, so it is not repeated.
		return EgressProxy{}, fmt.Errorf("it is not the URL of a proxy; %s, and with special characters of the password percent-encoded", example)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return EgressProxy{}, fmt.Errorf("a path, a query or a fragment has no meaning here; %s", example)
	}
	password, _ := u.User.Password()
	p := EgressProxy{Scheme: u.Scheme, Port: proxyPorts[u.Scheme], User: u.User.Username(), Password: password}
	if p.Host, err = parseName(u.Hostname()); err != nil {
		return EgressProxy{}, fmt.Errorf("%q is neither the name of a host nor an address; %s", u.Hostname(), example)
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return EgressProxy{}, fmt.Errorf("%q is not a port; %s", port, example)
		}
		p.Port = uint16(n)
	}
	switch {
	case p.User == "" && p.Password != "":
		return EgressProxy{}, fmt.Errorf("there is a password but no user; %s", example)
	case strings.Contains(p.User, ":"):
		return EgressProxy{}, errors.New("the user of the proxy may not contain a colon, which ends it in the request to the proxy")
	case len(p.User) > 255 || len(p.Password) > 255:
		return EgressProxy{}, errors.New("the user and the password of the proxy may have 255 bytes each")
	case strings.ContainsFunc(p.User+p.Password, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return EgressProxy{}, errors.New("the user and the password of the proxy may not contain control characters")
	}
	return p, nil
}

// parseName returns a host as names and addresses are compared: a name in lower case and ASCII, or an address without a zone.
func parseName(text string) (string, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return addr.Unmap().String(), nil
	}
	name := strings.TrimSuffix(text, ".")
	if strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }) {
		var err error
		if name, err = idna.Lookup.ToASCII(name); err != nil {
			return "", fmt.Errorf("convert the name of a host: %w", err)
		}
	}
	if len(name) > 253 || !dnsName(name) {
		return "", errors.New("not the name of a host")
	}
	return strings.ToLower(name), nil
}

// dnsName tells whether a text may be a name in the DNS. Names of containers have underscores and may have one part only. A name that ends
// in a number would be an address to others.
func dnsName(text string) bool {
	labels := strings.Split(text, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// Address is the host and the port.
func (p EgressProxy) Address() string { return net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port))) }

// String is the URL with a masked password, or empty.
func (p EgressProxy) String() string {
	switch {
	case p.Host == "":
		return ""
	case p.User != "":
		return p.Scheme + "://xxxxx@" + p.Address()
	}
	return p.Scheme + "://" + p.Address()
}

// GoString implements fmt.GoStringer.
func (p EgressProxy) GoString() string { return strconv.Quote(p.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON.
func (p EgressProxy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// LogValue implements slog.LogValuer.
func (p EgressProxy) LogValue() slog.Value { return slog.StringValue(p.String()) }

// EgressExcept is a target that is called without the proxy: a name, or a range of addresses.
type EgressExcept struct {
	Name    string // in lower case and ASCII; with a dot in front, for subdomains only
	Address netip.Prefix
}

// String is the name or the range; an address alone is without the length of a range.
func (e EgressExcept) String() string {
	switch {
	case e.Name != "":
		return e.Name
	case e.Address.IsSingleIP():
		return e.Address.Addr().String()
	}
	return e.Address.String()
}

// parseEgressExcept reads a host, a domain, an address or a range.
func parseEgressExcept(text string) (EgressExcept, error) {
	if prefix, err := parsePrefix(text); err == nil {
		return EgressExcept{Address: prefix}, nil
	}
	name, subdomains := strings.CutPrefix(strings.TrimPrefix(text, "*"), ".")
	name, err := parseName(name)
	if err != nil || strings.HasPrefix(text, "*") && !subdomains {
		return EgressExcept{}, fmt.Errorf("%q is not a host, domain, address or range; write app.example.com, .example.com, 192.0.2.7 or 10.0.0.0/8, "+
			"without scheme and port", text)
	}
	if subdomains {
		name = "." + name
	}
	return EgressExcept{Name: name}, nil
}

// EgressResolver is the address and port of a name server. The zero value is none.
type EgressResolver struct{ netip.AddrPort }

// parseEgressResolver reads an address, with or without a port.
func parseEgressResolver(text string) (EgressResolver, error) {
	server, err := netip.ParseAddrPort(text)
	if err != nil {
		var addr netip.Addr
		if addr, err = netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
			server = netip.AddrPortFrom(addr, 53)
		}
	}
	if err != nil || server.Port() == 0 || server.Addr().IsUnspecified() || server.Addr().IsMulticast() {
		return EgressResolver{}, fmt.Errorf("%q is not the address of a name server; write 192.0.2.53, 192.0.2.53:53 or [2001:db8::53]:53, not a name", text)
	}
	return EgressResolver{netip.AddrPortFrom(server.Addr().Unmap(), server.Port())}, nil
}
