package cron

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCloserThan(t *testing.T) {
	daily := NewSchedule()
	daily.Minutes, daily.Hours, daily.MonthDays, daily.Months, daily.Weekdays = SetOf(0), SetOf(5), Every, Every, Every
	with := func(edit func(*Schedule)) Schedule {
		s := daily
		edit(&s)
		return s
	}
	midnights := func(edit func(*Schedule)) Schedule {
		return with(func(s *Schedule) {
			s.Hours, s.Minutes, s.Seconds = SetOf(0, 23), SetOf(0, 59), SetOf(0, 50)
			edit(s)
		})
	}
	for _, tt := range []struct {
		name     string
		schedule Schedule
		least    time.Duration
		want     time.Duration // 0 when no two are closer than least
	}{
		{"daily", daily, 24 * time.Hour, 0},
		{"twice a day", with(func(s *Schedule) { s.Hours = SetOf(5, 7) }), 3 * time.Hour, 2 * time.Hour},
		{"across midnight", with(func(s *Schedule) { s.Hours = SetOf(1, 23) }), 3 * time.Hour, 2 * time.Hour},
		{"exactly as far apart", with(func(s *Schedule) { s.Hours = SetOf(5, 7) }), 2 * time.Hour, 0},
		{"every minute", with(func(s *Schedule) { s.Hours, s.Minutes = Every, Every }), time.Minute, 0},
		{"every minute, too often", with(func(s *Schedule) { s.Hours, s.Minutes = Every, Every }), 2 * time.Minute, time.Minute},
		{"every second", with(func(s *Schedule) { s.Hours, s.Minutes, s.Seconds = Every, Every, Every }), time.Minute, time.Second},
		{"every second, as allowed", with(func(s *Schedule) { s.Hours, s.Minutes, s.Seconds = Every, Every, Every }), time.Second, 0},
		{"across a minute", with(func(s *Schedule) { s.Minutes, s.Seconds = SetOf(1, 2), SetOf(5, 55) }), time.Minute, 10 * time.Second},
		{"across an hour", with(func(s *Schedule) { s.Hours, s.Minutes = SetOf(4, 5), SetOf(0, 59) }), 5 * time.Minute, time.Minute},
		{"no times", with(func(s *Schedule) { s.Minutes = 0 }), time.Hour, 0},
		{"no days", with(func(s *Schedule) { s.Seconds, s.MonthDays, s.Weekdays = Every, 0, 0 }), time.Hour, 0},
		{"31 February", with(func(s *Schedule) { s.Seconds, s.MonthDays, s.Months = Every, SetOf(31), SetOf(2) }), time.Hour, 0},
		{"midnight of one day a week", midnights(func(s *Schedule) { s.Weekdays = SetOf(1) }), 10 * time.Second, 0},
		{"midnight of two days in a row", midnights(func(s *Schedule) { s.Weekdays = SetOf(6, 0) }), 30 * time.Second, 10 * time.Second},
		{"28 February and 1 March", with(func(s *Schedule) {
			s.Hours, s.MonthDays, s.Months = SetOf(0, 23), SetOf(28, 1), SetOf(2, 3)
		}), 2 * time.Hour, time.Hour},
		{"29 February and 1 April", with(func(s *Schedule) {
			s.Hours, s.MonthDays, s.Months = SetOf(0, 23), SetOf(29, 1), SetOf(2, 4)
		}), 2 * time.Hour, 0},
		{"the 10th, or a Sunday", with(func(s *Schedule) {
			s.Hours, s.MonthDays, s.Months, s.Weekdays = SetOf(0, 23), SetOf(10), SetOf(2), SetOf(0)
		}), 2 * time.Hour, time.Hour},
	} {
		apart, closer := tt.schedule.CloserThan(tt.least)
		if closer != (tt.want > 0) || closer && apart != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.name, apart, closer, tt.want)
		}
	}
}

// TestCloserThanNext compares with the occurrences of some years.
func TestCloserThanNext(t *testing.T) {
	closer := 0
	rapid.Check(t, func(r *rapid.T) {
		set := func(name string, high int) Set {
			if rapid.IntRange(0, 2).Draw(r, name+", every") == 0 {
				return Every
			}
			return SetOf(rapid.SliceOfN(rapid.IntRange(0, high), 0, 3).Draw(r, name)...)
		}
		s := Schedule{
			Timezone: "UTC", Seconds: SetOf(rapid.SliceOfN(rapid.IntRange(0, 59), 1, 3).Draw(r, "seconds")...),
			Minutes: SetOf(rapid.SliceOfN(rapid.IntRange(0, 59), 1, 3).Draw(r, "minutes")...), Hours: set("hours", 23),
			MonthDays: set("days", 31), Months: set("months", 12), Weekdays: set("weekdays", 6),
		}
		least := time.Duration(rapid.IntRange(1, 24*60*60).Draw(r, "least")) * time.Second
		apart, ok := s.CloserThan(least)
		if ok {
			closer++
		}
		if ok && (apart >= least || apart < time.Second) {
			r.Fatalf("%v is not closer than %v", apart, least)
		}
		start := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		last, found := s.Next(start)
		for range 2000 {
			if !found {
				break
			}
			var next time.Time
			if next, found = s.Next(last); !found {
				break
			}
			if next.Sub(last) < least && !ok {
				r.Fatalf("%v and %v are closer together than %v", last, next, least)
			}
			last = next
		}
	})
	if closer == 0 {
		t.Error("no schedule was too close")
	}
}

func BenchmarkCloserThan(b *testing.B) {
	s := NewSchedule()
	s.Seconds, s.Minutes, s.Hours = SetOf(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), Every, Every
	s.MonthDays, s.Months, s.Weekdays = SetOf(31), Every, Every
	for b.Loop() {
		s.CloserThan(2 * time.Second)
	}
}
