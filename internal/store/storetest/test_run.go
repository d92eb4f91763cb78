package storetest

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// testRun starts a test run of a job with edits.
func (s *suite) testRun(db *store.Store, account int64, edits ...func(*cron.Job)) cron.TestRun {
	s.Helper()
	t := cron.TestRun{AccountID: account, JobID: 7, Job: cron.NewJob()}
	t.Job.ID, t.Job.AccountID, t.Job.Request.URL = 7, account, "http://example.com/"
	for _, edit := range edits {
		edit(&t.Job)
	}
	s.ok(db.StartTestRun(s.ctx(), &t))
	return t
}

// claimTest claims a test run.
func (s *suite) claimTest(db *store.Store, node int64, t cron.TestRun) (cron.TestLaunch, bool) {
	s.Helper()
	for _, w := range s.waitingTests(db, 0) {
		if w.ID == t.ID {
			l, ok, err := db.ClaimTestRun(s.ctx(), node, w, func(*cron.Job) bool { return true })
			s.ok(err)
			return l, ok
		}
	}
	return cron.TestLaunch{}, false
}

// running starts and claims a test run.
func (s *suite) running(db *store.Store, account, node int64) cron.TestRun {
	s.Helper()
	t := s.testRun(db, account)
	if _, ok := s.claimTest(db, node, t); !ok {
		s.Fatal("the test run was not claimed")
	}
	return t
}

func (s *suite) waitingTests(db *store.Store, after int64, without ...int64) []cron.WaitingTestRun {
	s.Helper()
	list, err := db.WaitingTestRuns(s.ctx(), after, without, 100)
	s.ok(err)
	return list
}

func (s *suite) readTest(db *store.Store, t cron.TestRun) cron.TestRun {
	s.Helper()
	got, err := db.TestRun(s.ctx(), t.AccountID, t.ID)
	s.ok(err)
	return got
}

// finishTest writes a result of a test run.
func (s *suite) finishTest(db *store.Store, node int64, t cron.TestRun, r cron.Result) {
	s.Helper()
	s.ok(db.FinishTestRun(s.ctx(), &cron.TestProgress{
		Node: node, ID: t.ID, AccountID: t.AccountID, Result: &r, Trace: cron.Trace{Phase: cron.PhaseDone},
	}))
}

// testRunIDs are the IDs of all test runs that are stored.
func (s *suite) testRunIDs() (ids []int64) {
	s.Helper()
	s.raw().rows(`SELECT id FROM test_run ORDER BY id`, nil, func(scan func(...any)) {
		var id int64
		scan(&id)
		ids = append(ids, id)
	})
	return ids
}

var answered = cron.Result{
	Status: cron.StatusHTTPError, HTTPStatus: 500, Reason: "Internal Server Error", URL: "http://example.com/",
	Stats: cron.Stats{Total: 3 * time.Millisecond}, Headers: []byte("A: b\r\n\r\n"), Body: []byte{},
}

