package app

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/certificate"
	"punctual/internal/config"
	"punctual/test/authority"
)

// newHTTPS is a node, with nothing but its listeners, that has a certificate for names.
func newHTTPS(t *testing.T, names ...string) *node {
	t.Helper()
	n := &node{logger: slog.New(slog.DiscardHandler)}
	n.config.Serve.TLSCert, n.config.Serve.TLSKey = authority.WritePair(t, t.TempDir(), names...)
	if _, err := n.readCertificates(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	if n.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.listener.Close() })
	return n
}

var anyCertificate = &tls.Config{InsecureSkipVerify: true}

// TestStrangersWhoDoNotHandshake has strangers connect to a TLS listener and say nothing, or half of a ClientHello. Those
// who ask for something are answered all the time, and no more connections are open than there may be.
func TestStrangersWhoDoNotHandshake(t *testing.T) {
	d := openDoorWith(t, 10, true, newHTTPS(t).encrypt)
	kept := tls.Client(d.connect(), anyCertificate)
	send(t, kept, "/")
	if !answered(kept) {
		t.Fatal("a request is not answered")
	}
	for range 30 {
		d.connect()
		half := d.connect()
		_, _ = half.Write([]byte{22, 3, 1, 2, 0, 1, 0}) // a record of 512 bytes begins
		c := tls.Client(d.connect(), anyCertificate)
		send(t, c, "/")
		if !answered(c) {
			t.Fatal("a request is not answered while connections without a handshake hold all the room")
		}
		if n := d.l.Open(); n > 10 {
			t.Fatalf("%d connections are open", n)
		}
	}
	if _, err := kept.Read(make([]byte, 1)); err == nil {
		t.Error("a connection kept alive is still open")
	}
	if got := d.reasons(); len(got) < 80 || slices.Contains(got, closedAddress) {
		t.Errorf("%d connections were closed for %v", len(got), got)
	}
}

// TestShareOfAnAddressOverTLS fills the share of an address with requests under way, and with connections that say nothing.
func TestShareOfAnAddressOverTLS(t *testing.T) {
	d := openDoorWith(t, 80, false, newHTTPS(t).encrypt) // a share is 10
	var busy []net.Conn
	for range 10 {
		c := tls.Client(d.connect(), anyCertificate)
		send(t, c, "/gate")
		<-d.inside
		busy = append(busy, c)
	}
	beyond := tls.Client(d.connect(), anyCertificate)
	if err := beyond.Handshake(); err == nil {
		t.Error("a connection beyond the share of an address gets a handshake")
	}
	close(d.gate)
	for _, c := range busy {
		if !answered(c) {
			t.Error("a request under way was broken off")
		}
	}
	for range 30 {
		d.connect()
	}
	last := tls.Client(d.connect(), anyCertificate)
	send(t, last, "/")
	if !answered(last) {
		t.Error("connections without a handshake keep out those of their own address")
	}
	if n := d.l.Open(); n > 10 {
		t.Errorf("an address has %d connections open", n)
	}
}

// TestHandshakesEnd has a server close connections whose handshake does not come: those of newServer do after ten seconds.
func TestHandshakesEnd(t *testing.T) {
	n := newHTTPS(t)
	server := n.newServer(http.NotFoundHandler())
	if server.ReadHeaderTimeout != readHeaderTimeout {
		t.Errorf("handshakes may take %s", server.ReadHeaderTimeout)
	}
	server.ReadHeaderTimeout = 10 * time.Millisecond
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(n.encrypt(n.listener)) })
	for _, sent := range []string{"", "\x16\x03\x01\x02\x00\x01\x00", "\x16"} {
		c, err := net.Dial("tcp", n.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = io.WriteString(c, sent)
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection that sent %q stays open", sent)
		}
		_ = c.Close()
	}
	_ = server.Close()
	running.Wait()
}

// TestVersions has clients of each version of TLS, and of HTTP.
func TestVersions(t *testing.T) {
	d := openDoorWith(t, 10, true, newHTTPS(t).encrypt)
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c := tls.Client(d.connect(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version,
			NextProtos: []string{"h2", "http/1.1"}})
		if err := c.Handshake(); (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if got := c.ConnectionState().NegotiatedProtocol; want && got != "http/1.1" {
			t.Errorf("%s: the protocol is %q", tls.VersionName(version), got)
		}
	}
	c := d.connect()
	send(t, c, "/")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "HTTP request to an HTTPS server") {
		t.Errorf("plain HTTP is answered with %s %s", resp.Status, text)
	}
}

