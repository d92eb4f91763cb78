package cron

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// usualRedirects is the number of redirects that a mend proposes to follow.
const usualRedirects = 5

// jobURL is the URL of the job if a mend can replace it: it is still the one that was called, no redirect was followed,
// and it has no placeholders and no credentials, which the new one would lack.
func (x *diagnosing) jobURL() (*url.URL, bool) {
	given := x.job.Request.URL
	plain, _, _ := strings.Cut(given, "#")
	_, hasUser := WithoutUser(given)
	if x.url == nil || len(x.result.Redirects) > 0 || plain != x.result.URL || placeholders(given) > 0 || hasUser {
		return nil, false
	}
	return new(*x.url), true
}

// mendHost proposes the same URL with another host, if the job's URL can be replaced.
func (x *diagnosing) mendHost(remedy Remedy, host string) {
	u, ok := x.jobURL()
	if !ok {
		return
	}
	if u.Host = host; x.url.Port() != "" {
		u.Host += ":" + x.url.Port()
	}
	x.mend(remedy, Mend{Kind: MendURL, Text: u.String()})
}

// mendScheme proposes the same URL with another scheme and the same port, if the job's URL can be replaced.
func (x *diagnosing) mendScheme(remedy Remedy, scheme string) {
	u, ok := x.jobURL()
	if !ok {
		return
	}
	port := portOf(x.url)
	u.Scheme, u.Host = scheme, strings.TrimSuffix(u.Host, ":"+u.Port())
	if port != schemePort(scheme) {
		u.Host += ":" + strconv.Itoa(port)
	}
	x.mend(remedy, Mend{Kind: MendURL, Text: u.String()})
}

// mendTimeout proposes twice the timeout, as far as the plan allows, unless the job has a longer one by now.
func (x *diagnosing) mendTimeout() {
	now := x.job.EffectiveTimeout(x.plan)
	if x.Remedy = RemedyTimeoutMost; now > x.Timeout || now >= x.plan.MaxTimeout {
		return
	}
	longer := min(2*now, x.plan.MaxTimeout).Truncate(time.Second)
	x.mend(RemedyTimeout, Mend{Kind: MendTimeout, Number: int(longer / time.Second)})
}

// mendOversize proposes to cut responses that are too large.
func (x *diagnosing) mendOversize() {
	if x.set(CauseTooLarge, RemedySendLess); x.job.Exchange.Oversize == OversizeFail {
		x.mend(RemedyOversize, Mend{Kind: MendOversize})
	}
}

// mendConnection proposes to open a new connection for each execution.
func (x *diagnosing) mendConnection() {
	if x.set(CauseKeptClosed, RemedyTargetLog); x.job.Exchange.Connection == ConnectionReuse {
		x.mend(RemedyFresh, Mend{Kind: MendConnection})
	}
}

// mendContentType proposes a Content-Type for a body that is sent as a form although it is none.
func (x *diagnosing) mendContentType() {
	r := &x.job.Request
	if !r.Method.SendsBody() {
		return
	}
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, "Content-Type") {
			return
		}
	}
	body := strings.TrimSpace(sample(r.Body, "0", "0"))
	kind := ""
	switch {
	case strings.HasPrefix(body, "<"):
		kind = "application/xml"
	case (strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[")) && json.Valid([]byte(body)):
		kind = "application/json"
	default:
		return
	}
	x.mend(RemedyContentType, Mend{Kind: MendContentType, Text: kind})
}

// mendRedirect proposes what suits a redirect that was not followed: its target, if that is to stay or differs by the
// scheme only; to count it as a success, if it would drop the body that the job sends; or to follow it.
func (x *diagnosing) mendRedirect(target string) {
	r, code := &x.job.Request, x.HTTPStatus
	x.Remedy = RemedyFinalURL
	_, hasUser := WithoutUser(target)
	masked := hasUser || strings.Contains(target, Masked)
	_, replaceable := x.jobURL()
	permanent := code == http.StatusMovedPermanently || code == http.StatusPermanentRedirect ||
		x.url != nil && target == "https"+strings.TrimPrefix(x.url.String(), "http")
	drops := r.Method == MethodPost && (code == http.StatusFound || code == http.StatusSeeOther)
	lists := x.job.Exchange.Success != nil && len(x.job.Exchange.Success.Status) > 0
	switch {
	case target != "" && permanent && replaceable && !masked:
		x.mend(RemedyRedirectTarget, Mend{Kind: MendURL, Text: target})
	case drops && lists:
		x.Remedy = RemedyCountStatus
	case drops && !x.job.RedirectSuccess:
		x.mend(RemedyRedirectSuccess, Mend{Kind: MendRedirectSuccess})
	case !drops && target != "" && x.job.Exchange.FollowRedirects == 0 && r.Method != MethodConnect:
		x.mend(RemedyFollow, Mend{Kind: MendFollowRedirects, Number: usualRedirects})
	case target == "" && x.result.Headers != nil:
		x.Remedy = RemedyLocation
	}
}
