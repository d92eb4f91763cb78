package fetch

import (
	"encoding/base64"
	"net"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// send writes the request, and of a body that does not fit beside the head only the beginning. It returns the rest.
func (x *exchange) send(conn net.Conn) (rest string, err error) {
	p := x.client.requests.Get().(*[]byte)
	b := x.appendHead((*p)[:0])
	if x.call.Request.Method.SendsBody() {
		rest = x.call.Request.Body
		n := min(len(rest), max(requestSize-len(b), 0))
		b, rest = append(b, rest[:n]...), rest[n:]
	}
	_, err = conn.Write(b)
	if cap(b) == requestSize { // one that had to grow for long headers is not worth keeping
		*p = b
		x.client.requests.Put(p)
	}
	return rest, err
}

// appendHead appends request line and headers to b. The fields of the job keep their order, spelling and repeats.
func (x *exchange) appendHead(b []byte) []byte {
	r := &x.call.Request
	host := cron.Header{Name: "Host", Value: x.target.hostField()}
	if r.Method == cron.MethodConnect {
		host.Value = x.target.authority()
	}
	var given [fieldDropped]bool
	for i := len(r.Headers) - 1; i >= 0; i-- { // backwards, so that the first Host stands
		if rule := ruleFor(r.Headers[i].Name); rule < fieldDropped {
			given[rule] = true
			if rule == fieldHost {
				host = r.Headers[i]
			}
		}
	}

	b = append(b, r.Method.String()...)
	b = append(b, ' ')
	b = append(b, x.target.resource...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, host.Name, host.Value)
	if !given[fieldUserAgent] {
		b = appendField(b, "User-Agent", x.client.userAgent)
	}
	if !given[fieldAccept] {
		b = appendField(b, "Accept", "*/*")
	}
	if !given[fieldAuthorization] {
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
		if !given[fieldContentType] {
			b = appendField(b, "Content-Type", "application/x-www-form-urlencoded")
		}
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.Body)), 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "Connection: close\r\n\r\n"...)
}

// credentials are those of basic authentication (RFC 7617): the job's, or else those of the URL.
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

// fieldRule says what becomes of a header of the job.
type fieldRule int

const (
	fieldHost fieldRule = iota
	fieldUserAgent
	fieldAccept
	fieldAuthorization
	fieldContentType
	fieldDropped // those that frame the message or steer the connection are ours
	fieldPlain
)

// ruledFields are the names that a rule holds for.
var ruledFields = [...]string{
	fieldHost: "Host", fieldUserAgent: "User-Agent", fieldAccept: "Accept", fieldAuthorization: "Authorization",
	fieldContentType: "Content-Type", fieldDropped: "Content-Length", "Transfer-Encoding", "Connection", "Expect", "TE",
	"Upgrade", "Trailer", "Keep-Alive", "Proxy-Connection",
}

func ruleFor(name string) fieldRule {
	for rule, n := range ruledFields {
		if len(n) == len(name) && strings.EqualFold(n, name) {
			return min(fieldRule(rule), fieldDropped)
		}
	}
	return fieldPlain
}

// appendField appends a header field. Names are tokens and values hold no control characters when they come from a
// valid job; here it is made sure of, since one line break more would be a request of its own.
func appendField(b []byte, name, value string) []byte {
	if !cron.IsToken(name) {
		return b
	}
	b = append(b, name...)
	b = append(b, ": "...)
	for i := range len(value) {
		if c := value[i]; c >= ' ' && c != 0x7f || c == '\t' {
			b = append(b, c)
		}
	}
	return append(b, "\r\n"...)
}
