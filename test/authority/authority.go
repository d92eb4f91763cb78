// Package authority runs a certificate authority with the ACME protocol for tests: Pebble, which checks for real, at the
// ports it is given, who has a host. All names lead to 127.0.0.1.
package authority

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// Authority is a certificate authority that runs until the end of the test.
type Authority struct {
	Directory string         // URL of its ACME directory
	RootFile  string         // PEM file with the root of the directory's own certificate
	Root      *x509.CertPool // the same
	Issued    *x509.CertPool // root of the certificates that it issues
	orders    atomic.Int64
}

// Start runs an authority that checks TLS-ALPN-01 and HTTP-01 challenges at two ports.
func Start(t testing.TB, tlsPort, httpPort int) *Authority {
	t.Helper()
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"} {
		if err := os.Setenv(name, value); err != nil { // t.Setenv forbids parallel tests
			t.Fatal(err)
		}
	}
	logger, store := log.New(io.Discard, "", 0), db.NewMemoryStore()
	issuer := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	checker := va.New(logger, httpPort, tlsPort, false, resolver(t), store)
	front := wfe.New(logger, store, checker, issuer, []string{"ca.example.com"}, false, false, 0, 0)
	a := &Authority{Root: x509.NewCertPool(), Issued: x509.NewCertPool()}
	handler := front.Handler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/order-plz" {
			a.orders.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.Directory = server.URL + wfe.DirectoryPath
	a.Root.AddCert(server.Certificate())
	a.Issued.AppendCertsFromPEM(issuer.GetRootCert(0).PEM())
	a.RootFile = filepath.Join(t.TempDir(), "root.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(a.RootFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// Orders is how many certificates were ordered.
func (a *Authority) Orders() int { return int(a.orders.Load()) }

// resolver runs a DNS server that answers each question for an IPv4 address with 127.0.0.1.
func resolver(t testing.TB) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			answer.Answer = []dns.RR{&dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET},
				A:   net.IPv4(127, 0, 0, 1),
			}}
		}
		_ = w.WriteMsg(answer)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l.Addr().String()
}
