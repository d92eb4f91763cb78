package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// countedLedger counts how often it is polled, and fails when it is told to.
type countedLedger struct {
	*ledger
	polls int
	fails bool
}

func (l *countedLedger) Watermarks(ctx context.Context) (cron.Watermarks, error) {
	if l.polls++; l.fails {
		return cron.Watermarks{}, errors.New("the database is gone")
	}
	return l.ledger.Watermarks(ctx)
}

// start adds executions of the account.
func (l *countedLedger) start(n int, now time.Time) {
	for range n {
		l.latest.executions++
		l.rows[l.latest.executions] = &cron.HistoryRecord{Execution: cron.Execution{ID: l.latest.executions, JobID: 1, AccountID: ledgerAccount,
			Planned: now, Attempt: 1, Outcome: cron.OutcomeSucceeded, Result: cron.Result{Started: now}}}
	}
}

// change adds a change.
func (l *countedLedger) change(c cron.JobChange) {
	l.latest.changes++
	c.ID = l.latest.changes
	l.changes[c.ID] = &c
}

// liveWorld is a service with streams of the console, over a model of a ledger.
type liveWorld struct {
	*testing.T
	*service.Service
	ledger *countedLedger
	now    time.Time
}

func newLiveWorld(t *testing.T, followers int) *liveWorld {
	w := &liveWorld{T: t, ledger: &countedLedger{ledger: newLedger()}, now: time.Now()}
	db := newWorld(t, nil).db
	w.Service = service.New(service.Config{Store: db, Events: w.ledger, Plans: cron.DefaultPlans(), Followers: followers})
	return w
}

// viewer is somebody who is signed in, with an account.
func (w *liveWorld) viewer(person, account int64) cron.Actor {
	now := time.Now()
	return cron.Actor{Account: cron.Account{ID: account, Plan: cron.PlanDefault}, Role: cron.RoleViewer, Person: &cron.Person{ID: person},
		Session: &cron.Session{PersonID: person, AccountID: account, Console: true, SignedIn: now, LastSeen: now, Expires: now.Add(time.Hour)}}
}

func (w *liveWorld) open(person int64) *service.LiveStream {
	w.Helper()
	l, err := w.Live(w.Context(), w.now, w.viewer(person, ledgerAccount))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(l.Close)
	return l
}

// later is what a stream is told after a second.
func (w *liveWorld) later(l *service.LiveStream) (told []string) {
	w.Helper()
	w.now = w.now.Add(time.Second)
	return w.told(l)
}

func (w *liveWorld) told(l *service.LiveStream) (told []string) {
	w.Helper()
	events, err := l.Next(w.Context(), w.now)
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range events {
		told = append(told, fmt.Sprintf("%d %s%d%d %s", e.Kind, e.ID, e.JobID, e.Other, e.What))
	}
	return told
}

func ended(l *service.LiveStream) bool {
	select {
	case <-l.Ended():
		return true
	default:
		return false
	}
}

// TestLiveStreamsShareAFollower lets three people look at one account: each is told everything once, and the ledger is asked once.
func TestLiveStreamsShareAFollower(t *testing.T) {
	w := newLiveWorld(t, 0)
	w.ledger.start(3, w.now) // the past
	streams := []*service.LiveStream{w.open(1), w.open(2), w.open(3)}
	w.ledger.start(1, time.Unix(1_800_000_000, 0))
	w.ledger.change(cron.JobChange{JobID: 5, Kind: cron.ChangeEdited})
	w.ledger.change(cron.JobChange{ProblemID: 6, Kind: cron.ChangeProblemOpened})
	w.ledger.change(cron.JobChange{ActionID: 7, Kind: cron.ChangeActionMoved})
	w.ledger.change(cron.JobChange{MessageID: 8, Kind: cron.ChangeMessageFailed})
	want := []string{"0 1-15-0-410 succeeded", "1 50 changed", "2 06 opened", "3 07 progressed", "4 08 failed"}
	before := w.ledger.polls
	w.now = w.now.Add(time.Second)
	for i, l := range streams {
		if got := w.told(l); !slices.Equal(got, want) {
			t.Errorf("stream %d is told %q, want %q", i, got, want)
		}
		if got := w.told(l); len(got) > 0 {
			t.Errorf("stream %d is told again %q", i, got)
		}
	}
	if n := w.ledger.polls - before; n != 1 {
		t.Errorf("%d polls for three streams", n)
	}
	late := w.open(4)
	if got := w.later(late); len(got) > 0 {
		t.Errorf("a stream that begins later is told %q", got)
	}
}

