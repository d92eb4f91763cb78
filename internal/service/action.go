package service

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// MaxActionPage is the largest page of Actions and of ActionJobs.
const MaxActionPage = 1000

// ActionRequest asks for an action. Its jobs are those of JobIDs, those that Filter selects when it is set, or those that a dry run
// would have changed.
type ActionRequest struct {
	Operations []cron.Operation // none with Confirms
	JobIDs     []int64
	Filter     *cron.JobFilter
	Confirms   int64 // the dry run to perform; 0 for none
	DryRun     bool
}

// NewAction makes an action, which StartAction can start. The error is of kind Invalid with what is wrong whatever the jobs are.
func (s *Service) NewAction(ctx context.Context, actor cron.Actor, r ActionRequest) (a cron.Action, err error) {
	if err := s.allow(&actor, UseStartAction); err != nil {
		return a, err
	}
	a = cron.Action{AccountID: actor.Account.ID, DryRun: r.DryRun}
	a.Order = cron.ActionOrder{Operations: r.Operations, JobIDs: r.JobIDs, Filter: r.Filter, DryRun: r.Confirms}
	if r.Confirms != 0 {
		if a.Order.Operations, err = s.dryRun(ctx, actor.Account.ID, r.Confirms); err != nil {
			return a, err
		}
	}
	if len(r.JobIDs) > cron.MaxActionJobs {
		return a, &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Pointer: "/jobIds", Rule: cron.RuleTooMany, Limit: cron.MaxActionJobs}}}
	}
	if r.Filter != nil {
		var c cron.Checker
		r.Filter.Check(&c)
		if err := c.Err(); err != nil {
			return a, cron.Under("/filter", err)
		}
	}
	ops, err := cron.NewOperations(a.Order.Operations)
	if err != nil {
		return a, cron.Under("/operations", err)
	}
	for i, op := range a.Order.Operations {
		if op.Kind == cron.OperationPatch {
			if err := s.checkPatch(actor.Account, op.Patch); err != nil {
				return a, cron.Under("/operations/"+strconv.Itoa(i)+"/job", err)
			}
		}
	}
	for _, id := range ops.Folders() {
		if err := s.CheckFolder(ctx, actor, id); err != nil {
			return a, cron.Under("/operations", err)
		}
	}
	if err := s.checkChannels(ctx, actor.Account.ID, ops.Channels()); err != nil {
		return a, cron.Under("/operations", err)
	}
	a.Order.Operations, a.Kinds = ops.List(), ops.Kinds()
	slices.Sort(a.Order.JobIDs)
	a.Order.JobIDs = slices.Compact(a.Order.JobIDs)
	return a, nil
}

// dryRun reads the operations of a finished dry run.
func (s *Service) dryRun(ctx context.Context, accountID, id int64) ([]cron.Operation, error) {
	dry, err := s.store.Action(ctx, accountID, id)
	if cron.KindOf(err) == cron.NotFound || err == nil && (!dry.DryRun || dry.Undoes != 0 || dry.State != cron.ActionFinished || dry.Failed || dry.Cancelled) {
		return nil, &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectAction,
			Problems: []cron.Problem{{Pointer: "/confirms", Rule: cron.RuleActionNoDryRun}}}
	}
	return dry.Order.Operations, err
}

// NewUndo makes an action that takes back what another one has done to jobs that nobody has changed since. The error is of kind
// Conflict for an action that has not finished, or was a dry run.
func (s *Service) NewUndo(ctx context.Context, actor cron.Actor, actionID int64) (a cron.Action, err error) {
	if err := s.allow(&actor, UseStartAction); err != nil {
		return a, err
	}
	done, err := s.store.Action(ctx, actor.Account.ID, actionID)
	if err != nil {
		return a, err
	}
	rule := cron.RuleNone
	switch {
	case done.DryRun:
		rule = cron.RuleActionNoUndo
	case done.State != cron.ActionFinished:
		rule = cron.RuleActionWorks
	}
	if rule != cron.RuleNone {
		return a, &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectAction, Problems: []cron.Problem{{Rule: rule}}}
	}
	return cron.Action{AccountID: actor.Account.ID, Undoes: actionID}, nil
}

