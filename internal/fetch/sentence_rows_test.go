package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
)

// failures are all ways to fail, by phases.
func failures(t *testing.T, trusted *authority) []failure {
	var rows []failure
	for _, more := range [][]failure{
		unresolvedFailures(), connectFailures(t), certificateFailures(trusted), handshakeFailures(trusted), transferFailures(),
		malformedFailures(), statusFailures(), redirectFailures(), criterionFailures(), serviceFailures(t),
	} {
		rows = append(rows, more...)
	}
	return rows
}

// then handles a connection by one answer, and leaves it open.
func then(answer string) func(net.Conn) {
	return func(conn net.Conn) { answering(answer)(conn); untilClosed(conn) }
}

// dropped handles a connection by one answer, and a reset once that has been read.
func dropped(answer string) func(net.Conn) {
	return func(conn net.Conn) { answering(answer)(conn); time.Sleep(20 * time.Millisecond); reset(conn) }
}

func unresolvedFailures() []failure {
	resolves := func(err error) func(*Config) {
		return func(c *Config) {
			c.Resolver = resolverFunc(func(context.Context, string) ([]netip.Addr, error) { return nil, err })
		}
	}
	return []failure{
		{name: "URL, scheme", url: "ftp://example.org/"},
		{name: "URL, syntax", url: "http://example.org:port/"},
		{name: "URL, no host", url: "http:///path"},
		{name: "URL, host name", url: "http://example..org/"},
		{name: "secret that does not exist", url: "http://example.org/%secret:api-key%"},
		{name: "name that does not exist", url: "http://nowhere.example.org/"},
		{name: "name servers fail", config: resolves(&net.DNSError{Err: "server misbehaving", Name: "example.org"})},
		{name: "name servers are silent", short: true, config: func(c *Config) {
			c.Resolver = resolverFunc(func(ctx context.Context, _ string) ([]netip.Addr, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		}},
	}
}

func connectFailures(t *testing.T) []failure {
	closed, hole := closedPort(t, "127.0.0.1"), blackHole(t, "127.0.0.1")
	own := func(c *Config) { c.Guard = &Guard{Own: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}} }
	deny := func(c *Config) { c.Guard = &Guard{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}} }
	return []failure{
		{name: "refused", port: closed.Port()},
		{name: "refused, by address", url: "http://127.0.0.1:PORT/", port: closed.Port()},
		{name: "refused, after a redirect", serve: answering(found(302, fmt.Sprintf("http://www.example.org:%d/", 1))),
			job: func(j *cron.Job) { j.Exchange.FollowRedirects = 5 }},
		{name: "unreachable", url: "http://224.0.0.1/"},
		{name: "unreachable, IPv6", url: "http://[ff02::1]/"},
		{name: "connection not opened", url: "http://192.0.2.1/", do: func(c *Client, call cron.Call) cron.Result {
			x := &exchange{client: c, call: &call, started: time.Now()} // the firewall of this host cannot be changed
			x.result.URL = call.Request.URL
			x.mark(&x.result.Stats.NameLookup)
			err := dialFault(os.NewSyscallError("connect", syscall.EACCES), netip.MustParseAddrPort("192.0.2.1:80"))
			x.finish(context.Background(), err)
			return x.result
		}},
		{name: "connection not accepted", port: hole.Port(), short: true},
		{name: "metadata service", url: "http://169.254.169.254/latest"},
		{name: "metadata service, by name", url: "http://metadata.example.org/"},
		{name: "blocked, hidden", url: "http://metadata.example.org/", global: true},
		{name: "link-local", url: "http://169.254.1.2/"},
		{name: "own listener", url: "http://example.org:9/", config: own},
		{name: "denied by the operator", url: "http://example.org/", config: deny},
		{name: "not public", url: "http://example.org/", global: true},
		{name: "not public, by address", url: "http://127.1/", global: true},
	}
}

