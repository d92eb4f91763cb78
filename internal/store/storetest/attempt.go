package storetest

import (
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// retries makes a job try again.
func retries(count int, delay time.Duration, factor float64, ceiling time.Duration) func(*cron.Job) {
	return func(j *cron.Job) {
		j.Policy.Retry = cron.Retry{Count: count, Delay: delay, Factor: factor, Ceiling: ceiling}
	}
}

func atLeastOnce(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce }

func skipOverlap(j *cron.Job) { j.Policy.Overlap = cron.OverlapSkip }

// nextAttempt checks that exactly one attempt at an occurrence is pending, with a delay from an instant after before.
func (s *suite) nextAttempt(db *store.Store, l cron.Launch, attempt int, before time.Time, pause time.Duration) {
	s.Helper()
	waiting := s.waiting(l.Job.ID)
	if len(waiting) != 1 {
		s.Fatalf("%d attempts wait, want 1", len(waiting))
	}
	w := waiting[0]
	s.equal("planned", w.Planned, l.Planned)
	s.equal("kind", w.Kind, l.Kind)
	s.equal("attempt", w.Attempt, attempt)
	if from := w.Due.Add(-pause); from.Before(before.Truncate(time.Millisecond)) || from.After(db.Now()) {
		s.Errorf("attempt %d waits for %v, want %v", attempt, w.Due.Sub(before), pause)
	}
}

var attemptTests = []test{
	{"a failed occurrence is tried again, each time later, and ends as its last attempt", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, retries(3, 10*time.Second, 3, 45*time.Second))
		l := s.claimOne(db, node)
		planned := l.Planned
		for i, pause := range []time.Duration{10, 30, 45} {
			before := db.Now()
			s.finish(db, failed(l))
			s.nextAttempt(db, l, i+2, before, pause*time.Second)
			state := s.record(db, account, j.ID).State
			s.equal("failures of the occurrence so far", state.Failures, 0)
			s.equal("last status", state.LastStatus, cron.StatusHTTPError)
			s.claimNone(db, node)
			s.hurry(db, j.ID)
			l = s.claimOne(db, node)
			s.equal("planned", l.Planned, planned)
		}
		s.finish(db, failed(l))
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		s.equal("failures", s.record(db, account, j.ID).State.Failures, 1)
		history := s.history(db, account, j.ID)
		s.equal("attempts", len(history), 4)
		for i, e := range history {
			s.equal("attempt, newest first", e.Attempt, 4-i)
			s.equal("outcome", e.Outcome, cron.OutcomeFailed)
		}
	}},
	{"a success ends the attempts", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, retries(5, time.Second, 1, time.Second))
		s.finish(db, failed(s.claimOne(db, node)))
		s.hurry(db, j.ID)
		s.finish(db, succeeded(s.claimOne(db, node)))
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		state := s.record(db, account, j.ID).State
		s.equal("failures", state.Failures, 0)
		s.equal("last status", state.LastStatus, cron.StatusOK)
	}},
	{"the target may ask for a longer pause", func(s *suite) {
		db, account, node := s.start()
		s.due(db, account, retries(1, time.Second, 1, time.Second))
		c := failed(s.claimOne(db, node))
		c.Result.HTTPStatus, c.Result.RetryAfter = 503, 10*time.Minute
		before := db.Now()
		s.finish(db, c)
		s.nextAttempt(db, c.Launch, 2, before, 10*time.Minute)
	}},
	{"what was asked for by hand is not tried again", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, retries(5, time.Second, 1, time.Second))
		s.pend(j, db.Now().Add(-time.Second), db.Now(), cron.KindManual, 1)
		s.finish(db, failed(s.claimOne(db, node)))
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		state := s.record(db, account, j.ID).State
		s.equal("failures", state.Failures, 0)
		s.equal("last status", state.LastStatus, cron.StatusHTTPError)
	}},
	{"an occurrence is skipped while the former execution runs", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, skipOverlap)
		first := s.claimOne(db, node)
		second := first.Planned.Add(500 * time.Millisecond)
		s.plan(j.ID, second)
		s.equal("settled", s.claimNone(db, node).Settled, 1)
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, j.NextAfter(second))
		s.finish(db, succeeded(first))
		s.equal("ledger", s.ledger(j.ID), []entry{
			{Planned: first.Planned, Attempt: 1, Node: node, Outcome: cron.OutcomeSucceeded},
			{Planned: second, Attempt: 1, Outcome: cron.OutcomeSkipped, Fault: cron.FaultOverlap, Last: second, Count: 1},
		})
		third := second.Add(250 * time.Millisecond)
		s.plan(j.ID, third)
		s.equal("planned", s.claimOne(db, node).Planned, third)
	}},
	{"overlaps are allowed unless the job minds them", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		first := s.claimOne(db, node)
		s.plan(j.ID, first.Planned.Add(time.Millisecond))
		s.claimOne(db, node)
	}},
	{"another job's execution is no overlap", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, skipOverlap)
		s.equal("claimed", s.claimOne(db, node).Job.ID, j.ID)
		other := s.due(db, account, skipOverlap)
		s.equal("claimed", s.claimOne(db, node).Job.ID, other.ID)
	}},
	{"a lost execution is repeated for at-least-once jobs, a limited number of times", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, atLeastOnce)
		l := s.claimOne(db, node)
		for attempt := 1; ; attempt++ {
			s.equal("attempt", l.Attempt, attempt)
			db, node = s.dies(db, node)
			if attempt == 1+cron.MaxRepeats {
				break
			}
			waiting := s.waiting(j.ID)
			if len(waiting) != 1 || waiting[0].Due.After(db.Now()) || !waiting[0].Planned.Equal(l.Planned) {
				s.Fatalf("waiting: %+v", waiting)
			}
			l = s.claimOne(db, node)
		}
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		s.claimNone(db, node)
		ledger := s.ledger(j.ID)
		s.equal("records", len(ledger), 1+cron.MaxRepeats)
		for _, e := range ledger {
			s.equal("outcome", e.Outcome, cron.OutcomeLost)
		}
		state := s.record(db, account, j.ID).State
		s.equal("failures", []int{state.Failures, state.CountedFailures}, []int{0, 0})
		s.equal("last status", state.LastStatus, cron.StatusInternalError)
	}},
	{"a loss that is found twice is repeated once", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, atLeastOnce)
		lost := cron.Completion{Launch: s.claimOne(db, node), Result: cron.Lost()}
		lost.Result.Started = lost.Launch.Planned
		s.finish(db, lost)
		s.equal("attempt", s.claimOne(db, node).Attempt, 2)
		s.finish(db, lost)
		s.equal("waiting", len(s.waiting(j.ID)), 0)
	}},
	{"a lost execution is not repeated otherwise", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, retries(5, time.Second, 1, time.Second))
		l := s.claimOne(db, node)
		db, node = s.dies(db, node)
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		s.claimNone(db, node)
		history := s.history(db, account, j.ID)
		if len(history) != 1 || history[0].Outcome != cron.OutcomeLost || history[0].Result.Fault != cron.FaultLost ||
			history[0].ID != l.ExecutionID {
			s.Errorf("the history is %+v, want one lost execution", history)
		}
	}},
	{"the repeat of what was asked for by hand stays that", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, atLeastOnce)
		s.pend(j, db.Now().Add(-time.Second), db.Now(), cron.KindManual, 1)
		s.claimOne(db, node)
		db, node = s.dies(db, node)
		l := s.claimOne(db, node)
		s.equal("kind", l.Kind, cron.KindManual)
		s.equal("attempt", l.Attempt, 2)
	}},
	{"a lost execution takes its result after all", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, func(j *cron.Job) { j.Notification.OnFailure = true })
		l := s.claimOne(db, node)
		later, epoch := s.dies(db, node)
		s.equal("last status", s.record(later, account, j.ID).State.LastStatus, cron.StatusInternalError)

		forged := failed(l)
		forged.Launch.Node = epoch
		s.finish(later, forged)
		s.equal("outcome", s.ledger(j.ID)[0].Outcome, cron.OutcomeLost)
		s.equal("failures", s.record(later, account, j.ID).State.Failures, 0)

		s.finish(db, failed(l))
		s.equal("outcome", s.ledger(j.ID)[0].Outcome, cron.OutcomeFailed)
		state := s.record(later, account, j.ID).State
		s.equal("last status", state.LastStatus, cron.StatusHTTPError)
		s.equal("failures", state.Failures, 1)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
	}},
}

// dies ends the lease of a node, and lets another node settle its executions.
func (s *suite) dies(db *store.Store, node int64) (survivor *store.Store, epoch int64) {
	s.Helper()
	survivor = s.open()
	epoch = s.node(survivor)
	s.raw().EndLease(node, db.Now().Add(-time.Second))
	settled, err := survivor.SettleDead(s.ctx(), epoch)
	s.ok(err)
	s.equal("settled", settled, 1)
	return survivor, epoch
}
