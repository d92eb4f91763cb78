package storetest

import (
	"time"

	"punctual/internal/cron"
)

var recordTests = []test{
	{"a record of any outcome reads back, for its account alone", func(s *suite) {
		db, account, node := s.start()
		stranger := s.account(db)
		j := s.due(db, account, func(j *cron.Job) { j.Title = "title" })
		l := s.claimOne(db, node)
		running, err := db.Record(s.ctx(), account, j.ID, l.ExecutionID)
		s.ok(err)
		s.equal("a running one", running.Outcome, cron.OutcomeRunning)
		result := fullResult(l.Due.Add(1234 * time.Millisecond))
		s.finish(db, cron.Completion{Launch: l, Result: result})
		ended, err := db.Record(s.ctx(), account, j.ID, l.ExecutionID)
		s.ok(err)
		s.equal("the result", ended.Result, result)
		s.equal("the title", ended.Title, "title")
		missed := s.old(db, j, 30, cron.OutcomeMissed)
		got, err := db.Record(s.ctx(), account, j.ID, missed.ID)
		s.ok(err)
		s.equal("a missed one", []any{got.Outcome, got.Count, got.Planned.Equal(missed.Planned), got.Last.Equal(missed.Last)},
			[]any{cron.OutcomeMissed, int64(2), true, true})
		for _, of := range [][3]int64{{stranger, j.ID, missed.ID}, {account, j.ID + 1, missed.ID}, {account, j.ID, missed.ID + 100}} {
			_, err := db.Record(s.ctx(), of[0], of[1], of[2])
			s.missing(err, cron.SubjectExecution)
		}
	}},
	{"a record knows the attempts of its occurrence, and the runs that repeat it", func(s *suite) {
		db, account, _ := s.start()
		j, other := s.job(db, account), s.job(db, account)
		first := s.old(db, j, 30, cron.OutcomeLost)
		second := s.old(db, j, 30, cron.OutcomeFailed, func(e *cron.Execution) { e.Attempt = 2; e.Result.Started = e.Result.Started.Add(time.Second) })
		s.old(db, j, 29, cron.OutcomeFailed)
		s.old(db, other, 30, cron.OutcomeFailed)
		again := s.old(db, j, 5, cron.OutcomeSucceeded, func(e *cron.Execution) { e.Kind = cron.KindManual })
		s.raw().AddRerunOf(&again, cron.RecordRef{ID: second.ID, Planned: second.Planned})

		for _, e := range []cron.Execution{first, second} {
			attempts, err := db.Attempts(s.ctx(), &e)
			s.ok(err)
			if len(attempts) != 2 || attempts[0].ID != first.ID || attempts[1].ID != second.ID {
				s.Errorf("the attempts are %+v", attempts)
			}
		}
		reruns, err := db.RerunsOf(s.ctx(), &second)
		s.ok(err)
		if len(reruns) != 1 || reruns[0].ID != again.ID {
			s.Errorf("it is repeated by %+v", reruns)
		}
		reruns, err = db.RerunsOf(s.ctx(), &first)
		s.ok(err)
		s.equal("reruns of another one", len(reruns), 0)
		r, err := db.Record(s.ctx(), account, j.ID, again.ID)
		s.ok(err)
		s.equal("what it repeats", r.RerunOf.ID, second.ID)
		r, err = db.Record(s.ctx(), account, j.ID, second.ID)
		s.ok(err)
		s.equal("it follows a lost attempt", r.Repeats, true)
	}},
}
