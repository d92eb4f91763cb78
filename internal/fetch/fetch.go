// Package fetch makes one HTTP exchange and reports its result in detail.
//
// An exchange is HTTP/1.1 over a connection of its own:
//
//	look up → connect → TLS handshake → send → receive → check success → close
//
// It follows redirects only if the call says so, each over a connection of its own. It reuses only TLS
// sessions, so that each exchange tests the whole path, unless the call asks to share connections (kept.go). Connections can go through a proxy
// (proxy.go). The Guard checks every address when it is dialled. An exchange
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
	"sync/atomic"
	"syscall"
	"time"

	"punctual/internal/cron"
)

// Config configures a Client. The zero value works: it uses the resolver and the root certificates of the host.
type Config struct {
	Guard     *Guard              // nil for the zero Guard
	Resolver  Resolver            // nil for Go's resolver with the configuration of the host
	RootCAs   *x509.CertPool      // nil for the root certificates of the host
	MoreCAs   []*x509.Certificate // trusted besides
	Sources   *Sources            // the addresses that connections come from; nil for those that the system chooses
	Proxy     *Proxy              // that connections go through; nil for none
	UserAgent string              // for jobs that do not set a User-Agent; "" is "Punctual"
	Logger    *slog.Logger        // for internal errors of the service; nil for none
	Kept      int                 // the maximum number of connections that wait for another request; 0 is 256
	Slots     int                 // exchanges at once that have room; as many more connections wait as there are fewer exchanges
}

// Resolver resolves names, like *net.Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var _ Resolver = (*net.Resolver)(nil)