func certificateFailures(trusted *authority) []failure {
	past := time.Now().Add(-time.Hour)
	secure := func(c tls.Certificate) func(net.Conn) {
		return overTLS(&tls.Config{Certificates: []tls.Certificate{c}}, answeringTLS(okAnswer))
	}
	org := []string{"example.org"}
	old := trusted.intermediate("old authority", past)
	const url = "https://example.org:PORT/"
	return []failure{
		{name: "certificate expired", url: url, serve: secure(trusted.issue(leaf{names: org, expires: past}))},
		{name: "certificate not valid yet", url: url,
			serve: secure(trusted.issue(leaf{names: org, begins: time.Now().Add(time.Hour), expires: time.Now().Add(2 * time.Hour)}))},
		{name: "certificate of the chain expired", url: url, serve: secure(old.issue(leaf{names: org}))},
		{name: "certificate for another name", url: url, serve: secure(trusted.issue(leaf{names: []string{"a.example", "b.example"}}))},
		{name: "certificate for the name with www", url: url, serve: secure(trusted.issue(leaf{names: []string{"www.example.org"}}))},
		{name: "certificate of an unknown authority", url: url, serve: secure(newAuthority("stranger").issue(leaf{names: org}))},
		{name: "certificate for another use", url: url, serve: secure(trusted.issue(leaf{names: org, client: true}))},
	}
}

func handshakeFailures(trusted *authority) []failure {
	good := trusted.issue(leaf{names: []string{"example.org"}})
	with := func(change func(*tls.Config)) func(net.Conn) {
		config := &tls.Config{Certificates: []tls.Certificate{good}}
		change(config)
		return overTLS(config, answeringTLS(okAnswer))
	}
	wantsClient := func(version uint16) func(net.Conn) {
		return with(func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, version })
	}
	alert := func(code byte) func(net.Conn) {
		return func(conn net.Conn) {
			conn.Read(make([]byte, 4096))
			conn.Write([]byte{0x15, 3, 3, 0, 2, 2, code})
			untilClosed(conn)
		}
	}
	const url = "https://example.org:PORT/"
	return []failure{
		{name: "TLS handshake, silence", url: url, serve: untilClosed, short: true},
		{name: "TLS handshake, closed", url: url, serve: func(conn net.Conn) { conn.Read(make([]byte, 4096)) }},
		{name: "TLS handshake, reset", url: url, serve: func(conn net.Conn) { conn.Read(make([]byte, 1)); reset(conn) }},
		{name: "TLS handshake, no TLS", url: url, serve: func(conn net.Conn) {
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}},
		{name: "TLS handshake, old version", url: url, serve: with(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		})},
		{name: "TLS handshake, unknown name", url: url, serve: alert(112)},
		{name: "TLS handshake, no HTTP/1.1", url: url, serve: with(func(c *tls.Config) { c.NextProtos = []string{"acme-tls/1"} })},
		{name: "TLS handshake, nothing in common", url: url, serve: alert(40)},
		{name: "TLS handshake, internal error", url: url, serve: alert(80)},
		{name: "TLS handshake, nonsense", url: url, serve: func(conn net.Conn) {
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, "\x16\x03\x03\x00\x04\x63\x00\x00\x00")
			untilClosed(conn)
		}},
		{name: "client certificate refused", url: url, serve: alert(42)},
		{name: "client certificate wanted, TLS 1.2", url: url, serve: wantsClient(tls.VersionTLS12)},
		{name: "client certificate wanted, TLS 1.3", url: url, serve: wantsClient(tls.VersionTLS13)},
		{name: "no TLS after the handshake", url: url,
			serve: overTLS(&tls.Config{Certificates: []tls.Certificate{good}}, func(conn *tls.Conn) {
				readRequest(conn)
				io.WriteString(conn.NetConn(), "HTTP/1.1 200 OK\r\n\r\n")
				untilClosed(conn)
			})},
	}
}

const ok200 = "HTTP/1.1 200 OK\r\n"

