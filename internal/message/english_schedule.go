package message

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
)

// englishSchedule implements Catalogue.Schedule.
func englishSchedule(s *cron.Schedule, runAt time.Time) string {
	if !runAt.IsZero() {
		return englishOneTime(runAt, s.Timezone)
	}
	w := newEnglishWords(s)
	never := s.Never()
	if empty := w.empty(); never && len(empty) > 0 {
		return fmt.Sprintf("never, since no %s are chosen", enumerate(empty, "and"))
	}
	clock, everyDay := w.clock()
	parts := append(w.days(clock, everyDay), englishZone(s.Timezone))
	if s.DST == cron.DSTWallClock && len(w.minutes) < 60 && len(w.hours) < 24 {
		parts = append(parts, "skipped or repeated when the clocks change")
	}
	if s.ExpiresAt != 0 {
		parts = append(parts, "until "+englishExpiry(s.ExpiresAt))
	}
	words := strings.Join(parts, ", ")
	if never {
		words += ": never, since there is no such day"
	}
	return words
}

// englishOneTime formats an instant with its UTC offset, since a local time can occur twice.
func englishOneTime(at time.Time, timezone string) string {
	zone := englishZone(timezone)
	if loc, err := cron.LoadZone(timezone); err == nil {
		at = at.In(loc)
	}
	if _, offset := at.Zone(); offset != 0 || timezone != "UTC" {
		zone += at.Format(" (UTC-07:00)")
	}
	return "once, on " + englishDate(at) + ", " + zone
}

// englishWords holds the sets of a schedule as lists.
type englishWords struct {
	seconds, minutes, hours []int
	mdays, months           []int
	wdays                   []int // 0 (Monday) to 6 (Sunday)
	weeks                   []int // weeks of the month, if mdays consists of whole weeks
	lastDay, both           bool
}

func newEnglishWords(s *cron.Schedule) englishWords {
	w := englishWords{
		seconds: within(s.Seconds, 0, 59), minutes: within(s.Minutes, 0, 59), hours: within(s.Hours, 0, 23),
		mdays: within(s.MonthDays, 1, 31), months: within(s.Months, 1, 12), wdays: within(s.Weekdays, 0, 6),
		weeks: s.WeeksOfMonth(), lastDay: s.LastDay, both: s.Days == cron.DaysBoth,
	}
	for i, day := range w.wdays {
		w.wdays[i] = (day + 6) % 7
	}
	slices.Sort(w.wdays)
	return w
}

// within returns the members of a set from low to high.
func within(s cron.Set, low, high int) []int {
	var list []int
	for n, ok := s.Next(low); ok && n <= high; n, ok = s.Next(n + 1) {
		list = append(list, n)
	}
	return list
}

const monthDays = "days of the month"

// empty returns the names of the sets that are empty.
func (w *englishWords) empty() []string {
	var names []string
	for _, set := range []struct {
		list []int
		name string
	}{
		{w.seconds, "seconds"}, {w.minutes, "minutes"}, {w.hours, "hours"}, {w.mdays, monthDays},
		{w.months, "months"}, {w.wdays, "days of the week"},
	} {
		if len(set.list) == 0 && !(w.lastDay && set.name == monthDays) {
			names = append(names, set.name)
		}
	}
	return names
}

// Limits on the length of a description.
const (
	maxTimes     = 3 // so many times of day are always listed
	maxLongTimes = 6 // so many are listed if they have no short description
	maxPeriods   = 3 // "every 15 minutes" has at most so many periods such as "from 09:00 to 17:45"
	maxDays      = 4 // more days of the month are described by their step, if they are evenly spaced
	maxNumbers   = 6 // likewise for other numbers
)

// clock describes the times of day. everyDay says that "every day" must be added if the schedule is due daily.
func (w *englishWords) clock() (words string, everyDay bool) {
	count := len(w.seconds) * len(w.minutes) * len(w.hours)
	period, periods := w.period()
	switch {
	case period != "" && len(periods) == 0:
		return period, false
	case count <= maxTimes || count <= maxLongTimes && len(periods) != 1:
		return w.list(), true
	case period != "" && len(periods) <= maxPeriods:
		return period + " " + enumerate(periods, "and"), false
	}
	return w.fields(), false
}

// list lists each time of day.
func (w *englishWords) list() string {
	var times []string
	for _, hour := range w.hours {
		for _, minute := range w.minutes {
			for _, second := range w.seconds {
				times = append(times, englishClock(hour, minute, second))
			}
		}
	}
	return "at " + enumerate(times, "and")
}

