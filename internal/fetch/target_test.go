package fetch

import (
	"testing"

	"punctual/internal/cron"
)

func TestParseTarget(t *testing.T) {
	for _, row := range []struct {
		url       string
		host      string // for the Host header
		dialled   string // host and port
		server    string // for TLS
		resource  string
		isAddress bool
	}{
		{"http://example.test", "example.test", "example.test:80", "example.test", "/", false},
		{"https://example.test", "example.test", "example.test:443", "example.test", "/", false},
		{"HTTP://EXAMPLE.Test/A", "example.test", "example.test:80", "example.test", "/A", false},
		{"http://example.test:80/", "example.test", "example.test:80", "example.test", "/", false},
		{"http://example.test:443/", "example.test:443", "example.test:443", "example.test", "/", false},
		{"https://example.test:80/", "example.test:80", "example.test:80", "example.test", "/", false},
		{"http://example.test:/", "example.test", "example.test:80", "example.test", "/", false},
		{"http://example.test./", "example.test.", "example.test.:80", "example.test", "/", false},
		{"http://my_service:8080/", "my_service:8080", "my_service:8080", "my_service", "/", false},
		{"http://user:secret@example.test/", "example.test", "example.test:80", "example.test", "/", false},
		{"http://b\u00fccher.test/", "xn--bcher-kva.test", "xn--bcher-kva.test:80", "xn--bcher-kva.test", "/", false},
		{"http://B\u00dcCHER.test/", "xn--bcher-kva.test", "xn--bcher-kva.test:80", "xn--bcher-kva.test", "/", false},
		{"http://b%C3%BCcher.test/", "xn--bcher-kva.test", "xn--bcher-kva.test:80", "xn--bcher-kva.test", "/", false},
		{"http://xn--bcher-kva.test/", "xn--bcher-kva.test", "xn--bcher-kva.test:80", "xn--bcher-kva.test", "/", false},
		{"http://\u4f8b\u3048\u3002\u30c6\u30b9\u30c8/", "xn--r8jz45g.xn--zckzah", "xn--r8jz45g.xn--zckzah:80",
			"xn--r8jz45g.xn--zckzah", "/", false},
		{"http://192.0.2.1/", "192.0.2.1", "192.0.2.1:80", "192.0.2.1", "/", true},
		{"http://0xc0.0.0x201:8080/", "192.0.2.1:8080", "192.0.2.1:8080", "192.0.2.1", "/", true},
		{"http://[2001:db8::1]/", "[2001:db8::1]", "[2001:db8::1]:80", "2001:db8::1", "/", true},
		{"http://[2001:DB8:0::1]:8080/", "[2001:db8::1]:8080", "[2001:db8::1]:8080", "2001:db8::1", "/", true},
		{"http://[fe80::1%25eth0]:8080/", "[fe80::1]:8080", "[fe80::1]:8080", "fe80::1", "/", true},
		{"http://example.test?q", "example.test", "example.test:80", "example.test", "/?q", false},
		{"http://example.test/?", "example.test", "example.test:80", "example.test", "/?", false},
		{"http://example.test/#top", "example.test", "example.test:80", "example.test", "/", false},
		{"http://example.test/?a#top?b", "example.test", "example.test:80", "example.test", "/?a", false},
		{"http://example.test/a%2Fb/%c3%bc", "example.test", "example.test:80", "example.test", "/a%2Fb/%c3%bc", false},
		{"http://example.test/a%2Fb/\u00fc", "example.test", "example.test:80", "example.test", "/a%2Fb/%C3%BC", false},
		{"http://example.test/a b?c d", "example.test", "example.test:80", "example.test", "/a%20b?c%20d", false},
		{"http://example.test/{a}|[b]", "example.test", "example.test:80", "example.test", "/%7Ba%7D|[b]", false},
		{"http://example.test/?a[]={b}|'\"<>\u00fc%zz", "example.test", "example.test:80", "example.test",
			"/?a[]={b}|%27%22%3C%3E%C3%BC%zz", false},
		{"http://example.test//a/../b;c=d,e", "example.test", "example.test:80", "example.test",
			"//a/../b;c=d,e", false},
	} {
		got, err := parseTarget(&cron.Request{URL: row.url})
		if err != nil {
			t.Errorf("%s: %v", row.url, err)
			continue
		}
		if got.hostField() != row.host || got.authority() != row.dialled || got.serverName() != row.server ||
			got.resource != row.resource || got.addr.IsValid() != row.isAddress {
			t.Errorf("%s: host %q, dialled %q, server %q, resource %q, address %v", row.url,
				got.hostField(), got.authority(), got.serverName(), got.resource, got.addr)
		}
	}
}

func TestRequestedURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://example.test/a?b#c":                     "http://example.test/a?b",
		"http://user:secret@example.test/a@b:c":         "http://user:xxxxx@example.test/a@b:c",
		"http://user:sec@ret@example.test?a@b":          "http://user:xxxxx@example.test?a@b",
		"http://token@example.test/":                    "http://xxxxx@example.test/",
		"http://:secret@example.test":                   "http://:xxxxx@example.test",
		"http://example.test/user:secret@elsewhere":     "http://example.test/user:secret@elsewhere",
		"user:secret@example.test/":                     "user:xxxxx@example.test/",
		"http://user:secret@not a host/":                "http://user:xxxxx@not a host/",
		"http://example.test/\x00\r\n\xff":              "http://example.test/\ufffd",
		"http://b\u00fccher.test/%zz":                   "http://b\u00fccher.test/%zz",
		"http://user:secret\\@example.test/":            "http://user:xxxxx@example.test/",
		"http://user:secret@other:secret@example.test/": "http://user:xxxxx@example.test/",
		"": "",
	} {
		if got := requestedURL(in); got != want {
			t.Errorf("requestedURL(%q) = %q, want %q", in, got, want)
		}
	}
}
