package app

import (
	"context"
	"log/slog"
	"time"

	"punctual/internal/message"
	"punctual/internal/metrics"
)

// patience is how long executions that wait for a slot postpone a step of a worker that yields to them.
const patience = time.Minute

// worker is background work that goes on for as long as the service runs, in short steps.
type worker struct {
	name    string        // in the log, and a label of metrics
	first   time.Duration // from the start to the first step
	period  time.Duration // from the end of a step to the next one
	pause   time.Duration // the same while there is more to do, and how often one that yields looks again
	yields  bool          // executions that wait go first, for as long as patience
	step    func(context.Context) (more bool, err error)
	failure string // what the log says of a step that failed
}

// runner runs workers. A step that fails is logged, counted and taken again after the period.
type runner struct {
	logger  *slog.Logger
	metrics *metrics.Metrics
	waiting func() bool // tells whether executions wait for a slot
}

// run runs a worker until ctx ends and returns when its last step has.
func (r *runner) run(ctx context.Context, w worker) {
	seen := r.metrics.Worker(w.name)
	for wait := w.first; sleep(ctx, wait); {
		for due := time.Now(); w.yields && r.waiting() && time.Since(due) < patience; {
			if !sleep(ctx, w.pause) {
				return
			}
		}
		began := time.Now()
		more, err := w.step(ctx)
		if err != nil && ctx.Err() != nil {
			return
		}
		seen(began, err)
		wait = w.period
		switch {
		case err != nil:
			message.LogDatabase(r.logger, w.failure, err, slog.String("worker", w.name))
		case more:
			wait = w.pause
		}
	}
}

// part makes a worker, once it is known, a part of the node. One without a step has nothing to do.
func (r *runner) part(known func() worker) func(context.Context) (stop func() error, err error) {
	return func(context.Context) (stop func() error, err error) {
		w := known()
		if w.step == nil {
			return nil, nil
		}
		return inBackground(func(ctx context.Context) error {
			r.run(ctx, w)
			return nil
		}, func() {}), nil
	}
}

// sleep tells whether a time has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}
