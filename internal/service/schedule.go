package service

import (
	"context"
	"errors"
	"time"

	"punctual/internal/cron"
)

// MaxPreview is the largest number of occurrences in a preview.
const MaxPreview = 100

// PreviewRequest is a schedule to preview.
type PreviewRequest struct {
	Schedule cron.Schedule
	RunAt    time.Time // for a one-time job; zero for a schedule
	From     time.Time
	Count    int // occurrences, at most MaxPreview
}

// SchedulePreview is the next occurrences of a schedule, and its description.
type SchedulePreview struct {
	cron.Preview
	Words   string // in the language of the actor
	Crontab string // as a crontab line; empty when there is none, as for a one-time job
}

// PreviewSchedule shows the next occurrences of the schedule that fill makes of the default one, from now or from the
// time that fill sets. With the ID of a job it begins with the schedule of that job, and shows what the job would do: with its delay, none
// while it is paused, and with the maintenance windows that it is in then. The error is of kind Invalid for an invalid schedule, and of kind
// NotFound when the account has no such job.
func (s *Service) PreviewSchedule(ctx context.Context, now time.Time, actor cron.Actor, jobID int64, fill func(*PreviewRequest) error) (SchedulePreview, error) {
	if err := s.allow(&actor, UsePreview); err != nil {
		return SchedulePreview{}, err
	}
	r, job := PreviewRequest{Schedule: cron.NewSchedule(), From: now}, cron.Job{}
	if jobID != 0 {
		record, err := s.store.Job(ctx, actor.Account.ID, jobID)
		if err != nil {
			return SchedulePreview{}, err
		}
		job = record.Job
		r.Schedule, r.RunAt = job.Schedule, job.Timing.RunAt
	}
	err := fill(&r)
	if err != nil && cron.KindOf(err) != cron.Invalid {
		return SchedulePreview{}, err
	}
	r.Schedule.Normalize()
	var c cron.Checker
	r.Schedule.Check(&c, "")
	if err := cron.JoinProblems(err, c.Err()); err != nil {
		return SchedulePreview{}, err
	}
	p := SchedulePreview{Words: language(&actor).Schedule(&r.Schedule, r.RunAt)}
	if r.RunAt.IsZero() {
		p.Crontab, _ = r.Schedule.Crontab()
	}
	job.Schedule, job.Timing.RunAt = r.Schedule, r.RunAt
	p.Preview = job.Preview(r.From, min(r.Count, MaxPreview))
	if jobID == 0 {
		return p, nil
	}
	return p, s.markWindows(ctx, &job, actor.Account.ID, &p.Preview)
}

// JobPreview is what lies ahead of a job that is being edited.
type JobPreview struct {
	SchedulePreview
	TooOften cron.Problem // RuleTooOften when the plan does not allow the schedule, and RuleNone when it does
	Beside   int          // other jobs of the account that start at the first occurrence, at least
}

// PreviewJob shows the next occurrences of a job that is being edited, with the maintenance windows that it is in then, and what is to be
// known about them. The ID of a new job is 0. Occurrences are those of the schedule, without the delay of a spread, from the end of a pause on. The error is of kind Invalid for an
// invalid schedule.
func (s *Service) PreviewJob(ctx context.Context, now time.Time, actor cron.Actor, job *cron.Job, count int) (JobPreview, error) {
	var p JobPreview
	var err error
	schedule, timing := job.Schedule, &job.Timing
	p.SchedulePreview, err = s.PreviewSchedule(ctx, now, actor, 0, func(r *PreviewRequest) error {
		r.Schedule, r.RunAt, r.Count = schedule, timing.RunAt, count
		if timing.Paused(now) {
			r.From = timing.PausedUntil
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	if timing.RunAt.IsZero() {
		if e, ok := errors.AsType[*cron.Error](schedule.CheckSpacing(s.planOf(actor.Account).MinInterval)); ok {
			p.TooOften = e.Problems[0]
		}
	}
	if len(p.Runs) > 0 && timing.Spread == 0 {
		if p.Beside, err = s.store.DueBeside(ctx, actor.Account.ID, job.ID, p.Runs[0].At); err != nil {
			return p, err
		}
	}
	return p, s.markWindows(ctx, job, actor.Account.ID, &p.Preview)
}

// markWindows notes the maintenance windows of an account in a preview of a job.
func (s *Service) markWindows(ctx context.Context, job *cron.Job, accountID int64, p *cron.Preview) error {
	if len(p.Runs) == 0 {
		return nil
	}
	windows, err := s.maintenanceOf(ctx, accountID)
	if err == nil {
		windows.Mark(job, p)
	}
	return err
}
