package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// withJobs gives the first component of a page jobs.
func withJobs(jobs ...cron.Job) func(*statuspage.Page) {
	return func(p *statuspage.Page) {
		for _, j := range jobs {
			p.Components[0].JobIDs = append(p.Components[0].JobIDs, j.ID)
		}
	}
}

// upkeepPlan adds a maintenance of the first component of a page, for an hour before and after now, after edits to it.
func (s *suite) upkeepPlan(db *store.Store, p *statuspage.Page, edits ...func(*statuspage.Plan)) statuspage.Plan {
	s.Helper()
	now := db.Now().UTC().Truncate(time.Second)
	plan := statuspage.Plan{PageID: p.ID, AccountID: p.AccountID, Title: "move", Start: now.Add(-time.Hour), End: now.Add(time.Hour),
		ComponentIDs: []int64{p.Components[0].ID}}
	for _, edit := range edits {
		edit(&plan)
	}
	s.ok(db.CreateStatusPlan(s.ctx(), &plan, func(components []int64) error { return plan.Accept(components, new(statuspage.Plan)) }))
	return plan
}

func (s *suite) changePlan(db *store.Store, p statuspage.Plan, change func(*statuspage.Plan)) {
	s.Helper()
	s.ok(db.UpdateStatusPlan(s.ctx(), p.AccountID, p.PageID, p.ID, func(p *statuspage.Plan, components []int64) error {
		before := *p
		change(p)
		return p.Accept(components, &before)
	}))
}

// planned sets the span of a maintenance, relative to now.
func planned(now time.Time, from, to time.Duration) func(*statuspage.Plan) {
	now = now.UTC().Truncate(time.Second)
	return func(p *statuspage.Plan) { p.Start, p.End = now.Add(from), now.Add(to) }
}

func pauses(p *statuspage.Plan) { p.Effect = statuspage.EffectPause }

// showMaintenance shows what has started or ended until nothing is left to do.
func (s *suite) showMaintenance(db *store.Store) {
	s.Helper()
	for more := true; more; {
		var err error
		more, err = db.ShowMaintenance(s.ctx())
		s.ok(err)
	}
}

