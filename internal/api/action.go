package api

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// action is a change of many jobs. Times are Unix seconds.
type action struct {
	ActionID   int64        `json:"actionId"`
	State      string       `json:"state"`
	DryRun     bool         `json:"dryRun"`
	Undoes     *int64       `json:"undoes"`
	Operations []string     `json:"operations"` // their kinds
	By         string       `json:"by"`
	Created    int64        `json:"created"`
	Finished   *int64       `json:"finished"`
	Expires    int64        `json:"expires"`
	Counts     actionCounts `json:"counts"`
}

// actionCounts is how many jobs have each result.
type actionCounts struct {
	Total   int `json:"total"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
	Invalid int `json:"invalid"`
	Skipped int `json:"skipped"`
	Missing int `json:"missing"`
	Faulty  int `json:"failed"`

	NotReached int `json:"notReached"`
}

func newAction(a *cron.Action) action {
	shown := action{
		ActionID: a.ID, State: wire.ActionStates[a.State], DryRun: a.DryRun, Operations: make([]string, len(a.Kinds)), By: a.Author.Label,
		Created: a.Created.Unix(), Finished: wire.UnixOrNull(a.Finished), Expires: a.Expires.Unix(),
		Counts: newActionCounts(a),
	}
	switch {
	case a.Failed:
		shown.State = wire.ActionFailed
	case a.Cancelled && a.State == cron.ActionFinished:
		shown.State = wire.ActionCancelled
	case a.Cancelled:
		shown.State = wire.ActionCancelling
	}
	if a.Undoes != 0 {
		shown.Undoes = &a.Undoes
	}
	for i, kind := range a.Kinds {
		shown.Operations[i] = service.OperationNames[kind]
	}
	return shown
}

func newActionCounts(a *cron.Action) actionCounts {
	n := &a.Counts
	return actionCounts{n.Total, n.Changed, n.Same, n.Invalid, n.Skipped, n.Missing, n.Faulty, a.NotReached()}
}

// actionJob is a job of an action.
type actionJob struct {
	JobID      int64          `json:"jobId"`
	Title      string         `json:"title"`
	Result     string         `json:"result"`
	Effect     *string        `json:"effect"`
	Version    int64          `json:"version"`
	NewVersion *int64         `json:"newVersion"`
	Changes    []actionChange `json:"changes"`
	Reasons    []string       `json:"reasons"`
	NextBefore *int64         `json:"nextExecutionBefore"`
	NextAfter  *int64         `json:"nextExecutionAfter"`
}

// actionChange is a value that an action changes; without from and to when it is not shown.
type actionChange struct {
	Pointer string          `json:"pointer"`
	Hidden  bool            `json:"hidden"`
	From    json.RawMessage `json:"from"`
	To      json.RawMessage `json:"to"`
}

func newActionJob(w *cron.ActionJob) actionJob {
	d := &w.Detail
	shown := actionJob{
		JobID: w.JobID, Title: d.Title, Result: wire.ActionResults[w.Result], Version: w.Version, Changes: make([]actionChange, len(d.Changes)),
		Reasons: append([]string{}, d.Reasons...), NextBefore: wire.UnixOrNull(d.NextBefore), NextAfter: wire.UnixOrNull(d.NextAfter),
	}
	if w.Effect != cron.EffectNone {
		shown.Effect = &wire.ActionEffects[w.Effect]
	}
	if w.After != 0 && w.Effect != cron.EffectDeleted {
		shown.NewVersion = &w.After
	}
	for i, c := range d.Changes {
		shown.Changes[i] = actionChange{c.Pointer, c.Hidden, json.RawMessage("null"), json.RawMessage("null")}
		if !c.Hidden {
			shown.Changes[i].From, shown.Changes[i].To = json.RawMessage(c.From), json.RawMessage(c.To)
		}
	}
	return shown
}

// startAction stores an action, and answers before a node works on it.
func (a *api) startAction(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, actionBody, "action")
	if err != nil {
		return err
	}
	var (
		p       wire.Problems
		request service.ActionRequest
	)
	o := wire.NewObject(body, "", &p)
	unread := readOperations(o, &request.Operations)
	readActionJobs(o, &request)
	wire.Integer(o, "confirms", &request.Confirms, 1, wire.MaxID)
	o.Boolean("dryRun", &request.DryRun)
	checkSelection(o)
	a.tellIgnored(w, r, outer, "/action", append(p.Unread(), unread...))
	if err := p.Err(); err != nil {
		return cron.Under("/action", err)
	}
	made, err := a.service.NewAction(r.Context(), actor, request)
	if err != nil {
		return cron.Under("/action", err)
	}
	return a.answerStarted(w, r, actor, made)
}

// answerStarted starts an action and answers with its number.
func (a *api) answerStarted(w http.ResponseWriter, r *http.Request, actor cron.Actor, made cron.Action) error {
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		started := made // this function may run more than once
		if err := a.service.StartAction(ctx, actor, &started); err != nil {
			return err
		}
		w.Header().Set("Location", "/actions/"+strconv.FormatInt(started.ID, 10))
		return write(w, http.StatusAccepted, "application/json", struct {
			ActionID int64 `json:"actionId"`
		}{started.ID})
	})
}

// checkSelection adds that not exactly one selection of jobs is given.
func checkSelection(o wire.Object) {
	given := map[string]bool{}
	for _, name := range []string{"jobIds", "filter", "confirms", "operations"} {
		given[name] = o.Has(name)
	}
	switch {
	case given["confirms"] && (given["jobIds"] || given["filter"]):
		o.Problems.Add("", cron.Problem{Rule: cron.RuleEitherOr, Given: "confirms", Want: "jobIds"})
	case given["confirms"] && given["operations"]:
		o.Problems.Add("", cron.Problem{Rule: cron.RuleEitherOr, Given: "confirms", Want: "operations"})
	case !given["confirms"] && given["jobIds"] == given["filter"]:
		o.Problems.Add("", cron.Problem{Rule: cron.RuleEitherOr, Given: "jobIds", Want: "filter"})
	}
}

// readActionJobs reads which jobs an action is for.
func readActionJobs(o wire.Object, r *service.ActionRequest) {
	o.Each("jobIds", func(index string, item json.RawMessage) {
		id, wrong := wire.ParseInteger(item, 1, wire.MaxID)
		if wrong.Rule != cron.RuleNone {
			o.Problems.Add(o.At("jobIds", index), wrong)
			return
		}
		r.JobIDs = append(r.JobIDs, id)
	})
	if o.Has("filter") {
		r.Filter = new(cron.JobFilter)
		readJobFilter(o.Object("filter"), r.Filter)
	}
}

// readOperations reads the operations; unread lists the members of jobs in them that are ignored.
func readOperations(o wire.Object, to *[]cron.Operation) (unread []string) {
	o.Each("operations", func(index string, item json.RawMessage) {
		if len(*to) > cron.MaxOperations {
			return // one too many is a problem
		}
		var op cron.Operation
		given := wire.NewObject(item, o.At("operations", index), o.Problems)
		given.MustHave("kind")
		wire.Choice(given, "kind", &op.Kind, service.OperationNames)
		for _, pointer := range readOperation(given, &op) {
			unread = append(unread, given.At("job")+pointer)
		}
		*to = append(*to, op)
	})
	return unread
}

func readOperation(o wire.Object, op *cron.Operation) (unread []string) {
	switch op.Kind {
	case cron.OperationPatch:
		if job, ok := o.Value("job"); ok {
			op.Patch, unread = readPatch(job)
		}
	case cron.OperationReplace:
		o.MustHave("in")
		wire.Choice(o, "in", &op.Field, wire.ReplaceFields)
		o.Text("find", &op.Find)
		o.Text("replace", &op.Replace)
		o.Boolean("pattern", &op.Pattern)
	case cron.OperationAddHeader, cron.OperationSetHeader, cron.OperationRemoveHeader:
		o.Text("name", &op.Name)
		if op.Kind != cron.OperationRemoveHeader {
			o.Text("value", &op.Value)
		}
	case cron.OperationShift:
		o.MustHave("minutes")
		wire.Integer(o, "minutes", &op.Minutes, -cron.MaxShift, cron.MaxShift)
	case cron.OperationTimezone:
		o.Text("timezone", &op.Timezone)
		var keep int
		o.MustHave("keep")
		wire.Choice(o, "keep", &keep, wire.KeepNames)
		op.Instants = keep == 1
	case cron.OperationAddTags, cron.OperationRemoveTags, cron.OperationSetTags:
		o.MustHave("tags")
		readItems(o, "tags", &op.Tags, parseItem)
	case cron.OperationMove:
		o.MustHave("folderId")
		wire.Integer(o, "folderId", &op.FolderID, 0, math.MaxInt64)
	}
	return unread
}

func (a *api) undoAction(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	made, err := a.service.NewUndo(r.Context(), actor, pathID(r, "actionId"))
	if err != nil {
		return err
	}
	return a.answerStarted(w, r, actor, made)
}

// cancelAction answers before the action has ended.
func (a *api) cancelAction(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	id := pathID(r, "actionId")
	if err := a.service.CancelAction(r.Context(), actor, id); err != nil {
		return err
	}
	return write(w, http.StatusAccepted, "application/json", struct {
		ActionID int64 `json:"actionId"`
	}{id})
}

// readPage reads the cursor and the length of a page.
func readPage(query wire.Object) (cursor int64, limit int) {
	limit = wire.DefaultActionPage
	wire.Integer(query, "cursor", &cursor, 1, wire.MaxID)
	wire.Integer(query, "limit", &limit, 1, service.MaxActionPage)
	return cursor, limit
}

// cursorOf is the cursor of the next page; nil at the end.
func cursorOf(next int64) *string {
	if next == 0 {
		return nil
	}
	return new(strconv.FormatInt(next, 10))
}

func (a *api) listActions(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var p wire.Problems
	before, limit := readPage(wire.Query(r, &p))
	if err := p.Err(); err != nil {
		return err
	}
	list, next, err := a.service.Actions(r.Context(), actor, before, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Actions []action `json:"actions"`
		Next    *string  `json:"next"`
	}{make([]action, len(list)), cursorOf(next)}
	for i := range list {
		answer.Actions[i] = newAction(&list[i])
	}
	return reply(w, answer)
}

func (a *api) getAction(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p      wire.Problems
		query  = wire.Query(r, &p)
		result cron.ActionResult
	)
	after, limit := readPage(query)
	wire.Choice(query, "result", &result, wire.ActionResults)
	if err := p.Err(); err != nil {
		return err
	}
	found, jobs, next, err := a.service.Action(r.Context(), actor, pathID(r, "actionId"), after, result, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Action  action      `json:"action"`
		Results []actionJob `json:"results"`
		Next    *string     `json:"next"`
	}{newAction(&found), make([]actionJob, len(jobs)), cursorOf(next)}
	for i := range jobs {
		answer.Results[i] = newActionJob(&jobs[i])
	}
	return reply(w, answer)
}
