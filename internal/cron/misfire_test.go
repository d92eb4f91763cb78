package cron

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDecide(t *testing.T) {
	const (
		minutely = "* * * * *"
		hourly   = "30 * * * *"
		daily    = "0 3 * * *"
		weekly   = "0 3 * * 1"
		monday   = "2026-03-02T03:00:00Z"
	)
	for _, test := range []struct {
		name         string
		zone, line   string
		policy       func(*Policy)
		planned, now string
		run, next    string // "" for none
		first, last  string
		count        int64
	}{
		{
			name: "in its instant", zone: "UTC", line: daily,
			planned: monday, now: "2026-03-02T03:00:00Z", run: monday, next: "2026-03-03T03:00:00Z",
		},
		{
			name: "a little late", zone: "UTC", line: daily,
			planned: monday, now: "2026-03-02T03:00:05Z", run: monday, next: "2026-03-03T03:00:00Z",
		},
		{
			name: "the default grace is an hour at most", zone: "UTC", line: daily,
			planned: monday, now: "2026-03-02T04:00:00Z", run: monday, next: "2026-03-03T03:00:00Z",
		},
		{
			name: "later than that is missed", zone: "UTC", line: daily,
			planned: monday, now: "2026-03-02T04:00:01Z", next: "2026-03-03T03:00:00Z",
			first: monday, last: monday, count: 1,
		},
		{
			name: "the default grace is the time to the next slot", zone: "UTC", line: minutely,
			planned: monday, now: "2026-03-02T03:00:59Z", run: monday, next: "2026-03-02T03:01:00Z",
		},
		{
			name: "at the next slot that one runs", zone: "UTC", line: minutely,
			planned: monday, now: "2026-03-02T03:01:00Z", run: "2026-03-02T03:01:00Z", next: "2026-03-02T03:02:00Z",
			first: monday, last: monday, count: 1,
		},
		{
			name: "of a gap the latest runs", zone: "UTC", line: hourly,
			planned: "2026-03-02T03:30:00Z", now: "2026-03-02T09:29:59Z", run: "2026-03-02T08:30:00Z",
			next: "2026-03-02T09:30:00Z", first: "2026-03-02T03:30:00Z", last: "2026-03-02T07:30:00Z", count: 5,
		},
		{
			name: "or is missed like the others", zone: "UTC", line: daily,
			planned: monday, now: "2026-03-05T12:00:00Z", next: "2026-03-06T03:00:00Z",
			first: monday, last: "2026-03-05T03:00:00Z", count: 4,
		},
		{
			name: "unless it is to run however late it is", zone: "UTC", line: daily,
			policy:  func(p *Policy) { p.Misfire = MisfireRun },
			planned: monday, now: "2026-03-05T12:00:00Z", run: "2026-03-05T03:00:00Z", next: "2026-03-06T03:00:00Z",
			first: monday, last: "2026-03-04T03:00:00Z", count: 3,
		},
		{
			name: "a grace of its own, within", zone: "UTC", line: weekly,
			policy:  func(p *Policy) { p.Grace = 48 * time.Hour },
			planned: monday, now: "2026-03-04T03:00:00Z", run: monday, next: "2026-03-09T03:00:00Z",
		},
		{
			name: "a grace of its own, beyond", zone: "UTC", line: weekly,
			policy:  func(p *Policy) { p.Grace = 48 * time.Hour },
			planned: monday, now: "2026-03-04T03:00:01Z", next: "2026-03-09T03:00:00Z",
			first: monday, last: monday, count: 1,
		},
		{
			name: "a grace that is shorter than the default", zone: "UTC", line: daily,
			policy:  func(p *Policy) { p.Grace = time.Minute },
			planned: monday, now: "2026-03-02T03:01:01Z", next: "2026-03-03T03:00:00Z",
			first: monday, last: monday, count: 1,
		},
		{
			name: "without a grace it runs in its second", zone: "UTC", line: daily,
			policy:  func(p *Policy) { p.Grace = 0 },
			planned: monday, now: "2026-03-02T03:00:00.999Z", run: monday, next: "2026-03-03T03:00:00Z",
		},
		{
			name: "without a grace it does not run in the next", zone: "UTC", line: daily,
			policy:  func(p *Policy) { p.Grace = 0 },
			planned: monday, now: "2026-03-02T03:00:01Z", next: "2026-03-03T03:00:00Z",
			first: monday, last: monday, count: 1,
		},
		{
			name: "clocks that go forward leave no hour to be missed", zone: "Europe/Berlin", line: "30 * * * *",
			planned: "2026-03-28T23:30:00Z", now: "2026-03-29T02:00:00Z", run: "2026-03-29T01:30:00Z",
			next: "2026-03-29T02:30:00Z", first: "2026-03-28T23:30:00Z", last: "2026-03-29T00:30:00Z", count: 2,
		},
	} {
		j := NewJob()
		j.Enabled, j.Schedule = true, scheduleOf(t, test.zone, test.line)
		if test.policy != nil {
			test.policy(&j.Policy)
		}
		want := Decision{Missed: OccurrenceRange{Count: test.count}}
		for _, field := range []struct {
			t    *time.Time
			text string
		}{{&want.Run, test.run}, {&want.Next, test.next}, {&want.Missed.First, test.first}, {&want.Missed.Last, test.last}} {
			if field.text != "" {
				*field.t = instant(t, field.text)
			}
		}
		if got := j.Decide(instant(t, test.planned), instant(t, test.now)); got != want {
			t.Errorf("%s:\n%+v, want\n%+v", test.name, got, want)
		}
	}
}

