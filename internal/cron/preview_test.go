package cron

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// noteNames make the tables readable.
var noteNames = []string{NoteNone: "", NoteShifted: "shifted", NoteFirst: "first", NoteRepeated: "repeated"}

// inWords is a preview as lines: the runs, then what is skipped.
func inWords(p Preview) []string {
	var lines []string
	for _, r := range p.Runs {
		lines = append(lines, r.At.Format("2006-01-02T15:04:05-07:00 ")+noteNames[r.Note])
	}
	for _, g := range p.Skipped {
		line := g.First.Format("2006-01-02T15:04:05")
		if g.Last != g.First {
			line += g.Last.Format("…15:04:05")
		}
		if g.At.IsZero() {
			line += " left out"
		} else {
			line += g.At.Format(" at 15:04:05")
		}
		lines = append(lines, line)
	}
	return lines
}

func TestPreview(t *testing.T) {
	for _, test := range []struct {
		name, zone, line string
		edit             func(*Schedule)
		from             string
		count            int
		want             []string
	}{
		{
			name: "from an occurrence on", zone: "UTC", line: "0 3 * * *", from: "2026-03-02T03:00:00Z", count: 2,
			want: []string{"2026-03-02T03:00:00+00:00 ", "2026-03-03T03:00:00+00:00 "},
		},
		{
			name: "spring, once", zone: "Europe/Berlin", line: "30 2 * * *", from: "2026-03-28T00:00:00Z", count: 3,
			want: []string{
				"2026-03-28T02:30:00+01:00 ", "2026-03-29T03:00:00+02:00 shifted", "2026-03-30T02:30:00+02:00 ",
				"2026-03-29T02:30:00 at 03:00:00",
			},
		},
		{
			name: "spring, wall clock", zone: "Europe/Berlin", line: "30 2 * * *", edit: wallClock, from: "2026-03-28T00:00:00Z",
			count: 2,
			want: []string{
				"2026-03-28T02:30:00+01:00 ", "2026-03-30T02:30:00+02:00 ",
				"2026-03-29T02:30:00 left out",
			},
		},
		{
			name: "autumn, once", zone: "Europe/Berlin", line: "30 2 * * *", from: "2026-10-24T12:00:00Z", count: 2,
			want: []string{"2026-10-25T02:30:00+02:00 first", "2026-10-26T02:30:00+01:00 "},
		},
		{
			name: "autumn, wall clock", zone: "Europe/Berlin", line: "30 2 * * *", edit: wallClock, from: "2026-10-24T12:00:00Z",
			count: 3,
			want: []string{
				"2026-10-25T02:30:00+02:00 ", "2026-10-25T02:30:00+01:00 repeated", "2026-10-26T02:30:00+01:00 ",
			},
		},
		{
			name: "several times become one", zone: "Europe/Berlin", line: "*/20 1-2 * * *", from: "2026-03-29T00:30:00Z", count: 3,
			want: []string{
				"2026-03-29T01:40:00+01:00 ", "2026-03-29T03:00:00+02:00 shifted", "2026-03-30T01:00:00+02:00 ",
				"2026-03-29T02:00:00…02:40:00 at 03:00:00",
			},
		},
		{
			name: "one that is named anyway", zone: "Europe/Berlin", line: "0,30 2-3 * * *", from: "2026-03-29T00:00:00Z", count: 2,
			want: []string{
				"2026-03-29T03:00:00+02:00 ", "2026-03-29T03:30:00+02:00 ",
				"2026-03-29T02:00:00…02:30:00 at 03:00:00",
			},
		},
		{
			name: "every hour follows real time", zone: "Europe/Berlin", line: "30 * * * *", from: "2026-03-29T00:30:00Z", count: 2,
			want: []string{
				"2026-03-29T01:30:00+01:00 ", "2026-03-29T03:30:00+02:00 ",
				"2026-03-29T02:30:00 left out",
			},
		},
		{
			name: "a gap after the last run is not of interest", zone: "Europe/Berlin", line: "30 2 * * *",
			from: "2026-03-28T00:00:00Z", count: 1,
			want: []string{"2026-03-28T02:30:00+01:00 "},
		},
		{
			name: "one at the last run is", zone: "Europe/Berlin", line: "30 2 * * *",
			from: "2026-03-29T00:00:00Z", count: 1,
			want: []string{"2026-03-29T03:00:00+02:00 shifted", "2026-03-29T02:30:00 at 03:00:00"},
		},
		{
			name: "a gap after years of others", zone: "Europe/Berlin", line: "30 2 28 3 *", edit: wallClock,
			from: "2025-04-01T00:00:00Z", count: 2,
			want: []string{
				"2026-03-28T02:30:00+01:00 ", "2028-03-28T02:30:00+02:00 ",
				"2027-03-28T02:30:00 left out",
			},
		},
		{
			name: "nor one before the first instant", zone: "Europe/Berlin", line: "30 2 * * *",
			from: "2026-03-29T01:00:01Z", count: 1,
			want: []string{"2026-03-30T02:30:00+02:00 "},
		},
		{
			name: "a day that never was", zone: "Pacific/Apia", line: "0 12 * * *", from: "2011-12-29T12:00:00Z", count: 3,
			want: []string{
				"2011-12-29T12:00:00-10:00 ", "2011-12-31T12:00:00+14:00 ", "2012-01-01T12:00:00+14:00 ",
				"2011-12-30T12:00:00 left out",
			},
		},
		{
			name: "a correction back", zone: "Antarctica/Casey", line: "30 0 * * *", from: "2023-03-08T00:00:00Z", count: 3,
			want: []string{
				"2023-03-09T00:30:00+11:00 ", "2023-03-09T00:30:00+08:00 repeated", "2023-03-10T00:30:00+08:00 ",
			},
		},
		{
			name: "half an hour", zone: "Australia/Lord_Howe", line: "15 2 * * *", edit: wallClock,
			from: "2026-10-03T00:00:00Z", count: 1,
			want: []string{"2026-10-05T02:15:00+11:00 ", "2026-10-04T02:15:00 left out"},
		},
		{
			name: "the last run is the shifted one", zone: "Europe/Berlin", line: "30 2 29 3 *", from: "2026-01-01T00:00:00Z", count: 9,
			edit: func(s *Schedule) { s.ExpiresAt = 20260329030000 },
			want: []string{"2026-03-29T03:00:00+02:00 shifted", "2026-03-29T02:30:00 at 03:00:00"},
		},
		{
			name: "shifted beyond its expiry", zone: "Europe/Berlin", line: "*/30 2 29 3 *", from: "2026-01-01T00:00:00Z",
			count: 9, edit: func(s *Schedule) { s.ExpiresAt = 20260329021500 },
			want: []string{"2026-03-29T03:00:00+02:00 shifted", "2026-03-29T02:00:00 at 03:00:00"},
		},
		{
			name: "expired", zone: "Europe/Berlin", line: "30 2 * * *", from: "2026-01-01T00:00:00Z", count: 9,
			edit: func(s *Schedule) { s.ExpiresAt = 20251231000000 },
		},
		{
			name: "an impossible day", zone: "Europe/Berlin", line: "30 2 31 2 *", from: "2026-01-01T00:00:00Z", count: 9,
		},
		{
			name: "no hour", zone: "Europe/Berlin", line: "30 2 * * *", from: "2026-01-01T00:00:00Z", count: 9,
			edit: func(s *Schedule) { s.Hours = 0 },
		},
		{
			name: "no time zone", zone: "Nowhere", line: "30 2 * * *", from: "2026-01-01T00:00:00Z", count: 9,
		},
		{
			name: "the end of time", zone: "UTC", line: "0 0 31 12 *", from: "9998-12-31T00:00:00Z", count: 9,
			want: []string{"9998-12-31T00:00:00+00:00 ", "9999-12-31T00:00:00+00:00 "},
		},
		{
			name: "nothing but gaps", zone: "America/Chicago", line: "30 2 8-14 3 *", edit: func(s *Schedule) {
				wallClock(s)
				s.ExpiresAt = 20260308120000
			},
			from: "2026-03-01T00:00:00Z", count: 9,
			want: []string{"2026-03-08T02:30:00 left out"},
		},
	} {
		s := scheduleOf(t, test.zone, test.line)
		if test.edit != nil {
			test.edit(&s)
		}
		if got := inWords(s.Preview(instant(t, test.from), test.count)); !slices.Equal(got, test.want) {
			t.Errorf("%s: got\n%q, want\n%q", test.name, got, test.want)
		}
	}
}

