package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// OnDemand are hosts whose certificates are ordered when somebody asks for them by TLS. Both functions are for any goroutine.
type OnDemand struct {
	// Covers tells whether a host is one of them, by its one name in lower case: no other text counts, such as one with a port, because
	// clients choose what they ask for. It is asked with each handshake, and costs no query.
	Covers func(host string) bool
	// Order counts an order for a host; an error refuses it. It is asked only when a certificate is needed that no node has.
	Order func(ctx context.Context, host string) error
}

// Limits of certificates on demand. Where an order failed, others are refused for a while.
const (
	ordersAtOnce  = 4 // on this node
	loadsAtOnce   = 8 // from the database
	orderTimeout  = 90 * time.Second
	askAgainAfter = time.Minute // after a failure

	waitTimeout = 10 * time.Second // of a client; the server gives up its handshake then
	waitersMost = 64               // for one host
)

var (
	errTriedBefore = errors.New("the certificate could not be obtained a moment ago")
	errManyWait    = errors.New("too many clients wait for the certificate")
)

// onDemand has the certificates of hosts that come and go:
//
//	handshake ── in memory ──▶ it; soon expired: renewed behind the client's back
//	    └─ one of the hosts? ── database ──▶ it
//	                                 └─ Order allows it? ──▶ order, while the clients of the host wait
//
// All that wait for a host share one order. Others get no answer, and cost nothing.
type onDemand struct {
	OnDemand
	cache   *certmagic.Cache
	config  *certmagic.Config
	logger  *slog.Logger
	life    context.Context
	running *sync.WaitGroup
	orders  chan struct{}
	loads   chan struct{}

	mu      sync.Mutex
	pending map[string]*pendingCertificate // by host
	loaded  map[string]bool                // hosts that may have certificates in memory
	failed  map[string]time.Time           // when the last failure was
}

// pendingCertificate is one that some wait for.
type pendingCertificate struct {
	done    chan struct{}
	waiters chan struct{} // clients whose connections may be closed already, which does not end their handshakes
	found   *tls.Certificate
	err     error
}

// decisive makes the library try once.
type decisive struct{ *certmagic.ACMEIssuer }

// Issue implements certmagic.Issuer.
func (d decisive) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	issued, err := d.ACMEIssuer.Issue(ctx, csr)
	if err != nil {
		err = certmagic.ErrNoRetry{Err: err}
	}
	return issued, err
}

// newOnDemand has no certificates in memory at first. Those of the storage are for all nodes.
func (a *ACME) newOnDemand(life context.Context, of OnDemand, issuer certmagic.ACMEIssuer) *onDemand {
	d := &onDemand{OnDemand: of, logger: a.logger, life: life, running: &a.running, orders: make(chan struct{}, ordersAtOnce),
		loads: make(chan struct{}, loadsAtOnce), pending: map[string]*pendingCertificate{}, loaded: map[string]bool{}, failed: map[string]time.Time{}}
	d.cache = certmagic.NewCache(certmagic.CacheOptions{Logger: a.library, GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) {
		return d.config, nil
	}})
	d.config = certmagic.New(d.cache, certmagic.Config{
		Storage: a.storage, Logger: a.library, OCSP: certmagic.OCSPConfig{DisableStapling: true},
		// The library renews nothing by itself then, such as certificates of hosts that are no longer covered.
		OnDemand: &certmagic.OnDemandConfig{DecisionFunc: func(context.Context, string) error { return errOtherHost }},
		OnEvent: func(ctx context.Context, name string, data map[string]any) error {
			if host, _ := data["identifier"].(string); name == "cert_obtaining" {
				if err := d.Order(ctx, host); err != nil {
					return certmagic.ErrNoRetry{Err: err}
				}
			}
			return nil
		},
	})
	d.config.Issuers = []certmagic.Issuer{decisive{certmagic.NewACMEIssuer(d.config, issuer)}}
	return d
}

// certificate is that of a host that is covered.
func (d *onDemand) certificate(ctx context.Context, host string) (*tls.Certificate, error) {
	known := d.known(host)
	if known != nil && !known.NeedsRenewal(d.config) {
		return &known.Certificate, nil
	}
	valid := known != nil && time.Now().Before(known.Leaf.NotAfter)
	p, err := d.ask(host)
	switch {
	case valid: // which is renewed meanwhile
		return &known.Certificate, nil
	case err != nil:
		return nil, err
	}
	return p.wait(ctx)
}