func TestPlainHTTP(t *testing.T) {
	n := newHTTPS(t, "cron.example.com", "*.b.example")
	port := n.listener.Addr().String()[strings.LastIndex(n.listener.Addr().String(), ":"):]
	for _, tt := range []struct {
		public, method, host, target, key string
		status                            int
		location, says                    string
	}{
		{"", "GET", "cron.example.com", "/jobs?a=b&c=%20", "", 308, "https://cron.example.com" + port + "/jobs?a=b&c=%20", ""},
		{"", "HEAD", "cron.example.com:80", "/", "", 308, "https://cron.example.com" + port + "/", ""},
		{"", "GET", "x.b.example", "/a%2Fb", "", 308, "https://x.b.example" + port + "/a%2Fb", ""},
		{"", "GET", "127.0.0.1:8080", "/", "", 308, "https://127.0.0.1" + port + "/", ""},
		{"", "GET", "[::1]:8080", "/", "", 308, "https://[::1]" + port + "/", ""},
		{"", "GET", "[::1]", "/", "", 308, "https://[::1]" + port + "/", ""},
		{"", "GET", "attacker.example", "/", "", 403, "", "not valid for the host"},
		{"", "GET", "cron.example.com.attacker.example", "/", "", 403, "", "not valid for the host"},
		{"", "GET", "cron.example.com@attacker.example", "/", "", 403, "", "not valid for the host"},
		{"", "GET", "cron.example.com/@attacker.example", "/", "", 403, "", "not valid for the host"},
		{"", "GET", "", "/", "", 403, "", "not valid for the host"},
		{"", "GET", "cron.example.com", "//attacker.example/", "", 308, "https://cron.example.com" + port + "//attacker.example/", ""},
		{"", "GET", "cron.example.com", "http://cron.example.com/x", "", 308, "https://cron.example.com" + port + "/x", ""},
		{"", "GET", "cron.example.com", "mail:.attacker.example", "", 308, "https://cron.example.com" + port + "/", ""},
		{"https://a.example", "GET", "attacker.example", "/jobs", "", 308, "https://a.example/jobs", ""},
		{"https://a.example:444", "GET", "a.example", "/jobs", "", 308, "https://a.example:444/jobs", ""},
		{"https://a.example", "POST", "a.example", "/jobs", "", 403, "", "Send requests to https://a.example."},
		{"https://a.example", "GET", "a.example", "/jobs", "Bearer x", 403, "", "API key came over plain HTTP"},
		{"https://a.example", "PUT", "a.example", "/jobs", "Bearer x", 403, "", "revoke it"},
		{"", "GET", "attacker.example", "/jobs", "Bearer x", 403, "", "API key came over plain HTTP"},
		{"https://a.example", "GET", "a.example", "/healthz", "", 200, "", `"process":"ok"`},
		{"https://a.example", "GET", "a.example", "/readyz", "", 308, "https://a.example/readyz", ""},
		{"https://a.example", "OPTIONS", "a.example", "/healthz", "", 403, "", "HTTPS only"},
	} {
		n.config.Serve.PublicURL = config.PublicURL(tt.public)
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(tt.method + " " + tt.target + " HTTP/1.1\r\nHost: \r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tt.host
		if tt.key != "" {
			r.Header.Set("Authorization", tt.key)
		}
		w := httptest.NewRecorder()
		n.plainHandler().ServeHTTP(w, r)
		body := w.Body.String()
		if w.Code != tt.status || w.Header().Get("Location") != tt.location || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s of %q: %d to %q: %s", tt.method, tt.target, tt.host, w.Code, w.Header().Get("Location"), body)
		}
		if w.Code == 403 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: Content-Type %q", tt.method, tt.target, w.Header().Get("Content-Type"))
		}
		if got := w.Header().Get("Strict-Transport-Security"); got != "" {
			t.Errorf("over plain HTTP browsers are told %q", got)
		}
	}
}

func TestStrictTransport(t *testing.T) {
	h := strictTransport(http.NotFoundHandler(), auth.Proxies{netip.MustParsePrefix("10.0.0.0/8")})
	for _, tt := range []struct {
		peer, host, forwarded string
		tls, want             bool
	}{
		{"192.0.2.7:1", "cron.example.com", "", true, true},
		{"192.0.2.7:1", "cron.example.com", "", false, false},
		{"192.0.2.7:1", "cron.example.com", "https", false, false}, // not a proxy
		{"10.0.0.1:1", "cron.example.com", "https", false, true},
		{"10.0.0.1:1", "cron.example.com", "http", false, false},
		{"10.0.0.1:1", "cron.example.com", "", false, false},
		{"127.0.0.1:1", "localhost:8443", "", true, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr, r.Host = tt.peer, tt.host
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-Proto", tt.forwarded)
		}
		if tt.tls {
			r.TLS = new(tls.ConnectionState)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); (got == "max-age=31536000") != tt.want || !tt.want && got != "" {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

// TestReloadLog has the log say what becomes of changed files: once, and in sentences.
func TestReloadLog(t *testing.T) {
	dir := t.TempDir()
	files, err := certificate.OpenFiles(authority.WritePair(t, dir, "a.example"))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	says := func(text string) {
		t.Helper()
		if reload(files, logger); text == "" && log.Len() > 0 || !strings.Contains(log.String(), text) {
			t.Errorf("the log does not say %q, but %q", text, log.String())
		}
		log.Reset()
	}
	says("")
	key, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	authority.WritePair(t, dir, "b.example")
	other, _ := os.ReadFile(filepath.Join(dir, "key.pem"))
	_ = os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600)
	says("level=WARN msg=\"the changed certificate cannot be used; the service keeps the former one\" error=\"The private key of --tls-key does not belong")
	says("")
	_ = os.WriteFile(filepath.Join(dir, "key.pem"), other, 0o600)
	says("level=INFO msg=\"the changed certificate is in use\"")
	_ = os.Remove(filepath.Join(dir, "key.pem"))
	says("key.pem: it does not exist.")
	if !files.Covers("b.example") {
		t.Error("the former certificate is not in use")
	}
}
