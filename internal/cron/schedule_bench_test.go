package cron

import (
	"maps"
	"slices"
	"testing"
)

// benchmarkSchedules are the common ones and those that take Next longest.
var benchmarkSchedules = map[string]Schedule{
	"every minute": {
		Timezone: "Europe/Berlin", Seconds: SetOf(0), Minutes: Every, Hours: Every,
		MonthDays: Every, Months: Every, Weekdays: Every,
	},
	"daily": {
		Timezone: "Europe/Berlin", Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(3),
		MonthDays: Every, Months: Every, Weekdays: Every,
	},
	"working hours": {
		Timezone: "America/New_York", Seconds: SetOf(0), Minutes: SetOf(0, 15, 30, 45), Hours: setRange(9, 17),
		MonthDays: Every, Months: Every, Weekdays: setRange(1, 5),
	},
	"leap day": {
		Timezone: "Europe/Berlin", Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(3),
		MonthDays: SetOf(29), Months: SetOf(2), Weekdays: Every,
	},
	"31 February": {
		Timezone: "Europe/Berlin", Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(3),
		MonthDays: SetOf(30, 31), Months: SetOf(2), Weekdays: Every,
	},
	"leap day that is a Monday": {
		Timezone: "Europe/Berlin", Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(3),
		MonthDays: SetOf(29), Months: SetOf(2), Weekdays: SetOf(1), Days: DaysBoth,
	},
	"last day": {
		Timezone: "Europe/Berlin", Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(3),
		Months: Every, Weekdays: Every, LastDay: true,
	},
	"expired": {
		Timezone: "Europe/Berlin", Seconds: SetOf(0), Minutes: Every, Hours: Every,
		MonthDays: Every, Months: Every, Weekdays: Every, ExpiresAt: 20200101000000,
	},
}

func BenchmarkNext(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(benchmarkSchedules)) {
		s := benchmarkSchedules[name]
		for _, after := range []string{"2026-03-01T08:00:00Z", "2096-03-01T08:00:00Z", "2896-03-01T08:00:00Z"} {
			b.Run(name+"/"+after[:4], func(b *testing.B) {
				b.ReportAllocs()
				at := instant(b, after)
				for b.Loop() {
					s.Next(at)
				}
			})
		}
	}
}

func BenchmarkParseCrontab(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCrontab("CRON_TZ=Europe/Berlin */15 9-17 * * mon-fri"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadZone(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := LoadZone("Europe/Berlin"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadZone is the first use of a zone.
func BenchmarkReadZone(b *testing.B) {
	loc, err := LoadZone("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		newZone(loc)
	}
}

// BenchmarkPreview is that of a page: the next five occurrences, over a change of the clocks for some.
func BenchmarkPreview(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(benchmarkSchedules)) {
		b.Run(name, func(b *testing.B) {
			s := benchmarkSchedules[name]
			b.ReportAllocs()
			at := instant(b, "2026-03-27T08:00:00Z")
			for b.Loop() {
				s.Preview(at, 5)
			}
		})
	}
}
