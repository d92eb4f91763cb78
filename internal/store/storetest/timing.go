package storetest

import (
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// once creates a one-time job whose instant came a while ago, and plans it.
func (s *suite) once(db *store.Store, account int64, ago time.Duration, edits ...func(*cron.Job)) cron.Job {
	s.Helper()
	at := db.Now().Add(-ago).UTC().Truncate(time.Second)
	j := s.job(db, account, append(edits, func(j *cron.Job) { j.Timing.RunAt = at })...)
	s.plan(j.ID, at)
	return j
}

// oneTimeDone expects a one-time job that is disabled because its time has passed, not by a user.
func (s *suite) oneTimeDone(db *store.Store, j cron.Job) {
	s.Helper()
	rec := s.record(db, j.AccountID, j.ID)
	s.equal("enabled", rec.Enabled, false)
	s.equal("run at passed", rec.Timing.RunAtPassed, true)
	s.equal("next run", rec.State.NextRun, time.Time{})
}

func (s *suite) edit(db *store.Store, j cron.Job, change func(*cron.Job)) cron.JobRecord {
	s.Helper()
	s.ok(db.UpdateJob(s.ctx(), j.AccountID, j.ID, func(j *cron.Job) error { change(j); return nil }))
	return s.record(db, j.AccountID, j.ID)
}

func notifyFailure(j *cron.Job) { j.Notification.OnFailure = true }

var timingTests = []test{
	{"the jobs beside one are the others of the account that are due at the same instant", func(s *suite) {
		db, account, _ := s.start()
		at := db.Now().Add(90 * time.Minute).UTC().Truncate(time.Second)
		beside := func(account, jobID int64, at time.Time) int {
			n, err := db.DueBeside(s.ctx(), account, jobID, at)
			s.ok(err)
			return n
		}
		first := s.job(db, account, func(j *cron.Job) { j.Timing.RunAt = at })
		s.job(db, account, func(j *cron.Job) { j.Timing.RunAt = at })
		s.job(db, account, func(j *cron.Job) { j.Timing.RunAt = at.Add(time.Second) })
		s.job(db, account, func(j *cron.Job) { j.Timing.RunAt, j.Enabled = at, false })
		s.equal("beside a new job", beside(account, 0, at), 2)
		s.equal("beside one of them", beside(account, first.ID, at), 1)
		s.equal("at another instant", beside(account, 0, at.Add(time.Minute)), 0)
		s.equal("in another account", beside(account+1, 0, at), 0)
	}},
	{"a one-time job is planned for its instant and not by its schedule", func(s *suite) {
		db, account, _ := s.start()
		at := db.Now().Add(90 * time.Minute).UTC().Truncate(time.Second)
		j := s.job(db, account, eachMinute, func(j *cron.Job) { j.Timing.RunAt = at })
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, at)
	}},
	{"a one-time job runs once and disables itself", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second)
		l := s.claimOne(db, node)
		s.equal("planned", l.Planned, j.Timing.RunAt)
		s.equal("enabled, as it was claimed", l.Job.Enabled, true)
		s.oneTimeDone(db, j)
		s.finish(db, succeeded(l))
		s.oneTimeDone(db, j)
		s.equal("last status", s.record(db, account, j.ID).State.LastStatus, cron.StatusOK)
		s.claimNone(db, node)
		s.equal("records", len(s.ledger(j.ID)), 1)
	}},
	{"a one-time job is tried again, counts and notifies although it is disabled", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second, retries(1, time.Second, 1, time.Second), notifyFailure)
		s.finish(db, failed(s.claimOne(db, node)))
		s.equal("notices", len(s.notices(j.ID)), 0)
		s.hurry(db, j.ID)
		l := s.claimOne(db, node)
		s.equal("attempt", l.Attempt, 2)
		s.finish(db, failed(l))
		s.equal("failures", s.record(db, account, j.ID).State.Failures, 1)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
		s.claimNone(db, node)
		s.oneTimeDone(db, j)
	}},
	{"a one-time job that is lost is repeated when it wants that", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second, atLeastOnce)
		s.claimOne(db, node)
		db, node = s.dies(db, node)
		l := s.claimOne(db, node)
		s.equal("attempt", l.Attempt, 2)
		s.finish(db, succeeded(l))
		s.oneTimeDone(db, j)
	}},
	{"a one-time job that is found too late follows its misfire policy", func(s *suite) {
		db, account, node := s.start()
		late := s.once(db, account, 2*time.Hour)
		s.equal("settled", s.claimNone(db, node).Settled, 1)
		s.equal("ledger", s.ledger(late.ID), []entry{{
			Planned: late.Timing.RunAt, Attempt: 1, Outcome: cron.OutcomeMissed, Fault: cron.FaultMissed,
			Last: late.Timing.RunAt, Count: 1,
		}})
		s.oneTimeDone(db, late)
		runs := s.once(db, account, 2*time.Hour, func(j *cron.Job) { j.Policy.Misfire = cron.MisfireRun })
		s.equal("planned", s.claimOne(db, node).Planned, runs.Timing.RunAt)
		s.oneTimeDone(db, runs)
	}},
	{"a one-time job without room waits and stays enabled", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second)
		for _, admission := range []cron.Admission{cron.AdmitLater, cron.AdmitDefer} {
			_, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 10,
				Admit: func() cron.Admitter {
					return func(*cron.Job, *cron.Plan, int64) cron.Admission { return admission }
				}})
			s.ok(err)
			s.equal("job", s.record(db, account, j.ID).Job, j)
		}
	}},
	{"a one-time job that somebody disables in time does not run", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second)
		rec := s.edit(db, j, func(j *cron.Job) { j.Enabled = false })
		s.equal("run at passed", rec.Timing.RunAtPassed, false)
		s.claimNone(db, node)
		s.equal("fault", s.ledger(j.ID)[0].Fault, cron.FaultDisabled)
	}},
	{"what is left of a one-time job goes on after an edit, and ends when somebody disables it", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second, retries(3, time.Second, 1, time.Second), notifyFailure)
		s.finish(db, failed(s.claimOne(db, node)))
		rec := s.edit(db, j, func(j *cron.Job) { j.Title = "new" })
		s.equal("run at passed", rec.Timing.RunAtPassed, true)
		s.hurry(db, j.ID)
		running := s.claimOne(db, node)
		s.edit(db, j, func(j *cron.Job) { j.Timing.RunAtPassed = false })
		s.finish(db, failed(running))
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		s.equal("notices", len(s.notices(j.ID)), 0)
	}},
	{"disabling a one-time job takes back its further attempts", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second, retries(3, time.Second, 1, time.Second))
		s.finish(db, failed(s.claimOne(db, node)))
		s.equal("waiting", len(s.waiting(j.ID)), 1)
		s.edit(db, j, func(j *cron.Job) { j.Timing.RunAtPassed = false })
		s.equal("waiting", len(s.waiting(j.ID)), 0)
	}},
	{"a disabled account drops the further attempts of its one-time jobs", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second, retries(3, time.Second, 1, time.Second))
		s.finish(db, failed(s.claimOne(db, node)))
		s.setEnabled(db, account, false)
		s.hurry(db, j.ID)
		s.claimNone(db, node)
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		s.equal("ledger", len(s.ledger(j.ID)), 1)
	}},
	{"a one-time job can be given another instant", func(s *suite) {
		db, account, node := s.start()
		j := s.once(db, account, time.Second)
		s.finish(db, succeeded(s.claimOne(db, node)))
		at := db.Now().Add(time.Hour).UTC().Truncate(time.Second)
		rec := s.edit(db, j, func(j *cron.Job) { j.Timing.RunAt = at })
		s.equal("next run while it is disabled", rec.State.NextRun, time.Time{})
		s.equal("run at passed", rec.Timing.RunAtPassed, false)
		rec = s.edit(db, j, func(j *cron.Job) { j.Enabled = true })
		s.equal("next run", rec.State.NextRun, at)
	}},
	{"a one-time job whose instant is over has no next run, and is not disabled for that", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Timing.RunAt = db.Now().Add(-time.Minute).UTC().Truncate(time.Second) })
		s.equal("job", s.record(db, account, j.ID), cron.JobRecord{Job: j})
	}},
	{"a job that is due while it is made a one-time job runs both times", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		at := db.Now().Add(time.Hour).UTC().Truncate(time.Second)
		s.edit(db, j, func(j *cron.Job) { j.Timing.RunAt = at })
		if l := s.claimOne(db, node); !l.Planned.Before(at) {
			s.Errorf("planned for %v", l.Planned)
		}
		rec := s.record(db, account, j.ID)
		s.equal("enabled", rec.Enabled, true)
		s.equal("next run", rec.State.NextRun, at)
	}},
	{"a spread is kept when the job is planned, runs, and is missed", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute, func(j *cron.Job) { j.Timing.Spread = time.Minute })
		slot, _ := j.Schedule.Next(j.Created)
		delay := j.OccurrenceAfter(j.Created).Sub(slot)
		if delay < 0 {
			delay += time.Minute // of the slot before
		}
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, j.NextAfter(j.Created))
		first := db.Now().UTC().Truncate(time.Minute).Add(-10*time.Minute + delay)
		s.plan(j.ID, first)
		l := s.claimOne(db, node)
		run := l.Planned
		s.equal("second of the run", run.Sub(run.Truncate(time.Minute)), delay)
		s.equal("ledger", s.ledger(j.ID), []entry{
			{Planned: first, Attempt: 1, Outcome: cron.OutcomeMissed, Fault: cron.FaultMissed, Last: run.Add(-time.Minute),
				Count: int64(run.Sub(first) / time.Minute)},
			{Planned: run, Attempt: 1, Node: node, Outcome: cron.OutcomeRunning},
		})
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, run.Add(time.Minute))
	}},
	{"jobs of one schedule are spread by their ids", func(s *suite) {
		db, account, _ := s.start()
		seen := map[time.Time]bool{}
		for range 20 {
			j := s.job(db, account, func(j *cron.Job) { j.Timing.Spread = time.Hour })
			seen[s.record(db, account, j.ID).State.NextRun] = true
		}
		s.equal("instants", len(seen), 20)
	}},
	{"a paused job is due once the pause is over", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute)
		until := db.Now().Add(5 * time.Hour).UTC().Truncate(time.Minute).Add(time.Second)
		rec := s.edit(db, j, func(j *cron.Job) { j.Timing.PausedUntil, j.Timing.PauseNote = until, "Ferien" })
		s.equal("enabled", rec.Enabled, true)
		s.equal("next run", rec.State.NextRun, until.Add(59*time.Second))
		s.claimNone(db, node)
		s.equal("records", len(s.ledger(j.ID)), 0)

		rec = s.edit(db, j, func(j *cron.Job) { j.Timing.PausedUntil = time.Time{} })
		s.equal("next run when it is lifted", rec.State.NextRun, rec.NextAfter(rec.Updated))
		if rec.State.NextRun.After(until) {
			s.Errorf("the pause goes on until %v", rec.State.NextRun)
		}
	}},
	{"a pause that is over changes nothing", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute, func(j *cron.Job) {
			j.Timing.PausedUntil = db.Now().Add(-time.Hour).UTC().Truncate(time.Second)
		})
		s.plan(j.ID, db.Now().UTC().Truncate(time.Minute).Add(-3*time.Minute))
		s.finish(db, succeeded(s.claimOne(db, node)))
		s.plan(j.ID, db.Now().UTC().Truncate(time.Minute).Add(2*time.Minute))
		s.edit(db, j, func(j *cron.Job) { j.Title = "new" })
		s.equal("records", len(s.ledger(j.ID)), 2)
	}},
	{"what is due when a job is paused is recorded as skipped", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, eachMinute)
		first := db.Now().UTC().Truncate(time.Minute).Add(-5 * time.Minute)
		s.plan(j.ID, first)
		until := db.Now().Add(time.Hour).UTC().Truncate(time.Second)
		rec := s.edit(db, j, func(j *cron.Job) { j.Timing.PausedUntil = until })
		s.claimNone(db, node)
		last := rec.Updated.Truncate(time.Minute)
		s.equal("ledger", s.ledger(j.ID), []entry{{
			Planned: first, Attempt: 1, Outcome: cron.OutcomeSkipped, Fault: cron.FaultPaused, Last: last,
			Count: int64(last.Sub(first)/time.Minute) + 1,
		}})
		if rec.State.NextRun.Before(until) {
			s.Errorf("due at %v, in the pause until %v", rec.State.NextRun, until)
		}
	}},
	{"a pause takes back further attempts, but not what somebody asked for", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		now := db.Now()
		s.pend(j, now.Add(-time.Second), now, cron.KindScheduled, 2)
		s.pend(j, now.Add(-time.Second), now, cron.KindManual, 1)
		s.edit(db, j, func(j *cron.Job) { j.Timing.PausedUntil = now.Add(time.Hour) })
		s.equal("waiting", len(s.waiting(j.ID)), 1)
		s.equal("kind", s.claimOne(db, node).Kind, cron.KindManual)
		s.claimNone(db, node)
	}},
	{"an execution that fails after its job was paused is not tried again, and counts", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, retries(3, time.Second, 1, time.Second), atLeastOnce, notifyFailure)
		l := s.claimOne(db, node)
		s.edit(db, j, func(j *cron.Job) { j.Timing.PausedUntil = db.Now().Add(time.Hour) })
		s.finish(db, failed(l))
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		s.equal("failures", s.record(db, account, j.ID).State.Failures, 1)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
	}},
}
