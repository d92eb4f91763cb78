package fetch

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// receive reads the response.
func (x *exchange) receive(conn net.Conn) error {
	in := x.client.readers.Get().(*reader)
	in.reset(x, conn, min(x.call.MaxResponse, maxHead))
	defer func() {
		in.reset(nil, nil, 0)
		x.client.readers.Put(in)
	}()

	for {
		h, err := in.readHead(x.call.Request.Method != cron.MethodHead)
		if err != nil {
			return x.responseFault(err)
		}
		if h.interim() {
			continue // the final response follows
		}
		x.result.HTTPStatus, x.result.Reason = h.code, h.reason
		x.result.RetryAfter = retryAfter(h.code, string(h.retryAfter), time.Now())
		if x.redirected(h.code, string(h.location)) {
			return nil // its body is of no interest
		}
		if x.call.SaveResponse {
			x.result.Headers = bytes.Clone(h.fields)
			x.result.Body = []byte{}
		}
		in.body = body{framing: h.framing, left: h.length}
		return x.receiveBody(in, x.call.MaxResponse-int64(in.r))
	}
}

// receiveBody reads the body, of at most room bytes.
func (x *exchange) receiveBody(in *reader, room int64) error {
	if in.body.ends() {
		return nil
	}
	cut := x.call.Exchange.Oversize == cron.OversizeTruncate
	if in.body.left > room && !cut {
		return x.tooMuch(x.call.MaxResponse)
	}
	looked := x.call.Exchange.Success != nil && x.call.Exchange.Success.ChecksBody()
	p := x.client.scratch.Get().(*[]byte)
	defer x.client.scratch.Put(p)
	for {
		n, err := in.readBody(*p)
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
			return x.responseFault(err)
		}
	}
}

// responseFault is what err of a reader means.
func (x *exchange) responseFault(err error) error {
	if err == errTooMuch {
		return x.tooMuch(min(x.call.MaxResponse, maxHead))
	}
	if m, ok := errors.AsType[malformed](err); ok {
		return &fault{status: cron.StatusOther, fault: cron.FaultMalformed, detail: string(m), err: err}
	}
	return x.transferFault(err)
}

// retryAfter is the time from now until the one that value, the Retry-After of a response of status 429 or 503, asks to
// be tried again at (RFC 9110, section 10.2.3); 0 when it does not.
func retryAfter(code int, value string, now time.Time) time.Duration {
	if code != http.StatusTooManyRequests && code != http.StatusServiceUnavailable {
		return 0
	}
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
