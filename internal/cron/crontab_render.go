package cron

import (
	"strconv"
	"strings"
)

// Crontab returns a short crontab line that ParseCrontab parses to the sets of s: five fields, or six unless Seconds is
// {0}. The line does not include the time zone, ExpiresAt and DST. ok is false if no line can represent s: if a set is
// empty or has a number out of range, and for most combinations of days with DaysBoth.
func (s *Schedule) Crontab() (text string, ok bool) {
	field := FieldMinute
	if s.Seconds != SetOf(0) {
		field = FieldSecond
	}
	var fields []string
	for ; field <= FieldWeekday; field++ {
		def, set := crontabFields[field-1], *field.set(s)
		empty := set == 0 && !(s.LastDay && field == FieldMonthDay)
		if _, bad := set.outside(def.low, def.high); bad || empty {
			return "", false
		}
		fields = append(fields, def.render(set))
	}
	monthDays, weekdays := &fields[len(fields)-3], &fields[len(fields)-1]
	both := s.Days == DaysBoth && s.restrictsBothDays()
	switch {
	case both && !s.renderBoth(monthDays, weekdays):
		return "", false
	case !s.LastDay || s.MonthDays.covers(1, 31):
	case *monthDays == "":
		*monthDays = "L"
	default:
		*monthDays += ",L"
	}
	return strings.Join(fields, " "), true
}

// renderBoth changes the day fields so that a day must match both: one of them starts with *, as in Vixie cron, or uses #.
// ok is false if neither is possible.
func (s *Schedule) renderBoth(monthDays, weekdays *string) (ok bool) {
	starred, ok := crontabFields[FieldWeekday-1].starred(s.Weekdays)
	other, otherOK := crontabFields[FieldMonthDay-1].starred(s.MonthDays)
	weeks := s.WeeksOfMonth()
	switch {
	case ok && (!otherOK || len(starred)+len(*monthDays) <= len(*weekdays)+len(other)):
		*weekdays = starred
	case len(weeks) > 0 && (!otherOK || len(weeks) == 1):
		var pairs []string
		for _, day := range s.Weekdays.Members() {
			for _, week := range weeks {
				pairs = append(pairs, strconv.Itoa(day)+"#"+strconv.Itoa(week))
			}
		}
		*monthDays, *weekdays = "*", strings.Join(pairs, ",")
	case otherOK:
		*monthDays = other
	default:
		return false
	}
	return true
}

// starred returns a short list that starts with a step such as */2. ok is false if the set does not contain the first
// number of the field, so that there is no such list.
func (d crontabField) starred(set Set) (text string, ok bool) {
	for step := d.high - d.low + 1; step > 1; step-- {
		var covered Set
		for n := d.low; n <= d.high; n += step {
			covered |= SetOf(n)
		}
		if set&covered != covered {
			continue
		}
		list := "*/" + strconv.Itoa(step)
		if rest := set &^ covered; rest != 0 {
			list += "," + d.render(rest)
		}
		if !ok || len(list) <= len(text) {
			text, ok = list, true
		}
	}
	return text, ok
}

// render returns the shortest list of numbers, ranges and steps in ascending order. Of equally short lists, one that starts
// with a number is preferred, then one whose first element has more members.
func (d crontabField) render(set Set) string {
	if set == Every {
		return "*"
	}
	members := set.Members()
	best := make([]string, len(members)+1) // best[i] is the list for members[i:]
	for i := len(members) - 1; i >= 0; i-- {
		last := min(i+1, len(members)-1) // members[i:last+1] are evenly spaced
		for last+1 < len(members) && members[last+1]-members[last] == members[i+1]-members[i] {
			last++
		}
		for j := last; j >= i; j-- {
			list := d.element(members[i : j+1])
			if j+1 < len(members) {
				list += "," + best[j+1]
			}
			if n := len(best[i]); j == last || len(list) < n || len(list) == n && j == i {
				best[i] = list
			}
		}
	}
	return best[0]
}

// element returns the number, range or step for evenly spaced members.
func (d crontabField) element(members []int) string {
	first, last := members[0], members[len(members)-1]
	text := strconv.Itoa(first)
	if first == last {
		return text
	}
	step := members[1] - first
	text += "-" + strconv.Itoa(last)
	switch {
	case step == 1:
		return text
	case first == d.low && last+step > d.high && !d.day:
		// A day field that starts with * would change how the day fields combine.
		text = "*"
	}
	return text + "/" + strconv.Itoa(step)
}
