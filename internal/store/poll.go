package store

import (
	"context"
	"sync"
	"time"
)

// A node asks each second whether there is something to do, for each kind of background work. With Options.SharePolls one
// statement answers for all of them:
//
//	actions, components, notices, … ──▶ Store.polled ──▶ an answer of the last moment ──▶ nothing there: no question of its own
//	                                        └─▶ none: one statement for all
//	a commit of this node, a notification of another ──▶ polls.forget: the next one asks anew
//
// So what this node writes is seen at once, and what another one writes without a notification up to a second later than with a
// question for each kind. After a question that failed, each kind asks by itself for as long as an answer would have counted.

const (
	pollAge  = 700 * time.Millisecond // for how long an answer counts
	pollTime = 2 * time.Second        // for how long a question may take, since others wait for its answer
)

// polled says which kinds of background work there may be.
type polled struct {
	actions    bool  // that are open
	testRuns   bool  // that wait or run
	components bool  // whose state may change
	notices    bool  // of status pages, without all their deliveries
	deliveries bool  // of those, due or not
	pages      bool  // any status page
	domains    int64 // see DomainsRevision
}

// polls keeps an answer.
type polls struct {
	asking  sync.Mutex // held by whoever asks the database
	mu      sync.Mutex // of the rest
	kept    polled
	at      time.Time // when it was asked for; zero for no answer
	failed  time.Time // when a question failed
	forgets int       // how often an answer was no longer true
}

// forget makes the next one ask anew, since something has changed.
func (p *polls) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = time.Time{}
	p.forgets++
}

// fresh is the answer that is kept, if it still counts.
func (p *polls) fresh(age time.Duration) (answer polled, forgets int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept, p.forgets, !p.at.IsZero() && time.Since(p.at) < age
}

// keep keeps an answer that was asked for at an instant, unless something has changed since.
func (p *polls) keep(answer polled, at time.Time, forgets int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.forgets == forgets {
		p.kept, p.at = answer, at
	}
}

// fail keeps when a question failed, so that not each kind waits for another one that fails.
func (p *polls) fail(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = at
}

// failing tells whether a question has just failed.
func (p *polls) failing(age time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.failed.IsZero() && time.Since(p.failed) < age
}

// polled answers for all kinds of background work. Without an answer, which includes every error, each kind has to ask by itself.
func (s *Store) polled(ctx context.Context) (answer polled, ok bool) {
	if s.pollAge == 0 {
		return answer, false
	}
	if _, inside := joined(ctx); inside { // it sees what the transaction has written
		return answer, false
	}
	if answer, _, ok := s.polls.fresh(s.pollAge); ok || s.polls.failing(s.pollAge) {
		return answer, ok
	}
	s.polls.asking.Lock()
	defer s.polls.asking.Unlock()
	answer, forgets, ok := s.polls.fresh(s.pollAge) // somebody may have asked meanwhile
	if ok || s.polls.failing(s.pollAge) {
		return answer, ok
	}
	at := time.Now()
	ctx, cancel := context.WithTimeout(upkeep.with(ctx), pollTime)
	defer cancel()
	err := s.read.QueryRowContext(ctx, pollQuery, millis(s.Now())).Scan(flag(&answer.actions), flag(&answer.testRuns), flag(&answer.components),
		flag(&answer.notices), flag(&answer.deliveries), flag(&answer.pages), integer(&answer.domains))
	if err != nil {
		s.polls.fail(time.Now())
		return polled{}, false
	}
	s.polls.keep(answer, at, forgets)
	return answer, true
}

const pollQuery = `SELECT EXISTS (SELECT 1 FROM action WHERE state < 2), EXISTS (SELECT 1 FROM test_run WHERE state < 2),
	` + observableQuery + `, EXISTS (SELECT 1 FROM status_notice WHERE NOT complete), EXISTS (SELECT 1 FROM status_delivery),
	` + anyPageQuery + `, (` + domainsQuery + `)`
