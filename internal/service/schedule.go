package service

import (
	"time"

	"punctual/internal/cron"
)

// MaxPreview is how many occurrences a preview shows at most.
const MaxPreview = 100

// PreviewRequest asks what a schedule would do.
type PreviewRequest struct {
	Schedule cron.Schedule
	RunAt    time.Time // of a one-time job; zero for the schedule
	From     time.Time
	Count    int // of occurrences, at most MaxPreview
}

// SchedulePreview is what a schedule would do, and how it reads.
type SchedulePreview struct {
	cron.Preview
	Words   string // in the language of the actor
	Crontab string // as a crontab line; empty when it has none, and of a one-time job
}

// PreviewSchedule shows what the schedule does that fill makes of the default one, from now on or from when fill says. The
// error is of kind Invalid when it cannot be one.
func (s *Service) PreviewSchedule(now time.Time, actor cron.Actor, fill func(*PreviewRequest) error) (SchedulePreview, error) {
	if err := allow(&actor, UsePreview); err != nil {
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
	if err := mergeProblems(err, c.Err()); err != nil {
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
