package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"punctual/internal/cron"
)

// identityRoom is how many bytes of accounts' TLS material are kept ready at least once used.
const identityRoom = 16 << 20

// identitySize is about how many bytes m takes once it is parsed: a certificate takes several times its text, and the
// authorities of the host are copied beside those of the account.
func identitySize(m *cron.TLSMaterial) int {
	return 64<<10 + 8*(len(m.Roots)+len(m.Certificate)+len(m.Key))
}

// identity is the TLS material of an account in the form that package tls takes.
type identity struct {
	roots        *x509.CertPool    // those of the client and the account's
	certificates []tls.Certificate // the account's, one or none
}

// identity returns the TLS material of the account in use. It must have some.
func (x *exchange) identity() (*identity, error) {
	material := x.call.TLS
	return x.client.identities.get(material.Digest, func() (*identity, int, error) {
		base, err := x.client.roots.get()
		if err != nil {
			return nil, 0, err
		}
		id, err := newIdentity(base, &material.TLSMaterial)
		return id, identitySize(&material.TLSMaterial), err
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
