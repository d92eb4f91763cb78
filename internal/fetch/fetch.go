// Package fetch makes one HTTP exchange and says exactly what came of it.
//
// An exchange is HTTP/1.1 over a connection of its own: look the name up, connect, shake hands, send, receive, close.
// It follows no redirect unless the call asks for it, each over a connection of its own, uses no proxy and reuses
// nothing but TLS sessions, so that each one tests the whole path.
// Every address is put before the Guard when it is dialled. Whatever happens is told by a cron.Result; an exchange
// neither returns an error nor panics, and always ends within its timeout.
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

// Config is what a Client needs. The zero value works: closed sign-up, the resolver and the roots of the host.
type Config struct {
	Guard     *Guard         // nil stands for the zero Guard
	Resolver  Resolver       // nil stands for Go's own resolver with the host's configuration
	RootCAs   *x509.CertPool // nil stands for the host's
	UserAgent string         // of requests whose job sets none; "" is "Punctual"
	Logger    *slog.Logger   // hears of our own errors only; nil is silent
}

// Resolver looks names up. A *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var _ Resolver = (*net.Resolver)(nil)

// Client makes exchanges, any number at a time. It holds no connections and no goroutines, so it needs no closing.
type Client struct {
	guard     *Guard
	lookups   *lookups
	sessions  *sessions
	roots     *roots
	userAgent string
	logger    *slog.Logger

	identities cache[[sha256.Size]byte, *identity] // by the digests of what they are made of
	patterns   cache[string, *regexp.Regexp]
	turns      *turns // of those who match patterns

	readers  sync.Pool // of *reader
	requests sync.Pool // of *[]byte, requests under construction
	scratch  sync.Pool // of *[]byte, response bodies on their way
}

// Sizes of what an exchange borrows. Only a reader is held while a server thinks.
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

		identities: cache[[sha256.Size]byte, *identity]{room: identityRoom},
		patterns:   cache[string, *regexp.Regexp]{room: patternRoom},
		turns:      newTurns(),

		readers:  sync.Pool{New: func() any { return newReader() }},
		requests: sync.Pool{New: func() any { return new(make([]byte, 0, requestSize)) }},
		scratch:  sync.Pool{New: func() any { return new(make([]byte, scratchSize)) }},
	}
}

// Do makes the exchange that call asks for and returns what came of it. It ends within call.Timeout, which must be
// positive, or soon after ctx does: the result of an exchange that ctx interrupts is cron.Lost, with URL and start, since
// nobody knows what it did.
func (c *Client) Do(ctx context.Context, call cron.Call) cron.Result {
	x := &exchange{client: c, call: &call, started: time.Now()}
	err := x.attempt(ctx)
	x.finish(ctx, err)
	return x.result
}

// exchange is one Do under way.
type exchange struct {
	client  *Client
	call    *cron.Call
	target  target
	started time.Time
	result  cron.Result
	body    []byte // what the criteria of the call look at
	trail   *trail // nil before the first redirect

	peerBytes int // of the certificates of the server at hand
}

// attempt runs the exchange and turns a panic into an error.
func (x *exchange) attempt(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			x.client.logger.Error("panic in an exchange", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	return x.run(ctx)
}

// run makes the request, and those that redirects lead to. Its errors are *fault.
func (x *exchange) run(ctx context.Context) error {
	var err error
	x.call.Request = x.call.Request.Expand(x.call.Now, uuid)
	x.result.URL = requestedURL(x.call.Request.URL)
	if x.target, err = parseTarget(&x.call.Request); err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, x.started.Add(x.call.Timeout))
	defer cancel()
	for {
		err := x.request(ctx)
		switch {
		case x.trail != nil && x.trail.refused != nil:
			return x.trail.refused // whatever became of the body
		case err != nil:
			return err
		case x.trail == nil || x.trail.next == nil:
			return x.judge(ctx)
		}
		x.follow()
	}
}

// request makes one request over a connection of its own.
func (x *exchange) request(ctx context.Context) error {
	var tcp, conn net.Conn
	err := persist(ctx, func() (err error) {
		tcp, conn, err = x.connect(ctx)
		return err
	})
	if err != nil {
		return err
	}
	defer tcp.Close()
	// The one deadline: it holds for every read and write from here on.
	defer context.AfterFunc(ctx, func() { tcp.SetDeadline(time.Unix(1, 0)) })()
	x.mark(&x.result.Stats.PreTransfer)
	return x.converse(tcp, conn)
}

