package fetch

import (
	"io"
	"math"
	"strconv"
)

// maxChunkOverhead limits the bytes of a chunked body that are not data: chunk sizes, extensions and trailers.
const maxChunkOverhead = 64 << 10

// body is the state of a reader within a response body.
type body struct {
	framing  framing
	left     int64 // unread bytes of a body withLength, or of the current chunk
	inChunk  bool  // the line end after the data of the current chunk has not been read
	overhead int64 // bytes that count toward maxChunkOverhead
	ended    bool  // the last chunk and its trailer were read
	lenient  bool  // a chunk has more around its data than its size and line ends, or there is a trailer
}

// ends reports whether the body is known to have no more bytes.
func (b *body) ends() bool {
	return b.framing == withoutBody || b.framing == withLength && b.left == 0
}

// strictlyRead reports whether the body was read to its end and not beyond, with nothing in it that was accepted leniently.
func (r *reader) strictlyRead() bool {
	b := &r.body
	whole := b.ends() || b.framing == inChunks && b.ended
	return whole && !b.lenient && r.r == r.w && r.err == nil
}

// readBody reads part of the body. It returns as soon as it has some bytes. The error is io.EOF at the end of the body,
// io.ErrUnexpectedEOF if the connection ends before the body does, a malformed, or the error of the connection.
func (r *reader) readBody(p []byte) (n int, err error) {
	b := &r.body
	if b.framing == untilClose {
		return r.Read(p)
	}
	if b.framing == inChunks && b.left == 0 {
		if err := r.beginChunk(); err != nil {
			return 0, err
		}
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err = r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, unexpected(err)
}

// unexpected returns io.ErrUnexpectedEOF for io.EOF, and err otherwise.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// beginChunk reads up to the data of the next chunk, or, after the last chunk, to the end of the trailer (RFC 9112,
// section 7.1). Like curl, it accepts lines that end without a carriage return and any bytes after the digits of a size.
func (r *reader) beginChunk() error {
	b := &r.body
	if b.inChunk {
		if err := r.endChunk(); err != nil {
			return err
		}
	}
	size, err := r.chunkSize()
	if err != nil {
		return err
	}
	// Many small chunks are legitimate, so the data of a chunk offset its overhead.
	b.overhead = max(b.overhead-16-2*min(size, math.MaxInt32), 0)
	if b.left, b.inChunk = size, size > 0; size == 0 {
		err = r.trailer()
		b.ended = err == nil
	}
	return err
}

// overheadByte reads a byte that is not chunk data.
func (r *reader) overheadByte() (byte, error) {
	if r.body.overhead++; r.body.overhead > maxChunkOverhead {
		return 0, malformed("its chunks come with more than " + strconv.Itoa(maxChunkOverhead) +
			" bytes of extensions and trailers")
	}
	c, err := r.readByte()
	return c, unexpected(err)
}

// endChunk reads the line end after the data of a chunk.
func (r *reader) endChunk() error {
	for before := 0; ; before++ {
		switch c, err := r.overheadByte(); {
		case err != nil:
			return err
		case c == '\n':
			r.body.lenient = r.body.lenient || before != 1
			return nil
		case c != '\r':
			return malformed("a chunk does not end where its size says")
		}
	}
}

// chunkSize reads the line with the size of the next chunk.
func (r *reader) chunkSize() (size int64, err error) {
	for digits := 0; ; digits++ {
		c, err := r.overheadByte()
		if err != nil {
			return 0, err
		}
		digit, ok := hexDigit(c)
		switch {
		case !ok && digits == 0:
			return 0, malformed("there is " + quote([]byte{c}) + " where the size of a chunk should be")
		case !ok:
			before := 0
			strict := c == '\r'
			for ; c != '\n' && err == nil; before++ {
				c, err = r.overheadByte()
			}
			r.body.lenient = r.body.lenient || !strict || before != 1
			return size, err
		case size > math.MaxInt64>>4:
			return 0, malformed("the size of a chunk is too large a number")
		}
		size = size<<4 | digit
	}
}

func hexDigit(c byte) (int64, bool) {
	switch {
	case isDigit(c):
		return int64(c - '0'), true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int64(c|0x20-'a') + 10, true
	}
	return 0, false
}

// trailer reads and drops the header lines after the last chunk, up to and including the empty line. Like curl, it
// accepts an empty line without a line feed if the connection ends there.
func (r *reader) trailer() error {
	empty, whole, last := true, false, byte('\n')
	for before := 0; ; before++ {
		c, err := r.overheadByte()
		switch {
		case err == io.ErrUnexpectedEOF && empty && last == '\r':
			r.body.lenient = true
			return nil
		case err != nil:
			return err
		case c == '\n' && empty:
			r.body.lenient = r.body.lenient || before != 1
			return nil
		case c == '\n' && !whole:
			return malformed("there is no colon in a line of the trailer")
		case c == '\n':
			empty, whole = true, false
		case c != '\r':
			whole = whole || c == ':' || empty && isBlank(c)
			empty = false
		}
		last = c
	}
}
