package fetch

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
)

// openFiles is the number of files that this process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// newDialer is a dialer of an exchange over TLS.
func newDialer(guard *Guard) *tcpDialer {
	return &tcpDialer{guard: guard, noDelay: true}
}

// dialers are ours and that of package net, which ours has to resemble.
func dialers(d *tcpDialer) map[string]func(context.Context, netip.AddrPort) (net.Conn, error) {
	return map[string]func(context.Context, netip.AddrPort) (net.Conn, error){"ours": d.dial, "package net": d.dialNet}
}

// TestCancelledDials cancels dials at any moment. None keeps a file, and a connection that was opened works.
func TestCancelledDials(t *testing.T) {
	hole := blackHole(t, "127.0.0.1")
	for name, addr := range map[string]netip.AddrPort{
		"silent": hole, "refuses": closedPort(t, "127.0.0.1"),
		"accepts": serve(t, "127.0.0.1:0", func(conn net.Conn) { io.Copy(struct{ io.Writer }{conn}, conn) }),
		"closes":  serve(t, "127.0.0.1:0", func(net.Conn) {}),
		"resets":  serve(t, "127.0.0.1:0", reset),
	} {
		t.Run(name, func(t *testing.T) {
			before := openFiles(t)
			d := newDialer(new(Guard))
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 125 {
						dialCancelled(t, d, addr, name == "accepts")
					}
				})
			}
			all.Wait()
			for range 100 { // the server closes its ends later
				if openFiles(t) <= before {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Errorf("%d files are open, before there were %d", openFiles(t), before)
		})
	}
}

// dialCancelled dials and cancels that within a millisecond.
func dialCancelled(t *testing.T, d *tcpDialer, addr netip.AddrPort, echoes bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cancelled := make(chan struct{})
	go func() {
		time.Sleep(rand.N(time.Millisecond))
		cancel()
		close(cancelled)
	}()
	conn, err := d.dial(ctx, addr)
	<-cancelled
	if err != nil {
		return
	}
	defer conn.Close()
	if !echoes {
		return
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte("!")); err != nil {
		t.Errorf("a connection that was opened in time: %v", err)
	} else if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Errorf("a connection that was opened in time: %v", err)
	}
}

func TestDialErrors(t *testing.T) {
	open := serve(t, "127.0.0.1:0", untilClosed)
	hole := blackHole(t, "127.0.0.1")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	interrupted := func() context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		return ctx
	}
	for name, row := range map[string]struct {
		ctx   func() context.Context
		addr  netip.AddrPort
		guard *Guard
		fault cron.Fault
	}{
		"refused":               {t.Context, closedPort(t, "127.0.0.1"), nil, cron.FaultRefused},
		"refused, IPv6":         {t.Context, netip.MustParseAddrPort("[::1]:1"), nil, cron.FaultRefused},
		"multicast":             {t.Context, netip.MustParseAddrPort("224.0.0.1:80"), nil, cron.FaultUnreachable},
		"zone that is not here": {t.Context, netip.MustParseAddrPort("[fe80::1%nowhere0]:80"), nil, cron.FaultConnect},
		"deadline":              {soon, hole, nil, cron.FaultConnectTimeout},
		"interrupted":           {interrupted, hole, nil, cron.FaultConnectTimeout},
		"cancelled before":      {func() context.Context { return cancelled }, open, nil, cron.FaultConnectTimeout},
		"late":                  {func() context.Context { return lateContext{t.Context()} }, open, nil, cron.FaultConnectTimeout},
		"metadata":              {t.Context, netip.MustParseAddrPort("169.254.169.254:80"), nil, cron.FaultMetadata},
		"own listener":          {t.Context, open, &Guard{Own: []netip.AddrPort{open}}, cron.FaultOwnListener},
	} {
		if row.guard == nil {
			row.guard = new(Guard)
		}
		d := newDialer(row.guard)
		for who, dial := range dialers(d) {
			t.Run(name+"/"+who, func(t *testing.T) {
				before := openFiles(t)
				conn, err := dial(row.ctx(), row.addr)
				if err == nil {
					conn.Close()
					t.Fatal("connected")
				}
				if f, _ := errors.AsType[*fault](dialFault(err, row.addr)); f.fault != row.fault {
					t.Errorf("%v: fault %d, want %d", err, f.fault, row.fault)
				}
				if after := openFiles(t); after > before {
					t.Errorf("%d files are open, before there were %d", after, before)
				}
			})
		}
	}
}

