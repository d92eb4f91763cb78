// Package certificate provides the TLS certificates of the service: from files that may change while it runs (Files), or
// from a certificate authority by the ACME protocol of RFC 8555 (ACME).
package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
)

// ChallengeProtocol is the ALPN protocol of TLS-ALPN-01 challenges (RFC 8737).
const ChallengeProtocol = acmez.ACMETLS1Protocol

// retryAfter is the pause after the library has given up, which it does after a month, or after a failed database operation.
const retryAfter = time.Minute

// stopTimeout is how long Close waits for a request of the library to the certificate authority.
const stopTimeout = 5 * time.Second

// Of Clean.
const (
	cleanEvery  = 24 * time.Hour
	keptExpired = 14 * 24 * time.Hour
)

var errOtherHost = errors.New("the host of the challenge is not one of this service")

// Config is what ACME needs.
type Config struct {
	Hosts     []string       // in lower case; each gets a certificate
	Directory string         // URL of the certificate authority; Let's Encrypt when empty
	Email     string         // contact for the certificate authority; may be empty
	Roots     *x509.CertPool // verify the connection to the certificate authority; nil for those of the system
	Listen    netip.AddrPort // of the TLS listener, which uses ACME.Certificate
	Plain     netip.AddrPort // of the plain HTTP listener, which uses ACME.Challenge; invalid if there is none
	OnDemand  OnDemand       // further hosts, whose certificates are ordered when they are asked for; the zero value for none
	Store     Store
	Logger    *slog.Logger
}

// ACME orders certificates and renews them. All nodes of a database have the same ones:
//
//	no certificate in the database ──▶ lock of the host ──▶ still none? ──▶ order ──▶ save ──▶ unlock
//	                                      │ another node has it
//	                                      └──▶ wait ──▶ load what that node saved
//
// The certificate authority may send its challenge to any node, so open challenges are in the database too. A lock has a
// lease that is renewed during an order: if the node dies, another one takes over.
type ACME struct {
	hosts   []string
	storage *storage
	cache   *certmagic.Cache
	config  *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	demand  *onDemand // nil without Config.OnDemand
	logger  *slog.Logger
	library *zap.Logger // of the library
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Start loads the certificates from the database, and orders and renews in the background until Close.
func Start(ctx context.Context, c Config) *ACME {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	a := &ACME{hosts: c.Hosts, storage: newStorage(c.Store), logger: c.Logger, library: zap.New(logCore{logger: c.Logger}), stop: stop}
	complete := make(chan struct{})
	defer close(complete)
	a.cache = certmagic.NewCache(certmagic.CacheOptions{Logger: a.library, GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) {
		<-complete
		return a.config, nil
	}})
	a.config = certmagic.New(a.cache, certmagic.Config{
		Storage: a.storage, Logger: a.library, OnEvent: a.event,
		DefaultServerName: c.Hosts[0], // for clients that name no host
		// Let's Encrypt has no OCSP any more, and the start must not wait for the responder of another authority.
		OCSP: certmagic.OCSPConfig{DisableStapling: true},
	})
	issuer := certmagic.ACMEIssuer{
		CA: c.Directory, Email: c.Email, Agreed: true, TrustedRoots: c.Roots, Logger: a.library,
		ListenHost: c.Listen.Addr().String(), AltTLSALPNPort: int(c.Listen.Port()),
		DisableHTTPChallenge: !c.Plain.IsValid(), AltHTTPPort: int(c.Plain.Port()),
	}
	a.issuer = certmagic.NewACMEIssuer(a.config, issuer)
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	if c.OnDemand.Covers != nil {
		a.demand = a.newOnDemand(background, c.OnDemand, issuer)
	}
	for _, host := range c.Hosts {
		known, err := a.config.CacheManagedCertificate(background, host)
		a.running.Go(func() { a.manage(background, host, known, err) })
	}
	return a
}

