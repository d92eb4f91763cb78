package app

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"punctual/internal/config"
)

// TestAboutEgress shows operators how executions leave.
func TestAboutEgress(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]string{"serve", "--egress-proxy=http://jane:hidden@proxy", "--egress-no-proxy=.example.com,192.0.2.7,10.0.0.0/8",
		"--egress-proxy-resolves"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := listen(t.Context(), "127.0.0.1:0", "--listen")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	a := (&node{config: c, listener: listener}).about()
	if strings.Contains(a.EgressProxy, "hidden") || !a.EgressProxyResolves || !slices.Equal(a.EgressNoProxy, []string{".example.com", "192.0.2.7", "10.0.0.0/8"}) {
		t.Errorf("operators see %+v", a)
	}
}

// TestProxyWithoutAddresses starts with a proxy, with and without the addresses that targets see.
func TestProxyWithoutAddresses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		proxy, addresses bool
		role             config.NodeRole
		warns            bool
	}{
		"a proxy":                {proxy: true, role: "all", warns: true},
		"a proxy of a worker":    {proxy: true, role: "worker", warns: true},
		"a proxy of an API node": {proxy: true, role: "api"},
		"a proxy and addresses":  {proxy: true, addresses: true, role: "all"},
		"no proxy":               {role: "all"},
	} {
		var c config.Config
		c.Serve.Role = row.role
		if row.proxy {
			c.Serve.EgressProxy = config.EgressProxy{Scheme: "http", Host: "192.0.2.1", Port: 3128, User: "jane", Password: "hidden"}
		}
		if row.addresses {
			c.Serve.ExecutorAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
		}
		var log bytes.Buffer
		n := &node{config: c, logger: slog.New(slog.NewTextHandler(&log, nil))}
		if _, err := n.readEgress(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); strings.Contains(got, "--executor-addresses") != row.warns || strings.Contains(got, "hidden") {
			t.Errorf("%s: the log says %q", name, got)
		}
	}
}
