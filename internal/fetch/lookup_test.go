package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"punctual/internal/cron"
)

func TestLookupsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		l := newLookups(resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
			asked.Add(1)
			time.Sleep(300 * time.Millisecond)
			return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
		}))
		ask := func(host string) {
			addrs, err := l.lookup(t.Context(), host)
			if err != nil || !slices.Equal(addrs, []netip.Addr{netip.MustParseAddr("192.0.2.1")}) {
				t.Errorf("%v, %v", addrs, err)
			}
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { ask("a.test") })
		}
		all.Go(func() { ask("b.test") })
		all.Wait()
		if n := asked.Load(); n != 2 {
			t.Errorf("%d lookups of two names at the same time", n)
		}
		time.Sleep(lookupLife - time.Millisecond)
		ask("a.test")
		if n := asked.Load(); n != 2 {
			t.Errorf("%d lookups after a moment", n)
		}
		time.Sleep(time.Millisecond)
		ask("a.test")
		if n := asked.Load(); n != 3 {
			t.Errorf("%d lookups after that", n)
		}
	})
}

func TestFailedLookupsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		failure := errors.New("no")
		l := newLookups(resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
			asked.Add(1)
			time.Sleep(time.Millisecond)
			return nil, failure
		}))
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, err := l.lookup(t.Context(), "a.test"); err != failure {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("%d lookups at the same time", n)
		}
		l.lookup(t.Context(), "a.test")
		if n := asked.Load(); n != 2 {
			t.Errorf("%d lookups, one after the other", n)
		}
	})
}

// TestLookupIsHandedOn has the one who looks up give up, which must not take those who wait along.
func TestLookupIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		l := newLookups(resolverFunc(func(ctx context.Context, _ string) ([]netip.Addr, error) {
			if asked.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
		}))
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := l.lookup(ctx, "a.test"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		impatient, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		all.Go(func() {
			if _, err := l.lookup(impatient, "a.test"); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		for range 5 {
			all.Go(func() {
				if addrs, err := l.lookup(t.Context(), "a.test"); err != nil || len(addrs) != 1 {
					t.Errorf("%v, %v", addrs, err)
				}
			})
		}
		time.Sleep(2 * time.Second)
		cancel()
		all.Wait()
		if n := asked.Load(); n != 2 {
			t.Errorf("%d lookups", n)
		}
	})
}

func TestLookupWithoutAddresses(t *testing.T) {
	r := New(Config{Resolver: names{"example.test": {}}}).Do(t.Context(), callTo("http://example.test/"))
	if r.Status != cron.StatusDNSError || r.Fault != cron.FaultHostNotFound || r.Detail != "example.test" {
		t.Errorf("%+v", r)
	}
}

func TestLookupsAreBounded(t *testing.T) {
	l := newLookups(resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}))
	for i := range 3 * maxLookups {
		if _, err := l.lookup(t.Context(), fmt.Sprintf("%d.test", i)); err != nil {
			t.Fatal(err)
		}
		if n := len(l.answers) + len(l.previous); n > 2*maxLookups || len(l.pending) != 0 {
			t.Fatalf("%d answers and %d flights are kept", n, len(l.pending))
		}
	}
}

// serveDNS answers every question by what answer makes of it, over UDP, until the test ends; a nil message is silence.
// It returns a resolver that asks there.
func serveDNS(t *testing.T, answer func(dnsmessage.Question) *dnsmessage.Message) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		p := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(p)
			if err != nil {
				return
			}
			var query dnsmessage.Message
			if err := query.Unpack(p[:n]); err != nil {
				t.Error(err)
				return
			}
			reply := answer(query.Questions[0])
			if reply == nil {
				continue
			}
			reply.ID, reply.Response, reply.RecursionAvailable = query.ID, true, true
			reply.Questions = query.Questions
			packed, err := reply.Pack()
			if err != nil {
				t.Error(err)
				return
			}
			server.WriteTo(packed, from)
		}
	})
	// The resolver goes on waiting for its server after the one who asked has gone.
	var mu sync.Mutex
	var asking []net.Conn
	t.Cleanup(func() {
		server.Close()
		done.Wait()
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range asking {
			conn.Close()
		}
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "udp", server.LocalAddr().String())
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			asking = append(asking, conn)
		}
		return conn, err
	}}
}