// TestDecideLastOccurrence checks a schedule that has come to its end.
func TestDecideLastOccurrence(t *testing.T) {
	j := NewJob()
	j.Enabled = true
	j.Schedule = Schedule{
		Timezone: "UTC", ExpiresAt: 20260302030000, Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(3),
		MonthDays: Every, Months: Every, Weekdays: Every,
	}
	last := instant(t, "2026-03-02T03:00:00Z")
	if got, want := j.Decide(last, last.Add(LongestDefaultGrace)), (Decision{Run: last}); got != want {
		t.Errorf("within the hour: %+v, want %+v", got, want)
	}
	missed := Decision{Missed: OccurrenceRange{First: last, Last: last, Count: 1}}
	if got := j.Decide(last, last.Add(LongestDefaultGrace+time.Second)); got != missed {
		t.Errorf("later: %+v, want %+v", got, missed)
	}
	first := last.AddDate(0, 0, -3)
	missed.Missed.First, missed.Missed.Count = first, 4
	if got := j.Decide(first, last.AddDate(1, 0, 0)); got != missed {
		t.Errorf("a year later: %+v, want %+v", got, missed)
	}
}

// countedGaps bounds how many occurrences a test goes through one by one.
const countedGaps = 5_000

// TestDecideAndBacklog compares with going through the occurrences one by one, for random schedules, gaps and policies.
func TestDecideAndBacklog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := NewJob()
		j.Enabled, j.Schedule = true, drawSchedule(t)
		if rapid.Bool().Draw(t, "dense") {
			j.Schedule.Months, j.Schedule.Weekdays, j.Schedule.MonthDays = Every, Every, Every
		}
		start := time.Unix(drawInstant(t, j.Schedule.Timezone), 0)
		planned, ok := j.Schedule.Next(start)
		if !ok {
			t.Skip("no occurrence")
		}
		occurrences := gap(&j.Schedule, planned, rapid.IntRange(1, countedGaps).Draw(t, "occurrences"))
		last := occurrences[len(occurrences)-1]
		if rapid.IntRange(0, 3).Draw(t, "expires") == 0 {
			zone, err := LoadZone(j.Schedule.Timezone)
			if err != nil {
				t.Fatal(err)
			}
			j.Schedule.ExpiresAt = digitsOf(rapid.SampledFrom(occurrences).Draw(t, "expiry").In(zone))
			occurrences = gap(&j.Schedule, planned, len(occurrences))
			last = occurrences[len(occurrences)-1]
		}
		// Now is somewhere before the occurrence that follows.
		next := j.NextAfter(last)
		room := 48 * time.Hour
		if !next.IsZero() {
			room = min(room, next.Sub(last))
		}
		now := last.Add(time.Duration(rapid.Int64Range(0, int64(room)-1).Draw(t, "late")))
		j.Policy.Misfire = Misfire(rapid.IntRange(0, 1).Draw(t, "misfire"))
		graces := []time.Duration{UnsetGrace, 0, time.Second, time.Minute, 2 * time.Hour}
		j.Policy.Grace = rapid.SampledFrom(graces).Draw(t, "grace")

		all := OccurrenceRange{First: planned, Last: last, Count: int64(len(occurrences))}
		want := Decision{Run: last, Next: next}
		grace := j.Policy.Grace
		if grace < 0 {
			grace = time.Hour
			if !next.IsZero() {
				grace = min(grace, next.Sub(last))
			}
		}
		switch n := len(occurrences); {
		case now.Sub(last).Truncate(time.Second) > grace && j.Policy.Misfire == MisfireSkip:
			want.Run, want.Missed = time.Time{}, all
		case n > 1:
			want.Missed = OccurrenceRange{First: planned, Last: occurrences[n-2], Count: int64(n - 1)}
		}
		if got := j.Decide(planned, now); got != want {
			t.Fatalf("Decide(%v, %v) =\n%+v, want\n%+v", planned, now, got, want)
		}
		if got := j.Backlog(planned, now); got != all {
			t.Fatalf("Backlog(%v, %v) =\n%+v, want\n%+v", planned, now, got, all)
		}
	})
}