func transferFailures() []failure {
	endless := func(conn net.Conn) {
		if _, err := readRequest(conn); err == nil {
			io.WriteString(conn, ok200)
			flood(conn, "X: "+strings.Repeat("y", 100)+"\r\n")
		}
	}
	long := func(j *cron.Job) { j.Timeout = 60 }
	cut := func(j *cron.Job) { j.Exchange.Oversize = cron.OversizeTruncate }
	shares := func(j *cron.Job) { j.Exchange.Connection = cron.ConnectionReuse }
	closesSecond := func(conn net.Conn) { answering(okAnswer)(conn); readRequest(conn) }
	twice := func(c *Client, call cron.Call) cron.Result {
		defer c.Close()
		c.Do(context.Background(), call)
		return c.Do(context.Background(), call)
	}
	const half = ok200 + "Content-Length: 9\r\n\r\nbody"
	return []failure{
		{name: "silence", serve: untilClosed, short: true},
		{name: "silence, with the longest timeout", serve: untilClosed, short: true, job: long},
		{name: "headers not complete in time", serve: then(ok200 + "X: y\r\nConte"), short: true},
		{name: "body not complete in time", serve: then(half), short: true},
		{name: "body without an end", serve: then(ok200 + "\r\nbody"), short: true},
		{name: "closed at once", serve: answering("")},
		{name: "closed in the headers", serve: answering(ok200 + "X: y\r\n")},
		{name: "closed in the body", serve: answering(half)},
		{name: "closed in the body, not saved", serve: answering(half), job: func(j *cron.Job) { j.SaveResponses = false }},
		{name: "reset at once", serve: func(conn net.Conn) { readRequest(conn); reset(conn) }},
		{name: "reset in the headers", serve: dropped(ok200 + "X: y\r\n")},
		{name: "reset in the body", serve: dropped(half)},
		{name: "reused connection closed", serve: closesSecond, job: shares, do: twice},
		{name: "reused connection closed, of a job with new ones by now", serve: closesSecond, job: shares, do: twice,
			later: func(j *cron.Job) { j.Exchange.Connection = cron.ConnectionFresh }},
		{name: "headers too large", serve: endless},
		{name: "body announced too large", serve: then(ok200 + "Content-Length: 300000\r\n\r\n")},
		{name: "body too large", serve: answering(ok200 + "\r\n" + strings.Repeat("x", 300000))},
		{name: "body too large, of a job that cuts it by now", later: cut,
			serve: answering(ok200 + "\r\n" + strings.Repeat("x", 300000))},
		{name: "silence, of a job with a longer timeout by now", serve: untilClosed, short: true,
			later: func(j *cron.Job) { j.Timeout = 45 }},
		{name: "headers too large, with a body that may be cut", serve: endless, job: cut},
	}
}

func malformedFailures() []failure {
	chunked := func(body string) string { return ok200 + "Transfer-Encoding: chunked\r\n\r\n" + body }
	return []failure{
		{name: "TLS expected", serve: answering("\x15\x03\x01\x00\x02\x02\x16")},
		{name: "TLS expected, said by nginx", serve: answering("HTTP/1.1 400 Bad Request\r\n\r\n<center>The plain HTTP request " +
			"was sent to HTTPS port</center>")},
		{name: "no HTTP", serve: then("SSH-2.0-OpenSSH_9.2\r\n")},
		{name: "empty line", serve: answering("\r\n" + okAnswer)},
		{name: "other version", serve: answering("HTTP/3 200 OK\r\n\r\n")},
		{name: "no status code", serve: answering("HTTP/1.1 OK\r\n\r\n")},
		{name: "NUL byte", serve: answering(ok200 + "X: a\x00b\r\n\r\n")},
		{name: "folded first header", serve: answering(ok200 + " more\r\n\r\n")},
		{name: "header without a colon", serve: answering(ok200 + "nonsense\r\n\r\n")},
		{name: "unknown transfer coding", serve: answering(ok200 + "Transfer-Encoding: lzma\r\n\r\n")},
		{name: "invalid Content-Length", serve: answering(ok200 + "Content-Length: many\r\n\r\n")},
		{name: "chunk extensions", serve: func(conn net.Conn) {
			if _, err := readRequest(conn); err == nil {
				io.WriteString(conn, chunked("1;"))
				flood(conn, "x")
			}
		}},
		{name: "end of a chunk", serve: then(chunked("2\r\nbody"))},
		{name: "size of a chunk", serve: then(chunked("zz"))},
		{name: "size of a chunk, too large", serve: then(chunked("ffffffffffffffffff\r\n"))},
		{name: "trailer", serve: then(chunked("0\r\nnonsense\r\n\r\n"))},
		{name: "many header lines", serve: answering(ok200 + strings.Repeat(":\n", maxHeadLines) + "\r\n")},
	}
}

