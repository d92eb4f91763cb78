package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// overTLS has handle speak through TLS of the given configuration. A failed handshake ends the connection.
func overTLS(config *tls.Config, handle func(*tls.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		secure := tls.Server(conn, config)
		if secure.Handshake() == nil {
			handle(secure)
		}
	}
}

// answeringTLS is answering for TLS; it says goodbye.
func answeringTLS(answer string) func(*tls.Conn) {
	return func(conn *tls.Conn) {
		answering(answer)(conn)
		conn.Close()
	}
}

var loopback = []net.IP{{127, 0, 0, 1}}

// TestTLS has a row for each way in which a handshake, or what follows it, goes wrong.
func TestTLS(t *testing.T) {
	const short = 500 * time.Millisecond
	trusted, stranger := newAuthority("trusted"), newAuthority("stranger")
	soon, past := time.Now().Add(time.Hour).Truncate(time.Second), time.Now().Add(-time.Hour).Truncate(time.Second)
	good := trusted.issue(leaf{names: []string{"good.test"}, ips: loopback, expires: soon})
	with := func(certificate tls.Certificate, change func(*tls.Config)) *tls.Config {
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		if change != nil {
			change(config)
		}
		return config
	}
	issue := trusted.issue
	speaks := func(protocols ...string) func(*tls.Config) {
		return func(c *tls.Config) { c.NextProtos = protocols }
	}
	wantsClient := func(version uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, version }
	}
	selfSigned := func() tls.Certificate {
		key := newKey()
		c := sign(&x509.Certificate{NotAfter: soon, IPAddresses: loopback}, nil, key, key)
		return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
	}
	ok := answeringTLS(okAnswer)
	rows := []struct {
		name   string
		serve  func(net.Conn)
		host   string // "" is 127.0.0.1
		status cron.Status
		fault  cron.Fault
		detail string // what Detail contains
		expiry time.Time
		shaken bool // the handshake was done, as the client sees it
		short  bool
	}{
		{name: "good", serve: overTLS(with(good, nil), ok), status: cron.StatusOK, expiry: soon, shaken: true},
		{name: "by name", serve: overTLS(with(good, nil), ok), host: "good.test", status: cron.StatusOK, expiry: soon,
			shaken: true},
		{name: "by the root's name", serve: overTLS(with(good, nil), ok), host: "GOOD.test.", status: cron.StatusOK,
			expiry: soon, shaken: true},
		{name: "TLS 1.2", serve: overTLS(with(good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), ok),
			status: cron.StatusOK, expiry: soon, shaken: true},
		{name: "ALPN", serve: overTLS(with(good, speaks("h2", "http/1.1")), ok), status: cron.StatusOK,
			expiry: soon, shaken: true},
		{name: "expired",
			serve:  overTLS(with(issue(leaf{names: []string{"old.test", "b.test"}, ips: loopback, expires: past}), nil), ok),
			status: cron.StatusOther, fault: cron.FaultCertificateExpired, detail: "old.test, b.test, 127.0.0.1",
			expiry: past},
		{name: "expired and wrong",
			serve:  overTLS(with(issue(leaf{names: []string{"old.test"}, expires: past}), nil), ok),
			status: cron.StatusOther, fault: cron.FaultCertificateExpired, detail: "old.test", expiry: past},
		{name: "unknown authority", serve: overTLS(with(stranger.issue(leaf{ips: loopback, expires: soon}), nil), ok),
			status: cron.StatusOther, fault: cron.FaultCertificateUnknown, detail: "CN=stranger", expiry: soon},
		{name: "self-signed", serve: overTLS(with(selfSigned(), nil), ok), status: cron.StatusOther,
			fault: cron.FaultCertificateUnknown, expiry: soon},
		{name: "wrong name", host: "good.test",
			serve:  overTLS(with(issue(leaf{names: []string{"a.test", "*.b.test"}, expires: soon}), nil), ok),
			status: cron.StatusOther, fault: cron.FaultCertificateHost, detail: "a.test, *.b.test", expiry: soon},
		{name: "wrong address",
			serve:  overTLS(with(issue(leaf{names: []string{"a.test"}, expires: soon}), nil), ok),
			status: cron.StatusOther, fault: cron.FaultCertificateHost, detail: "a.test", expiry: soon},
		{name: "no names at all", serve: overTLS(with(issue(leaf{expires: soon}), nil), ok), status: cron.StatusOther,
			fault: cron.FaultCertificateHost, detail: "CN=server", expiry: soon},
		{name: "old protocol",
			serve: overTLS(with(good, func(c *tls.Config) {
				c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			}), ok), status: cron.StatusOther, fault: cron.FaultTLS, detail: "protocol version"},
		{name: "no protocol in common", serve: overTLS(with(good, speaks("acme-tls/1")), ok),
			status: cron.StatusOther, fault: cron.FaultTLS, detail: "no application protocol"},
		{name: "client certificate wanted, TLS 1.2", serve: overTLS(with(good, wantsClient(tls.VersionTLS12)), ok),
			status: cron.StatusOther, fault: cron.FaultTLS, detail: "tls: ", expiry: soon},
		{name: "client certificate wanted, TLS 1.3", serve: overTLS(with(good, wantsClient(tls.VersionTLS13)), ok),
			status: cron.StatusOther, fault: cron.FaultTLS, detail: "certificate required", expiry: soon, shaken: true},
		{name: "no TLS", serve: func(conn net.Conn) {
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, status: cron.StatusOther, fault: cron.FaultTLS, detail: "does not look like a TLS handshake"},
		{name: "speaks first",
			serve:  func(conn net.Conn) { io.WriteString(conn, "220 mail.example.test ESMTP\r\n"); untilClosed(conn) },
			status: cron.StatusOther, fault: cron.FaultTLS, detail: "does not look like a TLS handshake"},
		{name: "alert",
			serve:  func(conn net.Conn) { io.WriteString(conn, "\x15\x03\x03\x00\x02\x02\x28"); untilClosed(conn) },
			status: cron.StatusOther, fault: cron.FaultTLS, detail: "handshake failure"},
		{name: "closed", serve: func(conn net.Conn) { conn.Read(make([]byte, 4096)) }, status: cron.StatusOther,
			fault: cron.FaultTLS, detail: "closed during"},
		{name: "reset", serve: func(conn net.Conn) { conn.Read(make([]byte, 1)); reset(conn) },
			status: cron.StatusOther, fault: cron.FaultTLS, detail: "reset during"},
		{name: "silent", serve: untilClosed, host: "good.test", status: cron.StatusTimeout,
			fault: cron.FaultTLSTimeout, detail: "good.test", short: true},
		{name: "half a record",
			serve:  func(conn net.Conn) { io.WriteString(conn, "\x16\x03\x03\x10\x00\x02"); untilClosed(conn) },
			host:   "good.test",
			status: cron.StatusTimeout, fault: cron.FaultTLSTimeout, detail: "good.test", short: true},
		{name: "silent after the handshake",
			serve: overTLS(with(good, nil), func(conn *tls.Conn) { untilClosed(conn) }), status: cron.StatusTimeout,
			fault: cron.FaultTimeout, detail: short.String(), expiry: soon, shaken: true, short: true},
		{name: "closed after the handshake",
			serve:  overTLS(with(good, nil), func(conn *tls.Conn) { readRequest(conn); conn.Close() }),
			status: cron.StatusOther, fault: cron.FaultClosed, expiry: soon, shaken: true},
		{name: "reset after the handshake",
			serve:  overTLS(with(good, nil), func(conn *tls.Conn) { readRequest(conn); reset(conn.NetConn()) }),
			status: cron.StatusOther, fault: cron.FaultReset, expiry: soon, shaken: true},
		{name: "broken after the handshake", serve: overTLS(with(good, nil), func(conn *tls.Conn) {
			readRequest(conn)
			io.WriteString(conn.NetConn(), "HTTP/1.1 200 OK\r\n\r\n")
			untilClosed(conn)
		}), status: cron.StatusOther, fault: cron.FaultTLS, detail: "received record with version", expiry: soon,
			shaken: true},
		{name: "forged record", serve: overTLS(with(good, nil), func(conn *tls.Conn) {
			readRequest(conn)
			io.WriteString(conn.NetConn(), "\x17\x03\x03\x00\x20"+strings.Repeat("x", 32))
			untilClosed(conn)
		}), status: cron.StatusOther, fault: cron.FaultTLS, detail: "bad record MAC", expiry: soon, shaken: true},
		{name: "no HTTP after the handshake", serve: overTLS(with(good, nil), answeringTLS("hello\r\n")),
			status: cron.StatusOther, fault: cron.FaultMalformed, detail: "hello", expiry: soon, shaken: true},
		{name: "cut off in a record", serve: overTLS(with(good, nil), func(conn *tls.Conn) {
			readRequest(conn)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nhalf of i")
			io.WriteString(conn.NetConn(), "\x17\x03\x03\x00\x20")
			conn.NetConn().Close()
		}), status: cron.StatusOther, fault: cron.FaultClosed, expiry: soon, shaken: true},
		{name: "ended without goodbye, as many servers do", serve: overTLS(with(good, nil), func(conn *tls.Conn) {
			readRequest(conn)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nall of it")
			conn.NetConn().Close()
		}), status: cron.StatusOK, expiry: soon, shaken: true},
		{name: "ended with goodbye",
			serve: overTLS(with(good, nil), answeringTLS("HTTP/1.1 200 OK\r\n\r\nall of it")), status: cron.StatusOK,
			expiry: soon, shaken: true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, "127.0.0.1:0", row.serve)
			host := row.host
			if host == "" {
				host = "127.0.0.1"
			}
			call := callTo(fmt.Sprintf("https://%s:%d/", host, addr.Port()))
			if row.short {
				call.Timeout = short
			}
			resolver := names{"good.test": {"127.0.0.1"}, "good.test.": {"127.0.0.1"}}
			client := New(Config{RootCAs: trusted.pool(), Resolver: resolver})
			for range 2 { // the second one may come with a session
				r := client.Do(t.Context(), call)
				checkSound(t, &r)
				if r.Status != row.status || r.Fault != row.fault || !strings.Contains(r.Detail, row.detail) {
					t.Errorf("%+v", r)
				}
				if !r.CertExpiry.Equal(row.expiry) {
					t.Errorf("expiry %v, want %v", r.CertExpiry, row.expiry)
				}
				if (r.Stats.AppConnect != 0) != row.shaken {
					t.Errorf("%+v", r.Stats)
				}
				again(t, client, call, &r)
			}
		})
	}
}

