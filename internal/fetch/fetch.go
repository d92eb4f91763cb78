// Package fetch makes one HTTP exchange and reports its result in detail.
//
// An exchange is HTTP/1.1 over a connection of its own:
//
//	look up → connect → TLS handshake → send → receive → check success → close
//
// It follows redirects only if the call says so, each over a connection of its own. It uses no proxy and reuses only TLS
// sessions, so that each exchange tests the whole path. The Guard checks every address when it is dialled. An exchange
// reports everything as a cron.Result: it never returns an error or panics, and always ends within its timeout. Client.Trace
// also records what it sees on the way.
package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"punctual/internal/cron"
)

// Config configures a Client. The zero value works: it uses the resolver and the root certificates of the host.
type Config struct {
	Guard     *Guard         // nil for the zero Guard
	Resolver  Resolver       // nil for Go's resolver with the configuration of the host
	RootCAs   *x509.CertPool // nil for the root certificates of the host
	UserAgent string         // for jobs that do not set a User-Agent; "" is "Punctual"
	Logger    *slog.Logger   // for internal errors of the service; nil for none
}

// Resolver resolves names, like *net.Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var _ Resolver = (*net.Resolver)(nil)

// Client makes exchanges. It is safe for concurrent use. It does not have to be closed.
type Client struct {
	guard     *Guard
	lookups   *lookups
	sessions  *sessions
	exchanged keyExchanges
	roots     *roots
	userAgent string
	logger    *slog.Logger

	identities cache[[sha256.Size]byte, *identity] // by the digest of the TLS material
	patterns   cache[string, *regexp.Regexp]
	turns      *turns // of exchanges that match patterns

	readers  sync.Pool // of *reader
	requests sync.Pool // of *[]byte, the buffers that requests are built in
	scratch  sync.Pool // of *[]byte, the buffers that response bodies are read into
}

// Sizes of pooled buffers in bytes. While an exchange waits for the response, it holds only a reader.
const (
	readerSize  = 4 << 10
	requestSize = 16 << 10
	scratchSize = 8 << 10
)

