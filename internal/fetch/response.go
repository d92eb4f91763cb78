package fetch

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// maxHead bounds the header bytes of a response, those of interim responses included, where the limit of the call is
// larger still: parsed headers take a multiple of their size.
const maxHead = 256 << 10

// errTooMuch is the source's error when the head of a response exceeds its limit.
var errTooMuch = errors.New("fetch: response head too large")

// reader is what an exchange reads its response through.
type reader struct {
	source source
	buf    *bufio.Reader
}

func newReader() *reader {
	r := new(reader)
	r.buf = bufio.NewReaderSize(&r.source, readerSize)
	return r
}

// source stands between connection and parser. It keeps what passes while a head is read, notes the first byte, and
// remembers the error that ended the stream, which parsers tend to hide behind one of their own.
type source struct {
	x     *exchange
	conn  io.Reader
	limit int64 // of total
	total int64
	keep  bool
	head  []byte
	err   error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	// The parser asks for more only when what it has is no whole head.
	if s.total >= s.limit {
		s.err = errTooMuch
		return 0, s.err
	}
	n, err := s.conn.Read(p[:min(int64(len(p)), s.limit-s.total)])
	if n > 0 && s.total == 0 {
		s.x.mark(&s.x.result.Stats.StartTransfer)
	}
	s.total += int64(n)
	if s.keep {
		s.head = append(s.head, p[:n]...)
	}
	s.err = err
	return n, err
}

// receive reads the response.
func (x *exchange) receive(conn net.Conn) error {
	in := x.client.readers.Get().(*reader)
	in.source = source{
		x: x, conn: conn, limit: min(x.call.MaxResponse, maxHead), keep: x.call.SaveResponse, head: in.source.head[:0],
	}
	in.buf.Reset(&in.source)
	defer func() {
		head := in.source.head
		if cap(head) > requestSize {
			head = nil
		}
		in.source = source{head: head}
		x.client.readers.Put(in)
	}()

	var request *http.Request // nil is a GET, and only HEAD differs
	if x.call.Request.Method == cron.MethodHead {
		request = &http.Request{Method: http.MethodHead}
	}
	var start, end int64 // of the head of the response at hand
	for {
		response, err := http.ReadResponse(in.buf, request)
		if err != nil {
			return x.headFault(in.source.err, err)
		}
		start, end = end, in.source.total-int64(in.buf.Buffered())
		switch {
		case response.ProtoMajor != 1, response.StatusCode < 100, response.StatusCode == http.StatusSwitchingProtocols:
			return &fault{status: cron.StatusOther, fault: cron.FaultMalformed, detail: response.Proto + " " + response.Status}
		case response.StatusCode < 200:
			continue // an interim response; the final one follows
		}
		x.result.HTTPStatus = response.StatusCode
		x.result.Reason = clean(strings.TrimSpace(response.Status[3:]), maxText)
		x.result.RetryAfter = retryAfter(response, time.Now())
		if x.redirected(response) {
			return nil // its body is of no interest
		}
		if x.call.SaveResponse {
			_, fields, _ := bytes.Cut(in.source.head[start:end], []byte("\n"))
			x.result.Headers = bytes.Clone(fields)
			x.result.Body = []byte{}
		}
		in.source.keep = false
		in.source.limit = math.MaxInt64 // the body is counted as it comes out of its encoding
		return x.receiveBody(response, &in.source, x.call.MaxResponse-end)
	}
}

// receiveBody reads the body, of at most room bytes.
func (x *exchange) receiveBody(response *http.Response, in *source, room int64) error {
	if response.Body == http.NoBody {
		return nil
	}
	cut := x.call.Exchange.Oversize == cron.OversizeTruncate
	if response.ContentLength > room && !cut {
		return x.tooMuch(x.call.MaxResponse)
	}
	looked := x.call.Exchange.Success != nil && x.call.Exchange.Success.Looks()
	p := x.client.scratch.Get().(*[]byte)
	defer x.client.scratch.Put(p)
	for {
		n, err := response.Body.Read(*p)
		got := (*p)[:min(int64(n), room)]
		if x.call.SaveResponse {
			x.result.Body = append(x.result.Body, got[:min(len(got), cron.MaxStoredBody-len(x.result.Body))]...)
		}
		if looked {
			x.body = append(x.body, got...)
		}
		if room -= int64(n); room < 0 && cut {
			x.result.Truncated = true
			return nil
		} else if room < 0 {
			return x.tooMuch(x.call.MaxResponse)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return x.bodyFault(in.err, err)
		}
	}
}

// retryAfter is the time from now until the one that the response, of status 429 or 503, asks to be tried again at (RFC
// 9110, section 10.2.3); 0 when it does not.
func retryAfter(response *http.Response, now time.Time) time.Duration {
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := response.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}

// tooMuch is the fault of a response that exceeds limit.
func (x *exchange) tooMuch(limit int64) error {
	return &fault{status: cron.StatusTooMuchData, fault: cron.FaultTooMuchData, detail: strconv.FormatInt(limit, 10)}
}
