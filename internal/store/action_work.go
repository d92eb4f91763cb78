package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"punctual/internal/cron"
)

// ClaimAction makes a node work on the open action that has waited longest, if there is one. The error is cron.ErrNodeDead when the
// node's lease has ended.
func (s *Store) ClaimAction(ctx context.Context, node int64) (a cron.Action, ok bool, err error) {
	ctx = upkeep.with(ctx)
	if there, ok := s.polled(ctx); ok && !there.actions {
		return a, false, nil
	}
	var (
		sealed []byte
		held   int64
	)
	err = scanAction(s.read.QueryRowContext(ctx, `SELECT action.id, `+actionNames+`, action.sealed, action.node FROM action
		JOIN account ON account.id = action.account_id
		WHERE action.state < 2 AND NOT account.disabled AND (action.node = 0 OR action.node = $1
			OR NOT EXISTS (SELECT 1 FROM node WHERE node.epoch = action.node AND NOT node.dead))
		ORDER BY action.touched_at LIMIT 1`, node).Scan, &a, &sealed, &held)
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("find an action: %w", err)
	}
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		if err := s.checkAlive(ctx, q, node); err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `UPDATE action SET node = $2, touched_at = $3 WHERE id = $1 AND state < 2 AND node = $4
			AND progress = $5`, a.ID, node, millis(s.stamp()), held, a.Progress)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		ok = n == 1
		return err
	})
	if err != nil || !ok {
		return a, false, err
	}
	if err := s.openAction(&a, sealed); err != nil {
		s.logger.Error("an action cannot be performed", slogErr(err))
		a.Failed = true
	}
	return a, true, nil
}

