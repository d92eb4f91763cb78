package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestTraceBounds has targets that send as much as they can. checkTrace has the bounds.
func TestTraceBounds(t *testing.T) {
	endless := func(head string) func(net.Conn) {
		return func(conn net.Conn) {
			readRequest(conn)
			io.WriteString(conn, head)
			flood(conn, strings.Repeat("X: y\r\n", 1000))
		}
	}
	t.Run("body without an end", func(t *testing.T) {
		for _, oversize := range []cron.Oversize{cron.OversizeFail, cron.OversizeTruncate} {
			call := callTo(serveHTTP(t, endless(ok200+"\r\n")))
			call.MaxResponse, call.Exchange.Oversize = 1<<20, oversize
			_, trace := traced(t, t.Context(), New(Config{}), call)
			if hop := trace.Hops[0]; len(hop.Response) != cron.MaxTraceBytes || hop.ResponseBytes <= 1<<20 || hop.ResponseBytes > 2<<20 {
				t.Errorf("%d of %d bytes are kept", len(hop.Response), hop.ResponseBytes)
			}
		}
	})
	t.Run("headers without an end", func(t *testing.T) {
		call := callTo(serveHTTP(t, endless(ok200)))
		call.MaxResponse = 1 << 20
		r, trace := traced(t, t.Context(), New(Config{}), call)
		if r.HTTPStatus != 0 || len(trace.Hops[0].Response) != cron.MaxTraceBytes {
			t.Errorf("%+v", r)
		}
	})
	t.Run("interim responses without an end", func(t *testing.T) {
		call := callTo(serveHTTP(t, func(conn net.Conn) {
			readRequest(conn)
			flood(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}))
		traced(t, t.Context(), New(Config{}), call)
	})
	t.Run("redirects with all that fits", func(t *testing.T) {
		padding := "X: " + strings.Repeat("x", 200<<10) + "\r\n"
		call := callTo(serveHTTP(t, func(conn net.Conn) {
			if request, err := readRequest(conn); err == nil {
				path := strings.Fields(request)[1]
				fmt.Fprintf(conn, "HTTP/1.1 307 On\r\nLocation: %sx%s\r\n%s\r\n", path[:3], strings.Repeat("y", len(path)-3), padding)
			}
		}))
		call.Request.URL += strings.Repeat("z", 7000)
		call.Request.Method, call.Request.Body = cron.MethodPost, strings.Repeat("x", cron.MaxBodyLength)
		call.Request.Headers = []cron.Header{{Name: "X", Value: strings.Repeat("x", 64<<10)}}
		call.MaxResponse, call.Exchange.FollowRedirects = 1<<20, cron.MaxRedirects
		r, trace := traced(t, t.Context(), New(Config{}), call)
		if len(trace.Hops) != cron.MaxRedirects+1 {
			t.Errorf("%d hops: %+v", len(trace.Hops), r)
		}
		for _, hop := range trace.Hops[:len(trace.Hops)-1] {
			if len(hop.Request) > maxRedirectBytes || len(hop.Response) != maxRedirectBytes || hop.RequestBytes < cron.MaxBodyLength {
				t.Errorf("%d bytes sent and %d received are kept", len(hop.Request), len(hop.Response))
			}
		}
	})
	t.Run("1,000 addresses", func(t *testing.T) {
		closed := closedPort(t, "127.0.0.1")
		addrs := make([]string, 1000)
		for i := range addrs {
			addrs[i] = fmt.Sprintf("127.%d.%d.1", i/200+1, i%200)
		}
		client := New(Config{Resolver: names{"example.test": addrs}})
		_, trace := traced(t, t.Context(), client, callTo(fmt.Sprintf("http://example.test:%d/", closed.Port())))
		if hop := trace.Hops[0]; len(hop.Dials) != maxAddrs || len(hop.Addresses) != maxAddrs {
			t.Errorf("%d dials to %d addresses", len(hop.Dials), len(hop.Addresses))
		}
	})
}

// TestTraceOfLargeChains has certificates with as many names as a handshake takes, and as many certificates.
func TestTraceOfLargeChains(t *testing.T) {
	trusted := newAuthority("trusted")
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("name-%d.example.test", i))
	}
	crowd := trusted.issue(leaf{names: slices.Clone(many), ips: loopback})
	long := trusted.issue(leaf{ips: loopback})
	for range 300 {
		long.Certificate = append(long.Certificate, trusted.certificate.Raw)
	}
	key := newKey()
	wordy := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: strings.Repeat("<", 30_000), Organization: many[:1000]}, NotAfter: time.Now().Add(time.Hour),
	}, trusted.certificate, key, trusted.key)
	for name, row := range map[string]struct {
		certificate                    tls.Certificate
		shown, omitted, names, missing int
	}{
		"names":        {crowd, 2, 0, maxNames, 5000 + 1 - maxNames},
		"certificates": {long, maxChain, 302 - maxChain, 1, 0},
		"subject":      {tls.Certificate{Certificate: [][]byte{wordy.Raw}, PrivateKey: key}, 1, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{row.certificate}}
			addr := serve(t, "127.0.0.1:0", overTLS(config, answeringTLS(okAnswer)))
			for _, unverified := range []bool{false, true} {
				call := callTo("https://" + addr.String() + "/")
				call.Exchange.Unverified = unverified
				_, trace := traced(t, t.Context(), New(Config{RootCAs: trusted.pool()}), call)
				h := trace.Hops[0].TLS
				if len(h.Chain) != row.shown || h.Omitted != row.omitted || len(h.Chain[0].Names) != row.names ||
					h.Chain[0].Omitted != row.missing {
					t.Errorf("%d certificates and %d more, the first with %d names and %d more", len(h.Chain), h.Omitted,
						len(h.Chain[0].Names), h.Chain[0].Omitted)
				}
				size := 0
				for _, c := range h.Chain {
					size += len(c.Subject) + len(c.Issuer) + len(strings.Join(c.Names, ""))
				}
				if size > maxChainText {
					t.Errorf("%d bytes", size)
				}
			}
		})
	}
}

// TestTraceSendsTheSame compares what a server gets from Do and from Trace, byte for byte.
func TestTraceSendsTheSame(t *testing.T) {
	var s site
	pages := map[string]string{"/moved": to(307, "/end"), "/away": to(303, "/end?2"), "/end": okAnswer}
	url := serveHTTP(t, s.answer(pages))
	client := New(Config{UserAgent: "Punctual/1.0"})
	for method := range cron.MethodPatch + 1 {
		for path, body := range map[string]string{"moved": "a=%cjo:unixtime%", "away": strings.Repeat("long", 50<<10), "end?q=%cjo:unixtime%": ""} {
			call := callTo(strings.Replace(url, "://", "://user:secret@", 1) + path)
			call.Request.Method, call.Request.Body, call.Exchange.FollowRedirects = method, body, 5
			call.Request.Headers = []cron.Header{
				{Name: "X-Time", Value: "%cjo:unixtime%"}, {Name: "Cookie", Value: "a=b"}, {Name: "content-type", Value: "text/plain"},
			}
			call.SaveResponse, call.Now = false, time.Unix(1_800_000_000, 0)
			r := client.Do(t.Context(), call)
			did := s.take()
			again(t, client, call, &r)
			if traced := s.take(); len(did) == 0 || !slices.Equal(did, traced) {
				t.Errorf("%s %s: Do sent %.2000q, Trace %.2000q", method, path, did, traced)
			}
		}
	}
}
