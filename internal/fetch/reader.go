package fetch

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
)

// errTooMuch is the error of a head that exceeds its limit.
var errTooMuch = errors.New("fetch: response head too large")

// reader is what an exchange reads its response through: first its heads, which stand side by side in the buffer, then
// the body.
type reader struct {
	x    *exchange
	conn io.Reader
	buf  []byte
	r, w int   // buf[r:w] was received and not read yet
	err  error // that ended the stream; nil as long as it goes on

	received int64 // bytes
	limit    int64 // of received, while heads are read
	lines    int   // of heads

	body body
}

func newReader() *reader { return &reader{buf: make([]byte, readerSize)} }

// reset makes r ready for the next response, or for the pool.
func (r *reader) reset(x *exchange, conn io.Reader, limit int64) {
	buf := r.buf
	if len(buf) > requestSize { // one that had to grow for a long head is not worth keeping
		buf = make([]byte, readerSize)
	}
	*r = reader{x: x, conn: conn, limit: limit, buf: buf}
}

// fill reads once, behind what the buffer holds; it has room for more.
func (r *reader) fill() error {
	room := r.buf[r.w:]
	n, err := r.read(room[:min(int64(len(room)), r.limit-r.received)])
	r.w += n
	return err
}

// read reads at least a byte from the connection, or its error. TLS tells the end together with the last bytes; here it
// comes after them.
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
	return n, nil
}

// readHead reads the next head. What it returns stays valid until the body is read. Its error is that of the stream,
// errTooMuch or malformed.
func (r *reader) readHead(hasBody bool) (h head, err error) {
	line, err := r.line()
	if err == io.EOF && !isHTTP(line) {
		return h, malformed("it begins with " + quote(line))
	}
	if err != nil {
		return h, err
	}
	// A server of another protocol is told now, and not when headers do not come.
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

// line reads a line of a head, and returns it without its line feed and the carriage returns before that. When the
// stream ends before it, it returns what there is.
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

// more makes room and fills.
func (r *reader) more() error {
	if r.received >= r.limit {
		return errTooMuch
	}
	if r.w == len(r.buf) {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	return r.fill()
}

// Read reads what follows the heads.
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

// readByte is Read for one byte.
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

// refill reads once into a buffer of which everything was read.
func (r *reader) refill() error {
	r.r, r.w, r.limit = 0, 0, math.MaxInt64
	return r.fill()
}