// step moves an open action on, and tells followers of the account: set changes its row, with arguments from $4 on. It lets go of
// the action.
func (s *Store) step(ctx context.Context, q queryer, a *cron.Action, kind cron.ChangeKind, position int64, set string, args ...any) error {
	res, err := q.ExecContext(ctx, `UPDATE action SET node = 0, position = $3, progress = progress + 1, `+set+`
		WHERE id = $1 AND progress = $2 AND state < 2`, append([]any{a.ID, a.Progress, position}, args...)...)
	if err != nil {
		return fmt.Errorf("move an action on: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errActionMoved)
	}
	_, err = q.ExecContext(ctx, `INSERT INTO job_change (account_id, job_id, action_id, kind, changed_at) VALUES ($1, 0, $2, $3, $4)`,
		a.AccountID, a.ID, int(kind), millis(s.stamp()))
	if err != nil {
		return fmt.Errorf("tell of a step of an action: %w", err)
	}
	return nil
}

// stepped makes of a step that another node has taken already no error.
func stepped(err error) error {
	if errors.Is(err, errActionMoved) {
		return nil
	}
	return err
}

// ListActionJobs adds jobs to an action that selects, with the versions that they have, and says how far the selection is; last
// ends it. Jobs that the account does not have are missing.
func (s *Store) ListActionJobs(ctx context.Context, a *cron.Action, ids []int64, position int64, last bool) error {
	return s.selectJobs(ctx, a, position, last, func(ctx context.Context, q queryer) (found, missing int64, err error) {
		found, err = affected(q.ExecContext(ctx, `INSERT INTO action_job (action_id, account_id, job_id, version)
			SELECT $2, account_id, id, version FROM job WHERE `+s.engine.in("id", 1)+` AND account_id = $3
			ON CONFLICT (action_id, job_id) DO NOTHING`, s.engine.list(ids), a.ID, a.AccountID))
		if err != nil || found == int64(len(ids)) {
			return found, 0, err
		}
		present, err := collect(ctx, q, "list the jobs of an action", single[int64], `SELECT job_id FROM action_job
			WHERE action_id = $2 AND `+s.engine.in("job_id", 1), s.engine.list(ids), a.ID)
		if err != nil {
			return 0, 0, err
		}
		known := make(map[int64]bool, len(present))
		for _, id := range present {
			known[id] = true
		}
		for _, id := range ids {
			if known[id] {
				continue
			}
			missing++
			if _, err := q.ExecContext(ctx, `INSERT INTO action_job (action_id, account_id, job_id, version, result) VALUES ($1, $2, $3, 0, $4)`,
				a.ID, a.AccountID, id, int(cron.ActionMissing)); err != nil {
				return 0, 0, err
			}
		}
		return found, missing, nil
	})
}

// CopyActionJobs adds to an action that selects the next jobs that another one of the account has changed: for one that performs
// a dry run with the versions that the jobs had then, and for one that undoes with the versions that the other one made.
func (s *Store) CopyActionJobs(ctx context.Context, a *cron.Action, from int64, limit int) error {
	ctx = upkeep.with(ctx)
	ids, err := collect(ctx, s.read, "list the jobs of an action", single[int64], `SELECT job_id FROM action_job
		WHERE action_id = $1 AND account_id = $2 AND job_id > $3 AND result = $4 ORDER BY job_id LIMIT $5`,
		from, a.AccountID, a.Position, int(cron.ActionChanged), limit)
	if err != nil {
		return err
	}
	position := a.Position
	if len(ids) > 0 {
		position = ids[len(ids)-1]
	}
	values := `version, 0, 0`
	if a.Undoes != 0 {
		values = `after, effect, version`
	}
	return s.selectJobs(ctx, a, position, len(ids) < limit, func(ctx context.Context, q queryer) (found, missing int64, err error) {
		if len(ids) == 0 {
			return 0, 0, nil
		}
		found, err = affected(q.ExecContext(ctx, `INSERT INTO action_job (action_id, account_id, job_id, version, undo, target)
			SELECT $2, account_id, job_id, `+values+` FROM action_job WHERE `+s.engine.in("job_id", 1)+` AND action_id = $3`,
			s.engine.list(ids), a.ID, from))
		return found, 0, err
	})
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// selectJobs adds jobs to an action in a transaction, and says how far the selection is.
func (s *Store) selectJobs(ctx context.Context, a *cron.Action, position int64, last bool,
	add func(context.Context, queryer) (found, missing int64, err error)) error {
	state := cron.ActionSelecting
	if last {
		state, position = cron.ActionWorking, 0
	}
	err := s.transact(upkeep.with(ctx), upkeep, func(ctx context.Context, q queryer) error {
		found, missing, err := add(ctx, q)
		if err != nil {
			return fmt.Errorf("select the jobs of an action: %w", err)
		}
		return s.step(ctx, q, a, cron.ChangeActionMoved, position, `state = $4, total = total + $5, missing = missing + $6`, int(state), found+missing, missing)
	})
	return stepped(err)
}

// WaitingActionJobs lists the next jobs of an action that wait.
func (s *Store) WaitingActionJobs(ctx context.Context, a *cron.Action, limit int) ([]cron.ActionJob, error) {
	return collect(upkeep.with(ctx), s.read, "list the waiting jobs of an action", scanActionJob, `SELECT `+actionJobColumns+` FROM action_job
		WHERE action_id = $1 AND job_id > $2 AND result = 0 ORDER BY job_id LIMIT $3`, a.ID, a.Position, limit)
}

// ActionSteps is what an action does to one job. Each of them may run more than once, and gives the job a result.
type ActionSteps struct {
	// Edit changes the job to what it is to be; it is written if the result is ActionChanged and the effect EffectEdited.
	Edit func(j *cron.Job, w *cron.ActionJob)
	// Restore makes the same of the definition of a job in the bin.
	Restore func(j *cron.Job, w *cron.ActionJob)
}

var (
	errNoChange = errors.New("the action does not change the job")
	errActed    = errors.New("the job is no longer this node's to act on")
)

// ActOnJob lets an action decide about a job, and writes what it decides unless it is a dry run, with the result, in one
// transaction. written is false for a result that SaveActionResults is to write. A job that has another version than when it was
// selected is skipped, and one that the account does not have is missing.
func (s *Store) ActOnJob(ctx context.Context, a *cron.Action, w *cron.ActionJob, steps ActionSteps) (written bool, err error) {
	ctx = upkeep.with(ctx)
	if w.Undo == cron.EffectDeleted {
		return s.actOnDeleted(ctx, a, w, steps)
	}
	rec, version, err := s.readVersion(ctx, a.AccountID, w.JobID)
	switch {
	case cron.KindOf(err) == cron.NotFound:
		w.Result = cron.ActionMissing
		return false, nil
	case err != nil:
		return false, err
	}
	if version != w.Version {
		w.Result, w.Detail.Title = cron.ActionSkipped, titleOf(&rec.Job)
		return false, nil
	}
	j := rec.Job
	if steps.Edit(&j, w); w.Result != cron.ActionChanged || a.DryRun {
		return false, nil
	}
	if w.Effect == cron.EffectDeleted {
		err = s.deleteByAction(ctx, a, w)
	} else {
		err = s.editByAction(ctx, a, w, steps)
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, errActed):
		w.Result = cron.ActionWaiting
		return true, nil
	case errors.Is(err, errEdited), errors.Is(err, errNoChange):
		w.Result, w.Effect, w.After, w.Detail = cron.ActionSkipped, 0, 0, cron.ActionDetail{Title: titleOf(&rec.Job)}
		return false, nil
	case cron.KindOf(err) == cron.NotFound:
		w.Result, w.Effect, w.After, w.Detail = cron.ActionMissing, 0, 0, cron.ActionDetail{}
		return false, nil
	}
	return false, err
}

// titleOf is the title of a job, or its URL without credentials when it has none.
func titleOf(j *cron.Job) string {
	if j.Title != "" {
		return j.Title
	}
	url, _ := cron.WithoutUser(j.Request.URL)
	return url
}

func (s *Store) editByAction(ctx context.Context, a *cron.Action, w *cron.ActionJob, steps ActionSteps) error {
	return s.update(ctx, a.AccountID, w.JobID, origin{restored: w.Target, actionID: a.ID}, func(j *cron.Job) error {
		if steps.Edit(j, w); w.Result != cron.ActionChanged {
			return errNoChange
		}
		j.UpdatedBy, w.After = a.Author, w.Version+1
		return nil
	}, func(ctx context.Context, _, _ *cron.Job, _ []string) error { return s.acted(ctx, a, w, `job WHERE id`) })
}

func (s *Store) deleteByAction(ctx context.Context, a *cron.Action, w *cron.ActionJob) error {
	w.After = w.Version
	return s.DeleteJobIf(ctx, a.AccountID, w.JobID, a.Author, func(*cron.Job) error { return nil },
		func(ctx context.Context, _ *cron.Job) error { return s.acted(ctx, a, w, `bin_job WHERE job_id`) })
}

// actOnDeleted brings back a job that the action which is undone has deleted.
func (s *Store) actOnDeleted(ctx context.Context, a *cron.Action, w *cron.ActionJob, steps ActionSteps) (written bool, err error) {
	b, j, err := s.BinJob(ctx, a.AccountID, w.JobID)
	switch {
	case cron.KindOf(err) == cron.NotFound:
		w.Result = cron.ActionMissing // restored by somebody, or gone for good
		if title, err := s.JobTitle(ctx, a.AccountID, w.JobID); err == nil {
			w.Result, w.Detail.Title = cron.ActionSkipped, title
		}
		return false, nil
	case err != nil:
		return false, err
	case b.Version != w.Version:
		w.Result, w.Detail.Title = cron.ActionSkipped, titleOf(&j)
		return false, nil
	}
	if steps.Restore(&j, w); w.Result != cron.ActionChanged || a.DryRun {
		return false, nil
	}
	j.UpdatedBy, w.After = a.Author, b.Version+1
	err = s.restoreJob(ctx, &b, &j, origin{restored: b.Version, actionID: a.ID}, func(ctx context.Context) error {
		return s.acted(ctx, a, w, `job WHERE id`)
	})
	switch {
	case errors.Is(err, errActed):
		w.Result = cron.ActionWaiting
		return true, nil
	case errors.Is(err, errEdited), cron.KindOf(err) == cron.NotFound:
		w.Result, w.Effect, w.After = cron.ActionSkipped, 0, 0
		return false, nil
	}
	return err == nil, err
}

// acted writes the result of a job in the transaction that changes it. The error is errEdited when the job has another version
// than the action makes, and errActed when it has a result, or another node has gone on with the action or has ended it.
func (s *Store) acted(ctx context.Context, a *cron.Action, w *cron.ActionJob, at string) error {
	return s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		var version int64
		err := q.QueryRowContext(ctx, `SELECT version FROM `+at+` = $1`, w.JobID).Scan(&version)
		if err == nil && version != w.After {
			err = errEdited
		}
		if err != nil {
			return err
		}
		if err := saveActed(ctx, q, a, w); err != nil {
			return err
		}
		err = q.QueryRowContext(ctx, `SELECT 1 FROM action WHERE id = $1 AND progress = $2 AND state < 2`+s.engine.lock(forShare),
			a.ID, a.Progress).Scan(new(int))
		if errors.Is(err, sql.ErrNoRows) {
			err = errActed
		}
		return err
	})
}

