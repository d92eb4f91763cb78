package e2e

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"punctual/test/harness"
	"punctual/test/nameserver"
)

// tunnels is a proxy that connects to one server in place of all targets, and wants the user jane with the password s3cret.
type tunnels struct {
	to string

	mu    sync.Mutex
	asked []string // "address of the client, target", sorted, each once
}

func (p *tunnels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	p.mu.Lock()
	defer p.mu.Unlock()
	entry := r.Method + " " + r.RequestURI + " from " + client
	if i, ok := slices.BinarySearch(p.asked, entry); !ok {
		p.asked = slices.Insert(p.asked, i, entry)
	}
	switch {
	case r.Header.Get("Proxy-Authorization") != "Basic amFuZTpzM2NyZXQ=":
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	case strings.HasPrefix(r.RequestURI, "192.0.2.66:"):
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	target, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = target.Close()
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(target, bufio.NewReader(buffered)); _ = target.Close() }()
	go func() { _, _ = io.Copy(conn, target); _ = conn.Close() }()
}

// TestEgress calls a target through a proxy with a login, from a source address, by a name server and an authority of our own.
func TestEgress(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+r.Host)
	}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS() // with a certificate for example.com and its subdomains
	t.Cleanup(secure.Close)
	proxy := &tunnels{to: secure.Listener.Addr().String()}
	outside := httptest.NewServer(proxy)
	t.Cleanup(outside.Close)
	names := nameserver.Start(t)
	names.Addresses("www.example.com", "192.0.2.10")
	names.Addresses("dead.example.com", "192.0.2.66")
	names.Addresses("metadata.example.com", "169.254.169.254")
	names.Addresses("proxy.example.com", "127.0.0.1")
	names.Addresses("near.example.com", "127.0.0.1")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	address := outside.Listener.Addr().String()
	flags := func(login string) []string {
		return []string{"--egress-proxy", "http://" + login + "@" + address, "--egress-source", "127.0.0.3", "--egress-resolver", names.Address(), "--egress-ca", ca}
	}

	s := harness.NewService(t, "")
	node := s.Start(flags("jane:s3cret")...)
	api := s.Client(node)
	create := func(url string) int64 {
		return api.CreateJob(harness.Fields{"url": url, "enabled": true, "saveResponses": true, "schedule": harness.EverySecond()})
	}
	_, port, _ := net.SplitHostPort(address)
	_, nearPort, _ := net.SplitHostPort(proxy.to)
	for _, test := range []struct {
		name   string
		id     int64
		status int
		text   string // part of statusText
	}{
		{"through the proxy", create("https://www.example.com/"), statusOK, "OK"},
		{"this machine", create("https://near.example.com:" + nearPort + "/"), statusOK, "OK"},
		{"a target that the proxy cannot reach", create("https://dead.example.com/"), statusConnectFailed, "192.0.2.66:443"},
		{"a metadata service", create("http://metadata.example.com/"), statusConnectFailed, ""},
		{"the proxy", create("http://proxy.example.com:" + port + "/"), statusConnectFailed, ""},
	} {
		d := performed(t, api, test.id)
		if d.Status != test.status || !strings.Contains(d.StatusText, test.text) {
			t.Errorf("%s: %+v", test.name, d)
		}
		if test.status == statusOK && (d.Body == nil || !strings.HasPrefix(*d.Body, "hello ")) {
			t.Errorf("%s: %+v", test.name, d)
		}
	}
	proxy.mu.Lock()
	if want := []string{"CONNECT 192.0.2.10:443 from 127.0.0.3", "CONNECT 192.0.2.66:443 from 127.0.0.3"}; !slices.Equal(proxy.asked, want) {
		t.Errorf("the proxy was asked for %q", proxy.asked)
	}
	proxy.mu.Unlock()
	node.Stop()

	node = s.Start(flags("jane:wr0ng")...)
	api = s.Client(node)
	id := create("https://www.example.com/other")
	if d := performed(t, api, id); d.Status != statusInternalError || !strings.Contains(d.StatusText, "a login that its proxy accepts") {
		t.Errorf("with a wrong password: %+v", d)
	}
	if log := node.Stderr(); strings.Contains(log, "wr0ng") || !strings.Contains(log, "407") || !strings.Contains(log, address) {
		t.Errorf("the log says %s", log)
	}
	node.Stop()
}

// TestBadEgress starts the service with flags that this machine cannot follow.
func TestBadEgress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for i, test := range []struct {
		flags []string
		says  string
	}{
		{[]string{"--egress-source", "192.0.2.1"}, "no such address"},
		{[]string{"--egress-ca", file("empty.pem", "")}, "has no certificates"},
		{[]string{"--egress-ca", file("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}, "certificates only"},
		{[]string{"--egress-ca", file("odd.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}, "certificate 1"},
		{[]string{"--egress-ca", filepath.Join(dir, "none.pem")}, "none.pem"},
		{[]string{"--egress-resolver", "dns.example.com:53"}, "not the address of a name server"},
		{[]string{"--egress-proxy", "http://jane:s3cret/@proxy"}, "--egress-proxy"},
	} {
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, fmt.Sprint(i))}, test.flags...)
		code, _, stderr := harness.Run(t, nil, args...)
		if code == 0 || !strings.Contains(stderr, test.says) || strings.Contains(stderr, "s3cret") {
			t.Errorf("%q ends with %d and %s", test.flags, code, stderr)
		}
	}
}
