package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// dial connects to addr. It does what net.Dialer does with fewer system calls, and without contexts and timers of its own or a
// formatted address. The kernel itself says whether a connection is open, when connect is called again:
//
//	socket → guard → connect → poller → connect again → open
//	                              └── not yet ──┘
//
// The error is that of the guard, of a system call, of ctx, or os.ErrDeadlineExceeded.
func (d *tcpDialer) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	// Only package net knows the index of an interface, and which address of this host stands for an unspecified one.
	if addr.Addr().Zone() != "" || addr.Addr().IsUnspecified() {
		return d.dialNet(ctx, addr)
	}
	for again := connectRetries; ; again-- {
		s, err := d.open(ctx, addr)
		switch {
		case again > 0 && isAny(err, syscall.EADDRNOTAVAIL):
		case err != nil:
			return nil, err
		case again > 0 && s.leadsToItself():
			s.Close()
		default:
			return s, nil
		}
	}
}

// connectRetries is how often a connection is tried again at once, as package net does: the kernel may give it the very port that it
// is to be connected to, so that it leads to itself, and may report that no port is left although one is.
const connectRetries = 2

// firstEphemeralPort is a port below which the kernel gives none to a connection by itself.
const firstEphemeralPort = 1024

// open connects a socket once.
func (d *tcpDialer) open(ctx context.Context, addr netip.AddrPort) (*socket, error) {
	s := &socket{remote: addr}
	family := syscall.AF_INET
	if addr.Addr().Is4() {
		s.v4.Addr, s.v4.Port = addr.Addr().As4(), int(addr.Port())
	} else {
		s.v6.Addr, s.v6.Port = addr.Addr().As16(), int(addr.Port())
		family = syscall.AF_INET6
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, syscall.IPPROTO_TCP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := d.begin(ctx, s, fd); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	s.file = os.NewFile(uintptr(fd), "") // which owns fd from here on
	if err := s.await(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// begin starts to connect.
func (d *tcpDialer) begin(ctx context.Context, s *socket, fd int) error {
	// Without these options a connection works too, so an error says nothing about the target.
	if d.noDelay {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
	if d.keepAlive {
		for _, option := range keepAliveOptions {
			_ = syscall.SetsockoptInt(fd, option.level, option.name, option.value)
		}
	}
	if hasEnded(ctx) {
		return os.ErrDeadlineExceeded // after the socket was made, so that a shortage that used up the time is seen
	}
	if !d.toProxy {
		if err := d.guard.Check(s.remote, d.access); err != nil {
			return err
		}
	}
	if d.sources != nil {
		if err := d.sources.bind(fd, s.remote.Addr()); err != nil {
			return err
		}
	}
	s.connect(uintptr(fd))
	return s.failure()
}

// bind gives a socket the source for a target.
func (s *Sources) bind(fd int, target netip.Addr) error {
	source, err := s.forTarget(target)
	if err != nil {
		return err
	}
	// The kernel then chooses a port when it connects, so that connections to different targets can share one. Without that, each
	// source would have as many connections as ports.
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
	if source.Is4() {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: source.As4()})
	} else {
		err = syscall.Bind(fd, &syscall.SockaddrInet6{Addr: source.As16()})
	}
	return os.NewSyscallError("bind", err)
}

// ipBindAddressNoPort is IP_BIND_ADDRESS_NO_PORT, for IPv6 too. Package syscall does not have it.
const ipBindAddressNoPort = 24

// keepAliveOptions are those of package net: a probe every 15 seconds, and 9 of them.
var keepAliveOptions = [...]struct{ level, name, value int }{
	{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
}

// socket is a TCP connection that a tcpDialer made. Its errors are those of a *net.TCPConn.
type socket struct {
	file   *os.File // in non-blocking mode, so that the runtime's poller waits for it
	remote netip.AddrPort
	v4     syscall.SockaddrInet4 // remote, if it is an IPv4 address
	v6     syscall.SockaddrInet6 // likewise, IPv6
	answer syscall.Errno         // of the latest connect
}

var (
	_ net.Conn        = (*socket)(nil)
	_ io.StringWriter = (*socket)(nil) // so that a long body is not copied
	_ syscall.Conn    = (*socket)(nil)
)

// connect connects, or asks how far that is. It reports whether it has ended: see failure.
func (s *socket) connect(fd uintptr) (ended bool) {
	var err error
	if s.remote.Addr().Is4() {
		err = syscall.Connect(int(fd), &s.v4)
	} else {
		err = syscall.Connect(int(fd), &s.v6)
	}
	s.answer, _ = err.(syscall.Errno) // package syscall has no other errors here
	return !s.isConnecting()
}

func (s *socket) isConnecting() bool {
	return s.answer == syscall.EINPROGRESS || s.answer == syscall.EALREADY || s.answer == syscall.EINTR
}

// failure is the error of the latest connect; nil if the connection is open or will be.
func (s *socket) failure() error {
	if s.answer == 0 || s.answer == syscall.EISCONN || s.isConnecting() {
		return nil
	}
	return os.NewSyscallError("connect", s.answer)
}

// await waits until the connection is open, which takes until ctx ends at most.
func (s *socket) await(ctx context.Context) error {
	l, isLimit := ctx.(*limit)
	var err error
	if isLimit {
		err = l.bind(s)
	} else {
		deadline, _ := ctx.Deadline()
		err = s.SetDeadline(deadline)
	}
	if err != nil {
		// Package os does not say why the poller did not take the file. The kernel lacks memory for it, or so the limit says.
		return os.NewSyscallError("epoll_ctl", syscall.ENOMEM)
	}
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	if isLimit {
		err = raw.Write(s.connect)
	} else {
		stop := context.AfterFunc(ctx, func() { s.SetDeadline(longAgo) })
		err = raw.Write(s.connect)
		if !stop() { // and so the connection is of no use, even if it is open
			return ctx.Err()
		}
	}
	if err == nil {
		err = s.failure()
	}
	if err == nil && !isLimit {
		err = s.SetDeadline(time.Time{})
	}
	return err
}

// leadsToItself reports whether the socket is connected to itself.
func (s *socket) leadsToItself() bool {
	return s.remote.Port() >= firstEphemeralPort && s.local() == s.remote
}

// local is the address of the socket; the zero value if it is closed.
func (s *socket) local() netip.AddrPort {
	var name syscall.Sockaddr
	if raw, err := s.file.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { name, _ = syscall.Getsockname(int(fd)) })
	}
	switch a := name.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	return netip.AddrPort{}
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.file.Read(p)
	return n, s.wrap("read", err)
}

func (s *socket) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	return n, s.wrap("write", err)
}

// WriteString is Write without a copy of text.
func (s *socket) WriteString(text string) (int, error) {
	n, err := s.file.WriteString(text)
	return n, s.wrap("write", err)
}

func (s *socket) Close() error { return s.wrap("close", s.file.Close()) }

func (s *socket) LocalAddr() net.Addr {
	if local := s.local(); local.IsValid() {
		return net.TCPAddrFromAddrPort(local)
	}
	return nil
}

func (s *socket) peer() netip.AddrPort { return s.remote }

func (s *socket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.remote) }

func (s *socket) SetDeadline(t time.Time) error     { return s.wrap("set", s.file.SetDeadline(t)) }
func (s *socket) SetReadDeadline(t time.Time) error { return s.wrap("set", s.file.SetReadDeadline(t)) }
func (s *socket) SetWriteDeadline(t time.Time) error {
	return s.wrap("set", s.file.SetWriteDeadline(t))
}

func (s *socket) SyscallConn() (syscall.RawConn, error) { return s.file.SyscallConn() }

// wrap returns an error of the file as a *net.TCPConn would.
func (s *socket) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if inner, ok := errors.AsType[*os.PathError](err); ok {
		err = inner.Err
	}
	if number, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, number)
	} else if err == os.ErrClosed {
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}
