package storetest

import (
	"fmt"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// maintenance adds a window that pauses all jobs of an account for an hour before and after now, after edits to it.
func (s *suite) maintenance(db *store.Store, account int64, edits ...func(*cron.MaintenanceWindow)) cron.MaintenanceWindow {
	s.Helper()
	now := db.Now().UTC().Truncate(time.Second)
	w := cron.MaintenanceWindow{AccountID: account, Title: "move", Effect: cron.MaintenancePause, Start: now.Add(-time.Hour),
		End: now.Add(time.Hour)}
	for _, edit := range edits {
		edit(&w)
	}
	s.ok(w.Accept())
	s.ok(db.CreateMaintenance(s.ctx(), &w))
	return w
}

// changeWindow edits a window as people do.
func (s *suite) changeWindow(db *store.Store, w cron.MaintenanceWindow, change func(*cron.MaintenanceWindow)) {
	s.Helper()
	s.ok(db.UpdateMaintenance(s.ctx(), w.AccountID, w.ID, func(w *cron.MaintenanceWindow) error { change(w); return w.Accept() }))
}

// silent makes a window silence jobs.
func silent(w *cron.MaintenanceWindow) { w.Effect = cron.MaintenanceSilence }

// between sets the span of a window, relative to now.
func between(now time.Time, from, to time.Duration) func(*cron.MaintenanceWindow) {
	now = now.UTC().Truncate(time.Second)
	return func(w *cron.MaintenanceWindow) { w.Start, w.End = now.Add(from), now.Add(to) }
}

// hourly makes a window start each hour, at the minute of an instant.
func hourly(at time.Time, d time.Duration) func(*cron.MaintenanceWindow) {
	return func(w *cron.MaintenanceWindow) {
		w.Start, w.End, w.Duration, w.Schedule = time.Time{}, time.Time{}, d, EveryMinute()
		w.Schedule.Minutes = cron.SetOf(at.UTC().Minute())
	}
}

// runsNow tells whether a job that comes due runs, and not is skipped for maintenance.
func (s *suite) runsNow(db *store.Store, node int64, j cron.Job) bool {
	s.Helper()
	at := db.Now().Add(-100 * time.Millisecond).UTC().Truncate(time.Millisecond)
	ledger := s.ledger(j.ID)
	if n := len(ledger); n > 0 && !at.After(ledger[n-1].Planned) { // on a fast disk
		at = ledger[n-1].Planned.UTC().Add(time.Millisecond)
	}
	s.plan(j.ID, at)
	launches := s.claim(db, node, 10).Launches
	ledger = s.ledger(j.ID)
	last := ledger[len(ledger)-1]
	if len(launches) > 0 {
		s.equal("launch", launches[0].Planned, at)
		s.finish(db, succeeded(launches[0]))
		return true
	}
	s.equal("record", last, entry{Planned: at, Attempt: 1, Outcome: cron.OutcomeSkipped, Fault: cron.FaultMaintenance, Last: at, Count: 1})
	return false
}

var maintenanceTests = []test{
	{"what is due in a window is skipped, and what is due afterwards runs", func(s *suite) {
		db, account, node := s.start()
		j, other := s.job(db, account, eachMinute), s.job(db, s.account(db))
		w := s.maintenance(db, account)
		s.equal("it runs in the window", s.runsNow(db, node, j), false)
		s.equal("the other account runs", s.runsNow(db, node, other), true)
		s.equal("next run", s.record(db, account, j.ID).State.NextRun.After(db.Now()), true)
		s.equal("problems", len(s.problems(db, account)), 0)
		s.changeWindow(db, w, between(db.Now(), time.Hour, 2*time.Hour))
		s.equal("it runs before the window", s.runsNow(db, node, j), true)
		s.changeWindow(db, w, between(db.Now(), -time.Hour, time.Hour))
		s.equal("it runs in the window", s.runsNow(db, node, j), false)
		s.ok(db.DeleteMaintenance(s.ctx(), account, w.ID))
		s.equal("it runs without the window", s.runsNow(db, node, j), true)
	}},
	{"a window selects jobs by what they are now", func(s *suite) {
		db, account, node := s.start()
		folder := s.folder(db, account, "shop")
		j, other := s.job(db, account), s.job(db, account)
		s.maintenance(db, account, func(w *cron.MaintenanceWindow) { w.Tags, w.FolderIDs = []string{"Shop"}, []int64{folder.ID} })
		for i, tt := range []struct {
			change func(*cron.Job)
			runs   bool
		}{
			{func(*cron.Job) {}, true},
			{func(j *cron.Job) { j.Tags = []string{"x", "sHOP"} }, false},
			{func(j *cron.Job) { j.Tags = []string{"sHOPs"} }, true},
			{func(j *cron.Job) { j.FolderID = folder.ID }, false},
		} {
			s.edit(db, j, tt.change)
			s.equal(fmt.Sprint("it runs after change ", i), s.runsNow(db, node, j), tt.runs)
		}
		s.equal("the other job runs", s.runsNow(db, node, other), true)
		s.ok(db.DeleteFolder(s.ctx(), account, folder.ID, cron.Author{}))
		s.equal("it runs when its folder is deleted", s.runsNow(db, node, j), true)
		_, _, err := db.RestoreFolder(s.ctx(), account, folder.ID, cron.Author{})
		s.ok(err)
		s.equal("it runs when its folder is back", s.runsNow(db, node, j), false)
	}},
	{"a window whose jobs are gone is not for all", func(s *suite) {
		db, account, node := s.start()
		j, kept := s.job(db, account), s.job(db, account)
		s.maintenance(db, account, func(w *cron.MaintenanceWindow) { w.JobIDs = []int64{j.ID} })
		s.equal("it runs", s.runsNow(db, node, j), false)
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.equal("the other one runs", s.runsNow(db, node, kept), true)
		s.ok(s.restore(db, j))
		s.equal("it runs when it is back", s.runsNow(db, node, j), false)
	}},
	{"what was due in a window that is over is skipped, though it is found later", func(s *suite) {
		db, account, node := s.start()
		now := db.Now()
		late := s.job(db, account, eachMinute, func(j *cron.Job) { j.Policy.Misfire, j.Policy.Grace = cron.MisfireRun, 0 })
		daily := s.job(db, account, daily(now.Add(-20*time.Minute)))
		w := s.maintenance(db, account, hourly(now.Add(-30*time.Minute), 20*time.Minute))
		s.raw().SetMaintenanceSpan(w.ID, now.Add(-30*time.Minute), now.Add(-10*time.Minute))
		s.maintain(db) // moves it on
		s.plan(daily.ID, now.Add(-20*time.Minute).UTC().Truncate(time.Second))
		first := now.UTC().Truncate(time.Minute).Add(-40 * time.Minute)
		s.plan(late.ID, first)
		s.equal("it runs", s.claimOne(db, node).Job.ID, late.ID)
		s.equal("record of the daily one", s.ledger(daily.ID)[0].Fault, cron.FaultMaintenance)
		ledger := s.ledger(late.ID)
		var words []string
		var counted int64
		for _, e := range ledger {
			words = append(words, fmt.Sprint(e.Outcome, " ", e.Fault))
			counted += e.Count
		}
		s.equal("records", words, []string{"missed 24", "skipped 27", "missed 24", "running 0"})
		s.equal("occurrences skipped", ledger[1].Count, int64(20))
		s.equal("occurrences that did not run", counted, int64(ledger[3].Planned.Sub(first)/time.Minute))
	}},
	{"nothing starts in a window that was due before it", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.maintenance(db, account, between(db.Now(), -time.Second, time.Hour))
		s.plan(j.ID, db.Now().Add(-3*time.Second))
		s.claimNone(db, node)
		s.equal("fault", s.ledger(j.ID)[0].Fault, cron.FaultMaintenance)
	}},
	{"retries wait for the end of a window, and what somebody asks for runs", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, retries(3, time.Second, 1, time.Second), func(j *cron.Job) { j.Policy.LateAfter = time.Minute })
		l := s.claimOne(db, node)
		w := s.maintenance(db, account, between(db.Now(), -time.Second, 5*time.Minute))
		s.finish(db, failed(l))
		s.equal("waiting", len(s.waiting(j.ID)), 1)
		s.hurry(db, j.ID)
		s.claimNone(db, node)
		waiting := s.waiting(j.ID)
		s.equal("waiting", []any{len(waiting), waiting[0].Attempt, waiting[0].Due}, []any{1, 2, w.End})
		s.request(db, j)
		manual := s.claimOne(db, node)
		s.equal("kind", manual.Kind, cron.KindManual)
		s.finish(db, succeeded(manual))
		s.equal("records", len(s.ledger(j.ID)), 2)

		// A window that is gone does not hold the retry up for long.
		s.changeWindow(db, w, between(db.Now(), -time.Second, 100*time.Hour))
		s.hurry(db, j.ID)
		s.claimNone(db, node)
		if due := s.waiting(j.ID)[0].Due; due.After(db.Now().Add(10 * time.Minute)) {
			s.Errorf("it waits until %v, whatever becomes of the window", due)
		}
		s.ok(db.DeleteMaintenance(s.ctx(), account, w.ID))
		s.hurry(db, j.ID)
		again := s.claimOne(db, node)
		s.equal("attempt", again.Attempt, 2)
		s.finish(db, succeeded(again))
		s.equal("problems", len(s.problems(db, account, cron.ProblemOpen)), 0) // it is not late for having waited
	}},
	{"a one-time job whose instant lies in a window is skipped and done", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second)
		s.maintenance(db, account)
		s.claimNone(db, node)
		s.oneTimeDone(db, j)
		s.equal("fault", s.ledger(j.ID)[0].Fault, cron.FaultMaintenance)
	}},
	{"a window of either effect silences, and both may hold", func(s *suite) {
		db, account, node := s.start()
		j, other := s.job(db, account, allNotices), s.job(db, account, allNotices)
		quiet := s.maintenance(db, account, silent, func(w *cron.MaintenanceWindow) { w.JobIDs = []int64{j.ID} })
		s.runs(db, node, j, failed)
		s.runs(db, node, other, failed)
		s.equal("notices", []int{len(s.notices(j.ID)), len(s.notices(other.ID))}, []int{0, 1})
		s.plan(j.ID, db.Now().Add(-time.Second))
		l := s.claimOne(db, node)
		pause := s.maintenance(db, account)
		s.ok(db.DeleteMaintenance(s.ctx(), account, quiet.ID))
		s.finish(db, failed(l))
		s.equal("notices", len(s.notices(j.ID)), 0)
		s.equal("failures", s.record(db, account, j.ID).State.Failures, 2)
		s.ok(db.DeleteMaintenance(s.ctx(), account, pause.ID))
		s.runs(db, node, j, failed)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
	}},
	{"an execution is silenced that lies in a window in part", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, allNotices)
		l := s.claimOne(db, node)
		w := s.maintenance(db, account, silent, between(db.Now(), -time.Hour, -10*time.Minute))
		s.raw().SetMaintenanceSpan(w.ID, db.Now().Add(-time.Hour), db.Now().Add(-10*time.Minute))
		s.maintain(db)
		c := failed(l)
		c.Result.Started = db.Now().Add(-11 * time.Minute).UTC().Truncate(time.Millisecond)
		s.finish(db, c)
		s.equal("notices", len(s.notices(j.ID)), 0)
		s.runs(db, node, j, failed)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
	}},
	{"an account says when a claim has to look at its windows", func(s *suite) {
		db, account, _ := s.start()
		now := db.Now()
		from := func() time.Duration {
			if at, ok := s.raw().MaintenanceFrom(account); ok {
				return at.Sub(now).Round(time.Minute)
			}
			return -1
		}
		s.equal("without windows", from(), time.Duration(-1))
		far := s.maintenance(db, account, between(now, 20*time.Hour, 21*time.Hour))
		s.equal("with a window", from(), 20*time.Hour)
		near := s.maintenance(db, account, silent, between(now, 5*time.Hour, 6*time.Hour))
		s.equal("with an earlier one", from(), 5*time.Hour)
		s.changeWindow(db, near, between(now, 30*time.Hour, 31*time.Hour))
		s.equal("moved", from(), 20*time.Hour)
		s.ok(db.DeleteMaintenance(s.ctx(), account, far.ID))
		s.equal("deleted", from(), 30*time.Hour)
		s.changeWindow(db, near, between(now, -31*time.Hour, -30*time.Hour))
		if at, ok := s.raw().MaintenanceFrom(account); !ok || at.Before(now.Add(1000*time.Hour)) {
			s.Errorf("with a window that is over: %v", at)
		}
		s.ok(db.DeleteMaintenance(s.ctx(), account, near.ID))
		s.equal("without windows", from(), time.Duration(-1))
	}},
	{"upkeep moves windows on, and deletes those that have long been over", func(s *suite) {
		db, account, _ := s.start()
		now := db.Now()
		for range 30 {
			w := s.maintenance(db, account, hourly(now.Add(30*time.Minute), time.Minute))
			s.raw().SetMaintenanceSpan(w.ID, now.Add(-time.Hour), now.Add(-59*time.Minute))
		}
		old := s.maintenance(db, account, between(now, -31*24*time.Hour, -30*24*time.Hour-time.Minute))
		kept := s.maintenance(db, account, between(now, -31*24*time.Hour, -30*24*time.Hour+time.Hour))
		s.maintain(db)
		s.equal("spans that have passed", s.raw().PassedMaintenance(now), int64(0))
		s.missing(second(db.MaintenanceWindow(s.ctx(), account, old.ID)), cron.SubjectMaintenance)
		s.ok(second(db.MaintenanceWindow(s.ctx(), account, kept.ID)))
		at, _ := s.raw().MaintenanceFrom(account)
		if d := at.Sub(now); d < 29*time.Minute || d > 31*time.Minute {
			s.Errorf("the next one starts in %v", d)
		}
	}},
	{"new time zone data move the starts of windows", func(s *suite) {
		db, account, _ := s.start()
		before, after := s.twoReleases()
		s.ok(cron.UseZones(before))
		s.ok(db.AgreeOnZones(s.ctx(), before))
		node := s.node(db)
		j := s.job(db, account)
		now := db.Now()
		w := s.maintenance(db, account, hourly(now.Add(30*time.Minute), time.Minute))
		s.changeWindow(db, w, func(w *cron.MaintenanceWindow) { w.Duration = 2 * time.Hour })
		s.raw().SetMaintenanceSpan(w.ID, now.Add(time.Hour), now.Add(2*time.Hour)) // as it was by the former data
		s.raw().SetMaintenanceFrom(account, now.Add(time.Hour))
		s.equal("it runs", s.runsNow(db, node, j), true)
		s.ok(db.AgreeOnZones(s.ctx(), after))
		s.equal("it runs by the new data", s.runsNow(db, node, j), false)
		s.maintain(db)
		s.equal("it runs later", s.runsNow(db, node, j), false)
	}},
	{"an account has a hundred windows, and a further one takes the place of one that is over", func(s *suite) {
		db, account, node := s.start()
		now := db.Now()
		j := s.job(db, account)
		over := s.maintenance(db, account, between(now, -3*time.Hour, -2*time.Hour))
		older := s.maintenance(db, account, between(now, -5*time.Hour, -4*time.Hour))
		for range 98 {
			s.maintenance(db, account, between(now, time.Hour, 2*time.Hour))
		}
		for _, gone := range []cron.MaintenanceWindow{older, over} {
			s.maintenance(db, account)
			s.missing(second(db.MaintenanceWindow(s.ctx(), account, gone.ID)), cron.SubjectMaintenance)
		}
		w := cron.MaintenanceWindow{AccountID: account, Title: "x", Start: now, End: now.Add(time.Hour)}
		s.refused(db.CreateMaintenance(s.ctx(), &w), cron.TooMany, cron.SubjectMaintenance)
		list, err := db.MaintenanceWindows(s.ctx(), account)
		s.ok(err)
		s.equal("windows", len(list), 100)
		s.equal("it runs", s.runsNow(db, node, j), false)
	}},
	{"a window reads back, and names what the account has", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		j, folder := s.job(db, account), s.folder(db, account, "a")
		theirs, other := s.job(db, stranger), s.folder(db, stranger, "b")
		w := s.maintenance(db, account, hourly(db.Now(), 90*time.Second), func(w *cron.MaintenanceWindow) {
			w.Schedule.Timezone, w.Schedule.DST, w.Schedule.Days, w.Schedule.LastDay = "Europe/Berlin", cron.DSTWallClock, cron.DaysBoth, true
			w.Schedule.ExpiresAt = 20991231235959
			w.JobIDs, w.FolderIDs, w.Tags, w.UpdatedBy = []int64{j.ID}, []int64{0, folder.ID}, []string{"Größe", "\"x\""}, "zoë@example.com"
		})
		got, err := db.MaintenanceWindow(s.ctx(), account, w.ID)
		s.ok(err)
		s.equal("window", got, w)
		for _, ids := range [][2][]int64{{{theirs.ID}, nil}, {nil, {other.ID}}, {{j.ID, 999}, nil}} {
			bad := w
			bad.JobIDs, bad.FolderIDs = ids[0], ids[1]
			s.refused(db.CreateMaintenance(s.ctx(), &bad), cron.Invalid, cron.SubjectNone)
			s.refused(db.UpdateMaintenance(s.ctx(), account, w.ID, func(w *cron.MaintenanceWindow) error {
				w.JobIDs, w.FolderIDs = ids[0], ids[1]
				return nil
			}), cron.Invalid, cron.SubjectNone)
		}
		s.missing(second(db.MaintenanceWindow(s.ctx(), stranger, w.ID)), cron.SubjectMaintenance)
		s.missing(db.DeleteMaintenance(s.ctx(), stranger, w.ID), cron.SubjectMaintenance)
		s.missing(db.UpdateMaintenance(s.ctx(), stranger, w.ID, func(*cron.MaintenanceWindow) error { return nil }), cron.SubjectMaintenance)

		// What it names may be gone, and it can still be edited.
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.changeWindow(db, w, func(w *cron.MaintenanceWindow) { w.Title = "other" })
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("windows", s.raw().Rows("maintenance"), int64(0))
	}},
}
