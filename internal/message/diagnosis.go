package message

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Diagnosis says why an attempt failed, and what to do where something can be done; "" for a success.
func (c *Catalogue) Diagnosis(d *cron.Diagnosis) string {
	if d.Cause == cron.CauseNone {
		return ""
	}
	cause, ok := c.causes[d.Cause]
	if !ok {
		cause = c.causes[cron.CauseUnknown]
	}
	fact := func(name string) string { return c.fact(d, name) }
	sentences := []string{fill(cause, fact)}
	if d.Cause == cron.CauseURL {
		sentences[0] = c.Problem(d.URL)
	}
	if d.From != "" {
		sentences = append(sentences, fill(c.redirected, fact))
	}
	if remedy := c.remedies[d.Remedy]; remedy != "" {
		sentences = append(sentences, fill(remedy, fact))
	}
	return strings.Join(sentences, " ")
}

// fact returns a fact of a diagnosis by the name of its placeholder; "" if it is not known. {peer} is host and address,
// {quoted} the text in quotation marks, and {mend} the new value of the setting that is to be changed.
func (c *Catalogue) fact(d *cron.Diagnosis, name string) string {
	switch name {
	case "host":
		return clip(d.Host)
	case "name":
		return clip(d.Name)
	case "from":
		return clip(d.From)
	case "peer":
		return peer(d)
	case "address":
		return d.Address.Addr().String()
	case "port":
		return strconv.Itoa(d.Port)
	case "named": // the name whose address it is, unless the URL has the address
		if _, err := netip.ParseAddr(d.Name); err == nil {
			return ""
		}
		return clip(d.Name)
	case "response":
		return responseOf(d)
	case "text":
		return clip(d.Text)
	case "quoted":
		return quote(d.Text)
	case "allow":
		return clip(d.Allow)
	case "limit":
		return c.grammar.bytes(d.Limit)
	case "count":
		return strconv.FormatInt(d.Limit, 10)
	case "came":
		return c.known(d.Came)
	case "declared":
		return c.known(d.Declared)
	case "wait":
		return c.grammar.duration(d.Wait)
	case "timeout":
		return c.grammar.duration(d.Timeout)
	case "after":
		return c.unlessZero(d.RetryAfter)
	case "expiry":
		if d.Expiry.IsZero() {
			return ""
		}
		return c.grammar.date(d.Expiry)
	case "mend":
		return c.mended(&d.Mend)
	}
	return ""
}

// known returns a number of bytes; "" for -1.
func (c *Catalogue) known(n int64) string {
	if n < 0 {
		return ""
	}
	return c.grammar.bytes(n)
}

func (c *Catalogue) unlessZero(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return c.grammar.duration(d)
}

// mended returns the new value of the setting that a mend changes.
func (c *Catalogue) mended(m *cron.Mend) string {
	switch m.Kind {
	case cron.MendTimeout:
		return c.grammar.duration(time.Duration(m.Number) * time.Second)
	case cron.MendFollowRedirects:
		return strconv.Itoa(m.Number)
	}
	return clipTo(m.Text, maxMend)
}

// maxMend limits how many characters of a URL that is proposed a sentence repeats.
const maxMend = 200

// peer returns the host that was called, with the address and port: "example.org (192.0.2.1:443)".
func peer(d *cron.Diagnosis) string {
	if !d.Address.IsValid() {
		return clip(d.Host)
	}
	if a, err := netip.ParseAddr(d.Name); err == nil && a.Unmap() == d.Address.Addr().Unmap() {
		return d.Address.String()
	}
	return clip(d.Name) + " (" + d.Address.String() + ")"
}

// responseOf returns the status code of the response with its reason phrase.
func responseOf(d *cron.Diagnosis) string {
	code := strconv.Itoa(d.HTTPStatus)
	reason := d.Reason
	if reason == "" {
		reason = http.StatusText(d.HTTPStatus)
	}
	return strings.TrimSpace(code + " " + clip(reason))
}
