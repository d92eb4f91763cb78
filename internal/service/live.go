package service

import (
	"context"
	"slices"
	"sync"
	"time"

	"punctual/internal/cron"
)

// Pages of the console are told what happens in the account that they show. What they are told are IDs: a page reads again what
// it shows of them.
//
//	Follower ──Poll──▶ the latest events of the account ──▶ LiveStream, one for each browser
//
// All streams of an account on this node share one Follower, which no goroutine of its own polls: the first stream that asks in a
// second does, and the others read what it has found.

// LiveLook is how often a stream is to be asked for what happened.
const LiveLook = time.Second

// Limits on streams of the console, per node.
const (
	maxLive       = 500 // at the same time
	maxLivePerson = 8   // of one person; a further one ends the oldest
	livePolls     = 4   // of a Follower at once; one that is further behind begins again
	liveMany      = 100 // events of one look; of more, only their kinds are told
	liveKept      = 500 // events of an account, for streams that have not read them yet
)

// LiveKind is what a LiveEvent is about.
type LiveKind int

// The kinds of events.
const (
	LiveRun LiveKind = iota
	LiveJob
	LiveProblem
	LiveAction
	LiveMessage
	liveKinds
)

// LiveEvent is something that happened in an account. One without an ID stands for any number of its kind.
type LiveEvent struct {
	Kind  LiveKind
	ID    string // of a run, as cron.Execution.Identifier
	JobID int64  // of a run or a job
	Other int64  // the ID of a problem, an action or a message
	What  string // the outcome of a run, or what happened to the rest, as cron.ChangeKind.String
}

// live are the streams of this node. The zero value is ready for use.
type live struct {
	mu       sync.Mutex
	accounts map[int64]*liveAccount
	persons  map[int64][]*LiveStream // the oldest first
	total    int
}

// liveAccount is an account that somebody looks at.
type liveAccount struct {
	streams int // guarded by live.mu

	mu       sync.Mutex
	follower *Follower // nil when it has to begin
	polled   time.Time
	events   []LiveEvent
	first    int64 // the number of the first of the events
}

// LiveStream is what one browser is told. It must be used by one goroutine at a time.
type LiveStream struct {
	service *Service
	actor   cron.Actor
	account *liveAccount
	at      int64 // the number of the next event
	ended   chan struct{}
}

// Live begins to tell a person what happens in the account that they look at. The error is of kind Unavailable when there are too many
// streams on this node. The caller must call Close.
func (s *Service) Live(ctx context.Context, now time.Time, actor cron.Actor) (*LiveStream, error) {
	if err := s.allow(&actor, UseLive); err != nil {
		return nil, err
	}
	l := &LiveStream{service: s, actor: actor, ended: make(chan struct{})}
	if !s.live.open(l, s.followers.max/2) {
		return nil, &cron.Error{Kind: cron.Unavailable, RetryAfter: time.Minute}
	}
	if err := l.account.begin(ctx, now, l); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// open adds a stream, for which another one may have to end. most is the largest number of streams, if less than maxLive; 0 for that.
func (v *live) open(l *LiveStream, most int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if most == 0 || most > maxLive {
		most = maxLive
	}
	person := l.actor.Person.ID
	switch own := v.persons[person]; {
	case len(own) >= maxLivePerson, len(own) > 0 && v.total >= most:
		v.end(own[0])
	case v.total >= most:
		busiest := int64(0)
		for id, list := range v.persons {
			if len(list) > len(v.persons[busiest]) {
				busiest = id
			}
		}
		if len(v.persons[busiest]) < 2 {
			return false
		}
		v.end(v.persons[busiest][0])
	}
	if v.accounts == nil {
		v.accounts, v.persons = make(map[int64]*liveAccount), make(map[int64][]*LiveStream)
	}
	id := l.actor.Account.ID
	if v.accounts[id] == nil {
		v.accounts[id] = new(liveAccount)
	}
	l.account = v.accounts[id]
	l.account.streams++
	v.persons[person] = append(v.persons[person], l)
	v.total++
	return true
}

// end takes a stream off the lists, if it is still there, and ends it.
func (v *live) end(l *LiveStream) {
	person, account := l.actor.Person.ID, l.actor.Account.ID
	i := slices.Index(v.persons[person], l)
	if i < 0 {
		return
	}
	if v.persons[person] = slices.Delete(v.persons[person], i, i+1); len(v.persons[person]) == 0 {
		delete(v.persons, person)
	}
	if l.account.streams--; l.account.streams == 0 {
		delete(v.accounts, account)
	}
	v.total--
	close(l.ended)
}

// Close ends the stream.
func (l *LiveStream) Close() {
	v := &l.service.live
	v.mu.Lock()
	defer v.mu.Unlock()
	v.end(l)
}

// Ended is closed when the stream has to end.
func (l *LiveStream) Ended() <-chan struct{} { return l.ended }

// Check tells whether the stream may go on for its person as the cookie of the session shows them now: signed in, with the same
// account.
func (l *LiveStream) Check(actor cron.Actor) bool {
	return l.service.allow(&actor, UseLive) == nil && actor.Person.ID == l.actor.Person.ID &&
		actor.Account.ID == l.actor.Account.ID
}

// Next returns what has happened since the last call.
func (l *LiveStream) Next(ctx context.Context, now time.Time) ([]LiveEvent, error) {
	a := l.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.polled) >= LiveLook || now.Before(a.polled) {
		if err := a.poll(ctx, now, l); err != nil {
			return nil, err
		}
	}
	from := l.at
	l.at = a.first + int64(len(a.events))
	if from < a.first { // some are no longer known
		return everything(), nil
	}
	return slices.Clone(a.events[from-a.first:]), nil
}

