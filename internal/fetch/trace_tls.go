package fetch

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"

	"punctual/internal/cron"
)

// Limits on what a trace holds of a chain. A server may send certificates of 256 KiB.
const (
	maxChain     = 16
	maxNames     = 100     // of a certificate
	maxChainText = 8 << 10 // bytes of all names
	maxNameText  = 1 << 10 // bytes of a subject, an issuer or a name
)

// secured notes the outcome of a handshake.
func (t *tracer) secured(conn *tls.Conn, err error) {
	if t == nil {
		return
	}
	state := conn.ConnectionState() // of a failed handshake, as far as it has come
	h := &cron.Handshake{Resumed: state.DidResume}
	if state.Version != 0 {
		h.Version = tls.VersionName(state.Version)
	}
	if state.CipherSuite != 0 {
		h.Cipher = tls.CipherSuiteName(state.CipherSuite)
	}
	chain := state.PeerCertificates
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		chain = refused.UnverifiedCertificates
	}
	describeChain(h, chain)
	t.update(func(hop *cron.Hop) { hop.TLS = h })
}

// describeChain describes the certificates of a server in h, within the limits.
func describeChain(h *cron.Handshake, chain []*x509.Certificate) {
	room := maxChainText
	take := func(text string) (string, bool) {
		text = clean(text, maxNameText)
		if len(text) > room {
			return "", false
		}
		room -= len(text)
		return text, true
	}
	for i, c := range chain {
		subject, ok := take(c.Subject.String())
		issuer, ok2 := take(c.Issuer.String())
		if i == maxChain || !ok || !ok2 {
			h.Omitted = len(chain) - i
			return
		}
		described := cron.Certificate{
			Subject: subject, Issuer: issuer, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Fingerprint: sha256.Sum256(c.Raw),
		}
		names := certificateNames(c)
		for n, name := range names {
			if name, ok = take(name); !ok || n == maxNames {
				described.Omitted = len(names) - n
				break
			}
			described.Names = append(described.Names, name)
		}
		h.Chain = append(h.Chain, described)
	}
}
