package storetest

import (
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// observe works out the states of components until nothing is left to do.
func (s *suite) observe(db *store.Store) {
	s.Helper()
	for {
		more, err := db.ObserveComponents(s.ctx())
		s.ok(err)
		if !more {
			return
		}
	}
}

// monitored is a job on a page of its own, of which nothing is known.
func (s *suite) monitored(db *store.Store, account int64, edits ...func(*cron.Job)) (j cron.Job, page, component int64) {
	s.Helper()
	j = s.job(db, account, edits...)
	page = s.raw().AddPage(account, "Europe/Berlin")
	return j, page, s.raw().AddComponent(page, statuspage.DefaultRule(), 0, j.ID)
}

// shows checks what a component shows.
func (s *suite) shows(component int64, want statuspage.State) {
	s.Helper()
	if got, _ := s.raw().ComponentState(component); got != want {
		s.Errorf("component %d is %s, want %s", component, got, want)
	}
}

var monitorTests = []test{
	{"results become states, and the page a new revision with each", func(s *suite) {
		db, account, node := s.start()
		j, page, component := s.monitored(db, account)
		revision := s.raw().PageRevision(page)
		for _, step := range []struct {
			result func(cron.Launch) cron.Completion
			want   statuspage.State
			shows  bool
		}{
			{succeeded, statuspage.Operational, true}, {failed, statuspage.Operational, false}, {failed, statuspage.MajorOutage, true},
			{succeeded, statuspage.MajorOutage, false}, {succeeded, statuspage.Operational, true}, {succeeded, statuspage.Operational, false},
		} {
			c := s.attempt(db, node, j.ID, func(l cron.Launch) cron.Completion {
				c := step.result(l)
				c.Result.Duration = 0 // it ends at once, and not in the future
				return c
			})
			s.observe(db)
			s.shows(component, step.want)
			if step.shows {
				revision++
				_, since := s.raw().ComponentState(component)
				s.equal("since", since, c.Result.Started)
			}
			s.equal("revision", s.raw().PageRevision(page), revision)
		}
		s.equal("results that are left", s.raw().Rows("monitor_result"), int64(0))
		s.equal("transitions", len(s.raw().Transitions(component, statuspage.LayerObserved)), 3)
	}},
	{"a result that is recorded becomes a state after the node has died", func(s *suite) {
		db, account, node := s.start()
		j, _, component := s.monitored(db, account)
		s.attempt(db, node, j.ID, succeeded)
		s.plan(s.job(db, account).ID, db.Now().Add(-time.Second))
		s.claimOne(db, node)
		s.shows(component, statuspage.Unknown)
		survivor, _ := s.dies(db, node)
		s.observe(survivor)
		s.shows(component, statuspage.Operational)
		s.equal("results that are left", s.raw().Rows("monitor_result"), int64(0))
	}},
	{"a success of a job that a component has got since its start is a result", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.attempt(db, node, j.ID, succeeded) // all is well, so nothing of the definition matters to the next one
		s.plan(j.ID, db.Now().Add(-2*time.Second))
		l := s.claimOne(db, node)
		component := s.raw().AddComponent(s.raw().AddPage(account, "Europe/Berlin"), statuspage.DefaultRule(), 0, j.ID)
		s.ok(db.Finish(s.ctx(), []cron.Completion{succeeded(l)}))
		s.equal("results", s.raw().Rows("monitor_result"), int64(1))
		s.observe(db)
		s.shows(component, statuspage.Operational)
	}},
	{"what is no result of a target", func(s *suite) {
		db, account, node := s.start()
		j, page, component := s.monitored(db, account)
		s.attempt(db, node, j.ID, succeeded)
		s.observe(db)
		revision := s.raw().PageRevision(page)
		own := func(l cron.Launch) cron.Completion {
			c := failed(l)
			c.Result.Status, c.Result.Fault = cron.StatusInternalError, cron.FaultInternal
			return c
		}
		s.attempt(db, node, j.ID, lost)
		s.observe(db)
		s.shows(component, statuspage.Operational)
		s.attempt(db, node, j.ID, own)
		s.observe(db)
		s.shows(component, statuspage.Unknown)
		s.equal("revision", s.raw().PageRevision(page), revision+1)
		s.attempt(db, node, j.ID, succeeded)
		s.observe(db)
		s.shows(component, statuspage.Operational)
	}},
	{"missed occurrences make a job unknown", func(s *suite) {
		db, account, node := s.start()
		j, _, component := s.monitored(db, account, eachMinute, func(j *cron.Job) { j.Policy.Grace = time.Second })
		s.attempt(db, node, j.ID, succeeded)
		s.observe(db)
		s.plan(j.ID, db.Now().Add(-10*time.Minute).Truncate(time.Minute))
		s.claim(db, node, 10)
		s.equal("rows for the gap", s.raw().Rows("monitor_result"), int64(2))
		s.observe(db)
		s.shows(component, statuspage.Unknown)
	}},
	{"skipped occurrences say nothing", func(s *suite) {
		db, account, node := s.start()
		j, _, component := s.monitored(db, account, func(j *cron.Job) { j.Policy.Overlap = cron.OverlapSkip })
		s.attempt(db, node, j.ID, succeeded)
		s.observe(db)
		s.plan(j.ID, db.Now().Add(-time.Second))
		l := s.claimOne(db, node)
		s.plan(j.ID, db.Now().Add(-time.Second))
		s.claimNone(db, node)
		s.equal("rows", s.raw().Rows("monitor_result"), int64(0))
		s.shows(component, statuspage.Operational)
		s.finish(db, succeeded(l))
	}},
	{"an attempt that is followed by another is no result", func(s *suite) {
		db, account, node := s.start()
		j, _, component := s.monitored(db, account, func(j *cron.Job) {
			j.Policy.Retry = cron.Retry{Count: 1, Delay: time.Second, Factor: 1, Ceiling: time.Second}
		})
		s.attempt(db, node, j.ID, succeeded)
		for range 2 {
			s.attempt(db, node, j.ID, failed)
			s.hurry(db, j.ID)
			s.finish(db, succeeded(s.claimOne(db, node)))
		}
		s.equal("results", s.raw().Rows("monitor_result"), int64(3))
		s.observe(db)
		s.shows(component, statuspage.Operational)
		s.equal("transitions", len(s.raw().Transitions(component, statuspage.LayerObserved)), 1)
	}},
	{"jobs without components leave nothing", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.attempt(db, node, j.ID, succeeded)
		s.attempt(db, node, j.ID, failed)
		s.equal("results", s.raw().Rows("monitor_result"), int64(0))
	}},
	{"a result that is overdue", func(s *suite) {
		db, account, node := s.start()
		j, _, component := s.monitored(db, account)
		s.attempt(db, node, j.ID, succeeded)
		s.observe(db)
		at := db.Now().UTC().Truncate(time.Millisecond)
		s.raw().Expire(j.ID, at)
		s.observe(db) // planned for later: it may have had another schedule
		s.shows(component, statuspage.Operational)
		s.raw().Expire(j.ID, at)
		s.pend(j, at.Add(time.Hour), at, cron.KindScheduled, 2)
		s.observe(db) // it is being tried again
		s.shows(component, statuspage.Operational)
		s.raw().Clear("pending")
		s.raw().Expire(j.ID, at)
		s.observe(db)
		s.shows(component, statuspage.Unknown)
		s.attempt(db, node, j.ID, succeeded)
		s.observe(db)
		s.shows(component, statuspage.Operational)
	}},
	{"the result of a job that is not planned, or not claimed, is overdue", func(s *suite) {
		db, account, node := s.start()
		for _, late := range []bool{false, true} {
			j, page, component := s.monitored(db, account)
			s.attempt(db, node, j.ID, succeeded)
			s.observe(db)
			revision := s.raw().PageRevision(page)
			if late {
				s.plan(j.ID, db.Now().Add(-5*time.Minute))
			} else {
				s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Enabled = false; return nil }))
			}
			at := db.Now().UTC().Truncate(time.Millisecond)
			s.raw().Expire(j.ID, at)
			s.observe(db)
			s.shows(component, statuspage.Unknown)
			_, since := s.raw().ComponentState(component)
			s.equal("since", since, at)
			s.equal("revision", s.raw().PageRevision(page), revision+1)
		}
	}},
	{"nobody waits for the results of an account with many", func(s *suite) {
		db, account, node := s.start()
		big, _, _ := s.monitored(db, account)
		s.raw().AddMonitorResults(account, big.ID, 5000, cron.OutcomeSucceeded, db.Now())
		other := s.account(db)
		j, _, component := s.monitored(db, other)
		s.attempt(db, node, j.ID, succeeded)
		more, err := db.ObserveComponents(s.ctx())
		s.ok(err)
		s.shows(component, statuspage.Operational)
		if left := s.raw().RowsOfAccount("monitor_result", account); !more || left < 4000 || left == 5000 {
			s.Errorf("%d results of 5000 are left, and there is more: %t", left, more)
		}
		s.observe(db)
		s.equal("results that are left", s.raw().Rows("monitor_result"), int64(0))
	}},
	{"many accounts have their turn", func(s *suite) {
		db, _, node := s.start()
		var components []int64
		for range 30 {
			j, _, component := s.monitored(db, s.account(db))
			s.attempt(db, node, j.ID, succeeded)
			components = append(components, component)
		}
		s.observe(db)
		for _, c := range components {
			s.shows(c, statuspage.Operational)
		}
	}},
	{"a page that is being changed holds up no other", func(s *suite) {
		db, account, node := s.start()
		if s.isSQLite() {
			s.Skip("SQLite has one writer")
		}
		j, page, component := s.monitored(db, account)
		other, _, free := s.monitored(db, account)
		s.attempt(db, node, j.ID, succeeded)
		s.attempt(db, node, other.ID, succeeded)
		tx, err := OpenTables(s.T, s.options).DB().BeginTx(s.ctx(), nil)
		s.ok(err)
		_, err = tx.ExecContext(s.ctx(), `UPDATE status_page SET revision = revision + 1 WHERE id = $1`, page)
		s.ok(err)
		more, err := db.ObserveComponents(s.ctx())
		s.ok(err)
		s.shows(free, statuspage.Operational)
		s.shows(component, statuspage.Unknown)
		s.equal("there is more", more, true)
		s.ok(tx.Rollback())
		s.observe(db)
		s.shows(component, statuspage.Operational)
	}},
	{"several nodes take each result once", func(s *suite) {
		db, account, _ := s.start()
		j, _, component := s.monitored(db, account)
		now := db.Now()
		for range 4 { // down, up, down, up
			s.raw().AddMonitorResults(account, j.ID, 20, cron.OutcomeFailed, now)
			s.raw().AddMonitorResults(account, j.ID, 600, cron.OutcomeSucceeded, now)
		}
		nodes := []*store.Store{db, db}
		if !s.isSQLite() {
			nodes = append(nodes, s.open(), s.open())
		}
		var all sync.WaitGroup
		for _, node := range nodes {
			all.Go(func() {
				for s.raw().Rows("monitor_result") > 0 {
					if _, err := node.ObserveComponents(s.ctx()); err != nil {
						s.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		var states []statuspage.State
		for _, t := range s.raw().Transitions(component, statuspage.LayerObserved) {
			states = append(states, t.State)
		}
		s.shows(component, statuspage.Operational)
		if len(states) == 0 || states[len(states)-1] != statuspage.Operational {
			s.Errorf("the states are %v", states)
		}
	}},
	{"a flapping component has few transitions", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		page := s.raw().AddPage(account, "UTC")
		c := s.raw().AddComponent(page, statuspage.Rule{Failures: 1, Of: 1, Successes: 1, Percent: 95}, 0, j.ID)
		now := db.Now()
		for i := range 1000 {
			outcome := cron.OutcomeSucceeded
			if i%2 == 1 {
				outcome = cron.OutcomeFailed
			}
			s.raw().AddMonitorResults(account, j.ID, 1, outcome, now.Add(time.Duration(i-1000)*time.Second/10))
		}
		s.observe(db)
		if n := len(s.raw().Transitions(c, statuspage.LayerObserved)); n < 100 || n > 205 {
			s.Errorf("%d transitions", n)
		}
		s.shows(c, statuspage.MajorOutage)
	}},
	{"days stay when their transitions are gone", func(s *suite) {
		db, account, _ := s.start()
		page := s.raw().AddPage(account, "UTC")
		c := s.raw().AddComponent(page, statuspage.DefaultRule(), 0)
		day := 24 * time.Hour
		today := db.Now().UTC().Truncate(day)
		s.raw().AddTransition(c, today.Add(-100*day), statuspage.Operational)
		s.raw().AddTransition(c, today.Add(-99*day), statuspage.Degraded)
		s.raw().AddTransition(c, today.Add(-50*day), statuspage.MajorOutage)
		s.raw().AddTransition(c, today.Add(-49*day), statuspage.Operational)
		before, err := db.PageHistory(s.ctx(), page, 90)
		s.ok(err)
		s.maintain(db)
		s.equal("transitions", len(s.raw().Transitions(c, statuspage.LayerObserved)), 3) // what was in effect when the rest begins stays
		after, err := db.PageHistory(s.ctx(), page, 90)
		s.ok(err)
		s.equal("days", after[0].Days[:89], before[0].Days[:89])
		s.equal("a day of an outage", after[0].Days[39].States[statuspage.MajorOutage], day)
		s.raw().Clear("status_transition")
		cached, err := db.PageHistory(s.ctx(), page, 90)
		s.ok(err)
		s.equal("days without transitions", cached[0].Days[:89], before[0].Days[:89])
		s.raw().EndDay(page)
		s.maintain(db)
		s.equal("days that are over", int64(len(s.raw().StoredDays(c))), int64(89))
	}},
	{"a job that comes to a page shows its latest result", func(s *suite) {
		db, account, node := s.start()
		j, k, never := s.job(db, account), s.job(db, account), s.job(db, account)
		s.attempt(db, node, j.ID, succeeded)
		s.attempt(db, node, k.ID, failed)
		p := s.statusPage(db, account, component("up", j.ID), component("failed once", k.ID), component("never ran", never.ID))
		s.shows(p.Components[0].ID, statuspage.Operational)
		s.shows(p.Components[1].ID, statuspage.Unknown)
		s.shows(p.Components[2].ID, statuspage.Unknown)
		s.attempt(db, node, k.ID, failed)
		s.observe(db)
		s.shows(p.Components[1].ID, statuspage.MajorOutage)
		s.ok(s.editPage(db, p, func(p *statuspage.Page) { p.Components[1].JobIDs = []int64{j.ID, k.ID}; p.Components[1].Needed = 1 }))
		s.shows(p.Components[1].ID, statuspage.Operational)
		s.ok(s.editPage(db, p, func(p *statuspage.Page) { p.Components[1].JobIDs, p.Components[1].Needed = nil, 0 }))
		s.shows(p.Components[1].ID, statuspage.Unknown)
		s.ok(db.DeleteStatusPage(s.ctx(), account, p.ID, func(*statuspage.Page) error { return nil }))
		s.equal("latest results", s.raw().Rows("monitor"), int64(0))
	}},
}
