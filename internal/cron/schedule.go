package cron

import (
	"strconv"
	"time"
)

// DayRule says how day of month and day of week combine if neither set matches every day.
type DayRule int

// The rules. The numbers are stored.
const (
	DaysEither DayRule = 0 // a day must be in either set
	DaysBoth   DayRule = 1 // a day must be in both sets
)

// Schedule says when a job is due. It is plain data and comparable with ==.
//
// A local time matches if its second, minute, hour, month, day of month and day of week are in their sets. If neither
// MonthDays nor Weekdays contains every day, Days says how they combine. An empty set never matches.
type Schedule struct {
	Timezone  string // an IANA name; "" is not valid
	ExpiresAt int64  // YYYYMMDDhhmmss in Timezone, the last local time that is due; 0 means that it never expires
	Seconds   Set    // 0 to 59
	Minutes   Set    // 0 to 59
	Hours     Set    // 0 to 23
	MonthDays Set    // 1 to 31
	Months    Set    // 1 to 12
	Weekdays  Set    // 0 (Sunday) to 6
	LastDay   bool   // adds the last day of each month to MonthDays
	Days      DayRule
	DST       DSTRule
}

// NewSchedule returns the default schedule of the API: in UTC, at second 0, and never due, since its other sets are empty.
func NewSchedule() Schedule {
	return Schedule{Timezone: "UTC", Seconds: SetOf(0)}
}

// Occurrences are limited to the years that RFC 3339 can represent.
const (
	firstInstant = -62135596800 // 0001-01-01T00:00:00Z
	lastInstant  = 253402300799 // 9999-12-31T23:59:59Z
)

// Next returns the first occurrence after the given instant, in UTC. ok is false if there is none up to the year 9999, or
// if the time zone is unknown. Otherwise the schedule must be valid. Next does not allocate.
//
// In the code, a reading is a local time as a number of seconds: its Unix time if the zone were UTC.
func (s *Schedule) Next(after time.Time) (next time.Time, ok bool) {
	z := zoneNamed(s.Timezone)
	if z == nil {
		return time.Time{}, false
	}
	t := min(max(after.Unix(), firstInstant-1), lastInstant) + 1
	span := z.at(t)
	once := s.fixedTimes()

	// A fixed time is due when the local clock reaches or passes it for the first time. Readings that the clock has reached
	// before t are in the past; a reading that a transition skips is due at the transition.
	from := t + span.offset()
	if once {
		from = z.latestReading(t-1, false) + 1
	}
	p := s.pattern()
	reading, ok := p.next(from)

	// Readings and spans repeat after a cycle.
	limit := max(t, zoneRegular) + zoneCycle + oneDay
	for ; ok && span.start() < limit; span, ok = span.next() {
		first := max(t, span.start()) + span.offset()
		if (reading < first || first < from) && (!once || span.corrected()) {
			// Wall-clock time skips the readings that a transition skips, and repeats those that it repeats.
			from = first
			if reading, ok = p.next(from); !ok {
				break
			}
		}
		due := max(reading, first)
		if due >= span.end()+span.offset() {
			continue
		}
		at := due - span.offset()
		if at > lastInstant || s.expired(z, reading, at) {
			return time.Time{}, false
		}
		return time.Unix(at, 0).UTC(), true
	}
	return time.Time{}, false
}

// expired reports whether the schedule has expired for a reading that is due at the instant t: if the reading, or any that
// the clock has shown before, is later than ExpiresAt. So a clock that is set back does not revive an expired job.
func (s *Schedule) expired(z *zone, reading, t int64) bool {
	if s.ExpiresAt == 0 {
		return false
	}
	expiry := s.expiry()
	return reading > expiry || z.latestReading(t-1, true) > expiry
}

// expiry returns the last reading that is due.
func (s *Schedule) expiry() int64 {
	if s.ExpiresAt == 0 {
		return always
	}
	date, clock := int(s.ExpiresAt/1e6), int(s.ExpiresAt%1e6)
	return time.Date(date/1e4, time.Month(date/100%100), date%100, clock/1e4, clock/100%100, clock%100, 0, time.UTC).Unix()
}

// pattern holds the sets of a schedule, limited to the range of each field.
type pattern struct {
	seconds, minutes, hours Set
	monthDays, months       Set
	weekdays                uint64 // the set for six consecutive weeks, which cover any month
	lastDay                 bool   // as of Schedule
	either                  bool   // a day matches by day of month or by day of week
}

func (s *Schedule) pattern() pattern {
	const weeks = 1 | 1<<7 | 1<<14 | 1<<21 | 1<<28 | 1<<35
	return pattern{
		seconds:   s.Seconds & setRange(0, 59),
		minutes:   s.Minutes & setRange(0, 59),
		hours:     s.Hours & setRange(0, 23),
		monthDays: s.MonthDays & setRange(1, 31),
		months:    s.Months & setRange(1, 12),
		weekdays:  uint64(s.Weekdays&setRange(0, 6)) * weeks,
		lastDay:   s.LastDay,
		either:    s.Days == DaysEither && s.restrictsBothDays(),
	}
}

