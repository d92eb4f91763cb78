package cron

import "slices"

// A host that is in trouble shows it to its jobs in different ways, and to one job in a different way each time. What is alike makes
// one problem: it has the cause of the first of these kinds, with its host.
var (
	// unavailable are the ways in which a host does not answer, or says that it cannot at present.
	unavailable = []Result{
		{Status: StatusConnectFailed, Fault: FaultRefused}, {Status: StatusConnectFailed, Fault: FaultUnreachable},
		{Status: StatusTimeout, Fault: FaultConnectTimeout}, {Status: StatusTimeout, Fault: FaultTLSTimeout}, {Status: StatusTimeout, Fault: FaultTimeout},
		{Status: StatusOther, Fault: FaultClosed}, {Status: StatusOther, Fault: FaultReset}, {Status: StatusOther, Fault: FaultKeptClosed},
		{Status: StatusOther, Fault: FaultTLS, Detail: "connection closed during the handshake"},
		{Status: StatusOther, Fault: FaultTLS, Detail: "connection reset during the handshake"},
		{Status: StatusHTTPError, HTTPStatus: 502}, {Status: StatusHTTPError, HTTPStatus: 502, Fault: FaultStatus},
		{Status: StatusHTTPError, HTTPStatus: 503}, {Status: StatusHTTPError, HTTPStatus: 503, Fault: FaultStatus},
		{Status: StatusHTTPError, HTTPStatus: 504}, {Status: StatusHTTPError, HTTPStatus: 504, Fault: FaultStatus},
	}
	// unresolved are the ways in which the name of a host has no address.
	unresolved = []Result{
		{Status: StatusDNSError, Fault: FaultHostNotFound}, {Status: StatusDNSError, Fault: FaultResolver},
		{Status: StatusTimeout, Fault: FaultLookupTimeout},
	}
)

// alike lists the kinds of failures that make one problem with r, if it has the host of r; nil when there is no other kind.
func (r *Result) alike() []Result {
	for _, kinds := range [...][]Result{unavailable, unresolved} {
		if slices.ContainsFunc(kinds, r.isOfKind) {
			return kinds
		}
	}
	if r.Status == StatusHTTPError && (r.Fault == FaultNone || r.Fault == FaultStatus) { // by the default rule, and by the criteria of a job
		return []Result{{Status: r.Status, HTTPStatus: r.HTTPStatus}, {Status: r.Status, HTTPStatus: r.HTTPStatus, Fault: FaultStatus}}
	}
	return nil
}

func (r *Result) isOfKind(kind Result) bool {
	if r.Status != kind.Status || r.HTTPStatus != kind.HTTPStatus || r.Fault != kind.Fault {
		return false
	}
	if r.Fault != FaultTLS {
		return true
	}
	cause, _, _ := classifyTLS(r.Detail)
	wanted, _, _ := classifyTLS(kind.Detail)
	return cause == wanted
}

// at is the cause of a failure of this kind at the host that r has called.
func (kind Result) at(r *Result) Fingerprint {
	kind.URL, kind.Redirects = r.URL, r.Redirects
	return kind.Fingerprint()
}

// problemCause is the cause of the problem that a failure with the given Fingerprint is part of.
func (r *Result) problemCause(own Fingerprint) Fingerprint {
	if kinds := r.alike(); kinds != nil {
		return kinds[0].at(r)
	}
	return own
}

// Causes are the causes of the failures that the problem is made of.
func (p *JobProblem) Causes() []Fingerprint {
	if p.Kind != ProblemFailed {
		return []Fingerprint{p.Cause}
	}
	kinds := p.Example.alike()
	causes := make([]Fingerprint, 0, len(kinds)+1)
	for _, kind := range kinds {
		causes = append(causes, kind.at(&p.Example))
	}
	if !slices.Contains(causes, p.Cause) { // one that is alone
		return []Fingerprint{p.Cause}
	}
	return causes
}

// FirstCause is the cause of the failure that opened the problem.
func (p *JobProblem) FirstCause() Fingerprint {
	if own := p.Example.Fingerprint(); p.Kind == ProblemFailed && slices.Contains(p.Causes(), own) {
		return own
	}
	return p.Cause
}
