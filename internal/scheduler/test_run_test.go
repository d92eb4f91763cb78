package scheduler

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

const (
	waiting  = cron.TestWaiting
	running  = cron.TestRunning
	finished = cron.TestFinished
)

func TestATestRunChangesNothingElse(t *testing.T) {
	inBubble(t, func(w *world) {
		id := w.job(in(time.Hour), "http://a/?status=500")
		w.start()
		w.at(10 * second)
		before := w.everythingElse()
		stored := w.state(id)
		run := w.testRun(w.accounts[0], "http://a/?take=3s&status=500", func(j *cron.Job) { j.ID = id })
		w.at(12 * second)
		got := w.tested(run)
		if got.State != running || got.Phase != cron.PhaseWaiting || len(got.Trace.Hops) != 1 {
			t.Errorf("after 2 s it is %v in phase %v with %d hops", got.State, got.Phase, len(got.Trace.Hops))
		}
		w.at(14 * second)
		got = w.tested(run)
		if got.State != finished || got.Phase != cron.PhaseDone || got.Result.HTTPStatus != 500 || got.Result.Duration != 3*second ||
			got.Diagnosis.Cause == cron.CauseNone {
			t.Errorf("it is %v in phase %v with %+v", got.State, got.Phase, got.Result)
		}
		if at := clock(got.Result.Started); at != 10*second {
			t.Errorf("it started at %v", at)
		}
		w.at(10 * time.Minute)
		expect(w, "the other tables", w.everythingElse(), before)
		if now := w.state(id); now.State != stored.State {
			t.Errorf("the state of the job is %+v, and was %+v", now.State, stored.State)
		}
		if n := w.db.called(opFinish); n != 0 {
			t.Errorf("%d batches of results were written", n)
		}
	})
}

// everythingElse counts the rows of the tables that a test run has nothing to do with.
func (w *world) everythingElse() (rows []string) {
	for _, table := range []string{"execution", "response", "pending", "outbox", "rollup_account", "rollup_job", "rollup_open", "job_change", "job_state"} {
		rows = append(rows, fmt.Sprintf("%s: %d", table, w.tables().Rows(table)))
	}
	return rows
}

func TestAnIdleNodeAsksOnceASecond(t *testing.T) {
	inBubble(t, func(w *world) {
		w.start()
		w.at(time.Minute + 500*time.Millisecond)
		if n := w.db.called(opWaitingTests); n != 61 {
			t.Errorf("waiting test runs were listed %d times in a minute", n)
		}
		if n := w.db.called(opEndingTests); n != 0 {
			t.Errorf("ending test runs were listed %d times", n)
		}
	})
}

func TestExecutionsGoBeforeTestRuns(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.Slots = 8
		id := w.job(in(10*second), "http://a/?take=10s")
		for range 19 { // more than the slots
			w.clones(id, 1, w.newAccount())
		}
		w.start()
		w.at(11 * second)
		run := w.testRun(w.newAccount(), "http://test/")
		w.at(19 * second)
		expect(w, "while executions wait", w.testStates(run), []cron.TestState{waiting})
		w.at(80 * second)
		expect(w, "in the end", w.testStates(run), []cron.TestState{finished})
		order := w.order()
		// The last four executions leave slots for it: which of the calls is seen first then is open.
		if len(order) != 21 || w.db.called(opClaimTest) != 1 || slices.Index(order, "http://test/") < 16 {
			t.Errorf("the calls were %v", order)
		}
		if w.targets.peak > 8 {
			t.Errorf("%d were in flight", w.targets.peak)
		}
	})
}

func TestTestRunsAreAnEighthOfTheSlots(t *testing.T) {
	for _, test := range []struct{ slots, want int }{{1, 1}, {8, 1}, {32, 4}} {
		inBubbleNamed(t, fmt.Sprint(test.slots), func(w *world) {
			w.config.Slots = test.slots
			var runs []cron.TestRun
			for i := range 4 {
				account := w.newAccount()
				for range cron.MaxOpenTestRuns {
					runs = append(runs, w.testRun(account, fmt.Sprintf("http://%d/?take=5s", i)))
				}
			}
			w.start()
			w.at(5 * time.Minute)
			for _, run := range runs {
				if got := w.tested(run); got.State != finished || got.Result.HTTPStatus != 200 {
					w.Errorf("a test run is %v with %+v", got.State, got.Result)
				}
			}
			if w.targets.peak != test.want {
				w.Errorf("%d test runs were in flight at once, want %d", w.targets.peak, test.want)
			}
		})
	}
}