func (p *pendingCertificate) wait(ctx context.Context) (*tls.Certificate, error) {
	select {
	case p.waiters <- struct{}{}:
		defer func() { <-p.waiters }()
	default:
		return nil, errManyWait
	}
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	select {
	case <-p.done:
		return p.found, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// known is the certificate in memory that is valid for the longest time.
func (d *onDemand) known(host string) (latest *certmagic.Certificate) {
	for _, c := range d.cache.AllMatchingCertificates(host) {
		if latest == nil || c.Leaf.NotAfter.After(latest.Leaf.NotAfter) {
			latest = &c
		}
	}
	return latest
}

// ask starts to obtain a certificate, if nobody does, and not soon after a failure.
func (d *onDemand) ask(host string) (*pendingCertificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.pending[host]; p != nil {
		return p, nil
	}
	if time.Since(d.failed[host]) < askAgainAfter {
		return nil, errTriedBefore
	}
	if d.life.Err() != nil {
		return nil, errClosed
	}
	p := &pendingCertificate{done: make(chan struct{}), waiters: make(chan struct{}, waitersMost)}
	d.pending[host] = p
	d.running.Go(func() {
		ctx, cancel := context.WithTimeout(d.life, orderTimeout)
		defer cancel()
		p.err = errClosed // if it panics
		defer func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.pending, host)
			delete(d.failed, host)
			if p.err != nil {
				d.forgetFailures()
				d.failed[host] = time.Now()
			}
			close(p.done)
		}()
		if p.err = d.obtain(ctx, host); p.err != nil {
			d.logger.Warn("the certificate of a domain cannot be obtained", slog.String("host", host), slog.String("error", p.err.Error()))
			return
		}
		if c := d.known(host); c != nil {
			p.found = &c.Certificate
		} else {
			p.err = errOtherHost
		}
	})
	return p, nil
}

// settle returns when nothing more begins, once life has ended.
func (d *onDemand) settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
}

// forgetFailures drops those that no longer matter, so that they are no more than hosts of the last minute.
func (d *onDemand) forgetFailures() {
	for host, at := range d.failed {
		if time.Since(at) >= askAgainAfter {
			delete(d.failed, host)
		}
	}
}

// obtain loads the certificate of a host from the database into memory, and orders or renews it where that is needed.
func (d *onDemand) obtain(ctx context.Context, host string) error {
	known, err := d.load(ctx, host)
	switch {
	case err == nil && !known.NeedsRenewal(d.config):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	missing := err != nil
	select {
	case d.orders <- struct{}{}:
		defer func() { <-d.orders }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if missing {
		err = d.config.ObtainCertAsync(ctx, host)
	} else {
		err = d.config.RenewCertAsync(ctx, host, false)
	}
	if err != nil {
		return err
	}
	d.logger.Info("certificate of a domain obtained", slog.String("host", host))
	_, err = d.load(ctx, host)
	return err
}

func (d *onDemand) load(ctx context.Context, host string) (certmagic.Certificate, error) {
	select {
	case d.loads <- struct{}{}:
		defer func() { <-d.loads }()
	case <-ctx.Done():
		return certmagic.Certificate{}, ctx.Err()
	}
	d.mu.Lock()
	d.loaded[host] = true
	d.mu.Unlock()
	c, err := d.config.CacheManagedCertificate(ctx, host)
	if err == nil {
		d.keep(host, c.Hash())
	}
	return c, err
}

// keep drops the certificates of a host from memory, but for one.
func (d *onDemand) keep(host, hash string) {
	var former []string
	for _, c := range d.cache.AllMatchingCertificates(host) {
		if c.Hash() != hash {
			former = append(former, c.Hash())
		}
	}
	d.cache.Remove(former)
}

// release drops the certificates of hosts that are no longer covered from memory.
func (d *onDemand) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for host := range d.loaded {
		if d.pending[host] == nil && !d.Covers(host) {
			d.keep(host, "")
			delete(d.loaded, host)
		}
	}
}

// hostOf is the name of a host as certificates have it.
func hostOf(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }
