package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"punctual/internal/cron"
)

// fault is the error of an exchange: the fields of its result, and the cause.
type fault struct {
	status cron.Status
	fault  cron.Fault
	detail string
	err    error
}

func (f *fault) Error() string {
	return fmt.Sprintf("status %d, fault %d (%s): %v", f.status, f.fault, f.detail, f.err)
}

func (f *fault) Unwrap() error { return f.err }

// errPanic is the error of an exchange that panicked. The panic itself has been logged.
var errPanic = errors.New("fetch: panic")

// lookupFault converts the error of a lookup of name.
func lookupFault(err error, name string) error {
	f := &fault{status: cron.StatusDNSError, fault: cron.FaultResolver, detail: name, err: err}
	if short := shortageFault(err); short != nil {
		return short
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		f.fault = cron.FaultHostNotFound
	} else if isTimeout(err) {
		f.status, f.fault = cron.StatusTimeout, cron.FaultLookupTimeout
	}
	return f
}

// dialFault converts the error of a connection to address. Those of tunnels are faults already.
func dialFault(err error, address netip.AddrPort) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	f := &fault{status: cron.StatusConnectFailed, fault: cron.FaultConnect, detail: address.String(), err: err}
	blocked, isBlocked := errors.AsType[*BlockedError](err)
	short := shortageFault(err)
	switch {
	case isBlocked:
		f.fault = blocked.Fault
	case isAny(err, syscall.ECONNREFUSED):
		f.fault = cron.FaultRefused
	case isAny(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.EAFNOSUPPORT):
		f.fault = cron.FaultUnreachable
	case lacksRoute(short, address.Addr()):
		f.fault = cron.FaultUnreachable
	case short != nil:
		return short
	case isTimeout(err):
		f.status, f.fault = cron.StatusTimeout, cron.FaultConnectTimeout
	}
	return f
}

// handshakeFault converts the error of a TLS handshake. It also records the expiry of a certificate that was rejected.
func (x *exchange) handshakeFault(err error) error {
	if short := shortageFault(err); short != nil {
		return short
	}
	// If the server rejected its own session ticket, the next exchange must start without it.
	x.client.sessions.forget(x.call.AccountID, x.sessionName())
	x.client.exchanged.failed(sessionKey(x.call.AccountID, x.sessionName()))

	f := &fault{status: cron.StatusOther, fault: cron.FaultTLS, detail: err.Error(), err: err}
	var own *x509.Certificate // of the server, as opposed to those that signed it
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		own = refused.UnverifiedCertificates[0]
		x.noteExpiry(own.NotAfter)
	}
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	host, isHost := errors.AsType[x509.HostnameError](err)
	unknown, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case isInvalid && invalid.Reason == x509.Expired:
		f.fault, f.detail = validityFault(invalid.Cert, own, time.Now()), validFor(invalid.Cert)
	case isHost:
		f.fault, f.detail = cron.FaultCertificateHost, validFor(host.Certificate)
	case isUnknown:
		f.fault, f.detail = cron.FaultCertificateUnknown, unknown.Cert.Issuer.String()
	case isTimeout(err):
		f.status, f.fault, f.detail = cron.StatusTimeout, cron.FaultTLSTimeout, x.target.name
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.detail = "connection closed during the handshake"
	case isAny(err, syscall.ECONNRESET, syscall.EPIPE):
		f.detail = "connection reset during the handshake"
	}
	return f
}

// validityFault is the fault of a certificate that is not valid at the given time. own is that of the server.
func validityFault(c, own *x509.Certificate, now time.Time) cron.Fault {
	switch {
	case !c.Equal(own):
		return cron.FaultCertificateChain
	case now.Before(c.NotBefore):
		return cron.FaultCertificateNotYet
	}
	return cron.FaultCertificateExpired
}

// certificateNames lists the names and addresses that a certificate is valid for.
func certificateNames(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// validFor is the detail of a fault: the names of a certificate, or its subject if it has none.
func validFor(c *x509.Certificate) string {
	names := certificateNames(c)
	if len(names) == 0 {
		return c.Subject.String()
	}
	return strings.Join(names, ", ")
}

// transferFault converts an error of the connection that occurs after the handshake.
func (x *exchange) transferFault(err error) error {
	if short := shortageFault(err); short != nil {
		return short
	}
	f := &fault{status: cron.StatusOther, fault: cron.FaultReset, err: err}
	alert, isOp := errors.AsType[*net.OpError](err)
	record, isRecord := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case isTimeout(err):
		f.status, f.fault, f.detail = cron.StatusTimeout, cron.FaultTimeout, seconds(x.call.Timeout)
	case isAny(err, syscall.ECONNRESET, syscall.EPIPE):
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.fault = cron.FaultClosed
	case isOp && (alert.Op == "remote error" || alert.Op == "local error"): // a TLS alert, such as for a missing client certificate
		f.fault, f.detail = cron.FaultTLS, alert.Err.Error()
	case isRecord:
		f.fault, f.detail = cron.FaultTLS, record.Msg
	case x.target.tls:
		f.fault, f.detail = cron.FaultTLS, err.Error()
	}
	return f
}

// isTimeout reports whether err comes from a deadline or from a cancelled context.
func isTimeout(err error) bool {
	for _, deadline := range []error{os.ErrDeadlineExceeded, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, deadline) {
			return true
		}
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func isAny(err error, numbers ...syscall.Errno) bool {
	got, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	for _, n := range numbers {
		if got == n {
			return true
		}
	}
	return false
}

// seconds formats d as whole seconds if possible.
func seconds(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return d.String()
}

// maxText is the maximum length of a Reason or Detail in bytes.
const maxText = 255

// clean returns s as valid UTF-8 without control characters, in at most limit bytes.
func clean(s string, limit int) string {
	proper := func(r rune) bool { return r != utf8.RuneError && !unicode.IsControl(r) }
	if len(s) > limit || strings.IndexFunc(s, func(r rune) bool { return !proper(r) }) >= 0 {
		var b strings.Builder
		for _, r := range s {
			if unicode.IsControl(r) {
				continue
			}
			if b.Len()+utf8.RuneLen(r) > limit {
				break
			}
			b.WriteRune(r)
		}
		return b.String()
	}
	return s
}
