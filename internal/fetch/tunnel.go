package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"punctual/internal/cron"
)

// open connects to an address, directly or through the proxy.
func (x *exchange) open(ctx context.Context, d *tcpDialer, addr netip.AddrPort) (net.Conn, error) {
	p := x.client.proxy
	if p == nil {
		return d.dial(ctx, addr)
	}
	if p.isDirect(&x.target, addr.Addr()) {
		if addr.Port() == p.config.Port {
			_, _ = p.Find(ctx) // so that the guard knows the addresses of the proxy
		}
		return d.dial(ctx, addr)
	}
	at, err := x.findProxy(ctx, addr) // before the guard, for the same reason
	if err != nil {
		return nil, err
	}
	if err := x.client.guard.Check(addr, x.call.Access); err != nil {
		return nil, err
	}
	return x.tunnel(ctx, d, at, addr)
}

// dialName connects to the host of the target by its name, which the proxy resolves.
func (x *exchange) dialName(ctx context.Context) (net.Conn, error) {
	if err := x.client.proxy.checkName(&x.target); err != nil {
		return nil, err
	}
	at, err := x.findProxy(ctx, netip.AddrPort{})
	if err != nil {
		return nil, err
	}
	d := x.dialer()
	return x.tunnel(ctx, &d, at, netip.AddrPort{})
}

// findProxy finds the proxy for a tunnel to an address or, with the zero value, to the name of the target. Its errors are *fault.
func (x *exchange) findProxy(ctx context.Context, addr netip.AddrPort) (proxyAddrs, error) {
	at, err := x.client.proxy.find(ctx)
	if err == os.ErrDeadlineExceeded {
		err = x.lateFault(err, addr)
	}
	return at, err
}

// tunnel opens a tunnel through the proxy, to an address or, with the zero value, to the name of the target. Its errors are *fault.
func (x *exchange) tunnel(ctx context.Context, d *tcpDialer, at proxyAddrs, addr netip.AddrPort) (net.Conn, error) {
	p := x.client.proxy
	toProxy := *d
	toProxy.toProxy, toProxy.noDelay = true, true
	raw, err := p.connect(ctx, &toProxy, at)
	if err == os.ErrDeadlineExceeded {
		return nil, x.lateFault(err, addr)
	}
	if err != nil {
		return nil, err
	}
	t := &tunnel{Conn: raw, target: addr}
	asked := false
	err = during(ctx, raw, func() (err error) {
		if p.isSecure() {
			if t.Conn, err = x.secureProxy(raw); err != nil {
				return err
			}
		}
		if p.config.Scheme == ProxySOCKS5 {
			return x.askSOCKS(t, &asked)
		}
		return x.askHTTP(t, &asked)
	})
	if err == nil {
		return t, nil
	}
	raw.Close()
	return nil, x.tunnelFault(ctx, err, addr, asked)
}

// during calls f, which uses conn, and interrupts it when ctx ends.
func during(ctx context.Context, conn net.Conn, f func() error) error {
	if l, ok := ctx.(*limit); ok {
		if err := l.bind(conn); err != nil {
			return err
		}
		return f()
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(longAgo) })
	err := f()
	if !stop() { // and so the connection is of no use, even if there is a tunnel
		return errors.Join(os.ErrDeadlineExceeded, err)
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	return err
}

// tunnelFault is the fault of a tunnel that was not opened. asked says whether the proxy had been asked for it.
//
//	the proxy …                                                     is
//	cannot be reached, closes, does not answer in HTTP or SOCKS     a shortage
//	answers 407, 403, or anything else that says what it wants      a shortage that lasts
//	says that it could not reach the target (502, 504, …)           a failure of the target
//	is silent once it was asked                                     a timeout of the target, unless it is silent to others too
func (x *exchange) tunnelFault(ctx context.Context, err error, addr netip.AddrPort, asked bool) error {
	p := x.client.proxy
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if refused, ok := errors.AsType[*tunnelRefused](err); ok {
		p.silences.end()
		return x.refusalFault(refused, addr)
	}
	deadline, limited := ctx.Deadline()
	switch {
	case !isTimeout(err):
	case limited && time.Now().Before(deadline): // another attempt was faster, or the exchange was interrupted
		return x.lateFault(err, addr)
	case asked && !p.silences.add(x.call.AccountID, x.target.host):
		return x.lateFault(err, addr)
	}
	if _, ok := errors.AsType[malformed](err); ok {
		return p.refuses(cron.ShortOfProxyAnswer, fmt.Errorf("the answer is not valid: %w", err))
	}
	if asked {
		return p.lacks(cron.ShortOfProxyAnswer, fmt.Errorf("there was no whole answer: %w", err))
	}
	return p.lacks(cron.ShortOfProxy, err)
}