// inBubbleNamed is inBubble as a subtest.
func inBubbleNamed(t *testing.T, name string, test func(w *world)) {
	t.Run(name, func(t *testing.T) { inBubble(t, test) })
}

func TestTestRunsOfOneAccountCountAgainstItsPlan(t *testing.T) {
	inBubble(t, func(w *world) {
		account := w.newAccount()
		w.ok(w.db.UpdateAccount(w.Context(), account, func(a *cron.Account) error {
			a.Overrides = cron.Overrides{"maxInFlight": 2}
			return nil
		}))
		w.start()
		w.at(second)
		var runs []cron.TestRun
		for range cron.MaxOpenTestRuns {
			runs = append(runs, w.testRun(account, "http://mine/?hang"))
		}
		other := w.testRun(w.newAccount(), "http://other/")
		w.at(3 * second)
		expect(w, "states", w.testStates(append(runs, other)...),
			[]cron.TestState{running, running, waiting, waiting, waiting, finished})
		w.at(100 * second)
		if n := w.targets.peaks["mine"]; n != 2 {
			t.Errorf("%d were in flight", n)
		}
		expect(w, "after the timeouts", w.testStates(runs...), []cron.TestState{finished, finished, finished, finished, finished})
	})
}

func TestTestRunsWaitForTheirHostOnly(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.HostSlots = 1
		w.start()
		w.at(second)
		first, second1 := w.testRun(w.newAccount(), "http://busy/?take=20s"), w.testRun(w.newAccount(), "http://busy/?take=20s")
		w.at(2 * second)
		other := w.testRun(w.newAccount(), "http://other/")
		w.at(5 * second)
		expect(w, "states", w.testStates(first, second1, other), []cron.TestState{running, waiting, finished})
		if n := w.db.called(opClaimTest); n != 3 {
			t.Errorf("%d claims were tried; one that waits for its host need not be read again", n)
		}
		w.at(60 * second)
		expect(w, "states", w.testStates(first, second1), []cron.TestState{finished, finished})
		if n := w.targets.peaks["busy"]; n != 1 {
			t.Errorf("%d were in flight", n)
		}
	})
}

func TestATestRunEnds(t *testing.T) {
	inBubble(t, func(w *world) {
		w.start()
		w.at(second)
		run := w.testRun(w.accounts[0], "http://a/?take=1000s", takesUpTo(time.Hour))
		w.at(5 * second)
		w.ok(w.db.EndTestRun(w.Context(), w.accounts[0], run.ID))
		synctest.Wait()
		got := w.tested(run)
		if got.State != finished || !got.Ends || got.Result.Fault != cron.FaultLost || got.Trace.Phase != cron.PhaseWaiting {
			t.Errorf("it is %v in phase %v, ends %v, with %+v", got.State, got.Phase, got.Ends, got.Result)
		}
		if n := w.node.InFlight(); n != 0 {
			t.Errorf("%d are in flight", n)
		}
	})
}

func TestATestRunTakesLessThanItsLifetime(t *testing.T) {
	inBubble(t, func(w *world) {
		w.start()
		w.at(second)
		w.testRun(w.accounts[0], "http://a/?hang", takesUpTo(time.Hour))
		w.testRun(w.accounts[0], "http://b/?hang", takesUpTo(20*second))
		w.at(time.Minute)
		for _, c := range w.targets.asked("") {
			if want := map[string]time.Duration{"a": 14 * time.Minute, "b": 20 * second}[c.host]; c.timeout != want {
				t.Errorf("the timeout of %s is %v, want %v", c.url, c.timeout, want)
			}
		}
	})
}

func TestShutdownEndsTestRunsAtOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		n := w.start()
		w.at(second)
		run, waits := w.testRun(w.accounts[0], "http://a/?hang"), cron.TestRun{}
		w.at(2 * second)
		n.cancel()
		synctest.Wait()
		w.ended(n)
		w.ok(n.err)
		if got := w.tested(run); got.State != finished || got.Result.Fault != cron.FaultLost {
			t.Errorf("it is %v with %+v", got.State, got.Result)
		}
		waits = w.testRun(w.accounts[0], "http://a/")
		w.restart(second)
		w.at(5 * second)
		if got := w.tested(waits); got.Result.HTTPStatus != 200 {
			t.Errorf("what waited is %v with %+v", got.State, got.Result)
		}
	})
}

func TestTestRunsOfADeadNodeAreLost(t *testing.T) {
	inBubble(t, func(w *world) {
		w.start()
		w.at(second)
		run := w.testRun(w.accounts[0], "http://a/?hang")
		w.at(2 * second)
		w.crash()
		expect(w, "after the crash", w.testStates(run), []cron.TestState{running})
		w.restart(second)
		if got := w.tested(run); got.State != finished || got.Result.Fault != cron.FaultLost || len(got.Trace.Hops) != 1 {
			t.Errorf("it is %v with %+v", got.State, got.Result)
		}
		w.at(time.Minute)
		if n := len(w.targets.asked("http://a/")); n != 1 {
			t.Errorf("it was sent %d times", n)
		}
	})
}

// TestATestRunOfALostLease has another node declare this one dead during a test run.
func TestATestRunOfALostLease(t *testing.T) {
	inBubble(t, func(w *world) {
		w.start()
		w.at(second)
		run := w.testRun(w.accounts[0], "http://a/?take=20s")
		w.at(2 * second)
		w.secondNode()
		before := w.tested(run)
		if before.State != finished || before.Result.Fault != cron.FaultLost {
			t.Errorf("it is %v with %+v", before.State, before.Result)
		}
		w.at(30 * second)
		if after := w.tested(run); after.Version != before.Version {
			t.Errorf("the late result was written: %+v", after.Result)
		}
		again := w.testRun(w.accounts[0], "http://a/")
		w.at(35 * second)
		expect(w, "the node joined again", w.testStates(again), []cron.TestState{finished})
	})
}

func TestANodeThatIsNotSureOfItsLeaseStartsNoTestRun(t *testing.T) {
	inBubble(t, func(w *world) {
		w.start()
		w.at(second)
		w.db.inject(fault(failBefore).on(opHeartbeat))
		w.at(10 * second)
		run := w.testRun(w.accounts[0], "http://a/")
		w.at(20 * second)
		expect(w, "without a lease", w.testStates(run), []cron.TestState{waiting})
		w.db.inject(nil)
		w.at(25 * second)
		expect(w, "with a lease", w.testStates(run), []cron.TestState{finished})
	})
}

// TestATestRunThatAPauseOvertook has the process pause between the claim and the exchange, longer than its lease.
func TestATestRunThatAPauseOvertook(t *testing.T) {
	inBubble(t, func(w *world) {
		w.start()
		w.at(second)
		w.db.inject(func(ctx context.Context, op operation, do func() error) error {
			switch op {
			case opClaimTest:
				err := do()
				time.Sleep(9 * second)
				return err
			case opHeartbeat:
				return errAway
			}
			return do()
		})
		run := w.testRun(w.accounts[0], "http://a/")
		w.at(5 * time.Minute)
		if n := len(w.targets.asked("http://a/")); n != 0 {
			t.Errorf("it was sent %d times", n)
		}
		if got := w.tested(run); got.Result.Fault != cron.FaultLost {
			t.Errorf("it is %v with %+v", got.State, got.Result)
		}
	})
}

