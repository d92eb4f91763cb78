package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestTrace has a server that answers only once the observer has seen that the exchange waits for it.
func TestTrace(t *testing.T) {
	seen := make(chan bool)
	url := serveHTTP(t, func(conn net.Conn) {
		if _, err := readRequest(conn); err == nil {
			<-seen
			io.WriteString(conn, okAnswer)
		}
	})
	call := callTo(url)
	call.SaveResponse = false
	answer := sync.OnceFunc(func() { close(seen) })
	var phases []cron.Phase
	r, trace := New(Config{}).Trace(t.Context(), call, func(trace cron.Trace) {
		phases = append(phases, trace.Phase)
		if trace.Phase == cron.PhaseWaiting {
			answer()
		}
	})
	checkSound(t, &r)
	checkTrace(t, &r, &trace)
	if r.Status != cron.StatusOK || string(r.Body) != "ok" || r.Peer != "127.0.0.1" {
		t.Errorf("%+v", r)
	}
	if !slices.IsSorted(phases) || phases[len(phases)-1] != cron.PhaseDone {
		t.Errorf("the phases were %v", phases)
	}
	hop := trace.Hops[0]
	request := "GET / HTTP/1.1\r\nHost: " + strings.Trim(url[7:], "/") + "\r\nUser-Agent: Punctual\r\nAccept: */*\r\n" +
		"Punctual-Execution: 0\r\nConnection: close\r\n\r\n"
	if hop.URL != url || len(hop.Dials) != 1 || !hop.Dials[0].Chosen || hop.Peer != hop.Dials[0].Address || hop.Stats != r.Stats {
		t.Errorf("%+v", hop)
	}
	if string(hop.Request) != request || int(hop.RequestBytes) != len(request) || string(hop.Response) != okAnswer ||
		int(hop.ResponseBytes) != len(okAnswer) {
		t.Errorf("sent %q and received %q", hop.Request, hop.Response)
	}
	if got, same := New(Config{}).Trace(t.Context(), call, nil); got.Status != cron.StatusOK || len(same.Hops) != 1 {
		t.Errorf("%+v", got)
	}
}

// TestTraceOfTLS looks at the first handshake with a server, and at the next one, which resumes its session.
func TestTraceOfTLS(t *testing.T) {
	trusted := newAuthority("trusted")
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	certificate := trusted.issue(leaf{names: []string{"good.test", "www.good.test"}, ips: loopback, expires: expires})
	addr := serve(t, "127.0.0.1:0", overTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}, answeringTLS(okAnswer)))
	client := New(Config{RootCAs: trusted.pool()})
	for _, resumed := range []bool{false, true} {
		r, trace := traced(t, t.Context(), client, callTo("https://"+addr.String()+"/"))
		h := trace.Hops[0].TLS
		if r.Status != cron.StatusOK || h == nil || h.Version != "TLS 1.3" || !strings.HasPrefix(h.Cipher, "TLS_") || h.Resumed != resumed ||
			len(h.Chain) != 2 || h.Omitted != 0 {
			t.Fatalf("%+v with %+v", r, h)
		}
		first := h.Chain[0]
		if !slices.Equal(first.Names, []string{"good.test", "www.good.test", "127.0.0.1"}) || first.Subject != "CN=server" ||
			first.Issuer != "CN=trusted" || !first.NotAfter.Equal(expires) || !first.NotBefore.Equal(certificate.Leaf.NotBefore) ||
			first.Fingerprint != sha256.Sum256(certificate.Certificate[0]) {
			t.Errorf("%+v", first)
		}
	}
}

// TestTraceOfSeveralAddresses has a row for each way that a dial may go.
func TestTraceOfSeveralAddresses(t *testing.T) {
	hole := blackHole(t, "127.0.0.1")
	port := hole.Port() // refused on all the others
	serve(t, fmt.Sprintf("127.0.0.5:%d", port), answering(okAnswer))
	for _, row := range []struct {
		addrs, want string // faults; + is the one that was used
	}{
		{"127.0.0.5", "5+"},
		{"127.0.0.2 127.0.0.5", "2:4 5+"},
		{"127.0.0.1 127.0.0.5", "1:0 5+"},
		{"127.0.0.2 127.0.0.3", "2:4 3:4"},
		{"169.254.169.254 127.0.0.5", "254:50 5+"},
		{"127.0.0.1 ::ffff:127.0.0.1 127.0.0.2 127.0.0.5", "1:0 2:4 5+"},
	} {
		t.Run(row.addrs, func(t *testing.T) {
			addrs := strings.Fields(row.addrs)
			client := New(Config{Resolver: names{"example.test": addrs}})
			r, trace := traced(t, t.Context(), client, callTo(fmt.Sprintf("http://example.test:%d/", port)))
			hop := trace.Hops[0]
			var got []string
			for _, d := range hop.Dials {
				host := netip.MustParseAddrPort(d.Address).Addr().String()
				text := fmt.Sprint(host[strings.LastIndexByte(host, '.')+1:], ":", int(d.Fault))
				if d.Chosen {
					text = strings.Replace(text, ":0", "+", 1)
				}
				got = append(got, text)
			}
			if text := strings.Join(got, " "); text != row.want {
				t.Errorf("dials %s, want %s", text, row.want)
			}
			if strings.Contains(row.want, "+") && (r.Peer != "127.0.0.5" || hop.Peer != fmt.Sprintf("127.0.0.5:%d", port)) {
				t.Errorf("peer %q and %q", r.Peer, hop.Peer)
			}
		})
	}
}

