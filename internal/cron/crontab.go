package cron

import (
	"fmt"
	"strconv"
	"strings"
)

// CrontabField is a part of the text of a crontab line.
type CrontabField int

// The parts of the text.
const (
	FieldNone CrontabField = iota // the text as a whole
	FieldSecond
	FieldMinute
	FieldHour
	FieldMonthDay
	FieldMonth
	FieldWeekday
	FieldTimezone // what CRON_TZ= names
)

// String is the field in words, for logs.
func (f CrontabField) String() string {
	if f == FieldTimezone {
		return "time zone"
	}
	if f <= FieldNone || int(f) > len(crontabFields) {
		return "text"
	}
	return crontabFields[f-1].name
}

// CrontabReason says what is wrong with the text of a crontab line.
type CrontabReason int

// The reasons. The comment says what the fields of CrontabError hold.
const (
	CrontabCount       CrontabReason = iota // Text: all of it, which has neither Min nor Max fields
	CrontabSyntax                           // Text: no number, name, range, step or list of the field
	CrontabRange                            // Text: a number that is not from Min to Max
	CrontabReversed                         // Text: a range that ends before it starts
	CrontabStep                             // Text: a step that is not from Min to Max
	CrontabUnsupported                      // Text: an extension of another scheduler such as ~, H or @reboot
	CrontabMacro                            // Text: no known word such as @daily
	CrontabZone                             // Text: no time zone
	CrontabQuartz                           // Text: a line of Quartz or AWS, which has a ?; Instead: what means the same, or ""
	CrontabCommand                          // Text: a line with a command behind; Instead: its fields
	CrontabNearest                          // Text: the weekday nearest to a day of the month, as 15W or LW
	CrontabLastWeekday                      // Text: the last of the month on a day of the week, as 5L
	CrontabLast                             // Text: L where it cannot stand, as in L-3 or outside the day of the month
	CrontabWeek                             // Text: MON#6, where the week is not from Min to Max
	CrontabMixed                            // Text: a # together with days that Schedule cannot say at once
)

var crontabReasons = [...]string{
	"wrong number of fields", "cannot be read", "out of range", "reversed range", "step out of range", "not supported",
	"unknown macro", "unknown time zone", "a line of Quartz or AWS", "a command behind the fields",
	"nearest weekday not supported", "last weekday not supported", "L not supported here", "week out of range",
	"mixture with # not supported",
}

// CrontabError says why the text of a crontab line was refused.
type CrontabError struct {
	Field    CrontabField
	Text     string // the offending part
	Reason   CrontabReason
	Min, Max int // the limits when Reason is about some
	Instead  string
}

// Error is the text for logs; people read the sentences of package message.
func (e *CrontabError) Error() string {
	text := fmt.Sprintf("crontab %v %q: %s", e.Field, e.Text, crontabReasons[e.Reason])
	if e.Max != 0 {
		text += fmt.Sprintf(" (%d to %d)", e.Min, e.Max)
	}
	return text
}

// crontabFields are the fields in the order of a line of six, which is that of the constants.
var crontabFields = [...]crontabField{
	{name: "second", low: 0, high: 59, largest: 59},
	{name: "minute", low: 0, high: 59, largest: 59},
	{name: "hour", low: 0, high: 23, largest: 23},
	{name: "day of month", low: 1, high: 31, largest: 31, day: true},
	{name: "month", low: 1, high: 12, largest: 12, names: "janfebmaraprmayjunjulaugsepoctnovdec"},
	{name: "day of week", low: 0, high: 6, largest: 7, names: "sunmontuewedthufrisat", day: true},
}

// crontabField is what can stand in a field.
type crontabField struct {
	name      string
	low, high int
	largest   int    // the greatest number that can be written; 7 is Sunday too
	names     string // three letters for each number from low
	day       bool   // of the two fields of which either one lets a day match
}

// named is the number with the given name.
func (d crontabField) named(text string) (int, bool) {
	i := strings.Index(d.names, strings.ToLower(text))
	return d.low + i/3, len(text) == 3 && i >= 0 && i%3 == 0
}

// set returns the member of s that belongs to the field.
func (f CrontabField) set(s *Schedule) *Set {
	return [...]*Set{&s.Seconds, &s.Minutes, &s.Hours, &s.MonthDays, &s.Months, &s.Weekdays}[f-FieldSecond]
}

// crontabMacros are the words that stand for a whole line. @reboot is no time.
var crontabMacros = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

// ParseCrontab reads the time part of a crontab line: five fields (minute, hour, day of month, month, day of week), or
// six with the second before them, or a word such as @daily, after CRON_TZ= or TZ= with a time zone or without. The
// error is a *CrontabError.
//
// A field is *, or a list of numbers, ranges (10-50) and steps (*/5, 10-50/20, and 5/15, which ends where the field
// does). Months and days of the week have English names of three letters in any case. 0 and 7 are Sunday, so that sun
// ends a range too (fri-sun). No other range ends before it starts, and no step is larger than its field. L in the list
// of days of the month is LastDay. MON#2 is the second Monday of the month.
//
// Days follows Vixie cron: both day fields must hold when one of them starts with a star, as in "0 0 1-7 * */7". A field
// that names all its days without one, such as 1-31, counts as * though.
//
// Timezone is "" when the text names none: it is the caller's to choose. Without a field for them, Seconds is 0 alone.
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

// macroFields is the fields that a line such as @daily stands for, or the line as it is when more follows that is no
// command.
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

// parseFields reads five or six fields.
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
	s.LastDay = days.last && !s.MonthDays.covers(1, 31) // which it is one of
	if s.restrictsBothDays() && (days.pairs != 0 || monthDays[0] == '*' || weekdays[0] == '*') {
		s.Days = DaysBoth
	}
	return s, nil
}

// parse reads a field. L as a day of the month and what has a # as a day of the week go to days.
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

// parseElement reads one element of a list.
func (f CrontabField) parseElement(element string) (Set, *CrontabError) {
	def := crontabFields[f-1]
	values, stepText, stepped := strings.Cut(element, "/")
	step := 1
	if stepped {
		var err *CrontabError
		// A larger step would quietly mean something else than what it says.
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

// value reads a number or a name.
func (f CrontabField) value(element, text string) (int, *CrontabError) {
	def := crontabFields[f-1]
	if n, ok := def.named(text); ok {
		return n, nil
	}
	return f.number(element, text, def.low, def.largest, CrontabRange)
}

// number reads a decimal number without a sign; reason is the one when it is not from low to high.
func (f CrontabField) number(element, text string, low, high int, reason CrontabReason) (int, *CrontabError) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		if reason, ok := f.unsupported(text); ok {
			return 0, &CrontabError{Field: f, Text: element, Reason: reason}
		}
		return 0, &CrontabError{Field: f, Text: element, Reason: CrontabSyntax}
	}
	// A number that is too long for an int is out of range as well.
	if n, err := strconv.Atoi(text); err == nil && low <= n && n <= high {
		return n, nil
	}
	return 0, &CrontabError{Field: f, Text: text, Reason: reason, Min: low, Max: high}
}
