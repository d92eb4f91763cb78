package storetest

import (
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// fullResult is a result none of whose fields has its zero value.
func fullResult(started time.Time) cron.Result {
	ms := time.Millisecond
	return cron.Result{
		Status: cron.StatusOther, HTTPStatus: 299, Reason: "Très bien 👍", Fault: cron.FaultTLS, Detail: "x509: „odd“",
		URL: "https://example.com/?id=1&ü", Started: started.UTC().Truncate(ms), Duration: 987654 * time.Microsecond,
		Stats: cron.Stats{
			NameLookup: 1001 * time.Microsecond, Connect: 2002 * time.Microsecond, AppConnect: 3003 * time.Microsecond,
			PreTransfer: 4004 * time.Microsecond, StartTransfer: 5005 * time.Microsecond, Total: 987654 * time.Microsecond,
		},
		CertExpiry: started.UTC().Truncate(time.Second).Add(90 * 24 * time.Hour),
		Headers:    []byte("Server: \x00\xff\r\nX: y\r\n\r\n"), Body: []byte("\x00\x01\xfe\xffbody"),
		Redirects: []cron.Redirect{{Status: 301, URL: "https://example.com/?ü"}}, Truncated: true, Peer: "2001:db8::1",
	}
}

var finishTests = []test{
	{"every field of a result reads back", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		l := s.claimOne(db, node)
		result := fullResult(l.Due.Add(1234 * time.Millisecond))
		s.finish(db, cron.Completion{Launch: l, Result: result})
		want := cron.Execution{
			ID: l.ExecutionID, JobID: j.ID, AccountID: account, Planned: l.Planned, Kind: cron.KindScheduled, Attempt: 1,
			Outcome: cron.OutcomeFailed, Cause: result.Fingerprint(), Lateness: 1234 * time.Millisecond, Version: 1, Result: result,
		}
		got, err := db.Execution(s.ctx(), account, j.ID, l.ExecutionID)
		s.ok(err)
		s.equal("execution", got, want)
		want.Result.Headers, want.Result.Body, want.Result.Redirects, want.Result.Truncated = nil, nil, nil, false
		s.equal("history", s.history(db, account, j.ID), []cron.Execution{want})
		s.equal("state", s.record(db, account, j.ID).State, cron.JobState{
			NextRun: j.NextAfter(l.Planned), LastStatus: result.Status, LastDuration: result.Duration,
			LastExecution: result.Started, CertExpiry: result.CertExpiry, Failures: 1, CountedFailures: 1,
		})
	}},
	{"every status is kept", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		at := db.Now().Add(-time.Minute)
		for status := cron.StatusOK; status <= cron.StatusOther; status++ {
			s.plan(j.ID, at.Add(time.Duration(status)*time.Second))
			c := succeeded(s.claimOne(db, node))
			c.Result.Status, c.Result.Fault = status, cron.Fault(status)
			s.finish(db, c)
			got := s.history(db, account, j.ID)[0]
			s.equal("status", got.Result.Status, status)
			s.equal("succeeded", got.Outcome == cron.OutcomeSucceeded, status == cron.StatusOK)
			s.equal("last status", s.record(db, account, j.ID).State.LastStatus, status)
		}
	}},
	{"a response is saved, saved empty, or not saved", func(s *suite) {
		db, account, node := s.start()
		for _, test := range []struct{ headers, body []byte }{
			{nil, nil},
			{[]byte("A: b\r\n\r\n"), []byte("body")},
			{[]byte("\r\n"), []byte{}},
			{[]byte("\r\n"), slices.Repeat([]byte{0xab}, 1<<16)},
		} {
			j := s.due(db, account)
			c := succeeded(s.claimOne(db, node))
			c.Result.Headers, c.Result.Body = test.headers, test.body
			s.finish(db, c)
			e, err := db.Execution(s.ctx(), account, j.ID, c.Launch.ExecutionID)
			s.ok(err)
			s.equal("headers", e.Result.Headers, test.headers)
			s.equal("body", e.Result.Body, test.body)
		}
	}},
	{"history lists the newest start first, and no more than it is asked for", func(s *suite) {
		db, account, node := s.start()
		j := s.job(db, account)
		now := db.Now().UTC().Truncate(time.Second)
		var completions []cron.Completion
		for i := range 8 {
			s.plan(j.ID, now.Add(time.Duration(i-60)*time.Second))
			completions = append(completions, succeeded(s.claimOne(db, node)))
		}
		var want []time.Time
		for i := range completions {
			// Neighbours start the other way round than they were claimed.
			completions[i].Result.Started = now.Add(time.Duration(i^1) * time.Second)
			want = append(want, now.Add(time.Duration(7-i)*time.Second))
		}
		slices.Reverse(completions)
		s.finish(db, completions...)
		var got []time.Time
		for _, e := range s.history(db, account, j.ID) {
			got = append(got, e.Result.Started)
		}
		s.equal("starts", got, want)
		h, err := db.History(s.ctx(), account, j.ID, 4)
		s.ok(err)
		s.equal("limited", len(h), 4)
		s.equal("newest", h[0].Result.Started, want[0])
	}},
	{"history has executions only, and of one job", func(s *suite) {
		db, account, node := s.start()
		j, other := s.job(db, account, eachMinute), s.due(db, account)
		s.plan(j.ID, db.Now().Add(-time.Hour))
		var run cron.Launch
		for _, l := range s.claim(db, node, 10).Launches {
			s.finish(db, succeeded(l))
			if l.Job.ID == j.ID {
				run = l
			}
		}
		s.equal("records", len(s.ledger(j.ID)), 2)
		h := s.history(db, account, j.ID)
		if len(h) != 1 || h[0].ID != run.ExecutionID {
			s.Errorf("the history is %+v, want execution %d", h, run.ExecutionID)
		}
		missed, _ := s.raw().Missed(j.ID)
		_, err := db.Execution(s.ctx(), account, j.ID, missed)
		s.missing(err, cron.SubjectExecution)
		_, err = db.Execution(s.ctx(), account, other.ID, run.ExecutionID)
		s.missing(err, cron.SubjectExecution)
		_, err = db.Execution(s.ctx(), account, j.ID, run.ExecutionID+1000)
		s.missing(err, cron.SubjectExecution)
	}},
	{"a job without executions has no history", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.equal("history", len(s.history(db, account, j.ID)), 0)
		_, err := db.History(s.ctx(), account, j.ID+1000, 50)
		s.missing(err, cron.SubjectJob)
	}},
	{"the last execution of a job is the one that started last", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		first := s.claimOne(db, node)
		s.plan(j.ID, first.Planned.Add(time.Millisecond))
		second := s.claimOne(db, node)
		early, late := failed(first), succeeded(second)
		late.Result.Started = early.Result.Started.Add(time.Second)
		s.finish(db, late)
		s.finish(db, early)
		state := s.record(db, account, j.ID).State
		s.equal("last status", state.LastStatus, cron.StatusOK)
		s.equal("last execution", state.LastExecution, late.Result.Started)
	}},
	{"a batch may have several results of one job", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, func(j *cron.Job) {
			j.Notification.OnFailure, j.Notification.OnFailureCount = true, 2
			j.Notification.OnSuccess = true
		})
		l := s.claimOne(db, node)
		var batch []cron.Completion
		for i := range 4 {
			if i > 0 {
				s.plan(j.ID, l.Planned.Add(time.Duration(i)*time.Millisecond))
				l = s.claimOne(db, node)
			}
			c := failed(l)
			if i == 3 {
				c = succeeded(l)
			}
			c.Result.Started = db.Now().UTC().Truncate(time.Millisecond).Add(time.Duration(i) * time.Second)
			batch = append(batch, c)
		}
		batch = append(batch, succeeded(s.dueOther(j, node, db)))
		slices.Reverse(batch)
		s.finish(db, batch...)
		state := s.record(db, account, j.ID).State
		s.equal("failures", []int{state.Failures, state.CountedFailures}, []int{0, 0})
		s.equal("last status", state.LastStatus, cron.StatusOK)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure, cron.NoticeSuccess})
		s.equal("history", len(s.history(db, account, j.ID)), 4)
	}},
	{"a batch that is recorded twice counts once", func(s *suite) {
		db, account, node := s.start()
		notify := func(j *cron.Job) { j.Notification.OnFailure = true }
		j, again := s.due(db, account, notify), s.due(db, account, notify, retries(2, time.Second, 1, time.Second))
		var batch []cron.Completion
		for _, l := range s.claim(db, node, 10).Launches {
			c := failed(l)
			c.Result.Headers, c.Result.Body = []byte("\r\n"), []byte("body")
			batch = append(batch, c)
		}
		s.finish(db, batch...)
		s.hurry(db, again.ID)
		second := s.claimOne(db, node)
		before := []cron.JobRecord{s.record(db, account, j.ID), s.record(db, account, again.ID)}
		s.finish(db, batch...)
		s.finish(db, append(batch, batch...)...)
		s.equal("jobs", []cron.JobRecord{s.record(db, account, j.ID), s.record(db, account, again.ID)}, before)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure})
		s.equal("waiting", len(s.waiting(again.ID)), 0)
		s.finish(db, succeeded(second))
		s.equal("history", len(s.history(db, account, again.ID)), 2)

		s.plan(j.ID, db.Now().Add(-500*time.Millisecond))
		l := s.claimOne(db, node)
		s.finish(db, failed(l), failed(l))
		s.equal("failures", s.record(db, account, j.ID).State.Failures, 2)
	}},
	{"a result that contradicts the first is not taken", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		l := s.claimOne(db, node)
		s.finish(db, succeeded(l))
		before := s.record(db, account, j.ID)
		late := failed(l)
		late.Result.Started = late.Result.Started.Add(time.Minute)
		late.Result.Headers = []byte("\r\n")
		s.finish(db, late)
		s.finish(db, cron.Completion{Launch: l, Result: cron.Lost()})
		s.equal("job", s.record(db, account, j.ID), before)
		e, err := db.Execution(s.ctx(), account, j.ID, l.ExecutionID)
		s.ok(err)
		s.equal("outcome", e.Outcome, cron.OutcomeSucceeded)
		s.equal("headers", e.Result.Headers, []byte(nil))
	}},
	{"the result of a deleted job does no harm", func(s *suite) {
		db, account, node := s.start()
		gone := s.due(db, account, func(j *cron.Job) { j.Notification.OnFailure = true }, retries(1, 0, 1, 0), atLeastOnce)
		stays := s.due(db, account)
		var batch []cron.Completion
		for _, l := range s.claim(db, node, 10).Launches {
			batch = append(batch, failed(l))
		}
		s.ok(db.DeleteJob(s.ctx(), account, gone.ID))
		s.finish(db, batch...)
		s.equal("failures", s.record(db, account, stays.ID).State.Failures, 1)
		s.equal("notices", len(s.notices(gone.ID)), 0)
		s.equal("waiting", len(s.waiting(gone.ID)), 0)
		s.equal("ledger", s.ledger(gone.ID)[0].Outcome, cron.OutcomeFailed)
	}},
	{"an empty batch is nothing", func(s *suite) {
		db, _, _ := s.start()
		s.finish(db)
	}},
	{"a large batch is recorded", func(s *suite) {
		db, account, node := s.start()
		const jobs = 1000
		s.copies(s.due(db, account).ID, jobs-1)
		var batch []cron.Completion
		for _, l := range s.claimMany(db, node, jobs) {
			c := succeeded(l)
			c.Result.Headers, c.Result.Body = []byte("\r\n"), make([]byte, 1<<10)
			batch = append(batch, c)
		}
		s.finish(db, batch...)
		s.equal("succeeded", s.raw().Executions(cron.OutcomeSucceeded), int64(jobs))
		s.equal("saved", s.raw().Rows("response"), int64(jobs))
		s.equal("jobs", s.raw().JobsWithStatus(cron.StatusOK), int64(jobs))
	}},
}

// dueOther claims an execution of another job of the same account.
func (s *suite) dueOther(j cron.Job, node int64, db *store.Store) cron.Launch {
	s.Helper()
	s.due(db, j.AccountID)
	return s.claimOne(db, node)
}
