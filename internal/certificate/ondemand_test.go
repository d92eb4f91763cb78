package certificate_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/certificate"
	"punctual/internal/store/storetest"
	"punctual/test/authority"
)

// domains are hosts whose certificates are ordered on demand.
type domains struct {
	mu      sync.Mutex
	held    map[string]bool
	refused atomic.Int64
	orders  atomic.Int64
	most    int64 // orders
}

func newDomains(hosts ...string) *domains {
	d := &domains{held: map[string]bool{}, most: 100}
	for _, h := range hosts {
		d.held[h] = true
	}
	return d
}

func (d *domains) release(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.held, host)
}

func (d *domains) hold(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held[host] = true
}

func (d *domains) covers(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held[host]
}

func (d *domains) order(_ context.Context, host string) error {
	if !d.covers(host) || d.orders.Load() >= d.most {
		d.refused.Add(1)
		return errors.New("no order")
	}
	d.orders.Add(1)
	return nil
}

func (d *domains) configure(c *certificate.Config) {
	c.OnDemand = certificate.OnDemand{Covers: d.covers, Order: d.order}
}

// TestOnDemand orders the certificate of a domain once, for all nodes, when many ask for it at the same time.
func TestOnDemand(t *testing.T) {
	for _, database := range storetest.Databases {
		t.Run(database.Name, func(t *testing.T) {
			o := database.New(t)
			listeners := []net.Listener{listen(t), listen(t)}
			a := authority.Start(t, portOf(listeners[0]), 1)
			d := newDomains("status.example.net")
			var sites []*site
			for _, l := range listeners {
				sites = append(sites, open(t, storetest.Open(t, o), a, l, nil, d.configure, host))
			}
			sites[0].awaitCertificate(t, host, a)
			before := a.Orders()
			var running sync.WaitGroup
			for n := range 20 {
				running.Go(func() {
					c, err := handshake(listeners[n%2], "Status.example.NET", a.Issued)
					if err != nil || c.VerifyHostname("status.example.net") != nil {
						t.Errorf("a client gets: %v", err)
					}
				})
			}
			running.Wait()
			if n := a.Orders() - before; n != 1 {
				t.Errorf("%d certificates were ordered", n)
			}
			if n := d.orders.Load(); n != 1 {
				t.Errorf("%d orders were counted", n)
			}
			if at := sites[0].NotAfter(); at.IsZero() {
				t.Error("the certificate of the service is gone")
			}
			d.release("status.example.net")
			if _, err := handshake(listeners[0], "status.example.net", a.Issued); err == nil {
				t.Error("a host that was released has a certificate still")
			}
		})
	}
}

// TestOnDemandByHTTP has an authority that reaches the plain listener only.
func TestOnDemandByHTTP(t *testing.T) {
	listener, plain := listen(t), listen(t)
	a := authority.Start(t, 1, portOf(plain))
	d := newDomains("status.example.net")
	s := open(t, storetest.Open(t, storetest.Databases[0].New(t)), a, listener, plain, d.configure, host)
	s.awaitCertificate(t, "status.example.net", a)
}

// TestForeignHosts attacks the rule: clients ask for hosts that nobody holds, for parts of those that somebody does, and for challenges. None
// makes an order or a read.
func TestForeignHosts(t *testing.T) {
	listener, plain := listen(t), listen(t)
	a := authority.Start(t, portOf(listener), portOf(plain))
	db := &counted{Store: storetest.Open(t, storetest.Databases[0].New(t))}
	d := newDomains("status.example.net")
	s := open(t, db, a, listener, plain, d.configure, host)
	s.awaitCertificate(t, host, a)
	s.awaitCertificate(t, "status.example.net", a)
	reads, orders := db.reads.Load(), a.Orders()
	names := []string{"other.example.net", "example.net", "x.status.example.net", "status.example.net.evil.example", "status.example.ne", "*.example.net",
		"192.0.2.7", "localhost", "x." + host, "status.example.net\x00", "-"}
	var running sync.WaitGroup
	for range 10 {
		for _, name := range names {
			for _, protocols := range [][]string{nil, {certificate.ChallengeProtocol}, {certificate.ChallengeProtocol, "http/1.1"}} {
				running.Go(func() {
					c, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: name, NextProtos: protocols, InsecureSkipVerify: true})
					if err == nil {
						leaf := c.ConnectionState().PeerCertificates[0]
						_ = c.Close()
						if leaf.VerifyHostname(host) != nil { // which those get whose name is no name
							t.Errorf("%q with %q gets a certificate for %q", name, protocols, leaf.DNSNames)
						}
					}
				})
			}
			running.Go(func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+plain.Addr().String()+"/.well-known/acme-challenge/x", nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Host = "other.example.net"
				if resp, err := http.DefaultClient.Do(req); err == nil {
					_ = resp.Body.Close()
				}
			})
		}
	}
	running.Wait()
	if n := a.Orders() - orders; n != 0 {
		t.Errorf("%d certificates were ordered for foreign hosts", n)
	}
	if n := db.reads.Load() - reads; n != 0 {
		t.Errorf("handshakes for foreign hosts made %d reads", n)
	}
	if n := d.refused.Load(); n != 0 {
		t.Errorf("%d foreign hosts came as far as an order", n)
	}
}

