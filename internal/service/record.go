package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// Record is a record of the ledger with what belongs to it.
type Record struct {
	cron.HistoryRecord
	Job        cron.JobRecord // as it is now
	Why        cron.Diagnosis // of what did not succeed
	Attempts   []cron.Execution
	Reruns     []cron.Execution // that repeat it, the latest first; not all of many
	Comparison Comparison       // with the latest success before it; empty for what did not start, and while it runs
}

// Record reads a record of a job, whatever became of it. A viewer does not see the secrets of the job.
func (s *Service) Record(ctx context.Context, now time.Time, actor cron.Actor, jobID, recordID int64) (r Record, err error) {
	if err := s.allow(&actor, UseGetExecution); err != nil {
		return r, err
	}
	if r.HistoryRecord, err = s.store.Record(ctx, actor.Account.ID, jobID, recordID); err != nil {
		return r, err
	}
	if r.Job, err = s.Job(ctx, now, actor, jobID); err != nil {
		return r, err
	}
	if r.Attempts, err = s.store.Attempts(ctx, &r.Execution); err != nil {
		return r, err
	}
	if r.Reruns, err = s.store.RerunsOf(ctx, &r.Execution); err != nil {
		return r, err
	}
	if r.Outcome != cron.OutcomeSucceeded && r.Outcome != cron.OutcomeRunning {
		plan := s.planOf(actor.Account)
		r.Why = cron.Diagnose(&r.Result, &r.Job.Job, &plan)
	}
	switch r.Outcome {
	case cron.OutcomeSucceeded, cron.OutcomeFailed, cron.OutcomeLost:
		r.Comparison, err = s.compare(ctx, &r.Execution)
	}
	return r, err
}

// RunAgain requests a run that repeats a record. The error is of kind Conflict when a run that repeats it waits, runs or has
// succeeded, and of kind Invalid for a record that need not be repeated.
func (s *Service) RunAgain(ctx context.Context, actor cron.Actor, jobID, recordID int64) error {
	if err := s.allow(&actor, UseRerun); err != nil {
		return err
	}
	r, err := s.store.Record(ctx, actor.Account.ID, jobID, recordID)
	if err != nil {
		return err
	}
	if !r.Repeatable() {
		return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectExecution, Problems: []cron.Problem{{Rule: cron.RuleUnknownValue,
			Given: r.Outcome.String(), Want: cron.RepeatableNames()}}}
	}
	plan := cron.RerunPlan{Runs: []cron.Rerun{{JobID: jobID, RecordID: recordID, Planned: r.Planned}}}
	e := cron.AuditEntry{Action: actHistoryRerun, Object: objectHistory, Title: r.Identifier()}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		made, err := s.store.Rerun(ctx, actor.Account.ID, &plan, authorOf(&actor))
		if err == nil && len(made.Runs) == 0 {
			err = &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectExecution, Problems: []cron.Problem{{Rule: cron.RuleRepeated}}}
		}
		return err
	})
}
