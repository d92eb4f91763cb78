package cron

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// malformedCauses are the causes of FaultMalformed by the start of its Detail, which package fetch words.
var malformedCauses = []struct {
	text   string
	cause  Cause
	remedy Remedy
}{
	{`it begins with "\x15\x03`, CauseTLSExpected, RemedyUseHTTPS}, // a TLS alert
	{"it begins with an empty line", CauseEmptyLine, RemedyServerBug},
	{"it begins with ", CauseNotHTTP, RemedyServesHTTP},
	{"its version is neither ", CauseHTTPVersion, RemedyServerBug},
	{"there is no status code ", CauseNoStatusCode, RemedyServerBug},
	{"there is a NUL byte ", CauseNULByte, RemedyServerBug},
	{"the first header line continues another", CauseFoldedFirst, RemedyServerBug},
	{"there is no colon in the header line ", CauseNoColon, RemedyServerBug},
	{"the transfer coding ", CauseTransferCoding, RemedyServerBug},
	{"the Content-Length ", CauseContentLength, RemedyServerBug},
	{"its chunks come with more than ", CauseChunkOverhead, RemedyServerBug},
	{"a chunk does not end where ", CauseChunkEnd, RemedyServerBug},
	{"there is no colon in a line of the trailer", CauseTrailer, RemedyServerBug},
	{"the size of a chunk is too large", CauseChunkTooLarge, RemedyServerBug},
	{"its head has more than ", CauseHeadLines, RemedyServerBug},
	{"there is ", CauseChunkSize, RemedyServerBug}, // "… where the size of a chunk should be"
}

// classifyMalformed finds what is wrong with a response by the Detail of FaultMalformed.
func classifyMalformed(detail string) (Cause, Remedy) {
	for _, known := range malformedCauses {
		if strings.HasPrefix(detail, known.text) {
			return known.cause, known.remedy
		}
	}
	return CauseMalformed, RemedyServerBug
}

// judgeMalformed finds what is wrong with a response that is not HTTP. What the target sent stands in quotation marks.
func (x *diagnosing) judgeMalformed() {
	detail := x.result.Detail
	x.set(classifyMalformed(detail))
	if first, last := strings.IndexByte(detail, '"'), strings.LastIndexByte(detail, '"'); first < last {
		if sent, err := strconv.Unquote(detail[first : last+1]); err == nil {
			x.Text = sent
		}
	}
	if x.Cause == CauseTLSExpected {
		x.mendScheme(RemedyUseHTTPS, "https")
	}
}

// statusRemedies are what to do about the status code of a response. Others of 4xx and 5xx have RemedyRequest and
// RemedyTargetFault.
var statusRemedies = map[int]Remedy{
	http.StatusNotModified: RemedyConditional, http.StatusUnauthorized: RemedyCredentials, http.StatusForbidden: RemedyForbidden,
	http.StatusNotFound: RemedyPath, http.StatusGone: RemedyPath, http.StatusMethodNotAllowed: RemedyMethod,
	http.StatusNotImplemented: RemedyMethod, http.StatusRequestTimeout: RemedyTargetFault,
	http.StatusRequestEntityTooLarge: RemedyRequestSize, http.StatusRequestURITooLong: RemedyURLLength,
	http.StatusUnsupportedMediaType: RemedyMediaType, http.StatusTooManyRequests: RemedySlower,
	http.StatusRequestHeaderFieldsTooLarge: RemedyRequestHeaders, http.StatusBadGateway: RemedyGateway,
	http.StatusServiceUnavailable: RemedyUnavailable, http.StatusGatewayTimeout: RemedyGateway,
}

// judgeStatus finds what to do about the status code of a response.
func (x *diagnosing) judgeStatus() {
	r, code := x.result, x.HTTPStatus
	x.Cause = CauseStatus
	if r.Fault == FaultStatus {
		x.Cause, x.Text = CauseStatusUnexpected, ""
	}
	known, ok := statusRemedies[code]
	switch {
	case IsRedirect(code):
		x.judgeRedirect()
		return
	case ok:
		x.Remedy = known
	case code >= 400 && code < 500:
		x.Remedy = RemedyRequest
	case code >= 500 && code < 600:
		x.Remedy = RemedyTargetFault
	default:
		x.Remedy = RemedyCountStatus
	}
	switch code {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		if wantsTLS(r.Body) {
			x.set(CauseTLSExpected, RemedyUseHTTPS)
			x.mendScheme(RemedyUseHTTPS, "https")
			return
		}
		x.mendContentType()
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		x.RetryAfter = r.RetryAfter
		if text, _ := savedHeader(r.Headers, "Retry-After"); x.RetryAfter == 0 {
			seconds, _ := strconv.ParseUint(text, 10, 31)
			x.RetryAfter = time.Duration(seconds) * time.Second
		}
	case http.StatusMethodNotAllowed:
		x.Allow, _ = savedHeader(r.Headers, "Allow")
	}
}

// wantsTLS reports whether a web server says in a response that it speaks TLS on this port.
func wantsTLS(body []byte) bool {
	for _, said := range [...]string{
		"HTTP request was sent to HTTPS port",      // nginx
		"speaking plain HTTP to an SSL-enabled",    // Apache httpd
		"sent an HTTP request to an HTTPS server.", // Go
	} {
		if bytes.Contains(body, []byte(said)) {
			return true
		}
	}
	return false
}

// judgeRedirect finds what to do about a redirect that was not followed.
func (x *diagnosing) judgeRedirect() {
	r := x.result
	x.Cause = CauseRedirect
	if x.Text == "" {
		x.Text, _ = savedHeader(r.Headers, "Location")
	}
	if x.Text != "" && x.url != nil {
		x.Text = RedirectTarget(x.url, x.Text)
	}
	x.mendRedirect(x.Text)
}

// RedirectTarget is the URL that a Location leads to from base, without its fragment and with a masked password; "" if it
// cannot be requested.
func RedirectTarget(base *url.URL, location string) string {
	reference, err := url.Parse(location)
	if err != nil {
		return ""
	}
	u := base.ResolveReference(reference)
	if u.Fragment, u.RawFragment = "", ""; reference.Host == "" {
		u.User = nil // that of the job
	}
	target := MaskURL(u.String())
	if _, problem := ParseURL(target); problem.Rule != RuleNone || len(target) > MaxURLLength || !utf8.ValidString(target) {
		return ""
	}
	return target
}
