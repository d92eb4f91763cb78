package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// RunJob requests a manual run of a job, whether it is enabled or not. The error is of kind Conflict while another
// manual run waits, and while an execution is in flight of a job that does not allow overlaps.
func (s *Service) RunJob(ctx context.Context, actor cron.Actor, jobID int64) (cron.Run, error) {
	if err := s.allow(&actor, UseRunJob); err != nil {
		return cron.Run{}, err
	}
	title, err := s.store.JobTitle(ctx, actor.Account.ID, jobID)
	if err != nil {
		return cron.Run{}, err
	}
	var run cron.Run
	e := cron.AuditEntry{Action: actJobRun, Object: objectJob, ObjectID: jobID, Title: cron.MaskURL(title)}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) (err error) {
		run, err = s.store.RequestRun(ctx, actor.Account.ID, jobID, authorOf(&actor))
		return err
	})
	return run, err
}

// Run tells the progress of the manual run that was requested at the given instant.
func (s *Service) Run(ctx context.Context, actor cron.Actor, jobID int64, planned time.Time) (cron.Run, error) {
	if err := s.allow(&actor, UseGetRun); err != nil {
		return cron.Run{}, err
	}
	return s.store.RequestedRun(ctx, actor.Account.ID, jobID, planned)
}
