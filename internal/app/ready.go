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
	probeEvery  = time.Second      // the interval between two probes of the database
	lateDetail  = time.Second      // lateness that is reported
	passTimeout = 10 * time.Second // the age of the last pass above which the loop counts as stuck
)

// readiness tells whether the node does its work.
type readiness struct {
	serving     func() bool // false before all parts have started and after the node begins to stop
	answering   *probe      // whether the database answers
	writing     *probe      // whether it accepts writes
	idle        bool        // the node runs no jobs, by its role
	draining    func() (inFlight int, draining bool)
	lastPass    func() time.Time
	lateBy      func() time.Duration
	zoneRelease func(context.Context) (string, error) // the release of the database
}

// state tells whether the node serves, the database answers and accepts writes, and the scheduler's loop runs, and
// describes the parts that do not.
func (r *readiness) state(ctx context.Context) (ready bool, parts map[string]string) {
	ready, parts = true, map[string]string{"process": "ok", "node": "ok", "database": "ok", "writing": "ok", "scheduler": "ok"}
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
	if inFlight, draining := r.draining(); draining {
		ready, parts["node"] = false, message.Default().Draining(inFlight)
	}
	if r.idle {
		parts["scheduler"] = "ok: by its role, this node runs no jobs"
	} else if last := r.lastPass(); last.IsZero() || time.Since(last) > passTimeout {
		ready, parts["scheduler"] = false, "does not turn"
	} else if late := r.lateBy(); late > lateDetail {
		parts["scheduler"] = "ok, but " + late.Round(time.Second).String() + " behind: due executions wait for slots"
	}
	return ready, parts
}

// timeZones says which time zone data are in use. It queries the database each time, so it is only for trusted
// requests.
func (r *readiness) timeZones(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return zoneState(ctx, r.zoneRelease)
}

// probe asks the database a question on demand, once at a time and at most once per probeEvery, however many callers
// there are.
type probe struct {
	ask    func(context.Context) error
	says   string // the log message for a failure
	logger *slog.Logger

	mu      sync.Mutex
	latest  *try
	failure error // the error of the latest completed try; nil for success
	running sync.WaitGroup
}

// try is one question to the database. Its error can be read once done is closed.
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

// result is the result of a recent try; cron.DatabaseFaultOf explains an error. It waits until ctx ends.
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
		return p.failure // it says more than a timeout
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

// wait waits for a running try. No caller may ask afterwards.
func (p *probe) wait() { p.running.Wait() }
