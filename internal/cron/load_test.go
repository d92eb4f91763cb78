package cron_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
)

// loadOf counts the occurrences of jobs one by one, as the scheduler would run them.
func loadOf(jobs []cron.Job, from time.Time, zone *time.Location) (day []int, week [168]int) {
	day = make([]int, cron.LoadMinutes)
	for i := range jobs {
		end := from.Add(7 * 24 * time.Hour)
		for at := jobs[i].OccurrenceAfter(from.Add(-1)); !at.IsZero() && at.Before(end); at = jobs[i].OccurrenceAfter(at) {
			local := at.In(zone)
			week[(int(local.Weekday())+6)%7*24+local.Hour()]++
			if minute := int(at.Sub(from) / time.Minute); minute < cron.LoadMinutes {
				day[minute]++
			}
		}
	}
	return day, week
}

// TestLoadCountsWhatTheSchedulerRuns compares the load of random jobs with their occurrences.
func TestLoadCountsWhatTheSchedulerRuns(t *testing.T) {
	from := time.Date(2026, 10, 24, 22, 17, 0, 0, time.UTC) // a change of the clocks in Europe follows
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Asia/Kolkata"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		jobs := make([]cron.Job, rapid.IntRange(0, 8).Draw(t, "jobs"))
		for i := range jobs {
			j := &jobs[i]
			*j = cron.NewJob()
			j.ID, j.Enabled = int64(i+1), true
			j.Request.URL = rapid.SampledFrom([]string{"http://a.example/", "http://b.example:8080/x"}).Draw(t, "url")
			j.Schedule.Timezone = rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Australia/Lord_Howe"}).Draw(t, "timezone")
			j.Schedule.Minutes = cron.SetOf(rapid.SliceOfN(rapid.IntRange(0, 59), 1, 3).Draw(t, "minutes")...)
			j.Schedule.Hours, j.Schedule.MonthDays = cron.Every, cron.Every
			j.Schedule.Months, j.Schedule.Weekdays = cron.Every, cron.SetOf(rapid.SliceOfN(rapid.IntRange(0, 6), 1, 3).Draw(t, "wdays")...)
			switch rapid.IntRange(0, 4).Draw(t, "timing") {
			case 1:
				j.Timing.Spread = time.Duration(rapid.IntRange(1, 3600).Draw(t, "spread")) * time.Second
			case 2:
				j.Timing.PausedUntil = from.Add(time.Duration(rapid.IntRange(-5, 90).Draw(t, "paused")) * time.Hour)
			case 3:
				j.Timing.RunAt = from.Add(time.Duration(rapid.IntRange(-1, 200).Draw(t, "at")) * time.Hour)
			}
		}
		ahead := cron.PlanAhead(jobs, nil, from.Add(30*time.Second), 180)
		for minute, n := range ahead.Minutes {
			want, start := 0, from.Add(time.Duration(minute)*time.Minute)
			for i := range jobs {
				for at := jobs[i].OccurrenceAfter(start.Add(-1)); !at.IsZero() && at.Before(start.Add(time.Minute)); at = jobs[i].OccurrenceAfter(at) {
					if !at.Before(from.Add(30 * time.Second)) {
						want++
					}
				}
			}
			if n != want {
				t.Errorf("minute %d has %d, want %d", minute, n, want)
			}
		}
		checkPaused(t, jobs, from.Add(30*time.Second))
		load := cron.PlanLoad(jobs, cron.LoadQuery{From: from.Add(30 * time.Second), Timezone: zone.String(), Spread: time.Minute})
		day, week := loadOf(jobs, from, zone)
		if fmt.Sprint(load.Day) != fmt.Sprint(day) {
			t.Errorf("a day has %v, want %v", load.Day, day)
		}
		if load.Week != week {
			t.Errorf("a week has %v, want %v", load.Week, week)
		}
		inDay, inWeek := 0, 0
		for _, h := range load.Hosts {
			inDay, inWeek = inDay+h.Day, inWeek+h.Week
		}
		if inDay != sum(day) || inWeek != sum(week[:]) || load.Jobs != len(jobs) || load.Passed != 0 {
			t.Errorf("the hosts have %d and %d, %d jobs counted; want %d and %d", inDay, inWeek, load.Jobs, sum(day), sum(week[:]))
		}
		for i := range jobs {
			jobs[i].Timing.Spread = time.Minute
		}
		if spread, _ := loadOf(jobs, from, zone); fmt.Sprint(load.Spread) != fmt.Sprint(spread) {
			t.Errorf("spread over a minute, a day has %v, want %v", load.Spread, spread)
		}
	})
}

func sum(counts []int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}

// TestLoadOfOneHost leaves out the jobs that call others.
func TestLoadOfOneHost(t *testing.T) {
	jobs := make([]cron.Job, 3)
	for i := range jobs {
		jobs[i] = minutely(int64(i+1), fmt.Sprintf("https://host%d.example/", i%2))
	}
	load := cron.PlanLoad(jobs, cron.LoadQuery{From: time.Unix(1e9, 0), Timezone: "UTC", Host: "host0.example"})
	if load.Jobs != 2 || len(load.Hosts) != 1 || load.Hosts[0].Day != 2*cron.LoadMinutes || load.Day[7] != 2 {
		t.Errorf("two jobs that run every minute are %d jobs, %+v, %d in a minute", load.Jobs, load.Hosts, load.Day[7])
	}
}