// TestErrorsOfSockets compares the texts of errors, which results show, with those of package net.
func TestErrorsOfSockets(t *testing.T) {
	resets := func(conn net.Conn) { conn.Read(make([]byte, 1)); reset(conn) }
	ports := regexp.MustCompile(`:\d+`)
	for name, row := range map[string]struct {
		server func(net.Conn)
		use    func(net.Conn) error
	}{
		"end": {func(net.Conn) {}, func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err }},
		"reset": {resets, func(c net.Conn) error {
			c.Write([]byte("!"))
			_, err := c.Read(make([]byte, 1))
			return err
		}},
		"write": {resets, func(c net.Conn) error {
			c.Write([]byte("!"))
			c.Read(make([]byte, 1))
			_, err := c.Write([]byte("text"))
			return err
		}},
		"string": {resets, func(c net.Conn) error {
			c.Write([]byte("!"))
			c.Read(make([]byte, 1))
			_, err := io.WriteString(c, "text")
			return err
		}},
		"deadline": {untilClosed, func(c net.Conn) error {
			c.SetDeadline(time.Unix(1, 0))
			_, err := c.Read(make([]byte, 1))
			return err
		}},
		"deadline of writes": {untilClosed, func(c net.Conn) error {
			c.SetWriteDeadline(time.Unix(1, 0))
			_, err := c.Write(make([]byte, 1))
			return err
		}},
		"deadline of reads": {untilClosed, func(c net.Conn) error {
			c.SetReadDeadline(time.Unix(1, 0))
			_, err := c.Read(make([]byte, 1))
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ip := range []string{"127.0.0.1", "[::1]"} {
				addr := serve(t, ip+":0", row.server)
				texts := make(map[string]string)
				for who, dial := range dialers(newDialer(new(Guard))) {
					conn, err := dial(t.Context(), addr)
					if err != nil {
						t.Fatalf("%s: %v", who, err)
					}
					defer conn.Close()
					if conn.LocalAddr() == nil || remoteAddr(conn) != addr {
						t.Errorf("%s: from %v to %v", who, conn.LocalAddr(), conn.RemoteAddr())
					}
					err = row.use(conn)
					if err == nil {
						t.Fatalf("%s: no error", who)
					}
					timeout, isNet := errors.AsType[net.Error](err)
					texts[who] = ports.ReplaceAllString(err.Error(), ":PORT")
					if isNet && timeout.Timeout() {
						texts[who] += " (timeout)"
					}
				}
				if texts["ours"] != texts["package net"] {
					t.Errorf("%q, and of package net %q", texts["ours"], texts["package net"])
				}
			}
		})
	}
	conn, err := newDialer(new(Guard)).dial(t.Context(), serve(t, "127.0.0.1:0", untilClosed))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("once closed: %v", err)
	}
	if err := conn.Close(); !errors.Is(err, net.ErrClosed) || conn.LocalAddr() != nil {
		t.Errorf("closed twice: %v, %v", err, conn.LocalAddr())
	}
}

// TestDeadlineOfDial checks that it does not end what is done afterwards.
func TestDeadlineOfDial(t *testing.T) {
	addr := serve(t, "127.0.0.1:0", func(conn net.Conn) { io.Copy(struct{ io.Writer }{conn}, conn) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	conn, err := newDialer(new(Guard)).dial(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	<-ctx.Done()
	cancel()
	if _, err := conn.Write([]byte("!")); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

// TestCloseEndsWaiting has a connection closed while it is read.
func TestCloseEndsWaiting(t *testing.T) {
	conn, err := newDialer(new(Guard)).dial(t.Context(), serve(t, "127.0.0.1:0", untilClosed))
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	time.Sleep(10 * time.Millisecond)
	conn.Close()
	reading.Wait()
}

func TestSocketOptions(t *testing.T) {
	addr := serve(t, "127.0.0.1:0", untilClosed)
	options := [...]struct{ level, name int }{
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY}, {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE}, {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT},
	}
	for _, keepAlive := range []bool{false, true} {
		values := make(map[string][len(options)]int)
		d := newDialer(new(Guard))
		d.keepAlive = keepAlive
		for who, dial := range dialers(d) {
			conn, err := dial(t.Context(), addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			raw, err := conn.(syscall.Conn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var got [len(options)]int
			raw.Control(func(fd uintptr) {
				for i, o := range options {
					got[i], _ = syscall.GetsockoptInt(int(fd), o.level, o.name)
				}
				if flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0); flags&syscall.FD_CLOEXEC == 0 {
					t.Errorf("%s: programs that the service starts have the connection too", who)
				}
			})
			values[who] = got
		}
		if values["ours"] != values["package net"] {
			t.Errorf("keep-alive %v: %v, of package net %v", keepAlive, values["ours"], values["package net"])
		}
	}
}

// TestConnectionToItself has a socket whose port is the one that it is connected to.
func TestConnectionToItself(t *testing.T) {
	addr := closedPort(t, "127.0.0.1")
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &socket{file: os.NewFile(uintptr(fd), ""), remote: addr}
	defer s.Close()
	name := &syscall.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}
	if err := errors.Join(syscall.Bind(fd, name), syscall.Connect(fd, name)); err != nil {
		t.Skip(err)
	}
	if !s.leadsToItself() {
		t.Errorf("connected from %v to %v", s.local(), s.remote)
	}
	other, err := newDialer(new(Guard)).open(t.Context(), serve(t, "127.0.0.1:0", untilClosed))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.leadsToItself() {
		t.Errorf("connected from %v to %v", other.local(), other.remote)
	}
}

// TestForgottenSockets checks that one that nobody closed is closed once it is garbage.
func TestForgottenSockets(t *testing.T) {
	addr := serve(t, "127.0.0.1:0", func(net.Conn) {})
	before := openFiles(t)
	for range 20 {
		if _, err := newDialer(new(Guard)).dial(t.Context(), addr); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		runtime.GC()
		if openFiles(t) <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d files are open, before there were %d", openFiles(t), before)
}