// saveActed writes the result of a job that has none. The error is errActed when it has one.
func saveActed(ctx context.Context, q queryer, a *cron.Action, w *cron.ActionJob) error {
	n, err := affected(q.ExecContext(ctx, `UPDATE action_job SET result = $3, effect = $4, after = $5, detail = $6
		WHERE action_id = $1 AND job_id = $2 AND result = 0`, a.ID, w.JobID, int(w.Result), int(w.Effect), w.After, encode(w.Detail)))
	if err == nil && n == 0 {
		err = errActed
	}
	return err
}

// SaveActionResults writes the results that ActOnJob has not written, and moves the action on behind the jobs. counts are those
// of all of them.
func (s *Store) SaveActionResults(ctx context.Context, a *cron.Action, unwritten []*cron.ActionJob, position int64, n cron.ActionCounts) error {
	err := s.transact(upkeep.with(ctx), upkeep, func(ctx context.Context, q queryer) error {
		for _, w := range unwritten {
			if err := saveActed(ctx, q, a, w); err != nil && !errors.Is(err, errActed) {
				return fmt.Errorf("write the result of a job: %w", err)
			}
		}
		return s.step(ctx, q, a, cron.ChangeActionMoved, position, `changed = changed + $4, same = same + $5, invalid = invalid + $6, skipped = skipped + $7,
			missing = missing + $8, faulty = faulty + $9`, n.Changed, n.Same, n.Invalid, n.Skipped, n.Missing, n.Faulty)
	})
	return stepped(err)
}

