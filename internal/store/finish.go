package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
)

// Finish records completions in one transaction: their executions, the states of their jobs, and the consequences
// (notices, further attempts, disabled jobs, problems). It locks in the order of job IDs. An execution that was recorded as lost
// accepts its result; one that has a result keeps it, so a batch whose commit failed in an unknown state can be
// recorded again.
func (s *Store) Finish(ctx context.Context, completions []cron.Completion) error {
	for i := range completions {
		completions[i].Cause = completions[i].Result.Fingerprint()
	}
	err := s.transact(ctx, results, func(ctx context.Context, q queryer) error {
		return s.finish(ctx, q, completions, s.Now())
	})
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	return nil
}

// finish is the transaction of Finish. Each completion has its Cause.
func (s *Store) finish(ctx context.Context, q queryer, completions []cron.Completion, now time.Time) error {
	order := make([]*cron.Completion, len(completions))
	for i := range completions {
		order[i] = &completions[i]
	}
	slices.SortFunc(order, func(a, b *cron.Completion) int {
		return cmp.Or(cmp.Compare(a.Launch.Job.ID, b.Launch.Job.ID), a.Result.Started.Compare(b.Result.Started))
	})
	saved, jobs, err := s.engine.takeResults(ctx, q, order)
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	var (
		states []*lockedJob
		found  problems
		quiet  = s.silences(q, now)
		told   tellings
		shown  monitorResults
	)
	for _, c := range saved {
		job, ok := jobs[c.Launch.Job.ID]
		if !ok {
			continue // the job was deleted
		}
		rec := &job.JobRecord
		end := cron.Conclude(&rec.Job, rec.State, c, *c.Launch.Plan, now)
		if len(end.Notices) > 0 {
			if is, err := quiet.silenced(ctx, &rec.Job, c.Result.Started); err != nil {
				return err
			} else if is {
				end.Silence(&rec.State)
			}
		}
		found.add(rec, c, &end)
		told.add(rec, c, &end, now)
		shown.add(&rec.Job, c, &end)
		rec.State = end.State
		if len(states) == 0 || states[len(states)-1] != job {
			states = append(states, job)
		}
		if err := s.conclude(ctx, q, rec, c, &end, now); err != nil {
			return err
		}
	}
	if err := found.open(ctx, s, q); err != nil {
		return err
	}
	if err := told.write(ctx, s, q, &found); err != nil {
		return err
	}
	if err := s.saveStates(ctx, q, states); err != nil {
		return fmt.Errorf("write the states: %w", err)
	}
	if err := shown.write(ctx, s, q); err != nil {
		return err
	}
	return found.resolve(ctx, s, q, now)
}

// lockedJob is a job whose state is locked, with the state as it is in the database.
type lockedJob struct {
	cron.JobRecord
	state   cron.JobState
	problem int64
	ran     bool // the time and the duration of the latest execution are written already
}

// onlyRan reports whether nothing but the time and the duration of the latest execution has changed, as after most successes.
func (l *lockedJob) onlyRan() bool {
	state := l.State
	state.LastDuration, state.LastExecution = l.state.LastDuration, l.state.LastExecution
	if state.CertExpiry.Equal(l.state.CertExpiry) {
		state.CertExpiry = l.state.CertExpiry
	}
	return state == l.state && l.ProblemID == l.problem
}

// saveStates writes what has changed of states.
func (s *Store) saveStates(ctx context.Context, q queryer, jobs []*lockedJob) error {
	ran, changed := make([]*cron.JobRecord, 0, len(jobs)), []*cron.JobRecord(nil)
	for _, job := range jobs {
		switch {
		case !job.onlyRan():
			changed = append(changed, &job.JobRecord)
		case !job.ran:
			ran = append(ran, &job.JobRecord)
		}
	}
	if err := s.engine.saveRuns(ctx, q, ran); err != nil {
		return err
	}
	return s.engine.saveStates(ctx, q, changed)
}

