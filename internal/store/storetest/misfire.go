package storetest

import (
	"time"

	"punctual/internal/cron"
)

var misfireTests = []test{
	{"an occurrence within its grace simply runs", func(s *suite) {
		db, account, node := s.start()
		for _, test := range []struct {
			late time.Duration
			edit func(*cron.Job)
		}{
			{55 * time.Minute, func(*cron.Job) {}}, // the default is an hour for a daily job
			{5 * time.Minute, func(j *cron.Job) { j.Policy.Grace = 10 * time.Minute }},
			{20 * time.Hour, func(j *cron.Job) { j.Policy.Grace = 24 * time.Hour }},
			{20 * time.Hour, func(j *cron.Job) { j.Policy.Misfire = cron.MisfireRun }},
		} {
			at := db.Now().Add(-test.late).UTC().Truncate(time.Second)
			j := s.job(db, account, daily(at), test.edit)
			s.plan(j.ID, at)
			claimed := s.claim(db, node, 10)
			if len(claimed.Launches) != 1 || !claimed.Launches[0].Planned.Equal(at) || claimed.Settled != 0 {
				s.Errorf("%v late: claimed %+v, want the occurrence of %v", test.late, claimed, at)
			}
			s.equal("records", len(s.ledger(j.ID)), 1)
		}
	}},
	{"an occurrence beyond its grace is missed", func(s *suite) {
		db, account, node := s.start()
		for _, test := range []struct {
			late time.Duration
			edit func(*cron.Job)
		}{
			{65 * time.Minute, func(*cron.Job) {}},
			{2 * time.Minute, func(j *cron.Job) { j.Policy.Grace = time.Minute }},
			{25 * time.Minute, func(j *cron.Job) { j.Policy.Grace = 0 }},
		} {
			at := db.Now().Add(-test.late).UTC().Truncate(time.Second)
			j := s.job(db, account, daily(at), test.edit)
			s.plan(j.ID, at)
			s.equal("settled", s.claimNone(db, node).Settled, 1)
			s.equal("ledger", s.ledger(j.ID), []entry{{
				Planned: at, Attempt: 1, Outcome: cron.OutcomeMissed, Fault: cron.FaultMissed, Last: at, Count: 1,
			}})
			s.equal("next run", s.record(db, account, j.ID).State.NextRun, j.NextAfter(at))
			s.equal("history", len(s.history(db, account, j.ID)), 0)
		}
	}},
	{"of a gap the latest runs, and one record has the others", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute)
		first := db.Now().UTC().Truncate(time.Minute).Add(-3 * time.Hour)
		s.plan(j.ID, first)
		claimed := s.claim(db, node, 10)
		if len(claimed.Launches) != 1 {
			s.Fatalf("claimed %+v, want one", claimed)
		}
		run := claimed.Launches[0].Planned
		count := int64(run.Sub(first) / time.Minute)
		if count < 180 || count > 190 {
			s.Fatalf("%v runs, and the first was at %v", run, first)
		}
		s.equal("settled", claimed.Settled, int(count))
		s.equal("ledger", s.ledger(j.ID), []entry{
			{
				Planned: first, Attempt: 1, Outcome: cron.OutcomeMissed, Fault: cron.FaultMissed,
				Last: run.Add(-time.Minute), Count: count,
			},
			{Planned: run, Attempt: 1, Node: node, Outcome: cron.OutcomeRunning},
		})
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, run.Add(time.Minute))
	}},
	{"a missed record has the time at which it was written", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute)
		s.plan(j.ID, db.Now().Add(-time.Hour))
		before := db.Now().Truncate(time.Millisecond)
		s.claimOne(db, node)
		if _, written := s.raw().Missed(j.ID); written.Before(before) || written.After(db.Now()) {
			s.Errorf("written at %v, the claim was at %v", written, before)
		}
	}},
	{"gaps that take long to count are settled by several claims", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, func(j *cron.Job) {
			j.Schedule = EveryMinute()
			j.Schedule.Seconds, j.Schedule.Timezone = cron.Every, "Europe/Berlin" // where the clocks are changed twice a year
			j.Policy.Grace = 0
		})
		const jobs = 300
		first := db.Now().UTC().Truncate(time.Second).AddDate(-1, 0, 0)
		s.plan(j.ID, first)
		s.copies(j.ID, jobs-1)
		claims := 0
		for more := true; more; claims++ {
			more = s.claim(db, node, 1000).More
		}
		if claims < 3 {
			s.Errorf("%d claims counted what all have missed", claims)
		}
		s.equal("jobs with a record of the gap", s.raw().Gaps(cron.OutcomeMissed, cron.FaultMissed, first, 10_000), int64(jobs))
	}},
	{"a gap of a week is settled for many jobs", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute)
		const jobs = 1000
		first := db.Now().UTC().Truncate(time.Minute).Add(-7 * 24 * time.Hour)
		s.plan(j.ID, first)
		s.copies(j.ID, jobs-1)

		launched := 0
		for more := true; more; {
			claimed := s.claim(db, node, 300)
			more = claimed.More
			launched += len(claimed.Launches)
		}
		if launched < jobs { // more if a minute ends meanwhile, when they are due again
			s.Errorf("launched %d, want all of them", launched)
		}
		s.equal("missed records", s.raw().Gaps(cron.OutcomeMissed, cron.FaultMissed, first, 7*24*60), int64(jobs))
		s.equal("wrong counts", s.raw().WrongGaps(), int64(0))
	}},
}

// copies adds n copies of a job without secrets, with its state, to its account.
func (s *suite) copies(jobID int64, n int) {
	s.Helper()
	s.raw().CopyJob(jobID, n)
}
