package cron

import (
	"fmt"
	"strconv"
	"strings"
)

// CrontabField identifies a field of a crontab line.
type CrontabField int

// The fields, in the order of a line with six fields.
const (
	FieldNone CrontabField = iota // the whole line
	FieldSecond
	FieldMinute
	FieldHour
	FieldMonthDay
	FieldMonth
	FieldWeekday
	FieldTimezone // the value of CRON_TZ=
)

// String returns the name of the field, for logs.
func (f CrontabField) String() string {
	if f == FieldTimezone {
		return "time zone"
	}
	if f <= FieldNone || int(f) > len(crontabFields) {
		return "text"
	}
	return crontabFields[f-1].name
}

// CrontabReason says what is wrong with a crontab line.
type CrontabReason int

// The reasons. Each comment says what CrontabError.Text is, and which other fields are set.
const (
	CrontabCount       CrontabReason = iota // the line, which has neither Min nor Max fields
	CrontabSyntax                           // an element that cannot be parsed
	CrontabRange                            // a number outside Min to Max
	CrontabReversed                         // a range whose end is before its start
	CrontabStep                             // a step outside Min to Max
	CrontabUnsupported                      // an extension of another scheduler, such as ~, H or @reboot
	CrontabMacro                            // an unknown macro
	CrontabZone                             // an unknown time zone
	CrontabQuartz                           // a Quartz or AWS expression, which contains ?; Instead is an equivalent line, or ""
	CrontabCommand                          // a line that ends with a command; Instead is the line without it
	CrontabNearest                          // the weekday nearest to a day of the month, such as 15W or LW
	CrontabLastWeekday                      // the last given weekday of the month, such as 5L
	CrontabLast                             // L where it is not supported, such as L-3 or in another field than day of month
	CrontabWeek                             // a week outside Min to Max, such as MON#6
	CrontabMixed                            // a # in a combination of days that Schedule cannot represent
)

var crontabReasons = [...]string{
	"wrong number of fields", "cannot be read", "out of range", "reversed range", "step out of range", "not supported",
	"unknown macro", "unknown time zone", "a line of Quartz or AWS", "a command behind the fields",
	"nearest weekday not supported", "last weekday not supported", "L not supported here", "week out of range",
	"mixture with # not supported",
}

// CrontabError says why a crontab line is invalid.
type CrontabError struct {
	Field    CrontabField
	Text     string // the invalid part
	Reason   CrontabReason
	Min, Max int // the allowed range, if Reason is about one
	Instead  string
}

// Error returns the text for logs. Package message has the text for users.
func (e *CrontabError) Error() string {
	text := fmt.Sprintf("crontab %v %q: %s", e.Field, e.Text, crontabReasons[e.Reason])
	if e.Max != 0 {
		text += fmt.Sprintf(" (%d to %d)", e.Min, e.Max)
	}
	return text
}

// crontabFields are the fields in the order of their constants.
var crontabFields = [...]crontabField{
	{name: "second", low: 0, high: 59, largest: 59},
	{name: "minute", low: 0, high: 59, largest: 59},
	{name: "hour", low: 0, high: 23, largest: 23},
	{name: "day of month", low: 1, high: 31, largest: 31, day: true},
	{name: "month", low: 1, high: 12, largest: 12, names: "janfebmaraprmayjunjulaugsepoctnovdec"},
	{name: "day of week", low: 0, high: 6, largest: 7, names: "sunmontuewedthufrisat", day: true},
}

// crontabField says which values a field can have.
type crontabField struct {
	name      string
	low, high int
	largest   int    // the largest valid number: 7 is Sunday as well
	names     string // the names of the numbers from low on, three letters each
	day       bool   // day of month or day of week
}

// named returns the number for a name.
func (d crontabField) named(text string) (int, bool) {
	i := strings.Index(d.names, strings.ToLower(text))
	return d.low + i/3, len(text) == 3 && i >= 0 && i%3 == 0
}

// set returns the set of s for the field.
func (f CrontabField) set(s *Schedule) *Set {
	return [...]*Set{&s.Seconds, &s.Minutes, &s.Hours, &s.MonthDays, &s.Months, &s.Weekdays}[f-FieldSecond]
}

// crontabMacros maps each macro to its line. @reboot is not supported: it does not depend on the time.
var crontabMacros = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

// ParseCrontab parses the time part of a crontab line: five fields (minute, hour, day of month, month, day of week), six
// fields with the second first, or a macro such as @daily. CRON_TZ= or TZ= with a time zone can come before it. The error
// is a *CrontabError.
//
// A field is * or a list of numbers, ranges (10-50) and steps (*/5, 10-50/20, and 5/15, which runs to the end of the
// field). Months and days of the week have English names of three letters, ignoring case. 0 and 7 are Sunday, so sun can
// end a range (fri-sun). Other ranges must not end before they start, and a step must not be larger than its field. L in
// the day of month sets LastDay. MON#2 is the second Monday of the month.
//
// Days follows Vixie cron: a day must match both day fields if one of them starts with *, as in "0 0 1-7 * */7".
// Otherwise a day must match either. Unlike in Vixie cron, a field that lists all its days, such as 1-31, is the same
// as *.
//
// Timezone is "" if the line does not set it; the caller chooses one. With five fields, Seconds is {0}.
func ParseCrontab(text string) (Schedule, error) {
	fields := strings.Fields(text)
	var timezone string
	if len(fields) > 0 {
		if variable, zone, ok := strings.Cut(fields[0], "="); ok && (variable == "CRON_TZ" || variable == "TZ") {
			if zoneNamed(zone) == nil {
				return Schedule{}, &CrontabError{Field: FieldTimezone, Text: zone, Reason: CrontabZone}
			}
			timezone = zone
			fields = fields[1:]
		}
	}
	if err := foreignLine(fields); err != nil {
		return Schedule{}, err
	}
	if len(fields) > 0 && fields[0][0] == '@' {
		var err *CrontabError
		if fields, err = macroFields(fields); err != nil {
			return Schedule{}, err
		}
	}
	if len(fields) != 5 && len(fields) != 6 {
		return Schedule{}, &CrontabError{Text: text, Reason: CrontabCount, Min: 5, Max: 6}
	}
	s, err := parseFields(fields)
	if err != nil {
		return Schedule{}, err
	}
	s.Timezone = timezone
	return s, nil
}

