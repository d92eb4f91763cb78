package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// The limits of readiness.
const (
	pingTimeout = 2 * time.Second
	probeEvery  = time.Second      // at most once in which a write is tried
	lateDetail  = time.Second      // of lateness that is worth a word
	passTimeout = 10 * time.Second // since the last pass of the loop
)

// readiness tells whether the node does its work.
type readiness struct {
	serving     func() bool // false before all parts have started, and once the node stops
	ping        func(context.Context) error
	writing     *writeProbe
	lastPass    func() time.Time
	lateBy      func() time.Duration
	zoneRelease func(context.Context) (string, error) // that the database has
}

// state tells whether the node runs, the database answers and takes writes, and the scheduler's loop is running, and says
// what of it does not.
func (r *readiness) state(ctx context.Context) (ready bool, parts map[string]string) {
	ready, parts = true, map[string]string{"process": "ok", "database": "ok", "writing": "ok", "scheduler": "ok"}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if !r.serving() {
		ready, parts["process"] = false, "starting or stopping"
	}
	if err := r.ping(ctx); err != nil {
		ready, parts["database"] = false, "does not answer"
		if f := cron.DatabaseFaultOf(err); f != cron.DatabaseOK {
			parts["database"], _ = message.Default().Database(f)
		}
	}
	if err := r.writing.result(ctx); err != nil {
		ready = false
		parts["writing"], _ = message.Default().Database(cron.DatabaseFaultOf(err))
	}
	if last := r.lastPass(); last.IsZero() || time.Since(last) > passTimeout {
		ready, parts["scheduler"] = false, "does not turn"
	} else if late := r.lateBy(); late > lateDetail {
		parts["scheduler"] = "ok, but " + late.Round(time.Second).String() + " behind: due executions wait for slots"
	}
	parts["timeZones"] = zoneState(ctx, r.zoneRelease)
	return ready, parts
}

// writeProbe finds out whether the database takes writes, when somebody asks. However many ask, one write is under way
// at most, and one a second is begun.
type writeProbe struct {
	write  func(context.Context) error
	logger *slog.Logger

	mu      sync.Mutex
	latest  *writeTry
	failure error // of the latest try that has ended; nil when it went well
	running sync.WaitGroup
}

// writeTry is one write. Its error may be read once done is closed.
type writeTry struct {
	began time.Time
	done  chan struct{}
	err   error
}

func (t *writeTry) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// result is nil when the database takes writes, and otherwise an error whose cron.DatabaseFaultOf says why not. It
// waits until ctx ends.
func (p *writeProbe) result(ctx context.Context) error {
	p.mu.Lock()
	if p.latest == nil || p.latest.ended() && time.Since(p.latest.began) >= probeEvery {
		p.latest = &writeTry{began: time.Now(), done: make(chan struct{})}
		t := p.latest
		p.running.Go(func() { p.try(t) })
	}
	t := p.latest
	p.mu.Unlock()
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure != nil {
		return p.failure // says more than that the next try takes long
	}
	return &cron.Error{Kind: cron.Unavailable, Subject: cron.SubjectDatabase, Database: cron.DatabaseSlow, Err: ctx.Err()}
}

func (p *writeProbe) try(t *writeTry) {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	t.err = p.write(ctx)
	p.mu.Lock()
	p.failure = t.err
	p.mu.Unlock()
	close(t.done)
	if t.err != nil {
		message.LogDatabase(p.logger, "the database cannot be written", t.err)
	}
}

// wait waits for the write under way. Nobody must ask after it.
func (p *writeProbe) wait() { p.running.Wait() }