// TestServerName checks what the server is told about the name, and that HTTP/1.1 is all that is offered.
func TestServerName(t *testing.T) {
	trusted := newAuthority("trusted")
	certificate := trusted.issue(leaf{names: []string{"xn--mnchen-3ya.test"}, ips: loopback})
	hello := make(chan *tls.ClientHelloInfo, 1)
	config := &tls.Config{GetCertificate: func(info *tls.ClientHelloInfo) (*tls.Certificate, error) {
		hello <- info
		return &certificate, nil
	}}
	addr := serve(t, "127.0.0.1:0", overTLS(config, answeringTLS(okAnswer)))
	for host, want := range map[string]string{"M\u00fcnchen.test.": "xn--mnchen-3ya.test", "127.1": ""} {
		client := New(Config{RootCAs: trusted.pool(), Resolver: names{"xn--mnchen-3ya.test.": {"127.0.0.1"}}})
		if r := client.Do(t.Context(), callTo(fmt.Sprintf("https://%s:%d/", host,
			addr.Port()))); r.Status != cron.StatusOK {
			t.Fatalf("%+v", r)
		}
		got := <-hello
		if got.ServerName != want || len(got.SupportedProtos) != 1 || got.SupportedProtos[0] != "http/1.1" {
			t.Errorf("%s: server name %q, protocols %q", host, got.ServerName, got.SupportedProtos)
		}
	}
}

