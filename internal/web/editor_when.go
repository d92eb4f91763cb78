package web

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// A schedule is written in one of several modes, each with controls of its own. All of them are on the page, and those of the other
// modes show the same schedule as far as they can. The control "mode" says which one counts.

// partSchedule is the key of the part that says when a job is due.
const partSchedule = "schedule"

// The modes.
const (
	modeEvery    = "every"
	modeDaily    = "daily"
	modeWeekdays = "weekdays"
	modeWeekly   = "weekly"
	modeMonthly  = "monthly"
	modeYearly   = "yearly"
	modeOnce     = "once"
	modeCustom   = "custom"
	modeCrontab  = "crontab"
)

// modes lists the modes in the order of the page. A schedule is shown in the first one that can express it.
var modes = []string{modeEvery, modeDaily, modeWeekdays, modeWeekly, modeMonthly, modeYearly, modeOnce, modeCrontab, modeCustom}

// panelControls are the controls of each mode.
var panelControls = map[string][]string{
	modeEvery: {"every", "everyAt"}, modeDaily: {"dailyTime"}, modeWeekdays: {"weekdaysTime"}, modeWeekly: {"weeklyDay", "weeklyTime"},
	modeMonthly: {"monthlyDay", "monthlyTime"}, modeYearly: {"yearlyMonth", "yearlyDay", "yearlyTime"}, modeOnce: {"onceAt"},
	modeCustom: {"minute", "hour", "mday", "lastDay", "month", "wday", "second", "days"}, modeCrontab: {"crontab"},
}

// The sets of weekdays.
var (
	workdays = cron.SetOf(1, 2, 3, 4, 5)
	monday   = cron.SetOf(1)
)

// setField is one of the sets of a schedule.
type setField struct {
	name      string // the control of the grid, or of the text for seconds
	field     string // of cron.JobFields
	of        func(*cron.Schedule) *cron.Set
	low, high int
}

var setFields = []setField{
	{"second", "/schedule/seconds", func(s *cron.Schedule) *cron.Set { return &s.Seconds }, 0, 59},
	{"minute", "/schedule/minutes", func(s *cron.Schedule) *cron.Set { return &s.Minutes }, 0, 59},
	{"hour", "/schedule/hours", func(s *cron.Schedule) *cron.Set { return &s.Hours }, 0, 23},
	{"mday", "/schedule/mdays", func(s *cron.Schedule) *cron.Set { return &s.MonthDays }, 1, 31},
	{"month", "/schedule/months", func(s *cron.Schedule) *cron.Set { return &s.Months }, 1, 12},
	{"wday", "/schedule/wdays", func(s *cron.Schedule) *cron.Set { return &s.Weekdays }, 0, 6},
}

// members lists a set within the range of its field.
func (f *setField) members(s cron.Set) []int {
	var list []int
	for n := f.low; n <= f.high; n++ {
		if s.Has(n) {
			list = append(list, n)
		}
	}
	return list
}

// setOf is the set of numbers; Every for all of the range.
func (f *setField) setOf(numbers []int) cron.Set {
	s := cron.SetOf(numbers...)
	if len(f.members(s)) == f.high-f.low+1 {
		return cron.Every
	}
	return s
}

// times is what of a schedule says at which local times it is due, in a form that can be compared.
func times(s *cron.Schedule) cron.Schedule {
	t := cron.Schedule{LastDay: s.LastDay, Days: s.Days}
	for _, f := range setFields {
		*f.of(&t) = f.setOf(f.members(*f.of(s)))
	}
	if t.MonthDays == cron.Every {
		t.LastDay = false
	}
	if t.MonthDays == cron.Every || t.Weekdays == cron.Every {
		t.Days = cron.DaysEither
	}
	return t
}

