package message_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