// TestGoodbye checks that the server sees an orderly end.
func TestGoodbye(t *testing.T) {
	trusted := newAuthority("trusted")
	config := &tls.Config{Certificates: []tls.Certificate{trusted.issue(leaf{ips: loopback})}}
	end := make(chan error, 1)
	addr := serve(t, "127.0.0.1:0", overTLS(config, func(conn *tls.Conn) {
		answering(okAnswer)(conn)
		_, err := conn.Read(make([]byte, 1))
		end <- err
	}))
	r := New(Config{RootCAs: trusted.pool()}).Do(t.Context(), callTo("https://"+addr.String()))
	if err := <-end; r.Status != cron.StatusOK || err != io.EOF {
		t.Errorf("%+v; the server met %v", r, err)
	}
}

// TestResumption checks when sessions are resumed, and that the certificate is known all the same.
func TestResumption(t *testing.T) {
	trusted := newAuthority("trusted")
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := &tls.Config{
				Certificates: []tls.Certificate{trusted.issue(leaf{names: []string{"a.test", "b.test"},
					expires: expires})}, MaxVersion: version,
			}
			var resumed atomic.Bool
			addr := serve(t, "127.0.0.1:0", overTLS(config, func(conn *tls.Conn) {
				resumed.Store(conn.ConnectionState().DidResume)
				answeringTLS(okAnswer)(conn)
			}))
			resolver := names{"a.test": {"127.0.0.1"}, "b.test": {"127.0.0.1"}}
			client := New(Config{RootCAs: trusted.pool(), Resolver: resolver})
			for i, step := range []struct {
				account int64
				host    string
				resumed bool
			}{{1, "a", false}, {1, "a", true}, {1, "a", true}, {2, "a", false}, {2, "a", true}, {1, "b", false}, {1,
				"a", true}} {
				call := callTo(fmt.Sprintf("https://%s.test:%d/", step.host, addr.Port()))
				call.AccountID = step.account
				r := client.Do(t.Context(), call)
				if r.Status != cron.StatusOK || !r.CertExpiry.Equal(expires) || resumed.Load() != step.resumed {
					t.Errorf("step %d: %+v, resumed %v", i, r, resumed.Load())
				}
			}
			other := New(Config{Resolver: resolver})
			other.sessions = client.sessions
			r := other.Do(t.Context(), callTo(fmt.Sprintf("https://a.test:%d/", addr.Port())))
			if r.Fault != cron.FaultCertificateUnknown {
				t.Errorf("a session got around the roots: %+v", r)
			}
		})
	}
}

