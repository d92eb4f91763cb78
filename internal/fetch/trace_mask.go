package fetch

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http/httputil"
	"net/url"
	"strings"

	"punctual/internal/cron"
)

// masks hide the secrets of the account and the credentials of the requests that were sent, in what a trace shows.
type masks struct {
	values *cron.Masker      // never nil
	short  *strings.Replacer // of secrets that are too short for values; only for requests; nil when there are none
}

func newMasks(call *cron.Call) masks {
	m := masks{values: call.Masker()}
	if m.values == nil {
		m.values = new(cron.Masker)
	}
	var short []string
	for name, value := range call.Secrets {
		if value != "" && len(value) < cron.MinMaskedSecret {
			shown := "%secret:" + name + "%"
			encoded := url.QueryEscape(value)
			short = append(short, value, shown, encoded, shown, strings.ReplaceAll(encoded, "+", "%20"), shown)
		}
	}
	if short != nil {
		m.short = strings.NewReplacer(short...)
	}
	return m
}

// response is at most limit bytes of a response; cut is true when it has more. more says that it goes on after p. A body in chunks is shown decoded if
// it contains a secret, of which each chunk may have a part.
func (m *masks) response(p []byte, limit int, more bool) (shown []byte, cut bool) {
	p = bytes.Clone(p)
	if head, body, ok := cutHead(p); ok && bytes.Contains(bytes.ToLower(head), []byte("chunked")) {
		decoded, _ := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(body))) // as far as it has come
		if !bytes.Equal(m.values.Mask(decoded), decoded) || m.values.Partial(decoded) > 0 && more {
			p = append(head, decoded...)
		}
	}
	return m.cut(p, limit, more)
}

// cutHead splits a response after the last of its heads.
func cutHead(p []byte) (head, body []byte, ok bool) {
	end := 0
	for bytes.HasPrefix(p[end:], []byte("HTTP/1.")) {
		i := bytes.Index(p[end:], []byte("\r\n\r\n"))
		if i < 0 {
			return p, nil, false
		}
		end += i + len("\r\n\r\n")
	}
	return p[:end:end], p[end:], end > 0
}

// request is at most limit bytes of a request; cut is true when it has more. more says that it goes on after p.
func (m *masks) request(p []byte, limit int, more bool) (shown []byte, cut bool) {
	return m.cut([]byte(m.url(string(maskRequest(p[:min(len(p), limit)])))), limit, more || len(p) > limit)
}

// url is a URL that was requested, or a whole request.
func (m *masks) url(text string) string {
	if m.short != nil {
		text = m.short.Replace(text)
	}
	return m.values.MaskString(text)
}

// cut masks at most limit bytes of a text; cut is true when it has more. It drops the beginning of a value at its end if the
// text goes on after that.
func (m *masks) cut(text []byte, limit int, more bool) (shown []byte, cut bool) {
	cut = len(text) > limit
	shown = m.values.Mask(text[:min(len(text), limit)])
	if more || cut {
		shown = shown[:len(shown)-m.values.Partial(shown)]
	}
	return shown[:min(len(shown), limit)], cut || len(shown) > limit
}

// result masks what a result has of the response.
func (m *masks) result(r *cron.Result) {
	r.Reason, r.Detail = maskText(m.values, r.Reason), maskText(m.values, r.Detail)
	for i := range r.Redirects {
		r.Redirects[i].URL = m.url(r.Redirects[i].URL)
	}
	if r.Headers != nil {
		r.Headers = m.values.Mask(r.Headers)
		r.Body, _ = m.cut(r.Body, cron.MaxStoredBody, r.Truncated || len(r.Body) == cron.MaxStoredBody)
	}
}

// learn adds the credentials in the head of a request.
func (m *masks) learn(head []byte) {
	head, _, _ = bytes.Cut(head, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(": "))
		if !ok || isShown(string(name)) {
			continue
		}
		used := scheme(value)
		value = value[len(used):]
		m.values.Add(string(value), cron.Masked)
		if strings.EqualFold(string(used), "Basic ") {
			if pair, err := base64.StdEncoding.DecodeString(string(value)); err == nil {
				_, password, _ := strings.Cut(string(pair), ":")
				m.values.Add(password, cron.Masked)
			}
		}
		if strings.EqualFold(string(name), "Cookie") {
			for pair := range strings.SplitSeq(string(value), ";") {
				_, cookie, _ := strings.Cut(pair, "=")
				m.values.Add(strings.TrimSpace(cookie), cron.Masked)
			}
		}
	}
}

// maskRequest returns a request, which may be cut, without the values of its headers that may be credentials. It is
// exact for what appendHead makes.
func maskRequest(request []byte) []byte {
	shown := make([]byte, 0, len(request))
	for first, rest := true, request; len(rest) > 0; first = false {
		i := bytes.IndexByte(rest, '\n') + 1
		if i == 0 {
			i = len(rest)
		}
		line := rest[:i]
		rest = rest[i:]
		if first {
			shown = append(shown, line...)
			continue
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return append(append(shown, line...), rest...) // the body
		}
		name, value, ok := bytes.Cut(line, []byte(": "))
		if !ok || isShown(string(name)) {
			shown = append(shown, line...)
			continue
		}
		shown = append(append(append(shown, name...), ": "...), scheme(value)...)
		shown = append(shown, cron.Masked...)
		shown = append(shown, value[len(bytes.TrimRight(value, "\r\n")):]...)
	}
	return shown
}

// scheme is the authentication scheme at the start of the value of a header, with the space after it; empty without a
// usual one.
func scheme(value []byte) []byte {
	word, _, ok := bytes.Cut(value, []byte(" "))
	if !ok {
		return nil
	}
	for _, usual := range [...]string{"Basic", "Bearer", "Digest", "Token", "ApiKey", "Negotiate", "AWS4-HMAC-SHA256"} {
		if strings.EqualFold(string(word), usual) {
			return value[:len(word)+1]
		}
	}
	return nil
}

// isShown reports whether the value of a header of a request is shown. The headers are standard ones that have no
// credentials, and those that every execution sends.
func isShown(name string) bool {
	for _, n := range [...]string{
		"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Disposition",
		"Content-Encoding", "Content-Language", "Content-Length", "Content-Type", "Date", "DNT", "Host", "Idempotency-Key",
		"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Origin", "Pragma", "Prefer",
		"Punctual-Attempt", "Punctual-Execution", "Range", "traceparent", "User-Agent", "webhook-id", "webhook-timestamp",
		"X-Requested-With",
	} {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
