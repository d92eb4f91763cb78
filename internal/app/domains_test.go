package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

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
