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

	for only := true; ; only = false {
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
			return nil // the body of a redirect is not read
		}
		if cron.IsRedirect(h.code) && !x.call.IsSuccess(h.code) {
			x.result.Detail = x.redirectTarget(string(h.location))
		}
		if x.call.SaveResponse {
			x.result.Headers = bytes.Clone(h.fields)
			x.result.Body = []byte{}
		}
		in.body = body{framing: h.framing, left: h.length}
		var idle time.Duration
		if only && x.reuses() {
			idle = keepFor(in.buf[:in.r], &h)
		}
		err = x.receiveBody(in, x.call.MaxResponse-int64(in.r))
		if err == nil && !x.result.Truncated && in.strictlyRead() {
			x.keepFor = idle
		}
		return err
	}
}

// receiveBody reads the body, of at most remaining bytes.
func (x *exchange) receiveBody(in *reader, remaining int64) error {
	if in.body.ends() {
		return nil
	}
	truncate := x.call.Exchange.Oversize == cron.OversizeTruncate
	if in.body.left > remaining && !truncate {
		return x.tooLarge(x.call.MaxResponse)
	}
	checked := x.call.Exchange.Success != nil && x.call.Exchange.Success.ChecksBody()
	p := x.client.scratch.Get().(*[]byte)
	defer x.client.scratch.Put(p)
	for {
		n, err := in.readBody(*p)
		got := (*p)[:min(int64(n), remaining)]
		if x.call.SaveResponse {
			x.result.Body = append(x.result.Body, got[:min(len(got), cron.MaxStoredBody-len(x.result.Body))]...)
		}
		if checked {
			x.body = append(x.body, got...)
		}
		if remaining -= int64(n); remaining < 0 && truncate {
			x.result.Truncated = true
			return nil
		} else if remaining < 0 {
			return x.tooLarge(x.call.MaxResponse)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return x.responseFault(err)
		}
	}
}

// responseFault converts the error of a reader.
func (x *exchange) responseFault(err error) error {
	if err == errHeadTooLarge {
		return x.tooLarge(min(x.call.MaxResponse, maxHead))
	}
	if m, ok := errors.AsType[malformed](err); ok {
		return &fault{status: cron.StatusOther, fault: cron.FaultMalformed, detail: string(m), err: err}
	}
	return x.transferFault(err)
}

// retryAfter returns the delay that the Retry-After header of a response of status 429 or 503 asks for (RFC 9110, section
// 10.2.3), and 0 for other statuses and for an invalid value.
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

// tooLarge is the fault of a response that exceeds limit.
func (x *exchange) tooLarge(limit int64) error {
	return &fault{status: cron.StatusTooMuchData, fault: cron.FaultTooMuchData, detail: strconv.FormatInt(limit, 10)}
}
