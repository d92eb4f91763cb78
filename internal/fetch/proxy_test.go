package fetch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
)

// testProxy is a proxy that connects to servers of the test in place of the targets that it is asked for.
type testProxy struct {
	addr   netip.AddrPort
	routes map[string]netip.AddrPort // by what it is asked for

	mu    sync.Mutex
	asked []string // in order
	login string   // "user:password" that it wants; "" for none
}

// serveProxy starts a proxy of a scheme. Over TLS, its certificate is for 127.0.0.1.
func serveProxy(t testing.TB, scheme ProxyScheme, trusted *authority, routes map[string]netip.AddrPort) *testProxy {
	t.Helper()
	p := &testProxy{routes: routes}
	handle := func(conn net.Conn) { p.serveHTTP(conn) }
	switch scheme {
	case ProxyHTTPS:
		config := &tls.Config{Certificates: []tls.Certificate{trusted.issue(leaf{ips: loopback})}}
		handle = overTLS(config, func(conn *tls.Conn) { p.serveHTTP(conn) })
	case ProxySOCKS5:
		handle = p.serveSOCKS
	}
	p.addr = serve(t, "127.0.0.1:0", handle)
	return p
}

func (p *testProxy) wants() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.login
}

// note notes a request, and returns the server that it is about.
func (p *testProxy) note(authority string) (netip.AddrPort, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, authority)
	to, ok := p.routes[authority]
	return to, ok
}

// take returns what the proxy was asked for since the last time.
func (p *testProxy) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := strings.Join(p.asked, " ")
	p.asked = nil
	return asked
}

func (p *testProxy) serveHTTP(conn net.Conn) {
	r := bufio.NewReader(conn)
	request, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	if request.Method != http.MethodConnect || request.Host != request.RequestURI || request.UserAgent() == "" {
		io.WriteString(conn, "HTTP/1.1 400 What\r\n\r\n")
		return
	}
	if login := p.wants(); login != "" && request.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(login)) {
		io.WriteString(conn, "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
		return
	}
	to, ok := p.note(request.RequestURI)
	if !ok {
		io.WriteString(conn, "HTTP/1.1 502 Nobody\r\n\r\n")
		return
	}
	target, err := net.Dial("tcp", to.String())
	if err != nil {
		io.WriteString(conn, "HTTP/1.1 503 No\r\nProxy-Status: test; error=connection_refused\r\n\r\n")
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n") // the length means nothing here
	splice(conn, r, target)
}

// splice copies between a client and a target until one of them ends.
func splice(client net.Conn, from io.Reader, target net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { io.Copy(target, from); target.Close() })
	both.Go(func() { io.Copy(client, target); client.Close() })
	both.Wait()
}