func TestTestRunsSurviveADatabaseThatIsAway(t *testing.T) {
	inBubble(t, func(w *world) {
		w.start()
		w.at(second)
		w.db.inject(fault(failAfter).on(opClaimTest)) // claimed, but nobody knows
		unknown := w.testRun(w.accounts[0], "http://unknown/")
		w.at(3 * second)
		w.db.inject(fault(failBefore).on(opAdvanceTest, opFinishTest, opEndingTests, opWaitingTests))
		w.at(4 * second)
		w.db.inject(fault(failBefore).on(opAdvanceTest, opFinishTest))
		kept := w.testRun(w.accounts[0], "http://kept/")
		w.at(30 * second)
		expect(w, "meanwhile", w.testStates(unknown, kept), []cron.TestState{finished, running})
		w.db.inject(nil)
		w.at(40 * second)
		if got := w.tested(kept); got.State != finished || got.Result.HTTPStatus != 200 {
			t.Errorf("what was performed is %v with %+v", got.State, got.Result)
		}
		if got := w.tested(unknown); got.Result.Fault != cron.FaultLost || len(w.targets.asked("http://unknown/")) != 0 {
			t.Errorf("what was claimed without an answer is %v with %+v", got.State, got.Result)
		}
		if n := w.logs.count("test run"); n < 1 || n > 5 {
			t.Errorf("%d records were logged", n)
		}
	})
}

// TestBytesOfTestRuns has many accounts test large jobs.
func TestBytesOfTestRuns(t *testing.T) {
	const size = 1 << 20
	f := newInFlight(10_000, 10_000)
	plan := &cron.Plan{}
	var places []*testPlace
	for account := range int64(100) {
		for range cron.MaxOpenTestRuns {
			if p := (&testPlace{account: account, bytes: size}); f.reserveTest(p, plan, "") {
				places = append(places, p)
			}
		}
	}
	if n := int64(len(places)); f.defined != n*size || f.defined > maxDefinitionBytes/testShare || n < 5 {
		t.Errorf("%d are in flight, with %d bytes", n, f.defined)
	}
	if f.admission()(&cron.Job{AccountID: 1000}, plan, size) != cron.AdmitNow {
		t.Error("another account has no room for a large job")
	}
	for _, p := range places {
		f.endTest(p)
		f.testRecorded()
	}
	if !f.reserveTest(&testPlace{account: 1, bytes: maxDefinitionBytes / 4}, plan, "") {
		t.Error("a very large job has no room though no other is tested")
	}
	f.endTest(&testPlace{account: 1, bytes: maxDefinitionBytes / 4})
	f.testRecorded()
	if f.defined != 0 || f.executing != 0 || f.tests != 0 || len(f.accounts) != 0 {
		t.Errorf("%d bytes, %d executions, %d test runs and %d accounts are left", f.defined, f.executing, f.tests, len(f.accounts))
	}
}

// TestHostsOfTestRuns has test runs call one host: they leave most of its places to executions.
func TestHostsOfTestRuns(t *testing.T) {
	f := newInFlight(1000, 16)
	var places []*testPlace
	for account := range int64(20) {
		p := &testPlace{account: account}
		if f.reserveTest(p, &cron.Plan{}, "") && f.enterHost(p, "host") {
			places = append(places, p)
		}
	}
	if n := len(places); n != 2 || f.hosts["host"] != 2 || f.testHosts["host"] != 2 {
		t.Errorf("%d test runs are at the host: %v, %v", n, f.hosts, f.testHosts)
	}
	if f.reserveTest(&testPlace{account: 100}, &cron.Plan{}, "host") {
		t.Error("another one of the host finds room")
	}
	for _, p := range places {
		f.endTest(p)
	}
	if len(f.hosts) != 0 || len(f.testHosts) != 0 {
		t.Errorf("%v and %v are left", f.hosts, f.testHosts)
	}
}

// TestNoTestRunStartsDuringAClaim has a test run ask for the last slots while a claim is under way.
func TestNoTestRunStartsDuringAClaim(t *testing.T) {
	f := newInFlight(2, 10)
	place := &testPlace{account: 1}
	if free := f.beginClaim(); free != 2 {
		t.Errorf("%d are free", free)
	}
	if f.testRoom() || f.reserveTest(place, &cron.Plan{}, "") {
		t.Error("a test run takes a slot of a claim")
	}
	f.endClaim()
	if !f.reserveTest(place, &cron.Plan{}, "") {
		t.Error("a test run has no slot after a claim")
	}
	if free := f.beginClaim(); free != 1 {
		t.Errorf("%d are free beside a test run", free)
	}
}
