package certificate

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// What may be wrong with a pair of files.
var (
	ErrNoCertificate = errors.New("the file of the certificate holds none in PEM")
	ErrNoKey         = errors.New("the file of the private key holds none in PEM")
	ErrOtherKey      = errors.New("the private key does not belong to the certificate")
)

// Files are a certificate, with the chain behind it, and its private key in two PEM files.
type Files struct {
	certificate, key string // paths
	current          atomic.Pointer[tls.Certificate]
	seen             [sha256.Size]byte // what the files held when they were last looked at; of Reload
}

// OpenFiles reads a pair of files. The error wraps a *fs.PathError or one of the Err values above.
func OpenFiles(certificate, key string) (*Files, error) {
	f := &Files{certificate: certificate, key: key}
	if _, err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload takes the files into use if they hold something else than when they were last looked at. After an error, which
// is returned once for what the files hold, the former certificate stays in use. It is for one goroutine.
func (f *Files) Reload() (changed bool, err error) {
	certificate, err := os.ReadFile(f.certificate)
	var key []byte
	if err != nil {
		err = fmt.Errorf("read the certificate: %w", err)
	} else if key, err = os.ReadFile(f.key); err != nil {
		err = fmt.Errorf("read the private key: %w", err)
	}
	state := sha256.Sum256(fmt.Appendf(nil, "%d %s %s %v", len(certificate), certificate, key, err))
	if state == f.seen {
		return false, nil
	}
	f.seen = state
	if err != nil {
		return false, err
	}
	pair, err := parsePair(certificate, key)
	if err != nil {
		return false, err
	}
	f.current.Store(&pair)
	return true, nil
}

func parsePair(certificate, key []byte) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(certificate, key)
	switch {
	case err == nil:
		return pair, nil
	case !isCertificate(certificate):
		return pair, ErrNoCertificate
	case !isKey(key):
		return pair, ErrNoKey
	}
	return pair, ErrOtherKey
}

// isCertificate tells whether the first certificate of a PEM file can be read.
func isCertificate(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			_, err := x509.ParseCertificate(block.Bytes)
			return err == nil
		}
	}
	return false
}

// isKey tells whether a PEM file has a private key that is not encrypted.
func isKey(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !bytes.HasSuffix([]byte(block.Type), []byte("PRIVATE KEY")) {
			continue
		}
		_, errPKCS8 := x509.ParsePKCS8PrivateKey(block.Bytes)
		_, errPKCS1 := x509.ParsePKCS1PrivateKey(block.Bytes)
		_, errEC := x509.ParseECPrivateKey(block.Bytes)
		return errPKCS8 == nil || errPKCS1 == nil || errEC == nil
	}
	return false
}

// Certificate is for tls.Config.GetCertificate.
func (f *Files) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load(), nil
}

// Covers tells whether the certificate is valid for a host: a name or an address.
func (f *Files) Covers(host string) bool { return f.current.Load().Leaf.VerifyHostname(host) == nil }

// NotAfter is when the certificate expires.
func (f *Files) NotAfter() time.Time { return f.current.Load().Leaf.NotAfter }