// TestLiveStreamsAreSummed tells of many events no more than that, and of what is no longer known that anything may have happened.
func TestLiveStreamsAreSummed(t *testing.T) {
	w := newLiveWorld(t, 0)
	reader, sleeper := w.open(1), w.open(2)
	w.ledger.start(101, w.now)
	w.ledger.change(cron.JobChange{JobID: 5, Kind: cron.ChangeEdited})
	if got := w.later(reader); !slices.Equal(got, []string{"1 50 changed", "0 00 "}) {
		t.Errorf("101 runs are told as %q", got)
	}
	everything := []string{"0 00 ", "1 00 ", "2 00 ", "3 00 ", "4 00 "}
	w.ledger.start(5000, w.now) // more than is polled at once
	if got := w.later(reader); !slices.Equal(got, everything) {
		t.Errorf("5000 runs are told as %q", got)
	}
	if got := w.later(reader); !slices.Equal(got, everything) {
		t.Errorf("after beginning again, the stream is told %q", got)
	}
	for range 6 {
		w.ledger.start(90, w.now)
		if got := w.later(reader); len(got) != 90 {
			t.Errorf("90 runs are told as %q", got)
		}
	}
	if got := w.told(sleeper); !slices.Equal(got, everything) {
		t.Errorf("a stream that has slept is told %q", got)
	}
	w.ledger.fails = true
	w.now = w.now.Add(time.Second)
	if _, err := reader.Next(t.Context(), w.now); err == nil {
		t.Error("a broken ledger is no error")
	}
	w.ledger.fails = false
	if got := w.later(sleeper); !slices.Equal(got, everything) {
		t.Errorf("after an error, the other stream is told %q", got)
	}
}

// TestLiveStreamsAreLimited opens too many.
func TestLiveStreamsAreLimited(t *testing.T) {
	w := newLiveWorld(t, 20) // thus 10 streams
	var own []*service.LiveStream
	for range 9 {
		own = append(own, w.open(1))
	}
	if !ended(own[0]) || slices.ContainsFunc(own[1:], ended) {
		t.Error("the ninth stream of a person ends another one than the oldest")
	}
	for range 2 {
		w.open(2)
	}
	w.open(3)
	if !ended(own[1]) || ended(own[2]) {
		t.Error("on a full node, the oldest stream of who has most makes room")
	}
	for person := range int64(7) {
		w.open(person + 4)
	}
	w.open(1) // ends the last one of the same person
	if _, err := w.Live(t.Context(), w.now, w.viewer(99, ledgerAccount)); cron.KindOf(err) != cron.Unavailable {
		t.Errorf("one too many on a node: %v", err)
	}
	own[8].Close()
	own[8].Close()
}

// TestLiveStreamsAreChecked sees to it that a stream goes on for its own person and account only.
func TestLiveStreamsAreChecked(t *testing.T) {
	w := newLiveWorld(t, 0)
	l := w.open(1)
	removed, over := w.viewer(1, ledgerAccount), w.viewer(1, ledgerAccount)
	removed.Role, over.Session.Expires = cron.RoleNone, time.Now()
	for name, row := range map[string]struct {
		actor cron.Actor
		want  bool
	}{
		"the same":      {w.viewer(1, ledgerAccount), true},
		"nobody":        {cron.Actor{}, false},
		"someone else":  {w.viewer(2, ledgerAccount), false},
		"other account": {w.viewer(1, ledgerAccount+1), false},
		"removed":       {removed, false},
		"over":          {over, false},
	} {
		if got := l.Check(row.actor); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
