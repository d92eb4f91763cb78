package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// RequestRun requests a manual run of a job. The error is of kind Conflict while another manual run waits, and while an
// execution is in flight of a job that does not allow overlaps.
func (s *Store) RequestRun(ctx context.Context, accountID, jobID int64, by cron.Author) (cron.Run, error) {
	var run cron.Run
	err := s.writeJobs(ctx, accountID, func(ctx context.Context, q queryer) error {
		overlap, err := s.lockOverlap(ctx, q, accountID, jobID)
		if err != nil {
			return err
		}
		if err := refuseIfAny(ctx, q, cron.RuleRunWaits, `SELECT 1 FROM pending WHERE job_id = $1 AND kind = $2 AND rerun = 0 LIMIT 1`,
			jobID, int(cron.KindManual)); err != nil {
			return err
		}
		if overlap == cron.OverlapSkip {
			from, err := s.runningFrom(ctx, q)
			if err != nil {
				return err
			}
			if err := refuseIfAny(ctx, q, cron.RuleStillRuns,
				`SELECT 1 FROM execution WHERE outcome = 0 AND job_id = $1 AND id >= $2 LIMIT 1`,
				jobID, from); err != nil {
				return err
			}
		}
		planned, err := s.runInstant(ctx, q, jobID)
		if err != nil {
			return err
		}
		if planned, err = addRun(ctx, q, jobID, planned); err != nil {
			return err
		}
		run = cron.Run{JobID: jobID, Planned: planned}
		return requestedBy(ctx, q, accountID, &run, &by)
	})
	if err != nil {
		return cron.Run{}, fmt.Errorf("ask for a run: %w", err)
	}
	return run, nil
}

// addRun adds a manual run of a job that is due at an instant, or at the first one after it for which no rerun is planned.
func addRun(ctx context.Context, q queryer, jobID int64, planned time.Time) (time.Time, error) {
	for range cron.MaxWaitingReruns + 1 {
		res, err := q.ExecContext(ctx,
			`INSERT INTO pending (job_id, account_id, rank, due_at, claim_at, planned_at, kind, attempt)
			 SELECT job_id, account_id, rank, $2, $2, $2, $3, 1 FROM job_state WHERE job_id = $1 ON CONFLICT DO NOTHING`,
			jobID, millis(planned), int(cron.KindManual))
		if err != nil {
			return planned, err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return planned, err
		}
		planned = planned.Add(time.Millisecond)
	}
	return planned, errors.New("every instant is taken by a rerun")
}

// requestedBy keeps who asked for a run. The instant may be that of a rerun that waited when its job was deleted, and never ran.
func requestedBy(ctx context.Context, q queryer, accountID int64, run *cron.Run, by *cron.Author) error {
	_, err := q.ExecContext(ctx, `INSERT INTO rerun (planned_at, job_id, account_id, record_id, record_planned_at, person_id, key_id, author, way)
		VALUES ($1, $2, $3, 0, 0, $4, $5, $6, $7) ON CONFLICT (planned_at, job_id) DO UPDATE SET record_id = 0, record_planned_at = 0,
		person_id = excluded.person_id, key_id = excluded.key_id, author = excluded.author, way = excluded.way`,
		millis(run.Planned), run.JobID, accountID, by.PersonID, by.KeyID, by.Label, by.Way)
	return err
}

// lockOverlap is lockState for callers that need only the overlap setting of the job.
func (s *Store) lockOverlap(ctx context.Context, q queryer, accountID, jobID int64) (overlap cron.Overlap, err error) {
	err = q.QueryRowContext(ctx,
		`SELECT job.overlap FROM job_state JOIN job ON job.id = job_state.job_id
		 WHERE job_state.job_id = $1 AND job_state.account_id = $2`+s.engine.lock(lockStates), jobID, accountID).Scan(integer(&overlap))
	return overlap, oneRow(err, cron.SubjectJob)
}

// refuseIfAny returns an error of kind Conflict when the query finds a row.
func refuseIfAny(ctx context.Context, q queryer, why cron.Rule, query string, args ...any) error {
	var one int
	err := q.QueryRowContext(ctx, query, args...).Scan(&one)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectJob, Problems: []cron.Problem{{Rule: why}}}
}

// runInstant is now, or, if the clock was set back, the first instant after all manual runs of the job that are on
// record.
func (s *Store) runInstant(ctx context.Context, q queryer, jobID int64) (time.Time, error) {
	now := s.stamp()
	var latest sql.NullInt64
	err := q.QueryRowContext(ctx,
		`SELECT max(planned_at) FROM execution WHERE job_id = $1 AND planned_at >= $2 AND kind = $3`,
		jobID, millis(now), int(cron.KindManual)).Scan(&latest)
	if err != nil || !latest.Valid {
		return now, err
	}
	return instant(latest.Int64 + 1), nil
}

// RequestedRun tells the progress of the manual run that was requested at the given instant.
func (s *Store) RequestedRun(ctx context.Context, accountID, jobID int64, planned time.Time) (cron.Run, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return cron.Run{}, err
	}
	defer leave()
	run := cron.Run{JobID: jobID, Planned: planned, State: cron.RunFinished}
	var (
		plan  planRow
		waits bool
	)
	// pending is read first, so that a claim between the two queries does not hide the run.
	err = s.read.QueryRowContext(ctx,
		`SELECT account.plan, account.overrides,
		        EXISTS (SELECT 1 FROM pending WHERE job_id = $1 AND planned_at = $3 AND kind = $4)
		 FROM job JOIN account ON account.id = job.account_id WHERE job.id = $1 AND account.id = $2`,
		jobID, accountID, millis(planned), int(cron.KindManual)).Scan(&plan.name, &plan.overrides, &waits)
	if err != nil {
		return run, oneRow(err, cron.SubjectJob)
	}
	since, err := s.keptSince(plan)
	if err != nil {
		return run, err
	}
	if planned.Before(since) {
		return run, cron.Missing(cron.SubjectExecution)
	}
	err = scanExecution(s.read.QueryRowContext(ctx,
		`SELECT `+executionNames+` FROM execution WHERE job_id = $1 AND planned_at = $2 AND kind = $3
		 ORDER BY attempt DESC LIMIT 1`, jobID, millis(planned), int(cron.KindManual)).Scan, &run.Execution)
	switch {
	case waits && (err == nil || errors.Is(err, sql.ErrNoRows)):
		run.State = cron.RunWaiting
		return run, nil
	case err == nil && run.Execution.Outcome == cron.OutcomeRunning:
		run.State = cron.RunRunning
	}
	return run, oneRow(err, cron.SubjectExecution)
}
