package message_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// scheduleOf reads a crontab line, UTC unless it names a zone.
func scheduleOf(t testing.TB, line string) cron.Schedule {
	t.Helper()
	s, err := cron.ParseCrontab(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if s.Timezone == "" {
		s.Timezone = "UTC"
	}
	return s
}

func TestScheduleInWords(t *testing.T) {
	const berlin = "CRON_TZ=Europe/Berlin "
	for _, test := range []struct {
		line  string
		edit  func(*cron.Schedule)
		words string
	}{
		// Around the clock.
		{"* * * * * *", nil, "every second, UTC"},
		{"*/10 * * * * *", nil, "every 10 seconds, UTC"},
		{"0,30 * * * * *", nil, "every 30 seconds, UTC"},
		{"* * * * *", nil, "every minute, UTC"},
		{"*/5 * * * *", nil, "every 5 minutes, UTC"},
		{"0,30 * * * *", nil, "every 30 minutes, UTC"},
		{"0 * * * *", nil, "every hour, UTC"},
		{"0 */6 * * *", nil, "every 6 hours, UTC"},
		{"0 */8 * * *", nil, "every 8 hours, UTC"},

		// Times of day.
		{berlin + "0 3 * * *", nil, "every day at 03:00, Berlin time"},
		{berlin + "30 3 * * 0", nil, "at 03:30, every Sunday, Berlin time"},
		{berlin + "15 0 3 * * *", nil, "every day at 03:00:15, Berlin time"},
		{berlin + "0 9,17 * * 1-5", nil, "at 09:00 and 17:00, Monday to Friday, Berlin time"},
		{"0 0,12 * * *", nil, "every day at 00:00 and 12:00, UTC"},
		{"0 1,12,23 * * *", nil, "every day at 01:00, 12:00 and 23:00, UTC"},
		{"0 8-12/2 * * *", nil, "every day at 08:00, 10:00 and 12:00, UTC"},
		{"0,30 9,17 * * *", nil, "every day at 09:00, 09:30, 17:00 and 17:30, UTC"},
		{"*/20 0 3 * * *", nil, "every day at 03:00, 03:00:20 and 03:00:40, UTC"},
		{"5,7,8 2 * * *", nil, "every day at 02:05, 02:07 and 02:08, UTC"},

		// Every so often, in a part of the day.
		{
			berlin + "*/15 9-17 * * 1-5", nil,
			"every 15 minutes from 09:00 to 17:45, Monday to Friday, Berlin time",
		},
		{"0 9-17 * * *", nil, "every hour from 09:00 to 17:00, UTC"},
		{"30 9-17 * * *", nil, "every hour from 09:30 to 17:30, UTC"},
		{"30 */6 * * *", nil, "every 6 hours from 00:30 to 18:30, UTC"},
		{"0 8-14/2 * * *", nil, "every 2 hours from 08:00 to 14:00, UTC"},
		{"1-59/2 * * * *", nil, "every 2 minutes from 00:01 to 23:59, UTC"},
		{"0,30 9-17 * * *", nil, "every 30 minutes from 09:00 to 17:30, UTC"},
		{"5/15 9-17 * * *", nil, "every 15 minutes from 09:05 to 17:50, UTC"},
		{"15 */15 9-17 * * *", nil, "every 15 minutes from 09:00:15 to 17:45:15, UTC"},
		{"* 9-17 * * *", nil, "every minute from 09:00 to 17:59, UTC"},
		{"* 9 * * *", nil, "every minute from 09:00 to 09:59, UTC"},
		{"0-29 9 * * *", nil, "every minute from 09:00 to 09:29, UTC"},
		{"10-40/10 9 * * *", nil, "every 10 minutes from 09:10 to 09:40, UTC"},
		{"15 * 8-9 * * *", nil, "every minute from 08:00:15 to 09:59:15, UTC"},
		{"*/10 * 9-17 * * *", nil, "every 10 seconds from 09:00 to 17:59:50, UTC"},
		{"* 5-9 9 * * *", nil, "every second from 09:05 to 09:09:59, UTC"},
		{"* 0 3 * * *", nil, "every second from 03:00 to 03:00:59, UTC"},
		{"10-40/10 0 3 * * *", nil, "every 10 seconds from 03:00:10 to 03:00:40, UTC"},
		{
			"*/10 9-11,14-16 * * *", nil,
			"every 10 minutes from 09:00 to 11:50 and from 14:00 to 16:50, UTC",
		},
		{
			"*/15 0-5,22,23 * * *", nil,
			"every 15 minutes from 00:00 to 05:45 and from 22:00 to 23:45, UTC",
		},
		{
			"*/20 1,3,5 * * *", nil,
			"every 20 minutes from 01:00 to 01:40, from 03:00 to 03:40 and from 05:00 to 05:40, UTC",
		},

		// Field by field.
		{"30 * * * *", nil, "at minute 30 of every hour, UTC"},
		{"30 * * * * *", nil, "at second 30 of every minute, UTC"},
		{"15 30 * * * *", nil, "at second 15 of minute 30 of every hour, UTC"},
		{"5/15 * * * *", nil, "at minutes 5, 20, 35 and 50 of every hour, UTC"},
		{"*/7 * * * *", nil, "at minutes 0 to 56 in steps of 7 of every hour, UTC"},
		{"*/5 */2 * * *", nil, "at minutes 0 to 55 in steps of 5 of hours 0 to 22 in steps of 2, UTC"},
		{"5/10 * * * * *", nil, "at seconds 5, 15, 25, 35, 45 and 55 of every minute, UTC"},
		{"1,4,8 * * * * *", nil, "at seconds 1, 4 and 8 of every minute, UTC"},
		{"0,20 9-17 * * *", nil, "at minutes 0 and 20 of hours 9 to 17, UTC"},
		{"0-9 1,2 * * *", nil, "at minutes 0 to 9 of hours 1 and 2, UTC"},
		{"1,7,22 3,5-9,12 * * *", nil, "at minutes 1, 7 and 22 of hours 3, 5 to 9 and 12, UTC"},
		{"* 1,3,5,7 * * *", nil, "every minute of hours 1, 3, 5 and 7, UTC"},
		{"* 3,7 * * * *", nil, "every second of minutes 3 and 7 of every hour, UTC"},
		{"*/30 1,3 1,5 * * *", nil, "at seconds 0 and 30 of minutes 1 and 3 of hours 1 and 5, UTC"},
		{"0 0-5,22,23 * * *", nil, "at minute 0 of hours 0 to 5, 22 and 23, UTC"},

		// Days and months.
		{"0 6 1 * *", nil, "at 06:00, on the 1st of every month, UTC"},
		{"0 6 2,3,11-13,22,31 * *", nil, "at 06:00, on the 2nd, 3rd, 11th to 13th, 22nd and 31st of every month, UTC"},
		{"0 6 1,15 1,7 *", nil, "at 06:00, on the 1st and 15th of January and July, UTC"},
		{"0 6 */2 * *", nil, "at 06:00, on every 2nd day from the 1st to the 31st of every month, UTC"},
		{"0 6 1,11,21,31 * *", nil, "at 06:00, on the 1st, 11th, 21st and 31st of every month, UTC"},
		{"0 6 29 2 *", nil, "at 06:00, on the 29th of February, UTC"},
		{"0 6 * 6-8,12 *", nil, "at 06:00, every day in June to August and December, UTC"},
		{"*/5 * * 12 *", nil, "every 5 minutes, in December, UTC"},
		{"*/5 * * 1 6,0", nil, "every 5 minutes, Saturday and Sunday in January, UTC"},
		{"0 6 * * 1,3,5", nil, "at 06:00, Monday, Wednesday and Friday, UTC"},
		{"0 6 * * 5-7", nil, "at 06:00, Friday to Sunday, UTC"},
		{"0 6 * 1 1", nil, "at 06:00, every Monday in January, UTC"},
		{"0 6 13 * 5", nil, "at 06:00, on the 13th or any Friday of every month, UTC"},
		{
			"*/15 9-17 1-7 6,7 1-3", nil,
			"every 15 minutes from 09:00 to 17:45, on the 1st to 7th or any Monday, Tuesday or Wednesday of June and July, UTC",
		},
		{"1 1 1-7 * */7", nil, "at 01:01, on the 1st Sunday of every month, UTC"},
		{"0 0 */2 * SUN", nil, "at 00:00, on any Sunday that falls on every 2nd day from the 1st to the 31st of every month, UTC"},
		{"0 0 * 3 MON#2,MON#4", nil, "at 00:00, on the 2nd and 4th Monday of March, UTC"},
		{"0 0 * * MON#5,FRI#5", nil, "at 00:00, on any Monday or Friday that falls on the 29th to 31st of every month, UTC"},
		{
			"0 6 13 * 5", func(s *cron.Schedule) { s.Days = cron.DaysBoth },
			"at 06:00, on any Friday that falls on the 13th of every month, UTC",
		},
		{"0 6 L * *", nil, "at 06:00, on the last day of every month, UTC"},
		{"0 6 1,15,L 2 *", nil, "at 06:00, on the 1st and 15th and the last day of February, UTC"},
		{"0 6 L * 5", nil, "at 06:00, on the last day or any Friday of every month, UTC"},
		{"0 6 L * */7", nil, "at 06:00, on any Sunday that falls on the last day of every month, UTC"},
		{"0 6 * * *", func(s *cron.Schedule) { s.LastDay, s.Days = true, cron.DaysBoth }, "every day at 06:00, UTC"},
		{"0 6 * * 1", func(s *cron.Schedule) { s.MonthDays = 0 }, "at 06:00, every Monday, UTC"},
		{"0 6 1 * *", func(s *cron.Schedule) { s.Weekdays = 0 }, "at 06:00, on the 1st of every month, UTC"},
		{"0-59 0-23 1-31 1-12 0-6", nil, "every minute, UTC"},

		// Never.
		{"0 6 31 2 *", nil, "at 06:00, on the 31st of February, UTC: never, since there is no such day"},
		{
			"0 6 * * *", func(s *cron.Schedule) { *s = cron.NewSchedule() },
			"never, since no minutes, hours, days of the month, months and days of the week are chosen",
		},
		{"0 6 L * *", func(s *cron.Schedule) { s.Hours = 0 }, "never, since no hours are chosen"},
		{
			"0 0 30 2 */7", nil,
			"at 00:00, on any Sunday that falls on the 30th of February, UTC: never, since there is no such day",
		},
		{"0 6 * * *", func(s *cron.Schedule) { s.Hours = 0 }, "never, since no hours are chosen"},
		{"0 6 * * *", func(s *cron.Schedule) { s.Weekdays = 0 }, "never, since no days of the week are chosen"},

		// Zone, rule and expiry.
		{"CRON_TZ=America/New_York 0 6 * * *", nil, "every day at 06:00, New York time"},
		{"CRON_TZ=America/Argentina/Ushuaia 0 6 * * *", nil, "every day at 06:00, Ushuaia time"},
		{"CRON_TZ=America/Buenos_Aires 0 6 * * *", nil, "every day at 06:00, America/Buenos_Aires"},
		{"CRON_TZ=Etc/GMT+5 0 6 * * *", nil, "every day at 06:00, Etc/GMT+5"},
		{"CRON_TZ=US/Eastern 0 6 * * *", nil, "every day at 06:00, US/Eastern"},
		{
			berlin + "30 2 * * *", func(s *cron.Schedule) { s.DST = cron.DSTWallClock },
			"every day at 02:30, Berlin time, skipped or repeated when the clocks change",
		},
		{berlin + "30 * * * *", func(s *cron.Schedule) { s.DST = cron.DSTWallClock }, "at minute 30 of every hour, Berlin time"},
		{
			berlin + "0 6 * * *", func(s *cron.Schedule) { s.ExpiresAt = 20301231235959 },
			"every day at 06:00, Berlin time, until 31 December 2030 at 23:59:59",
		},
		{
			berlin + "0 6 * * *", func(s *cron.Schedule) { s.ExpiresAt, s.DST = 20300102030000, cron.DSTWallClock },
			"every day at 06:00, Berlin time, skipped or repeated when the clocks change, until 2 January 2030 at 03:00",
		},
	} {
		s := scheduleOf(t, test.line)
		if test.edit != nil {
			test.edit(&s)
		}
		if got := message.Default().Schedule(&s, time.Time{}); got != test.words {
			t.Errorf("%s:\n%s, want\n%s", test.line, got, test.words)
		}
	}
}

func TestOneTimeInWords(t *testing.T) {
	at := time.Unix(1792888200, 0) // 2026-10-25T00:30:00Z
	for zone, want := range map[string]string{
		"UTC":              "once, on 25 October 2026 at 00:30, UTC",
		"Europe/Berlin":    "once, on 25 October 2026 at 02:30, Berlin time (UTC+02:00)",
		"Europe/London":    "once, on 25 October 2026 at 01:30, London time (UTC+01:00)",
		"Africa/Abidjan":   "once, on 25 October 2026 at 00:30, Abidjan time (UTC+00:00)",
		"America/St_Johns": "once, on 24 October 2026 at 22:00, St Johns time (UTC-02:30)",
	} {
		if got := message.Default().Schedule(&cron.Schedule{Timezone: zone}, at.UTC()); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
	berlin := &cron.Schedule{Timezone: "Europe/Berlin"}
	if got, want := message.Default().Schedule(berlin, at.Add(time.Hour+5*time.Second)),
		"once, on 25 October 2026 at 02:30:05, Berlin time (UTC+01:00)"; got != want {
		t.Errorf("an hour later: %s, want %s", got, want)
	}
}

// TestZonesInWords checks that no two zones share their words, and that most are named by their place.
func TestZonesInWords(t *testing.T) {
	seen := map[string]string{}
	places := 0
	for _, zone := range cron.ZoneNames() {
		s := scheduleOf(t, "CRON_TZ="+zone+" * * * * *")
		words := message.Default().Schedule(&s, time.Time{})
		if other, ok := seen[words]; ok {
			t.Errorf("%s and %s are both %q", other, zone, words)
		}
		seen[words] = zone
		if strings.HasSuffix(words, " time") {
			places++
		}
	}
	if places < len(seen)/2 {
		t.Errorf("only %d of %d zones are named by their place", places, len(seen))
	}
}

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
	expiryPart  = regexp.MustCompile(`^(.*), until (\d+ \w+ \d+ at [\d:]+)$`)
	zonePart    = regexp.MustCompile(`^(.*), ([^,]+)$`)
	dayPart     = regexp.MustCompile(`^(.*?)(?:, ((?:on |every |in |[MTWFS]\w+day).*))?$`)
	monthsPart  = regexp.MustCompile(`^(.*?) ?\b(?:in|of) ([A-Z].*|every month)$`)
	stepsPart   = regexp.MustCompile(`^(\d+) to (\d+) in steps (\d+)$`)
	stepPart    = regexp.MustCompile(`^every (\d+)\w+ day from the (\d+)\w+ to the (\d+)\w+$`)
	periodPart  = regexp.MustCompile(`^every (?:(\d+) )?(second|minute|hour)s?(?: (from .*))?$`)
	stretchPart = regexp.MustCompile(`from ([\d:]+) to ([\d:]+)`)
	weekPart    = regexp.MustCompile(`^the ((?:\d+\w\w(?:, | and | to )?)+) ([MTWFS]\w+day)$`)
	unitPart    = regexp.MustCompile(`^(?:at )?(second|minute|hour)s? (.*)$`)
)

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

type fataler interface{ Fatalf(string, ...any) }

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
			stretches := stretchPart.FindAllStringSubmatch(m[3], -1)
			if stretches == nil {
				stretches = [][]string{{"", "00:00", "23:59:59"}}
			}
			for _, stretch := range stretches {
				from, to := timeOfDay(t, stretch[1]), timeOfDay(t, stretch[2])
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

// TestWordsAreShort holds the words of every regular schedule to a length that fits on a page.
func TestWordsAreShort(t *testing.T) {
	var lines []string
	for _, minute := range []string{"*", "*/5", "0", "30", "*/30", "5-25/5"} {
		for _, hour := range []string{"*", "*/2", "3", "9-17", "9,17", "8-11,14-17"} {
			for _, day := range []string{"* * *", "1 * *", "*/2 * *", "* 6-8 *", "* * 1-5", "1 * 1"} {
				lines = append(lines, fmt.Sprint(minute, " ", hour, " ", day))
			}
		}
	}
	for _, line := range lines {
		s := scheduleOf(t, "CRON_TZ=Europe/Berlin "+line)
		if words := message.Default().Schedule(&s, time.Time{}); len(words) > 150 {
			t.Errorf("%s has %d characters: %s", line, len(words), words)
		}
	}
}
