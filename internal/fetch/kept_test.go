package fetch

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
)

// keeping is a server that answers the requests of a connection one after another.
type keeping struct {
	url             string
	conns, requests atomic.Int32
}

// serveKeeping serves by answer, which gets the number of the request on its connection, from 1, and reports whether the connection goes on.
// With a configuration of TLS, it serves over that.
func serveKeeping(t *testing.T, config *tls.Config, answer func(conn net.Conn, nth int, request string) bool) *keeping {
	t.Helper()
	s := &keeping{}
	handle := func(conn net.Conn) {
		s.conns.Add(1)
		for nth := 1; ; nth++ {
			request, err := readRequest(conn)
			if err != nil {
				return
			}
			s.requests.Add(1)
			if !answer(conn, nth, request) {
				return
			}
		}
	}
	scheme := "http"
	if config != nil {
		scheme = "https"
		plain := handle
		handle = overTLS(config, func(conn *tls.Conn) { plain(conn); conn.Close() })
	}
	s.url = fmt.Sprintf("%s://%s/", scheme, serve(t, "127.0.0.1:0", handle))
	return s
}

// always answers every request the same.
func always(text string) func(net.Conn, int, string) bool {
	return func(conn net.Conn, _ int, _ string) bool {
		_, err := io.WriteString(conn, text)
		return err == nil
	}
}

// sharing is a call over shared connections.
func sharing(url string) cron.Call {
	call := callTo(url)
	call.Exchange.Connection = cron.ConnectionReuse
	return call
}

// keepingClient is a client whose kept connections are closed when the test ends.
func keepingClient(t *testing.T, config Config) *Client {
	c := New(config)
	t.Cleanup(c.Close)
	return c
}

// succeed makes the exchange and checks the result. reused says whether it goes over a kept connection.
func (s *keeping) succeed(t *testing.T, c *Client, call cron.Call, reused bool) cron.Result {
	t.Helper()
	before := c.Connections()
	r := c.Do(t.Context(), call)
	after := c.Connections()
	if r.Status != cron.StatusOK || r.Peer == "" {
		t.Fatalf("%+v", r)
	}
	if (after.Reused > before.Reused) != reused || (after.Opened == before.Opened) != reused {
		t.Fatalf("counted %+v and then %+v; reused: %v", before, after, reused)
	}
	if reused != (r.Stats.Connect == 0) || reused && r.Stats.NameLookup+r.Stats.AppConnect > 0 || r.Stats.PreTransfer == 0 {
		t.Errorf("stats %+v of a request over a kept connection: %v", r.Stats, reused)
	}
	sound := r
	if reused { // what holds for the others is that a phase has those before it
		sound.Stats.Connect = sound.Stats.PreTransfer
	}
	checkSound(t, &sound)
	return r
}

// bothSchemes runs a test without and with TLS.
func bothSchemes(t *testing.T, test func(t *testing.T, c *Client, config *tls.Config)) {
	trusted := newAuthority("trusted")
	t.Run("http", func(t *testing.T) { test(t, keepingClient(t, Config{}), nil) })
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := trusted.server()
			config.MaxVersion = version
			test(t, keepingClient(t, Config{RootCAs: trusted.pool()}), config)
		})
	}
}

// TestConnectionsAreShared makes more exchanges than a connection may have.
func TestConnectionsAreShared(t *testing.T) {
	bothSchemes(t, func(t *testing.T, c *Client, config *tls.Config) {
		var asked atomic.Int32
		s := serveKeeping(t, config, func(conn net.Conn, _ int, request string) bool {
			if strings.Contains(request, "\r\nConnection: keep-alive\r\n") {
				asked.Add(1)
			}
			return always(okAnswer)(conn, 0, request)
		})
		var expiry time.Time
		for i := range 2*maxExchanges + 5 {
			r := s.succeed(t, c, sharing(s.url+fmt.Sprint(i)), i%maxExchanges > 0)
			if i == 0 {
				expiry = r.CertExpiry
			}
			if !r.CertExpiry.Equal(expiry) || expiry.IsZero() == (config != nil) || string(r.Body) != "ok" {
				t.Fatalf("%d: %+v", i, r)
			}
		}
		if n := s.conns.Load(); n != 3 || asked.Load() != 2*maxExchanges+5 {
			t.Errorf("%d connections, and %d requests that ask for them", n, asked.Load())
		}
	})
}

