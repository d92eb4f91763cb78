package fetch

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// redirectChain is the state of an exchange that follows redirects. It is created at the first redirect.
type redirectChain struct {
	visits     []visit
	next       *step // the request that follows the current response; nil for none
	leftOrigin bool  // a redirect led to another origin: credentials are no longer sent, even if another one leads back
	refused    error // why the current redirect is not followed
}

// visit identifies a request of a chain, to detect loops.
type visit struct {
	method cron.Method
	url    string
	bare   bool // without credentials
}

// step is the next request of a chain.
type step struct {
	request      cron.Request
	target       target
	leavesOrigin bool
}

// redirected reports whether a response with the given code and Location is followed by another request, and prepares it.
func (x *exchange) redirected(code int, location string) bool {
	if x.call.Exchange.FollowRedirects == 0 || !cron.IsRedirect(code) || x.call.Request.Method == cron.MethodConnect ||
		location == "" {
		return false
	}
	if x.chain == nil {
		x.chain = &redirectChain{visits: []visit{{x.call.Request.Method, x.call.Request.URL, false}}}
	}
	refuse := func(f cron.Fault, detail string) bool {
		x.chain.refused = &fault{status: cron.StatusHTTPError, fault: f, detail: detail}
		return false
	}
	if followed := len(x.result.Redirects); followed >= x.call.Exchange.FollowRedirects {
		return refuse(cron.FaultRedirects, strconv.Itoa(followed))
	}
	next, ok := x.stepTo(code, location)
	if !ok {
		return refuse(cron.FaultRedirectURL, x.shownURL(location))
	}
	v := visit{next.request.Method, next.request.URL, x.chain.leftOrigin || next.leavesOrigin}
	if slices.Contains(x.chain.visits, v) {
		return refuse(cron.FaultRedirectLoop, x.shownURL(v.url))
	}
	x.chain.visits = append(x.chain.visits, v)
	x.chain.next = next
	return true
}

// stepTo is the request that follows a redirect with the given status code and Location (RFC 9110, section 15.4); ok is
// false if the Location cannot be requested.
func (x *exchange) stepTo(code int, location string) (next *step, ok bool) {
	base, problem := cron.ParseURL(x.call.Request.URL)
	reference, err := url.Parse(location)
	if problem.Rule != cron.RuleNone || err != nil {
		return nil, false
	}
	u := base.ResolveReference(reference)
	u.Fragment, u.RawFragment = "", ""
	next = &step{request: x.call.Request}
	r := &next.request
	r.URL = u.String()
	if next.target, err = parseTarget(r); err != nil || len(r.URL) > cron.MaxURLLength {
		return nil, false
	}

	// 303 applies to any method; 301 and 302 change POST only, as all clients do.
	if code == http.StatusSeeOther && r.Method != cron.MethodHead ||
		(code == http.StatusMovedPermanently || code == http.StatusFound) && r.Method == cron.MethodPost {
		r.Method, r.Body = cron.MethodGet, ""
		r.Headers = without(r.Headers, isContentField)
	}

	from, to := &x.target, &next.target
	switch {
	case !sameOrigin(from, to):
		next.leavesOrigin = true
		r.Auth = cron.BasicAuth{}
		r.Headers = without(r.Headers, func(name string) bool { return isOriginField(name) || x.isSecretField(name) })
		if from.tls && !to.tls {
			u.User = nil // not even what the Location gives
		}
	case u.User == nil:
		u.User = base.User
	}
	r.URL, to.user = u.String(), u.User
	return next, true
}

// redirectTarget is the URL that a redirect leads to, in the form of Result.URL; "" if that cannot be requested or is too
// long for a Detail.
func (x *exchange) redirectTarget(location string) string {
	base, problem := cron.ParseURL(x.call.Request.URL)
	if location == "" || problem.Rule != cron.RuleNone {
		return ""
	}
	target := cron.RedirectTarget(base, location)
	if len(x.call.Secrets) > 0 {
		target = x.shownURL(target)
	}
	if target != clean(target, maxText) {
		return ""
	}
	return target
}

// follow switches the exchange to the next request.
func (x *exchange) follow() {
	x.result.Stats.Total = x.result.Duration
	x.tracer.marked(&x.result.Stats)
	t := x.chain
	t.leftOrigin = t.leftOrigin || t.next.leavesOrigin
	x.call.Request, x.target = t.next.request, t.next.target
	t.next = nil

	r := &x.result
	r.Redirects = append(r.Redirects, cron.Redirect{Status: r.HTTPStatus, URL: x.shownURL(x.call.Request.URL)})
	r.HTTPStatus, r.Reason, r.RetryAfter, r.Peer = 0, "", 0, ""
	// The timings are those of the last request, but measured from the start of the exchange.
	r.Stats, r.Duration = cron.Stats{}, 0
	x.tracer.beginHop(x)
}

// leftOrigin reports whether a redirect has led to another origin.
func (x *exchange) leftOrigin() bool { return x.chain != nil && x.chain.leftOrigin }

func sameOrigin(a, b *target) bool { return a.tls == b.tls && a.host == b.host && a.port == b.port }

// without returns headers without those whose names drop selects. It does not modify headers.
func without(headers []cron.Header, drop func(name string) bool) []cron.Header {
	return slices.DeleteFunc(slices.Clone(headers), func(h cron.Header) bool { return drop(h.Name) })
}

// isContentField reports whether a header describes the body.
func isContentField(name string) bool {
	return len(name) > 8 && strings.EqualFold(name[:8], "Content-") ||
		strings.EqualFold(name, "Digest") || strings.EqualFold(name, "Last-Modified")
}

// isOriginField reports whether a header is meant for one origin only.
func isOriginField(name string) bool {
	for _, n := range [...]string{"Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Host", "webhook-signature"} {
		if strings.EqualFold(name, n) {
			return true
		}
	}
	return false
}
