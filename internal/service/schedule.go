package service

import (
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
