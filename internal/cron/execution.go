package cron

import "time"

// Kind is why an execution takes place.
type Kind int

// The kinds of executions. The numbers are stored.
const (
	KindScheduled Kind = 0
	KindManual    Kind = 1 // somebody asked for it
)

// Outcome is what became of an execution. The numbers are stored.
type Outcome int

// The outcomes. All but OutcomeRunning are terminal; OutcomeLost is replaced when the result comes after all.
const (
	OutcomeRunning   Outcome = 0 // claimed, and not settled yet
	OutcomeSucceeded Outcome = 1
	OutcomeFailed    Outcome = 2
	OutcomeSkipped   Outcome = 3 // not started, and Result.Fault says why
	OutcomeLost      Outcome = 4 // claimed, and nobody knows what became of it
	OutcomeMissed    Outcome = 5 // found too late
)

// String is the kind in a word, for metrics and logs.
func (k Kind) String() string { return [...]string{"scheduled", "manual"}[k] }

var outcomeNames = [...]string{"running", "succeeded", "failed", "skipped", "lost", "missed"}

// String is the outcome in a word.
func (o Outcome) String() string { return outcomeNames[o] }

// Execution is one record of the ledger: an attempt at an occurrence.
type Execution struct {
	ID        int64 // grows with time, below 2^53
	JobID     int64
	AccountID int64
	Planned   time.Time
	Kind      Kind
	Attempt   int // 1 is the first
	Outcome   Outcome
	Lateness  time.Duration // how long after its instant it started
	Last      time.Time     // of a missed or skipped record: the last occurrence that it covers; Planned is the first
	Count     int64         // of a missed or skipped record: how many occurrences it covers
	AtLeast   bool          // Count was not counted to its end
	Result    Result        // meaningful when the execution was started and has ended
}

// MaxStoredBody is how many bytes of a response body are kept.
const MaxStoredBody = 64 << 10

// Result is what came of a Call.
type Result struct {
	Status     Status
	HTTPStatus int    // 0 when there was no response
	Reason     string // the reason phrase of the response, valid UTF-8 without control characters, at most 255 bytes
	Fault      Fault  // what went wrong; none when Status is OK, or HTTPError by the rule of the cron-job.org API
	Detail     string // what the sentence for Fault names: a host, an address, the text of a TLS error; same form as Reason
	URL        string // as requested
	Started    time.Time
	Duration   time.Duration
	Stats      Stats
	CertExpiry time.Time     // of the leaf certificate; zero when there was none
	RetryAfter time.Duration // what the Retry-After of a 429 or 503 response asks for; 0 when it asks for nothing
	Headers    []byte        // raw lines with their CRLF, ending with an empty line; nil when not saved
	Body       []byte        // nil when not saved
	Redirects  []Redirect    // that were followed, in order; the response is the one after them
	Truncated  bool          // the response was larger than Call.MaxResponse, and its body was cut
}

// Redirect is a response that another request followed.
type Redirect struct {
	Status int    // the status code of the response
	URL    string // that it led to, in the form of Result.URL
}

// Outcome is the outcome of an attempt that ended with the result.
func (r *Result) Outcome() Outcome {
	switch {
	case r.Fault == FaultLost:
		return OutcomeLost
	case r.Status == StatusOK:
		return OutcomeSucceeded
	}
	return OutcomeFailed
}

// Stats are the timings of an exchange, each from its start, as curl defines them. A phase that was not reached is 0;
// those that were never decrease.
type Stats struct {
	NameLookup    time.Duration // the name was resolved
	Connect       time.Duration // the TCP connection stood
	AppConnect    time.Duration // the TLS handshake was done; 0 without TLS
	PreTransfer   time.Duration // the request was about to be sent
	StartTransfer time.Duration // the first byte of the response came
	Total         time.Duration
}

// Fault says why there was no proper response. Package message has a sentence for each. The numbers are stored.
type Fault int

// The faults. The comment says what Result.Detail holds.
const (
	FaultNone               Fault = 0
	FaultInvalidURL         Fault = 1  // nothing
	FaultHostNotFound       Fault = 2  // the host
	FaultResolver           Fault = 3  // the host
	FaultRefused            Fault = 4  // the address
	FaultUnreachable        Fault = 5  // the address
	FaultBlocked            Fault = 6  // the address
	FaultConnect            Fault = 7  // the address
	FaultLookupTimeout      Fault = 8  // the host
	FaultConnectTimeout     Fault = 9  // the address
	FaultTLSTimeout         Fault = 10 // the host
	FaultTimeout            Fault = 11 // the timeout in words, such as "30s"
	FaultCertificateExpired Fault = 12 // the certificate's names
	FaultCertificateHost    Fault = 13 // the names that the certificate has
	FaultCertificateUnknown Fault = 14 // the issuer
	FaultTLS                Fault = 15 // the text of the TLS error
	FaultTooMuchData        Fault = 16 // the limit in bytes
	FaultClosed             Fault = 17 // nothing; the connection ended before a whole response
	FaultMalformed          Fault = 18 // what could not be read
	FaultReset              Fault = 19 // nothing
	FaultInternal           Fault = 20 // nothing
	FaultLost               Fault = 21 // nothing; claimed, outcome unknown
	FaultOverlap            Fault = 22 // nothing; skipped, since the former execution still ran
	FaultDisabled           Fault = 23 // nothing; skipped, since the job was disabled before it could start
	FaultMissed             Fault = 24 // nothing; found too late
	FaultPaused             Fault = 25 // nothing; skipped, since the job was paused before it could start
	FaultAccountDisabled    Fault = 26 // nothing; skipped, since the account was disabled
	FaultStatus             Fault = 30 // the status code; it is none of those that the job takes for a success
	FaultBodyLacks          Fault = 31 // the text that the body was to hold
	FaultBodyHolds          Fault = 32 // the text that the body was not to hold
	FaultBodyMismatch       Fault = 33 // the pattern that the body was to match
	FaultMatchTime          Fault = 34 // the pattern, which took too long
	FaultRedirects          Fault = 35 // how many redirects were followed before one too many
	FaultRedirectLoop       Fault = 36 // the URL that was requested before
	FaultRedirectURL        Fault = 37 // the Location that is no URL to be requested
	FaultNotGlobal          Fault = 38 // the host and port; its addresses are not global, and the account reaches no others
	FaultMatchBusy          Fault = 39 // the timeout in words; the service had no time to match the body
	FaultShortage           Fault = 40 // what this machine was short of: one of those below
)

// What FaultShortage names in Result.Detail. The texts are stored.
const (
	ShortOfFiles  = "open files"
	ShortOfMemory = "memory"
	ShortOfPorts  = "local ports"
	ShortOfRoots  = "the certificate authorities of its machine" // they could not be read
)

// Lost is the result of an execution of which nobody knows what became.
func Lost() Result {
	return Result{Status: StatusInternalError, Fault: FaultLost}
}
