package storetest

import (
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// allNotices lets a job tell everything.
func allNotices(j *cron.Job) {
	j.Notification = cron.Notification{
		OnFailure: true, OnFailureCount: 1, OnSuccess: true, OnDisable: true, OnCertExpiry: true,
		CertExpiryAhead: 24 * time.Hour,
	}
}

// runs lets a job run once for each of the results, a millisecond apart.
func (s *suite) runs(db *store.Store, node int64, j cron.Job, results ...func(cron.Launch) cron.Completion) {
	s.Helper()
	at := db.Now().Add(-time.Minute)
	if n := len(s.ledger(j.ID)); n > 0 {
		at = at.Add(time.Duration(n) * time.Second)
	}
	for i, result := range results {
		s.plan(j.ID, at.Add(time.Duration(i)*time.Millisecond))
		s.finish(db, result(s.claimOne(db, node)))
	}
}

// pruned runs upkeep until it has nothing to do. Each step removes at most a chunk of the rows of a table, and the given
// number is left.
func (s *suite) pruned(db *store.Store, table string, want int64) {
	s.Helper()
	left := s.raw().Rows(table)
	for more := true; more; {
		var err error
		more, err = db.Maintain(s.ctx())
		s.ok(err)
		now := s.raw().Rows(table)
		if left-now > 500 {
			s.Fatalf("one step removes %d rows", left-now)
		}
		left = now
	}
	s.equal(table, left, want)
}

func timedOut(l cron.Launch) cron.Completion {
	c := failed(l)
	c.Result.Status, c.Result.HTTPStatus, c.Result.Fault = cron.StatusTimeout, 0, cron.FaultTimeout
	return c
}

var noticeTests = []test{
	{"a notice stands in the outbox with what it is about", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, allNotices)
		l := s.claimOne(db, node)
		before := db.Now().Truncate(time.Millisecond)
		s.finish(db, failed(l))
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
		notice, created := s.raw().Notice(j.ID)
		s.equal("account and execution", []any{notice[0], notice[5]}, []any{account, l.ExecutionID})
		if created.Before(before) || created.After(db.Now()) {
			s.Errorf("written at %v, the result was recorded at %v", created, before)
		}
	}},
	{"a notice is complete without the job and the execution", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, allNotices, func(j *cron.Job) {
			j.Title, j.Schedule.Timezone = "as it was", "Asia/Tokyo"
			j.Request.URL = "http://" + secretUser + ":" + secretPassword + "@host.example.com/x"
			j.Notification.OnFailureCount = 2
		})
		s.runs(db, node, j, failed)
		s.plan(j.ID, db.Now().Add(-time.Second))
		c := failed(s.claimOne(db, node))
		c.Result.Reason, c.Result.Fault, c.Result.Duration = "a reason\x00", cron.FaultTimeout, 1234*time.Microsecond
		c.Result.CertExpiry = db.Now().Add(100 * 24 * time.Hour).UTC().Truncate(time.Second)
		s.finish(db, c)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error {
			j.Title, j.Request.URL = "another", "http://other.example.com/"
			return nil
		}))
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.raw().Clear("execution")
		got, _ := s.raw().Notice(j.ID)
		l, r := &c.Launch, &c.Result
		want := []any{account, int64(cron.NoticeFailure), "as it was", "http://host.example.com/x", "Asia/Tokyo", l.ExecutionID,
			int64(l.Kind), int64(l.Attempt), l.Planned.UnixMilli(), r.Started.UnixMilli(), int64(1234), int64(r.Status),
			int64(r.HTTPStatus), int64(cron.FaultTimeout), "a reason\uFFFD", int64(2), r.CertExpiry.UnixMilli()}
		s.equal("notice", got, want)
	}},
	{"a notice tells how many failures came before a success, and before the job was disabled", func(s *suite) {
		s.options.Plans = cron.Plans{cron.PlanMember: {MaxFailures: 4}}
		db, account, node := s.start()
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, failed, failed, failed, succeeded, failed, failed, failed, failed, failed)
		for kind, want := range map[cron.NoticeKind]int{cron.NoticeSuccess: 3, cron.NoticeDisabled: 5} {
			s.equal("failures", s.raw().NoticesAfter(kind, want), int64(1))
		}
	}},
	{"upkeep removes old notices, in chunks", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.raw().AddNotices(j.ID, 1200, db.Now().Add(-31*24*time.Hour))
		s.raw().AddNotices(j.ID, 3, db.Now().Add(-29*24*time.Hour))
		s.pruned(db, "outbox", 3)
	}},
	{"upkeep keeps the newest notices of an account that has too many, and all of the others", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		others := make([]cron.Job, 30) // more than one step looks at
		for i := range others {
			others[i] = s.job(db, s.account(db))
			s.raw().AddNotices(others[i].ID, 2, db.Now())
		}
		last := s.job(db, s.account(db))
		for _, flooded := range []cron.Job{j, last} {
			s.raw().AddNotices(flooded.ID, 11_100, db.Now())
		}
		for range 3 { // around all accounts
			s.maintain(db)
		}
		for _, flooded := range []cron.Job{j, last} {
			s.equal("notices", s.raw().RowsOfJob("outbox", flooded.ID), int64(10_000))
			s.equal("oldest", s.raw().OldestNotice(flooded.ID), int64(1101))
		}
		s.equal("of all", s.raw().Rows("outbox"), int64(2*10_000+60))
	}},
	{"what waits is counted", func(s *suite) {
		db, account, node := s.start()
		for range 3 {
			s.due(db, account, allNotices)
		}
		n, err := db.Backlog(s.ctx())
		s.ok(err)
		s.equal("backlog", n, 3)
		s.finish(db, failed(s.claim(db, node, 1).Launches[0]))
		n, err = db.Backlog(s.ctx())
		s.ok(err)
		s.equal("backlog", n, 2)
		n, err = db.Notices(s.ctx())
		s.ok(err)
		s.equal("notices", n, 1)
	}},
	{"failures and the success after them are told", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, succeeded, failed, failed, timedOut, succeeded, succeeded, failed)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure, cron.NoticeSuccess, cron.NoticeFailure})
		state := s.record(db, account, j.ID).State
		s.equal("failures", []int{state.Failures, state.CountedFailures}, []int{1, 1})
	}},
	{"too many failures disable the job", func(s *suite) {
		s.options.Plans = cron.Plans{cron.PlanMember: {MaxFailures: 2}}
		db, account, node := s.start()
		j := s.job(db, account, allNotices, retries(1, time.Hour, 1, time.Hour))
		fail := func(l cron.Launch) cron.Completion {
			c := failed(l)
			c.Result.Status = cron.StatusInvalidURL // which is not tried again
			return c
		}
		s.runs(db, node, j, fail, fail)
		s.equal("enabled", s.record(db, account, j.ID).Enabled, true)

		// The third is in flight; meanwhile the job is due again, and an attempt waits.
		s.plan(j.ID, db.Now().Add(-20*time.Second))
		third := s.claimOne(db, node)
		s.pend(j, db.Now().Add(time.Hour), third.Planned, cron.KindScheduled, 2)
		s.pend(j, db.Now().Add(time.Hour), third.Planned, cron.KindManual, 1)
		due := db.Now().Add(-10 * time.Second).UTC().Truncate(time.Second)
		s.plan(j.ID, due)
		s.finish(db, fail(third))

		rec := s.record(db, account, j.ID)
		s.equal("enabled", rec.Enabled, false)
		s.equal("next run", rec.State.NextRun, time.Time{})
		s.equal("failures", []int{rec.State.Failures, rec.State.CountedFailures}, []int{0, 0})
		s.equal("last status", rec.State.LastStatus, cron.StatusInvalidURL)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure, cron.NoticeDisabled})
		waiting := s.waiting(j.ID)
		if len(waiting) != 1 || waiting[0].Kind != cron.KindManual {
			s.Errorf("waiting: %+v, want what was asked for by hand", waiting)
		}
		ledger := s.ledger(j.ID)
		s.equal("what was due", ledger[len(ledger)-1], entry{
			Planned: due, Attempt: 1, Outcome: cron.OutcomeSkipped, Fault: cron.FaultDisabled, Last: due, Count: 1,
		})
		s.claimNone(db, node)
	}},
	{"a job that is disabled by results that come together ends once", func(s *suite) {
		s.options.Plans = cron.Plans{cron.PlanMember: {MaxFailures: 0}}
		db, account, node := s.start()
		j := s.due(db, account, allNotices)
		first := s.claimOne(db, node)
		s.plan(j.ID, first.Planned.Add(time.Millisecond))
		second := s.claimOne(db, node)
		s.finish(db, failed(first), failed(second))
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure, cron.NoticeDisabled})
		s.equal("enabled", s.record(db, account, j.ID).Enabled, false)
	}},
	{"the job of a monitor is not disabled", func(s *suite) {
		s.options.Plans = cron.Plans{cron.PlanMember: {MaxFailures: 1}}
		db, account, node := s.start()
		j := s.job(db, account, allNotices, func(j *cron.Job) { j.Type = cron.TypeMonitoring })
		s.runs(db, node, j, failed, failed, failed)
		rec := s.record(db, account, j.ID)
		s.equal("enabled", rec.Enabled, true)
		s.equal("failures", []int{rec.State.Failures, rec.State.CountedFailures}, []int{3, 3})
	}},
	{"the expiry of a certificate is told once", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account, allNotices)
		expiry := db.Now().Add(time.Hour).UTC().Truncate(time.Second)
		seen := func(at time.Time) func(cron.Launch) cron.Completion {
			return func(l cron.Launch) cron.Completion {
				c := succeeded(l)
				c.Result.CertExpiry = at
				return c
			}
		}
		s.runs(db, node, j, seen(expiry.Add(48*time.Hour)), seen(expiry), seen(expiry))
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeCertExpiry})
		state := s.record(db, account, j.ID).State
		s.equal("certificate", []time.Time{state.CertExpiry, state.CertNoticed}, []time.Time{expiry, expiry})
		s.runs(db, node, j, seen(expiry.Add(time.Hour)), succeeded)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeCertExpiry, cron.NoticeCertExpiry})
		s.equal("certificate", s.record(db, account, j.ID).State.CertExpiry, time.Time{})
	}},
	{"nothing is told of a job that was disabled meanwhile", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, allNotices, retries(1, time.Second, 1, time.Second))
		l := s.claimOne(db, node)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Enabled = false; return nil }))
		s.finish(db, failed(l))
		s.equal("notices", len(s.notices(j.ID)), 0)
		s.equal("waiting", len(s.waiting(j.ID)), 0)
		rec := s.record(db, account, j.ID)
		s.equal("last status", rec.State.LastStatus, cron.StatusHTTPError)
		s.equal("failures", rec.State.Failures, 0)
	}},
	{"a result and its notices are written together or not at all", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, allNotices)
		l := s.claimOne(db, node)
		before := s.record(db, account, j.ID)
		s.raw().Rename("outbox", "elsewhere")
		if err := db.Finish(s.ctx(), []cron.Completion{failed(l)}); err == nil {
			s.Fatal("the result was recorded without its notice")
		}
		s.equal("outcome", s.ledger(j.ID)[0].Outcome, cron.OutcomeRunning)
		s.equal("job", s.record(db, account, j.ID), before)
		s.raw().Rename("elsewhere", "outbox")
		s.finish(db, failed(l))
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
	}},
}
