package storetest

import (
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// request asks for a run.
func (s *suite) request(db *store.Store, j cron.Job) cron.Run {
	s.Helper()
	run, err := db.RequestRun(s.ctx(), j.AccountID, j.ID, cron.Author{})
	s.ok(err)
	return run
}

// requested reads how far a run has come.
func (s *suite) requested(db *store.Store, j cron.Job, run cron.Run) cron.Run {
	s.Helper()
	now, err := db.RequestedRun(s.ctx(), j.AccountID, j.ID, run.Planned)
	s.ok(err)
	return now
}

// Runs that somebody asks for.
var runTests = []test{
	{"a run is claimed at once and recorded as what was asked for", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, withSecrets)
		before := s.record(db, account, j.ID)
		run := s.request(db, j)
		s.equal("state", s.requested(db, j, run), cron.Run{JobID: j.ID, Planned: run.Planned, State: cron.RunWaiting})
		l := s.claimOne(db, node)
		s.equal("kind", l.Kind, cron.KindManual)
		s.equal("planned", l.Planned, run.Planned)
		s.equal("job", *l.Job, claimedJob(j))
		s.equal("state", s.requested(db, j, run).State, cron.RunRunning)
		s.finish(db, succeeded(l))
		ended := s.requested(db, j, run)
		s.equal("state", ended.State, cron.RunFinished)
		s.equal("outcome", ended.Execution.Outcome, cron.OutcomeSucceeded)
		s.equal("history", s.history(db, account, j.ID)[0].ID, ended.Execution.ID)
		s.equal("next run", s.record(db, account, j.ID).State.NextRun, before.State.NextRun)
		s.claimNone(db, node)
	}},
	{"who asked for a run or a rerun is kept with its record, and with those of no other", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		scheduled := s.claimOne(db, node)
		s.finish(db, failed(scheduled))
		jane := cron.Author{PersonID: 7, Label: "jane@example.com", Way: cron.WayConsole}
		robot := cron.Author{KeyID: 8, Label: "„deploy“", Way: cron.WayAPI}
		_, err := db.RequestRun(s.ctx(), account, j.ID, jane)
		s.ok(err)
		manual := s.claimOne(db, node)
		s.finish(db, failed(manual))
		plan := s.planReruns(db, account, yesterday(db, func(q *cron.RerunQuery) { q.PerJob = true }))
		made, err := db.Rerun(s.ctx(), account, &plan, robot)
		s.ok(err)
		s.equal("a run on request can be repeated", repeated(made), []int64{manual.ExecutionID})
		s.hurryAll(db, account)
		again := s.claimOne(db, node)
		s.finish(db, failed(again))
		for _, want := range []struct {
			id   int64
			kind string
			by   cron.Author
		}{{scheduled.ExecutionID, "scheduled", cron.Author{}}, {manual.ExecutionID, "manual", jane}, {again.ExecutionID, "rerun", robot}} {
			r, err := db.Record(s.ctx(), account, j.ID, want.id)
			s.ok(err)
			s.equal("kind", r.KindName(), want.kind)
			s.equal("by", r.RequestedBy, want.by)
			events, err := db.ExecutionsAfter(s.ctx(), account, want.id-1, 1)
			s.ok(err)
			s.equal("by in an event", events[0].RequestedBy, want.by)
			found, _ := s.pages(db, account, cron.HistoryFilter{Kinds: []cron.RecordKind{r.RecordKind()}}, 10)
			s.equal("of the kind", len(found), 1)
			s.equal("found", found[0].ID, want.id)
			s.equal("by in the history", found[0].RequestedBy, want.by)
		}
		s.equal("repeats of a record that repeats none", s.raw().Number(`SELECT count(*) FROM rerun WHERE record_id = 0`), int64(1))
	}},
	{"a run wakes the schedulers", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		select {
		case <-db.Changed():
		default:
		}
		run := s.request(db, j)
		select {
		case <-db.Changed():
		default:
			s.Error("asking for a run is not signalled")
		}
		next, err := db.NextDue(s.ctx(), nil)
		s.ok(err)
		s.equal("next due", next, run.Planned)
	}},
	{"disabled and paused jobs run when they are asked to", func(s *suite) {
		db, account, node := s.start()
		disabled := s.job(db, account, disable)
		paused := s.job(db, account, func(j *cron.Job) { j.Timing.PausedUntil = db.Now().Add(time.Hour).Truncate(time.Second) })
		never := s.job(db, account, func(j *cron.Job) { j.Schedule = cron.NewSchedule() })
		for _, j := range []cron.Job{disabled, paused, never} {
			s.request(db, j)
			l := s.claimOne(db, node)
			s.equal("job", l.Job.ID, j.ID)
			s.finish(db, failed(l))
			rec := s.record(db, account, j.ID)
			s.equal("last status", rec.State.LastStatus, cron.StatusHTTPError)
			s.equal("failures", rec.State.Failures, 0)
			s.equal("enabled", rec.Enabled, j.Enabled)
		}
	}},
	{"one run of a job waits at a time", func(s *suite) {
		db, account, node := s.start()
		j, other := s.job(db, account), s.job(db, account)
		first := s.request(db, j)
		_, err := db.RequestRun(s.ctx(), account, j.ID, cron.Author{})
		s.refused(err, cron.Conflict, cron.SubjectJob)
		s.request(db, other)
		s.equal("claimed", len(s.claim(db, node, 10).Launches), 2)
		// It may run beside the one that was claimed, and under an instant of its own even when the clock was put back.
		s.raw().MoveExecution(j.ID, time.Hour)
		second := s.request(db, j)
		s.equal("instant", second.Planned, first.Planned.Add(time.Hour+time.Millisecond))
		s.hurry(db, j.ID)
		s.equal("planned", s.claimOne(db, node).Planned, second.Planned)
	}},
	{"of racing requests one is taken", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		var (
			wg    sync.WaitGroup
			taken atomic.Int64
		)
		for _, db := range []*store.Store{db, s.open()} {
			for range 8 {
				wg.Go(func() {
					_, err := db.RequestRun(s.ctx(), account, j.ID, cron.Author{})
					switch {
					case err == nil:
						taken.Add(1)
					case cron.KindOf(err) != cron.Conflict:
						s.Errorf("ask for a run: %v", err)
					}
				})
			}
		}
		wg.Wait()
		s.equal("taken", taken.Load(), int64(1))
		s.equal("waiting", len(s.waiting(j.ID)), 1)
	}},
	{"a job that minds overlaps is not asked to run while it runs", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, skipOverlap)
		l := s.claimOne(db, node)
		_, err := db.RequestRun(s.ctx(), account, j.ID, cron.Author{})
		s.refused(err, cron.Conflict, cron.SubjectJob)
		s.finish(db, succeeded(l))
		s.request(db, j)

		// Its schedule may come first all the same: then the run is on record as skipped.
		s.plan(j.ID, db.Now().Add(-time.Second))
		s.raw().DeferPending(j.ID, time.Hour)
		s.equal("kind", s.claimOne(db, node).Kind, cron.KindScheduled)
		asked := s.waiting(j.ID)[0].Planned
		s.hurry(db, j.ID)
		s.claimNone(db, node)
		run := s.requested(db, j, cron.Run{Planned: asked})
		s.equal("state", run.State, cron.RunFinished)
		s.equal("outcome", run.Execution.Outcome, cron.OutcomeSkipped)
		s.equal("fault", run.Execution.Result.Fault, cron.FaultOverlap)
		s.equal("kind", run.Execution.Kind, cron.KindManual)
	}},
	{"a run keeps the schedule of a job that minds overlaps waiting", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, skipOverlap)
		s.request(db, j)
		s.plan(j.ID, db.Now().Add(-time.Second))
		s.equal("kind", s.claimOne(db, node).Kind, cron.KindManual)
		ledger := s.ledger(j.ID)
		s.equal("records", len(ledger), 2)
		s.equal("outcome", ledger[0].Outcome, cron.OutcomeSkipped)
	}},
	{"a run that cannot be is on record", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		run := s.request(db, j)
		s.setEnabled(db, account, false)
		s.claimNone(db, node)
		s.equal("ledger", s.ledger(j.ID), []entry{{
			Planned: run.Planned, Kind: cron.KindManual, Attempt: 1, Outcome: cron.OutcomeSkipped, Fault: cron.FaultAccountDisabled,
			Last: run.Planned, Count: 1,
		}})
	}},
	{"a lost run waits for its repeat", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Policy.Delivery = cron.AtLeastOnce })
		run := s.request(db, j)
		s.claimOne(db, node)
		s.ok(db.StopNode(s.ctx(), node))
		heir := s.node(db)
		_, err := db.SettleDead(s.ctx(), heir)
		s.ok(err)
		s.equal("state", s.requested(db, j, run).State, cron.RunWaiting)
		l := s.claimOne(db, heir)
		s.finish(db, succeeded(l))
		ended := s.requested(db, j, run)
		s.equal("state", ended.State, cron.RunFinished)
		s.equal("attempt", ended.Execution.Attempt, 2)
	}},
	{"nobody runs the job of another account", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		j := s.job(db, account)
		_, err := db.RequestRun(s.ctx(), stranger, j.ID, cron.Author{})
		s.missing(err, cron.SubjectJob)
		_, err = db.RequestRun(s.ctx(), account, j.ID+1000, cron.Author{})
		s.missing(err, cron.SubjectJob)
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		run := s.request(db, j)
		_, err = db.RequestedRun(s.ctx(), stranger, j.ID, run.Planned)
		s.missing(err, cron.SubjectJob)
		_, err = db.RequestedRun(s.ctx(), account, j.ID, run.Planned.Add(time.Millisecond))
		s.missing(err, cron.SubjectExecution)
	}},
	{"a run is forgotten with the history of its plan", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		run := s.request(db, j)
		s.finish(db, succeeded(s.claimOne(db, node)))
		run.Planned = run.Planned.Add(-91 * 24 * time.Hour)
		s.raw().MoveExecution(j.ID, -91*24*time.Hour)
		_, err := db.RequestedRun(s.ctx(), account, j.ID, run.Planned)
		s.missing(err, cron.SubjectExecution)
	}},
}