// lateFault is the fault of a target whose tunnel was not open in time.
func (x *exchange) lateFault(err error, addr netip.AddrPort) error {
	f := &fault{status: cron.StatusTimeout, fault: cron.FaultConnectTimeout, detail: addr.String(), err: err}
	if !addr.IsValid() {
		f.detail = x.target.authority()
	}
	return f
}

// tunnelRefused is the error for an answer by which the proxy refuses a tunnel.
type tunnelRefused struct {
	why  refusal
	says string // for the log
}

// Error is the text for logs.
func (r *tunnelRefused) Error() string { return "the proxy answered " + r.says }

// refusal is why a proxy refuses a tunnel.
type refusal int

const (
	refusalBroken      refusal = iota // the proxy does not work, or answers what makes no sense
	refusalBusy                       // it does not work at present
	refusalLogin                      // it does not accept user and password, or wants some
	refusalForbidden                  // it does not allow this target
	refusalName                       // it cannot resolve the name of the target
	refusalGeneral                    // it says no more than that it failed; for a name, mostly since that does not resolve
	refusalRefused                    // the target refused the connection
	refusalUnreachable                // the target cannot be reached in another way
)

// refusalFault is the fault of a refusal.
func (x *exchange) refusalFault(r *tunnelRefused, addr netip.AddrPort) error {
	p := x.client.proxy
	f := &fault{status: cron.StatusConnectFailed, fault: cron.FaultUnreachable, detail: addr.String(), err: r}
	if !addr.IsValid() {
		f.detail = x.target.authority()
	}
	why := r.why
	switch {
	case why == refusalGeneral && addr.IsValid():
		why = refusalBroken
	case why == refusalGeneral:
		why = refusalName
	}
	switch why {
	case refusalBusy:
		return p.lacks(cron.ShortOfProxyAnswer, r)
	case refusalLogin:
		return p.refuses(cron.ShortOfProxyLogin, r)
	case refusalForbidden:
		return p.refuses(cron.ShortOfProxyPermit, r)
	case refusalBroken:
		return p.refuses(cron.ShortOfProxyAnswer, r)
	case refusalName:
		if !addr.IsValid() {
			x.tracer.reach(cron.PhaseResolving)
			f.status, f.fault, f.detail = cron.StatusDNSError, cron.FaultResolver, x.target.name
		}
	case refusalRefused:
		f.fault = cron.FaultRefused
	}
	return f
}

// secureProxy makes the TLS connection to the proxy. The proxy's certificate is always verified.
func (x *exchange) secureProxy(conn net.Conn) (net.Conn, error) {
	roots, err := x.client.roots.get()
	if err != nil {
		return conn, shortageFault(err)
	}
	secure := tls.Client(deadlineKeeper{conn}, &tls.Config{
		ServerName: strings.TrimSuffix(x.client.proxy.config.Host, "."), RootCAs: roots, NextProtos: []string{"http/1.1"},
	})
	if err := secure.Handshake(); err != nil {
		return conn, fmt.Errorf("TLS handshake: %w", err)
	}
	return secure, nil
}

// authority is what the proxy is asked for: an address, or else a name.
func (t *tunnel) authority(x *exchange) string {
	if t.target.IsValid() {
		return t.target.String()
	}
	return x.target.authority()
}

// askHTTP asks for a tunnel by CONNECT. asked is set once the request was sent.
func (x *exchange) askHTTP(t *tunnel, asked *bool) error {
	authority := t.authority(x)
	b := make([]byte, 0, 256)
	b = append(append(append(b, "CONNECT "...), authority...), " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", authority)
	b = appendField(b, "User-Agent", x.client.userAgent)
	if login := x.client.proxy.login; login != "" {
		b = appendField(b, "Proxy-Authorization", login)
	}
	if _, err := t.Conn.Write(append(b, "\r\n"...)); err != nil {
		return err
	}
	*asked = true
	answer, early, err := readAnswer(t.Conn)
	if err != nil {
		return err
	}
	if answer.code/100 != 2 {
		return &tunnelRefused{answer.refusal(), strconv.Itoa(answer.code) + " " + answer.reason}
	}
	x.client.proxy.silences.end()
	t.early = early
	return nil
}

// maxAnswer limits the heads of an answer to CONNECT, in bytes.
const maxAnswer = 16 << 10

// proxyAnswer is an answer to CONNECT.
type proxyAnswer struct {
	code   int
	reason string
	status string // the error of Proxy-Status (RFC 9209); "" without one
	squid  string // the first word of X-Squid-Error; "" without one
}

