package public_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/auth"
	"punctual/internal/public"
	"punctual/internal/public/publictest"
	"punctual/internal/statuspage"
)

// world is a server with pages that are all in memory.
type world struct {
	t       testing.TB
	pages   *publictest.Pages
	handler http.Handler

	subscriptions *publictest.Subscriptions

	mu  sync.Mutex
	now time.Time
}

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: noon}
	w.pages = publictest.New(w.Now)
	w.subscriptions = publictest.NewSubscriptions(w.pages)
	proxies, err := auth.Proxies(nil), error(nil)
	w.handler, err = public.New(public.Config{Pages: w.pages, Visitors: w.pages, Badges: w.pages, Subscriptions: w.subscriptions, ByMail: true, Secret: [32]byte{1}, Logger: slog.New(slog.DiscardHandler), Now: w.Now,
		Proxies: proxies, PublicURL: "https://status.example", Streams: 8})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// wait moves the clock.
func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// ask makes a request; changes alter it before.
func (w *world) ask(method, path string, changes ...func(*http.Request)) *httptest.ResponseRecorder {
	var body io.Reader
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, body)
	r.RemoteAddr = "192.0.2.7:40000"
	for _, change := range changes {
		change(r)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

func (w *world) get(path string, changes ...func(*http.Request)) *httptest.ResponseRecorder {
	return w.ask("GET", path, changes...)
}

// post sends a form.
func (w *world) post(path, form string) *httptest.ResponseRecorder {
	return w.ask("POST", path, func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address + ":1" }
}

// cookie is what a response sets, as a browser sends it.
func cookie(t *testing.T, rec *httptest.ResponseRecorder) func(*http.Request) {
	t.Helper()
	set := rec.Result().Cookies()
	if len(set) != 1 {
		t.Fatalf("%d cookies: %v", len(set), rec.Header())
	}
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: set[0].Name, Value: set[0].Value}) }
}

func check(t *testing.T, rec *httptest.ResponseRecorder, status int, holds ...string) {
	t.Helper()
	if rec.Code != status {
		t.Fatalf("status %d, want %d: %s", rec.Code, status, rec.Body)
	}
	for _, text := range holds {
		if !strings.Contains(rec.Body.String(), text) {
			t.Errorf("there is no %q in %s", text, rec.Body)
		}
	}
}

// TestPage reads all pages of a status page.
func TestPage(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Outage("acme", noon))
	w.pages.Set(publictest.Empty("empty"))
	check(t, w.get("/status/acme"), 200, "2 of 6 components", "Website", "Major outage", "The website does not answer", "about an hour", "New database servers",
		"We move to", "Europe", "Uptime is the time that was operational", "28 Nov", "accent-0f766e.css", "Search was slow", "/status/acme/incidents/9")
	check(t, w.get("/status/empty"), 200, "This page has no components yet", "No incidents in the last 14 days")
	check(t, w.get("/status/acme/incidents/9"), 200, "We look into it", "Partial outage", "Identified")
	check(t, w.get("/status/acme/incidents"), 200, "Mail was late")
	check(t, w.get("/status/acme/components/1"), 200, "Last 90 days", "31 Aug 2026", "Major outage", "99.")
	check(t, w.get("/status/acme/components/1/times"), 200, "<polyline", "95th percentile", "28 November, 12:00")
	for _, path := range []string{"/status/", "/status/nobody", "/status/Acme", "/status/-", "/status/acme/", "/status//acme", "/status/acme/incidents/8",
		"/status/acme/incidents/09", "/status/acme/components/99", "/status/acme/components/x/times", "/status/acme/logo", "/status/acme/x",
		"/status/acme/incidents?before=x", "/status/-/x/y.css", "/status/-/x/accent-FFF.css"} {
		check(t, w.get(path), 404, "There is no such page.")
	}
}

// TestSummary says how all components are, and never that all is well when something is not known.
func TestSummary(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	for _, tt := range []struct {
		states []statuspage.State
		says   string
	}{
		{[]statuspage.State{1, 1, 1}, "All systems operational"},
		{[]statuspage.State{1, 0, 1}, "There is no data about API"},
		{[]statuspage.State{0, 0, 0}, "There is no data about the components"},
		{[]statuspage.State{1, 5, 1}, "API is under maintenance"},
		{[]statuspage.State{0, 5, 1}, "API is under maintenance"},
		{[]statuspage.State{2, 0, 5}, "Website has degraded performance"},
		{[]statuspage.State{2, 2, 5}, "2 of 3 components have degraded performance"},
		{[]statuspage.State{3, 2, 5}, "Website has a partial outage"},
		{[]statuspage.State{3, 4, 5}, "2 of 3 components have an outage"},
		{[]statuspage.State{4, 4, 4}, "All components have an outage"},
		{[]statuspage.State{1, 2, 4}, "Sign-in has a major outage"},
	} {
		v.Page.Components = v.Page.Components[:3]
		for i, s := range tt.states {
			v.Page.Components[i].State = s
		}
		w.pages.Set(v)
		w.wait(2 * time.Second)
		check(t, w.get("/status/acme"), 200, tt.says)
	}
}

