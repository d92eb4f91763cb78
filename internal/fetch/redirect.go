package fetch

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// trail is what an exchange remembers of the redirects that it follows. It exists from the first one on.
type trail struct {
	visits  []visit
	next    *step // where the response at hand leads; nil when it is not followed
	strayed bool  // a redirect led to another origin: what belonged to the first stays behind, even if one leads back
	refused error // why the response at hand is not followed though it asks for it
}

// visit is a request of a trail. What differs in nothing of it is answered alike.
type visit struct {
	method cron.Method
	url    string
	bare   bool // without credentials
}

// step is the next request of a trail.
type step struct {
	request cron.Request
	target  target
	strays  bool
}

// redirected tells whether another request is to follow a response of that code and Location, and prepares it.
func (x *exchange) redirected(code int, location string) bool {
	if x.call.Exchange.FollowRedirects == 0 || !cron.IsRedirect(code) || x.call.Request.Method == cron.MethodConnect ||
		location == "" {
		return false
	}
	if x.trail == nil {
		x.trail = &trail{visits: []visit{{x.call.Request.Method, x.call.Request.URL, false}}}
	}
	refuse := func(f cron.Fault, detail string) bool {
		x.trail.refused = &fault{status: cron.StatusHTTPError, fault: f, detail: detail}
		return false
	}
	if followed := len(x.result.Redirects); followed >= x.call.Exchange.FollowRedirects {
		return refuse(cron.FaultRedirects, strconv.Itoa(followed))
	}
	next, ok := x.stepTo(code, location)
	if !ok {
		return refuse(cron.FaultRedirectURL, requestedURL(location))
	}
	v := visit{next.request.Method, next.request.URL, x.trail.strayed || next.strays}
	if slices.Contains(x.trail.visits, v) {
		return refuse(cron.FaultRedirectLoop, requestedURL(v.url))
	}
	x.trail.visits = append(x.trail.visits, v)
	x.trail.next = next
	return true
}

// stepTo is the request that a redirect with the given status code and Location asks for (RFC 9110, section 15.4); ok
// is false when it is no URL that can be requested.
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

	// 303 is for any method; for the other two it is what every client has come to do.
	if code == http.StatusSeeOther && r.Method != cron.MethodHead ||
		(code == http.StatusMovedPermanently || code == http.StatusFound) && r.Method == cron.MethodPost {
		r.Method, r.Body = cron.MethodGet, ""
		r.Headers = without(r.Headers, isContentField)
	}

	from, to := &x.target, &next.target
	switch {
	case !sameOrigin(from, to):
		next.strays = true
		r.Auth = cron.BasicAuth{}
		r.Headers = without(r.Headers, isOriginField)
		if from.tls && !to.tls {
			u.User = nil // not even what the Location gives
		}
	case u.User == nil:
		u.User = base.User
	}
	r.URL, to.user = u.String(), u.User
	return next, true
}

// follow makes the exchange that of the next request.
func (x *exchange) follow() {
	t := x.trail
	t.strayed = t.strayed || t.next.strays
	x.call.Request, x.target = t.next.request, t.next.target
	t.next = nil

	r := &x.result
	r.Redirects = append(r.Redirects, cron.Redirect{Status: r.HTTPStatus, URL: requestedURL(x.call.Request.URL)})
	r.HTTPStatus, r.Reason, r.RetryAfter = 0, "", 0
	// Times are those of the last request, and from the start of the exchange all the same.
	r.Stats, r.Duration = cron.Stats{}, 0
}

// strayed tells whether a redirect has led to another origin.
func (x *exchange) strayed() bool { return x.trail != nil && x.trail.strayed }

func sameOrigin(a, b *target) bool { return a.tls == b.tls && a.host == b.host && a.port == b.port }

// without is headers without those whose name is one that drop tells; it never changes headers itself.
func without(headers []cron.Header, drop func(name string) bool) []cron.Header {
	return slices.DeleteFunc(slices.Clone(headers), func(h cron.Header) bool { return drop(h.Name) })
}

// isContentField tells whether a header is about the body.
func isContentField(name string) bool {
	return len(name) > 8 && strings.EqualFold(name[:8], "Content-") ||
		strings.EqualFold(name, "Digest") || strings.EqualFold(name, "Last-Modified")
}

// isOriginField tells whether a header is for one origin only.
func isOriginField(name string) bool {
	for _, n := range [...]string{"Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Host"} {
		if strings.EqualFold(name, n) {
			return true
		}
	}
	return false
}