// everything says that anything may have happened.
func everything() []LiveEvent {
	events := make([]LiveEvent, liveKinds)
	for kind := range liveKinds {
		events[kind].Kind = kind
	}
	return events
}

// begin makes a stream start at the present.
func (a *liveAccount) begin(ctx context.Context, now time.Time, l *LiveStream) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.follower == nil {
		if err := a.follow(ctx, now, l); err != nil {
			return err
		}
	}
	l.at = a.first + int64(len(a.events))
	return nil
}

// follow starts a Follower at the present.
func (a *liveAccount) follow(ctx context.Context, now time.Time, l *LiveStream) error {
	f := &Follower{store: l.service.events, account: l.actor.Account.ID, now: now, release: func() {}}
	if err := f.begin(ctx, time.Time{}, 0); err != nil {
		return err
	}
	f.initial = nil // pages show them
	a.follower, a.polled = f, now
	return nil
}

// poll adds what has happened. After an error the Follower begins again, and what happened meanwhile is not known.
func (a *liveAccount) poll(ctx context.Context, now time.Time, l *LiveStream) error {
	if a.follower == nil {
		if err := a.follow(ctx, now, l); err != nil {
			return err
		}
		a.add(everything())
		return nil
	}
	a.polled = now
	var found []LiveEvent
	for range livePolls {
		events, more, err := a.follower.Poll(ctx, now)
		if err != nil {
			a.follower = nil
			return err
		}
		for i := range events {
			found = append(found, liveEvent(&events[i]))
		}
		if !more {
			a.add(summary(found))
			return nil
		}
	}
	a.follower = nil
	a.add(everything())
	return nil
}

// add keeps events, and forgets older ones than it has to.
func (a *liveAccount) add(events []LiveEvent) {
	a.events = append(a.events, events...)
	if more := len(a.events) - liveKept; more > 0 {
		a.events = slices.Delete(a.events, 0, more)
		a.first += int64(more)
	}
}

// summary tells of each kind of events that there are many of no more than that.
func summary(events []LiveEvent) []LiveEvent {
	var count [liveKinds]int
	for _, e := range events {
		count[e.Kind]++
	}
	short := make([]LiveEvent, 0, min(len(events), int(liveKinds)*liveMany))
	for _, e := range events {
		if count[e.Kind] <= liveMany {
			short = append(short, e)
		}
	}
	for kind, n := range count {
		if n > liveMany {
			short = append(short, LiveEvent{Kind: LiveKind(kind)})
		}
	}
	return short
}

// liveEvent is an event of a Follower. A gap is none that pages of the present know.
func liveEvent(e *Event) LiveEvent {
	switch c := e.Change; {
	case e.Execution != nil:
		return LiveEvent{Kind: LiveRun, ID: e.Execution.Identifier(), JobID: e.Execution.JobID, What: e.Execution.Outcome.String()}
	case c == nil:
		return LiveEvent{} // any runs
	case c.ActionID != 0:
		return LiveEvent{Kind: LiveAction, Other: c.ActionID, What: c.Kind.String()}
	case c.MessageID != 0:
		return LiveEvent{Kind: LiveMessage, Other: c.MessageID, What: c.Kind.String()}
	case c.ProblemID != 0:
		return LiveEvent{Kind: LiveProblem, Other: c.ProblemID, What: c.Kind.String()}
	default:
		return LiveEvent{Kind: LiveJob, JobID: c.JobID, What: c.Kind.String()}
	}
}
