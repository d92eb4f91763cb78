package fetch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
)

// blackHole is an address that answers no attempt to connect: a listener that never accepts, with a full queue.
func blackHole(t *testing.T, ip string) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: netip.MustParseAddr(ip).As4()}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(name.(*syscall.SockaddrInet4).Port))
	for range 10 {
		conn, err := net.DialTimeout("tcp", addr.String(), 200*time.Millisecond)
		if isTimeout(err) {
			return addr
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Skip("this host's listeners have queues without an end")
	return addr
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T, ip string) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Skipf("this host cannot listen on %s: %v", ip, err)
	}
	defer listener.Close()
	return netip.MustParseAddrPort(listener.Addr().String())
}

func TestRefused(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		t.Run(ip, func(t *testing.T) {
			addr := closedPort(t, ip)
			r := New(Config{}).Do(t.Context(), callTo("http://"+addr.String()))
			checkSound(t, &r)
			if r.Status != cron.StatusConnectFailed || r.Fault != cron.FaultRefused || r.Detail != addr.String() {
				t.Errorf("%+v", r)
			}
			if want := (cron.Stats{NameLookup: r.Stats.NameLookup, Total: r.Duration}); r.Stats != want {
				t.Errorf("phases that were not reached have times: %+v", r.Stats)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	const nowhere = "224.0.0.1:80" // no address for TCP
	r := New(Config{}).Do(t.Context(), callTo("http://"+nowhere))
	checkSound(t, &r)
	if r.Status != cron.StatusConnectFailed || r.Fault != cron.FaultUnreachable || r.Detail != nowhere {
		t.Errorf("%+v", r)
	}
}

func TestConnectTimeout(t *testing.T) {
	hole := blackHole(t, "127.0.0.1")
	call := callTo("http://" + hole.String())
	call.Timeout = 100 * time.Millisecond
	r := New(Config{}).Do(t.Context(), call)
	checkSound(t, &r)
	if r.Status != cron.StatusTimeout || r.Fault != cron.FaultConnectTimeout || r.Detail != hole.String() {
		t.Errorf("%+v", r)
	}
}

func TestDialFault(t *testing.T) {
	for number, want := range map[syscall.Errno]cron.Fault{
		syscall.ECONNREFUSED: cron.FaultRefused, syscall.EHOSTUNREACH: cron.FaultUnreachable,
		syscall.ENETUNREACH: cron.FaultUnreachable, syscall.EAFNOSUPPORT: cron.FaultUnreachable,
		syscall.ETIMEDOUT: cron.FaultConnectTimeout, syscall.EACCES: cron.FaultConnect,
		syscall.EADDRNOTAVAIL: cron.FaultShortage,
		syscall.ECONNRESET:    cron.FaultConnect, syscall.EMFILE: cron.FaultShortage, syscall.ENFILE: cron.FaultShortage,
		syscall.ENOBUFS: cron.FaultShortage, syscall.ENOMEM: cron.FaultShortage,
	} {
		err := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", number)}
		if f, _ := errors.AsType[*fault](dialFault(err, netip.MustParseAddrPort("127.0.0.1:80"))); f.fault != want {
			t.Errorf("%v is fault %d, want %d", number, f.fault, want)
		}
	}
}

// TestSeveralAddresses has names of which only one address answers, at each place.
func TestSeveralAddresses(t *testing.T) {
	hole := blackHole(t, "127.0.0.1")
	port := hole.Port() // refused on all the others
	serve(t, fmt.Sprintf("127.0.0.5:%d", port), answering(okAnswer))
	for name, addrs := range map[string][]string{
		"one":                     {"127.0.0.5"},
		"the first":               {"127.0.0.5", "127.0.0.2", "127.0.0.1"},
		"the first refuses":       {"127.0.0.2", "127.0.0.5"},
		"most refuse":             {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.6", "127.0.0.7", "127.0.0.5"},
		"the first is silent":     {"127.0.0.1", "127.0.0.5"},
		"silent, refused, good":   {"127.0.0.1", "127.0.0.2", "127.0.0.5"},
		"blocked":                 {"169.254.169.254", "127.0.0.5"},
		"IPv6 refuses":            {"::1", "127.0.0.5"},
		"IPv6 refuses, at last":   {"127.0.0.5", "::1"},
		"named twice, and mapped": {"127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1", "::ffff:127.0.0.5"},
	} {
		t.Run(name, func(t *testing.T) {
			client := New(Config{Resolver: names{"example.test": addrs}})
			r := client.Do(t.Context(), callTo(fmt.Sprintf("http://example.test:%d/", port)))
			checkSound(t, &r)
			if r.Status != cron.StatusOK {
				t.Errorf("%+v", r)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		client := New(Config{Resolver: names{"example.test": {"127.0.0.2", "127.0.0.3"}}})
		r := client.Do(t.Context(), callTo(fmt.Sprintf("http://example.test:%d/", port)))
		if r.Fault != cron.FaultRefused || r.Detail != fmt.Sprintf("127.0.0.2:%d", port) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("refused, silent", func(t *testing.T) {
		client := New(Config{Resolver: names{"example.test": {"169.254.169.254", "127.0.0.2", "127.0.0.1"}}})
		call := callTo(fmt.Sprintf("http://example.test:%d/", port))
		call.Timeout = 300 * time.Millisecond
		r := client.Do(t.Context(), call)
		checkSound(t, &r)
		if r.Status != cron.StatusTimeout || r.Fault != cron.FaultConnectTimeout || r.Detail != hole.String() {
			t.Errorf("%+v", r)
		}
	})
}

// TestLongCall has a timeout that asks for keep-alive probes.
func TestLongCall(t *testing.T) {
	call := callTo(serveHTTP(t, answering(okAnswer)))
	call.Timeout = time.Hour
	if r := New(Config{}).Do(t.Context(), call); r.Status != cron.StatusOK {
		t.Errorf("%+v", r)
	}
}

func TestIPv6(t *testing.T) {
	request := make(chan string, 1)
	addr := serve(t, "[::1]:0", func(conn net.Conn) {
		got, _ := readRequest(conn)
		request <- got
		conn.Write([]byte(okAnswer))
	})
	r := New(Config{}).Do(t.Context(), callTo("http://"+addr.String()+"/"))
	checkSound(t, &r)
	if r.Status != cron.StatusOK {
		t.Fatalf("%+v", r)
	}
	if got := <-request; !strings.Contains(got, "\r\nHost: "+addr.String()+"\r\n") {
		t.Errorf("%q", got)
	}
	client := New(Config{Resolver: names{"example.test": {"::1"}}})
	r = client.Do(t.Context(), callTo(fmt.Sprintf("http://example.test:%d/", addr.Port())))
	if r.Status != cron.StatusOK {
		t.Errorf("%+v", r)
	}
}

func TestInterleave(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":                                "192.0.2.1",
		"192.0.2.1 192.0.2.2":                      "192.0.2.1 192.0.2.2",
		"2001:db8::1 2001:db8::2 192.0.2.1":        "2001:db8::1 192.0.2.1 2001:db8::2",
		"192.0.2.1 2001:db8::1 2001:db8::2":        "192.0.2.1 2001:db8::1 2001:db8::2",
		"192.0.2.1 192.0.2.2 2001:db8::1":          "192.0.2.1 2001:db8::1 192.0.2.2",
		"::ffff:192.0.2.1 192.0.2.1 2001:db8::1":   "192.0.2.1 2001:db8::1",
		"2001:db8::1 2001:db8::1 ::ffff:192.0.2.1": "2001:db8::1 192.0.2.1",
	} {
		var addrs []netip.Addr
		for text := range strings.FieldsSeq(in) {
			addrs = append(addrs, netip.MustParseAddr(text))
		}
		given := slices.Clone(addrs)
		var got []string
		for _, a := range interleave(addrs) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
		if !slices.Equal(addrs, given) {
			t.Errorf("the resolver's own list was changed: %v", addrs)
		}
	}
	var many []netip.Addr
	for a := netip.MustParseAddr("192.0.2.0"); len(many) < 200; a = a.Next() {
		many = append(many, a)
	}
	if got := interleave(append(many, netip.IPv6Loopback())); len(got) != maxAddrs || got[1] != netip.IPv6Loopback() {
		t.Errorf("%v", got)
	}
}
