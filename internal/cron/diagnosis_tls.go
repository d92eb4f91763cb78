package cron

import (
	"slices"
	"strings"
)

// judgeCertificate finds the cause of a rejected certificate, and of a handshake that did not end.
func (x *diagnosing) judgeCertificate() {
	r := x.result
	switch r.Fault {
	case FaultTLSTimeout:
		x.set(CauseTLSTimeout, RemedySpeaksTLS)
	case FaultCertificateExpired:
		x.set(CauseCertificateExpired, RemedyRenew)
		if r.CertExpiry.After(r.Started.Add(r.Duration)) { // an old record, of a fault that is now told from others
			x.set(CauseCertificateChain, RemedyChain)
		}
	case FaultCertificateNotYet:
		x.set(CauseCertificateNotYet, RemedyNotYet)
	case FaultCertificateChain:
		x.set(CauseCertificateChain, RemedyChain)
	case FaultCertificateUnknown:
		x.set(CauseCertificateUnknown, RemedyAuthority)
	case FaultCertificateHost:
		x.set(CauseCertificateHost, RemedyCertificateHost)
		other, ok := strings.CutPrefix(x.Name, "www.")
		if !ok {
			other = "www." + x.Name
		}
		if slices.Contains(strings.Split(r.Detail, ", "), other) {
			x.mendHost(RemedyCertificateName, other)
		}
	}
}

// tlsCauses are the causes of TLS failures by the start of their text. The text of an alert has no "remote error: tls: "
// here (RFC 8446, section 6.2, in the words of package crypto/tls).
var tlsCauses = []struct {
	text   string
	cause  Cause
	remedy Remedy
}{
	{"connection closed during the handshake", CauseTLSClosed, RemedySpeaksTLS},
	{"connection reset during the handshake", CauseTLSReset, RemedySpeaksTLS},
	{"first record does not look like a TLS handshake", CauseTLSMissing, RemedySpeaksTLS},
	{"protocol version not supported", CauseTLSVersion, RemedyTLSVersion},
	{"server selected unsupported protocol version", CauseTLSVersion, RemedyTLSVersion},
	{"unrecognized name", CauseTLSName, RemedyTLSName},
	{"no application protocol", CauseTLSProtocol, RemedyTLSProtocol},
	{"server selected unadvertised ALPN protocol", CauseTLSProtocol, RemedyTLSProtocol},
	{"handshake failure", CauseTLSCommon, RemedyTLSCommon},
	{"insufficient security level", CauseTLSCommon, RemedyTLSCommon},
	{"certificate required", CauseClientCertificateWanted, RemedyAddClientCertificate},
	{"bad certificate", CauseClientCertificateRefused, RemedyClientCertificate},
	{"unsupported certificate", CauseClientCertificateRefused, RemedyClientCertificate},
	{"revoked certificate", CauseClientCertificateRefused, RemedyClientCertificate},
	{"expired certificate", CauseClientCertificateRefused, RemedyClientCertificate},
	{"unknown certificate", CauseClientCertificateRefused, RemedyClientCertificate}, // and its authority
	{"access denied", CauseClientCertificateRefused, RemedyClientCertificate},
	{"failed to verify certificate: x509: ", CauseCertificateInvalid, RemedyCertificate},
	{"failed to parse certificate from server: x509: ", CauseCertificateInvalid, RemedyCertificate},
	{"server's certificate ", CauseCertificateInvalid, RemedyCertificate},
	{"server sent certificate ", CauseCertificateInvalid, RemedyCertificate},
	{"received record with version", CauseTLSRecord, RemedyTargetLog},
	{"oversized record", CauseTLSRecord, RemedyTargetLog},
	{"bad record MAC", CauseTLSRecord, RemedyTargetLog},
	{"record overflow", CauseTLSRecord, RemedyTargetLog},
}

// judgeTLS finds the cause of FaultTLS from its text.
func (x *diagnosing) judgeTLS() {
	x.Cause, x.Remedy, x.Text = classifyTLS(x.result.Detail)
	if x.Cause == CauseTLSMissing {
		x.mendScheme(RemedyUseHTTP, "http")
	}
}

// classifyTLS finds the cause of a TLS failure by the Detail of FaultTLS. text is what the cause is about.
func classifyTLS(detail string) (c Cause, r Remedy, text string) {
	text, alert := strings.CutPrefix(detail, "remote error: ")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "local error: "), "tls: ")
	for _, known := range tlsCauses {
		rest, ok := strings.CutPrefix(text, known.text)
		if !ok {
			continue
		}
		if strings.HasSuffix(known.text, "x509: ") {
			text = rest
		}
		return known.cause, known.remedy, text
	}
	if alert {
		return CauseTLSAlert, RemedyTargetLog, text
	}
	return CauseTLS, RemedyTargetLog, text
}
