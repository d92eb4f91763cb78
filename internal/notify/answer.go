package notify

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// Verdict is what became of an attempt to send a message.
type Verdict struct {
	Fault  cron.ChannelFault
	Detail string        // see cron.Channel.LastDetail
	Wait   time.Duration // for which the receiver asks; 0 when it does not say
	Gone   bool          // the receiver will never take a message again
}

// answer is what a service said.
type answer struct {
	status int
	body   []byte
}

// json decodes the answer; false when it is not such JSON.
func (a *answer) json(into any) bool { return json.Unmarshal(a.body, into) == nil }

// ok reports whether the status says that the message was taken.
func (a *answer) ok() bool { return 200 <= a.status && a.status < 300 }

// refused is a verdict with what the service says.
func refused(fault cron.ChannelFault, says string) (Verdict, bool) {
	return Verdict{Fault: fault, Detail: says}, true
}

// usual leaves the meaning to the status.
func usual() (Verdict, bool) { return Verdict{}, false }

// Judge says what the result of a call to a channel means. The detail has no secrets of the channel.
func (k *Kind) Judge(c *cron.Channel, call *cron.Call, r *cron.Result) Verdict {
	v := k.verdict(r)
	v.Detail = detail(k.masker(c, call).MaskString(v.Detail))
	if v.Wait == 0 {
		v.Wait = r.RetryAfter
	}
	return v
}

func (k *Kind) verdict(r *cron.Result) Verdict {
	switch {
	case r.Fault == cron.FaultLost:
		return Verdict{Fault: cron.ChannelLost}
	case r.Fault == cron.FaultInternal || r.Fault == cron.FaultShortage:
		return Verdict{Fault: cron.ChannelInside}
	case r.HTTPStatus == 0:
		return Verdict{Fault: cron.ChannelExchange, Detail: message.Default().Execution(r)}
	}
	// The status counts even if the rest of the response broke off: what a receiver has taken is not sent again.
	a := &answer{status: r.HTTPStatus, body: r.Body}
	status := "HTTP " + strconv.Itoa(r.HTTPStatus)
	if text := http.StatusText(r.HTTPStatus); text != "" {
		status += " " + text
	}
	if k.judge != nil {
		if v, ok := k.judge(a); ok {
			if v.Fault != cron.ChannelOK {
				v.Detail = withText(status, v.Detail)
			}
			return v
		}
	}
	fault, gone := meaning(r.HTTPStatus)
	if fault == cron.ChannelOK {
		return Verdict{}
	}
	return Verdict{Fault: fault, Gone: gone, Detail: withText(status, said(r.Body))}
}

// meaning is what a status says about a message.
func meaning(status int) (fault cron.ChannelFault, gone bool) {
	switch {
	case 200 <= status && status < 300:
		return cron.ChannelOK, false
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return cron.ChannelUnauthorized, false
	case status == http.StatusNotFound, status == http.StatusGone:
		return cron.ChannelNotFound, status == http.StatusGone
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusTooEarly,
		status == http.StatusLocked:
		return cron.ChannelBusy, false
	case 400 <= status && status < 500:
		return cron.ChannelRejected, false
	case 500 <= status && status < 600:
		return cron.ChannelBroken, false
	}
	return cron.ChannelAnswer, false
}

func withText(status, text string) string {
	if text == "" {
		return status
	}
	return status + ": " + text
}

// said is what a body says to a person: a message in JSON or its text, but no page of HTML.
func said(body []byte) string {
	var object map[string]any
	if json.Unmarshal(body, &object) == nil {
		for _, name := range [...]string{"description", "message", "error_description", "errorDescription", "error", "errors", "msg", "detail", "title"} {
			switch v := object[name].(type) {
			case string:
				if v != "" {
					return v
				}
			case []any:
				if len(v) > 0 {
					if text, ok := v[0].(string); ok {
						return text
					}
				}
			}
		}
	}
	text := strings.TrimSpace(string(body[:min(len(body), 4*cron.MaxChannelDetail)]))
	if strings.HasPrefix(text, "<") {
		return ""
	}
	return text
}

// detail is a text as it is kept: on one line, and short.
func detail(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	return cut(oneLine(s), cron.MaxChannelDetail, bytesIn)
}

// masker masks the secrets of a channel, among them the paths of its URLs, which are the secrets of hooks.
func (k *Kind) masker(c *cron.Channel, call *cron.Call) *cron.Masker {
	m := new(cron.Masker)
	for _, f := range k.Fields {
		value := k.setting(c.Settings, f.Name)
		if f.Secret {
			m.Add(value, cron.Masked)
		}
		if f.isURL {
			maskURL(m, value)
		}
	}
	for _, h := range slices.Concat(c.Headers, call.Request.Headers) {
		if strings.EqualFold(h.Name, "Content-Type") {
			continue
		}
		m.Add(h.Value, cron.Masked)
		if _, token, ok := strings.Cut(h.Value, " "); ok { // Bearer and Basic
			m.Add(token, cron.Masked)
		}
	}
	return m
}

// maskURL masks all of a URL besides its host.
func maskURL(m *cron.Masker, value string) {
	u, p := cron.ParseURL(value)
	if p.Rule != cron.RuleNone {
		return
	}
	if password, ok := u.User.Password(); ok {
		m.Add(password, cron.Masked)
	}
	if user := u.User.Username(); user != "" {
		m.Add(user, cron.Masked)
	}
	for _, part := range strings.Split(u.EscapedPath(), "/") {
		m.Add(part, cron.Masked)
	}
	for _, values := range u.Query() {
		for _, v := range values {
			m.Add(v, cron.Masked)
		}
	}
	m.Add(u.RequestURI(), cron.Masked)
}
