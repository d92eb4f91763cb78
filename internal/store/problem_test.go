package store_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// TestProblemsAreTheCausesOfFailingJobs records random results in random batches, with edits, deletions and manual executions
// between them. After each batch the problems that are not resolved are the causes of the jobs whose latest results failed.
func TestProblemsAreTheCausesOfFailingJobs(t *testing.T) {
	options := storetest.Databases[0].New(t)
	db, raw := open(t, options), past(t, options)
	node, err := db.StartNode(t.Context(), cron.Node{Name: "test"})
	ok(t, err)
	x, accounts := tables(t, raw), 0
	var latest time.Time
	due := func() time.Time { // no two are the same, since an occurrence runs once
		latest = later(db.Now().Add(-time.Second), latest.Add(time.Millisecond))
		return latest
	}
	rapid.Check(t, func(r *rapid.T) {
		accounts++
		account := storetest.NewAccount(t, db, fmt.Sprint(accounts, "@example.com"), cron.PlanUnlimited).ID
		defer func() { ok(t, db.DeleteAccount(t.Context(), account)) }()
		var jobs []int64
		for range rapid.IntRange(1, 5).Draw(r, "jobs") {
			j := newJob(account)
			j.Policy.LateAfter = time.Minute
			ok(t, db.CreateJob(t.Context(), &j))
			jobs = append(jobs, j.ID)
		}
		want := make(map[int64]string) // what each failing job fails for
		for range rapid.IntRange(1, 12).Draw(r, "batches") {
			var batch []cron.Completion
			for _, id := range jobs {
				switch what := rapid.SampledFrom([]string{"", "ok", "late", "a", "b", "lost", "short", "manual ok", "manual a", "save"}).Draw(r, "what"); what {
				case "":
				case "save":
					ok(t, db.UpdateJob(t.Context(), account, id, func(j *cron.Job) error { j.Title += "."; return nil }))
				default:
					batch = append(batch, drawn(t, db, x, due, node, account, id, what))
					expect(want, id, what)
				}
			}
			for len(batch) > 0 {
				n := rapid.IntRange(1, len(batch)).Draw(r, "together")
				ok(t, db.Finish(t.Context(), batch[:n]))
				batch = batch[n:]
			}
			if len(jobs) > 1 && rapid.IntRange(0, 9).Draw(r, "delete") == 0 {
				ok(t, db.DeleteJob(t.Context(), account, jobs[0]))
				delete(want, jobs[0])
				jobs = jobs[1:]
			}
			list, err := db.Problems(t.Context(), account, &cron.ProblemQuery{States: []cron.ProblemState{cron.ProblemOpen}, Limit: 100})
			ok(t, err)
			got := make(map[int64]string)
			for _, p := range list {
				for _, id := range p.JobIDs {
					got[id] = map[cron.ProblemKind]string{cron.ProblemLost: "lost", cron.ProblemLate: "late", cron.ProblemFailed: p.Example.Detail}[p.Kind]
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				r.Fatalf("problems of jobs (-want +got):\n%s", diff)
			}
			causes := slices.Compact(slices.Sorted(maps.Values(want)))
			own := 0 // of losses and late runs each job has its own
			for _, what := range want {
				if what == "lost" || what == "late" {
					own++
				}
			}
			causes = slices.DeleteFunc(causes, func(c string) bool { return c == "lost" || c == "late" })
			if len(list) != len(causes)+own {
				r.Fatalf("%d problems for %v", len(list), want)
			}
		}
	})
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// drawn is a result of the given kind.
func drawn(t *testing.T, db *store.Store, x *storetest.Tables, due func() time.Time, node, account, jobID int64, what string) cron.Completion {
	t.Helper()
	if what == "manual ok" || what == "manual a" {
		_, err := db.RequestRun(t.Context(), account, jobID, cron.Author{})
		ok(t, err)
	} else {
		x.SetDue(jobID, due())
	}
	var claimed cron.Claimed
	for len(claimed.Launches) == 0 { // a manual run in the millisecond of another one is due in the next
		var err error
		claimed, err = db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
		ok(t, err)
	}
	c := completion(claimed.Launches[0], cron.StatusOK)
	switch what {
	case "late":
		c.Result.Started = c.Launch.Due.Add(2 * time.Minute)
	case "lost":
		started := c.Result.Started
		c.Result = cron.Lost()
		c.Result.Started = started
	case "short":
		c.Result.Status, c.Result.Fault, c.Result.Detail = cron.StatusInternalError, cron.FaultShortage, "short"
	case "a", "b", "manual a":
		c.Result.Status, c.Result.HTTPStatus, c.Result.Fault, c.Result.Detail = cron.StatusDNSError, 0, cron.FaultHostNotFound, what
		c.Result.URL = "http://" + what[len(what)-1:] + ".example/"
	}
	return c
}

// expect says what a result changes.
func expect(want map[int64]string, jobID int64, what string) {
	switch what {
	case "ok", "manual ok":
		delete(want, jobID)
	case "a", "b", "late":
		want[jobID] = what
	case "lost", "short":
		if want[jobID] == "" {
			want[jobID] = what
		}
	}
}