func wallClock(s *Schedule) { s.DST = DSTWallClock }

// TestPreviewOracle compares notes and gaps with what real time says, which is cut into stretches as for the oracle.
func TestPreviewOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		if rapid.Bool().Draw(t, "any day") {
			s.Months, s.Weekdays, s.MonthDays = Every, Every, Every
		}
		from := drawInstant(t, s.Timezone)
		p := s.Preview(time.Unix(from, 0), rapid.IntRange(1, 8).Draw(t, "count"))
		loc, err := LoadZone(s.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		last := p.Runs[len(p.Runs)-1].At.Unix()
		if last > from+5*oneDay {
			t.Skip("too far")
		}
		around := stretchesOf(loc, from-3*oneDay, last+3*oneDay)
		once := s.DST == DSTOnce && !allOf(s.Minutes, 60) && !allOf(s.Hours, 24)
		for i, r := range p.Runs {
			at := r.At.Unix()
			reading := at + offsetOf(r.At)
			earlier, later := false, false
			for _, a := range around {
				if other := reading - a.offset; a.start <= other && other < a.end {
					earlier = earlier || other < at
					later = later || other > at && len(erasOf(stretchesOf(loc, at, other+1))) == 1
				}
			}
			want := NoteNone
			switch {
			case len(readingsOf(&s, reading, reading+1)) == 0:
				want = NoteShifted
			case earlier:
				want = NoteRepeated
			case later && once:
				want = NoteFirst
			}
			if r.Note != want {
				t.Fatalf("run %d at %v: note %q, want %q", i, r.At, noteNames[r.Note], noteNames[want])
			}
		}
		var gaps []SkippedTimes
		for i, a := range around[1:] {
			before := around[i]
			if a.start < from || a.start > last {
				continue
			}
			// What no clock has shown before; the changes of a few days can undo each other.
			readings := slices.DeleteFunc(readingsOf(&s, a.start+before.offset, a.start+a.offset), func(r int64) bool {
				return slices.ContainsFunc(around[:i+1], func(b stretch) bool { return r-b.offset < b.end && r-b.offset >= b.start })
			})
			if len(readings) == 0 {
				continue
			}
			g := SkippedTimes{
				First: time.Unix(readings[0], 0).UTC(), Last: time.Unix(readings[len(readings)-1], 0).UTC(), Count: len(readings),
			}
			if once && len(erasOf(around[i:i+2])) == 1 {
				g.At = time.Unix(a.start, 0).In(loc)
			}
			gaps = append(gaps, g)
		}
		if !slices.Equal(p.Skipped, gaps) {
			t.Fatalf("skipped %v, want %v", p.Skipped, gaps)
		}
	})
}

