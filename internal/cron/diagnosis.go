package cron

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Diagnosis is why an attempt failed and what to do about it, as values. Package message puts it into words. A fact that
// the result does not hold, or that a cause does not have, is zero.
type Diagnosis struct {
	Cause  Cause   // CauseNone for a success
	Remedy Remedy  // RemedyNone when nothing can be done
	Mend   Mend    // the change of the job that Remedy speaks of; of MendNone when there is none
	Phase  Phase   // in which the attempt failed
	URL    Problem // of CauseURL

	Host    string         // that was called last: with the port, unless it is that of the scheme
	Name    string         // the same without the port
	From    string         // the host of the job, when a redirect led from there to another one
	Address netip.AddrPort // that was called
	Port    int            // likewise

	HTTPStatus int           // of the response
	Reason     string        // of the response; "" is the usual one
	Text       string        // what the cause is about, such as a pattern, the names of a certificate or a URL
	Allow      string        // the methods that the target allows
	Limit      int64         // bytes, or a number of redirects
	Came       int64         // bytes of the body that were received; -1 when that is not known
	Declared   int64         // bytes of the body that were announced; -1 when that is not known
	Wait       time.Duration // how long the phase lasted
	Timeout    time.Duration // of the attempt
	RetryAfter time.Duration // that the target asked for
	Expiry     time.Time     // of the certificate
}

// MendKind is a setting of a job.
type MendKind int

// The settings that a Mend changes.
const (
	MendNone            MendKind = iota
	MendURL                      // Text is the URL
	MendTimeout                  // Number is the timeout in seconds
	MendContentType              // Text is the value of the header Content-Type
	MendFollowRedirects          // Number is the number of redirects to follow
	MendRedirectSuccess          // redirects are to count as a success
	MendOversize                 // responses that are too large are to be cut
	MendConnection               // each execution is to open a new connection
)

// Mend is a change of a job after which it might succeed.
type Mend struct {
	Kind   MendKind
	Text   string
	Number int
}

// Diagnose says why an attempt failed, or was not made. The job, as it is now, and the plan of its account decide what can be done.
func Diagnose(r *Result, j *Job, p *Plan) Diagnosis {
	d := Diagnosis{HTTPStatus: r.HTTPStatus, Reason: r.Reason, Text: r.Detail, Came: -1, Declared: -1, Expiry: r.CertExpiry}
	if r.Status == StatusOK || r.Status == StatusUnknown && r.Fault == FaultNone {
		return d // a success, or still running
	}
	x := diagnosing{Diagnosis: &d, result: r, job: j, plan: p}
	d.Phase = r.phase()
	x.locate()
	x.measure()
	x.judge()
	return d
}

// DiagnoseAny is Diagnose for an attempt that stands for others, of other jobs: without what depends on the job.
func DiagnoseAny(r *Result, p *Plan) Diagnosis {
	d := Diagnose(r, new(Job), p)
	d.Remedy, d.Mend = RemedyNone, Mend{}
	return d
}

// diagnosing is a Diagnosis in the making.
type diagnosing struct {
	*Diagnosis
	result *Result
	job    *Job
	plan   *Plan
	url    *url.URL // that was requested last; nil when it is not valid
}

// set sets what was found.
func (x *diagnosing) set(c Cause, r Remedy) { x.Cause, x.Remedy = c, r }

// mend sets what can be done, with the change that does it.
func (x *diagnosing) mend(r Remedy, m Mend) { x.Remedy, x.Mend = r, m }

// locate finds what was called last.
func (x *diagnosing) locate() {
	r := x.result
	last := r.URL
	if n := len(r.Redirects); n > 0 {
		last = r.Redirects[n-1].URL
	}
	var problem Problem
	if x.url, problem = ParseURL(SampleURL(last)); problem.Rule != RuleNone {
		x.url, x.Host, x.Name = nil, TargetHost(last), TargetHost(last)
		return
	}
	x.Host, x.Name, x.Port = displayedHost(x.url), x.url.Hostname(), portOf(x.url)
	if first, problem := ParseURL(SampleURL(r.URL)); problem.Rule == RuleNone {
		if from := displayedHost(first); from != x.Host {
			x.From = from
		}
	}
	x.Address, _ = netip.ParseAddrPort(r.Detail)
}

// displayedHost is the host of u, with the port unless it is that of the scheme.
func displayedHost(u *url.URL) string {
	if u.Port() == "" || portOf(u) == schemePort(u.Scheme) {
		return strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return u.Host
}

func portOf(u *url.URL) int {
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	return schemePort(u.Scheme)
}

func schemePort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// measure finds how long and how much.
func (x *diagnosing) measure() {
	r, s := x.result, &x.result.Stats
	for _, began := range [...]time.Duration{s.StartTransfer, s.PreTransfer, s.AppConnect, s.Connect, s.NameLookup} {
		if began > 0 {
			x.Wait = r.Duration - began
			break
		}
	}
	if x.Phase == PhaseResolving || x.Wait <= 0 {
		x.Wait = r.Duration
	}
	if x.Timeout, _ = time.ParseDuration(r.Detail); x.Timeout <= 0 {
		x.Timeout = r.Duration
	}
	x.Limit, _ = strconv.ParseInt(r.Detail, 10, 64)
	if r.Headers == nil {
		return
	}
	if n := len(r.Body); n < MaxStoredBody {
		x.Came = int64(n)
	}
	if _, chunked := savedHeader(r.Headers, "Transfer-Encoding"); !chunked {
		if text, ok := savedHeader(r.Headers, "Content-Length"); ok {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				x.Declared = n
			}
		}
	}
}

