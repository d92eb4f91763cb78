package cron

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The oracle finds occurrences the slow way, straight from the definition: it asks package time for the offset every
// quarter of an hour, so that it shares no table with Next, and then looks at every second whose reading could match.

// stretch is real time with one offset from UTC.
type stretch struct{ start, end, offset int64 }

// stretchesOf cuts the real time from start to end where clocks change.
func stretchesOf(loc *time.Location, start, end int64) []stretch {
	const probe = 15 * 60
	offset := func(t int64) int64 { return offsetOf(time.Unix(t, 0).In(loc)) }
	all := []stretch{{start, end, offset(start)}}
	for t := start; t < end; t += probe {
		last := &all[len(all)-1]
		before, after := t, min(t+probe, end-1)
		if offset(after) == last.offset {
			continue
		}
		for after-before > 1 {
			if middle := (before + after) / 2; offset(middle) == last.offset {
				before = middle
			} else {
				after = middle
			}
		}
		last.end = after
		all = append(all, stretch{after, end, offset(after)})
		t = after - probe
	}
	return all
}

// readingsOf lists the readings from low up to high that match s.
func readingsOf(s *Schedule, low, high int64) []int64 {
	var list []int64
	restricted := func(set Set, from, to int) bool {
		for n := from; n <= to; n++ {
			if !set.Has(n) {
				return true
			}
		}
		return false
	}
	bothRestricted := restricted(s.MonthDays, 1, 31) && restricted(s.Weekdays, 0, 6)
	for r := low; r < high; {
		t := time.Unix(r, 0).UTC()
		byMonthDay, byWeekday := s.MonthDays.Has(t.Day()), s.Weekdays.Has(int(t.Weekday()))
		if s.LastDay && t.AddDate(0, 0, 1).Day() == 1 {
			byMonthDay = true
		}
		dayMatches := byMonthDay && byWeekday || bothRestricted && s.Days == DaysEither && (byMonthDay || byWeekday)
		switch {
		case !s.Months.Has(int(t.Month())) || !dayMatches:
			r += 86400 - int64(t.Hour()*3600+t.Minute()*60+t.Second())
		case !s.Hours.Has(t.Hour()) || !s.Minutes.Has(t.Minute()):
			r += 60 - int64(t.Second())
		default:
			for second := t.Second(); second < 60 && r < high; second++ {
				if s.Seconds.Has(second) {
					list = append(list, r)
				}
				r++
			}
		}
	}
	return list
}

// slot is a reading that matches and the instant at which it is due.
type slot struct{ reading, at int64 }

