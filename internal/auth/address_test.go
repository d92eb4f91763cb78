package auth_test

import (
	"crypto/tls"
	"net/http/httptest"
	"net/netip"
	"testing"

	"punctual/internal/auth"
)

func prefixes(list ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, p := range list {
		parsed = append(parsed, netip.MustParsePrefix(p))
	}
	return parsed
}

func TestClientAddress(t *testing.T) {
	trusted := auth.Proxies(prefixes("10.0.0.0/8", "fd00::/8", "192.0.2.1/32"))
	for _, tt := range []struct {
		name      string
		proxies   auth.Proxies
		peer      string
		forwarded []string
		want      string
	}{
		{"no proxy", nil, "198.51.100.7:4711", nil, "198.51.100.7"},
		{"no proxy, but a header", nil, "198.51.100.7:4711", []string{"203.0.113.9"}, "198.51.100.7"},
		{"a peer that is not trusted", trusted, "198.51.100.7:4711", []string{"203.0.113.9"}, "198.51.100.7"},
		{"behind a proxy", trusted, "10.1.2.3:80", []string{"203.0.113.9"}, "203.0.113.9"},
		{"what the client claims does not count", trusted, "10.1.2.3:80", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		{"garbage before does not count", trusted, "10.1.2.3:80", []string{"x, , 203.0.113.9"}, "203.0.113.9"},
		{"several proxies", trusted, "10.1.2.3:80", []string{"203.0.113.9, 192.0.2.1,10.9.9.9"}, "203.0.113.9"},
		{"several headers", trusted, "10.1.2.3:80", []string{"1.1.1.1", "203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		{"the nearest one, not the first", trusted, "10.1.2.3:80", []string{"203.0.113.9, 203.0.113.10"}, "203.0.113.10"},
		{"empty entries", trusted, "10.1.2.3:80", []string{" , 203.0.113.9 ,, "}, "203.0.113.9"},
		{"nothing but proxies", trusted, "10.1.2.3:80", []string{"10.7.7.7, 10.8.8.8"}, "10.7.7.7"},
		{"no header", trusted, "10.1.2.3:80", nil, "10.1.2.3"},
		{"garbage", trusted, "10.1.2.3:80", []string{"203.0.113.9, unknown"}, ""},
		{"with a port", trusted, "10.1.2.3:80", []string{"203.0.113.9:5555"}, "203.0.113.9"},
		{"IPv6", trusted, "[fd00::1]:80", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 in brackets", trusted, "[fd00::1]:80", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6 with a port", trusted, "[fd00::1]:80", []string{"[2001:db8::7]:99"}, "2001:db8::7"},
		{"IPv6 with a zone", nil, "[fe80::1%eth0]:80", nil, "fe80::1"},
		{"IPv4 in IPv6", trusted, "[::ffff:10.1.2.3]:80", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"no address at all", trusted, "@", nil, ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		for _, f := range tt.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		var want netip.Addr
		if tt.want != "" {
			want = netip.MustParseAddr(tt.want)
		}
		if got := tt.proxies.Client(r); got != want {
			t.Errorf("%s: %v, want %v", tt.name, got, want)
		}
	}
}

func TestSecure(t *testing.T) {
	trusted := auth.Proxies(prefixes("10.0.0.0/8"))
	for _, tt := range []struct {
		name      string
		proxies   auth.Proxies
		peer      string
		tls       bool
		forwarded []string
		want      bool
	}{
		{"plain HTTP", nil, "198.51.100.7:4711", false, nil, false},
		{"TLS", nil, "198.51.100.7:4711", true, nil, true},
		{"TLS from a proxy that speaks HTTP to its client", trusted, "10.1.2.3:80", true, []string{"http"}, true},
		{"a peer that is not trusted", trusted, "198.51.100.7:4711", false, []string{"https"}, false},
		{"no proxy is trusted", nil, "10.1.2.3:80", false, []string{"https"}, false},
		{"a trusted proxy", trusted, "10.1.2.3:80", false, []string{"https"}, true},
		{"a trusted proxy in IPv6 notation", trusted, "[::ffff:10.1.2.3]:80", false, []string{"https"}, true},
		{"capital letters", trusted, "10.1.2.3:80", false, []string{"HTTPS"}, true},
		{"a proxy that speaks HTTP to its client", trusted, "10.1.2.3:80", false, []string{"http"}, false},
		{"a proxy that adds no header", trusted, "10.1.2.3:80", false, nil, false},
		{"what the client claims does not count", trusted, "10.1.2.3:80", false, []string{"https, http"}, false},
		{"what the client claims in a header of its own does not count", trusted, "10.1.2.3:80", false,
			[]string{"https", "http"}, false},
		{"the nearest proxy counts", trusted, "10.1.2.3:80", false, []string{"http, https"}, true},
		{"an empty last value", trusted, "10.1.2.3:80", false, []string{"https,"}, false},
		{"garbage", trusted, "10.1.2.3:80", false, []string{"https://"}, false},
		{"no address at all", trusted, "@", false, []string{"https"}, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		if tt.tls {
			r.TLS = new(tls.ConnectionState)
		}
		r.Header["X-Forwarded-Proto"] = tt.forwarded
		if got := tt.proxies.Secure(r); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestNetworks(t *testing.T) {
	for addr, want := range map[string][2]string{
		"192.0.2.7":         {"192.0.2.7/32", "192.0.2.7/32"},
		"::ffff:192.0.2.7":  {"192.0.2.7/32", "192.0.2.7/32"},
		"2001:db8:1:2:3::4": {"2001:db8:1:2::/64", "2001:db8:1::/48"},
		"fe80::1%eth0":      {"fe80::/64", "fe80::/48"},
		"::1":               {"::/64", "::/48"},
	} {
		a := netip.MustParseAddr(addr)
		if got := [2]string{auth.NetworkOf(a).String(), auth.SiteOf(a).String()}; got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
	if auth.NetworkOf(netip.Addr{}).IsValid() {
		t.Error("no address has a network")
	}
}
