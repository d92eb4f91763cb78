package cron

import (
	"fmt"
	"time"
)

// Kind is the reason for an execution.
type Kind int

// The kinds of executions. The numbers are stored.
const (
	KindScheduled Kind = 0
	KindManual    Kind = 1 // it was requested
)

// Outcome is what became of an execution. The numbers are stored.
type Outcome int

// The outcomes. All but OutcomeRunning are final, except that a late result replaces OutcomeLost.
const (
	OutcomeRunning   Outcome = 0 // claimed, without a result yet
	OutcomeSucceeded Outcome = 1
	OutcomeFailed    Outcome = 2
	OutcomeSkipped   Outcome = 3 // not started; Result.Fault is the reason
	OutcomeLost      Outcome = 4 // claimed, and the outcome is unknown
	OutcomeMissed    Outcome = 5 // found too late
)

// String is the name of the kind, for metrics and logs.
func (k Kind) String() string { return [...]string{"scheduled", "manual"}[k] }

var outcomeNames = [...]string{"running", "succeeded", "failed", "skipped", "lost", "missed"}

// String is the name of the outcome.
func (o Outcome) String() string { return outcomeNames[o] }

// Execution is one record of the ledger: an attempt at an occurrence, or occurrences that did not run.
type Execution struct {
	ID        int64 // grows with time, below 2^53
	JobID     int64
	AccountID int64
	Planned   time.Time
	Kind      Kind
	Attempt   int // 1 is the first
	Outcome   Outcome
	Cause     Fingerprint   // of a failed or lost execution; 0 for another, and for one from before there were fingerprints
	Lateness  time.Duration // from when the attempt was due to its start
	Last      time.Time     // last occurrence that a missed or skipped record covers; Planned is the first
	Count     int64         // number of occurrences that a missed or skipped record covers
	AtLeast   bool          // there are more than Count
	Version   int64         // of the job that was launched; 0 for none, and for a record from before versions were kept
	Result    Result        // of an execution that was started and has ended
}

// Identifier names an execution for people and the API: job, day and month, from 0, of its planned instant in UTC, and execution.
func (e *Execution) Identifier() string {
	planned := e.Planned.UTC()
	return fmt.Sprintf("%d-%d-%d-%d", e.JobID, planned.Day(), planned.Month()-time.January, e.ID)
}

// MaxStoredBody is the number of bytes of a response body that are stored.
const MaxStoredBody = 64 << 10

// Result is the result of a Call.
type Result struct {
	Status     Status
	HTTPStatus int    // 0 when there was no response
	Reason     string // the reason phrase of the response, valid UTF-8 without control characters, at most 255 bytes
	Fault      Fault  // the cause of a failure; none for StatusOK, and for StatusHTTPError of the default success rule
	Detail     string // argument of the sentence for Fault, such as a host or an address; same form as Reason
	URL        string // as requested
	Peer       string // the address of the server of the last request, without its port; "" when no connection was opened
	Started    time.Time
	Duration   time.Duration
	Stats      Stats
	CertExpiry time.Time     // of the leaf certificate; zero without one
	RetryAfter time.Duration // from the Retry-After of a 429 or 503 response; 0 without one
	Headers    []byte        // raw lines with CRLF, including the empty line at the end; nil when not saved
	Body       []byte        // nil when not saved
	Redirects  []Redirect    // that were followed, in order
	Truncated  bool          // the body was cut because the response exceeded Call.MaxResponse
}

// Redirect is a redirect that was followed.
type Redirect struct {
	Status int    // the status code of the response
	URL    string // the target, in the form of Result.URL
}

// Outcome is the outcome of an attempt with this result.
func (r *Result) Outcome() Outcome {
	switch {
	case r.Fault == FaultLost:
		return OutcomeLost
	case r.Status == StatusOK:
		return OutcomeSucceeded
	}
	return OutcomeFailed
}

// Stats are the timings of an exchange, each measured from its start, as curl defines them. A phase that was not reached, or that a
// connection which is reused did without, is 0; the others never decrease.
type Stats struct {
	NameLookup    time.Duration // the name was resolved
	Connect       time.Duration // the TCP connection was established
	AppConnect    time.Duration // the TLS handshake was complete; 0 without TLS
	PreTransfer   time.Duration // the request was about to be sent
	StartTransfer time.Duration // the first byte of the response arrived
	Total         time.Duration
}

// Fault is the cause of a failure, or of a record without an execution. Package message has a sentence for each. The numbers
// are stored.
type Fault int