// period describes evenly spaced times of day as words such as "every 15 minutes" and periods such as "from 09:00 to
// 17:45". Without periods it is the whole day. words is "" if the times are not evenly spaced, or if fields describes them
// better.
func (w *englishWords) period() (words string, periods []string) {
	var (
		s, m, h = w.seconds, w.minutes, w.hours
		unit    string
		step    int
		starts  []int // the hours in which each period begins and ends
		ends    []int
	)
	switch {
	case len(s) == 1 && len(m) == 1:
		if step = distance(h); step == 0 || len(h) == 24 && m[0]+s[0] > 0 {
			return "", nil
		}
		unit, starts, ends = "hour", h[:1], h[len(h)-1:]
	case len(s) == 1:
		step = distance(m)
		if round := step*len(m) == 60; step == 0 || !round && len(h) > 1 ||
			len(h) == 24 && m[0]+s[0] > 0 && len(m) <= maxLongTimes || len(h) == 24 && step == 1 && s[0] > 0 {
			return "", nil
		}
		unit = "minute"
		starts, ends = runs(h)
	default:
		step = distance(s)
		wholeMinutes := step*len(s) == 60 && (len(m) == 60 || len(h) == 1 && m[len(m)-1]-m[0] == len(m)-1)
		if step == 0 || !wholeMinutes && (len(m) > 1 || len(h) > 1) || len(m) == 60 && len(h) == 24 && s[0] > 0 {
			return "", nil
		}
		unit = "second"
		starts, ends = runs(h)
	}

	words = "every " + unit
	if step > 1 {
		words = fmt.Sprintf("every %d %ss", step, unit)
	}
	if m[0]+s[0] == 0 && (len(h) == 24 && unit != "hour" || unit == "hour" && step*len(h) == 24 && h[0] == 0) {
		return words, nil
	}
	for i := range starts {
		periods = append(periods, fmt.Sprintf("from %s to %s", englishClock(starts[i], m[0], s[0]),
			englishClock(ends[i], m[len(m)-1], s[len(s)-1])))
	}
	return words, periods
}

// fields describes each set of the times of day on its own.
func (w *englishWords) fields() string {
	everyMinute, everyHour := len(w.minutes) == 60, len(w.hours) == 24
	var parts []string
	switch {
	case len(w.seconds) == 60:
		parts = append(parts, "every second")
	case len(w.seconds) > 1 || w.seconds[0] > 0:
		parts = append(parts, "at "+englishNumbers("second", w.seconds))
	}
	switch {
	case everyMinute:
		parts = append(parts, "every minute")
	case parts == nil:
		parts = append(parts, "at "+englishNumbers("minute", w.minutes))
	default:
		parts = append(parts, englishNumbers("minute", w.minutes))
	}
	switch {
	case everyHour && everyMinute:
	case everyHour:
		parts = append(parts, "every hour")
	default:
		parts = append(parts, englishNumbers("hour", w.hours))
	}
	return strings.Join(parts, " of ")
}

// days adds the days to the times of day.
func (w *englishWords) days(clock string, everyDay bool) []string {
	var (
		byMonthDay  = len(w.mdays) < 31 && (len(w.mdays) > 0 || w.lastDay)
		byWeekday   = len(w.wdays) < 7 && len(w.wdays) > 0
		everyMonth  = len(w.months) == 12
		ordinals    = "on " + w.ordinals()
		months      = spans(w.months, func(n int) string { return time.Month(n).String() })
		weekday     = func(n int) string { return time.Weekday((n + 1) % 7).String() }
		ofTheMonths = " of " + months
	)
	if everyMonth {
		ofTheMonths = " of every month"
	}
	var days string
	switch {
	case byMonthDay && byWeekday:
		var names []string
		for _, n := range w.wdays {
			names = append(names, weekday(n))
		}
		any := "any " + enumerate(names, "or")
		switch {
		case w.both && len(names) == 1 && len(w.weeks) > 0:
			return []string{clock, "on the " + spans(w.weeks, ordinal) + " " + names[0] + ofTheMonths}
		case w.both:
			return []string{clock, "on " + any + " that falls " + ordinals + ofTheMonths}
		}
		return []string{clock, ordinals + " or " + any + ofTheMonths}
	case byMonthDay:
		return []string{clock, ordinals + ofTheMonths}
	case byWeekday && len(w.wdays) == 1:
		days = "every " + weekday(w.wdays[0])
	case byWeekday:
		days = spans(w.wdays, weekday)
	case everyDay && everyMonth:
		return []string{"every day " + clock}
	case everyDay:
		days = "every day"
	}
	if !everyMonth {
		days = strings.TrimSpace(days + " in " + months)
	}
	if days == "" {
		return []string{clock}
	}
	return []string{clock, days}
}

