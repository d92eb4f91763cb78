package fetch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// authority issues certificates for tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// leaf is what the certificate of a server says.
type leaf struct {
	names   []string
	ips     []net.IP
	expires time.Time // zero is an hour from now
	begins  time.Time // zero is two days ago
	client  bool      // it is for clients only
}

func newAuthority(name string) *authority {
	a := &authority{key: newKey()}
	a.certificate = sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotAfter: time.Now().Add(24 * time.Hour),
	}, nil, a.key, a.key)
	return a
}

// intermediate returns an authority that a signs, which expires at the given time.
func (a *authority) intermediate(name string, expires time.Time) *authority {
	i := &authority{key: newKey()}
	i.certificate = sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotAfter: expires,
	}, a.certificate, i.key, a.key)
	return i
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// server is the configuration of a server on loopback.
func (a *authority) server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.issue(leaf{ips: loopback})}}
}

// issue returns a certificate with its chain.
func (a *authority) issue(l leaf) tls.Certificate {
	if l.expires.IsZero() {
		l.expires = time.Now().Add(time.Hour)
	}
	key := newKey()
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	if l.client {
		usage = usage[:1]
	}
	certificate := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, DNSNames: l.names, IPAddresses: l.ips, NotAfter: l.expires,
		NotBefore: l.begins, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage,
	}, a.certificate, key, a.key)
	return tls.Certificate{Certificate: [][]byte{certificate.Raw, a.certificate.Raw}, PrivateKey: key, Leaf: certificate}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// sign makes template a certificate for key; a nil parent makes it self-signed.
func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	if parent == nil {
		parent = template
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-48 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return certificate
}