// TestRefusedOrders asks once, and not again with each handshake, when there may be no order.
func TestRefusedOrders(t *testing.T) {
	listener := listen(t)
	a := authority.Start(t, portOf(listener), 1)
	d := newDomains("status.example.net")
	d.most = 0
	s := open(t, storetest.Open(t, storetest.Databases[0].New(t)), a, listener, nil, d.configure, host)
	s.awaitCertificate(t, host, a)
	before := a.Orders()
	for range 20 {
		if _, err := handshake(listener, "status.example.net", a.Issued); err == nil {
			t.Error("there is a certificate")
		}
	}
	if n := a.Orders() - before; n != 0 {
		t.Errorf("%d certificates were ordered", n)
	}
	if n := d.refused.Load(); n != 1 {
		t.Errorf("%d orders were asked for", n)
	}
}

// TestWaiters has many clients of a domain whose order takes long: some wait, and the others are turned away.
func TestWaiters(t *testing.T) {
	listener := listen(t)
	a := authority.Start(t, portOf(listener), 1)
	d := newDomains("status.example.net")
	ordered := make(chan struct{})
	s := open(t, storetest.Open(t, storetest.Databases[0].New(t)), a, listener, nil, func(c *certificate.Config) {
		c.OnDemand = certificate.OnDemand{Covers: d.covers, Order: func(ctx context.Context, host string) error {
			select {
			case <-ordered:
			case <-ctx.Done():
			}
			return d.order(ctx, host)
		}}
	}, host)
	s.awaitCertificate(t, host, a)
	const clients, wait = 100, 64
	var (
		running       sync.WaitGroup
		away, through atomic.Int64
	)
	for range clients {
		running.Go(func() {
			if _, err := handshake(listener, "status.example.net", a.Issued); err == nil {
				through.Add(1)
			} else if away.Add(1) == clients-wait {
				close(ordered)
			}
		})
	}
	running.Wait()
	if n := through.Load(); n > wait {
		t.Errorf("%d clients waited", n)
	}
	if n := away.Load(); n < clients-wait {
		t.Errorf("%d clients were turned away", n)
	}
	s.awaitCertificate(t, "status.example.net", a)
	if n := d.orders.Load(); n != 1 {
		t.Errorf("%d orders were counted", n)
	}
}

// TestClean forgets certificates of hosts that were released in memory, and in the database those that expired long ago.
func TestClean(t *testing.T) {
	for _, database := range storetest.Databases {
		t.Run(database.Name, func(t *testing.T) {
			listener := listen(t)
			a := authority.Start(t, portOf(listener), 1)
			db := &counted{Store: storetest.Open(t, database.New(t))}
			d := newDomains("status.example.net", "kept.example.net")
			s := open(t, db, a, listener, nil, d.configure, host)
			for _, name := range []string{host, "status.example.net", "kept.example.net"} {
				s.awaitCertificate(t, name, a)
			}
			for name, age := range map[string]time.Duration{"old.example.net": 15 * 24 * time.Hour, "late.example.net": 13 * 24 * time.Hour} {
				for _, ext := range []string{".crt", ".key", ".json"} {
					if err := db.SaveACMEFile(t.Context(), "certificates/other/"+name+"/"+name+ext, expired(t, age)); err != nil {
						t.Fatal(err)
					}
				}
			}
			before, orders := len(files(t, db)), a.Orders()
			d.release("status.example.net")
			for range 2 {
				if err := s.Clean(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			after := files(t, db)
			if len(after) != before-3 || slices.Contains(after, "certificates/other/old.example.net/old.example.net.key") {
				t.Errorf("of %d files are left %q", before, after)
			}
			reads := db.reads.Load()
			s.awaitCertificate(t, "kept.example.net", a)
			s.awaitCertificate(t, host, a)
			if n := db.reads.Load() - reads; n != 0 {
				t.Errorf("certificates that are in use were read %d times again", n)
			}
			d.hold("status.example.net")
			s.awaitCertificate(t, "status.example.net", a)
			if db.reads.Load() == reads {
				t.Error("the certificate of a host that was released stayed in memory")
			}
			if n := a.Orders() - orders; n != 0 {
				t.Errorf("%d certificates were ordered again", n)
			}
		})
	}
}

// files are those of certificates in the database.
func files(t *testing.T, db certificate.Store) []string {
	t.Helper()
	paths, err := db.ACMEFiles(t.Context(), "certificates")
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// expired is a certificate in PEM that expired so long ago.
func expired(t *testing.T, age time.Duration) []byte {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "old"}, NotAfter: time.Now().Add(-age)}
	der, err := x509.CreateCertificate(nil, &c, &c, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
