package app

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"time"

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/fetch"
)

// egress is how executions, test runs and messages leave this node.
type egress struct {
	sources  *fetch.Sources // nil for those that the system chooses
	resolver fetch.Resolver // nil for that of the machine
	proxy    *fetch.Proxy   // nil for none
	cas      []*x509.Certificate
}

// readEgress checks what of the configuration concerns this machine.
func (n *node) readEgress(ctx context.Context) (stop func() error, err error) {
	c := &n.config.Serve.EgressConfig
	e := &n.egress
	e.sources, _ = fetch.NewSources(c.EgressSource) // the configuration was checked
	for _, source := range c.EgressSource {
		if err := fetch.CheckSource(source.Unmap()); err != nil {
			return nil, fmt.Errorf("--egress-source %s cannot be used: this machine has no such address, or not yet (%w); "+
				"give it one of its own addresses, as `ip address` lists them", source, err)
		}
	}
	if server := c.EgressResolver.AddrPort; server.IsValid() {
		e.resolver = fetch.NewResolver(server)
	}
	if e.cas, err = readCAs(c.EgressCA); err != nil {
		return nil, err
	}
	if c.EgressProxy.Host != "" {
		e.proxy = newProxy(c, n.logger)
		n.findProxy(ctx)
		n.checkAddresses()
	}
	return nil, nil
}

// checkAddresses warns that /executor-nodes.json lists addresses that targets do not see, since they see the proxy.
func (n *node) checkAddresses() {
	if o := n.config.Serve; len(o.ExecutorAddresses) == 0 && cron.NodeRole(o.Role).Works() {
		n.logger.Warn("/executor-nodes.json lists addresses of this node, but targets see the outbound proxy; "+
			"set --executor-addresses to the addresses that targets see", slog.Any("proxy", o.EgressProxy))
	}
}

func newProxy(c *config.EgressConfig, logger *slog.Logger) *fetch.Proxy {
	p := c.EgressProxy
	settings := fetch.ProxyConfig{
		Scheme: fetch.ProxyScheme(p.Scheme), Host: p.Host, Port: p.Port, User: p.User, Password: p.Password, Resolves: c.EgressProxyResolves,
		Logger: logger,
	}
	for _, except := range c.EgressNoProxy {
		if except.Name != "" {
			settings.Except.Names = append(settings.Except.Names, except.Name)
		} else {
			settings.Except.Addresses = append(settings.Except.Addresses, except.Address)
		}
	}
	return fetch.NewProxy(settings)
}

// findProxy looks up the addresses of the proxy, so that the guard knows them before the first job is saved. The service starts without
// them: the name servers may start at the same time.
func (n *node) findProxy(ctx context.Context) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := n.egress.proxy.Find(ctx); err != nil {
		n.logger.Warn("the name of the outbound proxy could not be resolved; executions try again, and do not count as failures until it can",
			slog.Any("proxy", n.config.Serve.EgressProxy), slog.Any("error", err))
	}
}

// readCAs reads the certificate authorities of a PEM file; none without a file.
func readCAs(file string) (cas []*x509.Certificate, err error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--egress-ca: %w; give the file with certificate authorities, and let the user of the service read it", err)
	}
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("--egress-ca: %s has a block %q; it must have certificates only, which begin with -----BEGIN CERTIFICATE-----",
				file, block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("--egress-ca: certificate %d of %s cannot be read: %w", len(cas)+1, file, err)
		}
		cas = append(cas, c)
	}
	switch {
	case len(cas) == 0:
		return nil, fmt.Errorf("--egress-ca: %s has no certificates; it must have at least one in PEM, which begins with "+
			"-----BEGIN CERTIFICATE-----", file)
	case bytes.Contains(text, []byte("-----BEGIN")):
		return nil, fmt.Errorf("--egress-ca: %s is damaged after certificate %d", file, len(cas))
	}
	return cas, nil
}
