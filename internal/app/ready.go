package app

import (
	"context"
	"log/slog"
	"net/http"
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

// ready tells whether the database answers and takes writes, and whether the scheduler's loop is running.
func ready(ctx context.Context, c muxConfig) (status int, parts map[string]string) {
	status, parts = http.StatusOK, map[string]string{"database": "ok", "writing": "ok", "scheduler": "ok"}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := c.Ping(ctx); err != nil {
		status, parts["database"] = http.StatusServiceUnavailable, "does not answer"
		if f := cron.DatabaseFaultOf(err); f != cron.DatabaseOK {
			parts["database"], _ = message.Default().Database(f)
		}
	}
	if err := c.Writing.result(ctx); err != nil {
		status = http.StatusServiceUnavailable
		parts["writing"], _ = message.Default().Database(cron.DatabaseFaultOf(err))
	}
	if last := c.LastPass(); last.IsZero() || time.Since(last) > passTimeout {
		status, parts["scheduler"] = http.StatusServiceUnavailable, "does not turn"
	} else if late := c.LateBy(); late > lateDetail {
		parts["scheduler"] = "ok, but " + late.Round(time.Second).String() + " behind: due executions wait for slots"
	}
	parts["timeZones"] = zoneState(ctx, c.ZoneRelease)
	return status, parts
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