func (p *testProxy) serveSOCKS(conn net.Conn) {
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(conn, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	text := func() string { return string(read(int(read(1)[0]))) }
	hello := read(2)
	methods := read(int(hello[1]))
	if login := p.wants(); login == "" {
		conn.Write([]byte{5, 0})
	} else {
		if !bytes.Contains(methods, []byte{2}) {
			conn.Write([]byte{5, 0xff})
			return
		}
		conn.Write([]byte{5, 2})
		read(1)
		if text()+":"+text() != login {
			conn.Write([]byte{1, 1})
			return
		}
		conn.Write([]byte{1, 0})
	}
	var host string
	switch read(4)[3] {
	case 1:
		host = netip.AddrFrom4([4]byte(read(4))).String()
	case 3:
		host = text()
	case 4:
		host = netip.AddrFrom16([16]byte(read(16))).String()
	}
	port := read(2)
	to, ok := p.note(net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1]))))
	if !ok {
		conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	target, err := net.Dial("tcp", to.String())
	if err != nil {
		conn.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	conn.Write(append([]byte{5, 0, 0, 3, 4}, "host\x00\x07"...))
	splice(conn, conn, target)
}

// throughProxy sets up a client that uses a proxy at an address.
func throughProxy(scheme ProxyScheme, addr netip.AddrPort, change func(*ProxyConfig)) func(*Config) {
	return func(c *Config) {
		settings := ProxyConfig{Scheme: scheme, Host: addr.Addr().String(), Port: addr.Port(), Resolver: c.Resolver, Logger: c.Logger}
		if change != nil {
			change(&settings)
		}
		c.Proxy = NewProxy(settings)
		c.Proxy.Find(context.Background())
		if c.Guard == nil {
			c.Guard = new(Guard)
		}
		c.Guard.Proxy = c.Proxy
	}
}

var allSchemes = []ProxyScheme{ProxyHTTP, ProxyHTTPS, ProxySOCKS5}

// TestProxy calls through each kind of proxy, with and without TLS and login, and follows a redirect.
func TestProxy(t *testing.T) {
	trusted := newAuthority("trusted")
	secure := serve(t, "127.0.0.1:0", overTLS(&tls.Config{Certificates: []tls.Certificate{trusted.issue(leaf{names: []string{"example.org"}})}},
		func(conn *tls.Conn) {
			if got, _ := readRequest(conn); strings.Contains(got, "\r\nHost: example.org\r\n") && conn.ConnectionState().ServerName == "example.org" {
				io.WriteString(conn, okAnswer)
			}
			conn.Close()
		}))
	plain := serve(t, "127.0.0.1:0", answering(found(302, "https://example.org/there")))
	routes := map[string]netip.AddrPort{"192.0.2.10:443": secure, "192.0.2.10:80": plain, "[2001:db8::7]:443": secure,
		"example.org:443": secure, "example.org:80": plain}
	for _, scheme := range allSchemes {
		for _, login := range []string{"", "jane:p/ss:wörd"} {
			for _, resolves := range []bool{false, true} {
				t.Run(fmt.Sprint(scheme, login != "", resolves), func(t *testing.T) {
					t.Parallel()
					p := serveProxy(t, scheme, trusted, routes)
					p.login = login
					config := Config{RootCAs: trusted.pool(), Resolver: names{"example.org": {"192.0.2.10"}}}
					throughProxy(scheme, p.addr, func(c *ProxyConfig) {
						c.User, c.Password, _ = strings.Cut(login, ":")
						c.Resolves = resolves
					})(&config)
					client := New(config)
					want, peer := "192.0.2.10:80 192.0.2.10:443", "192.0.2.10"
					if resolves {
						want, peer = "example.org:80 example.org:443", ""
					}
					call := callTo("http://example.org/")
					call.Exchange.FollowRedirects = 1
					r := client.Do(t.Context(), call)
					checkSound(t, &r)
					if asked := p.take(); r.Status != cron.StatusOK || asked != want || r.Peer != peer {
						t.Errorf("%+v, the proxy was asked for %q", r, asked)
					}
					if s := r.Stats; s.NameLookup <= 0 || s.Connect < s.NameLookup || s.AppConnect <= s.Connect || s.PreTransfer < s.AppConnect {
						t.Errorf("timings %+v", s)
					}
					r, trace := client.Trace(t.Context(), call, nil)
					if p.take(); r.Status != cron.StatusOK || len(trace.Hops) != 2 || resolves && trace.Hops[0].Peer != "" {
						t.Errorf("%+v, %+v", r, trace)
					}
				})
			}
		}
	}
	t.Run("IPv6", func(t *testing.T) {
		p := serveProxy(t, ProxySOCKS5, trusted, routes)
		config := Config{RootCAs: trusted.pool(), Resolver: names{"example.org": {"2001:db8::7"}}}
		throughProxy(ProxySOCKS5, p.addr, nil)(&config)
		if r := New(config).Do(t.Context(), callTo("https://example.org/")); r.Status != cron.StatusOK || r.Peer != "2001:db8::7" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("several addresses", func(t *testing.T) {
		p := serveProxy(t, ProxyHTTP, trusted, routes)
		config := Config{RootCAs: trusted.pool(), Resolver: names{"example.org": {"2001:db8::9", "192.0.2.9", "169.254.169.254", "192.0.2.10"}}}
		throughProxy(ProxyHTTP, p.addr, nil)(&config)
		r := New(config).Do(t.Context(), callTo("https://example.org/"))
		if asked := p.take(); r.Status != cron.StatusOK || r.Peer != "192.0.2.10" || strings.Contains(asked, "169.254") {
			t.Errorf("%+v, the proxy was asked for %q", r, asked)
		}
	})
	t.Run("a proxy of an unknown authority", func(t *testing.T) {
		p := serveProxy(t, ProxyHTTPS, newAuthority("stranger"), routes)
		config := Config{RootCAs: trusted.pool(), Resolver: names{"example.org": {"192.0.2.10"}}}
		throughProxy(ProxyHTTPS, p.addr, nil)(&config)
		call := callTo("https://example.org/")
		call.Timeout, call.Exchange.Unverified = 300*time.Millisecond, true // of the target, not of the proxy
		r := New(config).Do(t.Context(), call)
		if checkSound(t, &r); r.Fault != cron.FaultShortage || r.Detail != cron.ShortOfProxy || p.take() != "" {
			t.Errorf("%+v", r)
		}
	})
}

// TestProxyReuse shares connections through proxies, but not inside of TLS with one.
func TestProxyReuse(t *testing.T) {
	bothSchemes(t, func(t *testing.T, c *Client, config *tls.Config) {
		for _, scheme := range allSchemes {
			server := serveKeeping(t, config, always(okAnswer))
			at := netip.MustParseAddrPort(strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(server.url, "/"), "http://"), "https://"))
			trusted := newAuthority("trusted")
			p := serveProxy(t, scheme, trusted, map[string]netip.AddrPort{fmt.Sprintf("192.0.2.10:%d", at.Port()): at})
			settings := Config{RootCAs: trusted.pool(), Resolver: names{"example.org": {"192.0.2.10"}}}
			throughProxy(scheme, p.addr, nil)(&settings)
			client := keepingClient(t, settings)
			call := sharing(strings.Replace(server.url, at.Addr().String(), "example.org", 1))
			call.Exchange.Unverified = true
			for i := range 3 {
				if r := client.Do(t.Context(), call); r.Status != cron.StatusOK || r.Peer != "192.0.2.10" {
					t.Fatalf("%s, %d: %+v", scheme, i, r)
				}
			}
			want := int64(2)
			if scheme == ProxyHTTPS {
				want = 0
			}
			if got := client.Connections().Reused; got != want {
				t.Errorf("%s: %d were reused, want %d", scheme, got, want)
			}
		}
	})
}

// TestProxyGuard attacks what must not be reached through a proxy.
func TestProxyGuard(t *testing.T) {
	target := serve(t, "127.0.0.1:0", answering(okAnswer))
	everything := map[string]netip.AddrPort{}
	p := serveProxy(t, ProxyHTTP, nil, everything)
	for _, host := range []string{"192.0.2.10", "10.0.0.1", "169.254.169.254", "100.100.100.200", "metadata.google.internal", "app.example.org",
		"example.org", "127.0.0.1", "localhost"} {
		everything[host+":80"] = target
	}
	resolver := names{"example.org": {"10.0.0.1"}, "metadata.example.org": {"169.254.169.254"}, "proxy.example.org": {p.addr.Addr().String()},
		"localhost": {"127.0.0.1"}, "here.example.org": {"127.0.0.1"}, "far.example.org": {"192.0.2.10"}}
	proxyPort := fmt.Sprint(p.addr.Port())
	for name, row := range map[string]struct {
		url      string
		global   bool
		resolves bool
		allow    bool // the address of the proxy
		fault    cron.Fault
		asked    string
	}{
		"metadata":                     {url: "http://169.254.169.254/", fault: cron.FaultMetadata},
		"metadata by name":             {url: "http://metadata.example.org/", fault: cron.FaultMetadata},
		"metadata in IPv6":             {url: "http://[64:ff9b::a9fe:a9fe]/", fault: cron.FaultMetadata},
		"metadata, proxy resolves":     {url: "http://169.254.169.254/", resolves: true, fault: cron.FaultMetadata},
		"metadata, its name":           {url: "http://METADATA.google.internal./", resolves: true, fault: cron.FaultMetadata},
		"private":                      {url: "http://example.org/", asked: "10.0.0.1:80"},
		"private, of another":          {url: "http://example.org/", global: true, fault: cron.FaultNotGlobal},
		"private, address of another":  {url: "http://10.0.0.1/", global: true, resolves: true, fault: cron.FaultNotGlobal},
		"the proxy":                    {url: "http://" + p.addr.String() + "/", fault: cron.FaultDenied},
		"the proxy by name":            {url: "http://proxy.example.org:" + proxyPort + "/", fault: cron.FaultDenied},
		"the proxy at another address": {url: "http://127.0.0.9:" + proxyPort + "/", fault: cron.FaultDenied},
		"the proxy at IPv6":            {url: "http://[::1]:" + proxyPort + "/", fault: cron.FaultDenied},
		"the proxy at any":             {url: "http://0.0.0.0:" + proxyPort + "/", fault: cron.FaultDenied},
		"the proxy, as it is called":   {url: "http://127.0.0.1:" + proxyPort + "/", resolves: true, fault: cron.FaultDenied},
		"the name, proxy resolves":     {url: "http://example.org/", global: true, resolves: true, asked: "example.org:80"},
		"this machine":                 {url: fmt.Sprintf("http://%s/", target)},
		"this machine by name":         {url: fmt.Sprintf("http://here.example.org:%d/", target.Port())},
		"this machine, its name":       {url: fmt.Sprintf("http://localhost:%d/", target.Port()), resolves: true},
		"this machine, of another":     {url: fmt.Sprintf("http://localhost:%d/", target.Port()), resolves: true, global: true, fault: cron.FaultNotGlobal},
		"the proxy, allowed":           {url: "http://" + p.addr.String() + "/", allow: true, fault: cron.FaultNone},
	} {
		t.Run(name, func(t *testing.T) {
			p.take()
			config := Config{Resolver: resolver, Guard: new(Guard)}
			if row.allow {
				config.Guard.Allow = []netip.Prefix{netip.PrefixFrom(p.addr.Addr(), 32)}
			}
			throughProxy(ProxyHTTP, p.addr, func(c *ProxyConfig) { c.Resolves = row.resolves })(&config)
			call := callTo(row.url)
			if row.global {
				call.Access = cron.AccessGlobal
			}
			r := New(config).Do(t.Context(), call)
			checkSound(t, &r)
			if asked := p.take(); r.Fault != row.fault && !row.allow || asked != row.asked {
				t.Errorf("%+v, the proxy was asked for %q", r, asked)
			}
			if row.fault == cron.FaultNone && !row.allow && r.Status != cron.StatusOK {
				t.Errorf("%+v", r)
			}
		})
	}
	t.Run("rebinding", func(t *testing.T) { // the name has another address each time it is looked up
		var mu sync.Mutex
		lookups := 0
		config := Config{Resolver: resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
			mu.Lock()
			defer mu.Unlock()
			if lookups++; lookups > 1 {
				return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("192.0.2.10")}, nil
		})}
		throughProxy(ProxyHTTP, p.addr, nil)(&config)
		r := New(config).Do(t.Context(), callTo("http://example.org/"))
		if asked := p.take(); r.Status != cron.StatusOK || asked != "192.0.2.10:80" || lookups != 1 {
			t.Errorf("%+v, the proxy was asked for %q, and there were %d lookups", r, asked, lookups)
		}
	})
	t.Run("redirects", func(t *testing.T) {
		for _, to := range []string{"http://169.254.169.254/", "http://metadata.example.org/", "http://" + p.addr.String() + "/"} {
			everything["192.0.2.11:80"] = serve(t, "127.0.0.1:0", answering(found(302, to)))
			config := Config{Resolver: resolver}
			throughProxy(ProxyHTTP, p.addr, nil)(&config)
			call := callTo("http://192.0.2.11/")
			call.Exchange.FollowRedirects = 3
			r := New(config).Do(t.Context(), call)
			if asked := p.take(); !r.Fault.Blocks() || asked != "192.0.2.11:80" {
				t.Errorf("%s: %+v, the proxy was asked for %q", to, r, asked)
			}
		}
	})
	t.Run("not known yet", func(t *testing.T) { // nothing is called at the port of the proxy until its addresses are known
		config := Config{Resolver: names{}}
		throughProxy(ProxyHTTP, p.addr, func(c *ProxyConfig) { c.Host = "unknown.example.org" })(&config)
		if r := New(config).Do(t.Context(), callTo("http://"+p.addr.String()+"/")); r.Fault != cron.FaultDenied {
			t.Errorf("%+v", r)
		}
	})
}

