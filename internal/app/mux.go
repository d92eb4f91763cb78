package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"punctual/internal/metrics"
)

type muxConfig struct {
	API     http.Handler // answers every path that is not listed here
	Welcome string
	Ping    func(context.Context) error

	ZoneRelease func(context.Context) (string, error) // that the database has

	Writing  *writeProbe
	LastPass func() time.Time
	LateBy   func() time.Duration
	Metrics  *metrics.Metrics
}

// own are the routes that belong to the process, and not to the API.
func own(c muxConfig) map[string]http.Handler {
	return map[string]http.Handler{
		"GET /{$}": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			_, _ = io.WriteString(w, c.Welcome)
		}),
		"GET /healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			state(w, http.StatusOK, map[string]string{"process": "ok"})
		}),
		"GET /readyz": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status, parts := ready(r.Context(), c)
			state(w, status, parts)
		}),
		"GET /metrics": c.Metrics.Handler(),
	}
}

// mux puts what belongs to the process beside the API.
func mux(c muxConfig) http.Handler {
	m := http.NewServeMux()
	for pattern, h := range own(c) {
		m.Handle(pattern, h)
	}
	counted := count(c.API, c.Metrics)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The API is no pattern "/" of m, which would redirect paths such as //jobs before the API sees them.
		if h, pattern := m.Handler(r); pattern != "" && isClean(r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		counted.ServeHTTP(w, r)
	})
}

// isClean tells whether a ServeMux takes a path as it is and does not redirect it.
func isClean(p string) bool {
	clean := path.Clean(p)
	return p == clean || clean != "/" && p == clean+"/"
}

// count counts requests to the API.
func count(api http.Handler, m *metrics.Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, answer := time.Now(), &answer{ResponseWriter: w, status: http.StatusOK}
		api.ServeHTTP(answer, r)
		method := r.Method
		if !slices.Contains(methods, method) {
			method = "other" // strangers choose it, and labels are for ever
		}
		m.Requests.WithLabelValues(method, strconv.Itoa(answer.status)).Inc()
		if answer.Header().Get("Content-Type") != "text/event-stream" { // which lasts as long as its client likes
			metrics.Since(m.RequestTime, start)
		}
	})
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodPost,
	http.MethodDelete, http.MethodOptions}

// answer remembers the status of a response.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader writes the status line.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func state(w http.ResponseWriter, status int, parts map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(parts)
}
