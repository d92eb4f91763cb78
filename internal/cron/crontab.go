package cron

import (
	"fmt"
	"slices"
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
	CrontabUnsupported                      // Text: an extension of another scheduler such as L, W, #, ~, H or @reboot
	CrontabMacro                            // Text: no known word such as @daily
	CrontabZone                             // Text: no time zone
)

var crontabReasons = [...]string{
	"wrong number of fields", "cannot be read", "out of range", "reversed range", "step out of range", "not supported",
	"unknown macro", "unknown time zone",
}

// CrontabError says why the text of a crontab line was refused.
type CrontabError struct {
	Field    CrontabField
	Text     string // the offending part
	Reason   CrontabReason
	Min, Max int // the limits when Reason is about some
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
// ends a range too (fri-sun). No other range ends before it starts, and no step is larger than its field. In the fields
// for days ? is the same as *.
//
// The day fields combine as Schedule says, by what they leave out. Vixie cron asks instead whether the field starts
// with a star, so that both differ for a line like "0 0 */2 * 1".
//
// Timezone is "" when the text names none: it is the caller's to choose. Without a field for them, Seconds is 0 alone.
func ParseCrontab(text string) (Schedule, error) {
	s := Schedule{Seconds: SetOf(0)}
	fields := strings.Fields(text)
	if len(fields) > 0 {
		if variable, zone, ok := strings.Cut(fields[0], "="); ok && (variable == "CRON_TZ" || variable == "TZ") {
			if zoneNamed(zone) == nil {
				return Schedule{}, &CrontabError{Field: FieldTimezone, Text: zone, Reason: CrontabZone}
			}
			s.Timezone = zone
			fields = fields[1:]
		}
	}
	if len(fields) > 0 && fields[0][0] == '@' {
		word := fields[0]
		line, ok := crontabMacros[strings.ToLower(word)]
		switch {
		case strings.EqualFold(word, "@reboot") || strings.EqualFold(word, "@every"):
			return Schedule{}, &CrontabError{Text: word, Reason: CrontabUnsupported}
		case !ok:
			return Schedule{}, &CrontabError{Text: word, Reason: CrontabMacro}
		case len(fields) == 1:
			fields = strings.Fields(line)
		}
	}

	field := FieldSecond
	switch len(fields) {
	case 5:
		field = FieldMinute
	case 6:
	default:
		return Schedule{}, &CrontabError{Text: text, Reason: CrontabCount, Min: 5, Max: 6}
	}
	for _, part := range fields {
		set, err := field.parse(part)
		if err != nil {
			return Schedule{}, err
		}
		*field.set(&s) = set
		field++
	}
	return s, nil
}

// parse reads a field. The error is a *CrontabError.
func (f CrontabField) parse(text string) (Set, error) {
	if text == "?" && crontabFields[f-1].day {
		return Every, nil
	}
	var set Set
	for element := range strings.SplitSeq(text, ",") {
		if element == "" {
			return 0, &CrontabError{Field: f, Text: text, Reason: CrontabSyntax}
		}
		s, err := f.parseElement(element)
		if err != nil {
			return 0, err
		}
		set |= s
	}
	return set, nil
}

// parseElement reads one element of a list.
func (f CrontabField) parseElement(element string) (Set, error) {
	def := crontabFields[f-1]
	values, stepText, stepped := strings.Cut(element, "/")
	step := 1
	if stepped {
		var err error
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
		var err error
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
func (f CrontabField) value(element, text string) (int, error) {
	def := crontabFields[f-1]
	if n, ok := def.named(text); ok {
		return n, nil
	}
	return f.number(element, text, def.low, def.largest, CrontabRange)
}

// number reads a decimal number without a sign; reason is the one when it is not from low to high.
func (f CrontabField) number(element, text string, low, high int, reason CrontabReason) (int, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		if isForeign(text) {
			return 0, &CrontabError{Field: f, Text: element, Reason: CrontabUnsupported}
		}
		return 0, &CrontabError{Field: f, Text: element, Reason: CrontabSyntax}
	}
	// A number that is too long for an int is out of range as well.
	if n, err := strconv.Atoi(text); err == nil && low <= n && n <= high {
		return n, nil
	}
	return 0, &CrontabError{Field: f, Text: text, Reason: reason, Min: low, Max: high}
}

// isForeign recognizes what other schedulers have beyond crontab(5): Quartz's L, W and # as in 5L, 15W, LW, friL and
// fri#2, the ~ of OpenBSD, and the H of Jenkins.
func isForeign(text string) bool {
	text = strings.ToUpper(text)
	if strings.ContainsAny(text, "#~") {
		return true
	}
	text = strings.TrimLeft(text, "0123456789")
	if len(text) == 4 {
		if _, ok := crontabFields[FieldWeekday-1].named(text[:3]); ok {
			text = text[3:]
		}
	}
	return slices.Contains([]string{"L", "W", "LW", "H"}, text)
}

// Crontab is a short text that ParseCrontab reads as the sets of s: five fields, or six when Seconds is not 0 alone.
// Time zone, expiry and DST are not part of it. ok is false when a set is empty or holds a number out of its range,
// which no text can say.
func (s *Schedule) Crontab() (text string, ok bool) {
	field := FieldMinute
	if s.Seconds != SetOf(0) {
		field = FieldSecond
	}
	var fields []string
	for ; field <= FieldWeekday; field++ {
		def, set := crontabFields[field-1], *field.set(s)
		if _, bad := set.outside(def.low, def.high); bad || set == 0 {
			return "", false
		}
		fields = append(fields, def.render(set))
	}
	return strings.Join(fields, " "), true
}

// render is the shortest list of numbers, ranges and steps in ascending order. Where two are equally short, it starts
// with a plain number, or else with the element that covers more.
func (d crontabField) render(set Set) string {
	if set == Every {
		return "*"
	}
	members := set.Members()
	best := make([]string, len(members)+1) // best[i] is the list for the members from i on
	for i := len(members) - 1; i >= 0; i-- {
		last := min(i+1, len(members)-1) // of those from i on that are equally far from each other
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

// element is the text for members that are equally far from each other.
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
		// In a field for days Vixie cron takes what starts with a star for a star.
		text = "*"
	}
	return text + "/" + strconv.Itoa(step)
}