// TestSize bounds the document of the largest page.
func TestSize(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Large("acme", noon))
	rec := w.get("/status/acme")
	t.Logf("%d bytes", rec.Body.Len())
	if rec.Body.Len() > 60_000 {
		t.Errorf("%d bytes", rec.Body.Len())
	}
	if n := strings.Count(rec.Body.String(), `<svg class="b`); n != 100 {
		t.Errorf("%d bars", n)
	}
}

// TestHostile has no markup of anybody but ours on any page, nor in the JSON.
func TestHostile(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Hostile("acme", noon))
	for _, path := range []string{"/status/acme", "/status/acme/incidents/9", "/status/acme/incidents", "/status/acme/components/1",
		"/status/acme/components/1/times"} {
		rec := w.get(path)
		check(t, rec, 200)
		for _, bad := range []string{"<script>", "<img", "javascript:", "evil.example", " style="} {
			if strings.Contains(rec.Body.String(), bad) {
				t.Errorf("%s holds %q: %s", path, bad, rec.Body)
			}
		}
		if p := rec.Header().Get("Content-Security-Policy"); strings.Contains(p, "unsafe") || !strings.HasPrefix(p, "default-src 'none'") {
			t.Errorf("%s has the policy %q", path, p)
		}
	}
	if rec := w.get("/status/acme.json"); strings.Contains(rec.Body.String(), "<script>") || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the JSON is %s", rec.Body)
	}
}

// TestCache asks the database once a second, whoever comes, and takes over a change.
func TestCache(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Full("acme", noon))
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if rec := w.get("/status/acme"); rec.Code != 200 {
				t.Errorf("status %d", rec.Code)
			}
		})
	}
	all.Wait()
	if asked, viewed := w.pages.Asked(); asked != 1 || viewed != 1 {
		t.Errorf("asked %d, viewed %d", asked, viewed)
	}
	w.wait(1100 * time.Millisecond)
	first := w.get("/status/acme", from("192.0.2.8"))
	if asked, viewed := w.pages.Asked(); asked != 2 || viewed != 1 {
		t.Errorf("a second later: asked %d, viewed %d", asked, viewed)
	}
	same := w.get("/status/acme", with("If-None-Match", `"x", W/`+first.Header().Get("Etag")), from("192.0.2.8"))
	if same.Code != 304 || same.Body.Len() != 0 {
		t.Errorf("the same again: %d", same.Code)
	}
	w.pages.Set(publictest.Outage("acme", noon))
	w.wait(1100 * time.Millisecond)
	check(t, w.get("/status/acme", with("If-None-Match", first.Header().Get("Etag"))), 200, "2 of 6 components")
	w.pages.Delete("acme")
	w.wait(1100 * time.Millisecond)
	check(t, w.get("/status/acme"), 404)
}

// TestMovesOn renders anew when a minute or a day is over.
func TestMovesOn(t *testing.T) {
	w := newWorld(t)
	w.now = time.Date(2026, 11, 28, 22, 59, 30, 0, time.UTC) // half a minute before midnight in Berlin
	w.pages.Set(publictest.Full("acme", noon))
	for i, step := range []time.Duration{0, 20 * time.Second, 15 * time.Second, 50 * time.Second, 15 * time.Second} {
		w.wait(step)
		check(t, w.get("/status/acme"), 200)
		if _, viewed := w.pages.Asked(); viewed != []int{1, 1, 2, 2, 3}[i] {
			t.Errorf("step %d: viewed %d", i, viewed)
		}
	}
}

// slowPages answers late with what was true when it was asked.
type slowPages struct {
	*publictest.Pages
	late func()
}

func (p slowPages) StatusEntrance(ctx context.Context, slug string) (statuspage.Entrance, error) {
	e, err := p.Pages.StatusEntrance(ctx, slug)
	p.late()
	return e, err
}

// TestSlowDatabase counts the age of an answer from the question on.
func TestSlowDatabase(t *testing.T) {
	w := newWorld(t)
	var err error
	w.handler, err = public.New(public.Config{Pages: slowPages{w.pages, func() { w.wait(900 * time.Millisecond) }}, Visitors: w.pages,
		Logger: slog.New(slog.DiscardHandler), Now: w.Now, Streams: 8})
	if err != nil {
		t.Fatal(err)
	}
	w.pages.Set(publictest.Full("acme", noon))
	check(t, w.get("/status/acme"), 200)
	w.pages.Set(publictest.Outage("acme", noon))
	w.wait(200 * time.Millisecond)
	check(t, w.get("/status/acme"), 200, "2 of 6 components")
}

