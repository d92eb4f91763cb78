package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"punctual/internal/cron"
)

// An edit of a job holds no transaction and no lock while the new job is computed:
//
//	read the job and its version          no transaction, no lock
//	change edits it, checks it            however long that takes
//	encode its secrets                    no transaction, no lock
//	lock job_state, as a claim does       a short transaction: a claim sees all of the edit or nothing of it
//	UPDATE job … WHERE version = …        no row: the job has changed, the edit starts again
//
// The edits of one job on one node wait for each other in an editQueue. So an edit starts again only after an edit on another
// node or a change by the service itself. An edit inside a transaction does not wait in the queue, because the edit ahead of
// it may be waiting for the end of that transaction.

// editTries bounds how often an edit starts again.
const editTries = 8

// errEdited means that the job has changed since it was read.
var errEdited = errors.New("the job was changed meanwhile")

// errKeepsChanging says that something changed during every attempt to change it.
func errKeepsChanging(subject cron.Subject) error {
	return &cron.Error{Kind: cron.Conflict, Subject: subject, Problems: []cron.Problem{{Rule: cron.RuleEdited}}, Err: errEdited}
}

// UpdateJob reads a job, lets change edit it, writes it and computes its next run. It resets the counters of failures.
// An error of change is returned unchanged, and nothing is written. change may run more than once, and runs outside of
// transactions unless ctx is part of one. The error is of kind Conflict when the job changes during every attempt.
//
// An occurrence that is due when the edit is written is not dropped: it runs with the new definition, or, when the edit
// disables or pauses the job, is recorded as skipped.
//
// A one-time job that was disabled by its occurrence keeps RunAtPassed unless the edit enables it or gives it another
// instant.
//
// The transaction that writes the job also runs then, with the job before and after the edit and the names
// of the fields that differ; then does no more than write.
func (s *Store) UpdateJob(ctx context.Context, accountID, jobID int64, change func(*cron.Job) error,
	then ...func(ctx context.Context, before, after *cron.Job, changes []string) error) error {
	return s.update(ctx, accountID, jobID, origin{}, change, then...)
}

// update is UpdateJob for a definition with an origin.
func (s *Store) update(ctx context.Context, accountID, jobID int64, from origin, change func(*cron.Job) error,
	then ...func(ctx context.Context, before, after *cron.Job, changes []string) error) error {
	return s.edit(ctx, accountID, jobID, func(rec *cron.JobRecord, version int64, former []byte) (
		func(context.Context, queryer) error, error) {
		j := rec.Job
		if err := change(&j); err != nil {
			return nil, err
		}
		j.ID, j.AccountID, j.Type = rec.ID, rec.AccountID, rec.Type
		if from.restored != 0 {
			if err := s.leaveGone(ctx, &j); err != nil {
				return nil, err
			}
		}
		j.Timing.RunAtPassed = j.Timing.RunAtPassed && !j.Enabled && j.Timing.RunAt.Equal(rec.Timing.RunAt)
		encoded, err := s.encodeJob(&j)
		if err != nil {
			return nil, err
		}
		changes := cron.JobChanges(&rec.Job, &j)
		was, found := findableOf(&rec.Job), encoded.found
		if found.text != was.text {
			found.index(accountID)
		}
		return func(ctx context.Context, q queryer) error {
			err := s.saveEdit(ctx, q, rec, &j, version, encoded.secrets)
			if from.restored != 0 && cron.KindOf(err) == cron.Invalid {
				return errEdited // the folder or a channel has gone meanwhile
			}
			if err != nil {
				return err
			}
			if err := s.keepVersion(ctx, q, &rec.Job, version, former); err != nil {
				return err
			}
			if err := s.addVersion(ctx, q, &j, version+1, &j.UpdatedBy, changes, from, encoded.definition); err != nil {
				return err
			}
			if err := found.saveIfOther(ctx, s, q, accountID, jobID, was); err != nil {
				return err
			}
			if from.made != nil {
				*from.made = version + 1
			}
			for _, write := range then {
				if err := write(ctx, &rec.Job, &j, changes); err != nil {
					return err
				}
			}
			return nil
		}, nil
	})
}

// RestoreVersion is UpdateJob for an edit that gives a job the definition of an earlier version. A folder that is gone becomes the
// root folder.
func (s *Store) RestoreVersion(ctx context.Context, accountID, jobID, version int64, change func(*cron.Job) error,
	then ...func(ctx context.Context, before, after *cron.Job, changes []string) error) (made int64, err error) {
	err = s.update(ctx, accountID, jobID, origin{restored: version, made: &made}, change, then...)
	return made, err
}