// TestSessionIsForgotten has a server that answers no resumed session.
func TestSessionIsForgotten(t *testing.T) {
	trusted := newAuthority("trusted")
	config := &tls.Config{
		Certificates: []tls.Certificate{trusted.issue(leaf{ips: loopback})},
		UnwrapSession: func([]byte, tls.ConnectionState) (*tls.SessionState, error) {
			return nil, errors.New("stumbling")
		},
	}
	addr := serve(t, "127.0.0.1:0", overTLS(config, answeringTLS(okAnswer)))
	client := New(Config{RootCAs: trusted.pool()})
	for i, want := range []cron.Status{cron.StatusOK, cron.StatusOther, cron.StatusOK} {
		if r := client.Do(t.Context(), callTo("https://"+addr.String())); r.Status != want {
			t.Errorf("exchange %d: %+v", i, r)
		}
	}
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions()
		state := new(tls.ClientSessionState)
		kept := s.forServer(1, "kept:443", new(int))
		kept.Put("", state)
		for i := range 2 * maxSessions {
			s.forServer(2, fmt.Sprint(i), new(int)).Put("", state)
			if _, ok := kept.Get(""); !ok {
				t.Fatalf("a session in use was lost after %d", i)
			}
			if len(s.entries) != s.recent.Len() || len(s.entries) > maxSessions {
				t.Fatalf("%d entries, %d in order", len(s.entries), s.recent.Len())
			}
		}
		if _, ok := s.forServer(2, "0", new(int)).Get(""); ok {
			t.Error("the oldest session is kept")
		}
		if _, ok := s.forServer(1, "0", new(int)).Get(""); ok {
			t.Error("accounts share sessions")
		}
		time.Sleep(sessionLife - time.Second)
		if got, ok := kept.Get(""); !ok || got != state {
			t.Error("lost within the hour")
		}
		time.Sleep(time.Second)
		if _, ok := kept.Get(""); ok {
			t.Error("kept beyond the hour")
		}
		kept.Put("", state)
		kept.Put("", nil)
		if _, ok := kept.Get(""); ok {
			t.Error("kept after its removal")
		}
	})
}

