package service

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/store"
)

const (
	actionSelects = 500 // jobs that one step selects
	actionChunk   = 100 // jobs that one step works off
)

// WorkActions takes one step of an action on behalf of a node; more is true when there may be another step.
func (s *Service) WorkActions(ctx context.Context, node int64) (more bool, err error) {
	a, ok, err := s.store.ClaimAction(ctx, node)
	if err != nil || !ok {
		return false, err
	}
	switch {
	case a.Failed, a.Cancelled && a.State == cron.ActionSelecting:
		err = s.store.FinishAction(ctx, &a)
	case a.State == cron.ActionSelecting:
		err = s.selectActionJobs(ctx, &a)
	default:
		err = s.workOff(ctx, &a)
	}
	return true, err
}

// selectActionJobs notes the next jobs of an action and their versions.
func (s *Service) selectActionJobs(ctx context.Context, a *cron.Action) error {
	if from := max(a.Undoes, a.Order.DryRun); from != 0 {
		return s.store.CopyActionJobs(ctx, a, from, actionSelects)
	}
	if a.Order.Filter != nil {
		ids, next, err := s.store.FindJobs(ctx, a.AccountID, a.Order.Filter, a.Position, actionSelects)
		if err != nil {
			return err
		}
		return s.store.ListActionJobs(ctx, a, ids, next, next == 0)
	}
	ids := a.Order.JobIDs[min(int(a.Position), len(a.Order.JobIDs)):]
	last := len(ids) <= actionSelects
	if !last {
		ids = ids[:actionSelects]
	}
	return s.store.ListActionJobs(ctx, a, ids, a.Position+int64(len(ids)), last)
}

// workOff gives the next jobs of an action their results, or ends it when all have theirs.
func (s *Service) workOff(ctx context.Context, a *cron.Action) error {
	jobs, err := s.store.WaitingActionJobs(ctx, a, actionChunk)
	if err != nil {
		return err
	}
	if a.Cancelled = a.Cancelled && len(jobs) > 0; a.Cancelled || len(jobs) == 0 {
		return s.store.FinishAction(ctx, a)
	}
	w := actionWork{s: s, action: a, language: message.Choose(a.Order.Language, message.Languages()), now: s.store.Now()}
	if w.account, err = s.store.Account(ctx, a.AccountID); err != nil {
		return err
	}
	if a.Undoes == 0 {
		if w.operations, err = cron.NewOperations(a.Order.Operations); err != nil {
			s.logger.Error("an action cannot be performed", slog.String("error", err.Error()))
			a.Failed = true
			return s.store.FinishAction(ctx, a)
		}
	}
	written := make([]bool, len(jobs))
	position := make(map[int64]int, len(jobs))
	ids := make([]int64, len(jobs))
	for i := range jobs {
		ids[i], position[jobs[i].JobID] = jobs[i].JobID, i
	}
	for _, err := range forEach(ctx, ids, func(id int64) error {
		i := position[id]
		err := withoutPanic(func() (err error) {
			written[i], err = w.act(ctx, &jobs[i])
			return err
		})
		if err != nil {
			written[i] = false
			return w.faulty(ctx, &jobs[i], err)
		}
		return nil
	}) {
		if err != nil {
			return err // those that have their results keep them, and the step is taken again
		}
	}
	var (
		counts    cron.ActionCounts
		unwritten []*cron.ActionJob
	)
	for i := range jobs {
		counts.Add(jobs[i].Result, 1)
		if !written[i] {
			unwritten = append(unwritten, &jobs[i])
		}
	}
	return s.store.SaveActionResults(ctx, a, unwritten, ids[len(ids)-1], counts)
}

// actionWork is an action that is worked off.
type actionWork struct {
	s          *Service
	action     *cron.Action
	account    cron.Account
	operations *cron.Operations // nil for one that undoes
	language   *message.Catalogue
	now        time.Time
	computing  sync.Mutex // patterns in large bodies keep one core busy, and no more
}

