package public_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"punctual/internal/badge"
	"punctual/internal/public"
	"punctual/internal/public/publictest"
	"punctual/internal/statuspage"
)

// held are the domains of pages in memory.
type held struct {
	revision int64
	list     []statuspage.HeldDomain
	reads    int
	err      error
}

func (h *held) DomainsRevision(context.Context) (int64, error) { return h.revision, h.err }

func (h *held) HeldDomains(context.Context) ([]statuspage.HeldDomain, error) {
	h.reads++
	return h.list, h.err
}

// set changes what is held.
func (h *held) set(list ...statuspage.HeldDomain) { h.revision, h.list = h.revision+1, list }

// newDomainWorld is a world with a page at status.example.net.
func newDomainWorld(t *testing.T) (*world, *held, *public.Domains) {
	w, h := newWorld(t), &held{}
	page := publictest.Outage("acme", noon)
	w.pages.Set(page)
	w.pages.Set(publictest.Empty("empty"))
	h.set(statuspage.HeldDomain{Host: "status.example.net", PageID: page.Page.ID, Slug: "acme"})
	domains := public.NewDomains(h, "status.example")
	ok(t, domains.Refresh(t.Context()))
	var err error
	w.handler, err = public.New(public.Config{Pages: w.pages, Visitors: w.pages, Secret: [32]byte{1}, Logger: slog.New(slog.DiscardHandler), Now: w.Now,
		PublicURL: "https://status.example", Streams: 8, Domains: domains})
	ok(t, err)
	return w, h, domains
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func at(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }

// TestDomain has the page at the root of its domain, with links, feeds and JSON that stay there, and nothing else.
func TestDomain(t *testing.T) {
	w, _, _ := newDomainWorld(t)
	for _, host := range []string{"status.example.net", "STATUS.Example.net.", "status.example.net:8443"} {
		check(t, w.get("/", at(host)), 200, `data-events="/events"`, `href="/incidents/9"`, `<a class="brand" href="/">`, `href="/feed.atom"`, `href="/status.json"`)
	}
	here := at("status.example.net")
	if page := w.get("/", here).Body.String(); strings.Contains(page, "/status/acme") || strings.Contains(page, "//incidents") {
		t.Errorf("the page leads away from its domain: %s", page)
	}
	for path, want := range map[string]string{
		"/incidents": "/incidents/9", "/incidents/9": "about", "/feed.atom": "<id>https://status.example.net/incidents/", "/feed.rss": "https://status.example.net/incidents/",
		"/feed.json": `"home_page_url":"https://status.example.net"`, "/maintenance.ics": "URL:https://status.example.net",
		"/status.json": `"url":"https://status.example.net/"`,
	} {
		check(t, w.get(path, here), 200, want)
	}
	for _, path := range []string{"/status/acme", "/status/empty", "/console", "/console/jobs", "/jobs", "/healthz", "/metrics", "/openapi.json", "/docs", "/acme", "/acme.json",
		"//", "/./incidents", "/status/", "/statuspages", "/.well-known/acme-challenge/x"} {
		check(t, w.get(path, here), 404)
	}
	if rec := w.ask("PUT", "/jobs", here); rec.Code != 404 {
		t.Errorf("PUT /jobs: %d", rec.Code)
	}
	check(t, w.get("/", at("other.example.net")), 404)
	check(t, w.get("/status/acme", at("other.example.net")), 200, `href="/status/acme/incidents/9"`)
}

// TestCanonical has one address for search engines, on both hosts, while the domain leads to the service.
func TestCanonical(t *testing.T) {
	w, _, _ := newDomainWorld(t)
	const tag = `<link rel="canonical" href="https://status.example.net`
	if page := w.get("/status/acme").Body.String(); strings.Contains(page, "canonical") {
		t.Error("a page without a domain has a canonical address")
	}
	page := publictest.Outage("acme", noon)
	page.Domain = "status.example.net"
	w.pages.Set(page)
	w.wait(2 * 60e9)
	for path, want := range map[string]string{"": "/", "/incidents": "/incidents", "/incidents/9": "/incidents/9"} {
		check(t, w.get("/status/acme"+path), 200, tag+want+`"`)
		check(t, w.get("/"+strings.TrimPrefix(path, "/"), at("status.example.net")), 200, tag+want+`"`)
	}
}

// TestDomainBadges has the badges of the page and its components on its domain, with the token of a page that not everybody may read, and
// none of other pages and of jobs.
func TestDomainBadges(t *testing.T) {
	w, _, _ := newDomainWorld(t)
	here := at("status.example.net")
	page := publictest.Outage("acme", noon)
	tokens := badgeKey.Page(page.Page.ID, 0)
	for _, tt := range []struct {
		access statuspage.Access
		token  string // in the address
		want   int    // of the badge of the page, and of that of a component
	}{
		{statuspage.AccessPublic, "", 200},
		{statuspage.AccessPublic, tokens + "/", 200},
		{statuspage.AccessMembers, "", 404},
		{statuspage.AccessMembers, tokens + "/", 200},
		{statuspage.AccessMembers, badgeKey.Page(page.Page.ID, 1) + "/", 200}, // renewed just now
		{statuspage.AccessMembers, badgeKey.Page(page.Page.ID+1, 0) + "/", 404},
	} {
		page.Page.Access = tt.access
		w.pages.Set(page)
		w.wait(2e9)
		for _, path := range []string{"/badges/" + tt.token, "/components/6/badges/" + tt.token} {
			for name, says := range map[string]string{"state.svg": "<title>", "state.json": `"metric":"state"`, "uptime-7d.shields.json": `"schemaVersion":1`} {
				rec := w.get(path+name, here)
				if check(t, rec, tt.want); tt.want == 200 {
					check(t, rec, 200, says)
				}
			}
		}
	}
	w.pages.SetJob(badge.Job{ID: 7, AccountID: 1, Enabled: true})
	for _, path := range []string{badgeKey.JobPath(7, 0) + "state.svg", "/status/acme/badges/state.svg", "/status/empty/badges/state.svg", "/empty/badges/state.svg"} {
		check(t, w.get(path, here), 404)
	}
}

// TestDomainAccess has cookies and redirects of a page that not everybody may read.
func TestDomainAccess(t *testing.T) {
	w, _, _ := newDomainWorld(t)
	page := publictest.Outage("acme", noon)
	page.Page.Access, page.Page.Password = statuspage.AccessPassword, "wide boats"
	w.pages.Set(page)
	here := at("status.example.net")
	check(t, w.get("/", here), 200, `action="/"`)
	rec := w.ask("POST", "/", here, with("Origin", "https://status.example.net"), with("Content-Type", "application/x-www-form-urlencoded"),
		func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("password=wide boats")) })
	if rec.Code != 303 || rec.Header().Get("Location") != "/" {
		t.Fatalf("%d %v", rec.Code, rec.Header())
	}
	if c := rec.Result().Cookies(); len(c) != 1 || c[0].Path != "/" || c[0].Domain != "" || !c[0].Secure || !c[0].HttpOnly {
		t.Errorf("the cookie is %v", c)
	}
	check(t, w.get("/", here, cookie(t, rec)), 200, "Website")
	page.Page.Access, page.Page.Password = statuspage.AccessMembers, ""
	w.pages.Set(page)
	w.pages.AddPass("once", 5)
	w.wait(2e9)
	if rec := w.get("/", here); rec.Code != 303 || rec.Header().Get("Location") != "https://status.example/console/visit/acme?host=status.example.net" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	if rec := w.get("/enter?pass=once", here); rec.Code != 303 || rec.Header().Get("Location") != "/" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
}