// whenParts are the parts of the section When.
var whenParts = []part{
	{
		key: partSchedule, fields: []string{"/runAt", "/schedule/timezone", "/schedule/seconds", "/schedule/minutes", "/schedule/hours", "/schedule/mdays",
			"/schedule/months", "/schedule/wdays", "/schedule/lastDay", "/schedule/days"},
		names: []string{"mode", "timezone", "every", "everyAt", "dailyTime", "weekdaysTime", "weeklyTime", "monthlyDay", "monthlyTime", "yearlyMonth", "yearlyDay",
			"yearlyTime", "onceAt", "second", "days", "crontab"},
		boxes: []string{"weeklyDay", "minute", "hour", "mday", "lastDay", "month", "wday"},
		show:  func(f url.Values, job *cron.Job, _ *time.Location) { showWhen(f, &job.Schedule, job.Timing.RunAt, "") },
		canon: sayWhen,
		words: func(w *wording, job *cron.Job) string {
			return w.catalogue.Schedule(&job.Schedule, job.Timing.RunAt)
		},
	},
	choicePart("dst", "/schedule/dst", "dst", func(j *cron.Job) *cron.DSTRule { return &j.Schedule.DST }, dstLabels...),
	{
		key: "expires", fields: []string{"/schedule/expiresAt"}, names: []string{"expires"},
		show:  func(f url.Values, job *cron.Job, _ *time.Location) { f.Set("expires", expiryText(job)) },
		read:  func(r *reading, job *cron.Job) { job.Schedule.ExpiresAt = r.expiry() },
		words: func(_ *wording, job *cron.Job) string { return strings.Replace(expiryText(job), "T", " ", 1) },
	},
	durationPart("spread", "/schedule/spreadSeconds", "spread", 0, func(j *cron.Job) *time.Duration { return &j.Timing.Spread }),
	{
		key: "paused", fields: []string{"/pausedUntil"}, names: []string{"paused"},
		show: func(f url.Values, job *cron.Job, zone *time.Location) {
			if f.Set("paused", ""); !job.Timing.PausedUntil.IsZero() {
				f.Set("paused", localText(job.Timing.PausedUntil.In(zone)))
			}
		},
		read:  func(r *reading, job *cron.Job) { job.Timing.PausedUntil = r.local("paused", r.zone) },
		words: func(w *wording, job *cron.Job) string { return w.until(job.Timing.PausedUntil) },
	},
	textPart("pause-note", "/pauseNote", "pauseNote", func(j *cron.Job) *string { return &j.Timing.PauseNote }),
}

// expiryLayout is the form of cron.Schedule.ExpiresAt.
const expiryLayout = "20060102150405"

func expiryText(job *cron.Job) string {
	at, err := time.Parse(expiryLayout, strconv.FormatInt(job.Schedule.ExpiresAt, 10))
	if job.Schedule.ExpiresAt == 0 || err != nil {
		return ""
	}
	return localText(at)
}

func (r *reading) expiry() int64 {
	at := r.local("expires", time.UTC) // a reading of the local clock, whatever the zone
	if at.IsZero() {
		return 0
	}
	n, _ := strconv.ParseInt(at.Format(expiryLayout), 10, 64)
	return n
}

// showWhen shows a schedule in all modes, and which of them expresses it. The controls of the mode keep, which was typed in, stay as
// they are.
func showWhen(f url.Values, s *cron.Schedule, runAt time.Time, keep string) {
	f.Set("timezone", s.Timezone)
	var express string
	for _, mode := range modes {
		guess := url.Values{"mode": {mode}, "timezone": {s.Timezone}}
		guessMode(guess, mode, s, runAt)
		if mode != keep {
			for _, name := range panelControls[mode] {
				f.Del(name)
				if values := guess[name]; values != nil {
					f[name] = values
				}
			}
		}
		if express == "" && expresses(guess, s, runAt) {
			express = mode
		}
	}
	if express == "" {
		express = modeCustom
		if !runAt.IsZero() {
			express = modeOnce
		}
	}
	if keep == "" {
		f.Set("mode", express)
	}
}

