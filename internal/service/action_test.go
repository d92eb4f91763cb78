package service_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// actions is a service with a node, on one of the databases.
type actions struct {
	*testing.T
	*service.Service
	db    *store.Store
	actor cron.Actor
	node  int64
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, run func(a *actions)) {
	for name, options := range map[string]func(*testing.T) store.Options{
		"SQLite": func(t *testing.T) store.Options { return store.Options{Dir: storetest.SQLite(t)} },
		"PostgreSQL": func(t *testing.T) store.Options {
			return store.Options{URL: storetest.Postgres(t), Dir: t.TempDir()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Plans, o.Keys = cron.DefaultPlans(), worldKeys
			db := storetest.Open(t, o)
			account := storetest.NewAccount(t, db, "a@example.com", cron.PlanUnlimited)
			a := &actions{T: t, db: db, actor: cron.OperatorOf(account)}
			a.Service = service.New(service.Config{Store: db, Addresses: &openGuard{}, Plans: o.Plans})
			a.node = a.join()
			run(a)
		})
	}
}

func (a *actions) ok(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

func (a *actions) join() int64 {
	a.Helper()
	node, err := a.db.StartNode(a.Context(), cron.Node{Name: "node"})
	a.ok(err)
	return node
}

// jobs adds jobs with the titles.
func (a *actions) jobs(titles ...string) (ids []int64) {
	a.Helper()
	for _, title := range titles {
		j, err := a.NewJob(a.actor, &cron.JobPatch{Fields: []string{"/url", "/title", "/extendedData/headers", "/schedule/hours", "/schedule/minutes", "/schedule/mdays", "/schedule/months", "/schedule/wdays"},
			Values: cron.Job{Title: title, Request: cron.Request{URL: "https://user:s3cret@old.example/" + title,
				Headers: []cron.Header{{Name: "Authorization", Value: "s3cret"}}}, Schedule: cron.Schedule{Hours: cron.SetOf(9),
				Minutes: cron.SetOf(0), MonthDays: cron.Every, Months: cron.Every, Weekdays: cron.Every}}})
		a.ok(err)
		a.ok(a.AddJob(a.Context(), a.actor, &j))
		ids = append(ids, j.ID)
	}
	return ids
}

func (a *actions) job(id int64) cron.Job {
	a.Helper()
	rec, err := a.db.Job(a.Context(), a.actor.Account.ID, id)
	a.ok(err)
	return rec.Job
}

// start starts an action and returns its number.
func (a *actions) start(r service.ActionRequest) int64 {
	a.Helper()
	made, err := a.NewAction(a.Context(), a.actor, r)
	a.ok(err)
	a.ok(a.StartAction(a.Context(), a.actor, &made))
	return made.ID
}

func (a *actions) undo(id int64) int64 {
	a.Helper()
	made, err := a.NewUndo(a.Context(), a.actor, id)
	a.ok(err)
	a.ok(a.StartAction(a.Context(), a.actor, &made))
	return made.ID
}

// work takes steps until no action is open.
func (a *actions) work() {
	a.Helper()
	for more := true; more; {
		var err error
		more, err = a.WorkActions(a.Context(), a.node)
		a.ok(err)
	}
}

// done reads a finished action and its jobs.
func (a *actions) done(id int64) (cron.Action, []cron.ActionJob) {
	a.Helper()
	action, jobs, _, err := a.Action(a.Context(), a.actor, id, 0, cron.ActionWaiting, 1000)
	a.ok(err)
	if action.State != cron.ActionFinished || action.Failed {
		a.Errorf("the action is %+v", action)
	}
	return action, jobs
}

// run performs an action.
func (a *actions) run(r service.ActionRequest) (cron.Action, []cron.ActionJob) {
	a.Helper()
	id := a.start(r)
	a.work()
	return a.done(id)
}

// counts compares the counts of an action.
func (a *actions) counts(action cron.Action, want cron.ActionCounts) {
	a.Helper()
	if action.Counts != want {
		a.Errorf("the counts are %+v, want %+v", action.Counts, want)
	}
}

func (a *actions) retitle(id int64, title string) {
	a.Helper()
	_, err := a.ChangeJob(a.Context(), a.actor, id, nil, &cron.JobPatch{Fields: []string{"/title"}, Values: cron.Job{Title: title}})
	a.ok(err)
}

func replaced(field cron.OperationField, find, with string) []cron.Operation {
	return []cron.Operation{{Kind: cron.OperationReplace, Field: field, Find: find, Replace: with, Pattern: true}}
}

func TestActionChangesJobsAndIsUndone(t *testing.T) {
	onBoth(t, func(a *actions) {
		ids := a.jobs("a", "b", "c")
		before := a.job(ids[0])
		kept := a.job(ids[2])
		ops := replaced(cron.ReplaceURL, `old\.example/([ab])`, "new.example/$1")
		action, jobs := a.run(service.ActionRequest{JobIDs: []int64{ids[2], ids[0], ids[1], 99999, ids[0]}, Operations: ops})
		a.counts(action, cron.ActionCounts{Total: 4, Changed: 2, Same: 1, Missing: 1})
		after := a.job(ids[0])
		if after.Request.URL != "https://user:s3cret@new.example/a" || after.UpdatedBy.Label != "command line" {
			a.Errorf("the job is %+v", after)
		}
		want := []cron.ActionChange{{Pointer: "/url", From: `"https://old.example/a"`, To: `"https://new.example/a"`}}
		if got := jobs[0]; got.Result != cron.ActionChanged || got.After != 2 || got.Detail.Title != "a" || !slices.Equal(got.Detail.Changes, want) {
			a.Errorf("the job of the action is %+v", got)
		}
		versions, err := a.db.Versions(a.Context(), a.actor.Account.ID, ids[0], 0, 10)
		a.ok(err)
		if len(versions) != 2 || versions[0].ActionID != action.ID {
			a.Errorf("the versions are %+v", versions)
		}

		a.retitle(ids[1], "edited later")
		undo := a.undo(action.ID)
		a.work()
		undone, jobs := a.done(undo)
		a.counts(undone, cron.ActionCounts{Total: 2, Changed: 1, Skipped: 1})
		if jobs[1].Detail.Title != "edited later" || a.job(ids[1]).Title != "edited later" {
			a.Errorf("the skipped job is %+v", jobs[1])
		}
		a.same(before, a.job(ids[0]))
		a.same(kept, a.job(ids[2]))

		again := a.undo(undo) // of the undoing
		a.work()
		redone, _ := a.done(again)
		a.counts(redone, cron.ActionCounts{Total: 1, Changed: 1})
		a.same(after, a.job(ids[0]))
	})
}

// same compares the definitions of two jobs.
func (a *actions) same(want, got cron.Job) {
	a.Helper()
	for _, j := range []*cron.Job{&want, &got} {
		j.Updated, j.UpdatedBy = time.Time{}, cron.Author{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		a.Errorf("the definition differs:\n%s", diff)
	}
}

func TestDeletingByActionIsUndone(t *testing.T) {
	onBoth(t, func(a *actions) {
		ids := a.jobs("a", "b", "c")
		before := a.job(ids[0])
		action, _ := a.run(service.ActionRequest{JobIDs: ids, Operations: []cron.Operation{{Kind: cron.OperationDelete}}})
		a.counts(action, cron.ActionCounts{Total: 3, Changed: 3})
		list, _, err := a.Jobs(a.Context(), a.db.Now(), a.actor)
		a.ok(err)
		if len(list) != 0 {
			a.Errorf("%d jobs are left", len(list))
		}
		b, j, err := a.db.BinJob(a.Context(), a.actor.Account.ID, ids[1])
		a.ok(err)
		a.ok(a.db.RestoreJob(a.Context(), &b, &j, func(context.Context) error { return nil }))
		_, _, err = a.db.BinJob(a.Context(), a.actor.Account.ID, ids[2])
		a.ok(err)

		undo := a.undo(action.ID)
		a.work()
		undone, _ := a.done(undo)
		a.counts(undone, cron.ActionCounts{Total: 3, Changed: 2, Skipped: 1})
		a.same(before, a.job(ids[0]))

		redo := a.undo(undo)
		a.work()
		redone, jobs := a.done(redo)
		a.counts(redone, cron.ActionCounts{Total: 2, Changed: 2})
		if jobs[0].Effect != cron.EffectDeleted {
			a.Errorf("the job is %+v", jobs[0])
		}
	})
}

func TestJobsChangedMeanwhileAreSkipped(t *testing.T) {
	onBoth(t, func(a *actions) {
		ids := a.jobs("a", "b")
		id := a.start(service.ActionRequest{JobIDs: ids, Operations: replaced(cron.ReplaceTitle, "^", "x")})
		_, err := a.WorkActions(a.Context(), a.node) // selects
		a.ok(err)
		a.retitle(ids[0], "mine")
		a.ok(a.DeleteJob(a.Context(), a.actor, ids[1], nil))
		a.work()
		action, jobs := a.done(id)
		a.counts(action, cron.ActionCounts{Total: 2, Skipped: 1, Missing: 1})
		if jobs[0].Detail.Title != "mine" || a.job(ids[0]).Title != "mine" {
			a.Errorf("the jobs are %+v", jobs)
		}
	})
}

func TestDryRunIsPerformedAsShown(t *testing.T) {
	onBoth(t, func(a *actions) {
		ids := a.jobs("a", "b", "c")
		ops := append(replaced(cron.ReplaceURL, `//user:s3cret@old.example/[ab]`, "//localhost/"),
			cron.Operation{Kind: cron.OperationShift, Minutes: 30}, cron.Operation{Kind: cron.OperationEnable},
			cron.Operation{Kind: cron.OperationSetHeader, Name: "authorization", Value: "an0ther s3cret"})
		ops[0].Find = `//user:s3cret@old.example/b`
		ops[0].Replace = "//127.0.0.1:x"
		dry, jobs := a.run(service.ActionRequest{JobIDs: ids, Operations: ops, DryRun: true})
		a.counts(dry, cron.ActionCounts{Total: 3, Changed: 2, Invalid: 1})
		if a.job(ids[0]).Enabled {
			a.Error("a dry run has enabled a job")
		}
		if text := fmt.Sprintf("%+v", jobs); strings.Contains(text, "s3cret") || !strings.Contains(text, "/extendedData/headers") {
			a.Errorf("the dry run shows %s", text)
		}
		if d := jobs[0].Detail; !d.NextBefore.IsZero() || d.NextAfter.Minute() != 30 || d.NextAfter.Hour() != 9 || d.Zone != "UTC" {
			a.Errorf("the next runs are %v and %v in %q", d.NextBefore, d.NextAfter, d.Zone)
		}
		if r := jobs[1].Detail.Reasons; len(r) != 1 || !strings.HasPrefix(r[0], "/url: ") {
			a.Errorf("the reasons are %q", r)
		}
		a.retitle(ids[2], "changed after the dry run")
		action, done := a.run(service.ActionRequest{Confirms: dry.ID})
		a.counts(action, cron.ActionCounts{Total: 2, Changed: 1, Skipped: 1})
		if diff := cmp.Diff(jobs[0].Detail, done[0].Detail); diff != "" {
			a.Error(diff)
		}
		if !a.job(ids[0]).Enabled || a.job(ids[2]).Enabled {
			a.Error("the wrong job was changed")
		}
	})
}

// TestDryRunAgrees draws operations and jobs, and compares a dry run with what the action then does. Then it takes it back.
func TestDryRunAgrees(t *testing.T) {
	a := onSQLite(t)
	folder := cron.Folder{AccountID: a.actor.Account.ID, Title: "x"}
	a.ok(a.AddFolder(t.Context(), a.actor, &folder))
	operation := rapid.SampledFrom([]cron.Operation{
		{Kind: cron.OperationPatch, Patch: &cron.JobPatch{Fields: []string{"/requestTimeout"}, Values: cron.Job{Timeout: 7}}},
		replaced(cron.ReplaceURL, "example", "")[0], replaced(cron.ReplaceURL, "old", "new")[0], replaced(cron.ReplaceHeaders, "s3cret", "")[0],
		replaced(cron.ReplaceTitle, "^a", "b")[0],
		{Kind: cron.OperationAddHeader, Name: "X", Value: "y"}, {Kind: cron.OperationRemoveHeader, Name: "authorization"},
		{Kind: cron.OperationShift, Minutes: 600}, {Kind: cron.OperationTimezone, Timezone: "Europe/Berlin", Instants: true},
		{Kind: cron.OperationTimezone, Timezone: "Asia/Kolkata"}, {Kind: cron.OperationAddTags, Tags: []string{"t"}},
		{Kind: cron.OperationMove, FolderID: folder.ID}, {Kind: cron.OperationEnable}, {Kind: cron.OperationDisable},
	})
	rapid.Check(t, func(t *rapid.T) {
		ids := a.jobs("a", "b", "ab")
		a.retitle(ids[2], "")
		before := map[int64]cron.Job{}
		for _, id := range ids {
			before[id] = a.job(id)
		}
		r := service.ActionRequest{JobIDs: ids, Operations: rapid.SliceOfN(operation, 1, 4).Draw(t, "operations"), DryRun: true}
		if rapid.IntRange(0, 9).Draw(t, "deletes") == 0 {
			r.Operations = []cron.Operation{{Kind: cron.OperationDelete}}
		}
		dry, foreseen := a.run(r)
		r.DryRun = false
		action, done := a.run(r)
		if dry.Counts != action.Counts {
			t.Fatalf("the dry run counts %+v, the action %+v", dry.Counts, action.Counts)
		}
		for i := range done {
			got := done[i]
			got.After = 0
			if diff := cmp.Diff(foreseen[i], got); diff != "" {
				t.Fatal(diff)
			}
		}
		a.undo(action.ID)
		a.work()
		for _, id := range ids {
			a.same(before[id], a.job(id))
		}
		for _, id := range ids {
			a.ok(a.DeleteJob(a.Context(), a.actor, id, nil))
		}
	})
}

func onSQLite(t *testing.T) *actions {
	w := newWorld(t, func(c *service.Config) { c.Addresses = &openGuard{} })
	a := &actions{T: t, Service: w.Service, db: w.db, actor: cron.OperatorOf(w.account)}
	a.node = a.join()
	return a
}

// TestKilledInTheMiddle has nodes that die after each step, and one in the middle of one.
func TestKilledInTheMiddle(t *testing.T) {
	onBoth(t, func(a *actions) {
		var titles []string
		for i := range 250 {
			titles = append(titles, fmt.Sprint("job ", i))
		}
		ids := a.jobs(titles...)
		id := a.start(service.ActionRequest{JobIDs: ids, Operations: append(replaced(cron.ReplaceTitle, "^", "x"), replaced(cron.ReplaceURL, "old", "new")...)})
		_, err := a.WorkActions(a.Context(), a.node)
		a.ok(err)
		for cut := int64(1); ; cut++ {
			ctx, kill := context.WithCancel(a.Context())
			var checked atomic.Int64
			dying := service.New(service.Config{Store: a.db, Plans: cron.DefaultPlans(), Addresses: &openGuard{func() {
				if checked.Add(1) == cut*11 {
					kill()
				}
			}}})
			more, err := dying.WorkActions(ctx, a.node)
			kill()
			if err == nil && !more {
				break
			}
			if err != nil { // the node is dead, and another one goes on
				a.ok(a.db.StopNode(a.Context(), a.node))
				a.node = a.join()
			}
		}
		action, _ := a.done(id)
		a.counts(action, cron.ActionCounts{Total: 250, Changed: 250})
		for i, id := range ids {
			if got := a.job(id).Title; got != "x"+titles[i] {
				a.Fatalf("job %d is %q", i, got)
			}
		}
	})
}

// openGuard lets jobs call any address, and tells of each check.
type openGuard struct{ checked func() }

func (g *openGuard) CheckHost(string, int, cron.Access) cron.Problem {
	if g.checked != nil {
		g.checked()
	}
	return cron.Problem{}
}

// TestTwoActionsOnTheSameJobs has two nodes work on actions that change the same jobs: the second one skips what the first one has changed.
func TestTwoActionsOnTheSameJobs(t *testing.T) {
	onBoth(t, func(a *actions) {
		ids := a.jobs("a", "b", "c")
		one := a.start(service.ActionRequest{JobIDs: ids[:2], Operations: replaced(cron.ReplaceTitle, "^", "one ")})
		two := a.start(service.ActionRequest{JobIDs: ids[1:], Operations: replaced(cron.ReplaceTitle, "^", "two ")})
		a.work()
		first, _ := a.done(one)
		second, jobs := a.done(two)
		a.counts(first, cron.ActionCounts{Total: 2, Changed: 2})
		a.counts(second, cron.ActionCounts{Total: 2, Changed: 1, Skipped: 1})
		if a.job(ids[1]).Title != "one b" || jobs[0].Result != cron.ActionSkipped {
			a.Errorf("the job is %q, %+v", a.job(ids[1]).Title, jobs[0])
		}
	})
}

// TestNodesShareAnAction has several nodes race for one action.
func TestNodesShareAnAction(t *testing.T) {
	onBoth(t, func(a *actions) {
		var titles []string
		for i := range 300 {
			titles = append(titles, fmt.Sprint(i))
		}
		ids := a.jobs(titles...)
		id := a.start(service.ActionRequest{JobIDs: ids, Operations: replaced(cron.ReplaceTitle, "^", "x")})
		var racing sync.WaitGroup
		for range 4 {
			node := a.join()
			racing.Go(func() {
				for {
					action, err := a.db.Action(a.Context(), a.actor.Account.ID, id)
					if err != nil || action.State == cron.ActionFinished {
						return
					}
					if _, err := a.WorkActions(a.Context(), node); err != nil {
						a.Error(err)
						return
					}
				}
			})
		}
		racing.Wait()
		action, _ := a.done(id)
		a.counts(action, cron.ActionCounts{Total: 300, Changed: 300})
		for i, id := range ids {
			if j := a.job(id); j.Title != "x"+titles[i] {
				a.Fatalf("job %d is %q", i, j.Title)
			}
		}
	})
}

// TestCancel cancels an action that selects its jobs, one whose jobs all have results but that has not finished, and one of which
// a chunk is in work.
func TestCancel(t *testing.T) {
	onBoth(t, func(a *actions) {
		ids := a.jobs("a", "b")
		r := service.ActionRequest{JobIDs: ids, Operations: replaced(cron.ReplaceTitle, "^", "x")}
		step := func() {
			t.Helper()
			_, err := a.WorkActions(a.Context(), a.node)
			a.ok(err)
		}
		selecting := a.start(r)
		a.ok(a.CancelAction(a.Context(), a.actor, selecting))
		a.work()
		action, jobs := a.done(selecting)
		if !action.Cancelled || len(jobs) > 0 || a.job(ids[0]).Title != "a" {
			a.Errorf("the action is %+v", action)
		}

		worked := a.start(r)
		step() // selects
		step() // changes both
		a.ok(a.CancelAction(a.Context(), a.actor, worked))
		a.work()
		action, _ = a.done(worked)
		a.counts(action, cron.ActionCounts{Total: 2, Changed: 2})
		if action.Cancelled || action.NotReached() != 0 {
			a.Errorf("the action is %+v", action)
		}

		r.Operations = replaced(cron.ReplaceURL, "old", "new")
		inWork := a.start(r)
		step()
		meanwhile := service.New(service.Config{Store: a.db, Plans: cron.DefaultPlans(), Addresses: &openGuard{func() {
			if err := a.CancelAction(a.Context(), a.actor, inWork); err != nil {
				a.Error(err)
			}
		}}})
		for more := true; more; {
			var err error
			more, err = meanwhile.WorkActions(a.Context(), a.node)
			a.ok(err)
		}
		action, _ = a.done(inWork)
		a.counts(action, cron.ActionCounts{Total: 2, Changed: 2}) // the chunk is completed
	})
}

// TestEndedByAnotherNode has a node act on jobs of an action that another one has taken over, and has ended, meanwhile.
func TestEndedByAnotherNode(t *testing.T) {
	onBoth(t, func(a *actions) {
		ids := a.jobs("a", "b")
		id := a.start(service.ActionRequest{JobIDs: ids, Operations: append(replaced(cron.ReplaceTitle, "^", "x"), replaced(cron.ReplaceURL, "old", "new")...)})
		_, err := a.WorkActions(a.Context(), a.node)
		a.ok(err)
		var once sync.Once
		paused := service.New(service.Config{Store: a.db, Plans: cron.DefaultPlans(), Addresses: &openGuard{func() {
			once.Do(func() {
				a.ok(a.db.StopNode(a.Context(), a.node)) // as when its lease ends
				a.ok(a.CancelAction(a.Context(), a.actor, id))
				other := a.join()
				for more := true; more; {
					var err error
					more, err = a.WorkActions(a.Context(), other)
					a.ok(err)
				}
			})
		}}})
		_, err = paused.WorkActions(a.Context(), a.node)
		a.ok(err)
		action, _ := a.done(id)
		a.counts(action, cron.ActionCounts{Total: 2})
		if !action.Cancelled || a.job(ids[0]).Title != "a" || a.job(ids[1]).Title != "b" {
			a.Errorf("the action is %+v, the jobs are %q and %q", action, a.job(ids[0]).Title, a.job(ids[1]).Title)
		}
	})
}
