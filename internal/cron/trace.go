package cron

import "time"

// MaxTraceBytes is the number of bytes that a Hop keeps of a request, and of a response.
const MaxTraceBytes = 64 << 10

// Trace is what was seen of an exchange, whether it succeeded or not. Texts and bytes in it are masked.
type Trace struct {
	Phase  Phase   // the current one, and in the end the last one that was reached
	Hops   []Hop   // the requests in their order: the first one and those of redirects
	Checks []Check // the success criteria of the job; empty when there was no response
}

// Hop is one request of an exchange, from the look-up of the host to the end of the response. Times are measured from
// the start of the exchange.
type Hop struct {
	URL       string
	Began     time.Duration
	Addresses []string // what the host name resolved to; empty for an address
	Dials     []Dial   // in the order of their start
	Peer      string   // the address and port that answered; empty when none did
	TLS       *Handshake
	Stats     Stats

	Request       []byte // as sent: head and body; a hop that a redirect leads away from keeps less, as with Response
	RequestBytes  int64  // that were sent; a masked Request may have more or fewer of them
	RequestCut    bool   // Request is only the start of what was sent
	Response      []byte // as received, before any decoding
	ResponseBytes int64
	ResponseCut   bool
}

// Dial is an attempt to open a TCP connection.
type Dial struct {
	Address string // address and port; empty when the account may not learn it
	Began   time.Duration
	Took    time.Duration
	Fault   Fault // FaultNone when it connected, or when another address was faster; FaultLost when it was interrupted
	Chosen  bool  // this connection was used
}

// Why is the diagnosis of a dial of a request to this URL; of no cause when it did not fail, or was interrupted.
func (d *Dial) Why(url string) Diagnosis {
	if d.Fault == FaultNone || d.Fault == FaultLost {
		return Diagnosis{}
	}
	r := Result{Status: StatusConnectFailed, Fault: d.Fault, Detail: d.Address, URL: url, Duration: d.Took}
	return Diagnose(&r, &Job{}, &Plan{})
}

// Handshake is what a TLS handshake agreed on. A failed one has what was seen until then.
type Handshake struct {
	Version string // such as "TLS 1.3"; empty when none was agreed on
	Cipher  string // its IANA name; likewise
	Resumed bool   // the session of an earlier exchange; the chain is that of the earlier one
	Chain   []Certificate
	Omitted int // certificates of the chain that Chain leaves out, as there are too many
}

// Certificate describes an X.509 certificate.
type Certificate struct {
	Subject     string   // distinguished name, in the form of RFC 4514
	Names       []string // domain names and IP addresses that it is for
	Omitted     int      // names that Names leaves out, as there are too many
	Issuer      string   // in the form of Subject
	NotBefore   time.Time
	NotAfter    time.Time
	Fingerprint [32]byte // SHA-256
}

// CheckKind is what a success criterion looks at.
type CheckKind int

// The kinds of checks.
const (
	CheckStatus CheckKind = iota
	CheckContains
	CheckNotContains
	CheckMatches
)

// Verdict is what came of a check.
type Verdict int

// The verdicts.
const (
	VerdictNotChecked Verdict = iota // an earlier failure made it pointless, or it could not be completed
	VerdictPassed
	VerdictFailed
)

// Check is a success criterion with its verdict.
type Check struct {
	Kind    CheckKind
	Want    string // status codes and ranges, separated by ", "; or the text or pattern
	Got     string // the status code; empty for the others
	Verdict Verdict
}
