package certificate_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

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
