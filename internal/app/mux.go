package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"punctual/internal/message"
	"punctual/internal/metrics"
	"punctual/internal/public"
	"punctual/internal/web"
)

// routes are handlers by the patterns of a ServeMux.
type routes map[string]http.Handler

// publicRoutes are the routes of the process itself, apart from the API and the operations.
func publicRoutes(o *operations, root *root) routes {
	all := o.routes()
	all["GET /{$}"] = root
	return all
}

// root answers at the root URL: with the console for a browser, and for other programs with a text, which also says how to set
// the service up while nobody can sign in.
type root struct {
	url   string // of the API
	isSet func(context.Context) (bool, error)
}

// remembered asks until the answer is yes, which stays so.
func remembered(ask func(context.Context) (bool, error)) func(context.Context) (bool, error) {
	var known atomic.Bool
	return func(ctx context.Context) (bool, error) {
		if known.Load() {
			return true, nil
		}
		yes, err := ask(ctx)
		if yes && err == nil {
			known.Store(true)
		}
		return yes, err
	}
}

// ServeHTTP implements http.Handler.
func (o *root) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text := message.Default().Welcome(o.url)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, "/console", http.StatusSeeOther) // whose sign-in page says the same
		return
	}
	if !o.isSetUp(r.Context()) {
		text += message.Default().NobodySignsIn()
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, text)
}

// isSetUp tells whether somebody can sign in; also when the database does not answer.
func (o *root) isSetUp(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	set, err := o.isSet(ctx)
	return set || err != nil
}

// mux serves routes, and passes everything else to rest.
func mux(of routes, rest http.Handler) http.Handler {
	m := http.NewServeMux()
	for pattern, h := range of {
		m.Handle(pattern, h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// rest is not the pattern "/" of m, because m would redirect paths such as //jobs.
		if h, pattern := m.Handler(r); pattern != "" && isClean(r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// reservePages passes /console and all paths below it to the console, those below /status/ to status pages, and everything else to the API.
func reservePages(pages, console, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case web.Reserved(path):
			console.ServeHTTP(w, r)
		case public.Reserved(path):
			pages.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// isClean tells whether a ServeMux serves a path without a redirect.
func isClean(p string) bool {
	clean := path.Clean(p)
	return p == clean || clean != "/" && p == clean+"/"
}

// count counts the requests to the API and their durations.
func count(api http.Handler, m *metrics.Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, answer := time.Now(), &answer{ResponseWriter: w, status: http.StatusOK}
		api.ServeHTTP(answer, r)
		method := r.Method
		if !slices.Contains(methods, method) {
			method = "other" // clients choose it, and the labels of a metric are never removed
		}
		m.Requests.WithLabelValues(method, strconv.Itoa(answer.status)).Inc()
		if answer.Header().Get("Content-Type") != "text/event-stream" { // which lasts as long as its client wants
			metrics.Since(m.RequestTime, start)
		}
	})
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodPost,
	http.MethodDelete, http.MethodOptions}

// answer records the status of a response.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader writes the status line.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap implements the interface of http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// problem writes problem details (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, "application/problem+json", status, struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
}

func writeJSON(w http.ResponseWriter, mediaType string, status int, v any) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
