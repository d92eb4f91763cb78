package cron_test

import (
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestPlanAheadIsBounded plans jobs that are due each second, each with a schedule of its own, and says how many it did not count.
func TestPlanAheadIsBounded(t *testing.T) {
	jobs := make([]cron.Job, 1000)
	for i := range jobs {
		j := &jobs[i]
		*j = cron.NewJob()
		j.ID = int64(i + 1)
		j.Schedule.Seconds, j.Schedule.Minutes, j.Schedule.Hours = cron.Every, cron.Every, cron.Every
		j.Schedule.MonthDays, j.Schedule.Months, j.Schedule.Weekdays = cron.Every, cron.Every, cron.Every
		j.Schedule.ExpiresAt = 20990101000000 + int64(i)
	}
	a := cron.PlanAhead(jobs, nil, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 180)
	if a.Passed != 999 || a.Total() != 180*60 {
		t.Errorf("%d jobs were not counted, %d occurrences", a.Passed, a.Total())
	}
	for i := range jobs { // one schedule, with delays
		jobs[i].Schedule.ExpiresAt, jobs[i].Timing.Spread = 0, time.Second
	}
	if a := cron.PlanAhead(jobs, nil, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 180); a.Passed != 1000 || a.Total() != 0 {
		t.Errorf("with delays: %d jobs were not counted, %d occurrences", a.Passed, a.Total())
	}
}

// TestPlanAheadOfWindowsIsBounded has more maintenance than is worked out.
func TestPlanAheadOfWindowsIsBounded(t *testing.T) {
	job := cron.NewJob()
	job.ID, job.Schedule.Minutes, job.Schedule.Hours = 1, cron.SetOf(0), cron.Every
	job.Schedule.MonthDays, job.Schedule.Months, job.Schedule.Weekdays = cron.Every, cron.Every, cron.Every
	windows := make([]cron.MaintenanceWindow, cron.MaxMaintenanceWindows)
	for i := range windows {
		w := &windows[i]
		w.ID, w.Effect, w.Duration, w.Schedule = int64(i+1), cron.MaintenancePause, time.Second, cron.NewSchedule()
		w.Schedule.Seconds, w.Schedule.Minutes, w.Schedule.Hours = cron.SetOf(i%30, i%30+30), cron.Every, cron.Every
		w.Schedule.MonthDays, w.Schedule.Months, w.Schedule.Weekdays = cron.Every, cron.Every, cron.Every
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if a := cron.PlanAhead([]cron.Job{job}, cron.NewMaintenance(windows), from, 180); a.Passed != 1 || a.Total() != 0 {
		t.Errorf("%d jobs were not counted, %d occurrences", a.Passed, a.Total())
	}
	if a := cron.PlanAhead([]cron.Job{job}, cron.NewMaintenance(windows[1:2]), from, 180); a.Passed != 0 || a.Total() != 3 {
		t.Errorf("beside a window: %d jobs were not counted, %d occurrences", a.Passed, a.Total())
	}
}

func BenchmarkPlanAhead(b *testing.B) {
	jobs := make([]cron.Job, 1000)
	for i := range jobs {
		j := &jobs[i]
		*j = cron.NewJob()
		j.ID = int64(i + 1)
		j.Schedule.Minutes, j.Schedule.Hours = cron.SetOf(i%60, (i+30)%60), cron.SetOf(i%24, (i+1)%24, (i/24+5)%24)
		j.Schedule.MonthDays, j.Schedule.Months, j.Schedule.Weekdays = cron.Every, cron.Every, cron.Every
		if i%2 == 0 {
			j.Timing.Spread = time.Minute
		}
	}
	for b.Loop() {
		cron.PlanAhead(jobs, nil, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 180)
	}
}
