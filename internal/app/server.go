package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"punctual/internal/message"
)

// Limits on the HTTP server, against slow clients.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 32 << 10
	closeTimeout      = 5 * time.Second // for requests in progress when the service stops
)

// serveAPI serves the API, the console, status pages and the public routes of the process; on a worker the latter alone.
func (n *node) serveAPI(context.Context) (stop func() error, err error) {
	stopping := make(chan struct{})
	trusted := func(r *http.Request) bool { return n.operations == nil && isLocal(r, n.config.Serve.TrustedProxies) }
	operations := n.newOperations(trusted)
	handler := mux(operations.routes(), http.HandlerFunc(notServed))
	if n.role().Serves() {
		if handler, err = n.newFront(operations, stopping); err != nil {
			return nil, err
		}
	}
	server := n.newServer(handler)
	watch(server)
	server.RegisterOnShutdown(func() { close(stopping) })
	limited := n.limit(n.listener, n.shares.connections)
	n.metrics.Gauge("connections", "Open client connections.", func() float64 { return float64(limited.Open()) })
	n.metrics.Gauge("connections_max", "How many client connections may be open.", func() float64 { return float64(limited.max) })
	return n.run(server, n.encrypt(limited)), nil
}

// newFront makes what clients reach. Its event streams end with stop.
func (n *node) newFront(o *operations, stop <-chan struct{}) (http.Handler, error) {
	api := n.newAPI(stop)
	console, err := n.newConsole(stop)
	if err != nil {
		return nil, err
	}
	pages, err := n.newStatusPages(stop)
	if err != nil {
		return nil, err
	}
	return n.front(publicRoutes(o, &root{url: n.publicURL(), isSet: n.isSetUp}), pages, console, api), nil
}

// notServed answers on a worker. The status makes proxies try another node.
func notServed(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusServiceUnavailable, message.Default().NotServed())
}

// front is what clients reach. Domains of status pages, which may move elsewhere, are not bound to HTTPS.
func (n *node) front(own routes, pages, console, api http.Handler) http.Handler {
	handler := mux(own, reservePages(pages, console, count(api, n.metrics)))
	return atDomains(n.domains, pages, strictTransport(handler, n.config.Serve.TrustedProxies))
}

// serveOperations serves the operations on a listener of their own.
func (n *node) serveOperations(context.Context) (stop func() error, err error) {
	if n.operations == nil {
		return nil, nil
	}
	server := n.newServer(mux(n.newOperations(func(*http.Request) bool { return true }).routes(), http.HandlerFunc(noOperation)))
	watch(server)
	everybody := func(netip.Addr) bool { return true }
	limited := newListener(n.operations, operationsConnections, everybody, func(string) {})
	return n.run(server, limited), nil
}

func (n *node) newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           closeAfterChunks(h),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(n.logger.Handler(), slog.LevelDebug),
	}
}

// run serves until it is stopped, and then lets requests in progress end for a while. The node stops when it fails.
func (n *node) run(server *http.Server, listener net.Listener) (stop func() error) {
	return inBackground(func(ctx context.Context) error {
		failed := make(chan error, 1)
		go func() { failed <- server.Serve(listener) }()
		select {
		case err := <-failed:
			return fmt.Errorf("serve HTTP: %w", err)
		case <-ctx.Done():
		}
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if err := server.Shutdown(closing); err != nil {
			_ = server.Close()
		}
		<-failed
		return nil
	}, n.fail)
}

// limit bounds the connections of clients to a listener by a share of the files. One file descriptor is reserved for the
// connection that waits for room.
func (n *node) limit(inner net.Listener, share int) *limitedListener {
	return newListener(inner, share-1, exemptFrom(n.config.Serve.TrustedProxies), func(reason string) {
		n.metrics.Closed.WithLabelValues(reason).Inc()
	})
}