// expresses tells whether controls hold the times of a schedule.
func expresses(f url.Values, s *cron.Schedule, runAt time.Time) bool {
	r := reading{form: f, base: &cron.Job{Schedule: *s}}
	job := cron.Job{Schedule: *s}
	r.when(&job)
	return r.c.Err() == nil && times(&job.Schedule) == times(s) && job.Timing.RunAt.Equal(runAt) && job.Timing.RunAt.IsZero() == runAt.IsZero()
}

// firstOf is the first member of a set, and otherwise n.
func firstOf(i int, s *cron.Schedule, n int) int {
	f := &setFields[i]
	if members := f.members(*f.of(s)); len(members) > 0 && len(members) <= f.high-f.low {
		return members[0]
	}
	return n
}

// guessMode fills the controls of a mode with what comes closest to a schedule.
func guessMode(f url.Values, mode string, s *cron.Schedule, runAt time.Time) {
	clock := time.Date(2000, 1, 1, firstOf(2, s, 9), firstOf(1, s, 0), 0, 0, time.UTC).Format("15:04")
	mday, month := strconv.Itoa(firstOf(3, s, 1)), strconv.Itoa(firstOf(4, s, 1))
	switch mode {
	case modeEvery:
		guessEvery(f, s)
	case modeDaily, modeWeekdays:
		f.Set(mode+"Time", clock)
	case modeWeekly:
		f.Set("weeklyTime", clock)
		days := s.Weekdays
		if members := setFields[5].members(days); len(members) == 0 || len(members) == 7 {
			days = monday
		}
		addMembers(f, "weeklyDay", setFields[5].members(days))
	case modeMonthly:
		f.Set("monthlyTime", clock)
		f.Set("monthlyDay", mday)
		if s.LastDay && len(setFields[3].members(s.MonthDays)) == 0 {
			f.Set("monthlyDay", "last")
		}
	case modeYearly:
		f.Set("yearlyTime", clock)
		f.Set("yearlyDay", mday)
		f.Set("yearlyMonth", month)
	case modeOnce:
		f.Set("onceAt", "")
		if zone, err := cron.LoadZone(s.Timezone); err == nil && !runAt.IsZero() {
			f.Set("onceAt", localText(runAt.In(zone)))
		}
	case modeCustom:
		guessCustom(f, s)
	case modeCrontab:
		line, _ := s.Crontab()
		f.Set("crontab", line)
	}
}

// everySteps are the steps of minutes and hours that divide an hour and a day.
var everySteps = map[string][]int{"m": {1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30}, "h": {1, 2, 3, 4, 6, 8, 12}}

func guessEvery(f url.Values, s *cron.Schedule) {
	f.Set("every", "m15")
	f.Set("everyAt", "0")
	minutes, hours := setFields[1].members(s.Minutes), setFields[2].members(s.Hours)
	switch {
	case len(minutes) == 1 && len(hours) > 0 && slices.Contains(everySteps["h"], 24/len(hours)):
		f.Set("every", "h"+strconv.Itoa(24/len(hours)))
		f.Set("everyAt", strconv.Itoa(minutes[0]))
	case len(hours) == 24 && len(minutes) > 1 && slices.Contains(everySteps["m"], 60/len(minutes)):
		f.Set("every", "m"+strconv.Itoa(60/len(minutes)))
		f.Set("everyAt", strconv.Itoa(minutes[0]))
	}
}

func guessCustom(f url.Values, s *cron.Schedule) {
	for _, set := range setFields[1:] {
		addMembers(f, set.name, set.members(*set.of(s)))
	}
	setBox(f, "lastDay", s.LastDay)
	f.Set("days", strconv.Itoa(int(s.Days)))
	only := cron.Schedule{Seconds: s.Seconds, Minutes: cron.Every, Hours: cron.Every, MonthDays: cron.Every, Months: cron.Every, Weekdays: cron.Every}
	f.Set("second", "0")
	if line, ok := only.Crontab(); ok && len(strings.Fields(line)) == 6 {
		f.Set("second", strings.Fields(line)[0])
	}
}

