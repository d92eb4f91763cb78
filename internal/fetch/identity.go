package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"punctual/internal/cron"
)

// maxIdentities is how many accounts' TLS material is kept ready at least once used.
const maxIdentities = 128

// identity is the TLS material of an account in the form that package tls takes.
type identity struct {
	roots        *x509.CertPool    // those of the client and the account's
	certificates []tls.Certificate // the account's, one or none
}

// identity returns the TLS material of the account in use. It must have some.
func (x *exchange) identity() (*identity, error) {
	material := x.call.TLS
	return x.client.identities.get(material.Digest, func() (*identity, error) {
		base, err := x.client.roots.get()
		if err != nil {
			return nil, err
		}
		return newIdentity(base, &material.TLSMaterial)
	})
}

// newIdentity parses m, whose authorities are trusted beside those of base.
func newIdentity(base *x509.CertPool, m *cron.TLSMaterial) (*identity, error) {
	id := &identity{roots: base}
	if m.Roots != "" {
		id.roots = base.Clone()
		id.roots.AppendCertsFromPEM([]byte(m.Roots))
	}
	if m.Certificate != "" {
		certificate, err := tls.X509KeyPair([]byte(m.Certificate), []byte(m.Key))
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		id.certificates = []tls.Certificate{certificate}
	}
	return id, nil
}
