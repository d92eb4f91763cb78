package cron

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"
)

// TLSMaterial is what an account adds to the TLS of its executions, all of it in PEM (RFC 7468).
type TLSMaterial struct {
	Roots       string // trusted in addition to the certificate authorities of the host; "" for none
	Certificate string // the client's certificate with its chain; "" for none
	Key         string // the private key of Certificate, not encrypted
}

// Limits on TLSMaterial, in bytes.
const (
	MaxRootsLength       = 256 << 10
	MaxCertificateLength = 64 << 10
	MaxKeyLength         = 8 << 10 // enough for RSA with 8192 bits
)

// AccountTLS is TLSMaterial in use. It is shared and read-only.
type AccountTLS struct {
	TLSMaterial
	Digest [sha256.Size]byte // identifies the content
}

// NewAccountTLS returns m for use.
func NewAccountTLS(m TLSMaterial) *AccountTLS {
	return &AccountTLS{m, sha256.Sum256([]byte(m.Roots + "\x00" + m.Certificate + "\x00" + m.Key))}
}

// NewChannelTLS is what messages to channels use of the TLS material of an account: its certificate authorities, and not its client
// certificate, which is for the targets of jobs. It is nil without any.
func NewChannelTLS(roots string) *AccountTLS {
	if roots == "" {
		return nil
	}
	return NewAccountTLS(TLSMaterial{Roots: roots})
}

// Empty reports whether nothing is set.
func (m *TLSMaterial) Empty() bool { return *m == TLSMaterial{} }

// TLSChange is what changes of TLS material; nil leaves a part as it is. The client's certificate and its key change together, and
// empty parts are taken away.
type TLSChange struct {
	Roots  *string
	Client *TLSMaterial // its Certificate and its Key
}

// Validate reports what is wrong as an *Error of kind Invalid.
func (c *TLSChange) Validate() error {
	var m TLSMaterial
	if c.Client != nil {
		m = *c.Client
	}
	if m.Roots = ""; c.Roots != nil {
		m.Roots = *c.Roots
	}
	return m.Validate()
}

// CertificateFact is what people want to know of a certificate.
type CertificateFact struct {
	Subject, Issuer string
	Begins, Expires time.Time
}

// CertificateFacts describes the first certificates of a text in PEM, at most most of them, and counts all.
func CertificateFacts(text string, most int) (facts []CertificateFact, count int) {
	for rest := []byte(text); ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return facts, count
		}
		if len(facts) == most {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			facts = append(facts, CertificateFact{c.Subject.String(), c.Issuer.String(), c.NotBefore, c.NotAfter})
		}
	}
}

// CertificateExpiry is the expiry of the client's certificate; zero without one.
func (m *TLSMaterial) CertificateExpiry() time.Time {
	block, _ := pem.Decode([]byte(m.Certificate))
	if block == nil {
		return time.Time{}
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}
	}
	return certificate.NotAfter
}

// Validate reports what is wrong as an *Error of kind Invalid.
func (m *TLSMaterial) Validate() error {
	var c Checker
	long := false
	for _, part := range [...]struct {
		pointer, text string
		limit         int
	}{
		{"/caBundle", m.Roots, MaxRootsLength},
		{"/certificate", m.Certificate, MaxCertificateLength},
		{"/privateKey", m.Key, MaxKeyLength},
	} {
		if len(part.text) > part.limit {
			c.Add(part.pointer, Problem{Rule: RuleTooLong, Limit: int64(part.limit), Unit: UnitBytes})
			long = true
		}
	}
	if long {
		return c.Err()
	}
	if m.Roots != "" && !isCertificates(m.Roots) {
		c.Add("/caBundle", Problem{Rule: RuleCertificates})
	}
	switch {
	case m.Certificate == "" && m.Key == "":
	case m.Certificate == "":
		c.Add("/certificate", Problem{Rule: RuleMandatory})
	case m.Key == "":
		c.Add("/privateKey", Problem{Rule: RuleMandatory})
	case !isCertificates(m.Certificate):
		c.Add("/certificate", Problem{Rule: RuleCertificates})
	default:
		if _, err := tls.X509KeyPair([]byte(m.Certificate), []byte(m.Key)); err != nil {
			c.Add("/privateKey", Problem{Rule: RulePrivateKey})
		}
	}
	return c.Err()
}

// isCertificates reports whether text is one or more certificates in PEM and contains no other PEM block.
func isCertificates(text string) bool {
	rest := []byte(text)
	count := 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return count > 0 && !strings.Contains(string(rest), "-----BEGIN")
		}
		if block.Type != "CERTIFICATE" {
			return false
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return false
		}
		count++
	}
}
