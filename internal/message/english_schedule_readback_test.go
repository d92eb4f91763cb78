package message_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// readBack reads the words for a schedule: what it says of the times of day, the days, and the rest. It works from the
// grammar of the sentences and shares nothing with what makes them.
type readBack struct {
	times                       map[int]bool // seconds of the day
	mdays, months, wdays        map[int]bool // those of no restriction are nil
	lastDay, both               bool
	zone, expiry                string
	wallClock, never, noneGiven bool
}

var (
	expiryPart = regexp.MustCompile(`^(.*), until (\d+ \w+ \d+ at [\d:]+)$`)
	zonePart   = regexp.MustCompile(`^(.*), ([^,]+)$`)
	dayPart    = regexp.MustCompile(`^(.*?)(?:, ((?:on |every |in |[MTWFS]\w+day).*))?$`)
	monthsPart = regexp.MustCompile(`^(.*?) ?\b(?:in|of) ([A-Z].*|every month)$`)
	stepsPart  = regexp.MustCompile(`^(\d+) to (\d+) in steps (\d+)$`)
	stepPart   = regexp.MustCompile(`^every (\d+)\w+ day from the (\d+)\w+ to the (\d+)\w+$`)
	periodPart = regexp.MustCompile(`^every (?:(\d+) )?(second|minute|hour)s?(?: (from .*))?$`)
	rangePart  = regexp.MustCompile(`from ([\d:]+) to ([\d:]+)`)
	weekPart   = regexp.MustCompile(`^the ((?:\d+\w\w(?:, | and | to )?)+) ([MTWFS]\w+day)$`)
	unitPart   = regexp.MustCompile(`^(?:at )?(second|minute|hour)s? (.*)$`)
)

type fataler interface{ Fatalf(string, ...any) }

func read(t fataler, words string) readBack {
	if strings.HasPrefix(words, "never, since no ") {
		return readBack{never: true, noneGiven: true}
	}
	r := readBack{times: map[int]bool{}}
	words, r.never = strings.CutSuffix(words, ": never, since there is no such day")
	if m := expiryPart.FindStringSubmatch(words); m != nil {
		words, r.expiry = m[1], m[2]
	}
	words, r.wallClock = strings.CutSuffix(words, ", skipped or repeated when the clocks change")
	m := zonePart.FindStringSubmatch(words)
	if m == nil {
		t.Fatalf("no zone in %q", words)
	}
	words, r.zone = m[1], m[2]
	if daily, ok := strings.CutPrefix(words, "every day at "); ok {
		r.readClock(t, "at "+daily)
		return r
	}
	m = dayPart.FindStringSubmatch(words)
	r.readClock(t, m[1])
	r.readDays(t, m[2])
	return r
}

func number(t fataler, text string) int {
	n, err := strconv.Atoi(strings.TrimRight(text, "stndrh"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return n
}

// list reads "a, b to c and d".
func list(t fataler, text string, value func(fataler, string) int) map[int]bool {
	set := map[int]bool{}
	if m := stepsPart.FindStringSubmatch(text); m != nil {
		for n := number(t, m[1]); n <= number(t, m[2]); n += number(t, m[3]) {
			set[n] = true
		}
		return set
	}
	for _, item := range regexp.MustCompile(`, | and | or `).Split(text, -1) {
		first, last, ranged := strings.Cut(item, " to ")
		if !ranged {
			last = first
		}
		from, to := value(t, first), value(t, last)
		if to < from {
			t.Fatalf("%q ends before it starts", item)
		}
		for n := from; n <= to; n++ {
			set[n] = true
		}
	}
	return set
}

func timeOfDay(t fataler, text string) int {
	for _, layout := range []string{"15:04", "15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.Hour()*3600 + at.Minute()*60 + at.Second()
		}
	}
	t.Fatalf("%q is no time of day", text)
	return 0
}

func (r *readBack) readClock(t fataler, words string) {
	units := map[string]int{"second": 1, "minute": 60, "hour": 3600}
	fields, fieldwise := map[string]map[int]bool{}, false
	for part := range strings.SplitSeq(strings.ReplaceAll(words, "steps of", "steps"), " of ") {
		switch m := unitPart.FindStringSubmatch(part); {
		case m != nil:
			fields[m[1]] = list(t, m[2], number)
			fieldwise = true
		case strings.Contains(words, " of "):
			fields[strings.TrimPrefix(part, "every ")] = nil // all of them
			fieldwise = true
		}
	}
	if !fieldwise {
		if m := periodPart.FindStringSubmatch(words); m != nil {
			step := units[m[2]]
			if m[1] != "" {
				step *= number(t, m[1])
			}
			periods := rangePart.FindAllStringSubmatch(m[3], -1)
			if periods == nil {
				periods = [][]string{{"", "00:00", "23:59:59"}}
			}
			for _, period := range periods {
				from, to := timeOfDay(t, period[1]), timeOfDay(t, period[2])
				if m[3] != "" && (to-from)%step != 0 {
					t.Fatalf("%q does not end with a time of its own", words)
				}
				for at := from; at <= to; at += step {
					r.times[at] = true
				}
			}
			return
		}
		r.times = list(t, strings.TrimPrefix(words, "at "), timeOfDay)
		return
	}
	if _, ok := fields["second"]; !ok {
		fields["second"] = map[int]bool{0: true}
	}
	for at := range 86400 {
		in := func(unit string, n int) bool { return fields[unit] == nil || fields[unit][n] }
		if in("hour", at/3600) && in("minute", at/60%60) && in("second", at%60) {
			r.times[at] = true
		}
	}
}

func month(t fataler, name string) int {
	for m := time.January; m <= time.December; m++ {
		if m.String() == name {
			return int(m)
		}
	}
	t.Fatalf("%q is no month", name)
	return 0
}

// weekday counts from Monday, so that ranges can end with Sunday.
func weekday(t fataler, name string) int {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if d.String() == name {
			return (int(d) + 6) % 7
		}
	}
	t.Fatalf("%q is no day of the week", name)
	return 0
}