// TestFreshConnectionsAreNotShared has the calls that neither use kept connections nor leave one.
func TestFreshConnectionsAreNotShared(t *testing.T) {
	if !canKeep {
		t.Skip("this system keeps no connections")
	}
	var refused atomic.Int32
	s := serveKeeping(t, nil, func(conn net.Conn, _ int, request string) bool {
		if strings.Contains(request, "\r\nConnection: close\r\n") {
			refused.Add(1)
		}
		if strings.HasPrefix(request, "GET /from") {
			return always("HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n")(conn, 0, "")
		}
		if strings.HasPrefix(request, "HEAD") {
			return always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")(conn, 0, "")
		}
		return always(okAnswer)(conn, 0, "")
	})
	c := keepingClient(t, Config{})
	fresh, head, connect, redirected := callTo(s.url), sharing(s.url), sharing(s.url), sharing(s.url+"from")
	head.Request.Method, connect.Request.Method = cron.MethodHead, cron.MethodConnect
	for _, call := range []cron.Call{fresh, head, connect} {
		s.succeed(t, c, call, false)
	}
	if r, trace := c.Trace(t.Context(), sharing(s.url), nil); r.Status != cron.StatusOK || len(trace.Hops) != 1 || len(trace.Hops[0].Dials) != 1 {
		t.Errorf("traced: %+v %+v", r, trace)
	}
	if n := refused.Load(); n != 4 || c.Connections().Kept != 0 {
		t.Fatalf("%d requests asked to close, %+v", n, c.Connections())
	}
	s.succeed(t, c, sharing(s.url), false)
	// The first request of a redirect may use what was kept, and the second may not.
	redirected.Exchange.FollowRedirects = 1
	before := s.conns.Load()
	r := c.Do(t.Context(), redirected)
	if checkSound(t, &r); r.Status != cron.StatusOK || len(r.Redirects) != 1 || s.conns.Load() != before+1 || c.Connections().Kept != 0 || refused.Load() != 5 {
		t.Errorf("%+v, %d connections, %+v", r, s.conns.Load()-before, c.Connections())
	}
}