// saveEdit writes an edited job, if it still has the given version, and plans it. Planning takes microseconds, and has
// to happen in the transaction, which keeps the zone data from being replaced.
func (s *Store) saveEdit(ctx context.Context, q queryer, rec *cron.JobRecord, j *cron.Job, version int64, secrets []byte) (
	err error) {
	if rec.State, err = s.lockState(ctx, q, j.AccountID, j.ID); err != nil {
		return err
	}
	if err := s.checkFolder(ctx, q, j); err != nil {
		return err
	}
	if err := s.checkChannels(ctx, q, j, rec.ChannelIDs); err != nil {
		return err
	}
	now := s.stamp()
	j.Updated = now
	next := j.NextAfter(now)
	res, err := q.ExecContext(ctx, jobUpdate, values([]any{j.ID, version}, jobEditable(j, criteriaField{&j.Exchange.Success}, secretNamesField{&j.Request}))...)
	if err := checkEdited(res, err); err != nil {
		return fmt.Errorf("update the job: %w", err)
	}
	if err := s.saveSecret(ctx, q, j.ID, secrets); err != nil {
		return err
	}
	if err := saveAbout(ctx, q, j); err != nil {
		return err
	}
	if j.Request.URL != rec.Request.URL {
		if err := s.saveURL(ctx, q, j); err != nil {
			return err
		}
	}
	if due := rec.State.NextRun; !due.IsZero() && !due.After(now) {
		dormant, err := isDormant(ctx, q, j.ID)
		switch {
		case err != nil:
		case dormant, !j.Enabled:
			err = s.recordBacklog(ctx, q, rec, cron.FaultDisabled, now)
		case due.Before(j.Timing.PausedUntil):
			err = s.recordBacklog(ctx, q, rec, cron.FaultPaused, now)
		default:
			next = due
		}
		if err != nil {
			return err
		}
	}
	if !j.AllowsAttempts(now) {
		if err := dropAttempts(ctx, q, j.ID); err != nil {
			return err
		}
	}
	_, err = q.ExecContext(ctx,
		`UPDATE job_state SET next_run_at = $2, claim_at = $2, failures = 0, counted_failures = 0, failure_untold = false WHERE job_id = $1`,
		j.ID, nullMillis(next))
	if err != nil {
		return fmt.Errorf("plan the job: %w", err)
	}
	return nil
}

// dropAttempts deletes the pending retries and repeats of a job that is disabled or paused. The attempts before them
// remain the last.
func dropAttempts(ctx context.Context, q queryer, jobID int64) error {
	_, err := q.ExecContext(ctx, `DELETE FROM pending WHERE job_id = $1 AND kind = $2`, jobID, int(cron.KindScheduled))
	if err != nil {
		return fmt.Errorf("drop further attempts: %w", err)
	}
	return nil
}

// DeleteJob moves a job to the bin. Its history is not reachable there. The error is of kind Invalid for a job that is
// part of a status page.
func (s *Store) DeleteJob(ctx context.Context, accountID, jobID int64) error {
	return s.DeleteJobIf(ctx, accountID, jobID, cron.Author{}, func(*cron.Job) error { return nil })
}

// DeleteJobIf deletes a job, like DeleteJob, if allow returns no error for the version of the job that is deleted. An error of
// allow is returned unchanged. allow may run more than once.
func (s *Store) DeleteJobIf(ctx context.Context, accountID, jobID int64, by cron.Author, allow func(*cron.Job) error,
	then ...func(context.Context, *cron.Job) error) error {
	return s.edit(ctx, accountID, jobID, func(rec *cron.JobRecord, version int64, former []byte) (
		func(context.Context, queryer) error, error) {
		if err := allow(&rec.Job); err != nil {
			return nil, err
		}
		if rec.Type == cron.TypeMonitoring {
			return nil, s.errMonitorJob(ctx, accountID, jobID)
		}
		return func(ctx context.Context, q queryer) error {
			if _, err := s.lockState(ctx, q, accountID, jobID); err != nil {
				return err
			}
			if err := s.keepVersion(ctx, q, &rec.Job, version, former); err != nil {
				return err
			}
			if err := s.loseProblem(ctx, q, jobID); err != nil {
				return err
			}
			res, err := q.ExecContext(ctx, `DELETE FROM job WHERE id = $1 AND version = $2 AND type <> $3`, jobID, version, int(cron.TypeMonitoring))
			if err := checkEdited(res, err); err != nil {
				return fmt.Errorf("delete the job: %w", err)
			}
			if err := s.moveToBin(ctx, q, &rec.Job, version, by.Label); err != nil {
				return err
			}
			for _, write := range then {
				if err := write(ctx, &rec.Job); err != nil {
					return err
				}
			}
			return nil
		}, nil
	})
}

