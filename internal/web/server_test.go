package web_test

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"punctual/internal/auth"
	"punctual/internal/web"
)

// console is the console over a database of its own.
type console struct {
	http.Handler
	log *strings.Builder
}

func newConsole(t testing.TB) *console {
	t.Helper()
	var log strings.Builder
	h, err := web.New(web.Config{
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
		Proxies: auth.Proxies{netip.MustParsePrefix("10.0.0.0/8")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &console{Handler: h, log: &log}
}

// answer is what a browser got.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// ask sends a request. A header is given as "Name: value".
func (c *console) ask(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	a := answer{t: t, status: w.Code, header: w.Header(), body: w.Body.String()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && w.Body.Len() > 0 && w.Code/100 != 3 {
		checkPage(t, method+" "+path, a)
	}
	return a
}

// checkPage holds a page to what all of them have in common.
func checkPage(t testing.TB, what string, a answer) {
	t.Helper()
	for name, value := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.header.Get(name); got != value {
			t.Errorf("%s: the header %s is %q, want %q", what, name, got, value)
		}
	}
	if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
		strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("%s: the content security policy is %q", what, policy)
	}
	document, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	labelled, ids, headings := map[string]bool{}, map[string]bool{}, 0
	for n := range document.Descendants() {
		if n.Type == html.ElementNode && n.Data == "label" {
			labelled[attribute(n, "for")] = true
		}
	}
	for n := range document.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, at := range n.Attr {
			if at.Key == "style" || strings.HasPrefix(at.Key, "on") || strings.HasPrefix(strings.TrimSpace(strings.ToLower(at.Val)), "javascript:") {
				t.Errorf("%s: <%s> has %s=%q", what, n.Data, at.Key, at.Val)
			}
			if strings.Contains(at.Val, "ZgotmplZ") {
				t.Errorf("%s: <%s> has a value that the template refused in %s", what, n.Data, at.Key)
			}
			if at.Key == "id" && ids[at.Val] {
				t.Errorf("%s: two elements have the id %s", what, at.Val)
			}
			if at.Key == "id" {
				ids[at.Val] = true
			}
		}
		switch n.Data {
		case "style":
			t.Errorf("%s has a style element", what)
		case "script":
			if attribute(n, "src") == "" {
				t.Errorf("%s has an inline script", what)
			}
		case "h1":
			headings++
		case "form":
			if m := attribute(n, "method"); m != "post" && m != "get" {
				t.Errorf("%s: a form has the method %q", what, m)
			}
			if action := attribute(n, "action"); action != "" && !web.Reserved(action) {
				t.Errorf("%s: a form is sent to %q", what, action)
			}
		case "input", "select", "textarea":
			kind := attribute(n, "type")
			if kind != "hidden" && !labelled[attribute(n, "id")] && n.Parent.Data != "label" && attribute(n, "aria-label") == "" {
				t.Errorf("%s: the field %s has no label", what, attribute(n, "name"))
			}
		}
	}
	if headings != 1 {
		t.Errorf("%s has %d headings of the first level", what, headings)
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// TestUnknownPages asks for paths and methods that the console does not have.
func TestUnknownPages(t *testing.T) {
	c := newConsole(t)
	for _, tt := range []struct{ method, path string }{
		{"GET", "/console/nothing"}, {"GET", "/console/nothing/"}, {"GET", "/console//sign-in"}, {"GET", "/console/../jobs"},
		{"GET", "/console/./x"}, {"GET", "/console/static/"}, {"GET", "/console/static/console.css"},
		{"GET", "/console/static/..%2fserver.go"}, {"PUT", "/console/x"}, {"DELETE", "/console"}, {"POST", "/console/static/x"},
		{"OPTIONS", "/console/x"}, {"GET", "/console/%00"},
	} {
		a := c.ask(t, tt.method, tt.path, "")
		if a.status != http.StatusNotFound || !strings.Contains(a.body, "There is nothing here") {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, a.status, a.body)
		}
	}
	if a := c.ask(t, "GET", "/console/", ""); a.status != http.StatusPermanentRedirect || a.header.Get("Location") != "/console" {
		t.Errorf("a slash at the end: %d %v", a.status, a.header)
	}
}

// TestOtherSites sends forms as other sites make browsers send them.
func TestOtherSites(t *testing.T) {
	c := newConsole(t)
	for header, want := range map[string]int{
		"Sec-Fetch-Site: cross-site":       http.StatusForbidden,
		"Sec-Fetch-Site: same-site":        http.StatusForbidden,
		"Sec-Fetch-Site: same-origin":      http.StatusNotFound,
		"Sec-Fetch-Site: none":             http.StatusNotFound,
		"Origin: https://attacker.example": http.StatusForbidden,
		"Origin: null":                     http.StatusForbidden,
		"Origin: http://example.com":       http.StatusNotFound, // this host
		"Accept: text/html":                http.StatusNotFound, // not a browser
	} {
		a := c.ask(t, "POST", "/console/nothing", "a=b", header)
		if a.status != want || want == http.StatusForbidden && !strings.Contains(a.body, "came from another site") {
			t.Errorf("%s: %d %s", header, a.status, a.body)
		}
	}
}

// TestBadForms sends forms that are none, too large or no text.
func TestBadForms(t *testing.T) {
	c := newConsole(t)
	for name, tt := range map[string]struct{ body, says string }{
		"too large":       {"a=" + strings.Repeat("b", 1<<20), "at most 65536 bytes"},
		"not text":        {"a=%ff%fe", "UTF-8"},
		"a broken escape": {"a=%zz", "not valid"},
		"a semicolon":     {"a=b;c=d", "not valid"},
	} {
		if a := c.ask(t, "POST", "/console/nothing", tt.body); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, tt.says) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// TestStaticFiles fetches what a page refers to.
func TestStaticFiles(t *testing.T) {
	c := newConsole(t)
	document, err := html.Parse(strings.NewReader(c.ask(t, "GET", "/console/nothing", "").body))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for n := range document.Descendants() {
		for _, name := range []string{"href", "src"} {
			if path := attribute(n, name); strings.HasPrefix(path, "/console/static/") {
				found = append(found, path)
			}
		}
	}
	if len(found) < 3 {
		t.Fatalf("the page refers to %q only", found)
	}
	for _, path := range found {
		path, _, _ = strings.Cut(path, "#")
		plain := c.ask(t, "GET", path, "")
		if plain.status != http.StatusOK || !strings.Contains(plain.header.Get("Cache-Control"), "immutable") ||
			plain.header.Get("Vary") != "Accept-Encoding" || plain.body == "" {
			t.Errorf("%s: %d %v", path, plain.status, plain.header)
		}
		packed := c.ask(t, "GET", path, "", "Accept-Encoding: br, gzip")
		z, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil || packed.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed: %v %v", path, err, packed.header)
			continue
		}
		if content, err := io.ReadAll(z); err != nil || string(content) != plain.body {
			t.Errorf("%s differs when it is compressed: %v", path, err)
		}
		if again := c.ask(t, "GET", strings.Replace(path, ".", ".0", 1), ""); again.status != http.StatusNotFound {
			t.Errorf("%s with another hash: %d", path, again.status)
		}
	}
}
