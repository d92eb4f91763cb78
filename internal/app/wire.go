package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/fetch"
	"punctual/internal/message"
	"punctual/internal/metrics"
	"punctual/internal/scheduler"
	"punctual/internal/service"
	"punctual/internal/store"
)

// Limits on the HTTP server, against clients that dawdle.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 32 << 10
	closeTimeout      = 5 * time.Second // for requests under way when the service stops
)

// userAgent is what targets see.
const userAgent = "Punctual/1 (HTTP cron service)"

// parts are what a node is put together from, once the database is open.
type parts struct {
	config  config.Config
	logger  *slog.Logger
	db      *store.Store
	key     [32]byte // that seals secrets
	plans   cron.Plans
	baseURL string
	guard   *fetch.Guard
	metrics *metrics.Metrics
	writing *writeProbe
	shares  fileShares
}

// scheduler puts the scheduler together, with as many slots as there may be open files.
func (p *parts) scheduler() (*scheduler.Scheduler, error) {
	o := p.config.Serve
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read the name of the machine: %w", err)
	}
	if p.shares.slots < o.Slots {
		p.logger.Warn("the operating system allows too few open files for all slots; raise the limit (ulimit -n)",
			slog.Int("files", openFiles()), slog.Int("slots", p.shares.slots))
	}
	jobs := scheduler.New(scheduler.Config{
		Store: p.db, Nodes: p.db, Upkeep: p.db, Name: name, Slots: p.shares.slots, HostSlots: o.HostSlots, Drain: o.Drain,
		Metrics: p.metrics, Logger: p.logger,
		Exchanger: fetch.New(fetch.Config{Guard: p.guard, UserAgent: userAgent, Logger: p.logger}),
	})
	addGauges(p.metrics, jobs, p.db)
	return jobs, nil
}

// server puts the HTTP server together. Its shutdown ends the streams of the API.
func (p *parts) server(jobs *scheduler.Scheduler) (*http.Server, error) {
	executors, err := executorAddresses(p.config.Serve.ExecutorAddresses)
	if err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	server := &http.Server{
		Handler: mux(muxConfig{
			API: api.New(api.Config{
				Service: service.New(service.Config{
					Store: p.db, Addresses: p.guard, Plans: p.plans, Secret: p.key, Followers: p.shares.connections / 2,
				}),
				Auth:              auth.New(p.db),
				Logger:            p.logger,
				Now:               p.db.Now,
				Proxies:           p.config.Serve.TrustedProxies,
				ExecutorAddresses: executors,
				Stop:              stop,
			}),
			Welcome: message.Default().Welcome(p.baseURL),
			Ping:    p.db.Ping,

			ZoneRelease: p.db.ZoneRelease,

			Writing:  p.writing,
			LastPass: jobs.LastPass,
			LateBy:   jobs.LateBy,
			Metrics:  p.metrics,
		}),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(p.logger.Handler(), slog.LevelDebug),
	}
	server.Handler = closeAfterChunks(server.Handler)
	watch(server)
	server.RegisterOnShutdown(func() { close(stop) })
	return server, nil
}

// limit bounds the connections to a listener. One file is for the connection that looks for room.
func (p *parts) limit(inner net.Listener) net.Listener {
	most := p.shares.connections - 1
	l := newListener(inner, most, exemptFrom(p.config.Serve.TrustedProxies), func(reason string) {
		p.metrics.Closed.WithLabelValues(reason).Inc()
	})
	p.metrics.Gauge("connections", "Open client connections.", func() float64 { return float64(l.Open()) })
	p.metrics.Gauge("connections_max", "How many client connections may be open.", func() float64 { return float64(most) })
	return l
}

// addGauges adds what is read with each scrape.
func addGauges(m *metrics.Metrics, jobs *scheduler.Scheduler, db *store.Store) {
	m.Gauge("executions_in_flight", "Executions in flight.", func() float64 { return float64(jobs.InFlight()) })
	m.Gauge("oldest_due_seconds", "Lateness of the oldest due occurrence or attempt that waits for a slot of this node.",
		func() float64 { return jobs.LateBy().Seconds() })
	m.Info("time_zone_data_info", "Release of the time zone data in use.", "release",
		func() string { return cron.CurrentZones().Release() })
	m.Gauge("slots", "How many executions may be in flight.", func() float64 { return float64(jobs.Slots) })
	m.Gauge("backlog", "Due occurrences and attempts that wait for a slot, on all nodes; -1 if the database cannot be read.",
		gaugeOf(db.Backlog))
	m.Gauge("notices", "Notices in the outbox, on all nodes, counted up to 10,000; -1 if the database cannot be read.",
		gaugeOf(db.Notices))
}

// gaugeOf asks the database for a number; -1 is one that it did not tell in time.
func gaugeOf(count func(context.Context) (int, error)) func() float64 {
	return func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
		defer cancel()
		n, err := count(ctx)
		if err != nil {
			return -1
		}
		return float64(n)
	}
}

// executorAddresses are where executions come from: the configured addresses, or the machine's own that others can reach.
func executorAddresses(configured []netip.Addr) ([]netip.Addr, error) {
	if len(configured) > 0 {
		return configured, nil
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list the addresses of the machine: %w", err)
	}
	var addresses []netip.Addr
	for _, i := range interfaces {
		prefix, err := netip.ParsePrefix(i.String())
		if err == nil && prefix.Addr().IsGlobalUnicast() {
			addresses = append(addresses, prefix.Addr().WithZone(""))
		}
	}
	return addresses, nil
}
