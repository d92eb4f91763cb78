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

// finisher records completions in batches. What the database does not accept is kept and retried.
type finisher struct {
	store    Store
	metrics  *metrics.Metrics
	logger   *slog.Logger
	inFlight *inFlight

	mu       sync.Mutex
	waiting  []cron.Completion
	arrived  chan struct{} // receives when waiting is no longer empty
	full     chan struct{} // receives when a batch is full
	stopping chan struct{}
}

func newFinisher(store Store, m *metrics.Metrics, logger *slog.Logger, f *inFlight) *finisher {
	return &finisher{
		store: store, metrics: m, logger: logger, inFlight: f,
		arrived: make(chan struct{}, 1), full: make(chan struct{}, 1), stopping: make(chan struct{}),
	}
}

// add queues a completion.
func (f *finisher) add(c cron.Completion) {
	f.inFlight.end(&c.Launch, size(&c))
	f.mu.Lock()
	if f.waiting == nil {
		f.waiting = make([]cron.Completion, 0, batchSize)
	}
	f.waiting = append(f.waiting, c)
	n := len(f.waiting)
	f.mu.Unlock()
	if n == 1 {
		wake(f.arrived)
	}
	if n == batchSize {
		wake(f.full)
	}
}

func wake(c chan struct{}) {
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

// stop makes run record what is left and return. Nothing must be added after the call.
func (f *finisher) stop() { close(f.stopping) }

// run records completions until stop is called, and then what is left. When ctx ends it gives up on what the database
// does not accept.
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

// fill waits for the batch to fill, up to batchWait.
func (f *finisher) fill() {
	select {
	case <-f.full:
	case <-f.stopping:
	case <-time.After(batchWait):
	}
}

// take removes the next batch. It is bounded by number and by bytes, since others wait for the database while it is written.
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

// record writes a batch, retrying until the database accepts it or ctx ends.
func (f *finisher) record(ctx context.Context, batch []cron.Completion) {
	for wait := retryShortest; ; wait = min(2*wait, retryLongest) {
		err := f.try(ctx, batch)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			message.LogDatabase(f.logger, "results could not be recorded before the end; their executions will be settled as lost",
				err, slog.Int("executions", len(batch)))
			return // the executions stay in flight, so that runningFrom stays below them
		}
		message.LogDatabase(f.logger, "results cannot be recorded; they are kept until the database accepts them", err,
			slog.Int("executions", len(batch)))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	f.inFlight.recorded(batch)
}

// try writes a batch once. Writing a batch again that was committed without an answer changes nothing.
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