// act gives a job its result; written tells that it is stored.
func (w *actionWork) act(ctx context.Context, job *cron.ActionJob) (written bool, err error) {
	steps := store.ActionSteps{Edit: w.apply, Restore: w.restore}
	if w.action.Undoes != 0 {
		if steps.Edit, err = w.undo(ctx, job); err != nil || steps.Edit == nil {
			return false, err
		}
	}
	return w.s.store.ActOnJob(ctx, w.action, job, steps)
}

// faulty gives a job the result of an error: the job is invalid for an error about it, and faulty for one that would occur again. The
// error that it returns is one that may not.
func (w *actionWork) faulty(ctx context.Context, job *cron.ActionJob, err error) error {
	switch kind := cron.KindOf(err); {
	case ctx.Err() != nil, cron.DatabaseFaultOf(err) != cron.DatabaseOK, kind == cron.Unavailable:
		return err
	case kind == cron.TooMany && asError(err).Subject != cron.SubjectJob:
		return err // other calls of the account hold the job
	case kind == cron.Internal:
		w.s.logger.Error("an action failed for a job", slog.Int64("action", w.action.ID), slog.Int64("job", job.JobID), slog.String("error", err.Error()))
		job.Result, job.Effect, job.After = cron.ActionFaulty, 0, 0
	default:
		w.invalid(job, err)
	}
	return nil
}

// asError is the error for people in err, which is of another kind than Internal.
func asError(err error) *cron.Error {
	e, ok := errors.AsType[*cron.Error](err)
	if !ok {
		e = new(cron.Error)
	}
	return e
}

// invalid gives a job the reasons of an error.
func (w *actionWork) invalid(job *cron.ActionJob, err error) {
	job.Result, job.Effect, job.After = cron.ActionInvalid, cron.EffectNone, 0
	job.Detail.Changes, job.Detail.NextAfter, job.Detail.Reasons = nil, time.Time{}, w.reasons(err)
	job.Detail.Bound()
}

// reasons are the sentences of an error.
func (w *actionWork) reasons(err error) (reasons []string) {
	e := asError(err)
	for _, p := range e.Problems {
		sentence := w.language.Problem(p)
		if p.Pointer != "" {
			sentence = p.Pointer + ": " + sentence
		}
		reasons = append(reasons, sentence)
	}
	if len(reasons) == 0 {
		_, detail := w.language.Error(e.Kind, e.Subject)
		reasons = []string{detail}
	}
	return reasons
}

// apply applies the operations to a job.
func (w *actionWork) apply(j *cron.Job, job *cron.ActionJob) {
	before := *j
	w.begin(job, &before)
	w.computing.Lock()
	err := withoutPanic(func() error { return w.operations.Apply(j, w.now) })
	w.computing.Unlock()
	if err == nil && w.operations.Deletes() {
		job.Result, job.Effect, job.Detail.NextAfter = cron.ActionChanged, cron.EffectDeleted, time.Time{}
		return
	}
	if err == nil {
		err = w.s.allowDefinition(j, &before, w.account)
	}
	w.end(job, &before, j, err)
}

// begin begins to describe what is done to a job.
func (w *actionWork) begin(job *cron.ActionJob, before *cron.Job) {
	job.Result, job.Effect, job.After = cron.ActionWaiting, cron.EffectNone, 0
	job.Detail = cron.ActionDetail{Title: titleOf(before), NextBefore: before.NextAfter(w.now), Zone: before.Schedule.Timezone}
}

// end says what is done to a job.
func (w *actionWork) end(job *cron.ActionJob, before, after *cron.Job, err error) {
	if err != nil {
		w.invalid(job, err)
		return
	}
	job.Detail.Changes, job.Detail.NextAfter, job.Detail.Zone = shownChanges(before, after), after.NextAfter(w.now), after.Schedule.Timezone
	job.Result, job.Effect = cron.ActionChanged, cron.EffectEdited
	if len(cron.JobChanges(before, after)) == 0 {
		job.Result, job.Effect = cron.ActionSame, cron.EffectNone
	}
	job.Detail.Bound()
}

