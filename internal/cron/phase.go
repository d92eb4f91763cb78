package cron

// Phase is a part of an attempt.
type Phase int

// The phases, in their order. A Result does not tell sending from waiting, a Trace does.
const (
	PhaseNone       Phase = iota // it was not started, or it is not known how far it came
	PhasePreparing               // the URL is read
	PhaseResolving               // the name is looked up
	PhaseConnecting              // a TCP connection is opened
	PhaseSecuring                // the TLS handshake
	PhaseSending                 // the request is sent, and no byte of the response has arrived
	PhaseWaiting                 // the request was sent, and no byte of the response has arrived
	PhaseReceiving               // the response arrives
	PhaseDone                    // the response is complete, and is judged
)

var phaseNames = [...]string{"", "preparing", "resolving", "connecting", "securing", "sending", "waiting", "receiving", "done"}

// String is the name of the phase; "" for PhaseNone.
func (p Phase) String() string { return phaseNames[p] }

// phase is the phase in which an attempt with this result failed; PhaseDone for a success.
func (r *Result) phase() Phase {
	switch r.Fault {
	case FaultNone, FaultStatus, FaultBodyLacks, FaultBodyHolds, FaultBodyMismatch, FaultMatchTime, FaultMatchBusy,
		FaultRedirects, FaultRedirectLoop, FaultRedirectURL:
		return PhaseDone
	case FaultInvalidURL, FaultUnknownSecret:
		return PhasePreparing
	case FaultHostNotFound, FaultResolver, FaultLookupTimeout:
		return PhaseResolving
	case FaultRefused, FaultUnreachable, FaultConnect, FaultConnectTimeout, FaultBlocked, FaultNotGlobal, FaultMetadata,
		FaultOwnListener, FaultDenied, FaultLinkLocal:
		return PhaseConnecting
	case FaultTLSTimeout, FaultCertificateExpired, FaultCertificateNotYet, FaultCertificateChain, FaultCertificateHost,
		FaultCertificateUnknown:
		return PhaseSecuring
	case FaultLost, FaultOverlap, FaultDisabled, FaultMissed, FaultPaused, FaultAccountDisabled, FaultMaintenance:
		return PhaseNone
	}
	switch s := &r.Stats; {
	case s.StartTransfer > 0:
		return PhaseReceiving
	case r.Fault == FaultTLS: // with TLS 1.3, a server may reject the handshake after the client has completed it
		return PhaseSecuring
	case s.PreTransfer > 0:
		return PhaseWaiting
	case s.Connect > 0:
		return PhaseSecuring
	case s.NameLookup > 0:
		return PhaseConnecting
	}
	return PhaseResolving
}
