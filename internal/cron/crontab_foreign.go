package cron

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Lines from other programs are recognized so that the error can suggest an equivalent. Quartz and AWS EventBridge write ?
// in one of the day fields and count the days of the week from 1. A line of a crontab file has a command after its
// fields.

// foreignLine returns the error for a line, given without its time zone, that is from another program; nil otherwise.
func foreignLine(fields []string) *CrontabError {
	if len(fields) == 0 || fields[0][0] == '@' {
		return nil
	}
	if slices.Contains(fields[:min(len(fields), 6)], "?") {
		text := strings.Join(fields, " ")
		return &CrontabError{Text: text, Reason: CrontabQuartz, Instead: fromQuartz(fields)}
	}
	for _, n := range [...]int{5, 6} {
		if len(fields) <= n || !isCommand(fields[n]) {
			continue
		}
		line := strings.Join(fields[:n], " ")
		if _, err := parseFields(fields[:n]); err != nil {
			return err
		}
		return &CrontabError{Text: strings.Join(fields, " "), Reason: CrontabCommand, Instead: line}
	}
	return nil
}

// isCommand reports whether a word is neither a field nor an unsupported variant of one.
func isCommand(word string) bool {
	_, err := FieldWeekday.parse(word, new(specialDays))
	return err != nil && err.Reason == CrontabSyntax && strings.ContainsFunc(word, unicode.IsLetter)
}

// fromQuartz converts a Quartz or AWS expression to an equivalent line for ParseCrontab, or returns "" if there is none.
// Quartz has a field for the second at the start and an optional year at the end; AWS has only the year. The position of
// the ? tells them apart. With five fields it is unknown how days of the week are counted, so only names are accepted.
func fromQuartz(fields []string) string {
	line, weekday := slices.Clone(fields), -1
	switch at := slices.Index(line, "?"); {
	case len(line) == 5 && (at == 2 || at == 4):
		if strings.ContainsAny(line[4], "0123456789") {
			return ""
		}
		weekday = 4
	case len(line) == 6 && (at == 2 || at == 4):
		weekday = 4
	case (len(line) == 6 || len(line) == 7) && (at == 3 || at == 5):
		weekday = 5
	default:
		return ""
	}
	if year := line[weekday+1:]; len(year) > 0 && year[0] != "*" {
		return ""
	}
	line = line[:weekday+1]
	days, ok := fromQuartzDays(line[weekday])
	if !ok {
		return ""
	}
	line[weekday] = days
	for i, field := range line {
		if field == "?" {
			line[i] = "*"
		}
	}
	if len(line) == 6 && line[0] == "0" {
		line = line[1:]
	}
	if _, err := parseFields(line); err != nil {
		return ""
	}
	return strings.Join(line, " ")
}

// fromQuartzDays replaces the numbers of days of the week, which Quartz counts from 1 for Sunday, by names. Steps and the
// numbers after # do not change: */2 starts at Sunday in both.
func fromQuartzDays(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < '0' || c > '9' {
			b.WriteByte(c)
			continue
		}
		if i > 0 && (text[i-1] == '/' || text[i-1] == '#') {
			b.WriteByte(c)
			continue
		}
		n := int(c - '1')
		if c < '1' || c > '7' || i > 0 && unicode.IsDigit(rune(text[i-1])) {
			return "", false
		}
		b.WriteString(strings.ToUpper(crontabFields[FieldWeekday-1].names[3*n : 3*n+3]))
	}
	return b.String(), true
}

// specialDays collects the elements L and MON#2 of a line.
type specialDays struct {
	last            bool   // L
	weekdays, weeks Set    // of all elements like MON#2
	pairs           Set    // weekday*5 + week - 1 of each element
	text            string // the first element with #
	others          bool   // there are also days of the week without #
}

// parse parses an element with #.
func (d *specialDays) parse(element string) *CrontabError {
	dayText, weekText, _ := strings.Cut(element, "#")
	if strings.Contains(dayText, "-") {
		return &CrontabError{Field: FieldWeekday, Text: element, Reason: CrontabMixed}
	}
	day, err := FieldWeekday.value(element, dayText)
	if err != nil {
		return err
	}
	week, convErr := strconv.Atoi(weekText)
	if convErr != nil || week < 1 || week > 5 || len(weekText) != 1 {
		return &CrontabError{Field: FieldWeekday, Text: element, Reason: CrontabWeek, Min: 1, Max: 5}
	}
	day %= 7
	if d.text == "" {
		d.text = element
	}
	d.weekdays |= SetOf(day)
	d.weeks |= SetOf(week)
	d.pairs |= SetOf(day*5 + week - 1)
	return nil
}

// apply sets MonthDays of s to the days of the weeks: the second Monday is the Monday from the 8th to the 14th. This can
// only represent every combination of the given weekdays and weeks; otherwise the error is CrontabMixed.
func (d *specialDays) apply(s *Schedule, monthDays string) *CrontabError {
	if d.pairs == 0 {
		return nil
	}
	whole := len(d.pairs.Members()) == len(d.weekdays.Members())*len(d.weeks.Members())
	if d.others || !whole || monthDays != "*" {
		return &CrontabError{Field: FieldWeekday, Text: d.text, Reason: CrontabMixed}
	}
	s.MonthDays = weeksOfMonth(d.weeks)
	return nil
}

// weeksOfMonth returns the days of the month in the given weeks. Weeks 1 to 5 start on the 1st, 8th, 15th, 22nd and 29th.
func weeksOfMonth(weeks Set) (days Set) {
	for _, week := range weeks.Members() {
		days |= setRange(7*week-6, min(7*week, 31))
	}
	return days
}

// WeeksOfMonth returns the numbers of the weeks, from 1 to 5, that MonthDays consists of, such as 2 for 8 to 14. It is
// empty if MonthDays is not made up of whole weeks.
func (s *Schedule) WeeksOfMonth() []int {
	var weeks Set
	for week := 1; week <= 5; week++ {
		if s.MonthDays.Has(7*week - 6) {
			weeks |= SetOf(week)
		}
	}
	if s.LastDay || s.MonthDays != weeksOfMonth(weeks) {
		return nil
	}
	return weeks.Members()
}

// unsupported returns the reason for an element that only other schedulers support: 5L, 15W, LW, friL and L-3 of Quartz,
// ~ of OpenBSD and H of Jenkins. ok is false for any other element.
func (f CrontabField) unsupported(text string) (reason CrontabReason, ok bool) {
	text = strings.ToUpper(text)
	number := strings.TrimLeft(text, "0123456789")
	if len(number) == 4 {
		if _, named := crontabFields[FieldWeekday-1].named(number[:3]); named {
			number = number[3:]
		}
	}
	switch {
	case strings.Contains(text, "#"):
		return CrontabMixed, true
	case number == "W" || number == "LW":
		return CrontabNearest, true
	case number == "L" && text != "L" && f == FieldWeekday:
		return CrontabLastWeekday, true
	case number == "L":
		return CrontabLast, true
	}
	return CrontabUnsupported, strings.Contains(text, "~") || number == "H"
}