// The faults. The comment names the content of Result.Detail.
const (
	FaultNone               Fault = 0  // the URL that a redirect leads to, of StatusHTTPError; else nothing
	FaultInvalidURL         Fault = 1  // nothing
	FaultHostNotFound       Fault = 2  // the host
	FaultResolver           Fault = 3  // the host
	FaultRefused            Fault = 4  // the address
	FaultUnreachable        Fault = 5  // the address
	FaultBlocked            Fault = 6  // the host and port; a blocked address that the account may not learn
	FaultConnect            Fault = 7  // the address
	FaultLookupTimeout      Fault = 8  // the host
	FaultConnectTimeout     Fault = 9  // the address
	FaultTLSTimeout         Fault = 10 // the host
	FaultTimeout            Fault = 11 // the timeout in words, such as "30s"
	FaultCertificateExpired Fault = 12 // the names of the server's certificate
	FaultCertificateHost    Fault = 13 // the names that the certificate has
	FaultCertificateUnknown Fault = 14 // the issuer
	FaultTLS                Fault = 15 // the text of the TLS error
	FaultTooMuchData        Fault = 16 // the limit in bytes
	FaultClosed             Fault = 17 // nothing; the connection ended before a whole response
	FaultMalformed          Fault = 18 // what could not be read
	FaultReset              Fault = 19 // nothing
	FaultInternal           Fault = 20 // nothing
	FaultLost               Fault = 21 // nothing; claimed, with an unknown outcome
	FaultOverlap            Fault = 22 // nothing; skipped, because the previous execution was in flight
	FaultDisabled           Fault = 23 // nothing; skipped, because the job was disabled
	FaultMissed             Fault = 24 // nothing; missed
	FaultPaused             Fault = 25 // nothing; skipped, because the job was paused
	FaultAccountDisabled    Fault = 26 // nothing; skipped, because the account was disabled
	FaultMaintenance        Fault = 27 // nothing; skipped, because a maintenance window paused the job
	FaultStatus             Fault = 30 // the status code, which is not a success by the criteria of the job
	FaultBodyLacks          Fault = 31 // the required text, which the body does not contain
	FaultBodyHolds          Fault = 32 // the forbidden text, which the body contains
	FaultBodyMismatch       Fault = 33 // the pattern, which the body does not match
	FaultMatchTime          Fault = 34 // the pattern, which took too long
	FaultRedirects          Fault = 35 // the number of redirects that were allowed
	FaultRedirectLoop       Fault = 36 // the URL that was requested twice
	FaultRedirectURL        Fault = 37 // the Location, which is not a URL that can be requested
	FaultNotGlobal          Fault = 38 // the host and port; the account may call global addresses only, and the host has none
	FaultMatchBusy          Fault = 39 // the timeout in words; matching the body did not get CPU time before it
	FaultShortage           Fault = 40 // the resource that this machine lacked: one of those below
	FaultMetadata           Fault = 50 // the address, of a metadata service of a cloud provider
	FaultOwnListener        Fault = 51 // the address, on which this service listens
	FaultDenied             Fault = 52 // the address, which the operator denies
	FaultLinkLocal          Fault = 53 // the address, which is link-local
	FaultCertificateNotYet  Fault = 54 // the names of the server's certificate, which is not valid yet
	FaultCertificateChain   Fault = 55 // the names of another certificate of the chain, which has expired or is not valid yet
	FaultUnknownSecret      Fault = 56 // the name; the request refers to a secret that the account does not have
	FaultKeptClosed         Fault = 57 // nothing; a connection that was reused ended before an answer (ConnectionReuse)
)

// Blocks reports whether f is an address that may not be called.
func (f Fault) Blocks() bool {
	switch f {
	case FaultBlocked, FaultNotGlobal, FaultMetadata, FaultOwnListener, FaultDenied, FaultLinkLocal:
		return true
	}
	return false
}

// What FaultShortage names in Result.Detail. The texts are stored.
const (
	ShortOfFiles  = "open files"
	ShortOfMemory = "memory"
	ShortOfPorts  = "local ports"
	ShortOfRoots  = "the certificate authorities of its machine" // they could not be loaded

	ShortOfSource      = "its source address"              // no interface has it
	ShortOfResolver    = "a connection to its name server" // of those that the operator has set
	ShortOfProxy       = "a connection to its proxy"       // or a handshake with it
	ShortOfProxyLogin  = "a login that its proxy accepts"  // HTTP status 407
	ShortOfProxyPermit = "the permission of its proxy"     // to connect to the target
	ShortOfProxyAnswer = "a usable answer of its proxy"    // which is broken, overloaded or no proxy
)

// Lost is the result of a lost execution.
func Lost() Result {
	return Result{Status: StatusInternalError, Fault: FaultLost}
}
