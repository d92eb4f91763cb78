package app

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"

	"punctual/internal/auth"
	"punctual/internal/message"
)

// operationsConnections is the number of connections to the operations listener. They are taken from those of clients.
const operationsConnections = 8

// operations is what operators can see of the service: metrics, profiles, and details of readiness.
type operations struct {
	metrics   http.Handler
	readiness *readiness
	profiles  bool
	trusted   func(*http.Request) bool // others only learn whether the service is alive and ready
}

func (n *node) newOperations(trusted func(*http.Request) bool) *operations {
	return &operations{
		metrics: n.metrics.Handler(),
		readiness: &readiness{
			serving: n.ready.Load, answering: n.answering, writing: n.writing, lastPass: n.jobs.LastPass,
			idle: !n.role().Works(), draining: func() (int, bool) { return n.jobs.InFlight(), n.jobs.Draining() },
			lateBy: n.jobs.LateBy, zoneRelease: n.db.ZoneRelease,
		},
		profiles: n.config.Serve.Pprof,
		trusted:  trusted,
	}
}

func (o *operations) routes() routes {
	all := routes{
		"GET /healthz": http.HandlerFunc(health),
		"GET /readyz":  http.HandlerFunc(o.ready),
		"GET /metrics": o.guard(o.metrics),
	}
	if o.profiles {
		for pattern, h := range profiles {
			all[pattern] = o.guard(h)
		}
	}
	return all
}

// profiles are the handlers of package pprof, without the command line, which may contain the key of the secrets.
var profiles = routes{
	"GET /debug/pprof/":        http.HandlerFunc(pprof.Index),
	"GET /debug/pprof/profile": http.HandlerFunc(pprof.Profile),
	"GET /debug/pprof/trace":   http.HandlerFunc(pprof.Trace),
	"GET /debug/pprof/symbol":  http.HandlerFunc(pprof.Symbol),
}

// guard refuses requests that are not trusted.
func (o *operations) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !o.trusted(r) {
			problem(w, http.StatusForbidden, message.Default().OperationsRefused())
			return
		}
		h.ServeHTTP(w, r)
	})
}

// health answers that the process is alive.
func health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, "application/json", http.StatusOK, map[string]string{"process": "ok"})
}

// ready answers whether the node does its work: with one word, and for trusted requests with details.
func (o *operations) ready(w http.ResponseWriter, r *http.Request) {
	ready, parts := o.readiness.state(r.Context())
	status, word := http.StatusOK, "ready"
	if !ready {
		status, word = http.StatusServiceUnavailable, "unready"
	}
	if o.trusted(r) {
		parts["timeZones"] = o.readiness.timeZones(r.Context())
		writeJSON(w, "application/json", status, parts)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, word+"\n")
}

// noOperation answers unknown paths of the operations listener.
func noOperation(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusNotFound, message.Default().NoOperation())
}

// isLocal tells whether a request comes from a program on this machine: from a loopback address, through no proxy, and
// with a Host that names the loopback interface. The last condition excludes pages in a browser that use DNS rebinding,
// and proxies that pass the Host on.
func isLocal(r *http.Request, proxies auth.Proxies) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	return addr.IsLoopback() && !proxies.Trust(addr) && !isForwarded(r.Header) && isLoopbackName(r.Host)
}

// isForwarded tells whether headers show that a request came through a proxy.
func isForwarded(h http.Header) bool {
	for name := range maps.Keys(h) {
		switch {
		case strings.HasPrefix(name, "X-Forwarded"), strings.HasPrefix(name, "Cf-"):
			return true
		case name == "Forwarded", name == "Via", name == "X-Real-Ip", name == "X-Client-Ip", name == "True-Client-Ip":
			return true
		}
	}
	return false
}

// isLoopbackName tells whether a Host header names the loopback interface.
func isLoopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}