// distance returns the step of an evenly spaced ascending list. It is 0 if the list is not evenly spaced or has one member.
// Two members count only if they are half an hour or half a minute apart.
func distance(list []int) int {
	if len(list) < 2 {
		return 0
	}
	d := list[1] - list[0]
	for i := range list[1:] {
		if list[i+1]-list[i] != d {
			return 0
		}
	}
	if len(list) == 2 && d != 30 {
		return 0
	}
	return d
}

// runs splits an ascending list into runs of consecutive numbers.
func runs(list []int) (firsts, lasts []int) {
	for i, n := range list {
		if i == 0 || list[i-1] != n-1 {
			firsts, lasts = append(firsts, n), append(lasts, n)
		}
		lasts[len(lasts)-1] = n
	}
	return firsts, lasts
}

// spans lists numbers by their names. Three or more consecutive numbers are "a to b".
func spans(list []int, name func(int) string) string {
	var items []string
	firsts, lasts := runs(list)
	for i, first := range firsts {
		switch last := lasts[i]; last - first {
		case 0:
			items = append(items, name(first))
		case 1:
			items = append(items, name(first), name(last))
		default:
			items = append(items, name(first)+" to "+name(last))
		}
	}
	return enumerate(items, "and")
}

// englishOrdinals returns "the 1st and 15th", or "every 2nd day from the 1st to the 31st" instead of a long list.
func englishOrdinals(list []int) string {
	if step := distance(list); step > 1 && len(list) > maxDays {
		return fmt.Sprintf("every %s day from the %s to the %s", ordinal(step), ordinal(list[0]), ordinal(list[len(list)-1]))
	}
	return "the " + spans(list, ordinal)
}

// ordinals returns the days of the month as ordinals.
func (w *englishWords) ordinals() string {
	const lastDay = "the last day"
	switch {
	case !w.lastDay:
		return englishOrdinals(w.mdays)
	case len(w.mdays) == 0:
		return lastDay
	}
	return englishOrdinals(w.mdays) + " and " + lastDay
}

// englishNumbers returns "minute 5", "minutes 5 and 10", or "minutes 0 to 56 in steps of 7" instead of a long list.
func englishNumbers(unit string, list []int) string {
	if step := distance(list); step > 1 && len(list) > maxNumbers {
		return fmt.Sprintf("%ss %d to %d in steps of %d", unit, list[0], list[len(list)-1], step)
	}
	if len(list) > 1 {
		unit += "s"
	}
	return unit + " " + spans(list, strconv.Itoa)
}

// enumerate returns "a", "a and b", "a, b and c".
func enumerate(items []string, conjunction string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " " + conjunction + " " + items[last]
}

// ordinal returns "1st", "2nd", …
func ordinal(n int) string {
	suffix := "th"
	if n/10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// englishClock formats a time of day, without seconds if they are 0.
func englishClock(hour, minute, second int) string {
	if second == 0 {
		return fmt.Sprintf("%02d:%02d", hour, minute)
	}
	return fmt.Sprintf("%02d:%02d:%02d", hour, minute, second)
}

func englishDate(t time.Time) string {
	return t.Format("2 January 2006 at ") + englishClock(t.Clock())
}

// englishExpiry formats a number of the form YYYYMMDDhhmmss.
func englishExpiry(digits int64) string {
	text := strconv.FormatInt(digits, 10)
	t, err := time.Parse("20060102150405", text)
	if err != nil {
		return text
	}
	return englishDate(t)
}

// areas are the first parts of zone names whose last part is a place, such as Europe/Berlin.
var areas = []string{
	"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
}

// englishPlaces maps zone names to places, as far as a place is unique.
var englishPlaces = sync.OnceValue(func() map[string]string {
	places, zones := map[string]string{}, map[string]string{}
	for _, zone := range cron.ZoneNames() {
		area, _, _ := strings.Cut(zone, "/")
		place := strings.ReplaceAll(zone[strings.LastIndexByte(zone, '/')+1:], "_", " ")
		if other, taken := zones[place]; taken {
			delete(places, other)
		} else if zones[place] = zone; slices.Contains(areas, area) {
			places[zone] = place
		}
	}
	return places
})

// englishZone returns "Berlin time" for Europe/Berlin, and the zone name if it does not end in a unique place.
func englishZone(name string) string {
	if place, ok := englishPlaces()[name]; ok {
		return place + " time"
	}
	return name
}
