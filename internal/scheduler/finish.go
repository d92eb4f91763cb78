package scheduler

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/metrics"
)

// finisher records completions in batches. It keeps what the database does not take and tries again.
type finisher struct {
	store   Store
	metrics *metrics.Metrics
	logger  *slog.Logger
	flight  *flight

	mu       sync.Mutex
	waiting  []cron.Completion
	arrived  chan struct{} // receives when waiting is no longer empty
	full     chan struct{} // receives when a batch is full
	stopping chan struct{}
}

func newFinisher(store Store, m *metrics.Metrics, logger *slog.Logger, f *flight) *finisher {
	return &finisher{
		store: store, metrics: m, logger: logger, flight: f,
		arrived: make(chan struct{}, 1), full: make(chan struct{}, 1), stopping: make(chan struct{}),
	}
}

// add takes a completion over.
func (f *finisher) add(c cron.Completion) {
	f.flight.landed(&c.Launch, size(&c))
	f.mu.Lock()
	if f.waiting == nil {
		f.waiting = make([]cron.Completion, 0, batchSize)
	}
	f.waiting = append(f.waiting, c)
	n := len(f.waiting)
	f.mu.Unlock()
	if n == 1 {
		notify(f.arrived)
	}
	if n == batchSize {
		notify(f.full)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func size(c *cron.Completion) int {
	n := len(c.Result.Headers) + len(c.Result.Body) + len(c.Launch.Job.Request.Body)
	for _, r := range c.Result.Redirects {
		n += len(r.URL)
	}
	return n
}

// stop makes run record what is left and return. Nothing must be added after it.
func (f *finisher) stop() { close(f.stopping) }

// run records completions until stop, and then what is left. It gives up on what the database does not take when ctx
// ends.
func (f *finisher) run(ctx context.Context) {
	for {
		stopped := false
		select {
		case <-f.arrived:
			f.fill()
		case <-f.stopping:
			stopped = true
		}
		for batch := f.take(); len(batch) > 0; batch = f.take() {
			f.record(ctx, batch)
		}
		if stopped {
			return
		}
	}
}

// fill waits a moment for more to come.
func (f *finisher) fill() {
	select {
	case <-f.full:
	case <-f.stopping:
	case <-time.After(batchWait):
	}
}

// take removes the next batch, which has room for many small responses and few large ones: others wait for the database
// while it is written.
func (f *finisher) take() []cron.Completion {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, bytes := 0, 0
	for ; n < min(len(f.waiting), maxBatch) && bytes < maxBatchBytes; n++ {
		bytes += size(&f.waiting[n])
	}
	batch := f.waiting[:n:n]
	f.waiting = f.waiting[n:]
	if len(f.waiting) == 0 {
		f.waiting = nil
	}
	return batch
}

// record writes a batch, trying until the database takes it; or ctx ends.
func (f *finisher) record(ctx context.Context, batch []cron.Completion) {
	for wait := retryShortest; ; wait = min(2*wait, retryLongest) {
		err := f.try(ctx, batch)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			message.LogDatabase(f.logger, "results could not be recorded before the end; their executions will be settled as lost",
				err, slog.Int("executions", len(batch)))
			return // and what remains of the flight says that they are open
		}
		message.LogDatabase(f.logger, "results cannot be recorded; they are kept until the database takes them", err,
			slog.Int("executions", len(batch)))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	f.flight.recorded(batch)
}

// try writes a batch. A database that does not answer may have written it all the same; it can be written again.
func (f *finisher) try(ctx context.Context, batch []cron.Completion) error {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	start := time.Now()
	if err := f.store.Finish(ctx, batch); err != nil {
		f.metrics.DatabaseErrors.WithLabelValues("finish").Inc()
		return err
	}
	metrics.Since(f.metrics.Finishes, start)
	f.metrics.Finished.Observe(float64(len(batch)))
	return nil
}