// connect goes through the phases before a request is sent and returns the connection, which runs over tcp.
func (x *exchange) connect(ctx context.Context) (tcp, conn net.Conn, err error) {
	addrs := []netip.Addr{x.target.addr}
	if !x.target.addr.IsValid() {
		if addrs, err = x.client.lookups.lookup(ctx, x.target.host); err != nil {
			return nil, nil, lookupFault(err, x.target.name)
		}
	}
	x.mark(&x.result.Stats.NameLookup)

	if tcp, err = x.client.dial(ctx, addrs, x.target.port, x.call.Timeout, x.call.Access); err != nil {
		return nil, nil, x.discreet(err)
	}
	x.mark(&x.result.Stats.Connect)
	if !x.target.tls {
		return tcp, tcp, nil
	}
	defer context.AfterFunc(ctx, func() { tcp.SetDeadline(time.Unix(1, 0)) })()
	secure, err := x.secure(tcp)
	if err == nil {
		if err = secure.Handshake(); err != nil {
			err = x.handshakeFault(err)
		}
	}
	if err != nil {
		tcp.Close()
		return nil, nil, err
	}
	x.mark(&x.result.Stats.AppConnect)
	return tcp, secure, nil
}

// discreet keeps an account that reaches global addresses only from learning which address of ours a name has.
func (x *exchange) discreet(err error) error {
	f, ok := errors.AsType[*fault](err)
	if ok && x.call.Access == cron.AccessGlobal && (f.fault == cron.FaultBlocked || f.fault == cron.FaultNotGlobal) {
		f.detail = x.target.authority()
	}
	return err
}

// converse sends the request over conn, which runs over tcp, and receives the response. It closes both.
func (x *exchange) converse(tcp, conn net.Conn) error {
	rest, sendErr := x.send(conn)
	var sending sync.WaitGroup
	if sendErr == nil && rest != "" {
		// The server may answer before it has read a long body, or not read on before its answer is taken.
		sending.Go(func() { _, sendErr = io.WriteString(conn, rest) })
	}
	err := x.receive(conn)
	x.mark(&x.result.Duration)
	if err == nil {
		conn.Close() // says goodbye in TLS
	} else {
		tcp.Close()
	}
	sending.Wait()
	// A server that closes early may have answered. When it has not, the write that failed tells more than the end
	// that the read met.
	f, ok := errors.AsType[*fault](err)
	if ok && f.fault == cron.FaultClosed && isAny(sendErr, syscall.ECONNRESET, syscall.EPIPE) {
		return x.transferFault(sendErr)
	}
	return err
}

// mark notes the time since the start.
func (x *exchange) mark(d *time.Duration) { *d = time.Since(x.started) }

// finish fills in what is the same for every end.
func (x *exchange) finish(ctx context.Context, err error) {
	r := &x.result
	r.Started = x.started
	if r.Duration == 0 {
		x.mark(&r.Duration)
	}
	r.Stats.Total = r.Duration

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
		x.client.logger.Error("an exchange failed for a reason of ours", slog.Any("error", f.err))
	}
	if (f.status == cron.StatusTimeout || f.fault == cron.FaultShortage || f.fault == cron.FaultMatchBusy) && ctx.Err() != nil {
		// What was measured until then says nothing about the execution.
		lost := cron.Lost()
		lost.URL, lost.Started = r.URL, r.Started
		*r = lost
		return
	}
	r.Status, r.Fault, r.Detail = f.status, f.fault, clean(f.detail, maxText)
}

// secure wraps tcp in TLS that is not shaken yet.
func (x *exchange) secure(tcp net.Conn) (*tls.Conn, error) {
	config := &tls.Config{
		ServerName:         x.target.serverName(),
		InsecureSkipVerify: x.call.Exchange.Unverified,
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: x.client.sessions.view(x.call.AccountID, x.sessionName(), &x.peerBytes),
		// Sees the certificate as soon as it is known, whatever the handshake still comes to.
		VerifyConnection: func(state tls.ConnectionState) error {
			x.see(state.PeerCertificates[0])
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
		if !x.strayed() {
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

// sessionName is what a TLS session is good for: the server, and what else it was made with.
func (x *exchange) sessionName() string {
	name := x.target.authority()
	if x.call.Exchange.Unverified {
		name += " unverified"
	}
	if x.call.TLS != nil {
		name += " " + string(x.call.TLS.Digest[:])
		if x.strayed() {
			name += " anonymous"
		}
	}
	return name
}

// see notes the expiry of a server's certificate. With redirects, it is the first of all that counts.
func (x *exchange) see(certificate *x509.Certificate) {
	if known := x.result.CertExpiry; known.IsZero() || certificate.NotAfter.Before(known) {
		x.result.CertExpiry = certificate.NotAfter
	}
}

// deadlineKeeper keeps tls.Conn.Close from putting a deadline of its own in place of the exchange's.
type deadlineKeeper struct{ net.Conn }

func (deadlineKeeper) SetWriteDeadline(time.Time) error { return nil }
