package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// part is a part of a node. Parts start one after another, and stop in the reverse order.
type part struct {
	name string // in the log
	// start returns when the part is ready for the next ones, or when ctx ends. stop ends what start began and waits
	// for it; nil when there is nothing to end. What start began must not depend on ctx.
	start func(ctx context.Context) (stop func() error, err error)
}

// runParts starts parts, waits until ctx ends, and stops those that have started. The error joins that of the part that
// did not start and those of the parts that failed to stop.
func runParts(ctx context.Context, logger *slog.Logger, parts []part) (err error) {
	type started struct {
		name string
		stop func() error
	}
	var running []started
	for _, p := range parts {
		began := time.Now()
		var stop func() error
		if stop, err = p.start(ctx); err != nil {
			break
		}
		logger.Debug("started", slog.String("part", p.name), slog.Duration("took", time.Since(began)))
		if stop != nil {
			running = append(running, started{p.name, stop})
		}
	}
	if err == nil {
		<-ctx.Done()
	}
	for _, p := range slices.Backward(running) {
		began := time.Now()
		err = errors.Join(err, p.stop())
		logger.Debug("stopped", slog.String("part", p.name), slog.Duration("took", time.Since(began)))
	}
	return err
}

// inBackground runs a function that ends with its ctx. stop ends it and waits for it. failed is called when it ends by
// itself.
func inBackground(run func(ctx context.Context) error, failed func()) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		err := run(ctx)
		if ctx.Err() == nil {
			failed()
		}
		result <- err
	}()
	return func() error {
		cancel()
		return <-result
	}
}