// TestLoadIsBounded plans more occurrences than are counted: every job is counted or named as passed.
func TestLoadIsBounded(t *testing.T) {
	jobs := make([]cron.Job, 100)
	for i := range jobs {
		jobs[i] = minutely(int64(i+1), "https://a.example/")
		jobs[i].Schedule.Seconds = cron.Every
		jobs[i].Schedule.ExpiresAt = 30000101000000 + int64(i) // a hundred different schedules
	}
	load := cron.PlanLoad(jobs, cron.LoadQuery{From: time.Unix(1e9, 0), Timezone: "UTC"})
	if load.Jobs+load.Passed != len(jobs) || load.Passed == 0 {
		t.Errorf("%d jobs were counted and %d passed over, of %d", load.Jobs, load.Passed, len(jobs))
	}
}

func minutely(id int64, url string) cron.Job {
	j := cron.NewJob()
	j.ID, j.Request.URL = id, url
	s := &j.Schedule
	s.Minutes, s.Hours, s.MonthDays, s.Months, s.Weekdays = cron.Every, cron.Every, cron.Every, cron.Every, cron.Every
	return j
}

// BenchmarkPlanLoad is that of 100,000 jobs: half of them run every minute, and the others daily at a time of their own.
func BenchmarkPlanLoad(b *testing.B) {
	jobs := make([]cron.Job, 100_000)
	for i := range jobs {
		jobs[i] = minutely(int64(i+1), fmt.Sprintf("https://host%d.example/", i%500))
		if i%2 == 0 {
			jobs[i].Schedule.Minutes, jobs[i].Schedule.Hours = cron.SetOf(i%60), cron.SetOf(i/60%24)
		}
	}
	for _, spread := range []time.Duration{0, time.Minute} {
		b.Run(fmt.Sprint("spread=", spread), func(b *testing.B) {
			for b.Loop() {
				cron.PlanLoad(jobs, cron.LoadQuery{From: time.Unix(1e9, 0), Timezone: "UTC", Spread: spread})
			}
		})
	}
}

// checkPaused plans jobs with maintenance windows, and compares that with a look at each occurrence.
func checkPaused(t *rapid.T, jobs []cron.Job, from time.Time) {
	var windows []cron.MaintenanceWindow
	for i := range rapid.IntRange(0, 4).Draw(t, "windows") {
		w := cron.MaintenanceWindow{ID: int64(i + 1), Effect: rapid.SampledFrom([]cron.MaintenanceEffect{cron.MaintenancePause, cron.MaintenanceSilence}).Draw(t, "effect")}
		switch rapid.IntRange(0, 3).Draw(t, "whom") {
		case 1:
			w.JobIDs = []int64{1, 3}
		case 2:
			w.FolderIDs = []int64{7}
		case 3:
			w.Tags = []string{"SHOP"}
		}
		if rapid.Bool().Draw(t, "once") {
			w.Start = from.Add(time.Duration(rapid.IntRange(-200, 200).Draw(t, "start")) * time.Minute)
			w.End = w.Start.Add(time.Duration(rapid.IntRange(1, 200).Draw(t, "length")) * time.Minute)
		} else {
			w.Schedule = cron.NewSchedule()
			w.Schedule.Minutes, w.Schedule.Hours = cron.SetOf(rapid.SliceOfN(rapid.IntRange(0, 59), 1, 3).Draw(t, "starts")...), cron.Every
			w.Schedule.MonthDays, w.Schedule.Months, w.Schedule.Weekdays = cron.Every, cron.Every, cron.Every
			w.Duration = time.Duration(rapid.IntRange(1, 90).Draw(t, "duration")) * time.Minute
		}
		windows = append(windows, w)
	}
	for i := range jobs {
		jobs[i].FolderID, jobs[i].Tags = int64(7*(i%2)), []string{"shop", "x"}[i%2:i%2+1]
	}
	maintenance := cron.NewMaintenance(windows)
	ahead := cron.PlanAhead(jobs, maintenance, from, 180)
	want, start := make([]int, 180), from.Truncate(time.Minute)
	for i := range jobs {
		for at := jobs[i].OccurrenceAfter(from.Add(-1)); !at.IsZero() && at.Before(start.Add(3*time.Hour)); at = jobs[i].OccurrenceAfter(at) {
			if _, paused := maintenance.Paused(&jobs[i], at); !paused {
				want[at.Sub(start)/time.Minute]++
			}
		}
	}
	if !slices.Equal(ahead.Minutes, want) || ahead.Passed != 0 {
		t.Errorf("with maintenance: %v, want %v, %d were not counted", ahead.Minutes, want, ahead.Passed)
	}
}