var pageMaintenanceTests = []test{
	{"components are in maintenance as long as one lasts", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 2)
		now := db.Now()
		first := s.upkeepPlan(db, &p)
		s.equal("states", s.states(db, &p), []string{"maintenance", "unknown"})
		s.changePlan(db, first, func(plan *statuspage.Plan) { plan.ComponentIDs = []int64{p.Components[1].ID} })
		s.equal("states", s.states(db, &p), []string{"unknown", "maintenance"})
		second := s.upkeepPlan(db, &p, func(plan *statuspage.Plan) { plan.ComponentIDs = []int64{p.Components[0].ID, p.Components[1].ID} })
		s.changePlan(db, first, planned(now, time.Hour, 2*time.Hour))
		s.equal("states", s.states(db, &p), []string{"maintenance", "maintenance"})
		before := s.raw().PageRevision(p.ID)
		s.ok(db.DeleteStatusPlan(s.ctx(), account, p.ID, second.ID))
		s.equal("states", s.states(db, &p), []string{"unknown", "unknown"})
		s.equal("it is seen", s.raw().PageRevision(p.ID) > before, true)
		list, err := db.StatusPlans(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("maintenances", len(list), 1)
	}},
	{"it starts and ends to the second, however late that is noticed", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1)
		c, now := &p.Components[0], db.Now().UTC().Truncate(time.Second)
		long := s.upkeepPlan(db, &p, planned(now, -180*time.Minute, -60*time.Minute))
		short := s.upkeepPlan(db, &p, planned(now, -90*time.Minute, -30*time.Minute))
		next := s.upkeepPlan(db, &p, planned(now, -10*time.Minute, time.Hour))
		s.raw().Exec(`DELETE FROM status_transition`)
		for _, plan := range []statuspage.Plan{long, short, next} {
			s.raw().ShowPlanFrom(plan.ID, now.Add(-200*time.Minute))
		}
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() { s.showMaintenance(db) })
		}
		group.Wait()
		s.equal("layer", s.raw().LayerSince(c.ID, statuspage.LayerMaintenance, now), []string{"-3h0m0s maintenance", "-30m0s clear", "-10m0s maintenance"})
		s.equal("states", s.states(db, &p), []string{"maintenance"})
		s.equal("more", second(db.ShowMaintenance(s.ctx())), nil)
	}},
	{"one that is long over stays until its end is shown", func(s *suite) {
		db, account, _ := s.start()
		p, now := s.shown(db, account, 1), db.Now().UTC().Truncate(time.Second)
		plan := s.upkeepPlan(db, &p, planned(now, -40*24*time.Hour, -39*24*time.Hour))
		s.raw().ShowPlanFrom(plan.ID, now.Add(-41*24*time.Hour))
		s.maintain(db)
		s.showMaintenance(db)
		s.equal("layer", s.raw().LayerSince(p.Components[0].ID, statuspage.LayerMaintenance, now), []string{"-960h0m0s maintenance", "-936h0m0s clear"})
		s.maintain(db)
		s.missing(second(db.StatusPlan(s.ctx(), account, p.ID, plan.ID)), cron.SubjectPageMaintenance)
	}},
	{"one by a schedule comes again and again", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1)
		now := db.Now().UTC().Truncate(time.Minute)
		start := now.Add(-2 * time.Hour)
		plan := s.upkeepPlan(db, &p, func(plan *statuspage.Plan) {
			plan.Start, plan.End, plan.Duration, plan.Schedule = time.Time{}, time.Time{}, time.Hour, EveryMinute()
			plan.Schedule.Hours, plan.Schedule.Minutes = cron.SetOf(start.Hour()), cron.SetOf(start.Minute())
		})
		s.raw().ShowPlanFrom(plan.ID, now.Add(-50*time.Hour-30*time.Minute))
		s.showMaintenance(db)
		s.equal("layer", s.raw().LayerSince(p.Components[0].ID, statuspage.LayerMaintenance, now),
			[]string{"-50h0m0s maintenance", "-49h0m0s clear", "-26h0m0s maintenance", "-25h0m0s clear", "-2h0m0s maintenance", "-1h0m0s clear"})
	}},
	{"it pauses or silences the jobs that the components have", func(s *suite) {
		db, account, node := s.start()
		j, late, other := s.job(db, account, allNotices), s.job(db, account), s.job(db, account)
		p := s.shown(db, account, 2, withJobs(j))
		plan := s.upkeepPlan(db, &p, pauses)
		s.equal("it runs", []bool{s.runsNow(db, node, j), s.runsNow(db, node, late), s.runsNow(db, node, other)}, []bool{false, true, true})
		s.ok(db.UpdateStatusPage(s.ctx(), account, p.ID, func(p *statuspage.Page) error { withJobs(late)(p); return nil }))
		s.equal("a job that is added runs", s.runsNow(db, node, late), false)
		s.changePlan(db, plan, func(plan *statuspage.Plan) { plan.Effect = statuspage.EffectSilence })
		s.runs(db, node, j, failed)
		s.equal("notices", len(s.notices(j.ID)), 0)
		windows, err := db.JobWindows(s.ctx(), account)
		s.ok(err)
		s.equal("windows of jobs", []any{len(windows), windows[0].Selects(&j), windows[0].Selects(&other)}, []any{1, true, false})
		s.changePlan(db, plan, func(plan *statuspage.Plan) { plan.Effect = statuspage.EffectNone })
		s.runs(db, node, j, failed)
		s.equal("notices", len(s.notices(j.ID)), 1)
		s.changePlan(db, plan, pauses)
		s.changePlan(db, plan, func(plan *statuspage.Plan) { plan.ComponentIDs = []int64{p.Components[1].ID} }) // which has no jobs
		s.equal("it runs", []bool{s.runsNow(db, node, j), s.runsNow(db, node, other)}, []bool{true, true})
		windows, err = db.JobWindows(s.ctx(), account)
		s.ok(err)
		s.equal("a window without jobs is for all", windows[0].Selects(&other), false)
		s.changePlan(db, plan, func(plan *statuspage.Plan) { plan.ComponentIDs = []int64{p.Components[0].ID} })
		s.equal("it runs", s.runsNow(db, node, j), false)
		s.ok(db.DeleteStatusPage(s.ctx(), account, p.ID, func(*statuspage.Page) error { return nil }))
		s.equal("it runs without the page", s.runsNow(db, node, j), true)
		_, ok := s.raw().MaintenanceFrom(account)
		s.equal("claims look at windows", ok, false)
	}},
	{"it is no window of the account, and that is no maintenance of a page", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		p, other := s.shown(db, account, 1), s.shown(db, account, 1)
		plan, window := s.upkeepPlan(db, &p, pauses), s.maintenance(db, account)
		windows, err := db.MaintenanceWindows(s.ctx(), account)
		s.ok(err)
		s.equal("windows", len(windows), 1)
		s.missing(second(db.MaintenanceWindow(s.ctx(), account, plan.ID)), cron.SubjectMaintenance)
		s.missing(db.DeleteMaintenance(s.ctx(), account, plan.ID), cron.SubjectMaintenance)
		s.missing(db.UpdateMaintenance(s.ctx(), account, plan.ID, func(*cron.MaintenanceWindow) error { return nil }), cron.SubjectMaintenance)
		nothing := func(*statuspage.Plan, []int64) error { return errors.New("it is called") }
		for _, at := range []struct {
			account, page, id int64
			subject           cron.Subject
		}{
			{account, p.ID, window.ID, cron.SubjectPageMaintenance}, {account, other.ID, plan.ID, cron.SubjectPageMaintenance},
			{stranger, p.ID, plan.ID, cron.SubjectStatusPage},
		} {
			s.missing(second(db.StatusPlan(s.ctx(), at.account, at.page, at.id)), cron.SubjectPageMaintenance)
			s.missing(db.UpdateStatusPlan(s.ctx(), at.account, at.page, at.id, nothing), at.subject)
			s.missing(db.DeleteStatusPlan(s.ctx(), at.account, at.page, at.id), at.subject)
		}
		got, err := db.StatusPlan(s.ctx(), account, p.ID, plan.ID)
		s.ok(err)
		s.equal("maintenance", got, plan)
		s.missing(second(db.StatusPlans(s.ctx(), stranger, p.ID)), cron.SubjectStatusPage)
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("windows", s.raw().Rows("maintenance"), int64(0))
	}},
	{"the pages of an account have a hundred, beside its windows", func(s *suite) {
		db, account, _ := s.start()
		p, now := s.shown(db, account, 1), db.Now()
		window := s.maintenance(db, account, between(now, -5*time.Hour, -4*time.Hour))
		over := s.upkeepPlan(db, &p, planned(now, -3*time.Hour, -2*time.Hour))
		for range statuspage.MaxMaintenances {
			s.upkeepPlan(db, &p, planned(now, time.Hour, 2*time.Hour))
		}
		s.missing(second(db.StatusPlan(s.ctx(), account, p.ID, over.ID)), cron.SubjectPageMaintenance)
		plan := statuspage.Plan{PageID: p.ID, AccountID: account, Title: "x", Start: now, End: now.Add(time.Hour), ComponentIDs: []int64{p.Components[0].ID}}
		s.refused(db.CreateStatusPlan(s.ctx(), &plan, func([]int64) error { return nil }), cron.TooMany, cron.SubjectPageMaintenance)
		s.ok(second(db.MaintenanceWindow(s.ctx(), account, window.ID)))
		s.equal("rows", fmt.Sprint(s.raw().Rows("maintenance")), fmt.Sprint(statuspage.MaxMaintenances+1))
	}},
}
