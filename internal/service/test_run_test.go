package service_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store"
)

// startTest starts a test run.
func startTest(t *testing.T, svc *service.Service, actor cron.Actor) (cron.TestRun, error) {
	t.Helper()
	run, err := svc.NewTestRun(t.Context(), actor, 0, setURL("a.example"))
	if err != nil {
		t.Fatal(err)
	}
	return run, svc.StartTestRun(t.Context(), actor, &run)
}

// TestTestRunsOfTheDayHoldAcrossNodes lets two nodes race for the test runs of a day, in and out of order with those that
// may be open at once.
func TestTestRunsOfTheDayHoldAcrossNodes(t *testing.T) {
	for _, most := range []int{cron.MaxOpenTestRuns - 1, cron.MaxOpenTestRuns + 7} {
		plans := cron.Plans{"small": {Name: "small", TestRunsPerDay: most}}
		onEachDatabase(t, plans, func(t *testing.T, node func() (*service.Service, *store.Store)) {
			first, s := node()
			second, _ := node()
			account := newAccount(t, s, "small")
			var (
				wg      sync.WaitGroup
				started atomic.Int64
			)
			for i := range 4 {
				svc := []*service.Service{first, second}[i%2]
				wg.Go(func() {
					for range 5 {
						switch _, err := startTest(t, svc, as(account)); {
						case err == nil:
							started.Add(1)
						case cron.KindOf(err) != cron.TooMany:
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if want := min(most, cron.MaxOpenTestRuns); started.Load() != int64(want) {
				t.Errorf("%d were started, want %d", started.Load(), want)
			}
			used, err := s.Used(t.Context(), cron.RateLimit{Kind: 1005, Subject: account.ID, Window: 24 * time.Hour, Max: most})
			if err != nil || used != int(started.Load()) {
				t.Errorf("%d are counted, %v", used, err)
			}
			err = first.RoomForTestRun(t.Context(), as(account))
			if full := started.Load() == int64(most); full != (cron.KindOf(err) == cron.TooMany) || !full && err != nil {
				t.Errorf("after %d of %d: %v", started.Load(), most, err)
			}
		})
	}
}

// TestFollowingATestRunOfAnotherNode starts a test run on one node, and follows and ends it on another.
func TestFollowingATestRunOfAnotherNode(t *testing.T) {
	onEachDatabase(t, cron.DefaultPlans(), func(t *testing.T, node func() (*service.Service, *store.Store)) {
		first, s := node()
		second, _ := node()
		actor := as(newAccount(t, s, cron.PlanUnlimited))
		started, err := startTest(t, first, actor)
		if err != nil {
			t.Fatal(err)
		}
		f, err := second.FollowTestRun(t.Context(), actor, started.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		poll := func(want bool) cron.TestRun {
			t.Helper()
			run, changed, err := f.Poll(t.Context())
			if err != nil || changed != want {
				t.Errorf("changed: %t, %v", changed, err)
			}
			return run
		}
		if run := poll(true); run.State != cron.TestWaiting || run.ID != started.ID {
			t.Errorf("it is %+v", run)
		}
		poll(false)
		epoch, err := s.StartNode(t.Context(), cron.Node{Name: "node"})
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := s.WaitingTestRuns(t.Context(), 0, nil, 10)
		if err != nil || len(waiting) != 1 {
			t.Fatalf("%d wait, %v", len(waiting), err)
		}
		l, ok, err := s.ClaimTestRun(t.Context(), epoch, waiting[0], func(*cron.Job) bool { return true })
		if err != nil || !ok {
			t.Fatalf("%t, %v", ok, err)
		}
		if run := poll(true); run.State != cron.TestRunning || run.Phase != cron.PhasePreparing {
			t.Errorf("it is %+v", run)
		}
		if err := second.EndTestRun(t.Context(), actor, started.ID); err != nil {
			t.Fatal(err)
		}
		if run := poll(true); run.State != cron.TestRunning || !run.Ends {
			t.Errorf("it is %+v", run)
		}
		p := cron.TestProgress{Node: epoch, ID: l.ID, AccountID: l.Job.AccountID, Result: new(cron.Lost()), Trace: cron.Trace{Phase: cron.PhaseWaiting}}
		if err := s.FinishTestRun(t.Context(), &p); err != nil {
			t.Fatal(err)
		}
		if run := poll(true); run.State != cron.TestFinished || run.Phase != cron.PhaseWaiting || run.Diagnosis.Cause != cron.CauseEnded {
			t.Errorf("it is %+v", run)
		}
		poll(false)
	})
}

// TestTestRunsAreOfTheirAccount tries to start a test run for another account, and one of another's job.
func TestTestRunsAreOfTheirAccount(t *testing.T) {
	onEachDatabase(t, cron.DefaultPlans(), func(t *testing.T, node func() (*service.Service, *store.Store)) {
		svc, s := node()
		owner, stranger := newAccount(t, s, cron.PlanUnlimited), newAccount(t, s, cron.PlanMember)
		id, err := createJob(t, svc, owner, setURL("a.example"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := svc.NewTestRun(t.Context(), as(stranger), id, &cron.JobPatch{}); cron.KindOf(err) != cron.NotFound {
			t.Errorf("of a job of another: %v", err)
		}
		run, err := svc.NewTestRun(t.Context(), as(owner), id, &cron.JobPatch{})
		if err != nil {
			t.Fatal(err)
		}
		if err := svc.StartTestRun(t.Context(), as(stranger), &run); cron.KindOf(err) != cron.Forbidden {
			t.Errorf("for another account: %v", err)
		}
		if err := svc.StartTestRun(t.Context(), as(owner), &run); err != nil {
			t.Fatal(err)
		}
		_, err = svc.TestRun(t.Context(), as(stranger), run.ID)
		_, follow := svc.FollowTestRun(t.Context(), as(stranger), run.ID)
		for call, err := range map[string]error{"read": err, "follow": follow, "end": svc.EndTestRun(t.Context(), as(stranger), run.ID)} {
			if cron.KindOf(err) != cron.NotFound {
				t.Errorf("%s one of another: %v", call, err)
			}
		}
	})
}
