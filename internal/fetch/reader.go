package fetch

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
)

// errHeadTooLarge is the error of a response head that exceeds its limit.
var errHeadTooLarge = errors.New("fetch: response head too large")

// reader reads a response: first its heads, which are kept one after the other in the buffer, then the body.
type reader struct {
	x    *exchange
	conn io.Reader
	buf  []byte
	r, w int   // buf[r:w] is received but unread
	err  error // of the connection; nil while it can be read

	received int64 // bytes received
	limit    int64 // on received, while heads are read
	lines    int   // header lines read

	body body
}

func newReader() *reader { return &reader{buf: make([]byte, readerSize)} }

// reset prepares r for the next response or for the pool.
func (r *reader) reset(x *exchange, conn io.Reader, limit int64) {
	buf := r.buf
	if len(buf) > requestSize { // do not keep a buffer that grew for a long head
		buf = make([]byte, readerSize)
	}
	*r = reader{x: x, conn: conn, limit: limit, buf: buf}
}

// fill appends the bytes of one read to the buffer, which must not be full.
func (r *reader) fill() error {
	room := r.buf[r.w:]
	n, err := r.read(room[:min(int64(len(room)), r.limit-r.received)])
	r.w += n
	return err
}

// read reads at least one byte from the connection, or returns its error. An error that comes together with bytes, as from
// TLS, is returned by the next call.
func (r *reader) read(p []byte) (n int, err error) {
	for n == 0 && r.err == nil {
		n, r.err = r.conn.Read(p)
	}
	if n == 0 {
		return 0, r.err
	}
	if r.received == 0 {
		r.x.mark(&r.x.result.Stats.StartTransfer)
	}
	r.received += int64(n)
	r.x.tracer.received(p[:n])
	return n, nil
}

// readHead reads the next head. The result is valid until the body is read. The error is errHeadTooLarge, a malformed, or that
// of the connection. hasBody is as in parseFields.
func (r *reader) readHead(hasBody bool) (h head, err error) {
	line, err := r.line()
	if err == io.EOF && !isHTTP(line) {
		return h, malformed("it begins with " + quote(line))
	}
	if err != nil {
		return h, err
	}
	// Checked before the headers are read: a server that does not speak HTTP may never send any.
	if err := h.parseStatusLine(line); err != nil {
		return h, err
	}
	start := r.r
	for len(line) > 0 {
		if line, err = r.line(); err != nil {
			return h, err
		}
	}
	h.fields = r.buf[start:r.r]
	return h, h.parseFields(hasBody)
}

// line reads a line of a head and returns it without its line feed and the carriage returns before it. With an error it
// returns the incomplete line.
func (r *reader) line() ([]byte, error) {
	if r.lines++; r.lines > maxHeadLines {
		return nil, malformed("its head has more than " + strconv.Itoa(maxHeadLines) + " lines")
	}
	seen := r.r
	for {
		if i := bytes.IndexByte(r.buf[seen:r.w], '\n'); i >= 0 {
			line := r.buf[r.r : seen+i]
			r.r = seen + i + 1
			return trimReturns(line), nil
		}
		seen = r.w
		if err := r.more(); err != nil {
			return r.buf[r.r:r.w], err
		}
	}
}

// more reads into the buffer and grows it if it is full.
func (r *reader) more() error {
	if r.received >= r.limit {
		return errHeadTooLarge
	}
	if r.w == len(r.buf) {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	return r.fill()
}

// Read reads the bytes that follow the heads.
func (r *reader) Read(p []byte) (int, error) {
	if r.r == r.w {
		if len(p) >= len(r.buf) {
			return r.read(p)
		}
		if err := r.refill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.r:r.w])
	r.r += n
	return n, nil
}

// readByte reads one byte like Read.
func (r *reader) readByte() (byte, error) {
	if r.r == r.w {
		if err := r.refill(); err != nil {
			return 0, err
		}
	}
	c := r.buf[r.r]
	r.r++
	return c, nil
}

// refill overwrites the buffer, which has no unread bytes, with those of one read.
func (r *reader) refill() error {
	r.r, r.w, r.limit = 0, 0, math.MaxInt64
	return r.fill()
}
