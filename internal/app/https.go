package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"punctual/internal/auth"
	"punctual/internal/certificate"
	"punctual/internal/config"
	"punctual/internal/message"
)

// certificates are those that the service shows to its clients.
type certificates interface {
	Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Covers(host string) bool // tells whether they are valid for a host
	NotAfter() time.Time     // when the first of them expires; the zero time when there is none yet
}

var (
	_ certificates = (*certificate.Files)(nil)
	_ certificates = (*certificate.ACME)(nil)
)

var errNoRoot = errors.New("the file of --acme-root holds no certificate in PEM")

// readCertificates reads the files of HTTPS, before anything is written.
func (n *node) readCertificates(context.Context) (stop func() error, err error) {
	o := n.config.Serve
	if o.TLSCert != "" {
		if n.files, err = certificate.OpenFiles(o.TLSCert, o.TLSKey); err != nil {
			return nil, err
		}
		n.certificates = n.files
	}
	if o.ACMERoot != "" {
		text, err := os.ReadFile(o.ACMERoot)
		if err != nil {
			return nil, fmt.Errorf("read the root certificate: %w", err)
		}
		n.roots = x509.NewCertPool()
		if !n.roots.AppendCertsFromPEM(text) {
			return nil, errNoRoot
		}
	}
	return nil, nil
}

// orderCertificates begins to order certificates by ACME.
func (n *node) orderCertificates(ctx context.Context) (stop func() error, err error) {
	n.metrics.Gauge("certificate_expiry_timestamp_seconds",
		"When the first of the service's own certificates expires; 0 without HTTPS, or while one is missing.", n.certificateExpiry)
	o := n.config.Serve
	if len(o.ACME) == 0 {
		return nil, nil
	}
	c := certificate.Config{
		Directory: o.ACMEDirectory, Email: o.ACMEEmail, Roots: n.roots, Listen: addressOf(n.listener), Store: n.db, Logger: n.logger,
		OnDemand: n.onDemand(),
	}
	for _, host := range o.ACME {
		c.Hosts = append(c.Hosts, string(host))
	}
	if n.plain != nil {
		c.Plain = addressOf(n.plain)
	}
	n.acme = certificate.Start(ctx, c)
	n.certificates = n.acme
	return n.acme.Close, nil
}

func (n *node) certificateExpiry() float64 {
	if n.certificates == nil {
		return 0
	}
	if at := n.certificates.NotAfter(); !at.IsZero() {
		return float64(at.Unix())
	}
	return 0
}

// reloading takes changed files of the certificate into use.
func (n *node) reloading() worker {
	w := worker{name: "certificate", period: 5 * time.Second}
	if n.files != nil {
		w.step = func(context.Context) (more bool, err error) {
			reload(n.files, n.logger)
			return false, nil
		}
	}
	return w
}

// cleaningCertificates forgets certificates by ACME that are of no use.
func (n *node) cleaningCertificates() worker {
	w := worker{name: "old certificates", first: time.Minute, period: time.Hour, failure: "old certificates could not be removed; trying again"}
	if n.acme != nil {
		w.step = func(ctx context.Context) (more bool, err error) { return false, n.acme.Clean(ctx) }
	}
	return w
}

func reload(files *certificate.Files, logger *slog.Logger) {
	changed, err := files.Reload()
	if err != nil {
		logger.Warn("the changed certificate cannot be used; the service keeps the former one", slog.String("error", explain(err)))
	}
	if changed {
		logger.Info("the changed certificate is in use", slog.Time("expires", files.NotAfter()))
	}
}

// encrypt makes a listener one for TLS, when the service serves HTTPS. Handshakes are part of a connection's first request
// to the server, which bounds their time, and to limitedListener.
func (n *node) encrypt(inner net.Listener) net.Listener {
	if n.certificates == nil {
		return inner
	}
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: n.certificates.Certificate,
		// Not HTTP/2: limitedListener bounds what clients use by connections, each with one request at a time.
		NextProtos: []string{"http/1.1"},
	}
	if n.acme != nil {
		c.NextProtos = append(c.NextProtos, certificate.ChallengeProtocol)
	}
	return tls.NewListener(inner, c)
}

// strictTransport makes browsers use HTTPS only (RFC 6797), once they have reached the service by it. The names of the
// machine for itself are left out: other programs answer to them too.
func strictTransport(h http.Handler, proxies auth.Proxies) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if proxies.Secure(r) && !isLoopbackName(r.Host) {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.ServeHTTP(w, r)
	})
}

// servePlain answers on the listener for plain HTTP, beside one for HTTPS. Each answer ends its connection.
func (n *node) servePlain(context.Context) (stop func() error, err error) {
	if n.plain == nil {
		return nil, nil
	}
	server := n.newServer(n.plainHandler())
	server.SetKeepAlivesEnabled(false)
	watch(server)
	return n.run(server, n.limit(n.plain, n.shares.plain)), nil
}

// plainHandler answers challenges of ACME and whether the process lives, and sends browsers to HTTPS. It does not redirect
// who shows an API key, because that would hide that the key is sent in the clear, time and again.
func (n *node) plainHandler() http.Handler {
	own := mux(routes{"GET /healthz": http.HandlerFunc(health)}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := n.baseURL(r.Host)
		switch {
		case r.Header.Get("Authorization") != "":
			problem(w, http.StatusForbidden, message.Default().KeyOverHTTP(base))
		case base == "" || r.Method != http.MethodGet && r.Method != http.MethodHead:
			problem(w, http.StatusForbidden, message.Default().HTTPSOnly(base))
		default:
			http.Redirect(w, r, base+pathOf(r.URL), http.StatusPermanentRedirect)
		}
	}))
	all := atDomains(n.domains, http.HandlerFunc(n.toHTTPS), own)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.acme == nil || !n.acme.Challenge(w, r) {
			all.ServeHTTP(w, r)
		}
	})
}

// pathOf is the path and the query of what a request asks for, which may name another host or be no path at all.
func pathOf(u *url.URL) string {
	path := u.EscapedPath()
	if !strings.HasPrefix(path, "/") {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path
}

// baseURL is where HTTPS requests for a host go: to the public URL, or to the same host when our certificate is valid for
// it. It is empty for other hosts, which a redirect must not lead to.
func (n *node) baseURL(host string) string {
	if public := n.config.Serve.PublicURL; public != "" {
		return string(public)
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	name := strings.Trim(host, "[]")
	if name == "" || !n.certificates.Covers(name) {
		return ""
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.Is6() {
		host = "[" + name + "]"
	}
	if port := addressOf(n.listener).Port(); port != 443 {
		host += ":" + strconv.Itoa(int(port))
	}
	return "https://" + host
}

// publicURL is where people and programs reach the service.
func (n *node) publicURL() string { return cmp.Or(configuredURL(n.config), n.listenURL()) }

// configuredURL is the URL of the service as far as the configuration tells it, and otherwise empty.
func configuredURL(c config.Config) string {
	if hosts := c.Serve.ACME; c.Serve.PublicURL == "" && len(hosts) > 0 {
		return "https://" + string(hosts[0])
	}
	return string(c.Serve.PublicURL)
}

// listenURL is the address of --listen.
func (n *node) listenURL() string { return n.scheme() + "://" + n.listener.Addr().String() }

// scheme is what --listen speaks.
func (n *node) scheme() string {
	if n.config.Serve.Enabled() {
		return "https"
	}
	return "http"
}
