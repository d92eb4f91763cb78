package service_test

import (
	"fmt"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/service"
)

func TestUndoWhenTheFolderIsGone(t *testing.T) {
	onBoth(t, func(a *actions) {
		ids := a.jobs("a")
		folder := cron.Folder{AccountID: a.actor.Account.ID, Title: "x"}
		a.ok(a.AddFolder(a.Context(), a.actor, &folder))
		first, _ := a.run(service.ActionRequest{JobIDs: ids, Operations: []cron.Operation{{Kind: cron.OperationMove, FolderID: folder.ID}}})
		a.counts(first, cron.ActionCounts{Total: 1, Changed: 1})
		second, _ := a.run(service.ActionRequest{JobIDs: ids, Operations: append(replaced(cron.ReplaceTitle, "a", "b"), cron.Operation{Kind: cron.OperationMove})})
		a.ok(a.DeleteFolder(a.Context(), a.actor, folder.ID))
		undo := a.undo(second.ID)
		a.work()
		undone, jobs := a.done(undo)
		a.counts(undone, cron.ActionCounts{Total: 1, Changed: 1})
		if j := a.job(ids[0]); j.Title != "a" || j.FolderID != 0 || len(jobs[0].Detail.Reasons) != 1 {
			a.Errorf("the job is %+v, %+v", j, jobs[0])
		}
	})
}

func TestActionsThatCannotStart(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.member("owner@example.com", cron.RoleOwner)
	enable := []cron.Operation{{Kind: cron.OperationEnable}}
	try := func(r service.ActionRequest) error { return second(w.NewAction(t.Context(), owner, r)) }
	w.fails(try(service.ActionRequest{}), cron.Invalid, cron.RuleMandatory)
	w.fails(try(service.ActionRequest{Operations: enable, JobIDs: make([]int64, cron.MaxActionJobs+1)}), cron.Invalid, cron.RuleTooMany)
	w.fails(try(service.ActionRequest{Operations: []cron.Operation{{Kind: cron.OperationMove, FolderID: 9}}}), cron.Invalid, cron.RuleUnknownFolder)
	w.fails(try(service.ActionRequest{Confirms: 9}), cron.Invalid, cron.RuleActionNoDryRun)
	w.fails(second(w.NewUndo(t.Context(), owner, 9)), cron.NotFound, cron.RuleNone)
	for range cron.MaxOpenActions {
		a, err := w.NewAction(t.Context(), owner, service.ActionRequest{Operations: enable})
		w.ok(err)
		w.ok(w.StartAction(t.Context(), owner, &a))
		w.fails(second(w.NewUndo(t.Context(), owner, a.ID)), cron.Conflict, cron.RuleActionWorks)
		w.fails(try(service.ActionRequest{Confirms: a.ID}), cron.Invalid, cron.RuleActionNoDryRun)
	}
	a, err := w.NewAction(t.Context(), owner, service.ActionRequest{Operations: enable})
	w.ok(err)
	w.fails(w.StartAction(t.Context(), owner, &a), cron.TooMany, cron.RuleActionsOpen)
}

// TestSelections has filters that match nothing, some and everything, with more jobs than one step selects.
func TestSelections(t *testing.T) {
	onBoth(t, func(a *actions) {
		var titles []string
		for i := range 620 {
			titles = append(titles, fmt.Sprint("job", i))
		}
		ids := a.jobs(titles...)
		for text, n := range map[string]int{"nothing": 0, "job61": 11, "": 620} {
			f := &cron.JobFilter{JobCriteria: cron.JobCriteria{Text: text}}
			action, _ := a.run(service.ActionRequest{Filter: f, DryRun: true, Operations: replaced(cron.ReplaceURL, "old", "new")})
			a.counts(action, cron.ActionCounts{Total: n, Changed: n})
		}
		action, _ := a.run(service.ActionRequest{JobIDs: ids, DryRun: true, Operations: replaced(cron.ReplaceTitle, "^job61", "x")})
		a.counts(action, cron.ActionCounts{Total: 620, Changed: 11, Same: 609})
		action, _ = a.run(service.ActionRequest{Confirms: action.ID})
		a.counts(action, cron.ActionCounts{Total: 11, Changed: 11})
		undo := a.undo(action.ID)
		a.work()
		action, _ = a.done(undo)
		a.counts(action, cron.ActionCounts{Total: 11, Changed: 11})
	})
}

// TestNoJobs has an action without jobs.
func TestNoJobs(t *testing.T) {
	onBoth(t, func(a *actions) {
		action, jobs := a.run(service.ActionRequest{Operations: []cron.Operation{{Kind: cron.OperationEnable}}})
		a.counts(action, cron.ActionCounts{})
		if len(jobs) != 0 {
			a.Errorf("the jobs are %+v", jobs)
		}
	})
}
