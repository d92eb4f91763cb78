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
// time that fill sets. The error is of kind Invalid for an invalid schedule.
func (s *Service) PreviewSchedule(now time.Time, actor cron.Actor, fill func(*PreviewRequest) error) (SchedulePreview, error) {
	if err := s.allow(&actor, UsePreview); err != nil {
		return SchedulePreview{}, err
	}
	r := PreviewRequest{Schedule: cron.NewSchedule(), From: now}
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
	if !r.RunAt.IsZero() {
		p.Preview = r.Schedule.PreviewOneTime(r.RunAt, r.From)
		return p, nil
	}
	p.Preview = r.Schedule.Preview(r.From, min(r.Count, MaxPreview))
	p.Crontab, _ = r.Schedule.Crontab()
	return p, nil
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
	p.SchedulePreview, err = s.PreviewSchedule(now, actor, func(r *PreviewRequest) error {
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
	windows, err := s.store.JobWindows(ctx, accountID)
	if len(windows) > 0 {
		cron.NewMaintenance(windows).Mark(job, p)
	}
	return err
}