// Client makes exchanges. It is safe for concurrent use. It has to be closed only if calls share connections.
type Client struct {
	guard     *Guard
	lookups   *lookups
	sessions  *sessions
	exchanged keyExchanges
	kept      *keeper
	roots     *roots
	sources   *Sources
	proxy     *Proxy
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
		kept:      newKeeper(config.Kept, config.Slots),
		roots:     newRoots(config.RootCAs, config.MoreCAs),
		sources:   config.Sources,
		proxy:     config.Proxy,
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
	c.kept.enter()
	defer c.kept.leave()
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
	limit   limit          // the context of run

	secretFields []string // names of headers whose values have secrets of the account

	curves  []tls.CurveID // that the current server was offered; nil for all
	wrote   int           // bytes of the current request that its first write has sent
	keepFor time.Duration // for how long the current connection may be kept; 0 if it must be closed
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
	x.limit.begin(ctx, x.started.Add(x.call.Timeout))
	defer x.limit.end()
	ctx = &x.limit
	for {
		err := x.request(ctx)
		err = blame(ctx, x.short, err)
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

// request makes one request, over a connection of its own unless the call shares connections.
func (x *exchange) request(ctx context.Context) error {
	if x.reuses() {
		if l := x.takeKept(); l != nil {
			if err := x.requestKept(l); err != errUnsent {
				return err
			}
		}
	}
	var (
		l     *link
		short cron.Stats // of the latest try for which this host lacked something
		phase cron.Phase
	)
	err := retryShortage(ctx, func() (err error) {
		x.result.Stats.Connect = 0 // of a try before
		l, err = x.connect(ctx)
		if isShortage(err) {
			x.short, short, phase = err, x.result.Stats, x.tracer.reached()
			x.shed(err)
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
	x.client.kept.opened.Add(1)
	return x.requestOver(l)
}

// shed closes the connections that are kept if they hold what this host lacks.
func (x *exchange) shed(short error) {
	f, ok := errors.AsType[*fault](short)
	if ok && (f.detail == cron.ShortOfFiles || f.detail == cron.ShortOfMemory) {
		x.client.kept.shed()
	}
}

// errUnsent is the error of a request that a kept connection did not take: no byte of it was sent.
var errUnsent = errors.New("fetch: nothing was sent over a kept connection")

// requestKept makes the request over a kept connection. After errUnsent, the exchange is as it was before.
func (x *exchange) requestKept(l *link) error {
	x.notePeer(l.peer)
	x.noteExpiry(l.expiry)
	err := x.requestOver(l)
	if err == errUnsent {
		x.result.Peer, x.result.CertExpiry, x.result.Stats, x.result.Duration = "", time.Time{}, cron.Stats{}, 0
		return err
	}
	x.client.kept.reused.Add(1)
	return err
}

// requestOver makes the request over l, and then keeps or closes it.
func (x *exchange) requestOver(l *link) error {
	kept := false
	defer func() {
		if !kept {
			l.tcp.Close()
		}
	}()
	x.limit.bind(l.tcp)
	x.mark(&x.result.Stats.PreTransfer)
	err := x.roundTrip(l)
	if x.keepFor > 0 && l.bytes <= maxLinkBytes && x.limit.release() {
		kept = true
		x.client.kept.put(x.keptKey(), l, x.keepFor, time.Now())
	}
	return err
}

// connect goes through the phases before a request is sent and returns the connection.
func (x *exchange) connect(ctx context.Context) (l *link, err error) {
	addrs, byName := []netip.Addr{x.target.addr}, x.client.proxy.resolves(&x.target)
	if !x.target.addr.IsValid() && !byName {
		x.tracer.reach(cron.PhaseResolving)
		if addrs, err = x.client.lookups.lookup(ctx, x.target.host); err != nil {
			return nil, lookupFault(err, x.target.name)
		}
		x.tracer.resolved(addrs, x.target.port)
	}
	x.mark(&x.result.Stats.NameLookup)

	x.tracer.reach(cron.PhaseConnecting)
	var tcp net.Conn
	if byName {
		tcp, err = x.dialName(ctx)
	} else {
		tcp, err = x.dial(ctx, addrs)
	}
	if err != nil {
		return nil, x.hideAddress(err)
	}
	x.limit.bind(tcp)
	l = &link{tcp: tcp, conn: tcp, peer: remoteAddr(tcp)}
	if x.reuses() {
		l.opened = time.Now()
	}
	x.notePeer(l.peer)
	x.tracer.connected(tcp, l.peer)
	x.mark(&x.result.Stats.Connect)
	if !x.target.tls {
		return l, nil
	}
	x.tracer.reach(cron.PhaseSecuring)
	if err := x.handshake(l); err != nil {
		tcp.Close()
		return nil, err
	}
	x.mark(&x.result.Stats.AppConnect)
	return l, nil
}

// notePeer records the address of the target, which only the proxy knows if it has resolved the name.
func (x *exchange) notePeer(peer netip.AddrPort) {
	if peer.IsValid() {
		x.result.Peer = peer.Addr().String()
	}
}

// handshake makes the TLS connection of l.
func (x *exchange) handshake(l *link) error {
	under := net.Conn(deadlineKeeper{l.tcp})
	if x.reuses() {
		l.tap = &tap{Conn: l.tcp}
		under = l.tap
	}
	var server serverSeen
	secure, err := x.secure(under, &server)
	if err != nil {
		return err
	}
	l.conn = secure
	err = secure.Handshake()
	l.expiry, l.bytes = server.expiry, server.bytes
	x.noteExpiry(server.expiry)
	x.tracer.secured(secure, err)
	if err != nil {
		return x.handshakeFault(err)
	}
	x.noteKeyExchange(secure)
	return nil
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

// roundTrip sends the request over l and receives the response. It closes l, unless keepFor is set afterwards.
func (x *exchange) roundTrip(l *link) error {
	early := x.reuses() && !l.reused() && !x.target.tls && !silent(l.tcp) // over TLS, session tickets come then
	if l.tap != nil {
		l.tap.written = 0
	}
	x.keepFor = 0
	rest, sendErr := x.send(l.conn)
	if l.reused() && x.wrote == 0 && (l.tap == nil || l.tap.written == 0) && isAny(sendErr, syscall.ECONNRESET, syscall.EPIPE) {
		l.tcp.Close()
		return errUnsent
	}
	var (
		sending sync.WaitGroup
		whole   atomic.Bool   // the rest of the body was sent
		sentAt  time.Duration // likewise, since the start
	)
	if sendErr == nil && rest != "" {
		// The server can respond before it has read a long body, or stop reading until its response is read.
		sending.Go(func() {
			var n int
			n, sendErr = io.WriteString(l.conn, rest)
			x.tracer.sentBody(rest, n, sendErr == nil)
			sentAt = time.Since(x.started)
			whole.Store(sendErr == nil)
		})
	} else {
		whole.Store(sendErr == nil)
	}
	err := x.receive(l.conn)
	x.mark(&x.result.Duration)
	if early || !whole.Load() || sentAt > x.result.Stats.StartTransfer {
		x.keepFor = 0
	}
	switch {
	case err != nil:
		l.tcp.Close()
	case x.keepFor == 0:
		l.conn.Close() // sends the TLS close notification
	}
	sending.Wait()
	f, ok := errors.AsType[*fault](err)
	switch {
	case !ok:
	case l.reused() && x.result.Stats.StartTransfer == 0 && (f.fault == cron.FaultClosed || f.fault == cron.FaultReset):
		return &fault{status: cron.StatusOther, fault: cron.FaultKeptClosed, err: f}
	case f.fault == cron.FaultClosed && isAny(sendErr, syscall.ECONNRESET, syscall.EPIPE):
		// A server that closes the connection early may have responded. If not, the write error says more than the read error.
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

// serverSeen is what a handshake shows of the server. A TLS connection holds on to it for as long as it is kept.
type serverSeen struct {
	bytes  int       // size of its certificates
	expiry time.Time // of its own one
}

// secure returns a TLS connection over conn, before its handshake, which sets server.
func (x *exchange) secure(conn net.Conn, server *serverSeen) (*tls.Conn, error) {
	x.curves = x.client.exchanged.preferences(sessionKey(x.call.AccountID, x.sessionName()))
	config := &tls.Config{
		ServerName:         x.target.serverName(),
		InsecureSkipVerify: x.call.Exchange.Unverified,
		NextProtos:         []string{"http/1.1"},
		CurvePreferences:   x.curves,
		ClientSessionCache: x.client.sessions.forServer(x.call.AccountID, x.sessionName(), &server.bytes),
		// Records the certificate as soon as it is known, even if the handshake fails later.
		VerifyConnection: func(state tls.ConnectionState) error {
			server.expiry, server.bytes = state.PeerCertificates[0].NotAfter, 0
			for _, c := range state.PeerCertificates {
				server.bytes += len(c.Raw)
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
	return tls.Client(conn, config), nil
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

// noteExpiry records the expiry of a server's certificate; zero is none. With redirects, the earliest expiry counts.
func (x *exchange) noteExpiry(expiry time.Time) {
	if known := x.result.CertExpiry; !expiry.IsZero() && (known.IsZero() || expiry.Before(known)) {
		x.result.CertExpiry = expiry
	}
}

// deadlineKeeper prevents tls.Conn.Close from replacing the deadline of the exchange with its own.
type deadlineKeeper struct{ net.Conn }

func (deadlineKeeper) SetWriteDeadline(time.Time) error { return nil }