// readAnswer reads the head of an answer to CONNECT, after those of interim answers. early is what was read behind it: bytes of the
// target. The error is a malformed or that of conn.
func readAnswer(conn io.Reader) (a proxyAnswer, early []byte, err error) {
	buf, left := make([]byte, 0, 1<<10), maxAnswer
	for {
		head, rest, whole := cutAnswer(buf)
		if whole {
			if a, err = parseAnswer(head); err != nil {
				return a, nil, err
			}
			if a.code/100 != 1 {
				return a, bytes.Clone(rest), nil
			}
			buf = rest
			continue
		}
		switch {
		case !isHTTP(buf):
			return a, nil, malformed("it begins with " + quote(buf))
		case left == 0:
			return a, nil, malformed("its head has more than " + strconv.Itoa(maxAnswer) + " bytes")
		}
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, max(1<<10, 2*len(buf))), buf...) // what is left behind an interim answer may be nothing
		}
		n, err := conn.Read(buf[len(buf):min(cap(buf), len(buf)+left)])
		buf, left = buf[:len(buf)+n], left-n
		if n == 0 && err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return a, nil, err
		}
	}
}

// cutAnswer splits b after its first empty line.
func cutAnswer(b []byte) (head, rest []byte, whole bool) {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return nil, nil, false
		}
		line := trimReturns(b[from : from+i])
		if from += i + 1; len(line) == 0 {
			return b[:from], b[from:], true
		}
	}
}

// parseAnswer parses a whole head.
func parseAnswer(b []byte) (a proxyAnswer, err error) {
	line, rest := cutLine(b)
	var h head
	if err := h.parseStatusLine(line); err != nil {
		return a, err
	}
	a.code, a.reason = h.code, h.reason
	for len(rest) > 0 {
		line, rest = cutLine(rest)
		name, value, _ := bytes.Cut(line, colon)
		switch name = trim(name); {
		case a.status == "" && bytes.EqualFold(name, []byte("Proxy-Status")):
			a.status = statusError(string(value))
		case a.squid == "" && bytes.EqualFold(name, []byte("X-Squid-Error")):
			word, _ := cutWord(trim(value))
			a.squid = string(word)
		}
	}
	return a, nil
}

// statusError is the first error of a Proxy-Status.
func statusError(value string) string {
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ';' || r == ',' }) {
		if token, ok := strings.CutPrefix(strings.TrimSpace(part), "error="); ok {
			return token
		}
	}
	return ""
}

// refusal is what an answer that is not 2xx means. What a proxy says in detail counts more than its status code, since many proxies use
// one code for several reasons: Squid answers 503 if a target refuses the connection.
func (a *proxyAnswer) refusal() refusal {
	if why, ok := statusErrors[a.status]; ok {
		return why
	}
	switch a.squid {
	case "ERR_CONNECT_FAIL", "ERR_READ_TIMEOUT", "ERR_READ_ERROR", "ERR_WRITE_ERROR", "ERR_ZERO_SIZE_OBJECT":
		return refusalUnreachable
	case "ERR_DNS_FAIL":
		return refusalName
	case "ERR_CANNOT_FORWARD":
		return refusalGeneral
	}
	switch a.code {
	case http.StatusProxyAuthRequired, http.StatusUnauthorized: // the latter by Tinyproxy
		return refusalLogin
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return refusalForbidden
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return refusalUnreachable
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return refusalBusy
	case http.StatusInternalServerError:
		if a.reason == "Unable to connect" { // by Tinyproxy
			return refusalUnreachable
		}
	}
	return refusalBroken
}

// statusErrors are the errors of Proxy-Status that say whose failure it is (RFC 9209, section 2.3).
var statusErrors = map[string]refusal{
	"dns_timeout": refusalName, "dns_error": refusalName, "destination_not_found": refusalUnreachable,
	"destination_unavailable": refusalUnreachable, "destination_ip_unroutable": refusalUnreachable,
	"connection_refused": refusalRefused, "connection_terminated": refusalUnreachable, "connection_timeout": refusalUnreachable,
	"destination_ip_prohibited": refusalForbidden, "http_request_denied": refusalForbidden,
	"connection_limit_reached": refusalBusy, "proxy_internal_response": refusalBroken, "proxy_internal_error": refusalBroken,
	"proxy_configuration_error": refusalBroken, "proxy_loop_detected": refusalBroken,
}

// tunnel is a connection to a target through the proxy.
type tunnel struct {
	net.Conn                // to the proxy
	target   netip.AddrPort // invalid if the proxy resolved the name
	early    []byte         // of the target, not read yet
}

var (
	_ io.StringWriter = (*tunnel)(nil)
	_ syscall.Conn    = (*tunnel)(nil)
)

func (t *tunnel) peer() netip.AddrPort { return t.target }

func (t *tunnel) Read(p []byte) (int, error) {
	if len(t.early) > 0 && len(p) > 0 {
		n := copy(p, t.early)
		t.early = t.early[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}

// WriteString is Write, without a copy of text where the connection needs none.
func (t *tunnel) WriteString(text string) (int, error) { return io.WriteString(t.Conn, text) }

// SyscallConn tells readNow what has arrived. It is not there for bytes that came early, and inside of TLS.
func (t *tunnel) SyscallConn() (syscall.RawConn, error) {
	conn, ok := t.Conn.(syscall.Conn)
	if !ok || len(t.early) > 0 {
		return nil, errors.ErrUnsupported
	}
	return conn.SyscallConn()
}
