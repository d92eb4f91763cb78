package certificate_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/certificate"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
	"punctual/test/authority"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

const host = "cron.example.com"

// site is a service with certificates by ACME.
type site struct {
	*certificate.ACME
	tls, plain net.Listener
	log        *logText
}

type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// open runs a site on a database until the end of the test, after a change of its configuration, which may be nil.
func open(t *testing.T, db certificate.Store, a *authority.Authority, listener, plain net.Listener, change func(*certificate.Config), hosts ...string) *site {
	t.Helper()
	s := &site{tls: listener, plain: plain, log: new(logText)}
	c := certificate.Config{
		Hosts: hosts, Directory: a.Directory, Roots: a.Root, Email: "jane@example.com", Store: db,
		Listen: listener.Addr().(*net.TCPAddr).AddrPort(),
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if plain != nil {
		c.Plain = plain.Addr().(*net.TCPAddr).AddrPort()
	}
	if change != nil {
		change(&c)
	}
	s.ACME = certificate.Start(t.Context(), c)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Challenge(w, r) {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	serve := func(l net.Listener) {
		var running sync.WaitGroup
		server := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		running.Go(func() { _ = server.Serve(l) })
		t.Cleanup(func() { _ = server.Close(); running.Wait() })
	}
	serve(tls.NewListener(listener, &tls.Config{
		GetCertificate: s.Certificate, NextProtos: []string{"http/1.1", certificate.ChallengeProtocol},
	}))
	if plain != nil {
		serve(plain)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

// await waits until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain for %s", what)
		}
	}
}

// handshake is the certificate that a client gets which trusts the roots.
func handshake(l net.Listener, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0], nil
}

func (s *site) awaitCertificate(t *testing.T, name string, a *authority.Authority) (c *x509.Certificate) {
	t.Helper()
	await(t, "a certificate for "+name, func() bool {
		var err error
		c, err = handshake(s.tls, name, a.Issued)
		return err == nil
	})
	return c
}

// TestOrder has two sites on one database, twice over: each host's certificate is ordered once and all show it, those
// too that start later.
func TestOrder(t *testing.T) {
	for _, database := range storetest.Databases {
		t.Run(database.Name, func(t *testing.T) {
			o := database.New(t)
			listeners := []net.Listener{listen(t), listen(t), listen(t)}
			a := authority.Start(t, portOf(listeners[0]), 1)
			var first *x509.Certificate
			dbs := []*store.Store{storetest.Open(t, o), storetest.Open(t, o), storetest.Open(t, o)}
			sites := []*site{open(t, dbs[0], a, listeners[0], nil, nil, host), open(t, dbs[1], a, listeners[1], nil, nil, host)}
			for _, s := range sites {
				c := s.awaitCertificate(t, host, a)
				if first == nil {
					first = c
				}
				if !c.Equal(first) {
					t.Error("the sites have different certificates")
				}
				if !s.NotAfter().Equal(c.NotAfter) {
					t.Errorf("the certificate expires at %v, and the site says %v", c.NotAfter, s.NotAfter())
				}
			}
			late := open(t, dbs[2], a, listeners[2], nil, nil, host)
			if c, err := handshake(late.tls, host, a.Issued); err != nil || !c.Equal(first) {
				t.Errorf("a site that starts later has no certificate at once: %v", err)
			}
			if n := a.Orders(); n != 1 {
				t.Errorf("%d certificates were ordered", n)
			}
			for _, s := range sites {
				if text := s.log.String(); strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, "level=ERROR") {
					t.Errorf("the log has\n%s", text)
				}
			}
		})
	}
}

// TestALockOfADeadNode orders although a node that died holds the lock, once its lease has ended.
func TestALockOfADeadNode(t *testing.T) {
	listener := listen(t)
	a := authority.Start(t, portOf(listener), 1)
	db := storetest.Open(t, storetest.Databases[0].New(t))
	if locked, err := db.LockACME(t.Context(), "issue_cert_"+host, "dead", -time.Second); err != nil || !locked {
		t.Fatalf("locked %v, %v", locked, err)
	}
	open(t, db, a, listener, nil, nil, host).awaitCertificate(t, host, a)
}

