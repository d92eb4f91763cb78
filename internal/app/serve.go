package app

import (
	"cmp"
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

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/fetch"
	"punctual/internal/message"
	"punctual/internal/metrics"
	"punctual/internal/scheduler"
	"punctual/internal/service"
	"punctual/internal/store"
)

// gcPercent lets the heap grow to three times what lives before it is collected: most of what lives in a herd are the
// stacks of executions in flight, which cost more to scan than their memory is worth.
const gcPercent = 200

// serve runs the service until ctx ends.
func serve(ctx context.Context, c config.Config, stdout, stderr io.Writer) (err error) {
	logger := newLogger(logHandler(c.Serve, stderr))

	shares, err := shareFiles(openFiles(), c.Serve.Slots)
	if err != nil {
		return err
	}
	unlock, err := lockData(c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Serve.Listen)
	if err != nil {
		return errors.New(message.Default().PortInUse(c.Serve.Listen, err))
	}
	defer func() { _ = listener.Close() }() // the server closes it as a rule

	key, err := loadKey(c, true)
	if err != nil {
		return err
	}
	warnOfReaders(c.Data, logger)
	plans, err := loadPlans(c)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Options{URL: c.Database, Dir: c.Data, Key: key, Plans: plans, Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	if err := db.CheckWrite(ctx); err != nil {
		return unwritable(err)
	}
	if err := agreeOnZones(ctx, c, db, logger); err != nil {
		return unwritable(err)
	}
	writing := &writeProbe{write: db.CheckWrite, logger: logger}
	defer writing.wait()
	ownURL := "http://" + listener.Addr().String()
	baseURL := cmp.Or(string(c.Serve.PublicURL), ownURL)
	if err := firstStart(ctx, db, baseURL, stdout); err != nil {
		return err
	}

	p := parts{
		config: c, logger: logger, db: db, key: key, plans: plans, baseURL: baseURL, metrics: metrics.New(), writing: writing,
		shares: shares,
		guard: &fetch.Guard{
			Own:   []netip.AddrPort{listener.Addr().(*net.TCPAddr).AddrPort()},
			Allow: c.Serve.AllowTargets, Deny: c.Serve.DenyTargets,
		},
	}
	jobs, err := p.scheduler()
	if err != nil {
		return err
	}
	server, err := p.server(jobs)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	if err := jobs.Join(ctx); err != nil {
		return unwritable(err)
	}
	counting, stopCounting := context.WithCancel(ctx)
	var statistics sync.WaitGroup
	statistics.Go(func() { keepStatistics(counting, logger, db.RollUp, jobs.LateBy) })
	statistics.Go(func() { replan(counting, logger, db.Replan) })
	defer func() {
		stopCounting()
		statistics.Wait()
	}()

	limited := p.limit(listener)
	logger.Info("serving", slog.String("url", ownURL), slog.String("public_url", baseURL),
		slog.String("version", version()), slog.String("timeZones", cron.CurrentZones().Release()))
	return runAll(ctx, logger, jobs, server, limited)
}

// unwritable says that a start cannot write, where the error tells why.
func unwritable(err error) error {
	if f := cron.DatabaseFaultOf(err); f != cron.DatabaseOK {
		return errors.New(message.Default().DatabaseUnwritable(f))
	}
	return err
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
	key, err := service.New(service.Config{Store: db}).SetUp(ctx, operator())
	if err != nil || key == "" {
		return err
	}
	_, err = io.WriteString(stdout, message.Default().FirstStart(baseURL, key))
	return err
}
