package app

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"punctual/internal/certificate"
	"punctual/internal/config"
	"punctual/internal/message"
	"punctual/internal/public"
	"punctual/internal/statuspage"
)

// ownHosts are the names at which the service itself is reached, as far as the configuration tells. They are never domains of status pages.
func ownHosts(c config.Config) (hosts []string) {
	if u, err := url.Parse(configuredURL(c)); err == nil && u.Hostname() != "" {
		hosts = append(hosts, statuspage.HostOf(u.Hostname()))
	}
	for _, host := range c.Serve.ACME {
		if !slices.Contains(hosts, string(host)) {
			hosts = append(hosts, string(host))
		}
	}
	return hosts
}

// readDomains reads the domains of status pages, before the first request.
func (n *node) readDomains(ctx context.Context) (stop func() error, err error) {
	n.domains = public.NewDomains(n.db, ownHosts(n.config)...)
	return nil, n.domains.Refresh(ctx)
}

// refreshingDomains takes over changes of the domains of status pages.
func (n *node) refreshingDomains() worker {
	return worker{
		name: "domains", first: time.Second, period: time.Second,
		step:    func(ctx context.Context) (more bool, err error) { return false, n.domains.Refresh(ctx) },
		failure: "the domains of status pages could not be read again; those known stay in use",
	}
}

// checkingDomains looks up domains whose check is due.
func (n *node) checkingDomains() worker {
	return worker{
		name: "domain checks", first: 5 * time.Second, period: 5 * time.Second, pause: 100 * time.Millisecond, step: n.service.WorkStatusDomains,
		failure: "domains of status pages could not be checked; trying again",
	}
}

// onDemand are the hosts whose certificates are ordered when browsers ask for them.
func (n *node) onDemand() certificate.OnDemand {
	return certificate.OnDemand{Covers: n.domains.Holds, Order: n.service.OrderCertificate}
}

// atDomains passes requests for domains of status pages to the pages, whatever their path, and everything else to rest: the console, the
// API and the operations are not there.
func atDomains(domains *public.Domains, pages, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if domains.Leads(r.Host) {
			pages.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// toHTTPS sends visitors of domains of status pages to HTTPS, at the port of the public URL. The domain is not ours for ever, so browsers
// are not to remember it.
func (n *node) toHTTPS(w http.ResponseWriter, r *http.Request) {
	base := "https://" + hostName(r.Host)
	if u, err := url.Parse(configuredURL(n.config)); err == nil && u.Port() != "" {
		base += ":" + u.Port()
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		problem(w, http.StatusForbidden, message.Default().HTTPSOnly(base))
		return
	}
	http.Redirect(w, r, base+pathOf(r.URL), http.StatusTemporaryRedirect)
}

// hostName is the host of a request without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
