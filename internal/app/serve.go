package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
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

// reservedFiles is how many open files are kept for everything but executions in flight.
const reservedFiles = 256

// gcPercent lets the heap grow to three times what lives before it is collected: most of what lives in a herd are the
// stacks of executions in flight, which cost more to scan than their memory is worth.
const gcPercent = 200

// userAgent is what targets see.
const userAgent = "Punctual/1 (HTTP cron service)"

// operatorEmail is the operator's account until it is given another address.
const operatorEmail = "operator@localhost"

// serve runs the service until ctx ends.
func serve(ctx context.Context, c config.Config, stdout, stderr io.Writer) (err error) {
	o := c.Serve
	text := message.English{}
	logger := slog.New(slog.NewTextHandler(stderr, nil))

	unlock, err := lockData(c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return errors.New(text.PortInUse(o.Listen, err))
	}
	defer func() { _ = listener.Close() }() // the server closes it as a rule

	key, err := loadKey(c, true)
	if err != nil {
		return err
	}
	plans, err := loadPlans(c)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Options{URL: c.Database, Dir: c.Data, Key: key, Plans: plans, Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	baseURL := "http://" + listener.Addr().String()
	if err := firstStart(ctx, db, baseURL, stdout); err != nil {
		return err
	}

	guard := &fetch.Guard{
		Own:   []netip.AddrPort{listener.Addr().(*net.TCPAddr).AddrPort()},
		Allow: o.AllowTargets, Deny: o.DenyTargets,
	}
	name, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read the name of the machine: %w", err)
	}
	slots := min(o.Slots, max(1, openFiles()-reservedFiles))
	if slots < o.Slots {
		logger.Warn("the operating system allows too few open files for all slots; raise the limit (ulimit -n)",
			slog.Int("files", openFiles()), slog.Int("slots", slots))
	}
	figures := metrics.New()
	jobs := scheduler.New(scheduler.Config{
		Store: db, Nodes: db, Upkeep: db, Name: name, Slots: slots, HostSlots: o.HostSlots, Drain: o.Drain,
		Metrics: figures, Logger: logger,
		Exchanger: fetch.New(fetch.Config{Guard: guard, UserAgent: userAgent, Logger: logger}),
	})
	addGauges(figures, jobs, db)
	executors, err := executorAddresses(o.ExecutorAddresses)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	stop := make(chan struct{})
	handler := mux(muxConfig{
		API: api.New(api.Config{
			Service: service.New(service.Config{
				Jobs: db, History: db, Folders: db, Usage: db, Badges: db, TLS: db, Runs: db, Keys: db, Once: db, Events: db,
				Addresses: guard, Plans: plans, Secret: key,
			}),
			Auth:              auth.New(db),
			Messages:          text,
			Logger:            logger,
			Now:               db.Now,
			Proxies:           o.TrustedProxies,
			ExecutorAddresses: executors,
			Stop:              stop,
		}),
		Welcome: text.Welcome(baseURL),
		Ping:    db.Ping,
		Turned:  jobs.Turned,
		LateBy:  jobs.LateBy,
		Metrics: figures,
	})
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(func() { close(stop) })

	counting, stopCounting := context.WithCancel(ctx)
	var statistics sync.WaitGroup
	statistics.Go(func() { keepStatistics(counting, logger, db.RollUp, jobs.LateBy) })
	defer func() {
		stopCounting()
		statistics.Wait()
	}()

	logger.Info("serving", slog.String("url", baseURL), slog.String("version", version()))
	return runAll(ctx, logger, jobs, server, listener)
}

// addGauges adds what is read with each scrape.
func addGauges(m *metrics.Metrics, jobs *scheduler.Scheduler, db *store.Store) {
	m.Gauge("executions_in_flight", "Executions under way.", func() float64 { return float64(jobs.InFlight()) })
	m.Gauge("oldest_due_seconds", "How late the oldest due work is that waits for a slot.",
		func() float64 { return jobs.LateBy().Seconds() })
	m.Gauge("slots", "How many executions may be under way.", func() float64 { return float64(jobs.Slots) })
	m.Gauge("backlog", "Due occurrences and attempts that wait for a slot, on all nodes; -1 when the database does not tell.",
		gaugeOf(db.Backlog))
	m.Gauge("notices", "Notices in the outbox, on all nodes, at most 10,000; -1 when the database does not tell.",
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

// runAll runs the scheduler and the server until ctx ends or one of them fails. The server answers until the last
// execution is recorded.
func runAll(ctx context.Context, logger *slog.Logger, jobs *scheduler.Scheduler, server *http.Server,
	listener net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		running            sync.WaitGroup
		jobsErr, serverErr error
	)
	running.Go(func() {
		defer stop()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			serverErr = fmt.Errorf("serve HTTP: %w", err)
		}
	})
	jobsErr = jobs.Run(ctx)
	logger.Info("stopping")
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		_ = server.Close()
	}
	running.Wait()
	return errors.Join(jobsErr, serverErr)
}

// firstStart gives a new database its operator, and the operator a key.
func firstStart(ctx context.Context, db *store.Store, baseURL string, stdout io.Writer) error {
	_, err := db.Operator(ctx)
	if err == nil {
		return nil
	}
	if cron.KindOf(err) != cron.NotFound {
		return fmt.Errorf("find the operator's account: %w", err)
	}
	account := cron.Account{Email: operatorEmail, Plan: cron.PlanUnlimited}
	if err := db.CreateAccount(ctx, &account); err != nil {
		if cron.KindOf(err) == cron.Conflict {
			return nil // another node was first, and has printed the key
		}
		return err
	}
	key, err := addKey(ctx, db, cron.APIKey{AccountID: account.ID, Title: "first key"})
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, message.English{}.FirstStart(baseURL, key))
	return err
}
