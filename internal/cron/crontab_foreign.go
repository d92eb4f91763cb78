package cron

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The lines of other programs: Quartz and AWS write ? for one of the day fields and count days of the week from 1, and
// a crontab has a command behind its fields.

// foreignLine tells what is wrong with a line, without its time zone, that is not ours as a whole; nil when it may be.
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

// isCommand reports whether a word is no field of a line, and not meant for one.
func isCommand(word string) bool {
	_, err := FieldWeekday.parse(word, new(specialDays))
	return err != nil && err.Reason == CrontabSyntax && strings.ContainsFunc(word, unicode.IsLetter)
}

// fromQuartz is a line of Quartz or AWS as ParseCrontab reads it, or "" when there is none that means the same. Quartz
// has the second before and may have a year behind, AWS has the year only; where the ? stands tells them apart. With
// five fields nobody knows how days of the week are counted, so that only names are taken over.
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

// fromQuartzDays names the days of the week, which Quartz counts from 1 for Sunday. The numbers of steps and behind #
// stay as they are; a step of all days starts at Sunday in both.
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

// specialDays is what L, and MON#2 and the like, say in a line.
type specialDays struct {
	last            bool   // L
	weekdays, weeks Set    // of MON#2
	pairs           Set    // the same together: weekday*5 + week - 1
	text            string // the first of them as it was written
	others          bool   // there are days of the week without a # too
}

// parse reads an element that holds a #.
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

// apply makes them days of the month that have to be those days of the week: the second Monday is the one from the 8th
// to the 14th. That says all pairs of the days and weeks, and no fewer.
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

// weeksOfMonth is the days of the month of the weeks 1 to 5, which start with the 1st, 8th, 15th, 22nd and 29th.
func weeksOfMonth(weeks Set) (days Set) {
	for _, week := range weeks.Members() {
		days |= setRange(7*week-6, min(7*week, 31))
	}
	return days
}

// WeeksOfMonth is the inverse for MonthDays that are whole weeks, such as 8 to 14: their numbers, or none.
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

// unsupported names what a word means that other schedulers have beyond crontab(5), as Quartz's 5L, 15W, LW, friL and
// L-3, the ~ of OpenBSD, and the H of Jenkins; ok is false when it is none of them.
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
