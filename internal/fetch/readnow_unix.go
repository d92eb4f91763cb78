//go:build unix

package fetch

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// canKeep says whether this system can tell that a kept connection is still open without waiting.
const canKeep = true

// readNow reads what has arrived, without waiting: syscall.EAGAIN when nothing has. With peek, it stays unread.
func readNow(conn net.Conn, p []byte, peek bool) (n int, err error) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for {
			if peek {
				n, _, failed = syscall.Recvfrom(int(fd), p, syscall.MSG_PEEK)
			} else {
				n, failed = syscall.Read(int(fd), p)
			}
			if failed != syscall.EINTR {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, failed
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
