package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestEgressProxy(t *testing.T) {
	for given, want := range map[string]EgressProxy{
		"http://proxy.example.com:8080":              {Scheme: "http", Host: "proxy.example.com", Port: 8080},
		"http://proxy":                               {Scheme: "http", Host: "proxy", Port: 3128},
		"https://Proxy.example.com./":                {Scheme: "https", Host: "proxy.example.com", Port: 443},
		"socks5://192.0.2.7":                         {Scheme: "socks5", Host: "192.0.2.7", Port: 1080},
		"http://[2001:db8::7]:80":                    {Scheme: "http", Host: "2001:db8::7", Port: 80},
		"http://[::ffff:192.0.2.7]":                  {Scheme: "http", Host: "192.0.2.7", Port: 3128},
		"http://jane%40example.com:p%2Fss%40@a_b:80": {Scheme: "http", Host: "a_b", Port: 80, User: "jane@example.com", Password: "p/ss@"},
		"socks5://bücher.example":                    {Scheme: "socks5", Host: "xn--bcher-kva.example", Port: 1080},
	} {
		if got, err := parseEgressProxy(given); got != want || err != nil {
			t.Errorf("%s is read as %+v, %v", given, got, err)
		}
	}
	for given, says := range map[string]string{
		"proxy.example.com":                "URL of a proxy",
		"proxy.example.com:3128":           "URL of a proxy",
		"ftp://proxy":                      "URL of a proxy",
		"socks5h://proxy":                  "URL of a proxy",
		"http://":                          "URL of a proxy",
		"http://proxy:":                    "URL of a proxy",
		"http://jane:hidden/slash@proxy":   "",
		"http://jane:hid%zzden@proxy":      "percent-encoded",
		"http://proxy/path":                "no meaning",
		"http://proxy?hidden":              "no meaning",
		"http://proxy#hidden":              "no meaning",
		"http://proxy:0":                   "not a port",
		"http://proxy:99999":               "not a port",
		"http://:hidden@proxy":             "no user",
		"http://a%3Ab:hidden@proxy":        "colon",
		"http://jane:hidden%0d%0aX@proxy":  "control characters",
		"http://a..b":                      "name of a host",
		"http://1.2.3":                     "name of a host",
		"http://[fe80::1%25eth0]":          "name of a host",
		"http://jane:hidden@pro%20xy:3128": "",
		"http://jane:" + strings.Repeat("hidden", 50) + "@proxy": "255 bytes",
	} {
		_, err := parseEgressProxy(given)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s is refused with: %v", given, err)
		}
	}
}

// TestEgressProxyIsMasked prints a proxy in all usual ways.
func TestEgressProxyIsMasked(t *testing.T) {
	c, err := Parse([]string{"serve", "--egress-proxy", "http://jane:hidden@proxy:80"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("proxy", c.Serve.EgressProxy), slog.Any("all", c.Serve.EgressConfig))
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("proxy", c.Serve.EgressProxy), slog.Any("all", c.Serve.EgressConfig))
	text := fmt.Sprintf("%v %+v %#v %s %v %+v %#v", c.Serve.EgressProxy, c.Serve.EgressProxy, c.Serve.EgressProxy, c.Serve.EgressProxy, c, c, c) + log.String()
	inJSON, err := json.Marshal(c)
	text += string(inJSON)
	if err != nil || strings.Contains(text, "hidden") || strings.Contains(text, "jane") || !strings.Contains(text, "http://xxxxx@proxy:80") {
		t.Error(err, text)
	}
}

func TestEgressFlags(t *testing.T) {
	c, err := Parse([]string{"serve", "--egress-proxy=http://proxy", "--egress-no-proxy=App.example.com, .example.net,*.example.org", "--egress-no-proxy",
		"192.0.2.7,10.1.2.3/8,2001:db8::/32", "--egress-source=192.0.2.8", "--egress-source=2001:db8::8", "--egress-resolver=192.0.2.53",
		"--egress-ca=ca.pem", "--egress-proxy-resolves"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	e := &c.Serve.EgressConfig
	var except []string
	for _, x := range e.EgressNoProxy {
		except = append(except, x.String())
	}
	if want := strings.Fields("app.example.com .example.net .example.org 192.0.2.7 10.0.0.0/8 2001:db8::/32"); !slices.Equal(except, want) {
		t.Errorf("the exceptions are %q", except)
	}
	if len(e.EgressSource) != 2 || e.EgressResolver.String() != "192.0.2.53:53" || e.EgressCA != "ca.pem" || !e.EgressProxyResolves {
		t.Errorf("%+v", e)
	}
	for flags, says := range map[string]string{
		"--egress-proxy-resolves":                                   "needs --egress-proxy",
		"--egress-no-proxy a.example":                               "needs --egress-proxy",
		"--egress-proxy http://p --egress-no-proxy http://a":        "without scheme",
		"--egress-proxy http://p --egress-no-proxy a.example:80":    "without scheme",
		"--egress-proxy http://p --egress-no-proxy *":               "without scheme",
		"--egress-proxy http://p --egress-no-proxy *example.com":    "without scheme",
		"--egress-source host.example":                              "not an address",
		"--egress-source 0.0.0.0":                                   "an address of this machine",
		"--egress-source fe80::1%lo":                                "an address of this machine",
		"--egress-source 192.0.2.1,192.0.2.2":                       "one IPv4 and one IPv6",
		"--egress-source ::1 --egress-source ::2":                   "one IPv4 and one IPv6",
		"--egress-source ::ffff:192.0.2.1 --egress-source 1.1.1.1 ": "one IPv4 and one IPv6",
		"--egress-resolver dns.example.com":                         "not a name",
		"--egress-resolver 192.0.2.53:0":                            "not a name",
		"--egress-resolver 0.0.0.0":                                 "not a name",
	} {
		_, err := Parse(append([]string{"serve"}, strings.Fields(flags)...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s is refused with: %v", flags, err)
		}
	}
	for given, want := range map[string]string{"192.0.2.53:5353": "192.0.2.53:5353", "2001:db8::53": "[2001:db8::53]:53", "[2001:db8::53]:54": "[2001:db8::53]:54",
		"[::ffff:192.0.2.53]:53": "192.0.2.53:53"} {
		if got, err := parseEgressResolver(given); err != nil || got != (EgressResolver{netip.MustParseAddrPort(want)}) {
			t.Errorf("%s is read as %v, %v", given, got, err)
		}
	}
}