// conclude writes the consequences of one completion apart from the state of its job, its problem and its notices, all of which are
// rare.
func (s *Store) conclude(ctx context.Context, q queryer, rec *cron.JobRecord, c *cron.Completion, end *cron.Conclusion,
	now time.Time) error {
	l := &c.Launch
	if !end.NextAttempt.IsZero() {
		_, err := q.ExecContext(ctx,
			`INSERT INTO pending (job_id, account_id, rank, due_at, claim_at, planned_at, kind, attempt)
			 SELECT job_id, account_id, rank, $2, $2, $3, $4, $5 FROM job_state WHERE job_id = $1
			 ON CONFLICT DO NOTHING`,
			l.Job.ID, millis(end.NextAttempt), millis(l.Planned), int(l.Kind), l.Attempt+1)
		if err != nil {
			return fmt.Errorf("plan a further attempt: %w", err)
		}
	}
	if end.Disable {
		return s.disable(ctx, q, rec, now)
	}
	return nil
}

// disable ends the schedule of a job on behalf of the service.
func (s *Store) disable(ctx context.Context, q queryer, rec *cron.JobRecord, now time.Time) error {
	if next := rec.State.NextRun; !next.IsZero() && !next.After(now) {
		err := q.QueryRowContext(ctx, `SELECT `+timingNames+` FROM job WHERE id = $1`, rec.ID).Scan(targets(jobTiming(&rec.Job))...)
		if err != nil {
			return fmt.Errorf("read when the job was due: %w", err)
		}
		if err := s.recordBacklog(ctx, q, rec, cron.FaultDisabled, now); err != nil {
			return err
		}
	}
	rec.Enabled, rec.State.NextRun = false, time.Time{}
	if _, err := q.ExecContext(ctx, `UPDATE job SET enabled = $2, version = version + 1 WHERE id = $1`, rec.ID, false); err != nil {
		return fmt.Errorf("disable the job: %w", err)
	}
	if err := s.addValueVersions(ctx, q, []int64{rec.ID}, changeEnabled, 0, &theService); err != nil {
		return err
	}
	if _, err := q.ExecContext(ctx, `UPDATE job_state SET next_run_at = NULL, claim_at = NULL WHERE job_id = $1`, rec.ID); err != nil {
		return fmt.Errorf("disable the job: %w", err)
	}
	return dropAttempts(ctx, q, rec.ID)
}

// lockJobRecords locks the states of the jobs in the order of their IDs and reads what Conclude needs of the jobs, which is nothing of
// their schedules.
func (s *Store) lockJobRecords(ctx context.Context, q queryer, ids []int64) (map[int64]*lockedJob, error) {
	return readLocked(ctx, q, len(ids), `SELECT `+lockedNames+`
		 FROM job_state JOIN job ON job.id = job_state.job_id
		 WHERE `+s.engine.in("job_state.job_id", 1)+` ORDER BY job_state.job_id`+s.engine.lock(lockStates),
		s.engine.list(ids))
}

// lockedNames are the columns that readLocked reads.
var lockedNames = heldNames + `, ` + stateNames + `, ` + toldNames + `, ` + notificationNames + `,
	job.id, job.account_id, job.type, job.enabled, job_state.problem_id`

// readLocked runs a query of lockedNames that locks up to n states.
func readLocked(ctx context.Context, q queryer, n int, query string, args ...any) (map[int64]*lockedJob, error) {
	var rec lockedJob
	j, st := &rec.Job, &rec.State
	into := scanners([]columns{jobHeld(j), jobState(st), jobTold(st), jobNotification(j)},
		integer(&j.ID), integer(&j.AccountID), integer(&j.Type), flag(&j.Enabled), integer(&rec.ProblemID))
	return keepLocked(ctx, q, n, &rec, into, func() {}, query, args...)
}

// keepLocked runs a query that locks up to n states and is read into rec. It calls read after each row, and keeps rec as it is then.
func keepLocked(ctx context.Context, q queryer, n int, rec *lockedJob, into []sql.Scanner, read func(), query string, args ...any) (
	map[int64]*lockedJob, error) {
	jobs := make(map[int64]*lockedJob, n)
	kept := make([]lockedJob, 0, n)
	err := eachInto(ctx, q, "read the jobs", into, func() error {
		rec.state, rec.problem = rec.State, rec.ProblemID
		read()
		kept = append(kept, *rec)
		jobs[rec.ID] = &kept[len(kept)-1]
		rec.Job = cron.Job{} // optional columns leave what is there
		return nil
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return jobs, nil
}