func addMembers(f url.Values, name string, numbers []int) {
	for _, n := range numbers {
		f.Add(name, strconv.Itoa(n))
	}
}

// readSchedule reads the part of the schedule into job, and lists the fields that differ from the stored job.
func readSchedule(r *reading, job *cron.Job) (fields []string) {
	before := *job
	r.when(job)
	shown := url.Values{}
	showWhen(shown, &before.Schedule, before.Timing.RunAt, "")
	if r.text("mode") == modeOnce && sayWhen(r.form) == sayWhen(shown) { // a local time may come twice
		job.Timing.RunAt = before.Timing.RunAt
	}
	if job.Schedule.Timezone != before.Schedule.Timezone {
		fields = append(fields, "/schedule/timezone")
	}
	if !job.Timing.RunAt.Equal(before.Timing.RunAt) {
		fields = append(fields, "/runAt")
	}
	if times(&job.Schedule) == times(&before.Schedule) {
		return fields
	}
	for _, set := range setFields {
		fields = append(fields, set.field)
	}
	return append(fields, "/schedule/lastDay", "/schedule/days")
}

// sayWhen is what the form says of the schedule: by the controls of the mode that counts.
func sayWhen(f url.Values) string {
	return says(f, append([]string{"mode", "timezone"}, panelControls[f.Get("mode")]...)...)
}

// when reads when a job is due from the controls of the mode that counts.
func (r *reading) when(job *cron.Job) {
	s := &job.Schedule
	if r.form["timezone"] != nil {
		s.Timezone = strings.TrimSpace(r.text("timezone"))
	}
	if _, err := cron.LoadZone(s.Timezone); err != nil {
		r.wrong("timezone", cron.Problem{Rule: cron.RuleUnknownTimeZone, Given: s.Timezone})
	}
	mode := r.text("mode")
	if mode == modeOnce {
		r.once(job)
		return
	}
	t := cron.Schedule{Seconds: cron.SetOf(0), Minutes: cron.Every, Hours: cron.Every, MonthDays: cron.Every, Months: cron.Every, Weekdays: cron.Every}
	switch mode {
	case modeEvery:
		r.every(&t)
	case modeDaily, modeWeekdays:
		if r.clock(mode+"Time", &t); mode == modeWeekdays {
			t.Weekdays = workdays
		}
	case modeWeekly:
		r.clock("weeklyTime", &t)
		if t.Weekdays = r.grid(&setFields[5], "weeklyDay"); t.Weekdays == 0 {
			r.say("weeklyDay", "editor.weekly-missing")
		}
	case modeMonthly:
		r.clock("monthlyTime", &t)
		if t.LastDay = r.text("monthlyDay") == "last"; t.LastDay {
			t.MonthDays = 0
		} else {
			t.MonthDays = cron.SetOf(r.between("monthlyDay", 1, 31))
		}
	case modeYearly:
		r.clock("yearlyTime", &t)
		t.Months, t.MonthDays = cron.SetOf(r.between("yearlyMonth", 1, 12)), cron.SetOf(r.between("yearlyDay", 1, 31))
	case modeCustom:
		r.custom(&t)
	case modeCrontab:
		r.crontab(&t)
	default:
		r.wrong("mode", cron.Problem{Rule: cron.RuleUnknownValue, Given: mode})
	}
	for _, set := range setFields {
		*set.of(s) = *set.of(&t)
	}
	if s.LastDay, s.Days = t.LastDay, t.Days; t.Timezone != "" {
		s.Timezone = t.Timezone
	}
	job.Timing.RunAt = time.Time{}
}

