package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"punctual/internal/cron"
)

// maxIdentityBytes is the capacity of a generation of the cache of parsed TLS material, in bytes.
const maxIdentityBytes = 16 << 20

// identitySize estimates the size of m in bytes once it is parsed: a certificate takes several times the size of its
// text, and the pool of the account includes a copy of the host's root certificates.
func identitySize(m *cron.TLSMaterial) int {
	return 64<<10 + 8*(len(m.Roots)+len(m.Certificate)+len(m.Key))
}

// identity is the parsed TLS material of an account.
type identity struct {
	roots        *x509.CertPool    // the client's root certificates and those of the account
	certificates []tls.Certificate // the client certificate of the account, if it has one
}

// identity returns the parsed TLS material of the call, which must not be nil.
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

// newIdentity parses m. Its root certificates are trusted in addition to those of base.
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
