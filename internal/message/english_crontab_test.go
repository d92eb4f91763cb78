package message_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// crontabProblem is what is wrong with a crontab line in words.
func crontabProblem(t *testing.T, line string) string {
	t.Helper()
	_, err := cron.ParseCrontab(line)
	e, ok := errors.AsType[*cron.CrontabError](err)
	if !ok {
		t.Fatalf("%s: %v", line, err)
	}
	return message.Default().Problem(cron.Problem{Rule: cron.RuleCrontab, Crontab: e})
}

func TestCrontabInWords(t *testing.T) {
	for line, want := range map[string]string{
		"* * *": `"* * *" is not a crontab line; write five fields (minute, hour, day of the month, month, day of the week), ` +
			`six with the second before them, or a word such as @daily.`,
		"5x * * * *": `"5x" makes no sense as the minute; write *, a number from 0 to 59, a range such as 10-50, a step such ` +
			`as */2, or several of these separated by commas.`,
		"* 24 * * *": `"24" is out of range as the hour; it must be a number from 0 to 23.`,
		"* * * * 8": `"8" is out of range as the day of the week; it must be a number from 0 to 7 where 0 and 7 are Sunday, ` +
			`a name from mon to sun.`,
		"* * 20-10 * *": `The range "20-10" of the day of the month ends before it starts; write the earlier end first, ` +
			`or two ranges separated by a comma.`,
		"*/0 * * * *": `"0" is not a step for the minute; it must be from 1 to 60.`,
		"H * * * *": `"H" is not supported as the minute: H, ~ and other extensions of crontab are not; write *, ` +
			`a number from 0 to 59, a range such as 10-50, or a step such as */2.`,
		"0 0 12 ? * 2-6": `"0 0 12 ? * 2-6" is a line of Quartz or AWS, as its ? says; there days of the week are numbered from ` +
			`1 for Sunday to 7 for Saturday, here from 0 for Sunday to 6 for Saturday: write "0 12 * * MON-FRI".`,
		"0 0 12 ? * 6L": `"0 0 12 ? * 6L" is a line of Quartz or AWS, as its ? says; there days of the week are numbered from ` +
			`1 for Sunday to 7 for Saturday, here from 0 for Sunday to 6 for Saturday: write * for ? and days of the week by ` +
			`their names, such as MON-FRI; leave a year off.`,
		"*/15 * * * * wget -q x": `"*/15 * * * * wget -q x" has a command behind its time; leave the command off and write ` +
			`only "*/15 * * * *".`,
		"* * 15W * *": `"15W" is not supported: there is no weekday nearest to a day of the month; write days of the month, ` +
			`L for the last one, or a weekday of a week such as MON#2.`,
		"* * * * 5L": `"5L" is not supported: there is no last weekday of a month; write a weekday of a week such as MON#4, ` +
			`or L as the day of the month for its last day.`,
		"* * L-3 * *": `"L-3" is not supported: L is the last day of the month, and stands in that field alone or in a list ` +
			`such as 1,15,L.`,
		"* * * * fri#6": `"fri#6" names no week of a month; the number after # must be from 1 to 5.`,
		"* * * * fri#2,mon": `"fri#2" is not supported here: # takes one day of the week and the number of a week, with * as ` +
			`the day of the month; several are possible when each day goes with each week, as in MON#1,MON#3.`,
		"@reboot": `"@reboot" is not supported, since it names no time of day; write five fields, or a word such as @daily.`,
		"@fortnightly": `"@fortnightly" is not a known word; use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or ` +
			`@annually.`,
		"TZ=Mars 0 0 * * *": `"Mars" is not a known time zone; write an IANA name as in CRON_TZ=Europe/Berlin.`,
	} {
		if got := crontabProblem(t, line); got != want {
			t.Errorf("%s:\n%s, want\n%s", line, got, want)
		}
	}
}

func TestEveryCrontabErrorHasASentence(t *testing.T) {
	for language, c := range catalogues() {
		for reasonName, reason := range constants(t, "CrontabReason") {
			seen := map[string]string{}
			for fieldName, field := range constants(t, "CrontabField") {
				e := &cron.CrontabError{
					Field: cron.CrontabField(field), Text: "TEXT", Reason: cron.CrontabReason(reason), Min: 17, Max: 42,
				}
				s := c.Problem(cron.Problem{Rule: cron.RuleCrontab, Crontab: e})
				checkSentence(t, fmt.Sprint(language, " ", reasonName, " ", fieldName), strings.TrimPrefix(s, `"`))
				if !strings.Contains(s, `"TEXT"`) {
					t.Errorf("%s does not say what is wrong in %q", language, s)
				}
				if s == c.Problem(cron.Problem{Rule: cron.RuleCrontab, Crontab: &cron.CrontabError{Text: "TEXT", Reason: unknown}}) {
					t.Errorf("%s has no sentence for %s", language, reasonName)
				}
				switch cron.CrontabReason(reason) {
				case cron.CrontabSyntax, cron.CrontabRange, cron.CrontabReversed, cron.CrontabStep, cron.CrontabUnsupported:
					if other, ok := seen[s]; ok {
						t.Errorf("%s says the same of %s and %s: %q", language, fieldName, other, s)
					}
					seen[s] = fieldName
				}
			}
		}
	}
}

func TestALongCrontabLineIsClipped(t *testing.T) {
	if s := crontabProblem(t, strings.Repeat("\x00*", 5000)); len(s) > 1000 {
		t.Errorf("the sentence has %d bytes", len(s))
	}
}
