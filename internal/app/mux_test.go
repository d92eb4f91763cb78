package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/metrics"
	"punctual/internal/service"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// newMux is a mux before an API that says what it was asked for. It trusts requests as a service without a listener for
// the operations does.
func newMux(ping, write error, turned time.Time) http.Handler {
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(r.Method + " " + r.URL.Path))
	})
	console := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("console " + r.Method + " " + r.URL.Path))
	})
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("page " + r.Method + " " + r.URL.Path))
	})
	return mux(publicRoutes(newOperations(ping, write, turned), newRoot(true, nil)), reservePages(pages, console, api))
}

// newRoot answers at the root URL of a service where somebody can sign in or nobody can, or whose database fails.
func newRoot(set bool, failure error) *root {
	return &root{url: "http://127.0.0.1:8080", isSet: func(context.Context) (bool, error) { return set, failure }}
}

func newOperations(ping, write error, turned time.Time) *operations {
	return &operations{
		metrics: metrics.New().Handler(),
		readiness: &readiness{
			serving:     func() bool { return true },
			answering:   &probe{ask: func(context.Context) error { return ping }, logger: slog.New(slog.DiscardHandler)},
			writing:     &probe{ask: func(context.Context) error { return write }, logger: slog.New(slog.DiscardHandler)},
			draining:    func() (int, bool) { return 0, false },
			lastPass:    func() time.Time { return turned },
			lateBy:      func() time.Duration { return 0 },
			zoneRelease: func(context.Context) (string, error) { return cron.CurrentZones().Release(), nil },
		},
		profiles: true,
		trusted:  func(r *http.Request) bool { return isLocal(r, nil) },
	}
}

// local is a request of a program on the same machine.
func local(t *testing.T, method, path string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:40000", "127.0.0.1:8080"
	return r
}

// TestPathsOfTheProcess makes sure that every path but those of the process reaches the API as it is.
func TestPathsOfTheProcess(t *testing.T) {
	m := newMux(nil, nil, time.Now())
	for _, tt := range []struct{ method, path, holds string }{
		{"GET", "/", "http://127.0.0.1:8080/jobs"},
		{"GET", "/healthz", `"process":"ok"`},
		{"GET", "/readyz", `"database":"ok"`},
		{"GET", "/jobs", "api"},
		{"POST", "/", "api"},
		{"GET", "//", "api"},
		{"GET", "//jobs", "api"},
		{"GET", "/jobs/", "api"},
		{"GET", "/jobs/../jobs", "api"},
		{"GET", "/./healthz", "api"},
		{"GET", "//healthz", "api"},
		{"GET", "/healthz/", "api"},
		{"POST", "/healthz", "api"},
		{"DELETE", "/readyz", "api"},
		{"OPTIONS", "/", "api"},
		{"get", "/jobs", "api"},
		{"GET", "/debug/pprof/", "goroutine"},
		{"GET", "/debug/pprof/cmdline", "Unknown profile"},
		{"GET", "/consoles", "api"},
		{"GET", "/console", "console"},
		{"GET", "/console/", "console"},
		{"GET", "/console//jobs", "console"},
		{"GET", "/console/../jobs", "console"},
		{"PUT", "/console/jobs", "console"},
		{"OPTIONS", "/console", "console"},
		{"GET", "/Healthz", "api"},
		{"GET", "/status", "api"},
		{"GET", "/statuses/acme", "api"},
		{"GET", "/status/", "page"},
		{"GET", "/status/acme", "page"},
		{"GET", "/status/../jobs", "page"},
		{"POST", "/status/acme", "page"},
		{"DELETE", "/status//acme", "page"},
	} {
		r := local(t, tt.method, "/")
		r.URL.Path = tt.path
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		status, holds := http.StatusOK, tt.holds
		switch holds {
		case "api":
			status, holds = http.StatusTeapot, tt.method+" "+tt.path
		case "console", "page":
			holds += " " + tt.method + " " + tt.path
		case "Unknown profile":
			status = http.StatusNotFound
		}
		if w.Code != status || !strings.Contains(w.Body.String(), holds) {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, w.Code, w.Body)
		}
	}
}