func statusFailures() []failure {
	var rows []failure
	for _, code := range []int{101, 300, 304, 400, 401, 402, 403, 404, 405, 408, 410, 413, 414, 415, 422, 429, 431, 451, 500, 501, 502,
		503, 504, 999} {
		rows = append(rows, failure{name: fmt.Sprintf("status %d", code),
			serve: answering(fmt.Sprintf("HTTP/1.1 %d\r\nContent-Length: 0\r\n\r\n", code))})
	}
	sends := func(body, contentType string) func(*cron.Job) {
		return func(j *cron.Job) {
			j.Request.Method, j.Request.Body = cron.MethodPost, body
			if contentType != "" {
				j.Request.Headers = []cron.Header{{Name: "content-type", Value: contentType}}
			}
		}
	}
	unsupported := answering("HTTP/1.1 415 Unsupported Media Type\r\nContent-Length: 0\r\n\r\n")
	return append(rows,
		failure{name: "status 405, with the methods that are allowed",
			serve: answering("HTTP/1.1 405 No\r\nAllow: POST, PUT\r\nContent-Length: 0\r\n\r\n")},
		failure{name: "status 415, of JSON", job: sends(`{"a":%cjo:unixtime%}`, ""), serve: unsupported},
		failure{name: "status 415, of XML", job: sends("<a/>", ""), serve: unsupported},
		failure{name: "status 415, with a Content-Type", job: sends("{}", "application/json"), serve: unsupported},
		failure{name: "status 429, with the time to wait",
			serve: answering("HTTP/1.1 429 Slow Down\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n")},
		failure{name: "status 503, with the time to wait",
			serve: answering("HTTP/1.1 503 Maintenance\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n")})
}

// found is a redirect without a body.
func found(code int, location string) string {
	return fmt.Sprintf("HTTP/1.1 %d\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", code, location)
}

func redirectFailures() []failure {
	post := func(j *cron.Job) { j.Request.Method = cron.MethodPost }
	follow := func(n int) func(*cron.Job) { return func(j *cron.Job) { j.Exchange.FollowRedirects = n } }
	secret := func(j *cron.Job) { j.Request.URL = "http://user:secret@example.org:PORT/" }
	expects := func(j *cron.Job) {
		j.Request.Method = cron.MethodPost
		j.Exchange.Success = &cron.Success{Status: []cron.StatusRange{{First: 200, Last: 200}}}
	}
	site := new(site)
	onward := func(conn net.Conn) { // each page leads to another one
		if request, err := readRequest(conn); err == nil {
			io.WriteString(conn, to(302, strings.Fields(request)[1]+"x"))
		}
	}
	return []failure{
		{name: "moved for good", serve: answering(found(301, "https://www.example.org/new"))},
		{name: "moved for good, not saved", serve: answering(found(308, "/new")), job: func(j *cron.Job) { j.SaveResponses = false }},
		{name: "moved for good, of a URL with credentials", serve: answering(found(301, "/new")), job: secret},
		{name: "moved for good, of a job that calls another URL by now", serve: answering(found(301, "/new")),
			later: func(j *cron.Job) { j.Request.URL = "http://example.org/" }},
		{name: "moved for now, of a job that follows redirects by now", serve: answering(found(302, "/new")), later: follow(5)},
		{name: "moved to https", serve: answering(found(302, "https://example.org:8080/"))},
		{name: "moved for now", serve: answering(found(302, "/new"))},
		{name: "moved for now, after POST", serve: answering(found(303, "/done")), job: post},
		{name: "moved for now, after POST, with statuses", serve: answering(found(303, "/done")), job: expects},
		{name: "moved with a status that is not expected", serve: answering(found(302, "/new")), job: func(j *cron.Job) {
			j.Exchange.Success = &cron.Success{Status: []cron.StatusRange{{First: 200, Last: 200}}}
		}},
		{name: "moved to what is no URL, with a status that is not expected", serve: answering(found(301, "javascript:alert(1)")),
			job: func(j *cron.Job) {
				j.Exchange.Success = &cron.Success{Status: []cron.StatusRange{{First: 200, Last: 200}}}
			}},
		{name: "moved without a target", serve: answering("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")},
		{name: "too many redirects", serve: onward, job: follow(2)},
		{name: "too many redirects, of as many as possible", serve: onward, job: follow(cron.MaxRedirects)},
		{name: "redirect loop", serve: site.answer(map[string]string{"/": to(302, "/b"), "/b": to(302, "/")}), job: follow(5)},
		{name: "redirect to no URL", serve: answering(found(302, "ftp://example.org/")), job: follow(5)},
	}
}