func (r *readBack) readDays(t fataler, words string) {
	if m := monthsPart.FindStringSubmatch(words); m != nil {
		words = m[1]
		if m[2] != "every month" {
			r.months = list(t, m[2], month)
		}
	}
	if rest, ok := strings.CutPrefix(words, "on "); ok {
		mdays, any, either := strings.Cut(rest, " or any ")
		if m := weekPart.FindStringSubmatch(rest); m != nil {
			r.both, r.wdays, r.mdays = true, list(t, m[2], weekday), map[int]bool{}
			for week := range list(t, m[1], number) {
				for n := 7*week - 6; n <= min(7*week, 31); n++ {
					r.mdays[n] = true
				}
			}
			return
		}
		if all, found := strings.CutPrefix(rest, "any "); found {
			any, mdays, r.both = strings.Cut(all, " that falls on ")
			either = true
		}
		if mdays, r.lastDay = strings.CutSuffix(mdays, "the last day"); r.lastDay {
			mdays = strings.TrimSuffix(mdays, " and ")
		}
		if m := stepPart.FindStringSubmatch(mdays); m != nil {
			r.mdays = map[int]bool{}
			for n := number(t, m[2]); n <= number(t, m[3]); n += number(t, m[1]) {
				r.mdays[n] = true
			}
		} else if r.mdays = (map[int]bool{}); mdays != "" {
			r.mdays = list(t, strings.TrimPrefix(mdays, "the "), number)
		}
		if !either {
			return
		}
		words = any
	}
	if words != "" && words != "every day" {
		r.wdays = list(t, strings.TrimPrefix(words, "every "), weekday)
	}
}

// setOf is a restriction that was read as a set.
func setOf(members map[int]bool) cron.Set {
	if members == nil {
		return cron.Every
	}
	var s cron.Set
	for n := range members {
		s |= cron.SetOf(n)
	}
	return s
}

// full is Every for a set that leaves nothing out.
func full(s cron.Set, low, high int) cron.Set {
	for n := low; n <= high; n++ {
		if !s.Has(n) {
			return s
		}
	}
	return cron.Every
}

// drawSet draws a set that is not empty: regular ones, in all their kinds, and irregular ones.
func drawSet(t *rapid.T, name string, low, high int) cron.Set {
	var set cron.Set
	switch rapid.IntRange(0, 6).Draw(t, name) {
	case 0:
		return cron.Every
	case 1:
		return cron.SetOf(rapid.IntRange(low, high).Draw(t, name+", alone"))
	case 2:
		first := rapid.IntRange(low, high).Draw(t, name+", first")
		last := rapid.IntRange(first, high).Draw(t, name+", last")
		step := rapid.SampledFrom([]int{1, 1, 2, 3, 5, 7, 10, 15, 30}).Draw(t, name+", step")
		for n := first; n <= last; n += step {
			set |= cron.SetOf(n)
		}
	case 3:
		step := rapid.SampledFrom([]int{2, 3, 4, 5, 6, 10, 12, 15, 20, 30}).Draw(t, name+", step")
		for n := low + rapid.IntRange(0, min(step, high-low)-1).Draw(t, name+", first"); n <= high; n += step {
			set |= cron.SetOf(n)
		}
	case 4:
		set = cron.SetOf(rapid.SliceOfN(rapid.IntRange(low, high), 1, 5).Draw(t, name+", some")...)
	case 5:
		for n := low; n <= high; n++ {
			if rapid.Bool().Draw(t, name+", member") {
				set |= cron.SetOf(n)
			}
		}
		set |= cron.SetOf(rapid.IntRange(low, high).Draw(t, name+", one"))
	case 6:
		for n := low; n <= high; n++ {
			set |= cron.SetOf(n)
		}
		set &^= cron.SetOf(rapid.IntRange(low, high).Draw(t, name+", all but"))
	}
	return set
}