// savedHeader is the first value of a header among raw header lines.
func savedHeader(lines []byte, name string) (value string, ok bool) {
	for line := range strings.SplitSeq(string(lines), "\n") {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// judge finds the cause of a failure without a usable response, and of a response that did not meet the criteria.
func (x *diagnosing) judge() {
	r := x.result
	if known, ok := plainCauses[r.Fault]; ok {
		x.set(known.cause, known.remedy)
		return
	}
	switch r.Fault {
	case FaultInvalidURL:
		x.Cause = CauseURL
		if _, x.URL = ParseURL(SampleURL(r.URL)); x.URL.Rule == RuleNone {
			x.URL = Problem{Rule: RuleURLHostName, Given: x.Name}
		}
	case FaultUnreachable:
		x.set(CauseUnreachable, RemedyHostUp)
		if x.Address.Addr().Is6() {
			x.Remedy = RemedyIPv6
		}
	case FaultShortage:
		x.set(CauseShortOfFiles, RemedyFiles)
		switch r.Detail {
		case ShortOfMemory:
			x.set(CauseShortOfMemory, RemedyMemory)
		case ShortOfPorts:
			x.set(CauseShortOfPorts, RemedyPorts)
		case ShortOfRoots:
			x.set(CauseShortOfRoots, RemedyRoots)
		case ShortOfSource:
			x.set(CauseShortOfSource, RemedySource)
		case ShortOfResolver:
			x.set(CauseShortOfResolver, RemedyResolver)
		case ShortOfProxy:
			x.set(CauseShortOfProxy, RemedyProxy)
		case ShortOfProxyLogin:
			x.set(CauseShortOfProxyLogin, RemedyProxyLogin)
		case ShortOfProxyPermit:
			x.set(CauseShortOfProxyPermit, RemedyProxyPermit)
		case ShortOfProxyAnswer:
			x.set(CauseShortOfProxyAnswer, RemedyProxy)
		}
	case FaultTimeout, FaultClosed, FaultReset, FaultTooMuchData:
		x.judgeTransfer()
	case FaultKeptClosed:
		x.mendConnection()
	case FaultMalformed:
		x.judgeMalformed()
	case FaultTLS:
		x.judgeTLS()
	case FaultTLSTimeout, FaultCertificateExpired, FaultCertificateNotYet, FaultCertificateChain, FaultCertificateHost,
		FaultCertificateUnknown:
		x.judgeCertificate()
	case FaultNone, FaultStatus, FaultRedirects, FaultRedirectLoop, FaultRedirectURL, FaultBodyLacks, FaultBodyHolds, FaultBodyMismatch:
		x.judgeResponse()
	default:
		x.set(CauseUnknown, RemedyOperator)
	}
}

// judgeTransfer finds how far the response had come when it ended too early or became too large.
func (x *diagnosing) judgeTransfer() {
	at := 0
	switch s := &x.result.Stats; {
	case x.HTTPStatus > 0:
		at = 2
	case s.StartTransfer > 0:
		at = 1
	}
	switch x.result.Fault {
	case FaultTimeout:
		x.Cause = [...]Cause{CauseSilent, CauseHeadSlow, CauseBodySlow}[at]
		x.mendTimeout()
	case FaultClosed:
		x.set([...]Cause{CauseClosedSilent, CauseClosedHead, CauseClosedBody}[at], RemedyTargetLog)
	case FaultReset:
		x.set([...]Cause{CauseResetSilent, CauseResetHead, CauseResetBody}[at], RemedyTargetLog)
	case FaultTooMuchData:
		if x.set(CauseHeadTooLarge, RemedyHeadSize); at == 2 {
			x.mendOversize()
		}
	}
}

// judgeResponse finds which criterion a complete response did not meet.
func (x *diagnosing) judgeResponse() {
	switch x.result.Fault {
	case FaultNone, FaultStatus:
		x.judgeStatus()
	case FaultRedirects:
		x.set(CauseRedirects, RemedyRedirectsFewer)
		if x.job.Exchange.FollowRedirects < MaxRedirects {
			x.mend(RemedyRedirectsMore, Mend{Kind: MendFollowRedirects, Number: MaxRedirects})
		}
	case FaultRedirectLoop:
		x.set(CauseRedirectLoop, RemedyRedirectLoop)
	case FaultRedirectURL:
		x.set(CauseRedirectURL, RemedyLocation)
	case FaultBodyLacks:
		x.set(CauseBodyLacks, x.bodyRemedy(RemedyBodyLacks))
	case FaultBodyHolds:
		x.set(CauseBodyHolds, RemedyBodyHolds)
	case FaultBodyMismatch:
		x.set(CauseBodyMismatch, x.bodyRemedy(RemedyBodyMismatch))
	}
}

// bodyRemedy is the remedy when something is missing in a body.
func (x *diagnosing) bodyRemedy(usual Remedy) Remedy {
	coding, _ := savedHeader(x.result.Headers, "Content-Encoding")
	switch {
	case x.result.Truncated:
		return RemedyBodyCut
	case coding != "" && !strings.EqualFold(coding, "identity"):
		return RemedyBodyCompressed
	}
	return usual
}