func TestDNS(t *testing.T) {
	addr := serve(t, "127.0.0.1:0", answering(okAnswer))
	code := func(code dnsmessage.RCode) func(dnsmessage.Question) *dnsmessage.Message {
		return func(dnsmessage.Question) *dnsmessage.Message {
			return &dnsmessage.Message{Header: dnsmessage.Header{RCode: code}}
		}
	}
	for _, row := range []struct {
		name    string
		answer  func(dnsmessage.Question) *dnsmessage.Message
		timeout time.Duration
		status  cron.Status
		fault   cron.Fault
	}{
		{"no such name", code(dnsmessage.RCodeNameError), 0, cron.StatusDNSError, cron.FaultHostNotFound},
		{"no address", code(dnsmessage.RCodeSuccess), 0, cron.StatusDNSError, cron.FaultHostNotFound},
		{"failure", code(dnsmessage.RCodeServerFailure), 0, cron.StatusDNSError, cron.FaultResolver},
		{"refused", code(dnsmessage.RCodeRefused), 0, cron.StatusDNSError, cron.FaultResolver},
		{"silence", func(dnsmessage.Question) *dnsmessage.Message { return nil }, 200 * time.Millisecond,
			cron.StatusTimeout, cron.FaultLookupTimeout},
		{"address", func(q dnsmessage.Question) *dnsmessage.Message {
			m := new(dnsmessage.Message)
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60},
					Body:   &dnsmessage.AResource{A: addr.Addr().As4()},
				}}
			}
			return m
		}, 0, cron.StatusOK, cron.FaultNone},
	} {
		t.Run(row.name, func(t *testing.T) {
			call := callTo(fmt.Sprintf("http://Example.test.:%d/", addr.Port()))
			if row.timeout != 0 {
				call.Timeout = row.timeout
			}
			client := New(Config{Resolver: serveDNS(t, row.answer)})
			r := client.Do(t.Context(), call)
			checkSound(t, &r)
			again(t, client, call, &r)
			detail := "Example.test."
			if row.status == cron.StatusOK {
				detail = ""
			}
			if r.Status != row.status || r.Fault != row.fault || r.Detail != detail {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestInternationalNames(t *testing.T) {
	request := make(chan string, 1)
	addr := serve(t, "127.0.0.1:0", func(conn net.Conn) {
		got, _ := readRequest(conn)
		request <- got
		conn.Write([]byte(okAnswer))
	})
	var asked string
	client := New(Config{Resolver: resolverFunc(func(_ context.Context, host string) ([]netip.Addr, error) {
		asked = host
		return []netip.Addr{addr.Addr()}, nil
	})})
	r := client.Do(t.Context(), callTo(fmt.Sprintf("http://M\u00fcnchen.example.test:%d/", addr.Port())))
	if r.Status != cron.StatusOK || asked != "xn--mnchen-3ya.example.test" {
		t.Errorf("%+v, asked for %q", r, asked)
	}
	if got := <-request; !strings.Contains(got, fmt.Sprintf("\r\nHost: xn--mnchen-3ya.example.test:%d\r\n", addr.Port())) {
		t.Errorf("%q", got)
	}
}

// TestLocalhost uses the resolver that a client has when none is given.
func TestLocalhost(t *testing.T) {
	addr := serve(t, "127.0.0.1:0", answering(okAnswer))
	r := New(Config{}).Do(t.Context(), callTo(fmt.Sprintf("http://localhost:%d/", addr.Port())))
	checkSound(t, &r)
	if r.Status != cron.StatusOK {
		t.Errorf("%+v", r)
	}
}
