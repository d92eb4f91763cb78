package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"punctual/internal/config"
	"punctual/internal/public"
	"punctual/internal/statuspage"
	"punctual/internal/web"
)

// TestDomainsShowPagesAlone goes to every route of the API, the console and the process on the domain of a status page, with the session of an
// owner and the key that may do everything: nothing of them is there.
func TestDomainsShowPagesAlone(t *testing.T) {
	g := newGround(t)
	s := g.open(t)
	host := inside + ".example.net"
	s.execute(t, `UPDATE status_domain SET held_at = 1 WHERE host = $1`, host)
	s.execute(t, `UPDATE status_page SET published = 1`)
	s.execute(t, `UPDATE status_domain_set SET revision = revision + 1`)
	g.must(s.domains.Refresh(t.Context()))
	inner, requests := s.Handler, 0
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		r.Host, r.RemoteAddr = host, fmt.Sprintf("198.51.100.%d:1", requests%250) // each address has a rate
		inner.ServeHTTP(w, r)
	})
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	if w := get("/"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), inside) || w.Header().Get("Strict-Transport-Security") != "" {
		t.Fatalf("the page is not at its domain: %d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/", "/console", "/console/", "/status/walked", "//", "/docs", "/openapi.json"} {
		if w := get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	version := s.dataVersion(t)
	owner := &walkers[slices.IndexFunc(walkers, func(w walker) bool { return w.name == "owner" })]
	key := &walkers[slices.IndexFunc(walkers, func(w walker) bool { return w.name == "all" })]
	for _, v := range slices.Concat(callsOfAPI, pagesOfConsole) {
		who, header := key, http.Header{"Authorization": {"Bearer " + s.bearers["all"]}}
		path := s.path(&v, owner)
		if path == "/events" { // which the page has too
			continue
		}
		if web.Reserved(path) {
			who, header = owner, http.Header{"Cookie": {"punctual=" + s.cookies["owner"]}}
		}
		if w := s.send(t, &v, who, header); w.Code != http.StatusNotFound {
			t.Errorf("%s on a domain: %d %v", v.call, w.Code, w.Header())
		}
	}
	if now := s.dataVersion(t); now != version {
		t.Error("a visit of a domain changed something")
	}
}

// oneDomain is the domain of a page.
type oneDomain struct{}

func (oneDomain) DomainsRevision(context.Context) (int64, error) { return 1, nil }

func (oneDomain) HeldDomains(context.Context) ([]statuspage.HeldDomain, error) {
	return []statuspage.HeldDomain{{Host: "status.example.net", PageID: 1, Slug: "x"}}, nil
}

// TestNamesInHandshakes orders no certificate for another spelling of a domain: clients could have as many orders of it as they like.
func TestNamesInHandshakes(t *testing.T) {
	n := &node{domains: public.NewDomains(oneDomain{})}
	if err := n.domains.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	covers := n.onDemand().Covers
	if !covers("status.example.net") {
		t.Error("a domain gets no certificate")
	}
	for _, name := range []string{"status.example.net:443", "status.example.net:x", "[status.example.net]:1", "status.example.net.", ""} {
		if covers(name) {
			t.Errorf("%q gets a certificate", name)
		}
	}
}

// TestOwnHosts has the hosts of the service as domains are compared with them.
func TestOwnHosts(t *testing.T) {
	for given, want := range map[config.PublicURL]string{
		"https://cron.example.com:8443": "cron.example.com", "https://Cron.example.com.": "cron.example.com", "https://bücher.example": "xn--bcher-kva.example",
		"http://[2001:db8::7]:80": "2001:db8::7",
	} {
		if hosts := ownHosts(config.Config{Serve: config.ServeConfig{PublicURL: given}}); !slices.Equal(hosts, []string{want}) {
			t.Errorf("%s: %q", given, hosts)
		}
	}
}

// TestPlainHTTPOfDomains sends visitors of a domain to HTTPS there, and has nothing else for them.
func TestPlainHTTPOfDomains(t *testing.T) {
	n := newHTTPS(t)
	n.config.Serve.PublicURL = "https://cron.example.com:8443"
	n.domains = public.NewDomains(oneDomain{}, ownHosts(n.config)...)
	if err := n.domains.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	handler := n.plainHandler()
	for _, tt := range []struct {
		method, host, path string
		status             int
		to                 string
	}{
		{"GET", "status.example.net", "/incidents?before=3", http.StatusTemporaryRedirect, "https://status.example.net:8443/incidents?before=3"},
		{"HEAD", "status.example.net:80", "/", http.StatusTemporaryRedirect, "https://status.example.net:8443/"},
		{"GET", "status.example.net", "/healthz", http.StatusTemporaryRedirect, "https://status.example.net:8443/healthz"},
		{"GET", "status.example.net", "//evil.example", http.StatusTemporaryRedirect, "https://status.example.net:8443//evil.example"},
		{"POST", "status.example.net", "/", http.StatusForbidden, ""},
		{"GET", "cron.example.com", "/healthz", http.StatusOK, ""},
		{"GET", "other.example.net", "/", http.StatusPermanentRedirect, "https://cron.example.com:8443/"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil)
		r.Host = tt.host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("Location") != tt.to {
			t.Errorf("%s %s%s: %d %s", tt.method, tt.host, tt.path, w.Code, w.Header().Get("Location"))
		}
	}
}