// TestAway shows the last rendering while the database does not answer.
func TestAway(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Full("acme", noon))
	fresh := w.get("/status/acme").Body.String()
	if strings.Contains(fresh, "cannot be updated") {
		t.Error("a fresh page says that it is old")
	}
	w.pages.SetAway(true)
	w.wait(5 * time.Minute)
	check(t, w.get("/status/acme"), 200, "cannot be updated", "28 November, 13:00", "Website")
	check(t, w.get("/status/acme.json"), 200, `"stale":true`)
	check(t, w.get("/status/acme/incidents/7"), 200, "Search was slow")
	check(t, w.get("/status/acme/components/1"), 200)
	check(t, w.get("/status/acme/components/1/times"), 503, "cannot be shown at the moment")
	check(t, w.get("/status/other"), 503, "cannot be shown at the moment")
	w.pages.SetAway(false)
	w.wait(2 * time.Second)
	if rec := w.get("/status/acme"); strings.Contains(rec.Body.String(), "cannot be updated") {
		t.Error("the page is still old")
	}
}

// TestJSON reads a page as another site's script does.
func TestJSON(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Outage("acme", noon))
	rec := w.get("/status/acme.json", with("Origin", "https://other.example"))
	check(t, rec, 200)
	if rec.Header().Get("Access-Control-Allow-Origin") != "*" || rec.Header().Get("Etag") == "" {
		t.Errorf("the head is %v", rec.Header())
	}
	var d struct {
		Page struct {
			State, URL string
			UpdatedAt  int64
		}
		Components []struct {
			State     string
			Uptime90d *float64
		}
		Incidents []struct {
			Phase   string
			URL     string
			Updates []struct{ Text string }
		}
		Maintenances []struct{ InProgress bool }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Page.State != "majorOutage" || d.Page.URL != "https://status.example/status/acme" || d.Page.UpdatedAt != noon.Unix() || len(d.Components) != 6 ||
		d.Components[0].State != "majorOutage" || *d.Components[0].Uptime90d < 0.9 || d.Incidents[0].Phase != "identified" ||
		d.Incidents[0].URL != "https://status.example/status/acme/incidents/9" || len(d.Incidents[0].Updates) != 2 || !d.Maintenances[0].InProgress {
		t.Errorf("the document is %s", rec.Body)
	}
	check(t, w.get("/status/nobody.json"), 404, `"status":404`)
}

// TestRates slows an address down, and no other.
func TestRates(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Empty("acme"))
	for range 50 {
		check(t, w.get("/status/acme", from("192.0.2.1")), 200)
	}
	rec := w.get("/status/acme", from("192.0.2.1"))
	check(t, rec, 429, "Too many requests")
	if rec.Header().Get("Retry-After") != "1" {
		t.Errorf("the head is %v", rec.Header())
	}
	check(t, w.get("/status/acme", from("192.0.2.2")), 200)
	w.wait(time.Second)
	check(t, w.get("/status/acme", from("192.0.2.1")), 200)
}

// TestFollow is told of a change, and of nothing else.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := publictest.New(time.Now)
		stop := make(chan struct{})
		h, err := public.New(public.Config{Pages: pages, Visitors: pages, Logger: slog.New(slog.DiscardHandler), Now: time.Now, Streams: 8, Stop: stop})
		if err != nil {
			t.Fatal(err)
		}
		pages.Set(publictest.Full("acme", time.Now()))
		recs := make([]*httptest.ResponseRecorder, 3)
		var streams sync.WaitGroup
		for i := range recs {
			recs[i] = httptest.NewRecorder()
			streams.Go(func() {
				r := httptest.NewRequestWithContext(t.Context(), "GET", "/status/acme/events", nil)
				h.ServeHTTP(recs[i], r)
			})
			synctest.Wait()
		}
		time.Sleep(5 * time.Second)
		pages.Set(publictest.Outage("acme", time.Now()))
		time.Sleep(5 * time.Second)
		close(stop)
		streams.Wait()
		if recs[2].Code != http.StatusNoContent {
			t.Errorf("the third stream of a page that may have two: %d", recs[2].Code)
		}
		for i, rec := range recs[:2] {
			if n := strings.Count(rec.Body.String(), "event: change"); n != 1 {
				t.Errorf("stream %d: %d changes: %s", i, n, rec.Body)
			}
		}
	})
}
