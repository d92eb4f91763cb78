package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"punctual/internal/cron"
)

// An action is a row of action and one of action_job for each of its jobs. A node takes it, works on it in chunks, and lets go of
// it with each, so that the actions of all accounts get their turns:
//
//	StartAction ──▶ selecting ──▶ working ──▶ finished ── 30 days ──▶ deleted
//	                    │            │
//	                    │            └─ ActOnJob: the job, its version and the result are one transaction
//	                    └─ ListActionJobs, CopyActionJobs: the version of each job is noted
//
// A job has a result or none, so whatever ends a node, another one goes on, and does nothing twice. The lease of a node on an
// action only keeps two from doing the same work. Counts on the row are for those who wait; when the action finishes they are
// counted again. CancelAction only marks an action: the chunk in work is completed, and the next step finishes it.

func actionRow(id int64) string { return "action " + strconv.FormatInt(id, 10) }

// actionColumns is what lists show of an action.
func actionColumns(a *cron.Action) columns {
	return func(list *columnList) {
		n := &a.Counts
		list.add("account_id", integer(&a.AccountID))
		list.add("state", integer(&a.State))
		list.add("dry_run", flag(&a.DryRun))
		list.add("undoes", integer(&a.Undoes))
		list.add("failed", flag(&a.Failed))
		list.add("cancelled", flag(&a.Cancelled))
		list.add("kinds", kindsField{&a.Kinds})
		list.add("person_id", integer(&a.Author.PersonID))
		list.add("key_id", integer(&a.Author.KeyID))
		list.add("author", text(&a.Author.Label))
		list.add("way", text(&a.Author.Way))
		list.add("position", integer(&a.Position))
		list.add("progress", integer(&a.Progress))
		list.add("total", integer(&n.Total))
		list.add("changed", integer(&n.Changed))
		list.add("same", integer(&n.Same))
		list.add("invalid", integer(&n.Invalid))
		list.add("skipped", integer(&n.Skipped))
		list.add("missing", integer(&n.Missing))
		list.add("faulty", integer(&n.Faulty))
		list.add("created_at", moment(&a.Created))
		list.add("finished_at", moment(&a.Finished))
		list.add("expires_at", moment(&a.Expires))
	}
}

// kindsField is the kinds of operations. Its column has them as JSON.
type kindsField struct{ to *[]cron.OperationKind }

// Scan implements sql.Scanner.
func (f kindsField) Scan(value any) error {
	var encoded string
	if err := (textField{&encoded}).Scan(value); err != nil {
		return err
	}
	return json.Unmarshal([]byte(encoded), f.to)
}

func (f kindsField) value() any { return encode(append([]cron.OperationKind{}, *f.to...)) }

var actionNames = names("action", actionColumns(new(cron.Action)))

func scanAction(scan scanner, a *cron.Action, more ...any) error {
	return scan(append(append([]any{&a.ID}, targets(actionColumns(a))...), more...)...)
}

