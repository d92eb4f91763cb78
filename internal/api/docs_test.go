package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"punctual/internal/api/spec"
)

// ofTheProcess are the operations that package app adds; its tests look for them.
var ofTheProcess = []string{"GET /", "GET /healthz", "GET /readyz", "GET /metrics"}

// TestDescriptionHasEveryRoute compares the description with the routes, both ways.
func TestDescriptionHasEveryRoute(t *testing.T) {
	operations := map[string]*spec.Operation{}
	for _, g := range spec.Describe().Groups {
		for i := range g.Operations {
			o := &g.Operations[i]
			operations[o.Method+" "+o.Path] = o
		}
	}
	routes := map[string]route{}
	for _, r := range new(api).routes() {
		pattern := strings.ReplaceAll(r.pattern, "/{badge}", "/status-{options}.svg")
		routes[r.method+" "+pattern] = r
	}
	for name := range operations {
		if _, ok := routes[name]; !ok && !slices.Contains(ofTheProcess, name) {
			t.Errorf("%s is described and no route", name)
		}
	}
	for name, r := range routes {
		o, ok := operations[name]
		if !ok {
			t.Errorf("%s is not described", name)
			continue
		}
		if o.Open != (r.use == 0) {
			t.Errorf("%s is described as open: %v", name, o.Open)
		}
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(name, -1) {
			if !slices.ContainsFunc(o.Parameters, func(p spec.Parameter) bool { return p.In == "path" && p.Name == m[1] }) {
				t.Errorf("%s: the parameter %s is not described", name, m[1])
			}
		}
	}
}

// TestPublications asks for both forms of the description as browsers and programs do.
func TestPublications(t *testing.T) {
	handler := New(Config{})
	ask := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		for _, h := range header {
			r.Header.Set("If-None-Match", h)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	for path, media := range map[string]string{"/openapi.json": "application/json", "/docs": "text/html; charset=utf-8"} {
		got := ask(path)
		if got.Code != 200 || got.Header().Get("Content-Type") != media || got.Header().Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
		tag := got.Header().Get("ETag")
		if again := ask(path, tag); tag == "" || again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tag {
			t.Errorf("%s once more: %d %v", path, again.Code, again.Header())
		}
		if other := ask(path, `"other"`); other.Code != 200 || !bytes.Equal(other.Body.Bytes(), got.Body.Bytes()) {
			t.Errorf("%s of another version: %d", path, other.Code)
		}
	}
}
