package fetch

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/test/nameserver"
)

func addrs(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func sourcesOf(t *testing.T, texts ...string) *Sources {
	t.Helper()
	s, ok := NewSources(addrs(texts...))
	if !ok {
		t.Fatalf("%q are no sources", texts)
	}
	return s
}

func TestNewSources(t *testing.T) {
	if s := sourcesOf(t); s != nil {
		t.Errorf("none are %+v", s)
	}
	if s := sourcesOf(t, "::1", "::ffff:127.0.0.2"); s.IPv4 != netip.MustParseAddr("127.0.0.2") || s.IPv6 != netip.IPv6Loopback() {
		t.Errorf("%+v", s)
	}
	if _, ok := NewSources(addrs("127.0.0.1", "::ffff:127.0.0.2")); ok {
		t.Error("two of one family are accepted")
	}
	for text, ok := range map[string]bool{"127.0.0.2": true, "::1": true, "192.0.2.1": false, "2001:db8::1": false} {
		if err := CheckSource(netip.MustParseAddr(text)); (err == nil) != ok {
			if text == "::1" {
				t.Skipf("this host has no IPv6: %v", err)
			}
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestSource looks from which address connections come: direct ones, those to a proxy, and those of package net.
func TestSource(t *testing.T) {
	tells := func(conn net.Conn) {
		if _, err := readRequest(conn); err == nil {
			text := remoteAddr(conn).Addr().String()
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		}
	}
	target := serve(t, "127.0.0.1:0", tells)
	config := Config{Sources: sourcesOf(t, "127.0.0.2"), Resolver: names{"both.example.org": {"::1", "127.0.0.1"}, "six.example.org": {"::1"}}}
	client := New(config)
	r := client.Do(t.Context(), callTo("http://"+target.String()+"/"))
	if checkSound(t, &r); string(r.Body) != "127.0.0.2" {
		t.Errorf("%+v", r)
	}
	for range 50 { // connections to one server differ in their ports
		if r := client.Do(t.Context(), callTo(fmt.Sprintf("http://both.example.org:%d/", target.Port()))); string(r.Body) != "127.0.0.2" || r.Peer != "127.0.0.1" {
			t.Fatalf("%+v", r)
		}
	}
	for _, host := range []string{"six.example.org", "[::1]"} { // nothing leaves from another address
		r := client.Do(t.Context(), callTo(fmt.Sprintf("http://%s:%d/", host, target.Port())))
		if checkSound(t, &r); r.Fault != cron.FaultUnreachable {
			t.Errorf("%+v", r)
		}
	}
	d := &tcpDialer{guard: new(Guard), sources: config.Sources}
	for name, dial := range map[string]func(context.Context, netip.AddrPort) (net.Conn, error){"ours": d.dial, "package net": d.dialNet} {
		conn, err := dial(t.Context(), target)
		if err != nil {
			t.Fatal(name, err)
		}
		if local, _, _ := net.SplitHostPort(conn.LocalAddr().String()); local != "127.0.0.2" {
			t.Errorf("%s: from %s", name, conn.LocalAddr())
		}
		conn.Close()
	}

	from := make(chan string, 1)
	proxy := serve(t, "127.0.0.1:0", func(conn net.Conn) {
		from <- remoteAddr(conn).Addr().String()
		answering("HTTP/1.1 200 OK\r\n\r\n")(conn)
		answering(okAnswer)(conn)
	})
	throughProxy(ProxyHTTP, proxy, nil)(&config)
	if r := New(config).Do(t.Context(), callTo("http://[2001:db8::7]/")); r.Status != cron.StatusOK || <-from != "127.0.0.2" {
		t.Errorf("%+v", r)
	}
}

// TestSourceIsGone has a source that no interface has. That is a shortage, which may end.
func TestSourceIsGone(t *testing.T) {
	target := serve(t, "127.0.0.1:0", answering(okAnswer))
	for _, through := range []bool{false, true} {
		config := Config{Sources: sourcesOf(t, "192.0.2.1")}
		call := callTo("http://" + target.String() + "/")
		if through {
			throughProxy(ProxyHTTP, target, nil)(&config)
			call.Request.URL = "http://192.0.2.10/"
		}
		call.Timeout = 150 * time.Millisecond
		r := New(config).Do(t.Context(), call)
		if checkSound(t, &r); r.Status != cron.StatusInternalError || r.Fault != cron.FaultShortage || r.Detail != cron.ShortOfSource {
			t.Errorf("%+v", r)
		}
	}
	d := &tcpDialer{guard: new(Guard), sources: sourcesOf(t, "192.0.2.1")}
	_, err := d.dialNet(t.Context(), target)
	if what, _ := shortageOf(err); what != cron.ShortOfSource {
		t.Errorf("package net: %v", err)
	}
}

// TestResolver asks a name server by UDP, and by TCP for an answer that is too long for that.
func TestResolver(t *testing.T) {
	server := nameserver.Start(t)
	target := serve(t, "127.0.0.1:0", answering(okAnswer))
	server.Addresses("short.example.org", "127.0.0.1")
	long := []string{"127.0.0.1"}
	for i := range 200 {
		long = append(long, fmt.Sprintf("127.1.0.%d", i))
	}
	server.Addresses("long.example.org", long...)
	resolver := NewResolver(netip.MustParseAddrPort(server.Address()))
	client := New(Config{Resolver: resolver})
	r := client.Do(t.Context(), callTo(fmt.Sprintf("http://short.example.org:%d/", target.Port())))
	if checkSound(t, &r); r.Status != cron.StatusOK {
		t.Errorf("%+v", r)
	}
	if found, err := resolver.LookupNetIP(t.Context(), "ip4", "long.example.org"); err != nil || len(found) != len(long) {
		t.Errorf("%d addresses, %v", len(found), err)
	}
	r = client.Do(t.Context(), callTo("http://nowhere.example.org/"))
	if checkSound(t, &r); r.Fault != cron.FaultHostNotFound || server.Asked("nowhere.example.org") == 0 {
		t.Errorf("%+v", r)
	}
	server.Break("broken.example.org", true)
	r = client.Do(t.Context(), callTo("http://broken.example.org/"))
	if checkSound(t, &r); r.Fault != cron.FaultResolver {
		t.Errorf("%+v", r)
	}
}

// TestResolverIsGone has no name server at the address. That says nothing about the target.
func TestResolverIsGone(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(closed.LocalAddr().String())
	closed.Close()
	call := callTo("http://name.example.org/")
	call.Timeout = 150 * time.Millisecond
	r := New(Config{Resolver: NewResolver(at)}).Do(t.Context(), call)
	if checkSound(t, &r); r.Status != cron.StatusInternalError || r.Fault != cron.FaultShortage || r.Detail != cron.ShortOfResolver {
		t.Errorf("%+v", r)
	}
}

// TestMoreCAs trusts a private authority besides others, and still no stranger.
func TestMoreCAs(t *testing.T) {
	private, other := newAuthority("private"), newAuthority("other")
	for name, given := range map[string]Config{"those of the host": {}, "others": {RootCAs: other.pool()}} {
		t.Run(name, func(t *testing.T) {
			before := given.RootCAs
			given.MoreCAs = []*x509.Certificate{private.certificate}
			client := New(given)
			for by, trusted := range map[*authority]bool{private: true, other: before != nil, newAuthority("stranger"): false} {
				server := serve(t, "127.0.0.1:0", overTLS(by.server(), answeringTLS(okAnswer)))
				r := client.Do(t.Context(), callTo("https://"+server.String()+"/"))
				if checkSound(t, &r); (r.Status == cron.StatusOK) != trusted {
					t.Errorf("%+v", r)
				}
			}
			if before != nil && before.Equal(client.roots.pool) {
				t.Error("the pool that was given was changed")
			}
		})
	}
}

// BenchmarkTunnel measures an exchange through a proxy. Compare with BenchmarkExchange.
func BenchmarkTunnel(b *testing.B) {
	target := serve(b, "127.0.0.1:0", answering(okAnswer))
	p := serveProxy(b, ProxyHTTP, nil, map[string]netip.AddrPort{"192.0.2.10:80": target})
	config := Config{}
	throughProxy(ProxyHTTP, p.addr, nil)(&config)
	client, call := New(config), callTo("http://192.0.2.10/")
	b.ReportAllocs()
	for b.Loop() {
		if r := client.Do(b.Context(), call); r.Status != cron.StatusOK {
			b.Fatalf("%+v", r)
		}
	}
}