// macroFields returns the fields that a macro stands for.
func macroFields(fields []string) ([]string, *CrontabError) {
	word := fields[0]
	line, ok := crontabMacros[strings.ToLower(word)]
	switch {
	case strings.EqualFold(word, "@reboot") || strings.EqualFold(word, "@every"):
		return nil, &CrontabError{Text: word, Reason: CrontabUnsupported}
	case !ok:
		return nil, &CrontabError{Text: word, Reason: CrontabMacro}
	case len(fields) == 1:
		return strings.Fields(line), nil
	case isCommand(fields[1]):
		return nil, &CrontabError{Text: strings.Join(fields, " "), Reason: CrontabCommand, Instead: word}
	}
	return nil, &CrontabError{Text: strings.Join(fields, " "), Reason: CrontabCount, Min: 5, Max: 6}
}

// parseFields parses five or six fields.
func parseFields(fields []string) (Schedule, *CrontabError) {
	s := Schedule{Seconds: SetOf(0)}
	first := FieldWeekday - CrontabField(len(fields)-1)
	var days specialDays
	for i, part := range fields {
		field := first + CrontabField(i)
		set, err := field.parse(part, &days)
		if err != nil {
			return Schedule{}, err
		}
		*field.set(&s) = set
	}
	monthDays, weekdays := fields[len(fields)-3], fields[len(fields)-1]
	if err := days.apply(&s, monthDays); err != nil {
		return Schedule{}, err
	}
	s.LastDay = days.last && !s.MonthDays.covers(1, 31) // days 1 to 31 include it
	if s.restrictsBothDays() && (days.pairs != 0 || monthDays[0] == '*' || weekdays[0] == '*') {
		s.Days = DaysBoth
	}
	return s, nil
}

// parse parses a field. It records L in the day of month, and elements with # in the day of week, in days.
func (f CrontabField) parse(text string, days *specialDays) (Set, *CrontabError) {
	var set Set
	for element := range strings.SplitSeq(text, ",") {
		switch {
		case element == "":
			return 0, &CrontabError{Field: f, Text: text, Reason: CrontabSyntax}
		case f == FieldMonthDay && strings.EqualFold(element, "L"):
			days.last = true
		case f == FieldWeekday && strings.Contains(element, "#"):
			if err := days.parse(element); err != nil {
				return 0, err
			}
		default:
			s, err := f.parseElement(element)
			if err != nil {
				return 0, err
			}
			set |= s
		}
	}
	if f == FieldWeekday {
		days.others = set != 0
		set |= days.weekdays
	}
	return set, nil
}

// parseElement parses one element of a list.
func (f CrontabField) parseElement(element string) (Set, *CrontabError) {
	def := crontabFields[f-1]
	values, stepText, stepped := strings.Cut(element, "/")
	step := 1
	if stepped {
		var err *CrontabError
		// A larger step would match the first value only, which is hardly what was meant.
		if step, err = f.number(element, stepText, 1, def.high-def.low+1, CrontabStep); err != nil {
			return 0, err
		}
	}
	if values == "*" && step == 1 {
		return Every, nil
	}

	first, last := def.low, def.high
	if values != "*" {
		var err *CrontabError
		low, high, ranged := strings.Cut(values, "-")
		if first, err = f.value(element, low); err != nil {
			return 0, err
		}
		switch {
		case ranged:
			if last, err = f.value(element, high); err != nil {
				return 0, err
			}
			if f == FieldWeekday && first > 0 && strings.EqualFold(high, "sun") {
				last = 7
			}
		case stepped:
			last = max(first, last)
		default:
			last = first
		}
		if last < first {
			return 0, &CrontabError{Field: f, Text: element, Reason: CrontabReversed}
		}
	}
	var set Set
	for n := first; n <= last; n += step {
		set |= SetOf(n)
	}
	if f == FieldWeekday && set.Has(7) {
		set = set&^SetOf(7) | SetOf(0)
	}
	return set, nil
}

// value parses a number or a name.
func (f CrontabField) value(element, text string) (int, *CrontabError) {
	def := crontabFields[f-1]
	if n, ok := def.named(text); ok {
		return n, nil
	}
	return f.number(element, text, def.low, def.largest, CrontabRange)
}

// number parses a decimal number without a sign. reason is that of the error if it is not from low to high.
func (f CrontabField) number(element, text string, low, high int, reason CrontabReason) (int, *CrontabError) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		if reason, ok := f.unsupported(text); ok {
			return 0, &CrontabError{Field: f, Text: element, Reason: reason}
		}
		return 0, &CrontabError{Field: f, Text: element, Reason: CrontabSyntax}
	}
	// A number that does not fit into an int is also out of range.
	if n, err := strconv.Atoi(text); err == nil && low <= n && n <= high {
		return n, nil
	}
	return 0, &CrontabError{Field: f, Text: text, Reason: reason, Min: low, Max: high}
}
