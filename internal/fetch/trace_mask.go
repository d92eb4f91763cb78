package fetch

import (
	"bytes"
	"strings"
)

// masked stands for a value that is not shown, as in cron.MaskURL.
const masked = "xxxxx"

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
		shown = append(shown, masked...)
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