func TestProxyExceptions(t *testing.T) {
	e := Exceptions{Names: []string{"example.org", ".example.net", "app.example.com"}, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for name, want := range map[string]bool{
		"example.org": true, "example.org.": true, "www.example.org": true, "a.b.example.org": true, "badexample.org": false, "org": false,
		"example.net": false, "www.example.net": true, "badexample.net": false, "app.example.com": true, "example.com": false,
		"x.app.example.com": true, "example.org.evil.com": false, "": false,
	} {
		if got := e.coverName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	target := serve(t, "127.0.0.1:0", answering(okAnswer))
	p := serveProxy(t, ProxyHTTP, nil, nil)
	config := Config{Resolver: names{"far.example.org": {"10.255.255.1"}}}
	throughProxy(ProxyHTTP, p.addr, func(c *ProxyConfig) { c.Except = e })(&config)
	client := New(config)
	call := callTo("http://far.example.org/")
	call.Timeout = 200 * time.Millisecond
	if r := client.Do(t.Context(), call); r.Status == cron.StatusOK || p.take() != "" {
		t.Errorf("%+v", r)
	}
	if r := client.Do(t.Context(), callTo("http://"+target.String()+"/")); r.Status != cron.StatusOK || p.take() != "" {
		t.Errorf("%+v", r)
	}
}

// refusing is a proxy that handles each connection by one answer to one request.
func refusing(t testing.TB, answer string) netip.AddrPort {
	return serve(t, "127.0.0.1:0", then(answer))
}

// TestProxyFailures has a row for each way in which a proxy fails or refuses.
func TestProxyFailures(t *testing.T) {
	const h = "HTTP/1.1 "
	socks := func(replies ...string) func(net.Conn) {
		return func(conn net.Conn) {
			for _, r := range replies {
				if _, err := conn.Read(make([]byte, 1000)); err != nil {
					return
				}
				io.WriteString(conn, r)
			}
			untilClosed(conn)
		}
	}
	for name, row := range map[string]struct {
		scheme   ProxyScheme
		serve    func(net.Conn) // nil for no proxy
		fault    cron.Fault
		detail   string
		tried    bool // again
		resolves bool
		addrs    []string // of example.org; nil for 192.0.2.10
	}{
		"no proxy":                {fault: cron.FaultShortage, detail: cron.ShortOfProxy, tried: true},
		"closes at once":          {serve: func(net.Conn) {}, fault: cron.FaultShortage, tried: true},
		"resets":                  {serve: func(c net.Conn) { c.Read(make([]byte, 1)); reset(c) }, fault: cron.FaultShortage, tried: true},
		"closes in its head":      {serve: answering(h + "200 OK\r\nX:"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer, tried: true},
		"no HTTP":                 {serve: then("SSH-2.0-OpenSSH_9.2\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"TLS":                     {serve: then("\x15\x03\x01\x00\x02\x02\x16"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"no status":               {serve: then(h + "OK\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"407":                     {serve: then(h + "407 Who\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyLogin},
		"401":                     {serve: then(h + "401 Who\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyLogin},
		"500 of Tinyproxy":        {serve: then(h + "500 Unable to connect\r\n\r\n"), fault: cron.FaultUnreachable, detail: "192.0.2.10:80"},
		"Squid cannot forward":    {serve: then(h + "500 No\r\nX-Squid-Error: ERR_CANNOT_FORWARD 0\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"a name in Squid":         {resolves: true, serve: then(h + "500 No\r\nX-Squid-Error: ERR_CANNOT_FORWARD 0\r\n\r\n"), fault: cron.FaultResolver, detail: "example.org"},
		"a name":                  {resolves: true, serve: then(h + "502 No\r\nProxy-Status: a; error=dns_error\r\n\r\n"), fault: cron.FaultResolver, detail: "example.org"},
		"SOCKS, a name":           {resolves: true, scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x01\x00\x01"), fault: cron.FaultResolver, detail: "example.org"},
		"403":                     {serve: then(h + "403 No\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyPermit},
		"400":                     {serve: then(h + "400 What\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"405":                     {serve: then(h + "405 What\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"101":                     {serve: then(h + "101 Switch\r\n\r\n" + h + "404 What\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"500":                     {serve: then(h + "500 Oh\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"503":                     {serve: then(h + "503 Busy\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer, tried: true},
		"429":                     {serve: then(h + "429 Busy\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer, tried: true},
		"502":                     {serve: then(h + "502 No\r\n\r\n"), fault: cron.FaultUnreachable, detail: "192.0.2.10:80"},
		"504":                     {serve: then(h + "504 Late\r\n\r\n"), fault: cron.FaultUnreachable, detail: "192.0.2.10:80"},
		"503 of Squid":            {serve: then(h + "503 No\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n\r\n"), fault: cron.FaultUnreachable, detail: "192.0.2.10:80"},
		"503, the target refused": {serve: then(h + "503 No\r\nproxy-status: a.example; error=connection_refused;details=\"x\"\r\n\r\n"), fault: cron.FaultRefused, detail: "192.0.2.10:80"},
		"502, the proxy's error":  {serve: then(h + "502 No\r\nProxy-Status: a; error=proxy_internal_error\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"502, not allowed":        {serve: then(h + "502 No\r\nProxy-Status: a; error=destination_ip_prohibited\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxyPermit},
		"endless head": {serve: func(c net.Conn) { readRequest(c); io.WriteString(c, h+"200 OK\r\n"); flood(c, "X: y\r\n") },
			fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"endless line": {serve: func(c net.Conn) { readRequest(c); io.WriteString(c, h+"200 OK"); flood(c, "x") }, fault: cron.FaultShortage,
			detail: cron.ShortOfProxyAnswer},
		"endless interim answers": {serve: func(c net.Conn) { readRequest(c); flood(c, h+"100 Wait\r\n\r\n") }, fault: cron.FaultShortage,
			detail: cron.ShortOfProxyAnswer},
		"silent": {serve: untilClosed, fault: cron.FaultConnectTimeout, detail: "192.0.2.10:80"},

		"SOCKS, closes":         {scheme: ProxySOCKS5, serve: func(net.Conn) {}, fault: cron.FaultShortage, tried: true},
		"SOCKS, no SOCKS":       {scheme: ProxySOCKS5, serve: then("HTTP/1.1 400 What\r\n\r\n"), fault: cron.FaultShortage, detail: cron.ShortOfProxy, tried: true},
		"SOCKS, other version":  {scheme: ProxySOCKS5, serve: socks("\x04\x00"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"SOCKS, login":          {scheme: ProxySOCKS5, serve: socks("\x05\xff"), fault: cron.FaultShortage, detail: cron.ShortOfProxyLogin},
		"SOCKS, failure":        {scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x01\x00\x01"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"SOCKS, not allowed":    {scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x02\x00\x01"), fault: cron.FaultShortage, detail: cron.ShortOfProxyPermit},
		"SOCKS, no route":       {scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x03\x00\x01"), fault: cron.FaultUnreachable, detail: "192.0.2.10:80"},
		"SOCKS, refused":        {scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x05\x00\x01"), fault: cron.FaultRefused, detail: "192.0.2.10:80"},
		"SOCKS, no IPv6":        {scheme: ProxySOCKS5, addrs: []string{"2001:db8::7"}, serve: socks("\x05\x00", "\x05\x08\x00\x01"), fault: cron.FaultUnreachable, detail: "[2001:db8::7]:80"},
		"SOCKS, no IPv6, down":  {scheme: ProxySOCKS5, addrs: []string{"2001:db8::7", "192.0.2.10"}, serve: socksWithoutIPv6, fault: cron.FaultUnreachable, detail: "[2001:db8::7]:80"},
		"SOCKS, no IPv4":        {scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x08\x00\x01"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"SOCKS, no names":       {resolves: true, scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x08\x00\x01"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"SOCKS, odd address":    {scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x00\x00\x09"), fault: cron.FaultShortage, detail: cron.ShortOfProxyAnswer},
		"SOCKS, half an answer": {scheme: ProxySOCKS5, serve: socks("\x05\x00", "\x05\x00\x00\x01\x01"), fault: cron.FaultConnectTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := netip.AddrPort{}
			if row.serve != nil {
				addr = serve(t, "127.0.0.1:0", row.serve)
			} else {
				addr = closedPort(t, "127.0.0.1")
			}
			var log bytes.Buffer
			if row.addrs == nil {
				row.addrs = []string{"192.0.2.10"}
			}
			config := Config{Resolver: names{"example.org": row.addrs}, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			if row.scheme == "" {
				row.scheme = ProxyHTTP
			}
			throughProxy(row.scheme, addr, func(c *ProxyConfig) {
				c.Resolves = row.resolves
				if row.scheme == ProxyHTTP {
					c.User, c.Password = "jane", "hidden"
				}
			})(&config)
			call := callTo("http://example.org/")
			short := row.tried || row.fault == cron.FaultConnectTimeout
			switch {
			case row.tried:
				call.Timeout = 250 * time.Millisecond
			case short: // it has to ask the proxy before
				call.Timeout = time.Second
			}
			r := New(config).Do(t.Context(), call)
			checkSound(t, &r)
			if r.Fault != row.fault || row.detail != "" && r.Detail != row.detail || r.Peer != "" {
				t.Errorf("%+v", r)
			}
			if (r.Status == cron.StatusInternalError) != (row.fault == cron.FaultShortage) {
				t.Errorf("status %v", r.Status)
			}
			if !short && r.Duration > call.Timeout/2 {
				t.Errorf("it took %v", r.Duration)
			}
			text := log.String()
			if ours := row.fault == cron.FaultShortage; strings.Contains(text, "outbound proxy") != ours || strings.Contains(text, "hidden") ||
				strings.Contains(text, "amFuZTpoaWRkZW4") || strings.Count(text, "\n") > 1 {
				t.Errorf("the log says %q", text)
			}
		})
	}
}

// socksWithoutIPv6 is a SOCKS proxy that does not know IPv6 addresses, and cannot reach others.
func socksWithoutIPv6(conn net.Conn) {
	var hello [3]byte
	if _, err := io.ReadFull(conn, hello[:]); err != nil {
		return
	}
	conn.Write([]byte{5, 0})
	request := make([]byte, 100)
	if n, _ := conn.Read(request); n > 3 && request[3] == 4 {
		conn.Write([]byte{5, 8, 0, 1})
	} else {
		conn.Write([]byte{5, 4, 0, 1})
	}
	untilClosed(conn)
}

// TestProxyWithoutRoute has a proxy at an IPv6 address to which this machine has no route. It does not lack ports.
func TestProxyWithoutRoute(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddrPort("[2001:db8::1]:3128")
	if hasRoute(addr.Addr()) {
		t.Skip("this machine has a route to every IPv6 address")
	}
	for _, connects := range []error{syscall.EADDRNOTAVAIL, syscall.ENETUNREACH} {
		proxy := NewProxy(ProxyConfig{Scheme: ProxyHTTP, Host: addr.Addr().String(), Port: addr.Port()})
		err := proxy.unreachedAt(t.Context(), addr.Addr(), false, os.NewSyscallError("connect", connects))
		if f, ok := errors.AsType[*fault](err); !ok || f.fault != cron.FaultShortage || f.detail != cron.ShortOfProxy {
			t.Errorf("%v: %v", connects, err)
		}
	}
	config := Config{}
	throughProxy(ProxyHTTP, addr, nil)(&config)
	call := callTo("http://192.0.2.10/")
	call.Timeout = 300 * time.Millisecond
	if r := New(config).Do(t.Context(), call); r.Fault != cron.FaultShortage || r.Detail != cron.ShortOfProxy {
		t.Errorf("%+v", r)
	}
}

// TestProxyRecovers has a proxy that works from the third connection on.
func TestProxyRecovers(t *testing.T) {
	target := serve(t, "127.0.0.1:0", answering(okAnswer))
	inner := &testProxy{routes: map[string]netip.AddrPort{"192.0.2.10:80": target}}
	var mu sync.Mutex
	tries := 0
	addr := serve(t, "127.0.0.1:0", func(conn net.Conn) {
		mu.Lock()
		tries++
		nth := tries
		mu.Unlock()
		switch nth {
		case 1:
		case 2:
			then("HTTP/1.1 503 Busy\r\n\r\n")(conn)
		default:
			inner.serveHTTP(conn)
		}
	})
	config := Config{}
	throughProxy(ProxyHTTP, addr, nil)(&config)
	if r := New(config).Do(t.Context(), callTo("http://192.0.2.10/")); r.Status != cron.StatusOK || tries != 3 {
		t.Errorf("%+v after %d tries", r, tries)
	}
}

// TestProxyWithSeveralAddresses has a proxy of which one address is dead.
func TestProxyWithSeveralAddresses(t *testing.T) {
	hole := blackHole(t, "127.0.0.1")
	target := serve(t, "127.0.0.1:0", answering(okAnswer))
	inner := &testProxy{routes: map[string]netip.AddrPort{"192.0.2.10:80": target}}
	serve(t, fmt.Sprintf("127.0.0.5:%d", hole.Port()), func(conn net.Conn) { inner.serveHTTP(conn) })
	config := Config{Resolver: names{"proxy.test": {"127.0.0.1", "127.0.0.2", "127.0.0.5"}}}
	throughProxy(ProxyHTTP, hole, func(c *ProxyConfig) { c.Host = "proxy.test" })(&config)
	client := New(config)
	call := callTo("http://192.0.2.10/")
	call.Timeout = 3 * time.Second
	if r := client.Do(t.Context(), call); r.Status != cron.StatusOK {
		t.Fatalf("%+v", r)
	}
	call.Timeout = 20 * time.Second
	if r := client.Do(t.Context(), call); r.Status != cron.StatusOK || r.Duration > 5*time.Second {
		t.Errorf("the address that answered was not tried first: %+v", r)
	}
}

// TestProxyEarly has a target whose first bytes come together with the answer of the proxy.
func TestProxyEarly(t *testing.T) {
	addr := serve(t, "127.0.0.1:0", func(conn net.Conn) {
		readRequest(conn)
		io.WriteString(conn, "HTTP/1.1 100 Wait\r\n\r\nHTTP/1.0 200 OK\n\n"+okAnswer)
		untilClosed(conn)
	})
	config := Config{}
	throughProxy(ProxyHTTP, addr, nil)(&config)
	client := keepingClient(t, config)
	r := client.Do(t.Context(), sharing("http://192.0.2.10/"))
	if checkSound(t, &r); r.Status != cron.StatusOK || string(r.Body) != "ok" || client.Connections().Kept != 0 {
		t.Errorf("%+v, and %+v", r, client.Connections())
	}
}

// TestProxyInterrupted ends exchanges that wait for a proxy.
func TestProxyInterrupted(t *testing.T) {
	reached := make(chan bool, 10)
	addr := serve(t, "127.0.0.1:0", func(conn net.Conn) { conn.Read(make([]byte, 1)); reached <- true; untilClosed(conn) })
	for _, addrs := range [][]string{{"192.0.2.10"}, {"192.0.2.10", "192.0.2.11"}} {
		config := Config{Resolver: names{"example.org": addrs}}
		throughProxy(ProxyHTTP, addr, nil)(&config)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-reached; cancel() }()
		if r := New(config).Do(ctx, callTo("http://example.org/")); r.Fault != cron.FaultLost {
			t.Errorf("%+v", r)
		}
		cancel()
	}
}

// TestProxyWithoutTime ends exchanges before they have tried to reach a proxy that cannot be reached, and while they do so. Neither says
// anything about the proxy.
func TestProxyWithoutTime(t *testing.T) {
	t.Parallel()
	hole := blackHole(t, "127.0.0.1")
	start := func(host string, resolves bool, resolver resolverFunc) (*Client, *bytes.Buffer) {
		log := new(bytes.Buffer)
		logger := slog.New(slog.NewTextHandler(log, nil))
		proxy := NewProxy(ProxyConfig{Scheme: ProxyHTTP, Host: host, Port: hole.Port(), Resolves: resolves, Resolver: resolver, Logger: logger})
		targets := names{"one.example.org": {"192.0.2.10"}, "two.example.org": {"192.0.2.10", "192.0.2.11"}}
		return New(Config{Resolver: targets, Guard: &Guard{Proxy: proxy}, Proxy: proxy, Logger: logger}), log
	}
	known := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{hole.Addr(), netip.MustParseAddr("127.0.0.2")}, nil
	}
	unknown := func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }
	for name, row := range map[string]struct {
		host     string
		resolver resolverFunc
	}{"address": {host: hole.Addr().String()}, "name": {"proxy.test", known}, "unknown name": {"proxy.test", unknown}} {
		for _, resolves := range []bool{false, true} {
			for _, url := range []string{"http://192.0.2.10/", "http://one.example.org/", "http://two.example.org/"} {
				t.Run(fmt.Sprint(name, resolves, url), func(t *testing.T) {
					client, log := start(row.host, resolves, row.resolver)
					call := callTo(url)
					call.Timeout = 1
					r := client.Do(t.Context(), call)
					if checkSound(t, &r); r.Fault != cron.FaultConnectTimeout || r.Status != cron.StatusTimeout || log.Len() > 0 {
						t.Errorf("no time: %+v, and the log says %q", r, log)
					}
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(10*time.Millisecond, cancel)
					if r := client.Do(ctx, callTo(url)); r.Fault != cron.FaultLost || log.Len() > 0 {
						t.Errorf("interrupted: %+v, and the log says %q", r, log)
					}
					var d tcpDialer
					at, err := client.proxy.find(ctx)
					if err == nil {
						_, err = client.proxy.connect(ctx, &d, at)
					}
					if err != os.ErrDeadlineExceeded || log.Len() > 0 {
						t.Errorf("interrupted before: %v, and the log says %q", err, log)
					}
				})
			}
		}
	}
	t.Run("its own time", func(t *testing.T) { // which the proxy used up
		for _, url := range []string{"http://192.0.2.10/", "http://two.example.org/"} {
			client, log := start(hole.Addr().String(), false, nil)
			call := callTo(url)
			call.Timeout = time.Second
			if r := client.Do(t.Context(), call); r.Fault != cron.FaultShortage || r.Detail != cron.ShortOfProxy || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("%s: %+v, and the log says %q", url, r, log)
			}
		}
	})
}

// TestSilentProxy tells silent targets from a silent proxy: the first hosts of an account seem silent themselves.
func TestSilentProxy(t *testing.T) {
	t.Parallel()
	addr := serve(t, "127.0.0.1:0", untilClosed)
	config := Config{}
	throughProxy(ProxyHTTP, addr, nil)(&config)
	client := New(config)
	do := func(what string, want cron.Fault, account int64, hosts ...int) { // all at once
		var calls sync.WaitGroup
		defer calls.Wait()
		for _, host := range hosts {
			call := callTo(fmt.Sprintf("http://192.0.2.%d/", host))
			call.AccountID, call.Timeout = account, time.Second // the proxy has to be asked before
			calls.Go(func() {
				if r := client.Do(t.Context(), call); r.Fault != want {
					t.Errorf("%s %d: %+v", what, host, r)
				}
			})
		}
	}
	do("host", cron.FaultConnectTimeout, 1, 1, 2)
	do("host", cron.FaultShortage, 1, 3, 4)
	do("one host of another account", cron.FaultConnectTimeout, 2, 1, 1, 1, 1)
	client.proxy.silences.end()
	do("after an answer", cron.FaultConnectTimeout, 1, 9)
	var s silences
	s.hosts = map[int64]map[string]bool{}
	for account := range int64(maxSilentAccounts + 10) {
		for host := range 10 {
			s.add(account, fmt.Sprint(host))
		}
	}
	if len(s.hosts) != maxSilentAccounts || len(s.hosts[0]) != maxSilentHosts {
		t.Errorf("%d accounts with %d hosts are remembered", len(s.hosts), len(s.hosts[0]))
	}
}

// interim is an interim answer with a head of size bytes.
func interim(size int) string {
	const start, end = "HTTP/1.1 103 Early Hints\r\nLink: ", "\r\n\r\n"
	return start + strings.Repeat("x", size-len(start)-len(end)) + end
}

// TestAnswerThatFillsTheBuffer has interim answers that end where the buffer does, or nearly so.
func TestAnswerThatFillsTheBuffer(t *testing.T) {
	const final = "HTTP/1.1 200 OK\r\n\r\nearly"
	for _, size := range []int{1<<10 - 1, 1 << 10, 1<<10 + 1, 2<<10 - 1, 2 << 10, 2<<10 + 1} {
		for _, first := range []string{interim(size), interim(size) + interim(1<<10), interim(60) + interim(size)} {
			conn := &stingy{text: first + final}
			if a, early, err := readAnswer(conn); err != nil || a.code != 200 || string(early)+conn.text != "early" {
				t.Errorf("%d bytes: %+v, %q came early, %v", size, a, early, err)
			}
		}
	}
}

// stingy is a connection that gives nothing, and no error, to those who have no room. It does so only once, so that a test ends.
type stingy struct {
	text  string
	empty bool
}

func (s *stingy) Read(p []byte) (int, error) {
	switch {
	case len(p) == 0 && s.empty:
		return 0, errors.New("it was read again without room")
	case len(p) == 0:
		s.empty = true
	}
	n := copy(p, s.text)
	s.text = s.text[n:]
	return n, nil
}

// FuzzReadAnswer checks that any answer of a proxy, in any pieces, is read within the limit, the same however it is cut, and not beyond
// its end.
func FuzzReadAnswer(f *testing.F) {
	for _, data := range []string{
		"HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200\n\nSSH-2.0", "HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 407 Who\r\nX: y\r\n\r\n",
		"HTTP/1.1 503 No\r\nProxy-Status: a; error=dns_error;x=\"y\", b;error=z\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n", "", "HTT", "SSH-2.0\r\n",
		"HTTP/1.1 101 Switch\r\n\r\nHTTP/1.1 200\r\n\r\n", "\r\n", "HTTP/1.1 200 \x00\r\n:\r\n\r\r\n", strings.Repeat("HTTP/1.1 199\n\n", 1300),
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", maxAnswer), interim(1<<10) + "HTTP/1.1 200 OK\r\n\r\nx", interim(1 << 10),
		interim(1<<10-1) + "HTTP/1.1 200 OK\r\n\r\n",
	} {
		f.Add([]byte(data), []byte{0, 5, 60})
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		read := func(sizes []byte) (a proxyAnswer, all []byte, err error) {
			conn := &pieces{data: data, sizes: sizes}
			a, early, err := readAnswer(conn)
			if conn.taken > maxAnswer {
				t.Errorf("%d bytes were read", conn.taken)
			}
			if err == nil && !bytes.HasSuffix(data[:conn.taken], early) {
				t.Errorf("%q came early, which is not what was sent", early)
			}
			return a, append(early, conn.data...), err
		}
		a, left, err := read(nil)
		b, left2, err2 := read(sizes)
		if a != b || (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(left, left2) {
			t.Errorf("%+v %q %v, and in pieces %+v %q %v", a, left, err, b, left2, err2)
		}
		if err == nil {
			a.refusal()
			if a.code < 200 || a.code > 999 {
				t.Errorf("%+v is a final answer", a)
			}
		} else if _, ok := errors.AsType[malformed](err); !ok && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error %v", err)
		}
	})
}