// restrictsBothDays reports whether neither day of month nor day of week matches every day, so that Days applies.
func (s *Schedule) restrictsBothDays() bool {
	return !s.MonthDays.covers(1, 31) && !s.Weekdays.covers(0, 6)
}

// next returns the first matching reading at or after from. ok is false if there is none.
func (p *pattern) next(from int64) (reading int64, ok bool) {
	if p.seconds == 0 || p.minutes == 0 || p.hours == 0 {
		return 0, false
	}
	t := time.Unix(from, 0).UTC()
	year, month, mday := t.Date()
	hour, minute, second := t.Clock()
	midnight := from - int64(hour*3600+minute*60+second)
	weekday := (int(t.Weekday()) - mday + 36) % 7 // of the first day of the month

	if p.months.Has(int(month)) && p.days(year, month, weekday).Has(mday) {
		if clock, ok := p.clock(hour, minute, second); ok {
			return midnight + clock, true
		}
	}
	clock, _ := p.clock(0, 0, 0)
	first := midnight - int64(mday-1)*oneDay
	mday++
	for range p.searchMonths() {
		if p.months.Has(int(month)) {
			if day, ok := p.days(year, month, weekday).Next(mday); ok {
				return first + int64(day-1)*oneDay + clock, true
			}
		}
		length := daysIn(year, month)
		first += int64(length) * oneDay
		weekday = (weekday + length) % 7
		mday = 1
		if month++; month > time.December {
			year, month = year+1, time.January
		}
	}
	return 0, false
}

// searchMonths returns the number of months that must be searched to find the next matching day. 29 February recurs within
// 8 years, and on a given day of the week within 40 years.
func (p *pattern) searchMonths() int {
	const allWeek = 1<<42 - 1
	if p.either || p.weekdays == allWeek {
		return 8*12 + 1
	}
	return 40*12 + 1
}

// days returns the matching days of a month that starts on the given day of the week.
func (p *pattern) days(year int, month time.Month, weekday int) Set {
	byWeekday, length := Set(p.weekdays>>weekday)<<1, daysIn(year, month)
	days := p.monthDays
	if p.lastDay {
		days |= SetOf(length)
	}
	if p.either {
		days |= byWeekday
	} else {
		days &= byWeekday
	}
	return days & setRange(1, length)
}

// clock returns the first matching time of day, in seconds, at or after the given one. ok is false if there is none.
func (p *pattern) clock(hour, minute, second int) (seconds int64, ok bool) {
	if p.hours.Has(hour) {
		if p.minutes.Has(minute) {
			if second, ok := p.seconds.Next(second); ok {
				return int64(hour*3600 + minute*60 + second), true
			}
		}
		if minute, ok := p.minutes.Next(minute + 1); ok {
			second, _ := p.seconds.Next(0)
			return int64(hour*3600 + minute*60 + second), true
		}
	}
	hour, ok = p.hours.Next(hour + 1)
	minute, _ = p.minutes.Next(0)
	second, _ = p.seconds.Next(0)
	return int64(hour*3600 + minute*60 + second), ok
}

// daysIn returns the number of days in a month.
func daysIn(year int, month time.Month) int {
	switch month {
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case time.April, time.June, time.September, time.November:
		return 30
	}
	return 31
}

// Normalize replaces weekday 7 by 0 (Sunday), and adds the seconds to an expiry of twelve digits.
func (s *Schedule) Normalize() {
	if s.Weekdays != Every && s.Weekdays.Has(7) {
		s.Weekdays = s.Weekdays&^SetOf(7) | SetOf(0)
	}
	if 1e11 <= s.ExpiresAt && s.ExpiresAt < 1e12 {
		s.ExpiresAt *= 100
	}
}

// Check adds the problems of the schedule to c. at is the JSON pointer of the schedule.
func (s *Schedule) Check(c *Checker, at string) {
	if zoneNamed(s.Timezone) == nil {
		c.Add(at+"/timezone", Problem{Rule: RuleUnknownTimeZone, Given: s.Timezone})
	}
	if s.ExpiresAt != 0 && !isLocalTime(s.ExpiresAt) {
		c.Add(at+"/expiresAt", Problem{Rule: RuleLocalTime, Given: strconv.FormatInt(s.ExpiresAt, 10)})
	}
	for _, f := range [...]struct {
		pointer   string
		set       Set
		low, high int
	}{
		{"/seconds", s.Seconds, 0, 59},
		{"/minutes", s.Minutes, 0, 59},
		{"/hours", s.Hours, 0, 23},
		{"/mdays", s.MonthDays, 1, 31},
		{"/months", s.Months, 1, 12},
		{"/wdays", s.Weekdays, 0, 6},
	} {
		if n, ok := f.set.outside(f.low, f.high); ok {
			c.Add(at+f.pointer, Problem{Rule: RuleOutOfRange, Given: strconv.Itoa(n), Min: int64(f.low), Max: int64(f.high)})
		}
	}
	c.Choice(at+"/days", int(s.Days), 2)
	c.Choice(at+"/dst", int(s.DST), 2)
}

// isLocalTime reports whether n is a valid date and time in the form YYYYMMDDhhmmss.
func isLocalTime(n int64) bool {
	_, err := time.Parse("20060102150405", strconv.FormatInt(n, 10))
	return err == nil
}