// TestPreviewIsWhatFires compares the runs with Next, over many years.
func TestPreviewIsWhatFires(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		at := time.Unix(drawInstant(t, s.Timezone), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		p := s.Preview(at, 100)
		if len(p.Runs) != 100 || len(p.Skipped) > 100 {
			t.Fatalf("%d runs, %d gaps", len(p.Runs), len(p.Skipped))
		}
		after := at.Add(-1)
		for i, r := range p.Runs {
			next, _ := s.Next(after)
			if !next.Equal(r.At) || i == 0 && next.Before(at) {
				t.Fatalf("run %d is at %v, want %v", i, r.At, next)
			}
			after = next
		}
	})
}

func TestNever(t *testing.T) {
	for line, want := range map[string]bool{
		"* * * * *": false, "0 0 29 2 *": false, "0 0 30 2 *": true, "0 0 30,31 2 *": true, "0 0 31 2,4,6,9,11 *": true,
		"0 0 31 2,3 *": false, "0 0 31 2 1": false,
	} {
		s := scheduleOf(t, "UTC", line)
		if s.Never() != want {
			t.Errorf("%s: %v", line, !want)
		}
		s.Seconds = 0
		if !s.Never() {
			t.Errorf("%s, but at no second, is due", line)
		}
	}
}
