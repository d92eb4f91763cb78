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

// operationsConnections is how many connections to the listener of the operations there may be. They are taken from
// those of clients.
const operationsConnections = 8

// operations is what those who run the service may see of it: metrics, profiles, and what exactly is not ready.
type operations struct {
	metrics   http.Handler
	readiness *readiness
	profiles  bool
	trusted   func(*http.Request) bool // others hear whether the service lives and is ready, and no more
}

func (n *node) newOperations(trusted func(*http.Request) bool) *operations {
	return &operations{
		metrics: n.metrics.Handler(),
		readiness: &readiness{
			serving: n.ready.Load, answering: n.answering, writing: n.writing, lastPass: n.jobs.LastPass,
			lateBy: n.jobs.LateBy, zoneRelease: n.db.ZoneRelease,
		},
		profiles: n.config.Serve.Pprof,
		trusted:  trusted,
	}
}

func (o *operations) routes() routes {
	all := routes{
		"GET /healthz": http.HandlerFunc(o.health),
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

// profiles are those of package pprof but for the command line, which may hold the key of the secrets.
var profiles = routes{
	"GET /debug/pprof/":        http.HandlerFunc(pprof.Index),
	"GET /debug/pprof/profile": http.HandlerFunc(pprof.Profile),
	"GET /debug/pprof/trace":   http.HandlerFunc(pprof.Trace),
	"GET /debug/pprof/symbol":  http.HandlerFunc(pprof.Symbol),
}

// guard refuses who is not trusted.
func (o *operations) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !o.trusted(r) {
			problem(w, http.StatusForbidden, message.Default().OperationsRefused())
			return
		}
		h.ServeHTTP(w, r)
	})
}

// health says that the process lives.
func (o *operations) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, "application/json", http.StatusOK, map[string]string{"process": "ok"})
}

// ready says whether the node does its work: in one word, and to who is trusted what of it it does not do.
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

// noOperation answers what is not there on the listener of the operations.
func noOperation(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusNotFound, message.Default().NoOperation())
}

// isLocal tells whether a request comes from a program on this machine that means the service itself, as far as can be
// told: from a loopback address, past no proxy, and to a name of the machine for itself. A browser may be lured to a name
// that leads here, and many proxies pass on the name that they were asked for.
func isLocal(r *http.Request, proxies auth.Proxies) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	return addr.IsLoopback() && !proxies.Trust(addr) && !isForwarded(r.Header) && isLoopbackName(r.Host)
}

// isForwarded tells whether headers say that a request has come past a proxy.
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
