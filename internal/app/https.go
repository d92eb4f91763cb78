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
	"punctual/internal/message"
)

// certificates is the source of the service's own certificates.
type certificates interface {
	Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Covers(host string) bool // whether one is valid for a host
	NotAfter() time.Time     // when the first one expires; the zero time while one is missing
}

var (
	_ certificates = (*certificate.Files)(nil)
	_ certificates = (*certificate.ACME)(nil)
)

var errNoRoot = errors.New("the file of --acme-root holds no certificate in PEM")

// readCertificates reads the certificate files before anything is written to the database.
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

// orderCertificates starts to order certificates by ACME.
func (n *node) orderCertificates(ctx context.Context) (stop func() error, err error) {
	n.metrics.Gauge("certificate_expiry_timestamp_seconds",
		"When the first of the service's own certificates expires; 0 without HTTPS, or while one is missing.", n.certificateExpiry)
	o := n.config.Serve
	if len(o.ACME) == 0 {
		return nil, nil
	}
	c := certificate.Config{
		Directory: o.ACMEDirectory, Email: o.ACMEEmail, Roots: n.roots, Listen: addressOf(n.listener), Store: n.db, Logger: n.logger,
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

// reloading is the worker that picks up changed certificate files.
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

func reload(files *certificate.Files, logger *slog.Logger) {
	changed, err := files.Reload()
	if err != nil {
		logger.Warn("the changed certificate cannot be used; the service keeps the former one", slog.String("error", explain(err)))
	}
	if changed {
		logger.Info("the changed certificate is in use", slog.Time("expires", files.NotAfter()))
	}
}

// encrypt adds TLS to a listener if the service serves HTTPS. A handshake has as much time as the head of a request, and
// limitedListener counts its connection as idle.
func (n *node) encrypt(inner net.Listener) net.Listener {
	if n.certificates == nil {
		return inner
	}
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: n.certificates.Certificate,
		// Not HTTP/2, because limitedListener bounds connections and assumes one request at a time on each.
		NextProtos: []string{"http/1.1"},
	}
	if n.acme != nil {
		c.NextProtos = append(c.NextProtos, certificate.ChallengeProtocol)
	}
	return tls.NewListener(inner, c)
}

// strictTransport tells browsers that reach the service by HTTPS to use nothing else (RFC 6797). It leaves out localhost,
// where other programs serve HTTP.
func strictTransport(h http.Handler, proxies auth.Proxies) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if proxies.Secure(r) && !isLoopbackName(r.Host) {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.ServeHTTP(w, r)
	})
}

// servePlain serves plain HTTP beside HTTPS. Each response closes its connection.
func (n *node) servePlain(context.Context) (stop func() error, err error) {
	if n.plain == nil {
		return nil, nil
	}
	server := n.newServer(n.plainHandler())
	server.SetKeepAlivesEnabled(false)
	watch(server)
	return n.run(server, n.limit(n.plain, n.shares.plain)), nil
}

// plainHandler answers ACME challenges and /healthz, and redirects browsers to HTTPS. It refuses a request with an API key:
// a redirect would hide that the key is sent unencrypted each time.
func (n *node) plainHandler() http.Handler {
	return mux(routes{"GET /healthz": http.HandlerFunc(health)}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.acme != nil && n.acme.Challenge(w, r) {
			return
		}
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
}

// pathOf is the path and query of a request target, which may be an absolute URL of another host, or have no path.
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

// baseURL is the HTTPS URL for requests to a host: the public URL, or the same host if the certificate is valid for it. It
// is empty for any other host, so that a forged Host header does not decide where a redirect leads.
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

// publicURL is the URL under which people and programs reach the service.
func (n *node) publicURL() string {
	byACME := ""
	if hosts := n.config.Serve.ACME; len(hosts) > 0 {
		byACME = "https://" + string(hosts[0])
	}
	return cmp.Or(string(n.config.Serve.PublicURL), byACME, n.listenURL())
}

// listenURL is the URL of the address of --listen.
func (n *node) listenURL() string {
	if n.config.Serve.Enabled() {
		return "https://" + n.listener.Addr().String()
	}
	return urlOf(n.listener)
}