// once reads the instant of a one-time job, which is given in the time zone of the job.
func (r *reading) once(job *cron.Job) {
	zone, err := cron.LoadZone(job.Schedule.Timezone)
	if err != nil {
		return // which is a problem already
	}
	if job.Timing.RunAt = r.local("onceAt", zone); strings.TrimSpace(r.text("onceAt")) == "" {
		r.wrong("onceAt", cron.Problem{Rule: cron.RuleMandatory})
	}
}

func (r *reading) every(t *cron.Schedule) {
	text := r.text("every")
	unit, step := text[:min(len(text), 1)], 0
	if len(text) > 1 {
		step, _ = strconv.Atoi(text[1:])
	}
	if !slices.Contains(everySteps[unit], step) {
		r.wrong("every", cron.Problem{Rule: cron.RuleUnknownValue, Given: text})
		return
	}
	if unit == "h" {
		t.Minutes, t.Hours = cron.SetOf(r.between("everyAt", 0, 59)), stepped(&setFields[2], 0, step)
		return
	}
	t.Minutes = stepped(&setFields[1], r.between("everyAt", 0, step-1), step)
}

// stepped is the set of numbers from first on, in steps.
func stepped(f *setField, first, step int) cron.Set {
	var numbers []int
	for n := first; n <= f.high; n += step {
		numbers = append(numbers, n)
	}
	return f.setOf(numbers)
}

// between reads a number of a range; the lowest if it is none.
func (r *reading) between(name string, low, high int) int {
	n, err := strconv.Atoi(strings.TrimSpace(r.text(name)))
	if err != nil || n < low || n > high {
		r.wrong(name, cron.Problem{Rule: cron.RuleOutOfRange, Given: r.text(name), Min: int64(low), Max: int64(high)})
		return low
	}
	return n
}

// clock reads a time of day.
func (r *reading) clock(name string, t *cron.Schedule) {
	text := strings.TrimSpace(r.text(name))
	for _, layout := range [...]string{"15:04", "15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			t.Hours, t.Minutes, t.Seconds = cron.SetOf(at.Hour()), cron.SetOf(at.Minute()), cron.SetOf(at.Second())
			return
		}
	}
	r.wrong(name, cron.Problem{Rule: cron.RuleClock, Given: text})
}

// grid reads the numbers of a set that are checked.
func (r *reading) grid(f *setField, name string) cron.Set {
	var numbers []int
	for _, text := range r.form[name] {
		n, err := strconv.Atoi(text)
		if err != nil || n < f.low || n > f.high {
			r.wrong(name, cron.Problem{Rule: cron.RuleOutOfRange, Given: text, Min: int64(f.low), Max: int64(f.high)})
			return 0
		}
		numbers = append(numbers, n)
	}
	return f.setOf(numbers)
}

func (r *reading) custom(t *cron.Schedule) {
	for i := range setFields[1:] {
		f := &setFields[i+1]
		*f.of(t) = r.grid(f, f.name)
	}
	t.LastDay = r.box("lastDay")
	t.Days = cron.DayRule(r.between("days", 0, len(dayLabels)-1))
	seconds, err := cron.ParseCrontab(strings.TrimSpace(r.text("second")) + " * * * * *")
	if err != nil {
		r.badCrontab("second", err)
	}
	t.Seconds = seconds.Seconds
}

func (r *reading) crontab(t *cron.Schedule) {
	text := strings.TrimSpace(r.text("crontab"))
	if text == "" {
		r.wrong("crontab", cron.Problem{Rule: cron.RuleMandatory})
		return
	}
	parsed, err := cron.ParseCrontab(text)
	if err != nil {
		r.badCrontab("crontab", err)
		return
	}
	*t = parsed
}

func (r *reading) badCrontab(name string, err error) {
	p := cron.Problem{Rule: cron.RuleCrontab, Given: r.text(name)}
	if e, ok := errors.AsType[*cron.CrontabError](err); ok {
		p.Crontab = e
	}
	r.wrong(name, p)
}
