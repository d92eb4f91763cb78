package app

import (
	"context"
	"log/slog"
	"time"

	"punctual/internal/message"
	"punctual/internal/metrics"
)

// maxYield is how long executions that wait for a slot postpone a step of a worker that yields.
const maxYield = time.Minute

// worker is a background task that runs in short steps while the service runs.
type worker struct {
	name    string          // in the log and as a label of metrics
	first   time.Duration   // from the start to the first step
	period  time.Duration   // from the end of a step to the next one
	pause   time.Duration   // like period, while there is more to do; also how often a worker that yields checks again
	yields  bool            // executions that wait for a slot go first, for maxYield at most
	wake    <-chan struct{} // asks for a step before the period is over, but not before the pause is; nil for none
	step    func(context.Context) (more bool, err error)
	failure string // the log message for a failed step
}

// runner runs workers. A step that fails is logged, counted and repeated after the period.
type runner struct {
	logger  *slog.Logger
	metrics *metrics.Metrics
	waiting func() bool // tells whether executions wait for a slot
}

// run runs a worker until ctx ends, and returns after its last step.
func (r *runner) run(ctx context.Context, w worker) {
	seen := r.metrics.Worker(w.name)
	for wait := w.first; w.wait(ctx, wait); {
		for due := time.Now(); w.yields && r.waiting() && time.Since(due) < maxYield; {
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

// wait waits until the next step. It returns false when ctx ends first.
func (w *worker) wait(ctx context.Context, d time.Duration) bool {
	if w.wake == nil || d <= w.pause {
		return sleep(ctx, d)
	}
	if !sleep(ctx, w.pause) {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-w.wake:
	case <-time.After(d - w.pause):
	}
	return ctx.Err() == nil
}

// part makes a worker, which is made when the part starts, a part of the node. A worker without a step is left out.
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

// sleep waits. It returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}
