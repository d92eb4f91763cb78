package storetest

import (
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// maintain takes steps of the upkeep until there is nothing left to do.
func (s *suite) maintain(db *store.Store) {
	s.Helper()
	for range 1000 {
		more, err := db.Maintain(s.ctx())
		s.ok(err)
		if !more {
			return
		}
	}
	s.Fatal("the upkeep does not end")
}

// shortRetention lets two plans keep history for an hour and for a day.
func shortRetention() cron.Plans {
	hour, day := cron.DefaultPlans()[cron.PlanMember], cron.DefaultPlans()[cron.PlanMember]
	hour.Retention, day.Retention = time.Hour, 24*time.Hour
	return cron.Plans{cron.PlanDefault: hour, cron.PlanMember: hour, cron.PlanUnlimited: day}
}

// ran lets a job run at an instant, with a response that is saved.
func (s *suite) ran(db *store.Store, node int64, j cron.Job, at time.Time) cron.Launch {
	s.Helper()
	s.pend(j, at, at, cron.KindScheduled, 1)
	c := succeeded(s.claimOne(db, node))
	c.Result.Started, c.Result.Headers, c.Result.Body = at, []byte("\r\n"), []byte("body")
	s.finish(db, c)
	return c.Launch
}

var retentionTests = []test{
	{"history ends where the plan says", func(s *suite) {
		s.options.Plans = shortRetention()
		db, account, node := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		old, recent := s.ran(db, node, j, now.Add(-61*time.Minute)), s.ran(db, node, j, now.Add(-55*time.Minute))
		h := s.history(db, account, j.ID)
		if len(h) != 1 || h[0].ID != recent.ExecutionID {
			s.Errorf("the history is %+v, want the recent one", h)
		}
		_, err := db.Execution(s.ctx(), account, j.ID, old.ExecutionID)
		s.missing(err, cron.SubjectExecution)
		_, err = db.Execution(s.ctx(), account, j.ID, recent.ExecutionID)
		s.ok(err)

		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
			a.Plan = cron.PlanUnlimited
			return nil
		}))
		s.equal("history of a larger plan", len(s.history(db, account, j.ID)), 2)
	}},
	{"upkeep removes what no plan keeps", func(s *suite) {
		s.options.Plans = shortRetention()
		db, account, node := s.start()
		other := cron.Account{Email: "other@example.com", Plan: cron.PlanUnlimited}
		s.ok(db.CreateAccount(s.ctx(), &other))
		hour, day := s.job(db, account), s.job(db, other.ID)
		now := db.Now().UTC().Truncate(time.Second)
		for _, age := range []time.Duration{50 * time.Hour, 49 * time.Hour, 2 * time.Hour, time.Minute} {
			s.ran(db, node, hour, now.Add(-age))
			s.ran(db, node, day, now.Add(-age))
		}
		s.maintain(db)
		kept := 2 // PostgreSQL hides what a plan keeps no more and removes it with the longest of all
		if s.isSQLite() {
			kept = 1
		}
		s.equal("of an hour", len(s.ledger(hour.ID)), kept)
		s.equal("of a day", len(s.ledger(day.ID)), 2)
		s.equal("responses", s.raw().Rows("response"), int64(kept+2))
		s.equal("history of an hour", len(s.history(db, account, hour.ID)), 1)
		s.equal("history of a day", len(s.history(db, other.ID, day.ID)), 2)
	}},
	{"upkeep removes more than one chunk, and nothing that runs", func(s *suite) {
		s.options.Plans = shortRetention()
		db, account, node := s.start()
		const jobs = 1200
		j := s.job(db, account)
		s.copies(j.ID, jobs-1)
		s.raw().AddExecutionPerJob(db.Now().Add(-100 * time.Hour))
		s.plan(j.ID, db.Now().Add(-time.Second))
		running := s.claimOne(db, node)
		s.maintain(db)
		s.equal("records", s.raw().Rows("execution"), int64(1))
		s.finish(db, succeeded(running))
		s.equal("history", len(s.history(db, account, j.ID)), 1)
	}},
	{"one step removes few large responses", func(s *suite) {
		if !s.isSQLite() {
			s.Skip("whole days are removed at once")
		}
		s.options.Plans = shortRetention()
		db, account, _ := s.start()
		j := s.job(db, account)
		const records, size = 100, 256 << 10
		s.raw().AddExecutions(account, j.ID, records, db.Now().Add(-100*time.Hour), time.Millisecond)
		s.raw().AddResponses(size)
		for left, more := int64(records), true; more; {
			var err error
			more, err = db.Maintain(s.ctx())
			s.ok(err)
			now := s.raw().Rows("response")
			if left-now > 17 {
				s.Fatalf("one step deletes %d responses of %d bytes", left-now, size)
			}
			left = now
		}
		s.equal("records", s.raw().Rows("execution")+s.raw().Rows("response"), int64(0))
	}},
	{"the history of what was deleted goes too", func(s *suite) {
		s.options.Plans = shortRetention()
		db, account, node := s.start()
		gone := s.account(db)
		stays, deleted, of := s.job(db, account), s.job(db, account), s.job(db, gone)
		now := db.Now().UTC().Truncate(time.Second)
		for _, age := range []time.Duration{50 * time.Hour, time.Minute} {
			for _, j := range []cron.Job{stays, deleted, of} {
				s.ran(db, node, j, now.Add(-age))
			}
		}
		s.ok(db.DeleteJob(s.ctx(), account, deleted.ID))
		s.ok(db.DeleteAccount(s.ctx(), gone))
		s.maintain(db)
		s.equal("stays", len(s.ledger(stays.ID)), 1)
		s.equal("of a deleted job, while the plan keeps it", len(s.ledger(deleted.ID)), 1)
		if s.isSQLite() {
			s.equal("of a deleted account", len(s.ledger(of.ID)), 0)
		}
		s.equal("history", len(s.history(db, account, stays.ID)), 1)
	}},
	{"nodes that died long ago are forgotten", func(s *suite) {
		db, account, node := s.start()
		s.due(db, account)
		s.claimOne(db, node) // still to be settled
		forgotten := s.node(db)
		s.ok(db.StopNode(s.ctx(), forgotten))
		settled, err := db.SettleDead(s.ctx(), node)
		s.ok(err)
		s.equal("settled", settled, 0)
		s.raw().KillNodes(db.Now().Add(-25 * time.Hour))
		alive, recent := s.node(db), s.node(db)
		s.ok(db.StopNode(s.ctx(), recent))
		s.maintain(db)
		s.equal("forgotten", s.raw().Nodes(forgotten), int64(0))
		s.equal("kept", s.raw().Nodes(node, alive, recent), int64(3))
	}},
	{"days have their partitions, and claims go on meanwhile", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		before := s.claimOne(db, node) // into a day without a partition
		s.maintain(db)
		s.maintain(db)
		at := db.Now().Add(-500 * time.Millisecond)
		s.plan(j.ID, at)
		after := s.claimOne(db, node)
		s.finish(db, succeeded(before), succeeded(after))
		s.equal("history", len(s.history(db, account, j.ID)), 2)
		s.plan(j.ID, before.Planned)
		s.claimNone(db, node) // an occurrence is known wherever it lies
	}},
}