// gap goes through occurrences one by one, from the first and at most most of them.
func gap(s *Schedule, first time.Time, most int) []time.Time {
	occurrences := []time.Time{first}
	for len(occurrences) < most {
		next, ok := s.Next(occurrences[len(occurrences)-1])
		if !ok {
			break
		}
		occurrences = append(occurrences, next)
	}
	return occurrences
}

// TestBacklogLong checks that long gaps of common schedules are counted to their end, and that others say so.
func TestBacklogLong(t *testing.T) {
	from := instant(t, "2025-01-01T00:00:00Z")
	for _, test := range []struct {
		zone, line string
		years      int
	}{
		{"UTC", "* * * * *", 1},
		{"Europe/Berlin", "*/5 * * * *", 1},
		{"Australia/Lord_Howe", "*/20 8-17 * * 1-5", 2},
		{"America/St_Johns", "0 * * * *", 2},
		{"UTC", "0 3 * * *", 50},
	} {
		j := Job{Schedule: scheduleOf(t, test.zone, test.line)}
		planned, _ := j.Schedule.Next(from)
		now := from.AddDate(test.years, 0, 0)
		want := OccurrenceRange{First: planned}
		for at, ok := planned, true; ok && !at.After(now); at, ok = j.Schedule.Next(at) {
			want.Last = at
			want.Count++
		}
		if got := j.Backlog(planned, now); got != want {
			t.Errorf("%s: %+v, want %+v", test.line, got, want)
		}
	}

	j := Job{Schedule: NewSchedule()}
	j.Schedule.Minutes, j.Schedule.Hours = SetOf(0), Every
	j.Schedule.MonthDays, j.Schedule.Months, j.Schedule.Weekdays = Every, Every, Every
	planned, _ := j.Schedule.Next(from)
	got := j.Backlog(planned, from.AddDate(10, 0, 0))
	if !got.AtLeast || got.Count < maxCounted || got.Count > 10*366*24 {
		t.Errorf("ten years of hours: %+v, want at least %d of them", got, maxCounted)
	}
	if want := from.AddDate(10, 0, 0); !got.Last.Equal(want) {
		t.Errorf("the last of ten years of hours is %v, want %v", got.Last, want)
	}
}

// TestBacklogOfDisabled checks that the schedule counts whether or not the job is enabled still.
func TestBacklogOfDisabled(t *testing.T) {
	j := NewJob()
	j.Schedule = Schedule{
		Timezone: "UTC", Seconds: SetOf(0), Minutes: Every, Hours: Every, MonthDays: Every, Months: Every, Weekdays: Every,
	}
	first := instant(t, "2026-03-02T03:00:00Z")
	want := OccurrenceRange{First: first, Last: first.Add(5 * time.Minute), Count: 6}
	if got := j.Backlog(first, first.Add(6*time.Minute-time.Millisecond)); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
