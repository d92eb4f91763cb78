package storetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// SecureServer is a server of the test's own that takes connections by TLS only: of the role "certified" with a client certificate, and of
// others with a password.
type SecureServer struct {
	*Server
	Root, OtherRoot string // files with the certificates of the authority that signed the server's, and of another one
	Cert, Key       string // files of the client certificate of "certified" and its key
}

// StartSecureServer starts one; it ends with the test.
func StartSecureServer(t testing.TB) *SecureServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "punctual-tls-") // which the server can reach, other than the test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := give(dir, serverOwner()); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	root, rootKey := newCertificate(t, "root", nil, nil)
	other, _ := newCertificate(t, "other root", nil, nil)
	server, serverKey := newCertificate(t, "server", root, rootKey)
	client, clientKey := newCertificate(t, "certified", root, rootKey)
	for name, block := range map[string]*pem.Block{
		"root.pem": certificateBlock(root), "other.pem": certificateBlock(other), "server.pem": certificateBlock(server),
		"client.pem": certificateBlock(client), "server.key": keyBlock(t, serverKey), "client.key": keyBlock(t, clientKey),
	} {
		writeFor(t, in(name), string(pem.EncodeToMemory(block)))
	}
	writeFor(t, in("hba"), "local all all trust\nhostssl all certified 127.0.0.1/32 cert\nhost all all 127.0.0.1/32 password\n")
	s := StartServer(t, "ssl=on", "ssl_ca_file="+in("root.pem"), "ssl_cert_file="+in("server.pem"), "ssl_key_file="+in("server.key"), "hba_file="+in("hba"))
	s.execute(t, `CREATE ROLE certified LOGIN SUPERUSER`)
	return &SecureServer{Server: s, Root: in("root.pem"), OtherRoot: in("other.pem"), Cert: in("client.pem"), Key: in("client.key")}
}

// CertifiedURL is the URL for the role "certified", with more parameters.
func (s *SecureServer) CertifiedURL(parameters string) string {
	return fmt.Sprintf("postgres://certified@127.0.0.1:%d/postgres?%s", s.port, parameters)
}

// PasswordFile writes a password file for the role of URL, and returns its path and a URL without the password.
func (s *SecureServer) PasswordFile(t testing.TB) (path, url string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(path, fmt.Appendf(nil, "127.0.0.1:%d:*:postgres:%s\n", s.port, s.password), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?passfile=%s", s.port, path)
}

// writeFor writes a file that a server may read, and only it.
func writeFor(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := give(path, serverOwner()); err != nil {
		t.Fatal(err)
	}
}

// newCertificate makes a certificate for 127.0.0.1 that an authority signs, or an authority.
func newCertificate(t testing.TB, name string, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true,
	}
	if authority == nil {
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
		authority, authorityKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, authority, &key.PublicKey, authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func certificateBlock(c *x509.Certificate) *pem.Block {
	return &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}
}

func keyBlock(t testing.TB, key *ecdsa.PrivateKey) *pem.Block {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &pem.Block{Type: "PRIVATE KEY", Bytes: der}
}
