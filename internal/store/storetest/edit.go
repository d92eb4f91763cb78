package storetest

import (
	"time"

	"punctual/internal/cron"
)

// An edit counts until the instant of an occurrence, and even after it as long as no node has claimed the occurrence.
var editTests = []test{
	{"a job runs as it was edited last", func(s *suite) {
		db, account, node := s.start()
		other := s.open()
		j := s.due(db, account, withSecrets)
		planned := s.record(db, account, j.ID).State.NextRun
		s.ok(other.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error {
			j.Request.URL, j.Request.Body = "http://new.example.com/", "new"
			return nil
		}))
		l := s.claimOne(db, node)
		s.equal("planned", l.Planned, planned)
		s.equal("job", *l.Job, claimedJob(s.record(db, account, j.ID).Job))
		s.equal("body", l.Job.Request.Body, "new")
	}},
	{"a job that is due runs although its schedule is changed", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		planned := s.record(db, account, j.ID).State.NextRun
		far := daily(db.Now().Add(6 * time.Hour))
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { far(j); return nil }))
		s.equal("planned", s.claimOne(db, node).Planned, planned)
		rec := s.record(db, account, j.ID)
		s.equal("next run", rec.State.NextRun, rec.NextAfter(db.Now()))
	}},
	{"a change of the schedule plans the job again", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		far := daily(db.Now().Add(6 * time.Hour))
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { far(j); return nil }))
		rec := s.record(db, account, j.ID)
		s.equal("next run", rec.State.NextRun, rec.NextAfter(rec.Updated))
		next, err := db.NextDue(s.ctx(), nil)
		s.ok(err)
		s.equal("next due", next, rec.State.NextRun)
	}},
	{"a job that is disabled does not run, and what was due is recorded as skipped", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute)
		first := db.Now().UTC().Truncate(time.Minute).Add(-5 * time.Minute)
		s.plan(j.ID, first)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Enabled = false; return nil }))
		s.claimNone(db, node)
		ledger := s.ledger(j.ID)
		if len(ledger) != 1 {
			s.Fatalf("the ledger has %+v, want one record", ledger)
		}
		last := ledger[0].Last
		if last.Before(first.Add(5*time.Minute)) || last.After(db.Now()) {
			s.Errorf("the last one skipped is %v, the first %v", last, first)
		}
		s.equal("ledger", ledger, []entry{{
			Planned: first, Attempt: 1, Outcome: cron.OutcomeSkipped, Fault: cron.FaultDisabled, Last: last,
			Count: int64(last.Sub(first)/time.Minute) + 1,
		}})
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, time.Time{})
		s.equal("history", len(s.history(db, account, j.ID)), 0)
	}},
	{"a job that is disabled before its instant leaves no record", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Enabled = false; return nil }))
		s.claimNone(db, node)
		s.equal("ledger", len(s.ledger(j.ID)), 0)
	}},
	{"a job that is enabled again starts with its next occurrence", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		for _, enabled := range []bool{false, true} {
			s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Enabled = enabled; return nil }))
		}
		s.claimNone(db, node)
		rec := s.record(db, account, j.ID)
		s.equal("next run", rec.State.NextRun, rec.NextAfter(rec.Updated))
	}},
	{"disabling drops further attempts but not what somebody asked for", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		now := db.Now()
		s.pend(j, now.Add(-time.Second), now, cron.KindScheduled, 2)
		s.pend(j, now.Add(-time.Second), now, cron.KindManual, 1)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Enabled = false; return nil }))
		s.equal("kind", s.claimOne(db, node).Kind, cron.KindManual)
		s.claimNone(db, node)
	}},
	{"a deleted job does not run", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		s.pend(j, db.Now().Add(-time.Second), db.Now(), cron.KindManual, 1)
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.equal("claimed", s.claim(db, node, 10), cron.Claimed{})
	}},
}