func criterionFailures() []failure {
	meets := func(s cron.Success) func(*cron.Job) { return func(j *cron.Job) { j.Exchange.Success = &s } }
	cut := func(j *cron.Job) {
		j.Exchange.Success, j.Exchange.Oversize = &cron.Success{Contains: "done"}, cron.OversizeTruncate
	}
	created := meets(cron.Success{Status: []cron.StatusRange{{First: 200, Last: 200}}})
	huge := ok200 + "\r\n" + strings.Repeat("x", 200<<10)
	return []failure{
		{name: "status not expected", serve: answering("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"), job: created},
		{name: "status 404 not expected", serve: answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), job: created},
		{name: "text missing", serve: answering(okAnswer), job: meets(cron.Success{Contains: "done"})},
		{name: "text missing in what was received", serve: answering(huge + huge), job: cut},
		{name: "text missing in a compressed body", job: meets(cron.Success{Contains: "done"}),
			serve: answering(ok200 + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")},
		{name: "text present", serve: answering(okAnswer), job: meets(cron.Success{NotContains: "ok"})},
		{name: "pattern not matched", serve: answering(okAnswer), job: meets(cron.Success{Matches: `^"done"$`})},
		{name: "pattern too slow", serve: answering(huge), job: meets(cron.Success{Matches: "(x|y|.{0,490}){2}z"})},
	}
}

func serviceFailures(t *testing.T) []failure {
	short := func(number syscall.Errno) func(*Config) {
		return func(c *Config) {
			c.Resolver = resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
				return nil, os.NewSyscallError("socket", number)
			})
		}
	}
	far := func(c *Config) { c.Resolver = names{"example.org": {"192.0.2.10"}} }
	through := func(answer string, change ...func(*ProxyConfig)) func(*Config) { // a proxy that gives an answer, or is not there
		addr := closedPort(t, "127.0.0.1")
		if answer != "" {
			addr = refusing(t, answer)
		}
		return func(c *Config) { far(c); throughProxy(ProxyHTTP, addr, append(change, nil)[0])(c) }
	}
	resolves := func(c *ProxyConfig) { c.Resolves = true }
	const h = "HTTP/1.1 "
	return []failure{
		{name: "source address that is gone", short: true, config: func(c *Config) { c.Sources = sourcesOf(t, "192.0.2.1") }},
		{name: "source address of the other family only", config: func(c *Config) { c.Sources = sourcesOf(t, "::1") }},
		{name: "name server that is gone", short: true, config: func(c *Config) { c.Resolver = NewResolver(closedPort(t, "127.0.0.1")) }},
		{name: "proxy that is gone", short: true, config: through("")},
		{name: "proxy, login", config: through(h + "407 Who\r\n\r\n")},
		{name: "proxy, not allowed", config: through(h + "403 No\r\n\r\n")},
		{name: "proxy, no HTTP", config: through("SSH-2.0-OpenSSH_9.2\r\n")},
		{name: "proxy, overloaded", short: true, config: through(h + "503 Busy\r\n\r\n")},
		{name: "proxy, the target cannot be reached", config: through(h + "502 No\r\n\r\n")},
		{name: "proxy, the target is late", config: through(h + "504 Late\r\n\r\n")},
		{name: "proxy, the target refuses", config: through(h + "503 No\r\nProxy-Status: proxy.example; error=connection_refused\r\n\r\n")},
		{name: "proxy, the name does not resolve there", config: through(h+"503 No\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n", resolves)},
		{name: "proxy that resolves, the target cannot be reached", config: through(h+"502 No\r\n\r\n", resolves)},
		{name: "proxy, silence", short: true, config: through("HTTP")},
		{name: "the proxy as the target", url: "http://127.0.0.9:9/", config: func(c *Config) {
			throughProxy(ProxyHTTP, netip.MustParseAddrPort("127.0.0.1:9"), nil)(c)
		}},
		{name: "error of the service", config: func(c *Config) {
			c.Resolver = resolverFunc(func(context.Context, string) ([]netip.Addr, error) { panic("a bug") })
		}},
		{name: "out of files", config: short(syscall.EMFILE), short: true},
		{name: "out of memory", config: short(syscall.ENOMEM), short: true},
		{name: "out of ports", config: short(syscall.EADDRNOTAVAIL), short: true},
		{name: "without authorities", url: "https://example.org:PORT/", short: true, serve: untilClosed, client: func(c *Client) {
			c.roots = &roots{read: func() (*x509.CertPool, error) { return nil, errors.New("unreadable") }}
		}},
		{name: "no turn to match", serve: answering(okAnswer), short: true,
			job: func(j *cron.Job) { j.Exchange.Success = &cron.Success{Matches: "a+"} },
			client: func(c *Client) {
				for range c.turns.slots {
					if err := c.turns.acquire(t.Context(), 7); err != nil {
						t.Error(err)
					}
				}
			}},
		{name: "interrupted", do: func(c *Client, call cron.Call) cron.Result {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return c.Do(ctx, call)
		}},
	}
}
