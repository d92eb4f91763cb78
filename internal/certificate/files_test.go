package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"punctual/internal/certificate"
)

// pair makes a certificate for names and 192.0.2.7, signed with its own key, as PEM.
func pair(t *testing.T, names ...string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: names, IPAddresses: []net.IP{net.ParseIP("192.0.2.7")},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	ok(t, err)
	text, err := x509.MarshalPKCS8PrivateKey(private)
	ok(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBadFiles(t *testing.T) {
	cert, key := pair(t, "a.example")
	_, other := pair(t, "a.example")
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	for _, tt := range []struct {
		name      string
		cert, key []byte
		want      error
	}{
		{"no files", nil, nil, fs.ErrNotExist},
		{"no key", cert, nil, fs.ErrNotExist},
		{"empty files", []byte{}, []byte{}, certificate.ErrNoCertificate},
		{"files the wrong way round", key, cert, certificate.ErrNoCertificate},
		{"a damaged certificate", cert[:len(cert)-60], key, certificate.ErrNoCertificate},
		{"not a certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), key, certificate.ErrNoCertificate},
		{"a certificate for a key", cert, cert, certificate.ErrNoKey},
		{"an encrypted key", cert, encrypted, certificate.ErrNoKey},
		{"the key of another certificate", cert, other, certificate.ErrOtherKey},
	} {
		dir := t.TempDir()
		for name, text := range map[string][]byte{"cert": tt.cert, "key": tt.key} {
			if text != nil {
				ok(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
			}
		}
		if _, err := certificate.OpenFiles(filepath.Join(dir, "cert"), filepath.Join(dir, "key")); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// TestReload changes the files in ways that a renewal and an accident do, and looks at what handshakes get.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	certPath, keyPath := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	write := func(path string, text []byte) { ok(t, os.WriteFile(path, text, 0o600)) }
	cert, key := pair(t, "a.example")
	write(certPath, cert)
	write(keyPath, key)
	files, err := certificate.OpenFiles(certPath, keyPath)
	ok(t, err)
	step := func(what string, changed bool, want error, name string) {
		t.Helper()
		if got, err := files.Reload(); got != changed || !errors.Is(err, want) {
			t.Errorf("%s: changed %v, error %v", what, got, err)
		}
		shown, err := files.Certificate(&tls.ClientHelloInfo{})
		if err != nil || shown.Leaf.DNSNames[0] != name {
			t.Errorf("%s: %v is shown, %v", what, shown.Leaf.DNSNames, err)
		}
	}
	step("nothing has changed", false, nil, "a.example")
	now := time.Now().Add(time.Minute)
	ok(t, os.Chtimes(certPath, now, now))
	step("touched, but the same", false, nil, "a.example")
	cert, key = pair(t, "b.example")
	write(certPath, cert)
	step("the certificate before its key", false, certificate.ErrOtherKey, "a.example")
	step("the same again is no news", false, nil, "a.example")
	write(keyPath, key)
	step("the key too", true, nil, "b.example")
	ok(t, os.Remove(keyPath))
	step("a file is gone", false, fs.ErrNotExist, "b.example")
	step("it is gone still", false, nil, "b.example")
	write(keyPath, key)
	step("it is back", true, nil, "b.example")
	write(certPath, nil)
	step("truncated", false, certificate.ErrNoCertificate, "b.example")
	write(certPath, cert)
	step("repaired", true, nil, "b.example")
}

func TestFilesCover(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, "a.example", "*.b.example")
	ok(t, os.WriteFile(filepath.Join(dir, "cert"), cert, 0o600))
	ok(t, os.WriteFile(filepath.Join(dir, "key"), key, 0o600))
	files, err := certificate.OpenFiles(filepath.Join(dir, "cert"), filepath.Join(dir, "key"))
	ok(t, err)
	for host, want := range map[string]bool{"a.example": true, "A.Example": true, "x.b.example": true, "192.0.2.7": true,
		"b.example": false, "x.a.example": false, "192.0.2.8": false, "": false, "a.example.evil": false, "a.example:80": false,
		"a.example/": false, "[": false} {
		if got := files.Covers(host); got != want {
			t.Errorf("%q is covered: %v", host, got)
		}
	}
}