// TestHolds has one name for each domain: what handshakes ask for becomes the key of an order.
func TestHolds(t *testing.T) {
	_, _, domains := newDomainWorld(t)
	if !domains.Holds("status.example.net") {
		t.Error("a domain is not held")
	}
	for _, name := range []string{"", "status.example.net:443", "status.example.net:x", "[status.example.net]:1", "status.example.net.", "STATUS.example.net",
		"status.example", "x.status.example.net"} {
		if domains.Holds(name) {
			t.Errorf("%q is held", name)
		}
	}
}

// TestDomainsChange has domains that move to another page, and are released; what the database does not tell does not count.
func TestDomainsChange(t *testing.T) {
	w, h, domains := newDomainWorld(t)
	here := at("status.example.net")
	reads := h.reads
	for range 10 {
		ok(t, domains.Refresh(t.Context()))
	}
	if h.reads != reads {
		t.Errorf("%d reads although nothing changed", h.reads-reads)
	}
	h.set(statuspage.HeldDomain{Host: "status.example.net", PageID: 4711, Slug: "acme"}) // whose slug another page has now
	ok(t, domains.Refresh(t.Context()))
	check(t, w.get("/", here), 404)
	h.set(statuspage.HeldDomain{Host: "status.example", PageID: 1, Slug: "acme"})
	ok(t, domains.Refresh(t.Context()))
	if domains.Leads("status.example") || domains.Leads("status.example.net") {
		t.Error("a host of the service, or one that was released, is a domain")
	}
	h.set(statuspage.HeldDomain{Host: "status.example.net", PageID: 1, Slug: "acme"})
	ok(t, domains.Refresh(t.Context()))
	h.err = errors.New("away")
	h.set()
	if domains.Refresh(t.Context()) == nil || !domains.Leads("status.example.net") {
		t.Error("domains are forgotten while the database is away")
	}
	for _, host := range []string{"", ":", "[::1]:80", "a:b:c", strings.Repeat("x", 5000), "192.0.2.1"} {
		if domains.Leads(host) {
			t.Errorf("%q is a domain", host)
		}
	}
}
