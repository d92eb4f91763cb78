package fetch

import (
	"encoding/base64"
	"net"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// send writes the head of the request and as much of its body as fits into the same buffer. It returns the rest of the
// body.
func (x *exchange) send(conn net.Conn) (rest string, err error) {
	p := x.client.requests.Get().(*[]byte)
	b := x.appendHead((*p)[:0])
	if x.call.Request.Method.SendsBody() {
		rest = x.call.Request.Body
		n := min(len(rest), max(requestSize-len(b), 0))
		b, rest = append(b, rest[:n]...), rest[n:]
	}
	x.tracer.reach(cron.PhaseSending)
	n, err := conn.Write(b)
	x.wrote = n
	x.tracer.sent(b[:n], err == nil && rest == "")
	if cap(b) == requestSize { // do not keep a buffer that grew for long headers
		*p = b
		x.client.requests.Put(p)
	}
	return rest, err
}

// appendHead appends the request line and the headers to b. The headers of the job keep their order, case and repetitions.
func (x *exchange) appendHead(b []byte) []byte {
	r := &x.call.Request
	own := x.ownFields()
	host := own.host
	if !own.given[fieldHost] {
		host = cron.Header{Name: "Host", Value: x.target.hostField()}
		if r.Method == cron.MethodConnect {
			host.Value = x.target.authority()
		}
	}

	b = append(b, r.Method.String()...)
	b = append(b, ' ')
	b = append(b, x.target.resource...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, host.Name, host.Value)
	if !own.given[fieldUserAgent] {
		b = appendField(b, "User-Agent", x.client.userAgent)
	}
	if !own.given[fieldAccept] {
		b = appendField(b, "Accept", "*/*")
	}
	b = x.appendCarried(b, &own)
	if !own.given[fieldAuthorization] {
		if credentials, ok := x.credentials(); ok {
			b = append(b, "Authorization: Basic "...)
			b = base64.StdEncoding.AppendEncode(b, []byte(credentials))
			b = append(b, "\r\n"...)
		}
	}
	for _, h := range r.Headers {
		if rule := ruleFor(h.Name); rule != fieldHost && rule != fieldDropped {
			b = appendField(b, h.Name, h.Value)
		}
	}
	if r.Method.SendsBody() {
		if !own.given[fieldContentType] {
			b = appendField(b, "Content-Type", "application/x-www-form-urlencoded")
		}
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.Body)), 10)
		b = append(b, "\r\n"...)
	}
	if x.reuses() {
		return append(b, "Connection: keep-alive\r\n\r\n"...) // without it, Apache does not say for how long
	}
	return append(b, "Connection: close\r\n\r\n"...)
}

// credentials returns the credentials for basic authentication (RFC 7617): those of the job, or else those in the URL.
func (x *exchange) credentials() (string, bool) {
	if auth := &x.call.Request.Auth; auth.Enable {
		return auth.User + ":" + auth.Password, true
	}
	user := x.target.user
	if user == nil || user.String() == "" {
		return "", false
	}
	password, _ := user.Password()
	return user.Username() + ":" + password, true
}

// fieldRule says how a header of the job is treated.
type fieldRule int

const (
	fieldHost fieldRule = iota
	fieldUserAgent
	fieldAccept
	fieldAuthorization
	fieldContentType
	fieldExecution
	fieldTraceparent
	fieldIdempotencyKey
	fieldAttempt
	fieldWebhookID
	fieldWebhookTimestamp
	fieldWebhookSignature
	fieldDropped // headers for framing and for the connection are set by the client only
	fieldPlain
)

// ruledFields are the names of the headers with a rule of their own.
var ruledFields = [...]string{
	fieldHost: "Host", fieldUserAgent: "User-Agent", fieldAccept: "Accept", fieldAuthorization: "Authorization",
	fieldContentType: "Content-Type", fieldExecution: "Punctual-Execution", fieldTraceparent: "traceparent",
	fieldIdempotencyKey: "Idempotency-Key", fieldAttempt: "Punctual-Attempt", fieldWebhookID: "webhook-id",
	fieldWebhookTimestamp: "webhook-timestamp", fieldWebhookSignature: "webhook-signature",
	fieldDropped: "Content-Length", "Transfer-Encoding", "Connection", "Expect", "TE", "Upgrade", "Trailer", "Keep-Alive",
	"Proxy-Connection",
}

func ruleFor(name string) fieldRule {
	for rule, n := range ruledFields {
		if len(n) == len(name) && strings.EqualFold(n, name) {
			return min(fieldRule(rule), fieldDropped)
		}
	}
	return fieldPlain
}

// appendField appends a header. It drops invalid names and control characters in values, which a valid job does not have,
// because a line break would allow header injection.
func appendField(b []byte, name, value string) []byte {
	if !cron.IsToken(name) {
		return b
	}
	b = append(b, name...)
	b = append(b, ": "...)
	for i := range len(value) {
		if isSent(value[i]) {
			b = append(b, value[i])
		}
	}
	return append(b, "\r\n"...)
}

// isSent reports whether a byte of the value of a header is sent.
func isSent(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }

// sentValue is the value of a header as appendField writes it.
func sentValue(value string) string {
	b := make([]byte, 0, len(value))
	for i := range len(value) {
		if isSent(value[i]) {
			b = append(b, value[i])
		}
	}
	return string(b)
}
