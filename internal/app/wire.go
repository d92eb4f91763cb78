package app

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/metrics"
	"punctual/internal/public"
	"punctual/internal/scheduler"
	"punctual/internal/store"
	"punctual/internal/web"
)

// userAgent is the User-Agent of executions. The version of a development build may not be a token (RFC 9110, section
// 10.1.5).
func userAgent() string {
	if v := version(); cron.IsToken(v) {
		return "Punctual/" + v
	}
	return "Punctual/devel"
}

// newScheduler makes the scheduler, with as many slots as the limit on open files allows.
func (n *node) newScheduler() (*scheduler.Scheduler, error) {
	self, err := n.self()
	if err != nil {
		return nil, err
	}
	o := n.config.Serve
	jobs := scheduler.New(scheduler.Config{
		Store: n.db, Nodes: n.db, TestRuns: n.db, Self: self, Slots: n.shares.slots, HostSlots: o.HostSlots, Drain: o.Drain,
		Metrics: n.metrics, Logger: n.logger, Clock: clock(), Stop: n.fail, Listeners: n.listeners(),
		Exchanger: n.exchanger,
	})
	addGauges(n.metrics, jobs, n.db)
	return jobs, nil
}

// self is what this node tells the others.
func (n *node) self() (cron.Node, error) {
	o := n.config.Serve
	addresses, err := executorAddresses(o.ExecutorAddresses, o.EgressSource)
	if err != nil {
		return cron.Node{}, err
	}
	name := o.Node
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return cron.Node{}, fmt.Errorf("read the name of the machine, which --node replaces: %w", err)
		}
		name = config.NodeNameOf(host)
	}
	return cron.Node{Name: name, Role: cron.NodeRole(o.Role), Version: version(), Addresses: addresses, Listeners: cron.Listeners{Host: n.host}}, nil
}

// newAPI makes the API. Its event streams end with stop.
func (n *node) newAPI(stop <-chan struct{}) http.Handler {
	return api.New(api.Config{
		Service: n.service,
		Auth:    auth.New(n.db),
		Logger:  n.logger,
		Now:     n.db.Now,
		Proxies: n.config.Serve.TrustedProxies,
		Stop:    stop,
	})
}

// newConsole makes the console. Its event streams end with stop.
func (n *node) newConsole(stop <-chan struct{}) (http.Handler, error) {
	return web.New(web.Config{
		Service:   n.service,
		Auth:      auth.New(n.db),
		IsSetUp:   n.isSetUp,
		About:     n.about(),
		Load:      n.loadNow,
		Issuers:   auth.NewIssuers(n.issuers, auth.NewSealer(n.db.ServiceSecret())),
		Plans:     slices.Sorted(maps.Keys(n.plans)),
		Now:       n.db.Now,
		Logger:    n.logger,
		Proxies:   n.config.Serve.TrustedProxies,
		PublicURL: configuredURL(n.config),
		Stop:      stop,
	})
}

// newStatusPages makes what visitors of status pages see. Its event streams end with stop.
func (n *node) newStatusPages(stop <-chan struct{}) (http.Handler, error) {
	return public.New(public.Config{
		Pages: n.service, Visitors: n.service, Subscriptions: n.service, Badges: n.service, ByMail: n.service.SubscribesByMail(), Secret: n.db.ServiceSecret(), Logger: n.logger, Now: n.db.Now,
		Proxies: n.config.Serve.TrustedProxies, PublicURL: configuredURL(n.config), Domains: n.domains, Streams: n.shares.connections / 4, Stop: stop,
	})
}

// about is what operators see of the settings of the service in the console, without secrets.
func (n *node) about() web.About {
	o := n.config.Serve
	a := web.About{
		Version: version(), Zones: cron.CurrentZones().Release(), DataDir: n.config.Data, PostgreSQL: n.config.Database != "",
		Listen: n.listenURL(), PublicURL: configuredURL(n.config), MailFrom: string(n.config.MailFrom), SignUp: string(o.SignUp),
		SessionIdle: o.SessionIdle, SessionLifetime: o.SessionLifetime, AuditRetention: o.AuditRetention,
	}
	a.Slots, a.HostSlots, a.Drain = o.Slots, o.HostSlots, o.Drain
	a.Proxies, a.AllowTargets, a.DenyTargets = texts(o.TrustedProxies), texts(o.AllowTargets), texts(o.DenyTargets)
	a.EgressProxy, a.EgressCA = o.EgressProxy.String(), o.EgressCA
	a.EgressProxyResolves = o.EgressProxyResolves
	a.EgressNoProxy, a.EgressSources = texts(o.EgressNoProxy), texts(o.EgressSource)
	if o.EgressResolver.IsValid() {
		a.EgressResolver = o.EgressResolver.String()
	}
	if s := n.config.SMTP; s.Host != "" {
		a.MailServer = s.Address()
	}
	for _, i := range n.issuers {
		a.Issuers = append(a.Issuers, i.Title+" ("+i.Issuer+")")
	}
	return a
}

// texts are settings in words.
func texts[T fmt.Stringer](settings []T) (list []string) {
	for _, s := range settings {
		list = append(list, s.String())
	}
	return list
}

// loadNow is what this node has to do at present.
func (n *node) loadNow() web.Load {
	var l web.Load
	if n.jobs != nil {
		l = web.Load{InFlight: n.jobs.InFlight(), Slots: n.jobs.Slots, LateBy: n.jobs.LateBy()}
	}
	if n.config.Database == "" {
		if free, total, ok := diskSpace(n.config.Data); ok {
			l.DiskFree, l.DiskTotal = free, total
		}
	}
	return l
}

// addGauges adds the metrics that are read at each scrape.
func addGauges(m *metrics.Metrics, jobs *scheduler.Scheduler, db *store.Store) {
	m.Gauge("executions_in_flight", "Executions and test runs in flight.", func() float64 { return float64(jobs.InFlight()) })
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

// gaugeOf reads a number from the database; -1 when it does not answer in time.
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

// executorAddresses are the addresses that executions come from: the configured ones, the sources of connections, or those of the
// machine that others can reach.
func executorAddresses(configured, sources []netip.Addr) ([]netip.Addr, error) {
	switch {
	case len(configured) > 0:
		return configured, nil
	case len(sources) > 0:
		return sources, nil
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
