package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// TestObserveSurvivesEachFault lets each statement of the step from results to states fail, one after the other. Nothing is lost, and nothing
// counts twice: in the end there is one transition for each change.
func TestObserveSurvivesEachFault(t *testing.T) {
	fault := errors.New("the database is gone")
	for _, kind := range storetest.Databases {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			o := kind.New(t)
			db, raw := open(t, o), storetest.OpenTables(t, o)
			account, _ := newAccount(t, db)
			j := newJob(account)
			ok(t, db.CreateJob(t.Context(), &j))
			page := raw.AddPage(account, "UTC")
			component := raw.AddComponent(page, statuspage.DefaultRule(), 0, j.ID)
			now := db.Now()
			for i, outcome := range []cron.Outcome{cron.OutcomeSucceeded, cron.OutcomeFailed, cron.OutcomeFailed} {
				raw.AddMonitorResults(account, j.ID, 1, outcome, now.Add(time.Duration(i-3)*time.Second))
			}
			failures := 0
			for n := 1; ; n++ {
				count := 0
				undo := db.Intercept(func(string, []any) error {
					if count++; count == n {
						return fault
					}
					return nil
				})
				_, err := db.ObserveComponents(t.Context())
				undo()
				if err == nil {
					break
				}
				failures++
				if left, made := raw.Rows("monitor_result"), len(raw.Transitions(component, statuspage.LayerObserved)); left != 3 && left != 0 || (left == 0) != (made == 2) {
					t.Fatalf("when statement %d fails, %d results are left and %d transitions made", n, left, made)
				}
			}
			if failures < 10 {
				t.Errorf("only %d statements failed", failures)
			}
			state, _ := raw.ComponentState(component)
			if made := raw.Transitions(component, statuspage.LayerObserved); state != statuspage.MajorOutage || len(made) != 2 || raw.PageRevision(page) != 2 {
				t.Errorf("the component is %s by %v, revision %d", state, made, raw.PageRevision(page))
			}
		})
	}
}

// TestOtherJobsPayNothing compares the statements that record results: those of jobs that no component has know nothing of components.
func TestOtherJobsPayNothing(t *testing.T) {
	o := storetest.Databases[0].New(t)
	db, raw := open(t, o), storetest.OpenTables(t, o)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	for i, status := range []cron.Status{cron.StatusOK, cron.StatusTimeout, cron.StatusOK} {
		raw.SetDue(j.ID, db.Now().Add(time.Duration(i-10)*time.Second))
		undo := db.Intercept(func(query string, _ []any) error {
			if strings.Contains(query, "monitor") || strings.Contains(query, "status_") && !strings.Contains(query, "last_status") {
				t.Errorf("of components:\n%s", query)
			}
			return nil
		})
		claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
		ok(t, err)
		if len(claimed.Launches) != 1 {
			t.Fatalf("%d launches", len(claimed.Launches))
		}
		ok(t, db.Finish(t.Context(), []cron.Completion{completion(claimed.Launches[0], status)}))
		undo()
	}
}

// runStatusPages calls everything that works out and shows the states of components, of a page with a job.
func runStatusPages(t testing.TB, db *store.Store, raw *storetest.Tables, account, jobID int64) {
	t.Helper()
	ctx := t.Context()
	page := raw.AddPage(account, "UTC")
	component := raw.AddComponent(page, statuspage.DefaultRule(), 0, jobID)
	for _, outcome := range []cron.Outcome{cron.OutcomeSucceeded, cron.OutcomeFailed, cron.OutcomeFailed} {
		raw.AddMonitorResults(account, jobID, 1, outcome, db.Now())
	}
	for more := true; more; {
		var err error
		more, err = db.ObserveComponents(ctx)
		ok(t, err)
	}
	raw.Expire(jobID, db.Now().Add(-time.Second))
	ok(t, second(db.ObserveComponents(ctx)))
	now := db.Now()
	ok(t, store.SetLayer(ctx, db, page, component, statuspage.LayerHand, now.Add(-time.Hour), statuspage.Transition{At: now.Add(-time.Hour), State: statuspage.Degraded}))
	ok(t, db.UpdateStatusPage(ctx, account, page, func(p *statuspage.Page) error { p.Timezone = "Europe/Berlin"; return nil }))
	raw.EndDay(page)
	for more := true; more; {
		var err error
		more, err = store.KeepDays(ctx, db)
		ok(t, err)
	}
	ok(t, second(db.PageHistory(ctx, page, 90)))
	ok(t, second(db.StatusRuns(ctx, account, page, 0)))
	ok(t, second(db.StatusDurations(ctx, account, page, component, db.Now())))
	ok(t, db.RenewPageBadges(ctx, account, page))
}

func second[T any](_ T, err error) error { return err }