// StartAction stores an action from NewAction or NewUndo, and sets its ID. The nodes work it off. The error is of kind TooMany when
// too many of the account are under way.
func (s *Service) StartAction(ctx context.Context, actor cron.Actor, a *cron.Action) error {
	if err := s.allowIn(&actor, UseStartAction, a.AccountID); err != nil {
		return err
	}
	a.Author, a.Order.Language = authorOf(&actor), actor.Language
	e := cron.AuditEntry{Action: actActionStart, Object: objectAction, Title: actionTitle(a)}
	switch {
	case a.Undoes != 0:
		e.Action = actActionUndo
	case a.DryRun:
		e.Action = actActionTry
	}
	return s.audited(ctx, &actor, e, func(ctx context.Context, e *cron.AuditEntry) error {
		err := s.store.StartAction(ctx, a)
		e.ObjectID = a.ID
		return err
	})
}

// CancelAction makes an action end after the chunk of jobs that is in work. What it has done stays. The error is of kind Conflict
// when it has ended already, unless it was cancelled.
func (s *Service) CancelAction(ctx context.Context, actor cron.Actor, actionID int64) error {
	if err := s.allow(&actor, UseCancelAction); err != nil {
		return err
	}
	a, err := s.store.Action(ctx, actor.Account.ID, actionID)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actActionCancel, Object: objectAction, ObjectID: actionID, Title: actionTitle(&a)}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.CancelAction(ctx, actor.Account.ID, actionID)
	})
}

// OperationNames are the names of the kinds of operations in the API and in the audit log.
var OperationNames = []string{"patch", "replace", "addHeader", "setHeader", "removeHeader", "shift", "timezone", "addTags", "removeTags",
	"setTags", "move", "enable", "disable", "delete"}

// actionTitle says what an action does.
func actionTitle(a *cron.Action) string {
	if a.Undoes != 0 {
		return "undo " + strconv.FormatInt(a.Undoes, 10)
	}
	names := make([]string, len(a.Kinds))
	for i, kind := range a.Kinds {
		names[i] = OperationNames[kind]
	}
	return strings.Join(names, ", ")
}

// ActionOrder reads what an action is to do to which jobs, secrets included, so that it can be asked for again with changes. It has no
// operations when the action no longer needs them.
func (s *Service) ActionOrder(ctx context.Context, actor cron.Actor, actionID int64) (cron.ActionOrder, error) {
	if err := s.allow(&actor, UseStartAction); err != nil {
		return cron.ActionOrder{}, err
	}
	a, err := s.store.Action(ctx, actor.Account.ID, actionID)
	return a.Order, err
}

// Actions lists the actions of the account, newest first: those before the given one (0 for all). next is the before of the next
// page, and 0 at the end.
func (s *Service) Actions(ctx context.Context, actor cron.Actor, before int64, limit int) (list []cron.Action, next int64, err error) {
	if err := s.allow(&actor, UseGetAction); err != nil {
		return nil, 0, err
	}
	limit = min(limit, MaxActionPage)
	list, err = s.store.Actions(ctx, actor.Account.ID, before, limit+1)
	if err == nil && len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, err
}

// Action reads an action, and a page of its jobs in the order of their IDs: those after the given one, with a result or, with
// ActionWaiting, all. Those without a result are ActionNotReached when it has ended. next is the after of the next page, and 0 at the end.
func (s *Service) Action(ctx context.Context, actor cron.Actor, actionID, after int64, result cron.ActionResult, limit int) (
	a cron.Action, jobs []cron.ActionJob, next int64, err error) {
	if err := s.allow(&actor, UseGetAction); err != nil {
		return a, nil, 0, err
	}
	if a, err = s.store.Action(ctx, actor.Account.ID, actionID); err != nil {
		return a, nil, 0, err
	}
	a.Order = cron.ActionOrder{} // it can have secrets
	limit = min(limit, MaxActionPage)
	if result == cron.ActionNotReached && a.State != cron.ActionFinished {
		return a, nil, 0, nil
	}
	jobs, err = s.store.ActionJobs(ctx, actor.Account.ID, actionID, after, result, limit+1)
	if err == nil && len(jobs) > limit {
		jobs = jobs[:limit]
		next = jobs[limit-1].JobID
	}
	for i := range jobs {
		if jobs[i].Result == cron.ActionWaiting && a.State == cron.ActionFinished {
			jobs[i].Result = cron.ActionNotReached
		}
	}
	return a, jobs, next, err
}