// StartAction adds an action for AccountID, DryRun, Undoes, Kinds, Author and Order, and sets the other fields. The oldest finished
// ones of the account give way to it. The error is of kind TooMany when too many of the account are under way.
func (s *Store) StartAction(ctx context.Context, a *cron.Action) error {
	order, err := json.Marshal(&a.Order)
	if err != nil {
		return fmt.Errorf("encode an action: %w", err)
	}
	err = s.transact(ctx, ofAccount(a.AccountID), func(ctx context.Context, q queryer) error {
		if _, err := s.lockPlan(ctx, q, a.AccountID); err != nil { // one at a time
			return err
		}
		now := s.stamp()
		if err := s.roomForAction(ctx, q, a.AccountID, millis(now)); err != nil {
			return err
		}
		a.State, a.Progress, a.Created, a.Expires = cron.ActionSelecting, 1, now, now.Add(cron.ActionLifetime)
		err := q.QueryRowContext(ctx, `INSERT INTO action (account_id, dry_run, undoes, kinds, person_id, key_id, author, way, created_at,
			touched_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10) RETURNING id`, a.AccountID, a.DryRun, a.Undoes,
			kindsField{&a.Kinds}.value(), a.Author.PersonID, a.Author.KeyID, a.Author.Label, a.Author.Way, millis(now), millis(a.Expires)).Scan(&a.ID)
		if err != nil {
			return err
		}
		sealed, err := s.seal(ctx, q, order, actionRow(a.ID))
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE action SET sealed = $2 WHERE id = $1`, a.ID, sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("start the action: %w", err)
	}
	return nil
}

// roomForAction checks that an account can have another action, and marks those for deletion that give way to it.
func (s *Store) roomForAction(ctx context.Context, q queryer, accountID, now int64) error {
	type row struct {
		id    int64
		state cron.ActionState
		total int
	}
	rows, err := collect(ctx, q, "list the actions", func(scan scanner, r *row) error { return scan(&r.id, integer(&r.state), &r.total) },
		`SELECT id, state, total FROM action WHERE account_id = $1 AND (expires_at > $2 OR state < 2) ORDER BY id DESC`, accountID, now)
	if err != nil {
		return err
	}
	var (
		open, kept, jobs int
		old              []int64
	)
	for _, r := range rows {
		jobs += r.total
		switch {
		case r.state != cron.ActionFinished:
			open++
		case open+kept >= cron.MaxActions-1 || jobs > cron.MaxActionRows:
			old = append(old, r.id)
		default:
			kept++
		}
	}
	if open >= cron.MaxOpenActions {
		return &cron.Error{Kind: cron.TooMany, Problems: []cron.Problem{{Rule: cron.RuleActionsOpen, Limit: cron.MaxOpenActions}}}
	}
	if len(old) > 0 {
		_, err = q.ExecContext(ctx, `UPDATE action SET expires_at = $2 WHERE `+s.engine.in("id", 1), s.engine.list(old), now)
	}
	return err
}

// Actions lists the actions of an account, newest first, from before the given one on (0 for the newest), without their orders.
func (s *Store) Actions(ctx context.Context, accountID, before int64, limit int) ([]cron.Action, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if before == 0 {
		before = largestID
	}
	return collect(ctx, s.read, "list the actions", func(scan scanner, a *cron.Action) error { return scanAction(scan, a) },
		`SELECT id, `+actionNames+` FROM action WHERE account_id = $1 AND id < $2 AND expires_at > $3 ORDER BY id DESC LIMIT $4`,
		accountID, before, millis(s.Now()), limit)
}

// Action reads an action; its order has no operations when they are no longer needed. The error is of kind NotFound for one that
// has expired, or belongs to another account.
func (s *Store) Action(ctx context.Context, accountID, id int64) (a cron.Action, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return a, err
	}
	defer leave()
	var sealed []byte
	err = scanAction(s.read.QueryRowContext(ctx, `SELECT id, `+actionNames+`, sealed FROM action WHERE id = $1 AND account_id = $2
		AND expires_at > $3`, id, accountID, millis(s.Now())).Scan, &a, &sealed)
	if err != nil {
		return a, oneRow(err, cron.SubjectAction)
	}
	return a, s.openAction(&a, sealed)
}

func (s *Store) openAction(a *cron.Action, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	order, err := s.sealer.open(sealed, actionRow(a.ID))
	if err == nil {
		err = json.Unmarshal(order, &a.Order)
	}
	if err != nil {
		return fmt.Errorf("open action %d: %w", a.ID, err)
	}
	return nil
}

const actionJobColumns = `job_id, version, result, effect, after, undo, target, detail`

func scanActionJob(scan scanner, w *cron.ActionJob) error {
	var detail string
	err := scan(&w.JobID, &w.Version, integer(&w.Result), integer(&w.Effect), &w.After, integer(&w.Undo), &w.Target, &detail)
	if err == nil && detail != "" {
		err = json.Unmarshal([]byte(detail), &w.Detail)
	}
	return err
}

// CancelAction makes an action end with its next step. The error is of kind Conflict when it has ended already, unless it was
// cancelled.
func (s *Store) CancelAction(ctx context.Context, accountID, id int64) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var (
			cancelled bool
			state     cron.ActionState
		)
		err := q.QueryRowContext(ctx, `SELECT cancelled, state FROM action WHERE id = $1 AND account_id = $2 AND expires_at > $3`+
			s.engine.lock(forUpdate), id, accountID, millis(s.Now())).Scan(flag(&cancelled), integer(&state))
		switch {
		case err != nil:
			return oneRow(err, cron.SubjectAction)
		case cancelled:
			return nil
		case state == cron.ActionFinished:
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectAction, Problems: []cron.Problem{{Rule: cron.RuleActionEnded}}}
		}
		_, err = q.ExecContext(ctx, `UPDATE action SET cancelled = true WHERE id = $1`, id)
		if err != nil {
			return fmt.Errorf("cancel the action: %w", err)
		}
		return nil
	})
}

// ActionJobs lists jobs of an action in the order of their IDs, after one of them (0 for the start): with ActionWaiting all of them,
// with ActionNotReached those without a result, and otherwise those with this one.
func (s *Store) ActionJobs(ctx context.Context, accountID, id, after int64, result cron.ActionResult, limit int) ([]cron.ActionJob, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	which, args := ``, []any{id, accountID, after, limit}
	switch result {
	case cron.ActionWaiting:
	case cron.ActionNotReached:
		which = ` AND result = 0`
	default: // which an index has
		which, args = ` AND result > 0 AND result = $5`, append(args, int(result))
	}
	return collect(ctx, s.read, "list the jobs of an action", scanActionJob, `SELECT `+actionJobColumns+` FROM action_job
		WHERE action_id = $1 AND account_id = $2 AND job_id > $3`+which+` ORDER BY job_id LIMIT $4`, args...)
}

// actionRows is how many jobs of actions one transaction deletes.
const actionRows = 2000

// pruneActions deletes a chunk of the expired actions.
func (s *Store) pruneActions(ctx context.Context) (more bool, err error) {
	ids, err := collect(ctx, s.read, "list old actions", single[int64],
		`SELECT id FROM action WHERE expires_at <= $1 AND state = 2 ORDER BY expires_at LIMIT 1`, millis(s.Now()))
	if err != nil || len(ids) == 0 {
		return false, err
	}
	return true, s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		more, err := deleteActionJobs(ctx, q, `action_id = $1`, ids[0])
		if err != nil || more {
			return err
		}
		_, err = q.ExecContext(ctx, `DELETE FROM action WHERE id = $1`, ids[0])
		return err
	})
}

func deleteActionJobs(ctx context.Context, q queryer, which string, id int64) (more bool, err error) {
	res, err := q.ExecContext(ctx, `DELETE FROM action_job WHERE (action_id, job_id) IN
		(SELECT action_id, job_id FROM action_job WHERE `+which+` LIMIT $2)`, id, actionRows)
	if err != nil {
		return false, fmt.Errorf("delete the jobs of an action: %w", err)
	}
	n, err := res.RowsAffected()
	return n == actionRows, err
}

// errActionMoved means that another node has gone on with the action.
var errActionMoved = errors.New("another node works on the action")