// undo returns what gives a job the definition that it had before the action that is undone; nil when the job has a result.
func (w *actionWork) undo(ctx context.Context, job *cron.ActionJob) (func(*cron.Job, *cron.ActionJob), error) {
	if job.Undo != cron.EffectEdited {
		return func(j *cron.Job, job *cron.ActionJob) {
			w.begin(job, j)
			job.Result, job.Effect = cron.ActionChanged, cron.EffectDeleted
		}, nil
	}
	v, former, err := w.s.store.Version(ctx, w.account.ID, job.JobID, job.Target)
	if cron.KindOf(err) == cron.NotFound {
		if _, err := w.s.store.JobTitle(ctx, w.account.ID, job.JobID); cron.KindOf(err) == cron.NotFound {
			job.Result = cron.ActionMissing
			return nil, nil
		}
	}
	if err == nil && v.Forgotten {
		err = cron.Missing(cron.SubjectVersion) // without its secrets it is not what it was
	}
	if err != nil {
		return nil, err
	}
	gone, err := w.folderGone(ctx, &former)
	if err != nil {
		return nil, err
	}
	return func(j *cron.Job, job *cron.ActionJob) {
		before := *j
		w.begin(job, &before)
		*j = former
		j.ID, j.AccountID, j.Type = before.ID, before.AccountID, before.Type
		j.Created, j.Updated, j.CreatedBy, j.UpdatedBy = before.Created, before.Updated, before.CreatedBy, before.UpdatedBy
		w.end(job, &before, j, w.s.allowDefinition(j, &before, w.account))
		if gone && job.Result == cron.ActionChanged {
			job.Detail.Reasons = append(job.Detail.Reasons, w.language.Problem(cron.Problem{Rule: cron.RuleFolderGone}))
		}
	}, nil
}

// folderGone puts a job into the root folder if its folder is gone.
func (w *actionWork) folderGone(ctx context.Context, j *cron.Job) (bool, error) {
	if j.FolderID == 0 {
		return false, nil
	}
	_, err := w.s.store.Folder(ctx, w.account.ID, j.FolderID)
	if cron.KindOf(err) != cron.NotFound {
		return false, err
	}
	j.FolderID = 0
	return true, nil
}

// restore brings back a job from the bin, as it was.
func (w *actionWork) restore(j *cron.Job, job *cron.ActionJob) {
	w.begin(job, j)
	job.Detail.NextBefore = time.Time{}
	if err := w.s.allowDefinition(j, new(cron.Job), w.account); err != nil {
		w.invalid(job, err)
		return
	}
	job.Result, job.Effect, job.Detail.NextAfter = cron.ActionChanged, cron.EffectRestored, j.NextAfter(w.now)
}

// shownChanges are the values that differ between two jobs, as people may see them.
func shownChanges(before, after *cron.Job) (changes []cron.ActionChange) {
	for i := range jobFields {
		f := &jobFields[i]
		from, to := f.value(before), f.value(after)
		if reflect.DeepEqual(from, to) {
			continue
		}
		c := cron.ActionChange{Pointer: f.pointer, Hidden: f.secret}
		if f.pointer == "/url" {
			public, secret := cron.WithoutUser(before.Request.URL)
			other, too := cron.WithoutUser(after.Request.URL)
			from, to, c.Hidden = public, other, (secret || too) && public == other
		}
		if !c.Hidden {
			c.From, c.To = encodeValue(from), encodeValue(to)
		}
		changes = append(changes, c)
	}
	return changes
}

func encodeValue(v any) string {
	encoded, _ := json.Marshal(v) // plain data, which can always be encoded
	return string(encoded)
}