// TestTraceOfGivenUpDials has silent addresses, of which the older ones are given up for the next.
func TestTraceOfGivenUpDials(t *testing.T) {
	hole := blackHole(t, "127.0.0.1")
	x := &exchange{client: New(Config{}), call: new(callTo("http://example.test/")), started: time.Now()}
	x.tracer = newTracer(x)
	x.tracer.beginHop(x)
	x.call.Timeout = 2 * time.Second
	x.target.port = hole.Port()
	ctx, cancel := context.WithTimeout(t.Context(), x.call.Timeout)
	defer cancel()
	var addrs []netip.Addr
	for range 3 { // of one address, as three holes would do
		addrs = append(addrs, hole.Addr())
	}
	_, err := x.dial(ctx, addrs)
	x.finish(t.Context(), err)
	x.tracer.end(&x.result)
	dials := x.tracer.snapshot().Hops[0].Dials
	if len(dials) < 3 || len(dials) > maxDials {
		t.Fatalf("%+v", dials)
	}
	for _, d := range dials {
		if d.Fault != cron.FaultConnectTimeout || d.Chosen {
			t.Errorf("%+v", d)
		}
	}
}

// TestTraceHidesAddresses has names with addresses that an account may not learn, beside one that it may call.
func TestTraceHidesAddresses(t *testing.T) {
	addr := serve(t, "127.0.0.1:0", answering(okAnswer))
	for _, addrs := range [][]string{
		{"127.0.0.1", "10.9.8.7", "fd00::987", "169.254.169.254"}, {"10.9.8.7", "fd00::987", "127.0.0.1"}, {"10.9.8.7", "fd00::987"},
		{"169.254.169.254"}, {"::ffff:10.9.8.7"},
	} {
		guard := &Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
		client := New(Config{Guard: guard, Resolver: names{"example.test": addrs}})
		call := callTo(fmt.Sprintf("http://example.test:%d/", addr.Port()))
		call.Access = cron.AccessGlobal
		var all strings.Builder
		r, trace := client.Trace(t.Context(), call, func(trace cron.Trace) { fmt.Fprintf(&all, "%+v\n", trace) })
		checkTrace(t, &r, &trace)
		for _, hidden := range []string{"10.9.8.7", "::987", "169.254.169"} {
			if strings.Contains(all.String(), hidden) {
				t.Errorf("%v: %s is shown: %s", addrs, hidden, all.String())
			}
		}
		dials := trace.Hops[0].Dials
		reachable := slices.Contains(addrs, "127.0.0.1")
		if reachable != (r.Status == cron.StatusOK) || len(dials) != 1 || dials[0].Chosen != reachable || dials[0].Fault != r.Fault ||
			(dials[0].Address == "") == reachable {
			t.Errorf("%v: %+v with %+v", addrs, r, dials)
		}
	}
}

// TestTraceOfSending has a server that reads the head of a request and no more.
func TestTraceOfSending(t *testing.T) {
	ours, theirs := net.Pipe()
	x := &exchange{client: New(Config{}), call: new(callTo("http://example.test/")), started: time.Now()}
	x.call.Request.Method, x.call.Request.Body = cron.MethodPost, strings.Repeat("x", 100<<10)
	x.target, _ = parseTarget(&x.call.Request)
	x.tracer = newTracer(x)
	x.tracer.beginHop(x)
	var done sync.WaitGroup
	done.Go(func() {
		io.CopyN(io.Discard, theirs, requestSize+1000)
		theirs.Close()
	})
	err := x.roundTrip(&link{tcp: ours, conn: ours})
	done.Wait()
	x.finish(t.Context(), err)
	x.tracer.end(&x.result)
	trace := x.tracer.snapshot()
	hop := trace.Hops[0]
	if trace.Phase != cron.PhaseSending || hop.RequestBytes != requestSize+1000 || int64(len(hop.Request)) != hop.RequestBytes {
		t.Errorf("phase %s with %d bytes sent of which %d are kept", trace.Phase, hop.RequestBytes, len(hop.Request))
	}
}

// TestTraceOfInterrupted cuts exchanges off in each phase.
func TestTraceOfInterrupted(t *testing.T) {
	hole := blackHole(t, "127.0.0.1")
	resolver := resolverFunc(func(ctx context.Context, host string) ([]netip.Addr, error) {
		if host == "hole.test" {
			return []netip.Addr{hole.Addr(), netip.MustParseAddr("127.0.0.1")}, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	silent := serve(t, "127.0.0.1:0", untilClosed).String()
	begun := serve(t, "127.0.0.1:0", then("HTTP/1.1 200 OK\r\n\r\nsome")).String()
	for phase, url := range map[cron.Phase]string{
		cron.PhaseResolving: "http://silent.test/", cron.PhaseConnecting: fmt.Sprintf("http://hole.test:%d/", hole.Port()),
		cron.PhaseSecuring: "https://" + silent, cron.PhaseWaiting: "http://" + silent, cron.PhaseReceiving: "http://" + begun,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r, trace := New(Config{Resolver: resolver}).Trace(ctx, callTo(url), func(trace cron.Trace) {
			if trace.Phase == phase {
				cancel()
			}
		})
		cancel()
		if r.Fault != cron.FaultLost || r.Peer != "" || trace.Phase != phase {
			t.Errorf("%s: %+v in phase %s", url, r, trace.Phase)
		}
		for _, d := range trace.Hops[0].Dials {
			if want := map[bool]cron.Fault{true: cron.FaultLost}[phase == cron.PhaseConnecting]; d.Fault != want {
				t.Errorf("%s: %+v", url, d)
			}
		}
	}
}