// TestWordsReadBack reads the words for random schedules back. That gives the same sets, so no two schedules with
// different ones share their words.
func TestWordsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := cron.Schedule{
			Timezone: rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Indiana/Knox", "Etc/GMT-14"}).Draw(t, "zone"),
			Seconds:  cron.SetOf(0), Minutes: drawSet(t, "minutes", 0, 59), Hours: drawSet(t, "hours", 0, 23),
			MonthDays: drawSet(t, "mdays", 1, 31), Months: drawSet(t, "months", 1, 12), Weekdays: drawSet(t, "wdays", 0, 6),
			DST:       cron.DSTRule(rapid.IntRange(0, 1).Draw(t, "rule")),
			Days:      cron.DayRule(rapid.IntRange(0, 1).Draw(t, "days")),
			LastDay:   rapid.Bool().Draw(t, "last day"),
			ExpiresAt: rapid.SampledFrom([]int64{0, 0, 20301231235959, 20300102030400}).Draw(t, "expiry"),
		}
		switch rapid.IntRange(0, 5).Draw(t, "special days") {
		case 0:
			s.MonthDays, s.LastDay = 0, true
		case 1:
			s.MonthDays = 0
			for range rapid.IntRange(1, 2).Draw(t, "weeks") {
				week := rapid.IntRange(1, 5).Draw(t, "week")
				for n := 7*week - 6; n <= min(7*week, 31); n++ {
					s.MonthDays |= cron.SetOf(n)
				}
			}
		}
		if rapid.Bool().Draw(t, "has seconds") {
			s.Seconds = drawSet(t, "seconds", 0, 59)
		}
		words := message.Default().Schedule(&s, time.Time{})
		got := read(t, words)

		want := cron.Schedule{
			Seconds: full(s.Seconds, 0, 59), Minutes: full(s.Minutes, 0, 59), Hours: full(s.Hours, 0, 23),
			MonthDays: full(s.MonthDays, 1, 31), Months: full(s.Months, 1, 12), Weekdays: full(s.Weekdays, 0, 6),
		}
		for at := range 86400 {
			due := want.Hours.Has(at/3600) && want.Minutes.Has(at/60%60) && want.Seconds.Has(at%60)
			if got.times[at] != due {
				t.Fatalf("%q: at %v", words, time.Duration(at)*time.Second)
			}
		}
		var sunday cron.Set // counted from Monday
		for n := range 7 {
			if want.Weekdays != cron.Every && want.Weekdays.Has(n) {
				sunday |= cron.SetOf((n + 6) % 7)
			}
		}
		if want.Weekdays == cron.Every {
			sunday = cron.Every
		}
		if setOf(got.mdays) != want.MonthDays || setOf(got.months) != want.Months || setOf(got.wdays) != sunday {
			t.Fatalf("%q: days of the month %v, months %v, days of the week %v", words, got.mdays, got.months, got.wdays)
		}
		restricted := want.MonthDays != cron.Every && want.Weekdays != cron.Every
		if got.lastDay != (s.LastDay && want.MonthDays != cron.Every) || got.both != (s.Days == cron.DaysBoth && restricted) {
			t.Fatalf("%q: last day %v, both %v", words, got.lastDay, got.both)
		}
		fixed := want.Minutes != cron.Every && want.Hours != cron.Every
		if got.wallClock != (s.DST == cron.DSTWallClock && fixed) || got.never != s.Never() {
			t.Fatalf("%q: wall clock %v, never %v", words, got.wallClock, got.never)
		}
		zones := map[string]string{
			"UTC": "UTC", "Europe/Berlin": "Berlin time", "America/Indiana/Knox": "Knox time", "Etc/GMT-14": "Etc/GMT-14",
		}
		expiries := map[int64]string{20301231235959: "31 December 2030 at 23:59:59", 20300102030400: "2 January 2030 at 03:04"}
		if got.zone != zones[s.Timezone] || got.expiry != expiries[s.ExpiresAt] {
			t.Fatalf("%q: zone %q, expiry %q", words, got.zone, got.expiry)
		}
	})
}

// TestWordsForAnything makes words for what no schedule should hold.
func TestWordsForAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.Map(rapid.Uint64(), func(n uint64) cron.Set { return cron.Set(n) })
		s := cron.Schedule{
			Timezone: rapid.String().Draw(t, "zone"), ExpiresAt: rapid.Int64().Draw(t, "expiry"),
			Seconds: set.Draw(t, "seconds"), Minutes: set.Draw(t, "minutes"), Hours: set.Draw(t, "hours"),
			MonthDays: set.Draw(t, "mdays"), Months: set.Draw(t, "months"), Weekdays: set.Draw(t, "wdays"),
			DST: cron.DSTRule(rapid.Int().Draw(t, "rule")),
		}
		if message.Default().Schedule(&s, time.Time{}) == "" {
			t.Fatal("no words")
		}
	})
}