// TestHTTPChallenge has an authority that reaches the plain listener only.
func TestHTTPChallenge(t *testing.T) {
	listener, plain := listen(t), listen(t)
	a := authority.Start(t, 1, portOf(plain))
	s := open(t, storetest.Open(t, storetest.Databases[0].New(t)), a, listener, plain, nil, host, "b.example.com")
	for _, name := range []string{host, "b.example.com"} {
		s.awaitCertificate(t, name, a)
	}
	for target, want := range map[string]int{
		"/.well-known/acme-challenge/none": http.StatusTeapot, "/": http.StatusTeapot,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+plain.Addr().String()+target, nil)
		ok(t, err)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		ok(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", target, resp.Status)
		}
	}
}

// counted is a Store that counts what is read, and at once.
type counted struct {
	certificate.Store
	reads, reading, most atomic.Int64
}

func (c *counted) ACMEFile(ctx context.Context, path string) ([]byte, time.Time, bool, error) {
	c.reads.Add(1)
	n := c.reading.Add(1)
	defer c.reading.Add(-1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	return c.Store.ACMEFile(ctx, path)
}

// TestStrangersAtTheDoor has strangers ask for certificates of other hosts and for challenges. Neither makes an order, and
// what they cost the database is nothing, or one read at a time.
func TestStrangersAtTheDoor(t *testing.T) {
	listener, plain := listen(t), listen(t)
	a := authority.Start(t, portOf(listener), portOf(plain))
	db := &counted{Store: storetest.Open(t, storetest.Databases[0].New(t))}
	s := open(t, db, a, listener, plain, nil, host)
	s.awaitCertificate(t, host, a)
	if _, err := handshake(s.tls, "", a.Issued); err == nil || !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("a client that names no host gets: %v", err) // the certificate, which it cannot check
	}
	at := func(name string, protocols ...string) {
		c, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: name, NextProtos: protocols, InsecureSkipVerify: true})
		if err == nil {
			_ = c.Close()
			t.Errorf("a handshake for %q with %q succeeds", name, protocols)
		}
	}
	before := db.reads.Load()
	for range 20 {
		at("other.example.com")
		at("other.example.com", certificate.ChallengeProtocol)
		at("x."+host, certificate.ChallengeProtocol)
		at("192.0.2.7", certificate.ChallengeProtocol)
	}
	if n := db.reads.Load() - before; n != 0 {
		t.Errorf("handshakes for other hosts made %d reads", n)
	}
	db.most.Store(0)
	var running sync.WaitGroup
	for range 20 {
		running.Go(func() { at(host, certificate.ChallengeProtocol) })
	}
	running.Wait()
	if n := db.most.Load(); n != 1 {
		t.Errorf("handshakes for challenges made up to %d reads at once", n)
	}
	if n := a.Orders(); n != 1 {
		t.Errorf("%d certificates were ordered", n)
	}
}

// TestCloseWhileOrdering stops a site whose authority cannot reach it. Its lock is free at once.
func TestCloseWhileOrdering(t *testing.T) {
	o := storetest.Databases[0].New(t)
	db := storetest.Open(t, o)
	silent := listen(t) // an authority that takes connections and says nothing
	s := certificate.Start(t.Context(), certificate.Config{
		Hosts: []string{host}, Directory: "https://" + silent.Addr().String() + "/dir", Store: db, Logger: slog.New(slog.DiscardHandler),
		Listen: netip.MustParseAddrPort("127.0.0.1:1"),
	})
	c, err := silent.Accept()
	ok(t, err)
	locks := func() (n int) {
		raw, err := storetest.Connect(o)
		ok(t, err)
		defer func() { _ = raw.Close() }()
		ok(t, raw.QueryRow(`SELECT count(*) FROM acme_lock`).Scan(&n))
		return n
	}
	if n := locks(); n == 0 {
		t.Error("an order is under way without a lock")
	}
	ok(t, s.Close())
	_ = c.Close()
	if n := locks(); n != 0 {
		t.Errorf("%d locks are left", n)
	}
	if !s.NotAfter().IsZero() {
		t.Error("a certificate that was not obtained expires")
	}
}
