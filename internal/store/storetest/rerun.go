package storetest

import (
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// broken are the outcomes that people want to repeat most.
var broken = []cron.Outcome{cron.OutcomeFailed, cron.OutcomeLost, cron.OutcomeMissed}

// yesterday selects what was broken since a day ago.
func yesterday(db *store.Store, edits ...func(*cron.RerunQuery)) *cron.RerunQuery {
	q := &cron.RerunQuery{PerMinute: cron.MaxRerunRate,
		Filter: cron.HistoryFilter{Outcomes: broken, From: db.Now().Add(-24 * time.Hour)}}
	for _, edit := range edits {
		edit(q)
	}
	return q
}

// old adds a record of a job that is some minutes old.
func (s *suite) old(db *store.Store, j cron.Job, minutes int, o cron.Outcome, edits ...func(*cron.Execution)) cron.Execution {
	s.Helper()
	at := db.Now().UTC().Truncate(time.Second).Add(-time.Duration(minutes) * time.Minute)
	e := cron.Execution{AccountID: j.AccountID, JobID: j.ID, Planned: at, Attempt: 1, Outcome: o,
		Result: cron.Result{Started: at, Status: cron.StatusHTTPError, HTTPStatus: 500, URL: j.Request.URL}}
	if o == cron.OutcomeMissed || o == cron.OutcomeSkipped {
		e.Last, e.Count, e.Result.Fault = at.Add(time.Second), 2, cron.FaultMissed
	}
	for _, edit := range edits {
		edit(&e)
	}
	s.put(&e)
	return e
}

// planReruns finds what a query selects.
func (s *suite) planReruns(db *store.Store, account int64, q *cron.RerunQuery) cron.RerunPlan {
	s.Helper()
	plan, err := db.PlanReruns(s.ctx(), account, q)
	s.ok(err)
	return plan
}

// rerun repeats what a query selects.
func (s *suite) rerun(db *store.Store, account int64, q *cron.RerunQuery) cron.RerunPlan {
	s.Helper()
	plan := s.planReruns(db, account, q)
	made, err := db.Rerun(s.ctx(), account, &plan, cron.Author{})
	s.ok(err)
	return made
}

// hurryAll makes the reruns of an account due.
func (s *suite) hurryAll(db *store.Store, account int64) {
	s.Helper()
	s.raw().Exec(`UPDATE pending SET due_at = $2, claim_at = $2 WHERE account_id = $1`, account, db.Now().UnixMilli())
}

// repeated lists the records of the runs of a plan, in their order.
func repeated(p cron.RerunPlan) (ids []int64) {
	for _, r := range p.Runs {
		ids = append(ids, r.RecordID)
	}
	return ids
}

// Executions that repeat records.
var rerunTests = []test{
	{"each record is repeated once, the oldest first, and says so", func(s *suite) {
		db, account, node := s.start()
		a, b := s.job(db, account), s.job(db, account, func(j *cron.Job) { j.Request.Method = cron.MethodPost })
		var want []int64
		for i, o := range []cron.Outcome{cron.OutcomeFailed, cron.OutcomeSucceeded, cron.OutcomeMissed, cron.OutcomeLost, cron.OutcomeSkipped} {
			e := s.old(db, []cron.Job{a, b}[i%2], 50-i, o)
			if slices.Contains(broken, o) {
				want = append(want, e.ID)
			}
		}
		s.old(db, a, 25*60, cron.OutcomeFailed) // before the span
		plan := s.planReruns(db, account, yesterday(db))
		s.equal("records", plan.Matched, int64(3))
		s.equal("order", repeated(plan), want)
		s.equal("jobs", plan.Jobs, []cron.RerunJob{{ID: a.ID, Title: a.Title, Runs: 2},
			{ID: b.ID, Title: b.Title, Method: cron.MethodPost, Runs: 1}})
		s.equal("takes", plan.Takes(), 20*time.Millisecond)
		s.equal("waiting after a dry run", len(s.waiting(a.ID))+len(s.waiting(b.ID)), 0)

		made := s.rerun(db, account, yesterday(db))
		s.equal("order", repeated(made), want)
		s.hurryAll(db, account)
		launches := s.claim(db, node, 10).Launches
		s.equal("claimed", len(launches), 3)
		for _, l := range launches {
			s.equal("kind", l.Kind, cron.KindManual)
			s.finish(db, succeeded(l))
		}
		records, _ := s.pages(db, account, cron.HistoryFilter{From: made.Start}, 10)
		s.equal("records", len(records), 3)
		of := make(map[int64]bool)
		for _, r := range records {
			s.equal("kind", r.KindName(), "rerun")
			s.equal("planned", r.RerunOf.Planned.IsZero(), false)
			of[r.RerunOf.ID] = true
		}
		s.equal("records that were repeated", len(of), 3)
		events, err := db.ExecutionsAfter(s.ctx(), account, records[2].ID-1, 10)
		s.ok(err)
		s.equal("kind of an event", events[0].KindName(), "rerun")
		s.equal("failures", s.record(db, account, a.ID).State.Failures, 0)
	}},
	{"a record is repeated until a run has succeeded", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		e := s.old(db, j, 10, cron.OutcomeFailed)
		s.equal("first", repeated(s.rerun(db, account, yesterday(db))), []int64{e.ID})
		again := s.rerun(db, account, yesterday(db))
		s.equal("while it waits", [2]int64{again.Repeated, int64(len(again.Runs))}, [2]int64{1, 0})
		s.hurryAll(db, account)
		l := s.claimOne(db, node)
		s.equal("while it runs", len(s.rerun(db, account, yesterday(db)).Runs), 0)
		s.finish(db, failed(l))
		s.equal("after a failure", repeated(s.rerun(db, account, yesterday(db))), []int64{e.ID})
		s.hurryAll(db, account)
		s.finish(db, succeeded(s.claimOne(db, node)))
		done := s.rerun(db, account, yesterday(db))
		s.equal("after a success", [2]int64{done.Repeated, int64(len(done.Runs))}, [2]int64{1, 0})
	}},
	{"of an occurrence the last attempt counts", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		attempt := func(first cron.Execution, o cron.Outcome) cron.Execution {
			return s.old(db, j, 0, o, func(e *cron.Execution) {
				e.Planned, e.Attempt, e.Result.Started = first.Planned, first.Attempt+1, first.Result.Started.Add(time.Second)
			})
		}
		attempt(s.old(db, j, 10, cron.OutcomeFailed), cron.OutcomeSucceeded)
		last := attempt(s.old(db, j, 9, cron.OutcomeFailed), cron.OutcomeFailed)
		retried := s.old(db, j, 8, cron.OutcomeFailed)
		s.pend(j, db.Now().Add(time.Hour), retried.Planned, cron.KindScheduled, 2)
		s.equal("records", repeated(s.planReruns(db, account, yesterday(db))), []int64{last.ID})
	}},
	{"a filter selects records, and only those of the account", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		folder := cron.Folder{AccountID: account, Title: "folder"}
		s.ok(db.CreateFolder(s.ctx(), &folder))
		a := s.job(db, account, func(j *cron.Job) { j.Title = "backup" })
		b := s.job(db, account, func(j *cron.Job) { j.FolderID = folder.ID })
		foreign := s.job(db, stranger)
		first, second := s.old(db, a, 20, cron.OutcomeFailed), s.old(db, b, 10, cron.OutcomeMissed)
		s.old(db, foreign, 10, cron.OutcomeFailed)
		for name, tt := range map[string]struct {
			edit func(*cron.RerunQuery)
			want []int64
		}{
			"all":     {func(*cron.RerunQuery) {}, []int64{first.ID, second.ID}},
			"job":     {func(q *cron.RerunQuery) { q.Filter.JobID = b.ID }, []int64{second.ID}},
			"folder":  {func(q *cron.RerunQuery) { q.Filter.FolderID = &folder.ID }, []int64{second.ID}},
			"outcome": {func(q *cron.RerunQuery) { q.Filter.Outcomes = []cron.Outcome{cron.OutcomeFailed} }, []int64{first.ID}},
			"text":    {func(q *cron.RerunQuery) { q.Filter.Text = "BACK" }, []int64{first.ID}},
			"cause":   {func(q *cron.RerunQuery) { q.Filter.Causes = causes(first.Cause) }, []int64{first.ID}},
			"span":    {func(q *cron.RerunQuery) { q.Filter.To = second.Planned }, []int64{first.ID}},
			"nothing": {func(q *cron.RerunQuery) { q.Filter.Text = "no such text" }, nil},
		} {
			s.equal(name, repeated(s.planReruns(db, account, yesterday(db, tt.edit))), tt.want)
		}
		_, err := db.PlanReruns(s.ctx(), account, yesterday(db, func(q *cron.RerunQuery) { q.Filter.JobID = foreign.ID }))
		s.missing(err, cron.SubjectJob)
		_, err = db.PlanReruns(s.ctx(), stranger, yesterday(db, func(q *cron.RerunQuery) { q.Filter.FolderID = &folder.ID }))
		s.missing(err, cron.SubjectFolder)

		// Not even a plan of another account writes anything.
		plan := s.planReruns(db, account, yesterday(db))
		made, err := db.Rerun(s.ctx(), stranger, &plan, cron.Author{})
		s.ok(err)
		s.equal("runs", len(made.Runs)+len(s.waiting(a.ID))+len(s.waiting(b.ID)), 0)
	}},
	{"once per job is the newest record of each", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.old(db, j, 30, cron.OutcomeFailed)
		s.old(db, j, 20, cron.OutcomeMissed)
		newest := s.old(db, j, 10, cron.OutcomeFailed)
		perJob := yesterday(db, func(q *cron.RerunQuery) { q.PerJob = true })
		plan := s.planReruns(db, account, perJob)
		s.equal("records", plan.Matched, int64(3))
		s.equal("repeated", repeated(s.rerun(db, account, perJob)), []int64{newest.ID})
		s.hurryAll(db, account)
		s.finish(db, succeeded(s.claimOne(db, node)))
		s.equal("afterwards", len(s.rerun(db, account, perJob).Runs), 0)
	}},
	{"runs of a job that skips overlaps are a timeout apart", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, skipOverlap, func(j *cron.Job) { j.Timeout = 10 })
		for i := range 3 {
			s.old(db, j, 30-i, cron.OutcomeFailed)
		}
		made := s.rerun(db, account, yesterday(db))
		s.equal("takes", made.Takes(), 22*time.Second)
		s.equal("waiting", len(s.waiting(j.ID)), 3)
	}},
	{"a job can be run while reruns of it wait", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		s.old(db, j, 10, cron.OutcomeFailed)
		s.rerun(db, account, yesterday(db))
		run := s.request(db, j)
		_, err := db.RequestRun(s.ctx(), account, j.ID, cron.Author{})
		s.refused(err, cron.Conflict, cron.SubjectJob)
		s.hurryAll(db, account)
		launches := s.claim(db, node, 10).Launches
		s.equal("claimed", len(launches), 2)
		s.equal("state", s.requested(db, j, run).State, cron.RunRunning)
	}},
	{"of many records the newest are repeated, and the rest by the next requests", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		const more = 10
		s.raw().AddFailures(account, j.ID, cron.MaxReruns+more, 3, db.Now().Add(-time.Minute), time.Second)
		made := s.rerun(db, account, yesterday(db))
		s.equal("runs", len(made.Runs), cron.MaxReruns)
		s.equal("cut", made.Cut, true)
		rest := s.rerun(db, account, yesterday(db))
		s.equal("cut", rest.Cut, false)
		s.equal("runs", len(rest.Runs), more)
		s.equal("repeated", rest.Repeated, int64(cron.MaxReruns))
		s.equal("the newest came first", slices.Max(repeated(rest)) < slices.Min(repeated(made)), true)
		s.equal("waiting", len(s.waiting(j.ID)), cron.MaxReruns+more)
	}},
	{"an account has so many reruns at most", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.raw().AddReruns(account, j.ID, cron.MaxWaitingReruns-5, db.Now().Add(time.Hour))
		s.raw().AddFailures(account, j.ID, 10, 3, db.Now().Add(-time.Minute), time.Second)
		made := s.rerun(db, account, yesterday(db))
		s.equal("runs", len(made.Runs), 5)
		s.equal("cut", made.Cut, true)
		_, err := db.PlanReruns(s.ctx(), account, yesterday(db))
		s.violates(err, cron.TooMany, cron.SubjectNone, cron.RuleRerunsWait)
		_, err = db.Rerun(s.ctx(), account, &made, cron.Author{})
		s.violates(err, cron.TooMany, cron.SubjectNone, cron.RuleRerunsWait)
		s.equal("waiting", len(s.waiting(j.ID)), cron.MaxWaitingReruns)
	}},
	{"racing requests repeat a record once", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		for i := range 20 {
			s.old(db, j, 30-i, cron.OutcomeFailed)
		}
		other := s.open()
		plan := s.planReruns(db, account, yesterday(db))
		for _, err := range race(8, func(i int) error {
			_, err := []*store.Store{db, other}[i%2].Rerun(s.ctx(), account, &plan, cron.Author{})
			return err
		}) {
			s.ok(err)
		}
		s.equal("waiting", len(s.waiting(j.ID)), 20)
	}},
	{"a job that is deleted after the plan does not run, and its records can be repeated when it is back", func(s *suite) {
		db, account, _ := s.start()
		gone, stays := s.job(db, account), s.job(db, account)
		s.old(db, gone, 10, cron.OutcomeFailed)
		e := s.old(db, stays, 10, cron.OutcomeFailed)
		plan := s.planReruns(db, account, yesterday(db))
		s.ok(db.DeleteJob(s.ctx(), account, gone.ID))
		made, err := db.Rerun(s.ctx(), account, &plan, cron.Author{})
		s.ok(err)
		s.equal("runs", repeated(made), []int64{e.ID})
		s.ok(db.DeleteJob(s.ctx(), account, stays.ID))
		s.ok(s.restore(db, stays))
		s.equal("runs", repeated(s.rerun(db, account, yesterday(db))), []int64{e.ID})
	}},
	{"a rerun that cannot be is on record, and its record is repeated again", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, skipOverlap)
		s.claimOne(db, node)
		e := s.old(db, j, 10, cron.OutcomeFailed)
		s.rerun(db, account, yesterday(db))
		s.hurryAll(db, account)
		s.claimNone(db, node)
		records, _ := s.pages(db, account, cron.HistoryFilter{Outcomes: []cron.Outcome{cron.OutcomeSkipped}}, 10)
		s.equal("records", len(records), 1)
		s.equal("of", records[0].RerunOf.ID, e.ID)
		s.equal("fault", records[0].Result.Fault, cron.FaultOverlap)
		s.equal("again", repeated(s.rerun(db, account, yesterday(db))), []int64{e.ID})
	}},
	{"reruns are forgotten with the longest history", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.old(db, j, 10, cron.OutcomeFailed)
		s.rerun(db, account, yesterday(db))
		s.maintain(db)
		s.equal("reruns", s.raw().Rows("rerun"), int64(1))
		s.raw().Exec(`UPDATE rerun SET planned_at = planned_at - $1`, (400 * 24 * time.Hour).Milliseconds())
		s.maintain(db)
		s.equal("reruns", s.raw().Rows("rerun"), int64(0))
	}},
	{"reruns and deletions of jobs do not wait for each other in a circle", func(s *suite) {
		db, account, _ := s.start()
		var jobs []cron.Job
		for range 8 {
			j := s.job(db, account)
			s.old(db, j, 10, cron.OutcomeFailed)
			jobs = append(jobs, j)
		}
		plan := s.planReruns(db, account, yesterday(db))
		for _, err := range race(2*len(jobs), func(i int) error {
			if i%2 == 0 {
				return db.DeleteJob(s.ctx(), account, jobs[i/2].ID)
			}
			_, err := db.Rerun(s.ctx(), account, &plan, cron.Author{})
			return err
		}) {
			s.ok(err)
		}
		s.equal("waiting", s.raw().Rows("pending"), int64(0))
	}},
	{"reruns that wait are cancelled, and nothing else", func(s *suite) {
		db, account, node := s.start()
		stranger := s.account(db)
		j, foreign := s.job(db, account), s.job(db, stranger)
		for i := range 3 {
			s.old(db, j, 30-i, cron.OutcomeFailed)
		}
		s.old(db, foreign, 10, cron.OutcomeFailed)
		theirs := s.rerun(db, stranger, yesterday(db))
		made := s.rerun(db, account, yesterday(db))
		s.pend(j, db.Now().Add(time.Hour), db.Now().Add(-time.Hour), cron.KindScheduled, 2)
		run := s.request(db, j)
		s.raw().Exec(`UPDATE pending SET claim_at = $2, due_at = $2 WHERE rerun = 1 AND (job_id = $1 OR planned_at <> $3)`, foreign.ID,
			db.Now().Add(time.Hour).UnixMilli(), made.Start.UnixMilli())
		s.equal("claimed", len(s.claim(db, node, 10).Launches), 2) // the first of them, and the run on request

		count, err := db.CancelReruns(s.ctx(), account)
		s.ok(err)
		s.equal("cancelled", count, 2)
		s.equal("waiting", len(s.waiting(j.ID)), 1)
		s.equal("waiting of others", len(s.waiting(foreign.ID)), len(theirs.Runs))
		s.equal("the run on request", s.requested(db, j, run).State, cron.RunRunning)
		again := s.rerun(db, account, yesterday(db))
		s.equal("again", [2]int64{again.Repeated, int64(len(again.Runs))}, [2]int64{1, 2})
	}},
	{"a rerun is claimed or cancelled", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		for i := range 40 {
			s.old(db, j, 50-i, cron.OutcomeFailed)
		}
		s.rerun(db, account, yesterday(db))
		s.hurryAll(db, account)
		other := s.open()
		launched, cancelled := make([]int, 8), make([]int, 8)
		for _, err := range race(8, func(i int) (err error) {
			if i%2 == 0 {
				var claimed cron.Claimed
				claimed, err = db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 5})
				launched[i] = len(claimed.Launches)
			} else {
				cancelled[i], err = other.CancelReruns(s.ctx(), account)
			}
			return err
		}) {
			s.ok(err)
		}
		left := len(s.waiting(j.ID))
		sum := left
		for i := range launched {
			sum += launched[i] + cancelled[i]
		}
		s.equal("claimed, cancelled and left", sum, 40)
		s.equal("left in the table of reruns", s.raw().Rows("rerun"), int64(left+sumOf(launched)))
	}},
}

func sumOf(counts []int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}