// New returns a client.
func New(config Config) *Client {
	if config.Guard == nil {
		config.Guard = new(Guard)
	}
	if config.Resolver == nil {
		config.Resolver = newHostResolver()
	}
	if config.UserAgent == "" {
		config.UserAgent = "Punctual"
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{
		guard:     config.Guard,
		lookups:   newLookups(config.Resolver),
		sessions:  newSessions(),
		roots:     newRoots(config.RootCAs),
		userAgent: config.UserAgent,
		logger:    config.Logger,

		identities: cache[[sha256.Size]byte, *identity]{capacity: maxIdentityBytes},
		patterns:   cache[string, *regexp.Regexp]{capacity: maxPatternBytes},
		turns:      newTurns(),

		readers:  sync.Pool{New: func() any { return newReader() }},
		requests: sync.Pool{New: func() any { return new(make([]byte, 0, requestSize)) }},
		scratch:  sync.Pool{New: func() any { return new(make([]byte, scratchSize)) }},
	}
}

// Do makes the exchange of a call. It ends within call.Timeout, which must be positive, or soon after ctx ends. The result
// of an exchange that ctx interrupts is cron.Lost with URL and start, since its effect is unknown.
func (c *Client) Do(ctx context.Context, call cron.Call) cron.Result {
	x := &exchange{client: c, call: &call, started: time.Now()}
	err := x.attempt(ctx)
	x.finish(ctx, err)
	x.maskResult()
	return x.result
}

// exchange is the state of one Do.
type exchange struct {
	client  *Client
	call    *cron.Call
	target  target
	started time.Time
	result  cron.Result
	body    []byte         // for the success criteria of the call
	chain   *redirectChain // nil before the first redirect
	tracer  *tracer        // nil when nobody wants a trace
	masker  *cron.Masker   // of the account's secrets; nil when there are none
	short   error          // the latest shortage, a *fault; nil when there was none

	secretFields []string // names of headers whose values have secrets of the account

	peerBytes int           // size of the certificates of the current server
	curves    []tls.CurveID // that it was offered; nil for all
}

// attempt runs the exchange and converts a panic into an error.
func (x *exchange) attempt(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			x.client.logger.Error("panic in an exchange", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	return x.run(ctx)
}

// run makes the request and those of redirects. Its errors are *fault.
func (x *exchange) run(ctx context.Context) error {
	var err error
	err = x.prepare()
	x.tracer.beginHop(x)
	if err != nil {
		return err
	}
	if x.target, err = parseTarget(&x.call.Request); err != nil {
		return err
	}
	x.maskCredentials()
	ctx, cancel := context.WithDeadline(ctx, x.started.Add(x.call.Timeout))
	defer cancel()
	for {
		err := blame(ctx, x.short, x.request(ctx))
		switch {
		case x.chain != nil && x.chain.refused != nil:
			err = x.chain.refused // even if the body could not be read
			x.tracer.reach(cron.PhaseDone)
		case err != nil:
		case x.chain != nil && x.chain.next != nil:
			x.follow()
			continue
		default:
			x.tracer.reach(cron.PhaseDone)
			err = x.checkSuccess(ctx)
		}
		x.traceChecks(ctx, err)
		return err
	}
}

// request makes one request over a connection of its own.
func (x *exchange) request(ctx context.Context) error {
	var (
		tcp, conn net.Conn
		short     cron.Stats // of the latest try for which this host lacked something
		phase     cron.Phase
	)
	err := retryShortage(ctx, func() (err error) {
		x.result.Stats.Connect = 0 // of a try before
		tcp, conn, err = x.connect(ctx)
		if isShortage(err) {
			x.short, short, phase = err, x.result.Stats, x.tracer.reached()
		}
		return err
	})
	if isShortage(err) { // a try that the timeout cut off afterwards says less
		if x.result.Stats = short; x.tracer.reached() != phase {
			x.tracer.reach(phase)
		}
	}
	if err != nil {
		return err
	}
	defer tcp.Close()
	// The one deadline: it holds for every read and write from here on.
	defer context.AfterFunc(ctx, func() { tcp.SetDeadline(time.Unix(1, 0)) })()
	x.mark(&x.result.Stats.PreTransfer)
	return x.roundTrip(tcp, conn)
}

// connect goes through the phases before a request is sent and returns the connection, which runs over tcp.
func (x *exchange) connect(ctx context.Context) (tcp, conn net.Conn, err error) {
	addrs := []netip.Addr{x.target.addr}
	if !x.target.addr.IsValid() {
		x.tracer.reach(cron.PhaseResolving)
		if addrs, err = x.client.lookups.lookup(ctx, x.target.host); err != nil {
			return nil, nil, lookupFault(err, x.target.name)
		}
		x.tracer.resolved(addrs, x.target.port)
	}
	x.mark(&x.result.Stats.NameLookup)

	x.tracer.reach(cron.PhaseConnecting)
	if tcp, err = x.dial(ctx, addrs); err != nil {
		return nil, nil, x.hideAddress(err)
	}
	peer := remoteAddr(tcp)
	x.result.Peer = peer.Addr().String()
	x.tracer.connected(tcp, peer)
	x.mark(&x.result.Stats.Connect)
	if !x.target.tls {
		return tcp, tcp, nil
	}
	defer context.AfterFunc(ctx, func() { tcp.SetDeadline(time.Unix(1, 0)) })()
	x.tracer.reach(cron.PhaseSecuring)
	secure, err := x.secure(tcp)
	if err == nil {
		err = secure.Handshake()
		x.tracer.secured(secure, err)
		if err != nil {
			err = x.handshakeFault(err)
		} else {
			x.noteKeyExchange(secure)
		}
	}
	if err != nil {
		tcp.Close()
		return nil, nil, err
	}
	x.mark(&x.result.Stats.AppConnect)
	return tcp, secure, nil
}

// hideAddress hides a blocked address, and why it is blocked, from accounts that can reach global addresses only, so that
// names in private networks cannot be resolved through the service.
func (x *exchange) hideAddress(err error) error {
	f, ok := errors.AsType[*fault](err)
	if !ok || x.call.Access != cron.AccessGlobal || !f.fault.Blocks() {
		return err
	}
	f.detail = x.target.authority()
	if f.fault != cron.FaultNotGlobal && !x.target.addr.IsValid() {
		f.fault = cron.FaultBlocked
	}
	x.tracer.blocked(f.fault)
	return err
}

// roundTrip sends the request over conn, which uses tcp, and receives the response. It closes both.
func (x *exchange) roundTrip(tcp, conn net.Conn) error {
	rest, sendErr := x.send(conn)
	var sending sync.WaitGroup
	if sendErr == nil && rest != "" {
		// The server can respond before it has read a long body, or stop reading until its response is read.
		sending.Go(func() {
			var n int
			n, sendErr = io.WriteString(conn, rest)
			x.tracer.sentBody(rest, n, sendErr == nil)
		})
	}
	err := x.receive(conn)
	x.mark(&x.result.Duration)
	if err == nil {
		conn.Close() // sends the TLS close notification
	} else {
		tcp.Close()
	}
	sending.Wait()
	// A server that closes the connection early may have responded. If not, the write error says more than the read error.
	f, ok := errors.AsType[*fault](err)
	if ok && f.fault == cron.FaultClosed && isAny(sendErr, syscall.ECONNRESET, syscall.EPIPE) {
		return x.transferFault(sendErr)
	}
	return err
}

// mark records the time since the start.
func (x *exchange) mark(d *time.Duration) {
	*d = time.Since(x.started)
	x.tracer.marked(&x.result.Stats)
}

// finish completes the result.
func (x *exchange) finish(ctx context.Context, err error) {
	r := &x.result
	r.Started = x.started
	if r.Duration == 0 {
		x.mark(&r.Duration)
	}
	r.Stats.Total = r.Duration
	x.tracer.marked(&r.Stats)

	if err == nil {
		r.Status = cron.StatusHTTPError
		if x.call.IsSuccess(r.HTTPStatus) {
			r.Status = cron.StatusOK
		}
		return
	}
	f, ok := errors.AsType[*fault](err)
	if !ok {
		f = &fault{status: cron.StatusInternalError, fault: cron.FaultInternal, err: err}
	}
	if f.fault == cron.FaultInternal && f.err != errPanic {
		x.client.logger.Error("an exchange failed because of a fault of the service", slog.Any("error", f.err))
	}
	if (f.status == cron.StatusTimeout || f.fault == cron.FaultShortage || f.fault == cron.FaultMatchBusy) && ctx.Err() != nil {
		// The interruption, and not the target, ended the exchange.
		lost := cron.Lost()
		lost.URL, lost.Started = r.URL, r.Started
		*r = lost
		return
	}
	r.Status, r.Fault, r.Detail = f.status, f.fault, clean(f.detail, maxText)
}

// secure returns a TLS connection over tcp, before its handshake.
func (x *exchange) secure(tcp net.Conn) (*tls.Conn, error) {
	x.curves = x.client.exchanged.preferences(sessionKey(x.call.AccountID, x.sessionName()))
	config := &tls.Config{
		ServerName:         x.target.serverName(),
		InsecureSkipVerify: x.call.Exchange.Unverified,
		NextProtos:         []string{"http/1.1"},
		CurvePreferences:   x.curves,
		ClientSessionCache: x.client.sessions.forServer(x.call.AccountID, x.sessionName(), &x.peerBytes),
		// Records the certificate as soon as it is known, even if the handshake fails later.
		VerifyConnection: func(state tls.ConnectionState) error {
			x.noteCertificate(state.PeerCertificates[0])
			x.peerBytes = 0
			for _, c := range state.PeerCertificates {
				x.peerBytes += len(c.Raw)
			}
			return nil
		},
	}
	if x.call.TLS != nil {
		id, err := x.identity()
		if short := shortageFault(err); short != nil {
			return nil, short
		}
		if err != nil {
			return nil, err
		}
		config.RootCAs = id.roots
		if !x.leftOrigin() {
			config.Certificates = id.certificates
		}
	} else if !x.call.Exchange.Unverified {
		var err error
		if config.RootCAs, err = x.client.roots.get(); err != nil {
			return nil, shortageFault(err)
		}
	}
	return tls.Client(deadlineKeeper{tcp}, config), nil
}

// noteKeyExchange remembers what the server took of everything that was offered. One that was not verified could be anybody.
func (x *exchange) noteKeyExchange(conn *tls.Conn) {
	if x.curves == nil && !x.call.Exchange.Unverified {
		x.client.exchanged.completed(sessionKey(x.call.AccountID, x.sessionName()), conn.ConnectionState().CurveID)
	}
}

// sessionName is the cache key of a TLS session: the server and the TLS settings that the session was made with.
func (x *exchange) sessionName() string {
	name := x.target.authority()
	if x.call.Exchange.Unverified {
		name += " unverified"
	}
	if x.call.TLS != nil {
		name += " " + string(x.call.TLS.Digest[:])
		if x.leftOrigin() {
			name += " anonymous"
		}
	}
	return name
}

// noteCertificate records the expiry of a server's certificate. With redirects, the earliest expiry counts.
func (x *exchange) noteCertificate(certificate *x509.Certificate) {
	if known := x.result.CertExpiry; known.IsZero() || certificate.NotAfter.Before(known) {
		x.result.CertExpiry = certificate.NotAfter
	}
}

// deadlineKeeper prevents tls.Conn.Close from replacing the deadline of the exchange with its own.
type deadlineKeeper struct{ net.Conn }

func (deadlineKeeper) SetWriteDeadline(time.Time) error { return nil }
