package cron

import (
	"math/bits"
	"strconv"
	"time"
)

// A schedule is a product of sets, and not every schedule can be moved: 9:50 and 10:10 are not one set of hours and one of
// minutes. A day that is restricted moves along if all times pass midnight, and only by weekday. What the sets cannot express is
// refused, and never approximated.

// shift moves when a job is due by minutes: the times of the day of its schedule, or the instant of a one-time job.
func (j *Job) shift(minutes int) Problem {
	by := time.Duration(minutes) * time.Minute
	if !j.Timing.RunAt.IsZero() {
		j.Timing.RunAt = j.Timing.RunAt.Add(by)
		return Problem{}
	}
	moved, ok := j.Schedule.shifted(minutes)
	if !ok {
		return Problem{Rule: RuleShift, Given: strconv.Itoa(minutes)}
	}
	j.Schedule = moved
	return Problem{}
}

const dayMinutes = 24 * 60

// shifted is the schedule with all local times moved, and its expiry with them; ok is false when no schedule has these times.
func (s *Schedule) shifted(minutes int) (moved Schedule, ok bool) {
	moved = *s
	if minutes == 0 {
		return moved, true
	}
	hours, all := s.Hours&setRange(0, 23), s.Minutes&setRange(0, 59)
	if hours == 0 || all == 0 {
		return moved, true // it is never due
	}
	var (
		toHours, toMinutes Set
		times              = make(map[int]bool)
		days               = make(map[int]bool) // by how many days times move
	)
	for _, hour := range hours.Members() {
		for _, minute := range all.Members() {
			t := hour*60 + minute + minutes
			day := floorDiv(t, dayMinutes)
			t -= day * dayMinutes
			days[day], times[t] = true, true
			toHours |= SetOf(t / 60)
			toMinutes |= SetOf(t % 60)
		}
	}
	if bits.OnesCount64(uint64(toHours))*bits.OnesCount64(uint64(toMinutes)) != len(times) {
		return moved, false
	}
	if !days[0] || len(days) > 1 {
		if !moved.shiftDays(days) {
			return moved, false
		}
	}
	moved.Hours, moved.Minutes = likeSet(toHours, s.Hours, 0, 23), likeSet(toMinutes, s.Minutes, 0, 59)
	if s.ExpiresAt != 0 {
		moved.ExpiresAt = localNumber(time.Unix(s.expiry(), 0).UTC().Add(time.Duration(minutes) * time.Minute))
	}
	return moved, moved.ExpiresAt == 0 || isLocalTime(moved.ExpiresAt)
}

// shiftDays moves the days of a schedule of which times move by the given days.
func (s *Schedule) shiftDays(days map[int]bool) bool {
	if !s.MonthDays.covers(1, 31) || !s.Months.covers(1, 12) {
		return false
	}
	if s.Weekdays.covers(0, 6) {
		return true
	}
	if len(days) > 1 {
		return false
	}
	var moved Set
	for by := range days {
		for _, weekday := range (s.Weekdays & setRange(0, 6)).Members() {
			moved |= SetOf(((weekday+by)%7 + 7) % 7)
		}
	}
	s.Weekdays = moved
	return true
}

// likeSet writes a set that covers its range as the former one was written: as Every, unless that listed all numbers.
func likeSet(set, former Set, low, high int) Set {
	if set.covers(low, high) && (former == Every || !former.covers(low, high)) {
		return Every
	}
	return set
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

// localNumber is a local time as YYYYMMDDhhmmss.
func localNumber(t time.Time) int64 {
	n, _ := strconv.ParseInt(t.Format("20060102150405"), 10, 64)
	return n
}

// moveTo changes the time zone. With instants, what is due stays due at the same instants: the zones must differ by the same time
// for the next two years, or by times that lead to the same schedule.
func (s *Schedule) moveTo(zone string, instants bool, now time.Time) Problem {
	from, to := zoneNamed(s.Timezone), zoneNamed(zone)
	if to == nil {
		return Problem{Rule: RuleUnknownTimeZone, Given: zone}
	}
	moved := *s
	if instants && from != nil {
		var ok bool
		if moved, ok = s.inZone(from, to, now); !ok {
			return Problem{Rule: RuleKeepInstants, Given: zone}
		}
	}
	moved.Timezone = zone
	if instants && !sameInstants(s, &moved, now) {
		return Problem{Rule: RuleKeepInstants, Given: zone}
	}
	*s = moved
	return Problem{}
}

// inZone is the schedule with the local times of another zone.
func (s *Schedule) inZone(from, to *zone, now time.Time) (moved Schedule, ok bool) {
	for i, difference := range differences(from, to, now.Unix()) {
		other := *s
		other.ExpiresAt = 0
		if difference%60 != 0 {
			return moved, false
		}
		if other, ok = other.shifted(int(difference / 60)); !ok || i > 0 && other != moved {
			return moved, false
		}
		moved = other
	}
	if s.ExpiresAt != 0 {
		t := time.Unix(s.expiry(), 0).UTC()
		at := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, from.loc)
		moved.ExpiresAt = localNumber(at.In(to.loc))
	}
	return moved, moved.ExpiresAt == 0 || isLocalTime(moved.ExpiresAt)
}

// differences lists by how many seconds the clock of a zone is ahead of that of another one, in the time after t.
func differences(from, to *zone, t int64) (seconds []int64) {
	a, b := from.at(t), to.at(t)
	for end := t + instantsKept; ; {
		if d := b.offset() - a.offset(); len(seconds) == 0 || seconds[len(seconds)-1] != d {
			seconds = append(seconds, d)
		}
		aEnd, bEnd := a.end(), b.end()
		if min(aEnd, bEnd) >= end {
			return seconds
		}
		if aEnd <= bEnd {
			a, _ = a.next()
		}
		if bEnd <= aEnd {
			b, _ = b.next()
		}
	}
}

// sameInstants compares the next occurrences of two schedules, for what sets and offsets do not tell, such as changes of clocks
// between two offsets.
func sameInstants(a, b *Schedule, now time.Time) bool {
	one, other := now, now
	for range comparedInstants {
		next, ok := a.Next(one)
		second, also := b.Next(other)
		if ok != also || !next.Equal(second) {
			return false
		}
		if !ok {
			return true
		}
		one, other = next, second
	}
	return true
}
