package app

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"punctual/internal/auth"
)

// TestIsLocal says which requests come from a program on the same machine.
func TestIsLocal(t *testing.T) {
	proxies := auth.Proxies{netip.MustParsePrefix("127.0.0.9/32")}
	for _, tt := range []struct {
		peer, host, header string
		want               bool
	}{
		{"127.0.0.1:40000", "127.0.0.1:8080", "", true},
		{"127.0.0.1:40000", "localhost:8080", "", true},
		{"127.0.0.1:40000", "LocalHost.", "", true},
		{"127.8.9.10:40000", "127.0.0.1", "", true},
		{"[::1]:40000", "[::1]:8080", "", true},
		{"[::1]:40000", "[::1]", "", true},
		{"[::ffff:127.0.0.1]:40000", "localhost", "", true},
		{"192.0.2.7:40000", "localhost:8080", "", false},
		{"[2001:db8::1]:40000", "[::1]:8080", "", false},
		{"10.0.0.1:40000", "10.0.0.1:8080", "", false},
		{"@", "localhost:8080", "", false},
		{"", "localhost:8080", "", false},
		{"127.0.0.9:40000", "localhost:8080", "", false}, // a proxy
		{"127.0.0.1:40000", "cron.example.com", "", false},
		{"127.0.0.1:40000", "localhost.example.com", "", false},
		{"127.0.0.1:40000", "127.0.0.1.example.com:8080", "", false},
		{"127.0.0.1:40000", "10.0.0.1:8080", "", false},
		{"127.0.0.1:40000", "", "", false},
		{"127.0.0.1:40000", "localhost", "X-Forwarded-For", false},
		{"127.0.0.1:40000", "localhost", "x-forwarded-for", false},
		{"127.0.0.1:40000", "localhost", "X-Forwarded-Proto", false},
		{"127.0.0.1:40000", "localhost", "X-Forwarded-Host", false},
		{"127.0.0.1:40000", "localhost", "Forwarded", false},
		{"127.0.0.1:40000", "localhost", "Via", false},
		{"127.0.0.1:40000", "localhost", "X-Real-IP", false},
		{"127.0.0.1:40000", "localhost", "CF-Connecting-IP", false},
		{"127.0.0.1:40000", "localhost", "True-Client-IP", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		r.RemoteAddr, r.Host = tt.peer, tt.host
		if tt.header != "" {
			r.Header.Set(tt.header, "") // its presence tells
		}
		if got := isLocal(r, proxies); got != tt.want {
			t.Errorf("from %s to %q with %q: %v", tt.peer, tt.host, tt.header, got)
		}
	}
}

// TestStrangersSeeNoOperations asks, as somebody on another machine, for all that the process answers.
func TestStrangersSeeNoOperations(t *testing.T) {
	for name, tt := range map[string]struct {
		turned time.Time
		status int
		word   string
	}{"ready": {time.Now(), 200, "ready\n"}, "unready": {time.Time{}, 503, "unready\n"}} {
		o := newOperations(nil, nil, tt.turned)
		m := newMux(nil, nil, tt.turned)
		for pattern := range o.routes() {
			_, path, _ := strings.Cut(pattern, " ")
			w := httptest.NewRecorder()
			m.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			status, holds := http.StatusForbidden, "--operations-listen"
			switch path {
			case "/healthz":
				status, holds = http.StatusOK, `{"process":"ok"}`
			case "/readyz":
				status, holds = tt.status, tt.word
				if w.Body.String() != tt.word {
					t.Errorf("%s: /readyz says %q", name, w.Body)
				}
			}
			if w.Code != status || !strings.Contains(w.Body.String(), holds) {
				t.Errorf("%s: %s: %d %s", name, path, w.Code, w.Body)
			}
		}
	}
}
