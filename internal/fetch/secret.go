package fetch

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"punctual/internal/cron"
)

// What a call holds of the account's secrets is in no result: the URL has their names, and what the target echoes is
// masked (see cron.Masker).

// prepare replaces the placeholders of the request. The error is a *fault.
func (x *exchange) prepare() error {
	if x.call.Literal {
		x.result.URL = requestedURL(x.call.Request.URL)
		return nil
	}
	given := x.call.Request.Headers
	expanded := x.call.Expand(uuid)
	x.call.Request = expanded.Request
	x.result.URL = requestedURL(expanded.Shown)
	if expanded.Unknown != "" {
		return &fault{status: cron.StatusOther, fault: cron.FaultUnknownSecret, detail: expanded.Unknown}
	}
	if len(x.call.Secrets) == 0 {
		return nil
	}
	x.masker = x.call.Masker()
	for i, h := range given {
		if cron.HasSecret(h.Value) {
			x.secretFields = append(x.secretFields, expanded.Headers[i].Name)
		}
	}
	return nil
}

// maskCredentials masks the credentials of a request with secrets in the form in which they are sent.
func (x *exchange) maskCredentials() {
	if len(x.call.Secrets) == 0 {
		return
	}
	if credentials, ok := x.credentials(); ok {
		if x.masker == nil {
			x.masker = new(cron.Masker)
		}
		x.masker.Add(base64.StdEncoding.EncodeToString([]byte(credentials)), cron.Masked)
	}
}

// isSecretField reports whether the value of a header has a secret of the account.
func (x *exchange) isSecretField(name string) bool {
	for _, n := range x.secretFields {
		if strings.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// shownURL is a URL that was made from one with secrets, such as the target of a redirect, for people. Its credentials may
// be secrets that are too short to be found.
func (x *exchange) shownURL(url string) string {
	if len(x.call.Secrets) > 0 {
		url, _ = cron.WithoutUser(url)
	}
	return x.masker.MaskString(requestedURL(url))
}

// maskResult masks what a target has echoed.
func (x *exchange) maskResult() {
	if x.masker == nil {
		return
	}
	r, m := &x.result, x.masker
	r.Reason, r.Detail = maskText(m, r.Reason), maskText(m, r.Detail)
	if r.Headers != nil {
		r.Headers = cutLines(m.Mask(r.Headers), maxHead)
	}
	if r.Body != nil {
		body := r.Body
		if r.Truncated || len(body) == cron.MaxStoredBody { // not a part of a secret at the end either
			body = body[:len(body)-m.Partial(body)]
		}
		body = m.Mask(body)
		r.Body = body[:min(len(body), cron.MaxStoredBody)]
	}
}

// maskText masks a Reason or a Detail, which may have been cut within a value.
func maskText(m *cron.Masker, text string) string {
	if len(text) > maxText-utf8.UTFMax {
		text = text[:len(text)-m.Partial([]byte(text))]
	}
	return clean(m.MaskString(text), maxText) // what is shown may be longer
}

// cutLines cuts header lines that have become too long, after a line and with the empty one at the end.
func cutLines(lines []byte, longest int) []byte {
	if len(lines) <= longest {
		return lines
	}
	const end = "\r\n"
	at := strings.LastIndex(string(lines[:longest-len(end)]), "\n")
	return append(lines[:at+1:at+1], end...)
}
