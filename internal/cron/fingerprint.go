package cron

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Fingerprint identifies why an attempt failed: failures with the same fault, host and status have the same one in every
// job. 0 is none: a success, or nothing that was started. The numbers are stored and published, so the same failure has
// the same number in every version of this program.
type Fingerprint uint64

// String is the fingerprint as 16 hexadecimal digits; "" for none.
func (f Fingerprint) String() string {
	if f == 0 {
		return ""
	}
	return fmt.Sprintf("%016x", uint64(f))
}

// ParseFingerprint reads what String returns, ignoring case.
func ParseFingerprint(text string) (f Fingerprint, ok bool) {
	n, err := strconv.ParseUint(text, 16, 64)
	return Fingerprint(n), err == nil && n != 0 && len(text) == len("0123456789abcdef")
}

// failureKinds tell failures with the same fault apart whose Detail holds more than is to be told apart. The numbers are part of
// fingerprints: never change one.
var failureKinds = map[Cause]int64{
	CauseTLSClosed: 1, CauseTLSReset: 2, CauseTLSMissing: 3, CauseTLSVersion: 4, CauseTLSName: 5, CauseTLSProtocol: 6,
	CauseTLSCommon: 7, CauseClientCertificateWanted: 8, CauseClientCertificateRefused: 9, CauseCertificateInvalid: 10,
	CauseTLSRecord: 11, CauseTLSAlert: 12, CauseTLS: 13,

	CauseTLSExpected: 1, CauseEmptyLine: 2, CauseNotHTTP: 3, CauseHTTPVersion: 4, CauseNoStatusCode: 5, CauseNULByte: 6,
	CauseFoldedFirst: 7, CauseNoColon: 8, CauseTransferCoding: 9, CauseContentLength: 10, CauseChunkOverhead: 11,
	CauseChunkEnd: 12, CauseTrailer: 13, CauseChunkTooLarge: 14, CauseHeadLines: 15, CauseChunkSize: 16, CauseMalformed: 17,
}

// Fingerprint is the fingerprint of a failed or lost attempt.
//
// It is made of the fault, the two statuses, the host that was called last with its port, and what is named below. A fault of this
// service is the same on every host. What differs from one attempt to the next, such as an address, a duration or a text that
// the target sent, is left out.
func (r *Result) Fingerprint() Fingerprint {
	if r.Outcome() == OutcomeSucceeded {
		return 0
	}
	var (
		kind         int64
		host, detail = r.lastHost(), ""
	)
	switch r.Fault {
	case FaultTLS:
		known, _, _ := classifyTLS(r.Detail)
		kind = failureKinds[known]
	case FaultMalformed:
		known, _ := classifyMalformed(r.Detail)
		kind = failureKinds[known]
	case FaultBodyLacks, FaultBodyHolds, FaultBodyMismatch, FaultMatchTime: // the criterion of the job
		detail = r.Detail
	case FaultShortage, FaultUnknownSecret: // the resource, or the name of the secret; nothing was called
		host, detail = "", r.Detail
	case FaultLost, FaultInternal, FaultMatchBusy:
		host = ""
	}
	text := make([]byte, 0, 128)
	for _, n := range [...]int64{1, int64(r.Fault), int64(r.Status), int64(r.HTTPStatus), kind} { // the first is the version
		text = append(strconv.AppendInt(text, n, 10), ' ')
	}
	text = append(append(append(text, host...), '\n'), detail...)
	sum := sha256.Sum256(text)
	return Fingerprint(max(1, binary.BigEndian.Uint64(sum[:])))
}

// lastHost is the host that was called last, in lower case, with the port unless it is that of the scheme. It takes the text of
// the URL, which may be one that cannot be requested.
func (r *Result) lastHost() string {
	last := r.URL
	if n := len(r.Redirects); n > 0 {
		last = r.Redirects[n-1].URL
	}
	host := TargetHost(last)
	if scheme, _, _ := strings.Cut(last, "://"); strings.EqualFold(scheme, "https") {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
