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
	"sync"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/fetch"
	"punctual/internal/message"
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

	guard := &fetch.Guard{Own: []netip.AddrPort{listener.Addr().(*net.TCPAddr).AddrPort()}}
	name, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read the name of the machine: %w", err)
	}
	slots := min(o.Slots, max(1, openFiles()-reservedFiles))
	if slots < o.Slots {
		logger.Warn("the operating system allows too few open files for all slots; raise the limit (ulimit -n)",
			slog.Int("files", openFiles()), slog.Int("slots", slots))
	}
	jobs := scheduler.New(scheduler.Config{
		Store: db, Nodes: db, Upkeep: db, Name: name, Slots: slots, HostSlots: o.HostSlots, Drain: o.Drain, Logger: logger,
		Exchanger: fetch.New(fetch.Config{Guard: guard, UserAgent: userAgent, Logger: logger}),
	})
	handler := mux(muxConfig{
		API: api.New(api.Config{
			Service:  service.New(service.Config{Jobs: db, History: db, Addresses: guard, Plans: plans}),
			Auth:     auth.New(db),
			Messages: text,
			Logger:   logger,
			Now:      db.Now,
		}),
		Welcome: text.Welcome(baseURL),
		Ping:    db.Ping,
		Turned:  jobs.Turned,
		LateBy:  jobs.LateBy,
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

	logger.Info("serving", slog.String("url", baseURL), slog.String("version", version()))
	return runAll(ctx, logger, jobs, server, listener)
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
