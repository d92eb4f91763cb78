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
	probeEvery  = time.Second      // at most once in which a probe asks the database
	lateDetail  = time.Second      // of lateness that is worth a word
	passTimeout = 10 * time.Second // since the last pass of the loop
)

// readiness tells whether the node does its work.
type readiness struct {
	serving     func() bool // false before all parts have started, and once the node stops
	answering   *probe      // whether the database answers
	writing     *probe      // whether it takes writes
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
	if err := r.answering.result(ctx); err != nil {
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
	return ready, parts
}

// timeZones says which time zone data are in use. It asks the database each time, and so is not for strangers.
func (r *readiness) timeZones(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return zoneState(ctx, r.zoneRelease)
}

// probe finds out something about the database, when somebody asks. However many ask, strangers among them, it asks the
// database once at a time, and at most once a second.
type probe struct {
	ask    func(context.Context) error
	says   string // what the log says when it fails
	logger *slog.Logger

	mu      sync.Mutex
	latest  *try
	failure error // of the latest try that has ended; nil when it went well
	running sync.WaitGroup
}

// try is one question to the database. Its error may be read once done is closed.
type try struct {
	began time.Time
	done  chan struct{}
	err   error
}

func (t *try) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// result is nil when all is well, and otherwise an error whose cron.DatabaseFaultOf says why not. It waits until ctx ends.
func (p *probe) result(ctx context.Context) error {
	p.mu.Lock()
	if p.latest == nil || p.latest.ended() && time.Since(p.latest.began) >= probeEvery {
		p.latest = &try{began: time.Now(), done: make(chan struct{})}
		t := p.latest
		p.running.Go(func() { p.run(t) })
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

func (p *probe) run(t *try) {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	t.err = p.ask(ctx)
	p.mu.Lock()
	p.failure = t.err
	p.mu.Unlock()
	close(t.done)
	if t.err != nil {
		message.LogDatabase(p.logger, p.says, t.err)
	}
}

// wait waits for the question under way. Nobody must ask after it.
func (p *probe) wait() { p.running.Wait() }