// FinishAction ends an action, whose jobs have all their results unless it has failed or was cancelled.
func (s *Store) FinishAction(ctx context.Context, a *cron.Action) error {
	ctx = upkeep.with(ctx)
	// A node that was paused, and whose action another one has taken over, may still act on jobs. From here on it cannot, so what is
	// counted is final.
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		n, err := affected(q.ExecContext(ctx, `UPDATE action SET progress = progress + 1 WHERE id = $1 AND progress = $2 AND state < 2`,
			a.ID, a.Progress))
		if err == nil && n == 0 {
			err = errActionMoved
		}
		return err
	})
	if err != nil {
		return stepped(err)
	}
	a.Progress++
	var n cron.ActionCounts
	err = each(ctx, s.read, "count the results of an action", func(scan scanner) error {
		var (
			result cron.ActionResult
			jobs   int
		)
		err := scan(integer(&result), &jobs)
		n.Add(result, jobs)
		return err
	}, `SELECT result, count(*) FROM action_job WHERE action_id = $1 GROUP BY result`, a.ID)
	if err != nil {
		return err
	}
	return stepped(s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		set := `state = 2, finished_at = $4, failed = $5, total = $6, changed = $7, same = $8, invalid = $9, skipped = $10, missing = $11, faulty = $12,
			cancelled = $13`
		if !a.DryRun {
			set += `, sealed = NULL`
		}
		return s.step(ctx, q, a, cron.ChangeActionFinished, a.Position, set, millis(s.stamp()), a.Failed, n.Total, n.Changed, n.Same, n.Invalid, n.Skipped, n.Missing, n.Faulty, a.Cancelled)
	}))
}
