package message

import (
	"fmt"

	"punctual/internal/cron"
)

// englishCrontab says what is wrong with a crontab line, and what would be valid.
func englishCrontab(e *cron.CrontabError) string {
	text, field, values := quote(e.Text), englishField(e.Field), englishValues(e.Field)
	switch e.Reason {
	case cron.CrontabCount:
		return text + " is not a crontab line; write five fields (minute, hour, day of the month, month, day of the week), " +
			"six with the second before them, or a word such as @daily."
	case cron.CrontabSyntax:
		return fmt.Sprintf("%s makes no sense as the %s; write *, %s, a range such as %s, a step such as */2, "+
			"or several of these separated by commas.", text, field, values, englishExample(e.Field))
	case cron.CrontabRange:
		return fmt.Sprintf("%s is out of range as the %s; it must be %s.", text, field, values)
	case cron.CrontabReversed:
		return fmt.Sprintf("The range %s of the %s ends before it starts; write the earlier end first, or two ranges "+
			"separated by a comma.", text, field)
	case cron.CrontabStep:
		return fmt.Sprintf("%s is not a step for the %s; it must be %s.", text, field, englishRange(int64(e.Min), int64(e.Max)))
	case cron.CrontabUnsupported:
		if e.Field == cron.FieldNone {
			return text + " is not supported, since it names no time of day; write five fields, or a word such as @daily."
		}
		return fmt.Sprintf("%s is not supported as the %s: H, ~ and other extensions of crontab are not; "+
			"write *, %s, a range such as %s, or a step such as */2.", text, field, values, englishExample(e.Field))
	case cron.CrontabQuartz, cron.CrontabCommand, cron.CrontabNearest, cron.CrontabLastWeekday, cron.CrontabLast,
		cron.CrontabWeek, cron.CrontabMixed:
		return englishForeign(e)
	case cron.CrontabMacro:
		return text + " is not a known word; use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually."
	case cron.CrontabZone:
		return text + " is not a known time zone; write an IANA name as in CRON_TZ=Europe/Berlin."
	}
	return text + " is not valid in a crontab line."
}

// englishForeign does so for lines and elements from other programs.
func englishForeign(e *cron.CrontabError) string {
	text := quote(e.Text)
	switch e.Reason {
	case cron.CrontabQuartz:
		mend := "write * for ? and days of the week by their names, such as MON-FRI; leave a year off."
		if e.Instead != "" {
			mend = "write " + quote(e.Instead) + "."
		}
		return text + " is a line of Quartz or AWS, as its ? says; there days of the week are numbered from 1 for Sunday " +
			"to 7 for Saturday, here from 0 for Sunday to 6 for Saturday: " + mend
	case cron.CrontabCommand:
		return text + " has a command behind its time; leave the command off and write only " + quote(e.Instead) + "."
	case cron.CrontabNearest:
		return text + " is not supported: there is no weekday nearest to a day of the month; write days of the month, " +
			"L for the last one, or a weekday of a week such as MON#2."
	case cron.CrontabLastWeekday:
		return text + " is not supported: there is no last weekday of a month; write a weekday of a week such as MON#4, " +
			"or L as the day of the month for its last day."
	case cron.CrontabLast:
		return text + " is not supported: L is the last day of the month, and stands in that field alone or in a list " +
			"such as 1,15,L."
	case cron.CrontabWeek:
		return fmt.Sprintf("%s names no week of a month; the number after # must be %s.", text,
			englishRange(int64(e.Min), int64(e.Max)))
	}
	return text + " is not supported here: # takes one day of the week and the number of a week, with * as the day of the " +
		"month; several are possible when each day goes with each week, as in MON#1,MON#3."
}

func englishField(f cron.CrontabField) string {
	switch f {
	case cron.FieldSecond:
		return "second"
	case cron.FieldMinute:
		return "minute"
	case cron.FieldHour:
		return "hour"
	case cron.FieldMonthDay:
		return "day of the month"
	case cron.FieldMonth:
		return "month"
	case cron.FieldWeekday:
		return "day of the week"
	case cron.FieldTimezone:
		return "time zone"
	}
	return "line"
}

// englishValues describes the valid values of a field.
func englishValues(f cron.CrontabField) string {
	switch f {
	case cron.FieldSecond, cron.FieldMinute:
		return "a number from 0 to 59"
	case cron.FieldHour:
		return "a number from 0 to 23"
	case cron.FieldMonthDay:
		return "a number from 1 to 31"
	case cron.FieldMonth:
		return "a number from 1 to 12, a name from jan to dec"
	case cron.FieldWeekday:
		return "a number from 0 to 7 where 0 and 7 are Sunday, a name from mon to sun"
	}
	return "a number"
}

// englishExample returns an example of a range in a field.
func englishExample(f cron.CrontabField) string {
	switch f {
	case cron.FieldHour:
		return "9-17"
	case cron.FieldMonthDay:
		return "1-7"
	case cron.FieldMonth:
		return "jun-aug"
	case cron.FieldWeekday:
		return "mon-fri"
	}
	return "10-50"
}