var testRunTests = []test{
	{"a test run waits, runs and finishes", func(s *suite) {
		db, account, node := s.start()
		t := s.testRun(db, account)
		want := cron.TestRun{ID: t.ID, AccountID: account, JobID: 7, Version: 1, Created: t.Created, Expires: t.Created.Add(15 * time.Minute)}
		s.equal("waiting", s.readTest(db, t), want)

		l, ok := s.claimTest(db, node, t)
		s.equal("claimed", ok, true)
		s.equal("job", *l.Job, t.Job)
		want.State, want.Phase, want.Version = cron.TestRunning, cron.PhasePreparing, 2
		want.Started, want.Expires = l.Started, l.Started.Add(15*time.Minute)
		s.equal("running", s.readTest(db, t), want)

		p := cron.TestProgress{Node: node, ID: t.ID, AccountID: account, Trace: cron.Trace{
			Phase: cron.PhaseConnecting, Hops: []cron.Hop{{URL: "http://example.com/", Dials: []cron.Dial{{Address: "192.0.2.1:80"}}}},
		}}
		running, ends, err := db.AdvanceTestRun(s.ctx(), &p)
		s.ok(err)
		s.equal("running and ends", [2]bool{running, ends}, [2]bool{true, false})
		want.Phase, want.Version, want.Trace = cron.PhaseConnecting, 3, p.Trace
		s.equal("on its way", s.readTest(db, t), want)

		p.Result, p.Diagnosis, p.Trace.Phase = &answered, cron.Diagnosis{Cause: cron.CauseSilent, Timeout: time.Second}, cron.PhaseDone
		s.ok(db.FinishTestRun(s.ctx(), &p))
		want.State, want.Phase, want.Version, want.Trace = cron.TestFinished, cron.PhaseDone, 4, p.Trace
		want.Result, want.Diagnosis = answered, p.Diagnosis
		s.equal("finished", s.readTest(db, t), want)
		version, err := db.TestRunVersion(s.ctx(), account, t.ID)
		s.ok(err)
		s.equal("version", version, want.Version)

		running, _, err = db.AdvanceTestRun(s.ctx(), &p)
		s.ok(err)
		s.equal("running", running, false)
		s.ok(db.FinishTestRun(s.ctx(), &cron.TestProgress{Node: node, ID: t.ID, AccountID: account}))
		s.equal("finished once", s.readTest(db, t), want)
		s.equal("sealed jobs that are kept", s.raw().Number(`SELECT count(*) FROM test_run WHERE sealed_job IS NOT NULL`), int64(0))
	}},
	{"a test run belongs to its account", func(s *suite) {
		db, account, _ := s.start()
		t, other := s.testRun(db, account), s.account(db)
		for _, foreign := range []struct{ account, id int64 }{{other, t.ID}, {account, t.ID + 1}, {0, t.ID}} {
			_, err := db.TestRun(s.ctx(), foreign.account, foreign.id)
			s.missing(err, cron.SubjectTestRun)
			_, err = db.TestRunVersion(s.ctx(), foreign.account, foreign.id)
			s.missing(err, cron.SubjectTestRun)
			s.missing(db.EndTestRun(s.ctx(), foreign.account, foreign.id), cron.SubjectTestRun)
		}
		s.equal("state", s.readTest(db, t).State, cron.TestWaiting)
	}},
	{"a test run that has expired is gone for everybody, and then from the database", func(s *suite) {
		db, account, node := s.start()
		waits, runs, finished, fresh := s.testRun(db, account), s.running(db, account, node), s.running(db, account, node), s.testRun(db, account)
		s.finishTest(db, node, finished, answered)
		for _, t := range []cron.TestRun{waits, runs, finished} {
			s.raw().execOne(`UPDATE test_run SET expires_at = $2 WHERE id = $1`, t.ID, db.Now().UnixMilli())
			_, err := db.TestRun(s.ctx(), account, t.ID)
			s.missing(err, cron.SubjectTestRun)
			_, err = db.TestRunVersion(s.ctx(), account, t.ID)
			s.missing(err, cron.SubjectTestRun)
			s.missing(db.EndTestRun(s.ctx(), account, t.ID), cron.SubjectTestRun)
		}
		if list := s.waitingTests(db, 0); len(list) != 1 || list[0].ID != fresh.ID {
			s.Errorf("%v wait", list)
		}
		more, err := db.PruneTestRuns(s.ctx())
		s.ok(err)
		s.equal("more", more, false)
		s.equal("stored", s.testRunIDs(), []int64{fresh.ID})
		running, _, err := db.AdvanceTestRun(s.ctx(), &cron.TestProgress{Node: node, ID: runs.ID, AccountID: account})
		s.ok(err)
		s.equal("running", running, false)
	}},
	{"an account has a few open test runs, and keeps the latest ones", func(s *suite) {
		db, account, node := s.start()
		other := s.account(db)
		var all []cron.TestRun
		for range cron.MaxOpenTestRuns {
			all = append(all, s.running(db, account, node))
		}
		s.refused(db.StartTestRun(s.ctx(), &cron.TestRun{AccountID: account}), cron.TooMany, cron.SubjectNone)
		foreign := s.running(db, other, node)
		s.finishTest(db, node, foreign, answered)
		for range cron.MaxTestRuns { // the first one stays open
			s.finishTest(db, node, all[len(all)-1], answered)
			all = append(all[:len(all)-1], s.running(db, account, node))
		}
		ids := s.testRunIDs()
		if n := len(ids); n != cron.MaxTestRuns+1 || ids[0] != all[0].ID {
			s.Errorf("%d test runs are kept: %v", n, ids)
		}
		s.equal("open", s.raw().Number(`SELECT count(*) FROM test_run WHERE state < 2`), int64(cron.MaxOpenTestRuns))
		s.readTest(db, foreign)
	}},
	{"racing calls do not exceed what an account may have open", func(s *suite) {
		db, account, _ := s.start()
		handles := []*store.Store{db}
		if !s.isSQLite() {
			handles = append(handles, s.open())
		}
		var (
			wg      sync.WaitGroup
			started atomic.Int64
		)
		for _, db := range handles {
			for range 10 {
				wg.Go(func() {
					switch err := db.StartTestRun(s.ctx(), &cron.TestRun{AccountID: account}); {
					case err == nil:
						started.Add(1)
					case cron.KindOf(err) != cron.TooMany:
						s.Errorf("start: %v", err)
					}
				})
			}
		}
		wg.Wait()
		s.equal("started", started.Load(), int64(cron.MaxOpenTestRuns))
	}},
	{"one node claims a test run", func(s *suite) {
		db, account, node := s.start()
		other := db
		if !s.isSQLite() {
			other = s.open()
		}
		second := s.node(other)
		t := s.testRun(db, account)
		w := s.waitingTests(db, 0)[0]
		var (
			wg      sync.WaitGroup
			claimed atomic.Int64
		)
		for range 8 {
			for _, c := range []struct {
				db   *store.Store
				node int64
			}{{db, node}, {other, second}} {
				wg.Go(func() {
					_, ok, err := c.db.ClaimTestRun(s.ctx(), c.node, w, func(*cron.Job) bool { return true })
					if err != nil {
						s.Errorf("claim: %v", err)
					}
					if ok {
						claimed.Add(1)
					}
				})
			}
		}
		wg.Wait()
		s.equal("claimed", claimed.Load(), int64(1))
		s.equal("version", s.readTest(db, t).Version, int64(2))
	}},
	{"a job that is refused, or a node whose lease has ended, leaves a test run waiting", func(s *suite) {
		db, account, node := s.start()
		t := s.testRun(db, account)
		w := s.waitingTests(db, 0)[0]
		_, ok, err := db.ClaimTestRun(s.ctx(), node, w, func(j *cron.Job) bool { return j.Request.URL != t.Job.Request.URL })
		s.ok(err)
		s.equal("claimed", ok, false)
		s.ok(db.StopNode(s.ctx(), node))
		if _, ok, err = db.ClaimTestRun(s.ctx(), node, w, func(*cron.Job) bool { return true }); err == nil || ok {
			s.Errorf("claimed: %v, error: %v", ok, err)
		}
		s.equal("state", s.readTest(db, t).State, cron.TestWaiting)
	}},
	{"waiting test runs are listed in their order, with their plans and sizes", func(s *suite) {
		db, account, _ := s.start()
		second, disabled := s.account(db), s.account(db)
		a, b := s.testRun(db, account), s.testRun(db, second, func(j *cron.Job) { j.Request.Body = strings.Repeat("b", 1<<20) })
		c := s.testRun(db, account)
		s.testRun(db, disabled)
		s.ok(db.UpdateAccount(s.ctx(), disabled, func(a *cron.Account) error { a.Disabled = true; return nil }))
		list := s.waitingTests(db, 0)
		var ids []int64
		for _, w := range list {
			ids = append(ids, w.ID)
			s.equal("plan", w.Plan.Name, cron.PlanMember)
		}
		s.equal("waiting", ids, []int64{a.ID, b.ID, c.ID})
		if list[0].Bytes != 0 || list[1].Bytes < 1<<20 || list[1].AccountID != second {
			s.Errorf("the list is %+v", list)
		}
		if list = s.waitingTests(db, a.ID, account); len(list) != 1 || list[0].ID != b.ID {
			s.Errorf("without the first account: %+v", list)
		}
		list, err := db.WaitingTestRuns(s.ctx(), 0, nil, 2)
		s.ok(err)
		s.equal("page", len(list), 2)
	}},
	{"a test run ends in every state", func(s *suite) {
		db, account, node := s.start()
		waits, runs := s.testRun(db, account), s.running(db, account, node)
		w := s.waitingTests(db, 0)[0]
		for range 2 {
			s.ok(db.EndTestRun(s.ctx(), account, waits.ID))
			got := s.readTest(db, waits)
			s.equal("ended", got.State, cron.TestFinished)
			s.equal("by somebody", got.Ends, true)
			s.equal("version", got.Version, int64(2))
			s.equal("fault", got.Result.Fault, cron.FaultLost)
		}
		_, ok, err := db.ClaimTestRun(s.ctx(), node, w, func(*cron.Job) bool { return true })
		s.ok(err)
		s.equal("claimed", ok, false)

		ending := func() []int64 {
			ids, err := db.EndingTestRuns(s.ctx(), node)
			s.ok(err)
			return ids
		}
		s.equal("to end", ending(), []int64(nil))
		for range 2 {
			s.ok(db.EndTestRun(s.ctx(), account, runs.ID))
			got := s.readTest(db, runs)
			s.equal("state", got.State, cron.TestRunning)
			s.equal("version", got.Version, int64(3))
			s.equal("to end", ending(), []int64{runs.ID})
		}
		_, ends, err := db.AdvanceTestRun(s.ctx(), &cron.TestProgress{Node: node, ID: runs.ID, AccountID: account})
		s.ok(err)
		s.equal("ends", ends, true)
		s.finishTest(db, node, runs, cron.Lost())
		before := s.readTest(db, runs)
		s.ok(db.EndTestRun(s.ctx(), account, runs.ID))
		s.equal("finished", s.readTest(db, runs), before)
		s.equal("to end", ending(), []int64(nil))
	}},
	{"the test runs of a dead node are lost", func(s *suite) {
		db, account, node := s.start()
		runs, waits, finished := s.running(db, account, node), s.testRun(db, account), s.running(db, account, node)
		s.finishTest(db, node, finished, answered)
		survivor := s.node(db)
		kept := s.running(db, account, survivor)
		trace := cron.Trace{Phase: cron.PhaseWaiting, Hops: []cron.Hop{{URL: "http://example.com/"}}}
		_, _, err := db.AdvanceTestRun(s.ctx(), &cron.TestProgress{Node: node, ID: runs.ID, AccountID: account, Trace: trace})
		s.ok(err)
		s.raw().EndLease(node, time.UnixMilli(1))
		_, err = db.SettleDead(s.ctx(), survivor)
		s.ok(err)
		got := s.readTest(db, runs)
		s.equal("state", got.State, cron.TestFinished)
		s.equal("fault", got.Result.Fault, cron.FaultLost)
		s.equal("trace", got.Trace, trace)
		s.finishTest(db, node, runs, answered) // too late
		s.equal("after a late result", s.readTest(db, runs), got)
		s.equal("other states", []cron.TestState{s.readTest(db, waits).State, s.readTest(db, finished).State, s.readTest(db, kept).State},
			[]cron.TestState{cron.TestWaiting, cron.TestFinished, cron.TestRunning})
	}},
	{"what is stored is sealed and bounded", func(s *suite) {
		db, account, node := s.start()
		t := s.testRun(db, account, withSecrets)
		_, ok := s.claimTest(db, node, t)
		s.equal("claimed", ok, true)
		big := bytes.Repeat([]byte("capture-24681357"), cron.MaxTraceBytes/16)
		p := cron.TestProgress{Node: node, ID: t.ID, AccountID: account, Result: &cron.Result{
			Status: cron.StatusOK, HTTPStatus: 200, Headers: big, Body: big,
		}}
		chain := make([]cron.Certificate, 16)
		for i := range chain {
			chain[i] = cron.Certificate{Subject: strings.Repeat("s", 2048)}
		}
		long := "http://example.com/?" + strings.Repeat("&<>", cron.MaxURLLength/3-10)
		for range 11 {
			p.Result.Redirects = append(p.Result.Redirects, cron.Redirect{Status: 302, URL: long})
			p.Trace.Hops = append(p.Trace.Hops, cron.Hop{
				URL: long, Dials: make([]cron.Dial, 64), Peer: "192.0.2.1:80", Request: big, RequestBytes: 1 << 20, Response: big, ResponseBytes: 1 << 30,
				TLS: &cron.Handshake{Version: "TLS 1.3", Chain: chain},
			})
		}
		final := p.Result
		p.Result = nil
		_, _, err := db.AdvanceTestRun(s.ctx(), &p)
		s.ok(err)
		if n := s.raw().Number(`SELECT max(length(sealed_result)) FROM test_run`); n > 64<<10+64 || n < 1000 {
			s.Errorf("%d bytes are stored while it runs", n)
		}
		p.Result = final
		s.ok(db.FinishTestRun(s.ctx(), &p))
		if n := s.raw().Number(`SELECT max(length(sealed_result)) FROM test_run`); n > cron.MaxTestRunBytes || n < 100_000 {
			s.Errorf("%d bytes are stored", n)
		}
		got := s.readTest(db, t)
		s.equal("hops", len(got.Trace.Hops), 11)
		h := got.Trace.Hops[10]
		if !bytes.HasPrefix(big, h.Request) || h.RequestBytes != 1<<20 || h.RequestCut != (len(h.Request) < len(big)) || h.Peer != "192.0.2.1:80" {
			s.Errorf("the last hop has %d bytes of %d to %s", len(h.Request), h.RequestBytes, h.Peer)
		}
		s.equal("status", got.Result.HTTPStatus, 200)
		for _, secret := range []string{secretUser, secretPassword, secretHeader, secretBody, "capture-24681357"} {
			if s.holds(secret) {
				s.Errorf("%q stands in the database", secret)
			}
		}
	}},
	{"a date that cannot be stored makes a result a lost one", func(s *suite) {
		db, account, node := s.start()
		t := s.running(db, account, node)
		r := answered
		r.CertExpiry = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
		s.finishTest(db, node, t, r)
		got := s.readTest(db, t)
		s.equal("state", got.State, cron.TestFinished)
		s.equal("fault", got.Result.Fault, cron.FaultLost)
	}},
	{"a sealed value moved to another test run does not open", func(s *suite) {
		db, account, node := s.start()
		a, b := s.testRun(db, account), s.testRun(db, account)
		s.raw().execOne(`UPDATE test_run SET sealed_job = (SELECT sealed_job FROM test_run WHERE id = $1) WHERE id = $2`, a.ID, b.ID)
		_, ok := s.claimTest(db, node, b)
		s.equal("claimed", ok, false)
		got := s.readTest(db, b)
		s.equal("state", got.State, cron.TestFinished)
		s.equal("fault", got.Result.Fault, cron.FaultInternal)
	}},
	{"a test run wakes the nodes and leaves the schedule alone", func(s *suite) {
		db, account, node := s.start()
		listener := db
		if !s.isSQLite() {
			listener = s.open()
		}
		t := s.testRun(db, account)
		<-listener.TestRunsChanged() // a test that waits for ever ends by the timeout of go test
		_, ok := s.claimTest(db, node, t)
		s.equal("claimed", ok, true)
		for len(listener.TestRunsChanged()) > 0 {
			<-listener.TestRunsChanged()
		}
		s.ok(db.EndTestRun(s.ctx(), account, t.ID))
		<-listener.TestRunsChanged()
		select {
		case <-db.Changed():
			if s.isSQLite() { // a listener of PostgreSQL signals once when it begins
				s.Error("the scheduler was woken")
			}
		default:
		}
	}},
	{"deleting an account deletes its test runs", func(s *suite) {
		db, account, _ := s.start()
		s.testRun(db, account)
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("test runs", s.raw().Rows("test_run"), int64(0))
	}},
}
