package fetch

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// link is a connection that requests are sent over.
type link struct {
	tcp, conn net.Conn // conn runs over tcp; without TLS it is the same
	tap       *tap     // between the two if the connection may be kept; nil without TLS
	peer      netip.AddrPort
	expiry    time.Time // of the server's certificate; zero without TLS
	opened    time.Time
	exchanges int // that were made before; more than 0 for a connection that was kept
	bytes     int // size of the server's certificates, which TLS holds
}

// maxLinkBytes is the size of the server's certificates up to which a connection is kept. Common chains have a tenth of it.
const maxLinkBytes = 32 << 10

// closeTimeout is how long closing a kept connection may take. The TLS close notification fits into the buffer of the system,
// unless the server has stopped reading; others do not wait for that.
const closeTimeout = time.Millisecond

// reused reports whether the connection was kept after an exchange before.
func (l *link) reused() bool { return l.exchanges > 0 }

// close closes a connection that was kept.
func (l *link) close() {
	if l.tap != nil {
		l.tcp.SetWriteDeadline(time.Now().Add(closeTimeout)) // of the TLS close notification
	}
	l.conn.Close()
}

// drop closes a connection that was kept, without a close notification.
func (l *link) drop() { l.tcp.Close() }

// quiet reports whether the connection is open and has nothing to read: neither from the server nor in a buffer of TLS. It does not wait.
// A connection that was not quiet must not be used.
func (l *link) quiet() bool {
	if l.tap == nil {
		return silent(l.tcp)
	}
	// TLS may have read more than it has given out. It takes this deadline as temporary, and processes a late session ticket. What it would
	// have to answer ends the connection, since writing could wait.
	l.tap.only = true
	n, err := l.conn.Read(make([]byte, 1))
	l.tap.only = false
	return n == 0 && err == os.ErrDeadlineExceeded && !l.tap.refused && l.tap.betweenRecords()
}

// silent is quiet for a connection without TLS. It leaves what there is to be read.
func silent(conn net.Conn) bool {
	_, err := readNow(conn, make([]byte, 1), true)
	return err == syscall.EAGAIN
}

// tap is the TCP connection under TLS of a connection that may be kept.
type tap struct {
	net.Conn
	only    bool  // reads return what is there, or os.ErrDeadlineExceeded, and writes are refused
	refused bool  // a write was
	written int64 // bytes

	header [recordHeader]byte // of the TLS record that is being read
	have   int                // bytes of header
	left   int                // bytes of the record after its header
}

// recordHeader is the length of the header of a TLS record (RFC 8446, section 5.1). Its last two bytes are the length of the rest.
const recordHeader = 5

// betweenRecords reports whether everything that was read is whole records.
func (t *tap) betweenRecords() bool { return t.have == 0 && t.left == 0 }

// Read implements net.Conn.
func (t *tap) Read(p []byte) (n int, err error) {
	if !t.only {
		n, err = t.Conn.Read(p)
	} else if n, err = readNow(t.Conn, p, false); err == syscall.EAGAIN {
		err = os.ErrDeadlineExceeded
	}
	t.follow(p[:n])
	return n, err
}

// follow follows the records in bytes that were read.
func (t *tap) follow(p []byte) {
	for len(p) > 0 {
		if t.left > 0 {
			n := min(t.left, len(p))
			t.left, p = t.left-n, p[n:]
			continue
		}
		n := copy(t.header[t.have:], p)
		p = p[n:]
		if t.have += n; t.have == recordHeader {
			t.have, t.left = 0, int(t.header[3])<<8|int(t.header[4])
		}
	}
}

// Write implements net.Conn.
func (t *tap) Write(p []byte) (int, error) {
	if t.only {
		t.refused = true
		return 0, os.ErrDeadlineExceeded
	}
	n, err := t.Conn.Write(p)
	t.written += int64(n)
	return n, err
}

// SetWriteDeadline prevents tls.Conn.Close from replacing the deadline of the exchange with its own.
func (*tap) SetWriteDeadline(time.Time) error { return nil }