// TestTicketsAreUsedOnce has several tickets of a server.
func TestTicketsAreUsedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions()
		view := s.forServer(1, "a.test:443", new(int))
		states := make([]*tls.ClientSessionState, maxTickets+2)
		for i := range states {
			states[i] = new(tls.ClientSessionState)
			view.Put("", states[i])
			time.Sleep(time.Second)
		}
		for i := len(states) - 1; i >= 2; i-- { // the latest first
			if got, _ := view.Get(""); got != states[i] {
				t.Errorf("ticket %d is not the next", i)
			}
		}
		for range 3 {
			if got, _ := view.Get(""); got != states[2] {
				t.Error("the last ticket is gone")
			}
		}
		if want := sessionBase + len(sessionKey(1, "a.test:443")); s.bytes != want {
			t.Errorf("%d bytes, want %d", s.bytes, want)
		}
		view.Put("", states[0])
		time.Sleep(sessionLife - 2*time.Second)
		view.Get("") // the first one is left, which is too old when it is needed
		time.Sleep(2 * time.Second)
		if _, ok := view.Get(""); ok || s.bytes != 0 {
			t.Errorf("kept beyond the hour, in %d bytes", s.bytes)
		}
		for range 2 {
			view.Put("", states[0])
		}
		view.Put("", nil)
		if _, ok := view.Get(""); ok || s.bytes != 0 {
			t.Errorf("kept after its removal, in %d bytes", s.bytes)
		}
		large := largeSession/2 - sessionBase
		for range maxTickets {
			s.forServer(1, "b.test:443", &large).Put("", states[0])
			if s.bytes > largeSession {
				t.Errorf("one server takes %d bytes", s.bytes)
			}
		}
	})
}

// TestTicketsThatServersTakeOnce has a server that takes no ticket again, and exchanges with it at the same time.
func TestTicketsThatServersTakeOnce(t *testing.T) {
	trusted := newAuthority("trusted")
	var mu sync.Mutex
	taken := make(map[string]bool)
	resumed := 0
	config := &tls.Config{
		Certificates: []tls.Certificate{trusted.issue(leaf{ips: loopback})},
	}
	base := config.Clone()
	config.UnwrapSession = func(ticket []byte, state tls.ConnectionState) (*tls.SessionState, error) {
		mu.Lock()
		defer mu.Unlock()
		if taken[string(ticket)] {
			return nil, nil // a full handshake
		}
		taken[string(ticket)] = true
		return base.DecryptTicket(ticket, state)
	}
	config.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		return base.EncryptTicket(state, session)
	}
	var together sync.WaitGroup // the requests of a round
	addr := serve(t, "127.0.0.1:0", overTLS(config, func(conn *tls.Conn) {
		mu.Lock()
		if conn.ConnectionState().DidResume {
			resumed++
		}
		mu.Unlock()
		if _, err := readRequest(conn); err == nil {
			together.Done()
			together.Wait()
			conn.Write([]byte(okAnswer))
		}
	}))
	client := New(Config{RootCAs: trusted.pool()})
	for round := range 2 {
		together.Add(maxTickets)
		var all sync.WaitGroup
		for range maxTickets {
			all.Go(func() {
				if r := client.Do(t.Context(), callTo("https://"+addr.String())); r.Status != cron.StatusOK {
					t.Errorf("round %d: %+v", round, r)
				}
			})
		}
		all.Wait()
	}
	if resumed < maxTickets {
		t.Errorf("%d of %d sessions were resumed", resumed, maxTickets)
	}
}

// TestSessionsAreBoundedByBytes has servers send as much as they can.
func TestSessionsAreBoundedByBytes(t *testing.T) {
	s := newSessions()
	state := new(tls.ClientSessionState)
	large, huge := 50<<10, 200<<10
	for i := range 3 * maxSessionBytes / large {
		s.forServer(1, fmt.Sprint(i), &large).Put("", state)
		if s.bytes > maxSessionBytes {
			t.Fatalf("%d bytes", s.bytes)
		}
	}
	if n := s.recent.Len(); n < 1000 || n > maxSessionBytes/large {
		t.Errorf("%d sessions", n)
	}
	view := s.forServer(2, "huge", &huge)
	view.Put("", state)
	if _, ok := view.Get(""); ok {
		t.Error("a session of a server that floods is kept")
	}
	for s.recent.Len() > 0 {
		s.remove(s.recent.Back())
	}
	if s.bytes != 0 {
		t.Errorf("%d bytes of no sessions", s.bytes)
	}
}