// manage obtains the certificate of a host, or renews one that expires soon. Later renewals are up to the cache.
func (a *ACME) manage(ctx context.Context, host string, known certmagic.Certificate, err error) {
	for {
		switch {
		case err == nil && !known.NeedsRenewal(a.config):
			return
		case err == nil:
			err = a.config.RenewCertAsync(ctx, host, false)
		case errors.Is(err, fs.ErrNotExist):
			err = a.config.ObtainCertAsync(ctx, host)
		}
		if err == nil {
			_, err = a.config.CacheManagedCertificate(ctx, host)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		a.logger.Error("the certificate cannot be obtained; trying again", slog.String("host", host), slog.String("error", err.Error()))
		if !sleep(ctx, retryAfter) {
			return
		}
		known, err = a.config.CacheManagedCertificate(ctx, host)
	}
}

// event logs the outcome of orders.
func (a *ACME) event(_ context.Context, name string, data map[string]any) error {
	host, _ := data["identifier"].(string)
	switch name {
	case "cert_obtained":
		a.logger.Info("certificate obtained", slog.String("host", host))
	case "cert_failed":
		err, _ := data["error"].(error)
		a.logger.Error("the certificate could not be obtained; trying again later", slog.String("host", host), slog.Any("error", err))
	}
	return nil
}

// Certificate is for tls.Config.GetCertificate. It answers challenges too. Other hosts never cause a database query.
func (a *ACME) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name, challenge := hostOf(hello.ServerName), slices.Contains(hello.SupportedProtos, ChallengeProtocol)
	switch own := a.Covers(name); {
	case !own && !challenge && a.demands(name):
		return a.demand.certificate(hello.Context(), name)
	case !own && challenge && !a.demands(name):
		return nil, errOtherHost
	}
	return a.config.GetCertificate(hello)
}

// Challenge answers an HTTP-01 challenge (RFC 8555, section 8.3). It returns false, and writes nothing, for other requests.
func (a *ACME) Challenge(w http.ResponseWriter, r *http.Request) bool {
	host, _, _ := strings.Cut(r.Host, ":")
	return (a.Covers(host) || a.demands(hostOf(host))) && a.issuer.HandleHTTPChallenge(w, r)
}

// Covers tells whether a host is one of Config.Hosts.
func (a *ACME) Covers(host string) bool {
	return slices.Contains(a.hosts, hostOf(host))
}

// demands tells whether the certificate of a host is ordered on demand.
func (a *ACME) demands(host string) bool {
	return a.demand != nil && host != "" && a.demand.Covers(host)
}

// NotAfter is when the first certificate expires; the zero time while one is missing.
func (a *ACME) NotAfter() (first time.Time) {
	for _, host := range a.hosts {
		var latest time.Time // the cache may have the former certificate too
		for _, c := range a.cache.AllMatchingCertificates(host) {
			if c.Leaf.NotAfter.After(latest) {
				latest = c.Leaf.NotAfter
			}
		}
		if latest.IsZero() {
			return latest
		}
		if first.IsZero() || latest.Before(first) {
			first = latest
		}
	}
	return first
}

// Clean forgets certificates that are of no use: in memory those of hosts that are no longer covered, and in the database, once a day for
// all nodes, those that expired long ago. Until then the host may come back.
func (a *ACME) Clean(ctx context.Context) error {
	if a.demand != nil {
		a.demand.release()
	}
	return certmagic.CleanStorage(ctx, a.storage, certmagic.CleanStorageOptions{Logger: a.library, Interval: cleanEvery,
		ExpiredCerts: true, ExpiredCertGracePeriod: keptExpired})
}

// Close ends all work and releases the locks of this node.
func (a *ACME) Close() error {
	a.stop()
	if a.demand != nil {
		a.demand.settle()
	}
	a.running.Wait()
	stopped := make(chan struct{})
	go func() {
		if a.demand != nil {
			a.demand.cache.Stop()
		}
		a.cache.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(stopTimeout): // the library cannot cancel a request of its maintenance
	}
	return a.storage.close()
}

// sleep tells whether a time has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
