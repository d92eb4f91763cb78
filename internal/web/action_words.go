package web

import (
	"net/url"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// Running tells that the action has not ended.
func (a actionView) Running() bool { return a.State != cron.ActionFinished }

// Done is how many jobs have a result.
func (a actionView) Done() int {
	n := &a.Counts
	return n.Changed + n.Same + n.Invalid + n.Skipped + n.Missing + n.Faulty
}

// Undoable tells that the action can be taken back.
func (a actionView) Undoable() bool { return !a.Running() && !a.DryRun && a.Counts.Changed > 0 }

// Confirmable tells that the dry run can be performed.
func (a actionView) Confirmable() bool {
	return a.DryRun && a.Undoes == 0 && !a.Running() && !a.Failed && !a.Cancelled && a.Counts.Changed > 0
}

// Deletes tells that it deletes jobs.
func (a actionView) Deletes() bool { return slices.Contains(a.Kinds, cron.OperationDelete) }

// Title says what the action does.
func (a actionView) Title() string {
	switch {
	case a.Undoes != 0:
		return a.labels.Label("actions.undoes", "number", a.Undoes)
	case len(a.Kinds) == 0:
		return a.labels.Label("actions.nothing")
	}
	var words []string
	for _, kind := range a.Kinds {
		if word := a.kind(kind); !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

// kind says what an operation does.
func (a actionView) kind(kind cron.OperationKind) string {
	label, ok := map[cron.OperationKind]string{
		cron.OperationPatch: "operation.patch", cron.OperationReplace: "operation.replace", cron.OperationAddHeader: "operation.headers",
		cron.OperationSetHeader: "operation.headers", cron.OperationRemoveHeader: "operation.headers", cron.OperationShift: "operation.shift",
		cron.OperationTimezone: "operation.zone", cron.OperationAddTags: "operation.tags", cron.OperationRemoveTags: "operation.tags",
		cron.OperationSetTags: "operation.tags", cron.OperationMove: "operation.move", cron.OperationEnable: "operation.enable",
		cron.OperationDisable: "operation.disable", cron.OperationDelete: "operation.delete",
	}[kind]
	if !ok {
		label = "operation.patch"
	}
	return a.labels.Label(label)
}

// Status is how far the action is, with the icon and the class that go with it.
func (a actionView) Status() state {
	switch {
	case a.Failed && !a.Running():
		return state{"bad", "circle-alert", a.labels.Label("actions.failed")}
	case a.Cancelled && a.Running():
		return state{"busy", "loader-circle", a.labels.Label("actions.cancelling")}
	case a.Cancelled:
		return state{"warn", "ban", a.labels.Label("actions.cancelled")}
	case a.State == cron.ActionSelecting:
		return state{"busy", "loader-circle", a.labels.Label("actions.selecting")}
	case a.Running():
		return state{"busy", "loader-circle", a.labels.Label("actions.working")}
	case a.DryRun:
		return state{"muted", "eye", a.labels.Label("actions.preview")}
	}
	return state{"good", "circle-check", a.labels.Label("actions.finished")}
}

// Progress says how many of the jobs have a result.
func (a actionView) Progress() string {
	if a.State == cron.ActionSelecting {
		return a.labels.Label("actions.selected-so-far", "jobs", a.labels.JobCount(a.Counts.Total))
	}
	return a.labels.Label("actions.progress", "done", a.Done(), "jobs", a.labels.JobCount(a.Counts.Total))
}

// Sentence says what came of the action.
func (a actionView) Sentence() string {
	jobs := a.labels.JobCount(a.Counts.Changed)
	switch {
	case a.Counts.Total == 0:
		return a.labels.Label("actions.no-jobs")
	case a.DryRun && a.Counts.Changed == 0:
		return a.labels.Label("actions.would-change-none")
	case a.DryRun && a.Deletes():
		return a.labels.Label("actions.would-delete", "jobs", jobs)
	case a.DryRun:
		return a.labels.Label("actions.would-change", "jobs", jobs)
	case a.Counts.Changed == 0:
		return a.labels.Label("actions.changed-none")
	case a.Undoes != 0:
		return a.labels.Label("actions.undid", "jobs", jobs)
	case a.Deletes():
		return a.labels.Label("actions.deleted", "jobs", jobs)
	}
	return a.labels.Label("actions.changed", "jobs", jobs)
}

// Apply is what the button says that performs a dry run.
func (a actionView) Apply() string {
	label := "actions.apply"
	if a.Deletes() {
		label = "actions.apply-delete"
	}
	return a.labels.Label(label, "jobs", a.labels.JobCount(a.Counts.Changed))
}

// actionResults are the results in the order in which people care, by their names in addresses.
var actionResults = []struct {
	name   string
	result cron.ActionResult
}{
	{"changed", cron.ActionChanged}, {"same", cron.ActionSame}, {"invalid", cron.ActionInvalid}, {"skipped", cron.ActionSkipped},
	{"missing", cron.ActionMissing}, {"failed", cron.ActionFaulty}, {"notReached", cron.ActionNotReached},
}

// actionResult is the result of a name; ActionWaiting, which is all, for others.
func actionResult(name string) cron.ActionResult {
	for _, r := range actionResults {
		if r.name == name {
			return r.result
		}
	}
	return cron.ActionWaiting
}

// resultName names a result.
func (p actionPage) resultName(r cron.ActionResult) state {
	label, class, icon := "result.waiting", "muted", "clock"
	switch r {
	case cron.ActionChanged:
		if label, class, icon = "result.changed", "good", "circle-check"; p.Action.DryRun {
			label, class, icon = "result.would-change", "busy", "pencil"
		}
	case cron.ActionSame:
		label, class, icon = "result.same", "muted", "equal"
	case cron.ActionInvalid:
		label, class, icon = "result.invalid", "bad", "circle-alert"
	case cron.ActionSkipped:
		label, class, icon = "result.skipped", "warn", "triangle-alert"
	case cron.ActionMissing:
		label, class, icon = "result.missing", "muted", "trash-2"
	case cron.ActionFaulty:
		label, class, icon = "result.failed", "bad", "circle-alert"
	case cron.ActionNotReached:
		label, class, icon = "result.not-reached", "warn", "ban"
	}
	return state{class, icon, p.labels.Label(label)}
}

// tabs are the results that jobs of the action have, each with the list of its jobs.
func (p actionPage) tabs(q url.Values) []resultTab {
	n := &p.Action.Counts
	counts := map[cron.ActionResult]int{
		cron.ActionChanged: n.Changed, cron.ActionSame: n.Same, cron.ActionInvalid: n.Invalid, cron.ActionSkipped: n.Skipped,
		cron.ActionMissing: n.Missing, cron.ActionFaulty: n.Faulty, cron.ActionNotReached: p.Action.NotReached(),
	}
	current := actionResult(q.Get("result"))
	list := []resultTab{{"", p.labels.Label("result.all"), n.Total, actionAddress(p.Action.ID, q, "result", ""), current == cron.ActionWaiting && !p.One}}
	for _, r := range actionResults {
		if counts[r.result] > 0 || r.result == current {
			list = append(list, resultTab{r.name, p.resultName(r.result).Text, counts[r.result],
				actionAddress(p.Action.ID, q, "result", r.name), r.result == current && !p.One})
		}
	}
	return list
}