// edit reads a job, prepares the write outside of a transaction, and runs it. It starts again when the write returns
// errEdited. former is the definition that keepVersion needs; nil for a job whose version is kept.
func (s *Store) edit(ctx context.Context, accountID, jobID int64, prepare func(rec *cron.JobRecord, version int64, former []byte) (
	write func(context.Context, queryer) error, err error)) error {
	if _, ok := joined(ctx); !ok {
		leave, err := s.edits.enter(ctx, accountID, jobID)
		if err != nil {
			return err
		}
		defer leave()
	}
	for range editTries {
		rec, version, former, err := s.readEdited(ctx, accountID, jobID)
		if err != nil {
			return err
		}
		write, err := prepare(&rec, version, former)
		if err != nil {
			return err
		}
		if err := s.writeJobs(ctx, accountID, write); !errors.Is(err, errEdited) {
			return err
		}
	}
	return errKeepsChanging(cron.SubjectJob)
}

// readEdited is readVersion with the limits of a call of the account, and with the definition of a version that is not kept.
func (s *Store) readEdited(ctx context.Context, accountID, jobID int64) (rec cron.JobRecord, version int64, former []byte, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return rec, 0, nil, err
	}
	defer leave()
	if rec, version, err = s.readVersion(ctx, accountID, jobID); err != nil {
		return rec, version, nil, err
	}
	_, kept, err := s.versionKept(ctx, s.read, jobID, version)
	if err == nil && !kept {
		former, err = s.encodeDefinition(&rec.Job)
	}
	return rec, version, former, err
}

// lockState locks and reads the state of a job, as a claim does.
func (s *Store) lockState(ctx context.Context, q queryer, accountID, jobID int64) (cron.JobState, error) {
	var state cron.JobState
	err := q.QueryRowContext(ctx, `SELECT `+stateNames+` FROM job_state WHERE job_id = $1 AND account_id = $2`+
		s.engine.lock(forUpdate), jobID, accountID).Scan(targets(jobState(&state))...)
	if err != nil {
		return cron.JobState{}, oneRow(err, cron.SubjectJob)
	}
	return state, nil
}

// checkEdited returns errEdited when a statement with a condition on the version has changed no row.
func checkEdited(res interface{ RowsAffected() (int64, error) }, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return errEdited
}

// editQueue serializes the edits of a job. The zero value is ready for use.
type editQueue struct {
	mu      sync.Mutex
	jobs    map[int64]chan struct{} // by job; holds a token while no edit is in progress
	users   map[int64]int           // by job: edits in progress or waiting
	waiting map[int64]int           // by account
}

// enter waits until no other edit of the job is in progress; leave ends the edit. The error is of kind TooMany when the
// account has too many edits waiting, or when the edit has waited too long.
func (e *editQueue) enter(ctx context.Context, account, job int64) (leave func(), err error) {
	e.mu.Lock()
	if e.waiting[account] >= maxWaiting {
		e.mu.Unlock()
		return nil, errTooManyWaiting()
	}
	if e.jobs == nil {
		e.jobs, e.users, e.waiting = make(map[int64]chan struct{}), make(map[int64]int), make(map[int64]int)
	}
	free := e.jobs[job]
	if free == nil {
		free = make(chan struct{}, 1)
		free <- struct{}{}
		e.jobs[job] = free
	}
	e.users[job]++
	e.waiting[account]++
	e.mu.Unlock()

	timer := time.NewTimer(maxCallWait)
	defer timer.Stop()
	select {
	case <-free:
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = errLocked(maxCallWait, nil)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	decrement(e.waiting, account)
	if err != nil {
		e.forget(job)
		return nil, err
	}
	return func() {
		free <- struct{}{}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.forget(job)
	}, nil
}

func (e *editQueue) forget(job int64) {
	if decrement(e.users, job); e.users[job] == 0 {
		delete(e.jobs, job)
	}
}

// decrement decreases a count, and deletes it when it reaches 0.
func decrement(counts map[int64]int, key int64) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
}