// framings are answers to a first request, by whether the connection is kept.
var framings = []struct {
	name, answer string
	kept         bool
}{
	{"length", okAnswer, true},
	{"no body by length", "HTTP/1.1 200 OK\r\ncontent-length: 0 \r\n\r\n", true},
	{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n00001\r\nk\r\n0\r\n\r\n", true},
	{"no content", "HTTP/1.1 204 No Content\r\n\r\n", true},
	{"no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", true},
	{"not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", true},
	{"keep-alive", "HTTP/1.1 200 OK\r\nConnection: Upgrade, Keep-Alive\r\nKeep-Alive: timeout=5, max=99\r\nContent-Length: 2\r\n\r\nok", true},

	{"until the end", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nok", false},
	{"close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false},
	{"close among others", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nconnection: x, CLOSE\r\nContent-Length: 2\r\n\r\nok", false},
	{"unknown option", "HTTP/1.1 200 OK\r\nConnection: x\r\nContent-Length: 2\r\n\r\nok", false},
	{"kept for too short", "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok", false},
	{"used up", "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=0\r\nContent-Length: 2\r\n\r\nok", false},
	{"unclear timeout", "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5s\r\nContent-Length: 2\r\n\r\nok", false},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", false},
	{"HTTP/2 in plain text", "HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
	{"lower case", "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
	{"two spaces", "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok", false},
	{"no space", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", false},
	{"line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false},
	{"one line feed", "HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\r\n\r\nok", false},
	{"stray carriage return", "HTTP/1.1 200 OK\r\nX: y\rz\r\nContent-Length: 2\r\n\r\nok", false},
	{"control character", "HTTP/1.1 200 OK\r\nX: \x01\r\nContent-Length: 2\r\n\r\nok", false},
	{"folded line", "HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 2\r\n\r\nok", false},
	{"space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", false},
	{"no name", "HTTP/1.1 200 OK\r\n: y\r\nContent-Length: 2\r\n\r\nok", false},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", false},
	{"list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", false},
	{"sign", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", false},
	{"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
	{"chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
	{"compressed and chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
	{"extension of a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\n\r\n", false},
	{"space after a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0\r\n\r\n", false},
	{"line feed after a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", false},
	{"line feed after a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n", false},
	{"carriage returns after a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\r\n0\r\n\r\n", false},
	{"line feed after the chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\n", false},
	{"trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", false},
	{"interim response", "HTTP/1.1 103 Early Hints\r\n\r\n" + okAnswer, false},
	{"not modified", "HTTP/1.1 304 Not Modified\r\n\r\n", false},
	{"no content with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false},
	{"switching protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false},
	{"signs the connection in", "HTTP/1.1 200 OK\r\nWWW-Authenticate: Negotiate oYG=\r\nContent-Length: 2\r\n\r\nok", false},
	{"more than the length", okAnswer + "x", false},
	{"second response", okAnswer + okAnswer, false},
	{"line end after the body", okAnswer + "\r\n", false},
	{"second response after chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + okAnswer, false},
	{"broken off", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", false},
}

// TestFramings checks which responses leave a connection behind. A server that sends the second response of smuggling answers the second
// request wrongly, unless that comes over another connection.
func TestFramings(t *testing.T) {
	if !canKeep {
		t.Skip("this system keeps no connections")
	}
	bothSchemes(t, func(t *testing.T, c *Client, config *tls.Config) {
		for _, row := range framings {
			t.Run(row.name, func(t *testing.T) {
				s := serveKeeping(t, config, func(conn net.Conn, nth int, request string) bool {
					if !strings.HasPrefix(request, "GET /1 ") {
						return always("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")(conn, 0, "")
					}
					io.WriteString(conn, row.answer)
					return row.name != "until the end" && row.name != "broken off"
				})
				before := c.Connections()
				c.Do(t.Context(), sharing(s.url+"1"))
				r := c.Do(t.Context(), sharing(s.url+"2"))
				after := c.Connections()
				if reused := after.Reused > before.Reused; reused != row.kept || string(r.Body) != "second" || r.Status != cron.StatusOK || s.requests.Load() != 2 {
					t.Errorf("reused: %v, %d requests: %+v", reused, s.requests.Load(), r)
				}
			})
		}
	})
}

// TestLateBytes has a server send more, or close, after its response was read.
func TestLateBytes(t *testing.T) {
	if !canKeep {
		t.Skip("this system keeps no connections")
	}
	for name, late := range map[string]func(net.Conn){
		"byte":     func(conn net.Conn) { io.WriteString(conn, "x") },
		"response": func(conn net.Conn) { io.WriteString(conn, strings.Replace(okAnswer, "ok", "no", 1)) },
		"close":    func(conn net.Conn) { conn.Close() },
		"half of a record": func(conn net.Conn) {
			if secure, ok := conn.(*tls.Conn); ok {
				conn = secure.NetConn()
			}
			conn.Write([]byte{23, 3, 3})
		},
		"half-close": func(conn net.Conn) {
			if half, ok := conn.(interface{ CloseWrite() error }); ok {
				half.CloseWrite()
			}
		},
		"reset": func(conn net.Conn) {
			if secure, ok := conn.(*tls.Conn); ok {
				conn = secure.NetConn()
			}
			reset(conn)
		},
	} {
		bothSchemes(t, func(t *testing.T, c *Client, config *tls.Config) {
			t.Run(name, func(t *testing.T) {
				read, sent := make(chan bool), make(chan bool)
				s := serveKeeping(t, config, func(conn net.Conn, nth int, request string) bool {
					io.WriteString(conn, okAnswer)
					if strings.HasPrefix(request, "GET /1 ") {
						<-read
						late(conn)
						close(sent)
					}
					return true
				})
				s.succeed(t, c, sharing(s.url+"1"), false)
				if c.Connections().Kept == 0 {
					t.Fatal("nothing was kept")
				}
				close(read)
				<-sent
				if r := s.succeed(t, c, sharing(s.url+"2"), false); string(r.Body) != "ok" || s.requests.Load() != 2 {
					t.Errorf("%d requests: %+v", s.requests.Load(), r)
				}
			})
		})
	}
}

// TestRequestIsNeverSentTwice has servers that take a request over a kept connection and close it.
func TestRequestIsNeverSentTwice(t *testing.T) {
	if !canKeep {
		t.Skip("this system keeps no connections")
	}
	for name, ends := range map[string]func(net.Conn){
		"closed": func(conn net.Conn) { conn.Close() },
		"reset": func(conn net.Conn) {
			if secure, ok := conn.(*tls.Conn); ok {
				conn = secure.NetConn()
			}
			reset(conn)
		},
	} {
		bothSchemes(t, func(t *testing.T, c *Client, config *tls.Config) {
			t.Run(name, func(t *testing.T) {
				s := serveKeeping(t, config, func(conn net.Conn, nth int, request string) bool {
					if nth == 2 {
						ends(conn)
						return false
					}
					return always(okAnswer)(conn, 0, "")
				})
				s.succeed(t, c, sharing(s.url), false)
				call := sharing(s.url)
				call.Request.Method, call.Request.Body = cron.MethodPost, strings.Repeat("x", 3*requestSize)
				r := c.Do(t.Context(), call)
				if r.Status != cron.StatusOther || r.Fault != cron.FaultKeptClosed || r.Peer == "" || s.requests.Load() != 2 || s.conns.Load() != 1 {
					t.Errorf("%d requests over %d connections: %+v", s.requests.Load(), s.conns.Load(), r)
				}
				if r.CertExpiry.IsZero() == (config != nil) {
					t.Errorf("the certificate expires %v", r.CertExpiry)
				}
				s.succeed(t, c, sharing(s.url), false)
			})
		})
	}
	t.Run("begun", func(t *testing.T) { // an answer that breaks off is what it is
		c := keepingClient(t, Config{})
		s := serveKeeping(t, nil, func(conn net.Conn, nth int, _ string) bool {
			if nth == 2 {
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok")
				return false
			}
			return always(okAnswer)(conn, 0, "")
		})
		s.succeed(t, c, sharing(s.url), false)
		if r := c.Do(t.Context(), sharing(s.url)); r.Fault != cron.FaultClosed || r.HTTPStatus != 200 || s.requests.Load() != 2 {
			t.Errorf("%+v", r)
		}
	})
}

// brokenLink is a kept connection that breaks between the look at it and the request: the operating system takes some bytes of the request
// and then reports a reset.
type brokenLink struct {
	net.Conn
	taken  int
	broken bool
}

func (b *brokenLink) SyscallConn() (syscall.RawConn, error) {
	return b.Conn.(syscall.Conn).SyscallConn()
}

var errReset = &net.OpError{Op: "write", Err: syscall.ECONNRESET}

func (b *brokenLink) Write(p []byte) (int, error) {
	if b.broken {
		return 0, errReset
	}
	b.broken = true
	n, err := b.Conn.Write(p[:b.taken])
	if err == nil {
		err = errReset
	}
	return n, err
}

func (b *brokenLink) Read(p []byte) (int, error) {
	if b.broken {
		return 0, errReset
	}
	return b.Conn.Read(p)
}

// TestUnsentRequest checks that a request goes out over a new connection if no byte of it was taken, and only then.
func TestUnsentRequest(t *testing.T) {
	if !canKeep {
		t.Skip("this system keeps no connections")
	}
	for _, taken := range []int{0, 1, 7} {
		bothSchemes(t, func(t *testing.T, c *Client, config *tls.Config) {
			s := serveKeeping(t, config, always(okAnswer))
			s.succeed(t, c, sharing(s.url), false)
			call := sharing(s.url)
			x := &exchange{client: c, call: &call, started: time.Now()}
			x.target, _ = parseTarget(&call.Request)
			l := c.kept.take(x.keptKey(), time.Now())
			broken := &brokenLink{Conn: l.tcp, taken: taken}
			if l.tcp = broken; l.tap != nil {
				l.tap.Conn = broken
			} else {
				l.conn = broken
			}
			c.kept.put(x.keptKey(), l, maxIdle, time.Now())
			if taken == 0 {
				s.succeed(t, c, call, false)
				if s.requests.Load() != 2 || s.conns.Load() != 2 {
					t.Errorf("%d requests over %d connections", s.requests.Load(), s.conns.Load())
				}
				return
			}
			if r := c.Do(t.Context(), call); r.Fault != cron.FaultKeptClosed || s.conns.Load() != 1 {
				t.Errorf("%d bytes taken, %d connections: %+v", taken, s.conns.Load(), r)
			}
		})
	}
}

// TestEarlyResponses has a server answer before the request was sent whole, which leaves open what it does with the rest.
func TestEarlyResponses(t *testing.T) {
	bothSchemes(t, func(t *testing.T, c *Client, config *tls.Config) {
		handle := func(conn net.Conn) {
			p := make([]byte, 4096)
			for first := true; ; first = false {
				if _, err := conn.Read(p); err != nil {
					return
				}
				if first {
					io.WriteString(conn, okAnswer)
					time.Sleep(20 * time.Millisecond) // the sockets hold only part of the request
				}
			}
		}
		scheme := "http"
		if config != nil {
			plain := handle
			scheme, handle = "https", overTLS(config, func(conn *tls.Conn) { plain(conn) })
		}
		call := sharing(fmt.Sprintf("%s://%s/", scheme, serve(t, "127.0.0.1:0", handle)))
		call.Request.Method, call.Request.Body = cron.MethodPost, strings.Repeat("x", 32<<20)
		if r := c.Do(t.Context(), call); r.Status != cron.StatusOK || c.Connections().Kept != 0 {
			t.Errorf("%+v, %+v", r, c.Connections())
		}
	})
	t.Run("before the request", func(t *testing.T) {
		if !canKeep {
			t.Skip("this system keeps no connections")
		}
		c := keepingClient(t, Config{})
		ours, theirs := tcpPair(t)
		io.WriteString(theirs, okAnswer)
		for silent(ours) { // until it has arrived
			time.Sleep(time.Millisecond)
		}
		call := sharing("http://127.0.0.1/")
		x := &exchange{client: c, call: &call, started: time.Now()}
		x.target, _ = parseTarget(&call.Request)
		if err := x.requestOver(&link{tcp: ours, conn: ours, opened: time.Now()}); err != nil || c.Connections().Kept != 0 {
			t.Errorf("%v, %+v", err, c.Connections())
		}
	})
}

// tcpPair is the two ends of a connection.
func tcpPair(t *testing.T) (ours, theirs net.Conn) {
	accepted := make(chan net.Conn, 1)
	addr := serve(t, "127.0.0.1:0", func(conn net.Conn) { accepted <- conn; untilClosed(conn) })
	ours, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return ours, <-accepted
}

// TestSharingIsBounded checks who shares a connection.
func TestSharingIsBounded(t *testing.T) {
	trusted := newAuthority("trusted")
	config := trusted.server()
	config.ClientAuth = tls.RequestClientCert
	var present atomic.Int32 // client certificates
	s := serveKeeping(t, config, func(conn net.Conn, nth int, _ string) bool {
		present.Store(int32(len(conn.(*tls.Conn).ConnectionState().PeerCertificates)))
		return always(okAnswer)(conn, 0, "")
	})
	c := keepingClient(t, Config{RootCAs: trusted.pool(), Resolver: names{"localhost.test": {"127.0.0.1"}},
		Guard: &Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	client := cron.NewAccountTLS(trusted.client(t))
	other := cron.NewAccountTLS(trusted.client(t))
	for name, change := range map[string]func(*cron.Call){
		"itself":             func(*cron.Call) {},
		"another account":    func(call *cron.Call) { call.AccountID = 2 },
		"another access":     func(call *cron.Call) { call.Access = cron.AccessGlobal },
		"not verified":       func(call *cron.Call) { call.Exchange.Unverified = true },
		"client certificate": func(call *cron.Call) { call.TLS = client },
		"another one":        func(call *cron.Call) { call.TLS = other },
		"another name": func(call *cron.Call) {
			call.Request.URL, call.Exchange.Unverified = strings.Replace(s.url, "127.0.0.1", "localhost.test", 1), true
		},
	} {
		call := sharing(s.url)
		change(&call)
		s.succeed(t, c, call, false)
		s.succeed(t, c, call, canKeep)
		if want := call.TLS != nil; want != (present.Load() > 0) {
			t.Errorf("%s: %d client certificates", name, present.Load())
		}
	}
	if n := int(s.conns.Load()); n != 7 && canKeep {
		t.Errorf("%d connections", n)
	}
}

// TestKeptConnectionsAreCheckedAgain checks what a kept connection must not outlive.
func TestKeptConnectionsAreCheckedAgain(t *testing.T) {
	trusted := newAuthority("trusted")
	t.Run("guard", func(t *testing.T) {
		c := keepingClient(t, Config{})
		s := serveKeeping(t, nil, always(okAnswer))
		s.succeed(t, c, sharing(s.url), false)
		c.guard = &Guard{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
		if r := c.Do(t.Context(), sharing(s.url)); r.Fault != cron.FaultDenied || s.requests.Load() != 1 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("certificate", func(t *testing.T) {
		c := keepingClient(t, Config{RootCAs: trusted.pool()})
		s := serveKeeping(t, trusted.server(), always(okAnswer))
		s.succeed(t, c, sharing(s.url), false)
		for e := c.kept.order.Front(); e != nil; e = e.Next() {
			e.Value.(*keptLink).expiry = time.Now().Add(-time.Second)
		}
		s.succeed(t, c, sharing(s.url), false)
	})
	t.Run("time", func(t *testing.T) {
		c := keepingClient(t, Config{})
		c.kept.idle = 50 * time.Millisecond
		closed := make(chan bool, 2)
		addr := serve(t, "127.0.0.1:0", func(conn net.Conn) { answering(okAnswer)(conn); untilClosed(conn); closed <- true })
		for range 2 {
			if r := c.Do(t.Context(), sharing("http://"+addr.String())); r.Status != cron.StatusOK {
				t.Fatalf("%+v", r)
			}
			<-closed // by the client
		}
		if !settled(func() bool { return c.Connections().Kept == 0 }) {
			t.Errorf("%+v", c.Connections())
		}
	})
	t.Run("age", func(t *testing.T) {
		c := keepingClient(t, Config{})
		s := serveKeeping(t, nil, always(okAnswer))
		s.succeed(t, c, sharing(s.url), false)
		if !canKeep {
			return
		}
		call := sharing(s.url)
		x := &exchange{client: c, call: &call}
		x.target, _ = parseTarget(&call.Request)
		l := c.kept.take(x.keptKey(), time.Now())
		l.opened = l.opened.Add(-maxAge)
		c.kept.put(x.keptKey(), l, maxIdle, time.Now())
		s.succeed(t, c, sharing(s.url), false)
	})
}

// settled reports whether a condition comes true.
func settled(is func() bool) bool {
	for range 500 {
		if is() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// TestKeptConnectionsAreBounded checks how many are kept, of all accounts and of one.
func TestKeptConnectionsAreBounded(t *testing.T) {
	if !canKeep {
		t.Skip("this system keeps no connections")
	}
	c := keepingClient(t, Config{Kept: 6})
	kept := func(account int64) (n int) {
		c.kept.mu.Lock()
		defer c.kept.mu.Unlock()
		return c.kept.accounts[account]
	}
	add := func(account int64, server string) *link {
		ours, _ := tcpPair(t)
		l := &link{tcp: ours, conn: ours, opened: time.Now()}
		c.kept.put(keptKey{account: account, server: server}, l, maxIdle, time.Now())
		return l
	}
	isClosed := func(l *link) bool { return l.tcp.SetDeadline(time.Time{}) != nil }
	first := add(1, "a")
	var of1 []*link
	for i := range 3 {
		of1 = append(of1, add(1, fmt.Sprint(i)))
	}
	if !isClosed(first) || kept(1) != 3 {
		t.Errorf("an account has %d", kept(1))
	}
	of2, of3 := add(2, "a"), add(3, "a")
	add(3, "b")
	if c.Connections().Kept != 6 || isClosed(of2) || isClosed(of3) {
		t.Errorf("%+v", c.Connections())
	}
	add(2, "b") // for which the oldest of the same account makes room
	if !isClosed(of2) || isClosed(of1[0]) || kept(2) != 1 {
		t.Errorf("%d of the account", kept(2))
	}
	add(4, "a") // which has none
	if !isClosed(of1[0]) || kept(4) != 1 || kept(1) != 2 || c.Connections().Kept != 6 {
		t.Errorf("%+v", c.Connections())
	}
	// Each exchange that could be made gives its place while it is not made.
	c.kept.slots = 4
	c.kept.enter()
	for i := range 3 {
		add(int64(5+i), "a")
	}
	if n := c.Connections().Kept; n != 9 {
		t.Errorf("%d kept with 3 free slots", n)
	}
	for range 2 {
		c.kept.enter()
	}
	if n := c.Connections().Kept; n != 7 || c.kept.places() != 7 {
		t.Errorf("%d kept with a free slot", n)
	}
	for range 3 {
		c.kept.leave()
	}
	c.Close()
	late := add(1, "a")
	if c.Connections().Kept != 0 || !isClosed(late) || !isClosed(of3) {
		t.Errorf("after the end: %+v", c.Connections())
	}
}

// TestShortageClosesKeptConnections has a lookup fail for want of files until the kept connections are closed.
func TestShortageClosesKeptConnections(t *testing.T) {
	var c *Client
	s := serveKeeping(t, nil, always(okAnswer))
	c = keepingClient(t, Config{Resolver: resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
		if c.Connections().Kept > 0 {
			return nil, syscall.EMFILE
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	})})
	s.succeed(t, c, sharing(s.url), false)
	r := c.Do(t.Context(), callTo(strings.Replace(s.url, "127.0.0.1", "other.test", 1)))
	if r.Status != cron.StatusOK || c.Connections().Kept != 0 {
		t.Errorf("%+v, %+v", r, c.Connections())
	}
}

// TestNobodyGetsTheAnswerOfAnother shares a few connections between many exchanges at once.
func TestNobodyGetsTheAnswerOfAnother(t *testing.T) {
	bothSchemes(t, func(t *testing.T, c *Client, config *tls.Config) {
		s := serveKeeping(t, config, func(conn net.Conn, nth int, request string) bool {
			path := strings.Fields(request)[1]
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(path), path)
			return nth%7 != 0 // and now and then it closes right after its answer
		})
		var all sync.WaitGroup
		var broken atomic.Int32
		for worker := range 8 {
			all.Go(func() {
				for i := range 40 {
					path := fmt.Sprintf("/%d/%d", worker, i)
					call := sharing(strings.TrimSuffix(s.url, "/") + path)
					call.AccountID = int64(worker % 2)
					switch r := c.Do(t.Context(), call); {
					case r.Fault == cron.FaultKeptClosed:
						broken.Add(1)
					case r.Status != cron.StatusOK || string(r.Body) != path:
						t.Errorf("%s: %+v", path, r)
					}
				}
			})
		}
		all.Wait()
		if got := c.Connections(); s.requests.Load()+broken.Load() < 320 || s.requests.Load() > 320 || got.Reused == 0 && canKeep {
			t.Errorf("%d requests, of which %d broke off: %+v", s.requests.Load(), broken.Load(), got)
		}
	})
}

// TestInterruptedExchangeKeepsNothing ends an exchange while it waits for the answer over a kept connection.
func TestInterruptedExchangeKeepsNothing(t *testing.T) {
	c := keepingClient(t, Config{})
	arrived := make(chan bool, 1)
	s := serveKeeping(t, nil, func(conn net.Conn, nth int, _ string) bool {
		if nth == 2 {
			arrived <- true
			untilClosed(conn)
			return false
		}
		return always(okAnswer)(conn, 0, "")
	})
	s.succeed(t, c, sharing(s.url), false)
	if !canKeep {
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if r := c.Do(ctx, sharing(s.url)); r.Fault != cron.FaultLost || c.Connections().Kept != 0 {
		t.Errorf("%+v, %+v", r, c.Connections())
	}
	call := sharing(s.url)
	s.succeed(t, c, call, false)
	call.Timeout = 50 * time.Millisecond
	if r := c.Do(t.Context(), call); r.Fault != cron.FaultTimeout || c.Connections().Kept != 0 {
		t.Errorf("%+v, %+v", r, c.Connections())
	}
}

// TestKeptConnectionsAreLookedAtWithoutWriting has TLS want to answer what a server has sent over a kept connection, while that does not
// read. The look must not wait, and the connection must not be used.
func TestKeptConnectionsAreLookedAtWithoutWriting(t *testing.T) {
	ours, theirs := net.Pipe() // whose writes wait for a reader
	defer ours.Close()
	defer theirs.Close()
	under := &tap{Conn: ours}
	under.only = true
	if n, err := under.Write([]byte("alert")); n != 0 || err != os.ErrDeadlineExceeded || !under.refused {
		t.Fatalf("%d bytes were written: %v", n, err)
	}
}

// TestLargeCertificatesAreNotKept has a server whose certificates take more memory than a kept connection may.
func TestLargeCertificatesAreNotKept(t *testing.T) {
	trusted := newAuthority("trusted")
	config := trusted.server()
	chain := &config.Certificates[0]
	for size := 0; size <= maxLinkBytes; size += len(chain.Certificate[0]) {
		chain.Certificate = append(chain.Certificate, chain.Certificate[0])
	}
	c := keepingClient(t, Config{RootCAs: trusted.pool()})
	s := serveKeeping(t, config, always(okAnswer))
	for range 2 {
		s.succeed(t, c, sharing(s.url), false)
	}
}
