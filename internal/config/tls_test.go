package config

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestTLSFlags(t *testing.T) {
	const pair = " --tls-cert a.pem --tls-key b.pem"
	for _, flags := range []string{
		"", pair, pair + " --http-listen :80", pair + " --public-url https://cron.example.com", "--acme cron.example.com",
		"--acme cron.example.com --acme-email jane@example.com --acme-directory https://ca.example.com/dir --acme-root a.pem",
		"--public-url http://cron.example.com",
	} {
		c, err := Parse(append([]string{"serve"}, strings.Fields(flags)...), io.Discard)
		if err != nil || c.Serve.Enabled() != (strings.Contains(flags, "tls") || strings.Contains(flags, "acme")) {
			t.Errorf("%s: %v, and HTTPS is %v", flags, err, c.Serve.Enabled())
		}
	}
	for flags, says := range map[string]string{
		"--tls-cert a.pem":                         "needs --tls-key",
		"--tls-key a.pem":                          "needs --tls-cert",
		pair + " --acme cron.example.com":          "cannot be used together",
		"--acme-email jane@example.com":            "needs --acme,",
		"--acme-directory https://ca.example.com":  "needs --acme,",
		"--acme-root a.pem":                        "needs --acme,",
		"--acme a.example.com --acme-directory x":  "an https URL",
		"--acme a.b --acme-directory http://ca/x":  "an https URL",
		"--acme a.b --acme-directory https://u@ca": "an https URL",
		"--acme a.b --acme-email Jane":             "an e-mail address",
		"--http-listen :80":                        "needs --tls-cert",
		pair + " --http-listen 80":                 "HOST:PORT",
		pair + " --public-url http://a.example":    "serves HTTPS",
	} {
		_, err := Parse(append([]string{"serve"}, strings.Fields(flags)...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s is refused with: %v", flags, err)
		}
	}
}

func TestACMEHosts(t *testing.T) {
	c, err := Parse([]string{"serve", "--acme", "Cron.Example.COM, b.example.com.", "--acme=xn--bcher-kva.example"}, io.Discard)
	if want := []Host{"cron.example.com", "b.example.com", "xn--bcher-kva.example"}; err != nil || !slices.Equal(c.Serve.ACME, want) {
		t.Errorf("the hosts are %q, %v", c.Serve.ACME, err)
	}
	for _, host := range []string{"*.example.com", "https://example.com", "example.com:443", "192.0.2.7", "2001:db8::1", "localhost",
		"bücher.example", "a..example", "-a.example", "a_b.example", "a.example/", strings.Repeat("a.", 130) + "example"} {
		if _, err := Parse([]string{"serve", "--acme=" + host}, io.Discard); err == nil || !strings.Contains(err.Error(), "cron.example.com") {
			t.Errorf("%s is refused with: %v", host, err)
		}
	}
}
