package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/authority"
	"punctual/test/harness"
)

const certifiedHost = "cron.example.com"

// shown is the certificate that a node shows to a client that asks for a host.
func shown(t *testing.T, n *harness.Node, host string) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(n.URL, "https://"), &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0]
}

// TestHTTPS serves HTTPS with a certificate from files, which change, beside plain HTTP.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, key := authority.WritePair(t, dir, certifiedHost)
	s := harness.NewService(t, "")
	s.TLS = &tls.Config{InsecureSkipVerify: true} // the certificate changes
	node := s.Start("--tls-cert", certificate, "--tls-key", key, "--http-listen", "127.0.0.1:0")
	if !strings.HasPrefix(node.URL, "https://") || !strings.Contains(node.Stdout(), node.URL+"/jobs") {
		t.Errorf("the service is at %s and says\n%s", node.URL, node.Stdout())
	}
	found := regexp.MustCompile(`http_url=(\S+)`).FindStringSubmatch(node.Stderr())
	if found == nil {
		t.Fatalf("the log does not name the plain HTTP listener:\n%s", node.Stderr())
	}
	client, plain := s.Client(node), found[1]
	port := node.URL[strings.LastIndexByte(node.URL, ':'):]
	if code, link, _ := harness.Run(t, s.Env(), "login-link"); code != 0 || !strings.HasPrefix(link, "https://localhost"+port+"/console/setup/") {
		t.Errorf("the service is at %s, and login-link prints %q", node.URL, link)
	}

	target := harness.NewTarget(t)
	client.CreateJob(job(target, "/ok", harness.EverySecond()))
	await(t, "the job runs", func() bool { return len(target.Requests()) > 0 })
	for _, own := range []string{node.URL, plain} {
		client.Refused(400, http.MethodPut, "/jobs", harness.Fields{"job": harness.Fields{"url": own + "/healthz"}})
	}

	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: s.TLS, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(url, header, value string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = certifiedHost
		if header != "" {
			req.Header.Set(header, value)
		}
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, _ := io.ReadAll(resp.Body)
		return resp, string(text)
	}
	for _, path := range []string{"/", "/jobs", "/healthz", "/console", "/nothing"} {
		if resp, _ := get(node.URL+path, "", ""); resp.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %s without Strict-Transport-Security", path, resp.Status)
		}
	}
	location := "https://" + certifiedHost + port + "/jobs?x=1"
	if resp, _ := get(plain+"/jobs?x=1", "", ""); resp.StatusCode != 308 || resp.Header.Get("Location") != location {
		t.Errorf("plain HTTP: %s to %s, want %s", resp.Status, resp.Header.Get("Location"), location)
	}
	if resp, text := get(plain+"/jobs", "Authorization", "Bearer "+s.Key); resp.StatusCode != 403 || !strings.Contains(text, "revoke it") {
		t.Errorf("an API key over plain HTTP: %s %s", resp.Status, text)
	}

	authority.WritePair(t, dir, "b.example.com")
	await(t, "the changed certificate is in use", func() bool { return shown(t, node, "").DNSNames[0] == "b.example.com" })
	_, other := authority.WritePair(t, t.TempDir())
	if text, err := os.ReadFile(other); err != nil || os.WriteFile(key, text, 0o600) != nil {
		t.Fatalf("copy the key: %v", err)
	}
	await(t, "the broken pair is in the log", func() bool {
		return strings.Contains(node.Stderr(), "level=WARN msg=\"the changed certificate cannot be used")
	})
	if got := shown(t, node, ""); got.DNSNames[0] != "b.example.com" {
		t.Errorf("after a broken change the certificate is for %v", got.DNSNames)
	}
	node.Stop()
}

// TestACMEOnTwoNodes has two nodes that need the same certificate. The authority always reaches the node that did not order
// it, which answers the challenge all the same.
func TestACMEOnTwoNodes(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := authority.Start(t, door.Addr().(*net.TCPAddr).Port, 1)
	execute := func(statement string, args ...any) {
		t.Helper()
		if _, err := s.Database().Exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	// Nobody orders before both nodes serve.
	execute(`INSERT INTO acme_lock (name, owner, lease_until) VALUES ($1, 'test', $2)`, "issue_cert_"+certifiedHost, time.Now().Add(time.Hour).UnixMilli())
	var nodes []*harness.Process
	for range 2 {
		nodes = append(nodes, harness.Launch(t, append(s.Env(), "PUNCTUAL_DATA="+t.TempDir()), "serve", "--acme", certifiedHost,
			"--acme-directory", a.Directory, "--acme-root", a.RootFile, "--log-level", "debug"))
	}
	var addresses []string
	for _, n := range nodes {
		serving := regexp.MustCompile(`msg=serving url=https://(\S+)`)
		await(t, "a node serves", func() bool { return serving.MatchString(n.Stderr()) })
		addresses = append(addresses, serving.FindStringSubmatch(n.Stderr())[1])
	}
	const locked = `why="lock acquired"`
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := door.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				to := addresses[0]
				if strings.Contains(nodes[0].Stderr(), locked) {
					to = addresses[1]
				}
				forward(c, to)
			})
		}
	})
	execute(`DELETE FROM acme_lock`)
	var certificates []*x509.Certificate
	for _, address := range addresses {
		await(t, "a node has the certificate", func() bool {
			c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.Issued, ServerName: certifiedHost})
			if err != nil {
				return false
			}
			defer func() { _ = c.Close() }()
			certificates = append(certificates, c.ConnectionState().PeerCertificates[0])
			return true
		})
	}
	if !certificates[0].Equal(certificates[1]) || a.Orders() != 1 {
		t.Errorf("%d certificates were ordered, and the nodes show the same one: %v", a.Orders(), certificates[0].Equal(certificates[1]))
	}
	if log := nodes[0].Stderr() + nodes[1].Stderr(); !strings.Contains(log, "distributed=true") || !strings.Contains(log, `msg="certificate obtained" host=`+certifiedHost) {
		t.Error("the node that did not order the certificate has answered no challenge")
	}
	for _, n := range nodes {
		n.Stop()
	}
	_ = door.Close()
	running.Wait()
	var locks int
	if err := s.Database().QueryRow(`SELECT count(*) FROM acme_lock`).Scan(&locks); err != nil || locks != 0 {
		t.Errorf("%d locks are left, %v", locks, err)
	}
}

// forward joins a connection to one to an address, until either side ends.
func forward(c net.Conn, address string) {
	defer func() { _ = c.Close() }()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(c, to)
		_ = c.Close()
	})
	_, _ = io.Copy(to, c)
	_ = to.Close()
	back.Wait()
}
