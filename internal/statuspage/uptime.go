package statuspage

import (
	"sort"
	"time"
)

// DurationsOf adds up the parts of stretches that lie between two instants.
func DurationsOf(stretches []Stretch, from, to time.Time) (t Durations) {
	for _, s := range stretches {
		begin, end := s.From, s.To
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		if begin.Before(end) {
			t[s.State] += end.Sub(begin)
		}
	}
	return t
}

// Add adds other times.
func (t *Durations) Add(o Durations) {
	for i := range t {
		t[i] += o[i]
	}
}

// Uptime is the share of the time in which a component was up, from 0 to 1; known is false when nothing is known of it.
//
//	                     operational + degraded
//	uptime = ──────────────────────────────────────────────
//	         operational + degraded + partial + major outage
//
// Unknown is left out. So is maintenance, unless withMaintenance counts it as time in which the component was not up.
func (t Durations) Uptime(withMaintenance bool) (share float64, known bool) {
	up := t[Operational] + t[Degraded]
	all := up + t[PartialOutage] + t[MajorOutage]
	if withMaintenance {
		all += t[Maintenance]
	}
	if all == 0 {
		return 0, false
	}
	return float64(up) / float64(all), true
}

const secondsOfDay = 24 * 60 * 60

// civilDay is the day, since 1970, on the calendar of a zone.
func civilDay(at time.Time, zone *time.Location) int64 {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay
}

// DayStart is when a day of a zone begins, which is numbered since 1970. It ends when the next one begins. A day with a clock change has
// 23 or 25 hours, and one that a zone left out has none.
func DayStart(day int64, zone *time.Location) time.Time {
	midnight := time.Unix(day*secondsOfDay, 0).UTC()
	y, m, d := midnight.Date()
	if at := time.Date(y, m, d, 0, 0, 0, 0, zone); civilDay(at, zone) == day && civilDay(at.Add(-time.Millisecond), zone) == day-1 {
		return at.UTC()
	}
	// Where the clock is changed at midnight, the day begins at another time of day.
	const reach = 48 * 60 * 60
	first := midnight.Unix() - reach
	n := sort.Search(2*reach, func(i int) bool { return civilDay(time.Unix(first+int64(i), 0), zone) >= day })
	return time.Unix(first+int64(n), 0).UTC()
}

// DayOf is the day of a zone, since 1970, in which an instant lies.
func DayOf(at time.Time, zone *time.Location) int64 {
	day := civilDay(at, zone)
	switch {
	case at.Before(DayStart(day, zone)):
		return day - 1
	case !at.Before(DayStart(day+1, zone)):
		return day + 1
	}
	return day
}

// Days adds up stretches by days of a zone, one after another from the day first on. The last day can be one that is not over, and a day that
// the zone left out has no time.
func Days(stretches []Stretch, first int64, zone *time.Location) []Day {
	if len(stretches) == 0 {
		return nil
	}
	end := stretches[len(stretches)-1].To
	var days []Day
	begin := DayStart(first, zone)
	for i, day := 0, first; begin.Before(end); day++ {
		next := DayStart(day+1, zone)
		for i < len(stretches)-1 && !stretches[i].To.After(begin) {
			i++
		}
		last := i
		for last < len(stretches)-1 && stretches[last].To.Before(next) {
			last++
		}
		days = append(days, Day{begin.In(zone), DurationsOf(stretches[i:last+1], begin, next)})
		begin = next
	}
	return days
}
