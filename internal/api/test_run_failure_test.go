package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/fetch"
	"punctual/internal/metrics"
	"punctual/internal/scheduler"
)

// startNode runs a node of the server until the end of the test. Names under example.com lead to this machine, and there
// are no others.
func (s *server) startNode(t *testing.T, roots *x509.CertPool) {
	t.Helper()
	node := scheduler.New(scheduler.Config{
		Store: s.store, Nodes: s.store, TestRuns: s.store, Self: cron.Node{Name: "node"}, Slots: 16, HostSlots: 8, Metrics: metrics.New(),
		Logger:    slog.New(slog.DiscardHandler),
		Exchanger: fetch.New(fetch.Config{Resolver: thisMachine{}, RootCAs: roots}),
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := node.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
}

// thisMachine resolves names.
type thisMachine struct{}

func (thisMachine) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	switch host {
	case "example.com", "www.example.com":
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	case "metadata.example.com":
		return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// result starts a test run, follows it to its end, and returns it as JSON.
func (c *client) result(body string) string {
	c.t.Helper()
	path := textOf(c.t, c.test(body), "path")
	for range 4 { // times a minute, in which a test run of these tests has ended long ago
		if got := c.listenTo(path + "/events"); strings.Contains(got.body, `"state":"finished"`) {
			break
		}
	}
	return part(c.t, json.RawMessage(c.must("GET", path, "")), "testRun")
}

// listenTo makes a call that is answered as long as something happens, and takes what comes within a minute.
func (c *client) listenTo(target string) response {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	r.Header.Set("Authorization", "Bearer "+c.key)
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	return response{w.Code, w.Result().Header, w.Body.String()}
}

// target is a server on this machine, whose port is returned.
func target(t *testing.T, handler http.HandlerFunc) (port string) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return portOf(s.Listener)
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// closedPort is a port of this machine that refuses connections.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return portOf(l)
}

// expired is a server with a certificate for example.com that has expired, and is issued by roots.
func expired(t *testing.T) (port string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example.com"}, DNSNames: []string{"example.com"},
		NotBefore: time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return portOf(s.Listener), roots
}

// varying is what differs from test to test, and what stands for it in the golden files. Headers that say which version
// calls, and why, have tests of their own.
var varying = []struct {
	pattern *regexp.Regexp
	stead   string
}{
	{regexp.MustCompile(`(\b(?:www\.)?example\.com|127\.0\.0\.1):\d{4,5}`), "$1:PORT"},
	{regexp.MustCompile(`\bport \d{4,5}`), "port PORT"},
	{regexp.MustCompile(`"(testRunId|created|started|expires|duration|startedUs|durationUs)":\d+`), `"$1":1`},
	{regexp.MustCompile(`"(nameLookup|connect|appConnect|preTransfer|startTransfer|total)":[1-9]\d*`), `"$1":1`},
	{regexp.MustCompile(`"/testruns/\d+"`), `"/testruns/1"`},
	{regexp.MustCompile(`"sha256":"[0-9a-f]{64}"`), `"sha256":"…"`},
	{regexp.MustCompile(`(?:User-Agent|Punctual-\w+|Date): .*?\\r\\n`), ""},
	{regexp.MustCompile(`"bytes":[1-9]\d*`), `"bytes":1`},
	{regexp.MustCompile(`"rawBase64":"[^"]+"`), `"rawBase64":"…"`},
	{regexp.MustCompile(`(\\r\\n\\r\\n)x{2,}"`), `$1xx…"`}, // of a body that is refused before it is read
}

func steady(testRun string) string {
	for _, v := range varying {
		testRun = v.pattern.ReplaceAllString(testRun, v.stead)
	}
	return testRun
}

// TestFailuresAreShown performs a test run of each kind of failure on a node.
func TestFailuresAreShown(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	c.account.Overrides = cron.Overrides{"testRunIntervalSeconds": 0, "maxResponseBytes": 2048}
	c.changeAccount(func(a *cron.Account) { a.Overrides = c.account.Overrides })
	tlsPort, roots := expired(t)
	release := make(chan struct{})
	port := target(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "http://www."+r.Host+"/final", http.StatusMovedPermanently)
		case "/slow":
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("abc"))
			_ = http.NewResponseController(w).Flush()
			<-release
		case "/large":
			w.Header().Set("Content-Length", "5000")
			_, _ = w.Write([]byte(strings.Repeat("x", 5000)))
		case "/final":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("no \xff backend"))
		default:
			_, _ = w.Write([]byte(`{"state":"error"}`))
		}
	})
	t.Cleanup(func() { close(release) })
	s.startNode(t, roots)
	here := "http://example.com:" + port
	for name, job := range map[string]string{
		"refused":   `"url":"http://example.com:` + closedPort(t) + `/"`,
		"dns":       `"url":"http://nowhere.example.com/"`,
		"blocked":   `"url":"http://metadata.example.com/"`,
		"expired":   `"url":"https://example.com:` + tlsPort + `/"`,
		"redirect":  `"url":"` + here + `/moved"`,
		"redirects": `"url":"` + here + `/moved","followRedirects":3`,
		"timeout":   `"url":"` + here + `/slow","requestTimeout":1`,
		"oversized": `"url":"` + here + `/large"`,
		"criteria": `"url":"` + here + `/","requestMethod":1,"extendedData":{"headers":{"Accept":"application/json"},"body":"a=ü"},
			"success":{"status":["200-299"],"contains":"state","notContains":"error","matches":"ok$"}`,
	} {
		t.Run(name, func(t *testing.T) {
			on := *c
			on.t = t
			goldenTest(t, name, steady(on.result(`{"job":{`+job+`}}`)))
		})
	}
	if got := c.must("GET", "/history", ""); part(t, json.RawMessage(got), "history") != "[]" {
		t.Errorf("the history has %s", got)
	}
}
