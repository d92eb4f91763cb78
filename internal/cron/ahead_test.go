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
	a := cron.PlanAhead(jobs, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 180)
	if a.Passed != 999 || a.Total() != 180*60 {
		t.Errorf("%d jobs were not counted, %d occurrences", a.Passed, a.Total())
	}
	for i := range jobs { // one schedule, with delays
		jobs[i].Schedule.ExpiresAt, jobs[i].Timing.Spread = 0, time.Second
	}
	if a := cron.PlanAhead(jobs, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 180); a.Passed != 1000 || a.Total() != 0 {
		t.Errorf("with delays: %d jobs were not counted, %d occurrences", a.Passed, a.Total())
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
		cron.PlanAhead(jobs, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 180)
	}
}