// TestRoot asks for the root URL as a browser and as another program, before and after the set-up.
func TestRoot(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for name, tt := range map[string]struct {
		root         *root
		accept, says string
		status       int
	}{
		"nobody signs in":                  {newRoot(false, nil), "*/*", "punctual login-link", 200},
		"nobody signs in, but a key does":  {newRoot(false, nil), "*/*", "/jobs", 200},
		"nobody signs in, to a browser":    {newRoot(false, nil), browser, "", 303},
		"set up":                           {newRoot(true, nil), "*/*", "/jobs", 200},
		"set up, without Accept":           {newRoot(true, nil), "", "/jobs", 200},
		"set up, to a browser":             {newRoot(true, nil), browser, "", 303},
		"the database fails":               {newRoot(false, errors.New("down")), "*/*", "/jobs", 200},
		"the database fails, to a browser": {newRoot(false, errors.New("down")), browser, "", 303},
	} {
		r := local(t, "GET", "/")
		r.Header.Set("Accept", tt.accept)
		w := httptest.NewRecorder()
		tt.root.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) || strings.Contains(w.Body.String(), "down") ||
			(w.Header().Get("Location") == "/console") != (tt.status == 303) {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
	asked := 0
	o := &root{isSet: remembered(func(context.Context) (bool, error) { asked++; return asked > 1, nil })}
	for range 4 {
		o.ServeHTTP(httptest.NewRecorder(), local(t, "GET", "/"))
	}
	if asked != 2 {
		t.Errorf("the database was asked %d times, want 2: until somebody was set up", asked)
	}
}

func TestReadiness(t *testing.T) {
	for name, tt := range map[string]struct {
		ping, write error
		turned      time.Time
		status      int
		says        string
	}{
		"ready":                        {nil, nil, time.Now(), 200, `"writing":"ok"`},
		"the database does not answer": {errors.New("down"), nil, time.Now(), 503, `"database":"does not answer"`},
		"the disk is full":             {nil, fault(cron.DatabaseFull), time.Now(), 503, `"scheduler":"ok","timeZones":"ok, release ` + cron.CurrentZones().Release() + `","writing":"its disk is full"`},
		"the write fails":              {nil, errors.New("down"), time.Now(), 503, `"writing":"of an unknown error"`},
		"the loop stands still":        {nil, nil, time.Now().Add(-time.Minute), 503, `"scheduler":"does not turn"`},
		"the loop has not begun":       {nil, nil, time.Time{}, 503, `"scheduler":"does not turn"`},
	} {
		w := httptest.NewRecorder()
		newMux(tt.ping, tt.write, tt.turned).ServeHTTP(w, local(t, "GET", "/readyz"))
		if w.Code != tt.status || strings.Contains(w.Body.String(), "down") || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func fault(f cron.DatabaseFault) error {
	return &cron.Error{Kind: cron.Unavailable, Subject: cron.SubjectDatabase, Database: f}
}

func TestExecutorAddresses(t *testing.T) {
	configured := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	if got, err := executorAddresses(configured, []netip.Addr{netip.IPv6Loopback()}); err != nil || !slices.Equal(got, configured) {
		t.Errorf("configured: %v, %v", got, err)
	}
	if got, err := executorAddresses(nil, configured); err != nil || !slices.Equal(got, configured) {
		t.Errorf("sources: %v, %v", got, err)
	}
	found, err := executorAddresses(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range found {
		if a.IsLoopback() || a.IsLinkLocalUnicast() || a.Zone() != "" {
			t.Errorf("%v is not an address that others can reach", a)
		}
	}
}

// TestDescriptionHasThePathsOfTheProcess compares /openapi.json with what the process answers, both ways.
func TestDescriptionHasThePathsOfTheProcess(t *testing.T) {
	own := publicRoutes(newOperations(nil, nil, time.Now()), newRoot(true, nil))
	db := storetest.Open(t, store.Options{Dir: storetest.SQLite(t)})
	m := mux(own, api.New(api.Config{
		Service: service.New(service.Config{Store: db, Secret: db.ServiceSecret()}),
		Auth:    auth.New(nil), Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}))
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, local(t, method, path))
		return w
	}
	var document struct {
		Paths map[string]map[string]struct {
			Security  *[]any         `json:"security"`
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(ask("GET", "/openapi.json").Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	for pattern := range own {
		if strings.Contains(pattern, "pprof") {
			continue // its pages describe themselves
		}
		method, path, _ := strings.Cut(strings.TrimSuffix(pattern, "{$}"), " ")
		if _, ok := document.Paths[path][strings.ToLower(method)]; !ok {
			t.Errorf("%s is not described", pattern)
		}
	}
	placeholder := regexp.MustCompile(`\{\w+\}`)
	for path, operations := range document.Paths {
		for method, o := range operations {
			open := http.StatusOK
			if path == "/sessions" && method == "post" {
				open = http.StatusBadRequest // it has no body here
			}
			if strings.Contains(path, "{token}") {
				continue // a wrong one is a path that does not exist
			}
			got := ask(strings.ToUpper(method), placeholder.ReplaceAllString(path, "1"))
			if o.Security == nil && got.Code != http.StatusUnauthorized || o.Security != nil && got.Code != open {
				t.Errorf("%s %s: %d %s", method, path, got.Code, got.Body)
			}
			if o.Responses[strconv.Itoa(got.Code)] == nil {
				t.Errorf("%s %s: the status %d is not described", method, path, got.Code)
			}
		}
	}
}