// occurrencesOf lists the occurrences of s from start up to end.
func occurrencesOf(s *Schedule, start, end int64) []int64 {
	loc, _ := LoadZone(s.Timezone)
	const margin = 3 * 86400
	around := stretchesOf(loc, start-margin, end+margin)
	var slots []slot
	if s.DST == DSTWallClock || allOf(s.Minutes, 60) || allOf(s.Hours, 24) {
		for _, a := range around {
			from, to := max(a.start, start), min(a.end, end)
			for _, r := range readingsOf(s, from+a.offset, to+a.offset) {
				slots = append(slots, slot{r, r - a.offset})
			}
		}
	} else {
		const farthest = 16 * 3600 // no offset is as large
		eras := erasOf(around)
		for _, r := range readingsOf(s, start-farthest-86400, end+farthest+86400) {
			for _, era := range eras {
				if at, ok := firstInstantOf(r, era); ok {
					slots = append(slots, slot{r, at})
				}
			}
		}
	}
	var list []int64
	for _, x := range slots {
		if start <= x.at && x.at < end && !expiredBy(s, x, around) {
			list = append(list, x.at)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// erasOf cuts real time where clocks are corrected, by three hours or more. Fixed times are due once in each part.
func erasOf(around []stretch) [][]stretch {
	eras := [][]stretch{around[:1]}
	for i, a := range around[1:] {
		if change := a.offset - around[i].offset; change >= 3*3600 || change <= -3*3600 {
			eras = append(eras, nil)
		}
		eras[len(eras)-1] = append(slices.Clone(eras[len(eras)-1]), a)
	}
	return eras
}

// expiredBy reports whether a slot is too late: by its own local time, or because the clock was past the expiry before.
func expiredBy(s *Schedule, x slot, around []stretch) bool {
	if s.ExpiresAt == 0 {
		return false
	}
	late := func(reading int64) bool { return digitsOf(time.Unix(reading, 0).UTC()) > s.ExpiresAt }
	return late(x.reading) || slices.ContainsFunc(around, func(a stretch) bool {
		return a.start < x.at && late(min(a.end, x.at)-1+a.offset)
	})
}

// digitsOf is YYYYMMDDhhmmss.
func digitsOf(t time.Time) int64 {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return int64(((((year*100+int(month))*100+day)*100+hour)*100+minute)*100 + second)
}

func allOf(set Set, n int) bool {
	for i := range n {
		if !set.Has(i) {
			return false
		}
	}
	return true
}

// firstInstantOf is the instant at which a fixed time is due; ok is false when it neither comes nor is jumped across.
func firstInstantOf(reading int64, around []stretch) (at int64, ok bool) {
	for _, a := range around {
		if t := reading - a.offset; a.start <= t && t < a.end {
			return t, true
		}
	}
	for i, a := range around[1:] {
		if before := around[i]; a.start+before.offset <= reading && reading < a.start+a.offset {
			return a.start, true
		}
	}
	return 0, false
}

// compareWithOracle calls Next from each of the given instants, which lie between start and end, and returns what is
// wrong, or "".
func compareWithOracle(s *Schedule, start, end int64, from []time.Time) string {
	want := occurrencesOf(s, start, end)
	for _, after := range from {
		next, ok := s.Next(after)
		i, found := slices.BinarySearch(want, after.Unix())
		if found {
			i++
		}
		switch {
		case ok && (next.Location() != time.UTC || next.Nanosecond() != 0):
			return fmt.Sprintf("Next(%v) = %v: not whole seconds in UTC", after, next)
		case i < len(want) && !(ok && next.Unix() == want[i]):
			return fmt.Sprintf("Next(%v) = %v, %v; the oracle says %v", after, next, ok, time.Unix(want[i], 0).UTC())
		case i == len(want) && ok && next.Unix() < end:
			return fmt.Sprintf("Next(%v) = %v; the oracle knows none before %v", after, next, time.Unix(end, 0).UTC())
		}
	}
	return ""
}

// randomSet draws from the numbers from low to high one of the kinds of sets that people write.
func randomSet(r *rand.Rand, low, high int) Set {
	n := high - low + 1
	switch r.IntN(8) {
	case 0, 1:
		return Every
	case 2:
		return setRange(low, high)
	case 3, 4:
		return SetOf(low + r.IntN(n))
	case 5:
		var s Set
		for i, step := low+r.IntN(n), 1+r.IntN(n); i <= high; i += step {
			s |= SetOf(i)
		}
		return s
	case 6:
		a, b := low+r.IntN(n), low+r.IntN(n)
		return setRange(min(a, b), max(a, b))
	}
	return Set(r.Uint64()&r.Uint64()) & setRange(low, high)
}

// randomSchedule draws a schedule that has something to do about the given reading.
func randomSchedule(r *rand.Rand, zone string, reading int64) Schedule {
	t := time.Unix(reading, 0).UTC()
	s := Schedule{
		Timezone: zone, Seconds: SetOf(0), DST: DSTRule(r.IntN(2)),
		Minutes: randomSet(r, 0, 59), Hours: randomSet(r, 0, 23),
		MonthDays: randomSet(r, 1, 31), Months: randomSet(r, 1, 12), Weekdays: randomSet(r, 0, 6),
	}
	if r.IntN(4) == 0 {
		s.Seconds = randomSet(r, 0, 59)
	}
	if r.IntN(2) == 0 {
		s.Days = DaysBoth
	}
	if r.IntN(4) == 0 {
		s.LastDay = true
		if r.IntN(2) == 0 {
			s.MonthDays = 0
		}
	}
	// Each of these lets more schedules run near the reading, and none of them all.
	if r.IntN(2) == 0 {
		s.Hours |= SetOf(t.Hour(), (t.Hour()+r.IntN(3))%24)
	}
	if r.IntN(2) == 0 {
		s.MonthDays |= SetOf(t.Day())
	}
	if r.IntN(4) != 0 {
		s.Months |= SetOf(int(t.Month()))
	}
	if r.IntN(4) == 0 {
		s.Weekdays |= SetOf(int(t.Weekday()))
	}
	if r.IntN(4) == 0 {
		last := t.Add(time.Duration(r.Int64N(8*3600)-4*3600) * time.Second)
		s.ExpiresAt = digitsOf(last)
	}
	return s
}

var (
	oracleCases = flag.Int("oracle.cases", 200_000, "calls of Next to compare with the oracle")
	oracleSeed  = flag.Uint64("oracle.seed", 1, "seed of the schedules that are compared with the oracle")
)

// TestNextOracle compares Next with the oracle for random schedules, most of them around a change of the clocks.
// -oracle.cases makes it long.
func TestNextOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(*oracleSeed, 0))
	names := ZoneNames()
	windows, occurrences := 0, 0
	var from []time.Time
	for cases := 0; cases < *oracleCases; cases += len(from) {
		windows++
		name := names[r.IntN(len(names))]
		z := zoneNamed(name)
		// The window: some hours or days, at a change of the clocks or anywhere from 1840 to 3100.
		middle := -4102444800 + r.Int64N(39760000000)
		if spans := z.spans[1:]; len(spans) > 0 && r.IntN(8) != 0 {
			middle = spans[r.IntN(len(spans))].start
		}
		width := 3600 + r.Int64N(6*3600)
		s := randomSchedule(r, name, middle+z.at(middle-r.Int64N(2)).offset())
		if r.IntN(8) == 0 {
			width = 1 + r.Int64N(90*oneDay)
			s.Seconds = SetOf(r.IntN(60))
		}
		start := middle - r.Int64N(width)
		end := start + width

		from = from[:0]
		for range 200 {
			from = append(from, time.Unix(start+r.Int64N(width), r.Int64N(2)*r.Int64N(1e9)))
		}
		for at := range int64(4) {
			from = append(from, time.Unix(min(max(middle-2+at, start), end-1), 0))
		}
		for next, ok := s.Next(time.Unix(start, 0)); ok && next.Unix() < end && len(from) < 400; next, ok = s.Next(next) {
			occurrences++
			from = append(from, next, next.Add(-1))
		}
		if problem := compareWithOracle(&s, start, end, from); problem != "" {
			t.Fatalf("seed %d, window %d: %+v: %s", *oracleSeed, windows, s, problem)
		}
	}
	t.Logf("%d windows, %d occurrences in them", windows, occurrences)
	if occurrences < windows {
		t.Errorf("%d occurrences in %d windows: too few to say something", occurrences, windows)
	}
}

// TestNextOracleEveryChange compares Next with the oracle around the changes of the clocks of every zone, under both
// rules: all changes when -oracle.cases is forty million or more, and otherwise a share of them.
func TestNextOracleEveryChange(t *testing.T) {
	r := rand.New(rand.NewPCG(*oracleSeed, 1))
	share := max(1, 40_000_000 / *oracleCases)
	cases := 0
	for _, name := range ZoneNames() {
		z := zoneNamed(name)
		for i := 1 + r.IntN(share); i < len(z.spans); i += share {
			change := z.spans[i].start
			before, after := z.spans[i-1].offset, z.spans[i].offset
			start, end := change-30*3600, change+30*3600
			around := time.Unix(change+min(before, after)-3600, 0).UTC()
			s := Schedule{
				Timezone: name, Seconds: SetOf(0, 30), Minutes: SetOf(0, 7, 30, 59),
				Hours: setRange(0, 22), MonthDays: Every, Months: Every, Weekdays: Every,
			}
			if r.IntN(2) == 0 {
				s.Hours = SetOf(around.Hour(), (around.Hour()+1)%24, (around.Hour()+2)%24)
			}
			var from []time.Time
			for range 100 {
				from = append(from, time.Unix(start+r.Int64N(end-start), 0))
			}
			for at := range int64(4) {
				from = append(from, time.Unix(change-2+at, 0))
			}
			for _, s.DST = range []DSTRule{DSTOnce, DSTWallClock} {
				cases += len(from)
				if problem := compareWithOracle(&s, start, end, from); problem != "" {
					t.Fatalf("seed %d: %+v: %s", *oracleSeed, s, problem)
				}
			}
		}
	}
	t.Logf("%d cases", cases)
}

// TestNextOracleRareDays compares Next with the oracle over decades, for schedules that seldom run.
func TestNextOracleRareDays(t *testing.T) {
	r := rand.New(rand.NewPCG(*oracleSeed, 2))
	names := ZoneNames()
	for range 1 + *oracleCases/40_000 {
		start := -4102444800 + r.Int64N(39760000000)
		end := start + 12*365*oneDay
		s := Schedule{
			Timezone: names[r.IntN(len(names))], DST: DSTRule(r.IntN(2)),
			Seconds: SetOf(0), Minutes: SetOf(r.IntN(60)), Hours: SetOf(r.IntN(24)),
			MonthDays: SetOf(28 + r.IntN(4)), Months: SetOf(2, 1+r.IntN(12)), Weekdays: Every,
		}
		if r.IntN(2) == 0 {
			s.Months = SetOf(2)
		}
		if r.IntN(2) == 0 {
			s.Weekdays, s.Days = randomSet(r, 0, 6), DayRule(r.IntN(2))
		}
		if s.LastDay = r.IntN(4) == 0; s.LastDay {
			s.MonthDays &= SetOf(28, 30)
		}
		if s.Days == DaysBoth {
			end += 30 * 365 * oneDay // 29 February on a given day of the week
		}
		var from []time.Time
		for range 200 {
			from = append(from, time.Unix(start+r.Int64N(end-start), 0))
		}
		if problem := compareWithOracle(&s, start, end, from); problem != "" {
			t.Fatalf("seed %d: %+v: %s", *oracleSeed, s, problem)
		}
	}
}

// FuzzNext compares Next with the oracle.
func FuzzNext(f *testing.F) {
	names := ZoneNames()
	f.Fuzz(func(t *testing.T, zone string, wallClock, both, lastDay bool, expiresAt, after int64, nanoseconds uint32, hours uint16,
		seconds, minutes, hour, mdays, months, wdays uint64) {
		if _, err := LoadZone(zone); err != nil {
			n := 0
			for _, b := range []byte(zone) {
				n = (n*256 + int(b)) % len(names)
			}
			zone = names[n]
		}
		// Around the years of which there is zone data, and some way beyond those that Next holds in a table.
		const earliest, latest = -5e9, 60e9
		start := min(max(after, earliest), latest)
		end := start + int64(hours%2000)*3600 + 1
		if expiresAt != 0 && !isLocalTime(expiresAt) {
			expiresAt = digitsOf(time.Unix(start+expiresAt%(10*oneDay), 0).UTC())
		}
		s := Schedule{
			Timezone: zone, ExpiresAt: expiresAt, Seconds: Set(seconds), Minutes: Set(minutes), Hours: Set(hour),
			MonthDays: Set(mdays), Months: Set(months), Weekdays: Set(wdays), LastDay: lastDay,
		}
		if wallClock {
			s.DST = DSTWallClock
		}
		if both {
			s.Days = DaysBoth
		}
		from := []time.Time{time.Unix(start, int64(nanoseconds%1e9))}
		for len(from) < 20 {
			next, ok := s.Next(from[len(from)-1])
			if !ok || next.Unix() >= end {
				break
			}
			from = append(from, next)
		}
		if problem := compareWithOracle(&s, start, end, from); problem != "" {
			t.Fatalf("%+v: %s", s, problem)
		}
	})
}
