package cron

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// scheduleOf reads a crontab line for a time zone.
func scheduleOf(t testing.TB, zone, line string) Schedule {
	t.Helper()
	s, err := ParseCrontab(line)
	if err != nil {
		t.Fatal(err)
	}
	s.Timezone = zone
	return s
}

// instant reads a time in UTC.
func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestNextTable has every kind of change that clocks have seen. none stands for no further occurrence.
func TestNextTable(t *testing.T) {
	const none = ""
	for _, test := range []struct {
		name, zone, line, after string
		once, wall              []string // the occurrences under each rule; the same under both when wall is nil
	}{
		{
			"no change", "Europe/Berlin", "30 2 * * *", "2026-03-27T12:00:00Z",
			[]string{"2026-03-28T01:30:00Z"}, nil,
		},
		{
			"an occurrence is not after itself", "UTC", "0 0 * * *", "2026-01-01T00:00:00Z",
			[]string{"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"}, nil,
		},

		// Clocks forward by an hour: 02:00 becomes 03:00 at 01:00 UTC.
		{
			"forward, within the gap", "Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
			[]string{"2026-03-30T00:30:00Z"},
		},
		{
			"forward, first second of the gap", "Europe/Berlin", "0 2 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
			[]string{"2026-03-30T00:00:00Z"},
		},
		{
			"forward, last second of the gap", "Europe/Berlin", "59 59 2 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:59:59Z"},
			[]string{"2026-03-30T00:59:59Z"},
		},
		{
			"forward, last second before the gap", "Europe/Berlin", "59 59 1 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T00:59:59Z", "2026-03-29T23:59:59Z"}, nil,
		},
		{
			"forward, where it lands", "Europe/Berlin", "0 3 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"}, nil,
		},
		{
			"forward, equal instants count once", "Europe/Berlin", "0,30 2,3 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"}, nil,
		},
		{
			"forward, only on that day", "Europe/Berlin", "30 2 29 3 *", "2026-01-01T00:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2027-03-29T00:30:00Z"},
			[]string{"2027-03-29T00:30:00Z"},
		},
		{
			"forward, every half-hour", "Europe/Berlin", "*/30 * * * *", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}, nil,
		},
		{
			"forward, every hour at half past", "Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}, nil,
		},
		{
			"forward, every minute of an hour", "Europe/Berlin", "* 2 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-30T00:00:00Z", "2026-03-30T00:01:00Z"}, nil,
		},
		{
			"forward, every hour named", "Europe/Berlin", "30 0-23 * * *", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}, nil,
		},
		{
			"forward, a month and a day of the week", "America/New_York", "30 2 * mar sun", "2026-03-02T00:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-15T06:30:00Z"},
			[]string{"2026-03-15T06:30:00Z"},
		},

		// Clocks back by an hour: 03:00 becomes 02:00 at 01:00 UTC.
		{
			"back, within the hour shown twice", "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		},
		{
			"back, first second shown twice", "Europe/Berlin", "0 2 * * *", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"},
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-26T01:00:00Z"},
		},
		{
			"back, last second shown twice", "Europe/Berlin", "59 59 2 * * *", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:59:59Z", "2026-10-26T01:59:59Z"},
			[]string{"2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z", "2026-10-26T01:59:59Z"},
		},
		{
			"back, afterwards", "Europe/Berlin", "0 3 * * *", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"}, nil,
		},
		{
			"back, asked between the two", "Europe/Berlin", "30 2 * * *", "2026-10-25T00:45:00Z",
			[]string{"2026-10-26T01:30:00Z"},
			[]string{"2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		},
		{
			"back, asked in the second hour", "Europe/Berlin", "15,45 2 * * *", "2026-10-25T01:20:00Z",
			[]string{"2026-10-26T01:15:00Z"},
			[]string{"2026-10-25T01:45:00Z", "2026-10-26T01:15:00Z"},
		},
		{
			"back, every half-hour", "Europe/Berlin", "*/30 * * * *", "2026-10-24T23:45:00Z",
			[]string{
				"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z",
				"2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z",
			}, nil,
		},
		{
			"back, every minute of an hour", "Europe/Berlin", "* 2 * * *", "2026-10-25T00:58:00Z",
			[]string{"2026-10-25T00:59:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:01:00Z"}, nil,
		},

		// Daylight saving that is negative: the winter is the exception.
		{
			"negative, forward", "Europe/Dublin", "30 1 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
			[]string{"2026-03-30T00:30:00Z"},
		},
		{
			"negative, back", "Europe/Dublin", "30 1 * * *", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		},

		// Half an hour.
		{
			"half an hour, forward", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"},
			[]string{"2026-10-04T15:15:00Z"},
		},
		{
			"half an hour, back", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z",
			[]string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"},
			[]string{"2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-05T15:15:00Z"},
		},
		{
			"two hours", "Antarctica/Troll", "30 1,2 * * *", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T23:30:00Z"},
			[]string{"2026-03-29T23:30:00Z"},
		},

		// Midnight: the day starts at 01:00, or ends twice.
		{
			"midnight, forward", "America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z",
			[]string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
			[]string{"2018-11-05T02:00:00Z"},
		},
		{
			"midnight, back", "America/Sao_Paulo", "30 23 * * *", "2018-02-17T12:00:00Z",
			[]string{"2018-02-18T01:30:00Z", "2018-02-19T02:30:00Z"},
			[]string{"2018-02-18T01:30:00Z", "2018-02-18T02:30:00Z", "2018-02-19T02:30:00Z"},
		},
		{
			"midnight, back, the new day", "America/Sao_Paulo", "0 0 * * *", "2018-02-17T12:00:00Z",
			[]string{"2018-02-18T03:00:00Z"}, nil,
		},
		{
			"midnight, back, one day only", "America/Havana", "30 0 4 11 *", "2018-10-01T00:00:00Z",
			[]string{"2018-11-04T04:30:00Z", "2019-11-04T05:30:00Z"},
			[]string{"2018-11-04T04:30:00Z", "2018-11-04T05:30:00Z", "2019-11-04T05:30:00Z"},
		},

		// Zones that skip a day or have one twice.
		{
			"a day skipped", "Pacific/Apia", "0 12 * * *", "2011-12-29T12:00:00Z",
			[]string{"2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"}, nil,
		},
		{
			"a day skipped, its midnight is the next one's", "Pacific/Apia", "0 0 * * *", "2011-12-29T12:00:00Z",
			[]string{"2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"}, nil,
		},
		{
			"a day skipped, by date", "Pacific/Apia", "0 18 30 12 *", "2011-12-01T00:00:00Z",
			[]string{"2012-12-30T04:00:00Z"}, nil,
		},
		{
			"a day skipped, by day of the week", "Pacific/Apia", "0 9 * * fri", "2011-12-29T12:00:00Z",
			[]string{"2012-01-05T19:00:00Z"}, nil,
		},
		{
			"a day skipped, every hour", "Pacific/Apia", "0 * * * *", "2011-12-30T08:30:00Z",
			[]string{"2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T11:00:00Z"}, nil,
		},
		{
			"another day skipped", "Pacific/Kwajalein", "0 9 21 8 *", "1993-08-01T00:00:00Z",
			[]string{"1994-08-20T21:00:00Z"}, nil,
		},
		{
			"a day skipped before there was a standard time", "Asia/Manila", "0 9 31 12 *", "1844-12-01T00:00:00Z",
			[]string{"1845-12-31T00:56:08Z"}, nil,
		},
		{
			"a day shown twice", "America/Juneau", "0 12 19 10 *", "1867-10-01T00:00:00Z",
			[]string{"1867-10-18T20:57:41Z", "1867-10-19T20:57:41Z", "1868-10-19T20:57:41Z"}, nil,
		},
		{
			"three hours forward are a correction", "Antarctica/Casey", "30 1 4 10 *", "2020-01-01T00:00:00Z",
			[]string{"2021-10-03T14:30:00Z"}, nil,
		},
		{
			"three hours back are a correction", "Antarctica/Casey", "30 0 9 3 *", "2023-01-01T00:00:00Z",
			[]string{"2023-03-08T13:30:00Z", "2023-03-08T16:30:00Z", "2024-03-08T16:30:00Z"}, nil,
		},

		// Zones that changed their offset for good.
		{
			"offset changed back by half an hour", "Asia/Pyongyang", "45 23 14 8 *", "2015-08-01T00:00:00Z",
			[]string{"2015-08-14T14:45:00Z", "2016-08-14T15:15:00Z"},
			[]string{"2015-08-14T14:45:00Z", "2015-08-14T15:15:00Z", "2016-08-14T15:15:00Z"},
		},
		{
			"offset changed forward by half an hour", "Asia/Pyongyang", "45 23 4 5 *", "2018-05-01T00:00:00Z",
			[]string{"2018-05-04T15:00:00Z", "2019-05-04T14:45:00Z"},
			[]string{"2019-05-04T14:45:00Z"},
		},
		{
			"offset changed back by an hour", "Europe/Moscow", "30 1 * * *", "2014-10-25T12:00:00Z",
			[]string{"2014-10-25T21:30:00Z", "2014-10-26T22:30:00Z"},
			[]string{"2014-10-25T21:30:00Z", "2014-10-25T22:30:00Z", "2014-10-26T22:30:00Z"},
		},
		{
			"offset changed forward into an hour", "America/Caracas", "45 2 1 5 *", "2016-04-01T00:00:00Z",
			[]string{"2016-05-01T07:00:00Z", "2017-05-01T06:45:00Z"},
			[]string{"2017-05-01T06:45:00Z"},
		},

		// Offsets with seconds.
		{
			"local mean time", "Europe/Amsterdam", "0 12 * * *", "1900-01-01T00:00:00Z",
			[]string{"1900-01-01T11:40:28Z"}, nil,
		},
		{
			"28 seconds skipped", "Europe/Amsterdam", "15 0 0 1 7 *", "1937-06-01T00:00:00Z",
			[]string{"1937-06-30T22:40:28Z", "1938-06-30T22:40:15Z"},
			[]string{"1938-06-30T22:40:15Z"},
		},
		{
			"44 minutes and a half skipped", "Africa/Monrovia", "20 0 7 1 *", "1972-01-01T00:00:00Z",
			[]string{"1972-01-07T00:44:30Z", "1973-01-07T00:20:00Z"},
			[]string{"1973-01-07T00:20:00Z"},
		},

		// Days.
		{
			"the first Sunday", "UTC", "1 1 1-7 * */7", "2026-01-01T00:00:00Z",
			[]string{"2026-01-04T01:01:00Z", "2026-02-01T01:01:00Z", "2026-03-01T01:01:00Z"}, nil,
		},
		{
			"the first week, all its days", "UTC", "0 0 1-7 * */1", "2026-01-06T00:00:00Z",
			[]string{"2026-01-07T00:00:00Z", "2026-02-01T00:00:00Z"}, nil,
		},
		{
			"Sundays with an odd date", "UTC", "0 0 */2 * SUN", "2026-01-01T00:00:00Z",
			[]string{"2026-01-11T00:00:00Z", "2026-01-25T00:00:00Z", "2026-02-01T00:00:00Z"}, nil,
		},
		{
			"the second Monday", "UTC", "0 0 * * MON#2", "2026-01-01T00:00:00Z",
			[]string{"2026-01-12T00:00:00Z", "2026-02-09T00:00:00Z"}, nil,
		},
		{
			"the fifth Friday", "UTC", "0 0 * * 5#5", "2026-01-01T00:00:00Z",
			[]string{"2026-01-30T00:00:00Z", "2026-05-29T00:00:00Z"}, nil,
		},
		{
			"the last day", "UTC", "0 0 L * *", "2027-12-31T00:00:00Z",
			[]string{"2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z", "2028-04-30T00:00:00Z"}, nil,
		},
		{
			"the last day when it is a Sunday", "UTC", "0 0 L * */7", "2026-01-01T00:00:00Z",
			[]string{"2026-05-31T00:00:00Z", "2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z"}, nil,
		},
		{
			"the last day or a Sunday", "UTC", "0 0 L * 0", "2026-04-25T00:00:00Z",
			[]string{"2026-04-26T00:00:00Z", "2026-04-30T00:00:00Z", "2026-05-03T00:00:00Z"}, nil,
		},
		{
			"leap day that is a Sunday, across 2100", "UTC", "0 0 29 2 */7", "2088-03-01T00:00:00Z",
			[]string{"2128-02-29T00:00:00Z"}, nil,
		},
		{
			"31 February that is a Sunday", "UTC", "0 0 30 2 */7", "2026-01-01T00:00:00Z",
			[]string{none}, nil,
		},
		{
			"either day", "UTC", "0 0 13 * fri", "2026-02-01T00:00:00Z",
			[]string{
				"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z",
				"2026-02-27T00:00:00Z", "2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z",
			}, nil,
		},
		{
			"day of the week with all days of the month named", "UTC", "0 0 1-31 * fri", "2026-02-01T00:00:00Z",
			[]string{"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"}, nil,
		},
		{
			"day of the month with all days of the week named", "UTC", "0 0 13 * 0-6", "2026-02-01T00:00:00Z",
			[]string{"2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z"}, nil,
		},
		{
			"the 31st", "UTC", "0 0 31 * *", "2026-01-31T00:00:00Z",
			[]string{"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z", "2026-07-31T00:00:00Z", "2026-08-31T00:00:00Z"}, nil,
		},
		{
			"leap day", "UTC", "0 0 29 2 *", "2026-01-01T00:00:00Z",
			[]string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}, nil,
		},
		{
			"leap day across 2100", "UTC", "0 0 29 2 *", "2096-02-29T00:00:00Z",
			[]string{"2104-02-29T00:00:00Z"}, nil,
		},
		{
			"leap day across 2000", "UTC", "0 0 29 2 *", "1996-02-29T00:00:00Z",
			[]string{"2000-02-29T00:00:00Z"}, nil,
		},
		{
			"leap day across 2500, where the table of a zone starts anew", "Europe/Berlin", "0 0 29 2 *", "2496-02-29T12:00:00Z",
			[]string{"2504-02-28T23:00:00Z", "2508-02-28T23:00:00Z"}, nil,
		},
		{
			"leap day or a Monday in February", "UTC", "0 0 29 2 mon", "2028-02-22T00:00:00Z",
			[]string{"2028-02-28T00:00:00Z", "2028-02-29T00:00:00Z", "2029-02-05T00:00:00Z"}, nil,
		},
		{
			"31 February", "Europe/Berlin", "0 0 30,31 2 *", "2026-01-01T00:00:00Z",
			[]string{none}, nil,
		},
		{
			"31 of short months", "Europe/Berlin", "0 0 31 2,4,6,9,11 *", "2026-01-01T00:00:00Z",
			[]string{none}, nil,
		},
		{
			"31 February or a Monday", "UTC", "0 0 31 2 mon", "2026-01-01T00:00:00Z",
			[]string{"2026-02-02T00:00:00Z"}, nil,
		},

		// Far away.
		{
			"the first instant", "UTC", "0 0 1 1 *", "0000-12-31T23:59:59Z",
			[]string{"0001-01-01T00:00:00Z", "0002-01-01T00:00:00Z"}, nil,
		},
		{
			"forward, far away", "Europe/Berlin", "30 2 * * *", "8400-03-25T12:00:00Z",
			[]string{"8400-03-26T01:00:00Z", "8400-03-27T00:30:00Z"},
			[]string{"8400-03-27T00:30:00Z"},
		},
		{
			"back, far away", "Europe/Berlin", "30 2 * * *", "8400-10-28T12:00:00Z",
			[]string{"8400-10-29T00:30:00Z", "8400-10-30T01:30:00Z"},
			[]string{"8400-10-29T00:30:00Z", "8400-10-29T01:30:00Z", "8400-10-30T01:30:00Z"},
		},
		{
			"the last instant", "America/New_York", "* * * * * *", "9999-12-31T23:59:58Z",
			[]string{"9999-12-31T23:59:59Z", none}, nil,
		},
		{
			"the last instant, fixed times", "Asia/Tokyo", "59 8 1 1 *", "9998-12-31T00:00:00Z",
			[]string{"9998-12-31T23:59:00Z", "9999-12-31T23:59:00Z", none}, nil,
		},
	} {
		s := scheduleOf(t, test.zone, test.line)
		for rule, want := range map[DSTRule][]string{DSTOnce: test.once, DSTWallClock: test.wall} {
			if want == nil {
				want = test.once
			}
			s.DST = rule
			checkOccurrences(t, test.name, &s, instant(t, test.after), want)
		}
	}
}

// checkOccurrences holds what Next returns, one after another, against want; "" is no further occurrence.
func checkOccurrences(t *testing.T, name string, s *Schedule, after time.Time, want []string) {
	t.Helper()
	var got []string
	for range want {
		next, ok := s.Next(after)
		if !ok {
			if !next.IsZero() {
				t.Errorf("%s: Next returns %v without an occurrence", name, next)
			}
			got = append(got, "")
			break
		}
		got = append(got, next.Format(time.RFC3339))
		after = next
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s, rule %d: %q; want %q", name, s.DST, got, want)
	}
}

func TestNextExpiry(t *testing.T) {
	const none = ""
	for _, test := range []struct {
		name, zone, line string
		dst              DSTRule
		expiresAt        int64
		after            string
		want             []string
	}{
		{
			"the last second counts", "Europe/Berlin", "0 3 * * *", DSTOnce, 20260102030000, "2026-01-01T00:00:00Z",
			[]string{"2026-01-01T02:00:00Z", "2026-01-02T02:00:00Z", none},
		},
		{
			"a second less", "Europe/Berlin", "0 3 * * *", DSTOnce, 20260102025959, "2026-01-01T00:00:00Z",
			[]string{"2026-01-01T02:00:00Z", none},
		},
		{
			"over already", "Europe/Berlin", "* * * * *", DSTOnce, 20250101000000, "2026-01-01T00:00:00Z",
			[]string{none},
		},
		{
			"rare", "UTC", "0 0 29 2 *", DSTOnce, 21040228235959, "2096-02-29T00:00:00Z",
			[]string{none},
		},
		{
			"rare, real time", "UTC", "0 * 29 2 *", DSTOnce, 21040229000000, "2096-03-01T00:00:00Z",
			[]string{"2104-02-29T00:00:00Z", none},
		},
		{
			"shown twice, real time", "Europe/Berlin", "*/15 * * * *", DSTOnce, 20261025021500, "2026-10-24T23:55:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T00:15:00Z", none},
		},
		{
			"shown twice, fixed time", "Europe/Berlin", "30 2 * * *", DSTOnce, 20261025023000, "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", none},
		},
		{
			"shown twice, wall clock", "Europe/Berlin", "30 2 * * *", DSTWallClock, 20261025023000, "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", none},
		},
		{
			"a day shown twice", "America/Juneau", "0 * * * *", DSTOnce, 18671018160000, "1867-10-18T00:50:00Z",
			[]string{"1867-10-18T00:57:41Z", none},
		},
		{
			"shifted, its own local time counts", "Europe/Berlin", "30 2 * * *", DSTOnce, 20260329023000, "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", none},
		},
		{
			"shifted, a second too late", "Europe/Berlin", "30 2 * * *", DSTOnce, 20260329022959, "2026-03-28T12:00:00Z",
			[]string{none},
		},
		{
			"shifted, one of two is too late", "Europe/Berlin", "0,30 2 * * *", DSTOnce, 20260329021500, "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", none},
		},
		{
			"shifted by the wall clock", "Europe/Berlin", "30 2 * * *", DSTWallClock, 20260329030000, "2026-03-28T12:00:00Z",
			[]string{none},
		},
		{
			"over before the clocks go back", "Europe/Berlin", "0 2 * * *", DSTWallClock, 20261025021500, "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:00:00Z", none},
		},
		{
			"over before the clocks go back, asked between", "Europe/Berlin", "*/5 * * * *", DSTOnce, 20261025021500,
			"2026-10-25T00:20:00Z", []string{none},
		},
		{
			"over before a correction", "Antarctica/Casey", "30 0 * * *", DSTOnce, 20230309003000, "2023-03-08T00:00:00Z",
			[]string{"2023-03-08T13:30:00Z", none},
		},
		{
			"shifted onto it", "Europe/Berlin", "30 2 * * *", DSTOnce, 20260329030000, "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", none},
		},
		{
			"in the gap, real time", "Europe/Berlin", "*/20 * * * *", DSTOnce, 20260329023000, "2026-03-29T00:20:00Z",
			[]string{"2026-03-29T00:40:00Z", none},
		},
		{
			"a day skipped, shifted beyond it", "Pacific/Apia", "0 12 * * *", DSTOnce, 20111230235959, "2011-12-29T12:00:00Z",
			[]string{"2011-12-29T22:00:00Z", none},
		},
	} {
		s := scheduleOf(t, test.zone, test.line)
		s.ExpiresAt, s.DST = test.expiresAt, test.dst
		checkOccurrences(t, test.name, &s, instant(t, test.after), test.want)
	}
}

func TestNextNever(t *testing.T) {
	every := Schedule{
		Timezone: "Europe/Berlin", Seconds: Every, Minutes: Every, Hours: Every,
		MonthDays: Every, Months: Every, Weekdays: Every,
	}
	if _, ok := every.Next(time.Unix(0, 0)); !ok {
		t.Fatal("no occurrence although everything matches")
	}
	for name, change := range map[string]func(*Schedule){
		"no second":           func(s *Schedule) { s.Seconds = 0 },
		"no minute":           func(s *Schedule) { s.Minutes = 0 },
		"no hour":             func(s *Schedule) { s.Hours = 0 },
		"no day of month":     func(s *Schedule) { s.MonthDays = 0 },
		"no month":            func(s *Schedule) { s.Months = 0 },
		"no day of week":      func(s *Schedule) { s.Weekdays = 0 },
		"neither day":         func(s *Schedule) { s.MonthDays, s.Weekdays = 0, 0 },
		"only second 60":      func(s *Schedule) { s.Seconds = SetOf(60) },
		"only hour 24":        func(s *Schedule) { s.Hours = SetOf(24) },
		"only day 0":          func(s *Schedule) { s.MonthDays = SetOf(0) },
		"only month 0 and 13": func(s *Schedule) { s.Months = SetOf(0, 13) },
		"only day of week 7":  func(s *Schedule) { s.Weekdays = SetOf(7) },
		"no time zone":        func(s *Schedule) { s.Timezone = "" },
		"unknown time zone":   func(s *Schedule) { s.Timezone = "Europe/Atlantis" },
		"absurd expiry":       func(s *Schedule) { s.ExpiresAt = math.MinInt64 },
	} {
		s := every
		change(&s)
		if next, ok := s.Next(time.Unix(1e9, 0)); ok || !next.IsZero() {
			t.Errorf("%s: %v, %v", name, next, ok)
		}
	}
	fresh := NewSchedule()
	if next, ok := fresh.Next(time.Unix(1e9, 0)); ok {
		t.Errorf("a new schedule is due at %v", next)
	}
}

// TestNextEitherDay holds the rule for two restricted day fields, one of which is empty.
func TestNextEitherDay(t *testing.T) {
	s := scheduleOf(t, "UTC", "0 0 13 * *")
	s.Weekdays = 0
	after := instant(t, "2026-02-01T00:00:00Z")
	checkOccurrences(t, "by day of month only", &s, after, []string{"2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z"})
	s = scheduleOf(t, "UTC", "0 0 * * fri")
	s.MonthDays = 0
	checkOccurrences(t, "by day of week only", &s, after, []string{"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"})
}

func TestNextExtremes(t *testing.T) {
	s := scheduleOf(t, "Europe/Berlin", "* * * * *")
	for _, seconds := range []int64{math.MinInt64, -1 << 62, firstInstant - 2, firstInstant - 1} {
		if next, ok := s.Next(time.Unix(seconds, 0)); !ok || next.Unix() < firstInstant || next.Unix() >= firstInstant+60 {
			t.Errorf("after %d: %v, %v", seconds, next, ok)
		}
	}
	for _, seconds := range []int64{lastInstant - 1, lastInstant, lastInstant + 1, 1 << 62, math.MaxInt64} {
		if next, ok := s.Next(time.Unix(seconds, 0)); ok || !next.IsZero() {
			t.Errorf("after %d: %v, %v", seconds, next, ok)
		}
	}
	after := instant(t, "2026-01-01T00:00:59Z")
	for _, fraction := range []time.Duration{0, 1, time.Second - 1} {
		if next, _ := s.Next(after.Add(fraction)); !next.Equal(after.Add(time.Second)) {
			t.Errorf("%v after %v: %v", fraction, after, next)
		}
	}
	if next, _ := s.Next(after.Add(-1)); !next.Equal(after.Add(time.Second)) {
		t.Errorf("just before %v: %v", after, next)
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	after := instant(t, "2026-03-28T12:00:00Z")
	for name, s := range benchmarkSchedules {
		if n := testing.AllocsPerRun(100, func() { s.Next(after) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestScheduleCheck(t *testing.T) {
	good := Schedule{
		Timezone: "Asia/Calcutta", ExpiresAt: 20280229235959,
		Seconds: setRange(0, 59), Minutes: setRange(0, 59), Hours: setRange(0, 23),
		MonthDays: setRange(1, 31), Months: setRange(1, 12), Weekdays: setRange(0, 6),
	}
	for name, test := range map[string]struct {
		change func(*Schedule)
		want   []Problem
	}{
		"every number of every range": {func(*Schedule) {}, nil},
		"every": {func(s *Schedule) {
			s.Seconds, s.Minutes, s.Hours, s.MonthDays, s.Months, s.Weekdays = Every, Every, Every, Every, Every, Every
		}, nil},
		"a new schedule": {func(s *Schedule) { *s = NewSchedule() }, nil},
		"no time zone": {func(s *Schedule) { s.Timezone = "" }, []Problem{
			{Pointer: "/schedule/timezone", Rule: RuleUnknownTimeZone},
		}},
		"unknown time zone": {func(s *Schedule) { s.Timezone = "Local" }, []Problem{
			{Pointer: "/schedule/timezone", Rule: RuleUnknownTimeZone, Given: "Local"},
		}},
		"no such day": {func(s *Schedule) { s.ExpiresAt = 20270229000000 }, []Problem{
			{Pointer: "/schedule/expiresAt", Rule: RuleLocalTime, Given: "20270229000000"},
		}},
		"no such hour": {func(s *Schedule) { s.ExpiresAt = 20270228240000 }, []Problem{
			{Pointer: "/schedule/expiresAt", Rule: RuleLocalTime, Given: "20270228240000"},
		}},
		"no such second": {func(s *Schedule) { s.ExpiresAt = 20270228235960 }, []Problem{
			{Pointer: "/schedule/expiresAt", Rule: RuleLocalTime, Given: "20270228235960"},
		}},
		"no seconds": {func(s *Schedule) { s.ExpiresAt = 202702280000 }, []Problem{
			{Pointer: "/schedule/expiresAt", Rule: RuleLocalTime, Given: "202702280000"},
		}},
		"too many digits": {func(s *Schedule) { s.ExpiresAt = 202702280000000 }, []Problem{
			{Pointer: "/schedule/expiresAt", Rule: RuleLocalTime, Given: "202702280000000"},
		}},
		"negative": {func(s *Schedule) { s.ExpiresAt = -2027022800000 }, []Problem{
			{Pointer: "/schedule/expiresAt", Rule: RuleLocalTime, Given: "-2027022800000"},
		}},
		"numbers out of range": {func(s *Schedule) {
			s.Seconds |= SetOf(61, 62)
			s.Minutes |= SetOf(60)
			s.Hours |= SetOf(24)
			s.MonthDays |= SetOf(0, 32)
			s.Months |= SetOf(13)
			s.Weekdays |= SetOf(7)
		}, []Problem{
			{Pointer: "/schedule/seconds", Rule: RuleOutOfRange, Given: "61", Min: 0, Max: 59},
			{Pointer: "/schedule/minutes", Rule: RuleOutOfRange, Given: "60", Min: 0, Max: 59},
			{Pointer: "/schedule/hours", Rule: RuleOutOfRange, Given: "24", Min: 0, Max: 23},
			{Pointer: "/schedule/mdays", Rule: RuleOutOfRange, Given: "0", Min: 1, Max: 31},
			{Pointer: "/schedule/months", Rule: RuleOutOfRange, Given: "13", Min: 1, Max: 12},
			{Pointer: "/schedule/wdays", Rule: RuleOutOfRange, Given: "7", Min: 0, Max: 6},
		}},
	} {
		s := good
		test.change(&s)
		var c Checker
		s.Check(&c, "/schedule")
		if !slices.Equal(c.problems, test.want) {
			t.Errorf("%s: %+v; want %+v", name, c.problems, test.want)
		}
	}
}

// drawSchedule draws a schedule in any zone that is due now and then.
func drawSchedule(t *rapid.T) Schedule {
	set := func(name string, low, high int) Set {
		return rapid.OneOf(
			rapid.Just(Every),
			rapid.Map(rapid.SliceOfNDistinct(rapid.IntRange(low, high), 1, 4, rapid.ID), func(members []int) Set {
				return SetOf(members...)
			}),
		).Draw(t, name)
	}
	return Schedule{
		Timezone: rapid.SampledFrom(ZoneNames()).Draw(t, "zone"),
		Seconds:  set("seconds", 0, 59), Minutes: set("minutes", 0, 59), Hours: set("hours", 0, 23),
		MonthDays: set("mdays", 1, 28), Months: set("months", 1, 12), Weekdays: set("wdays", 0, 6),
		DST: DSTRule(rapid.IntRange(0, 1).Draw(t, "rule")),
	}
}

// drawInstant draws an instant, for the most part one within two days of a change of the clocks.
func drawInstant(t *rapid.T, zone string) int64 {
	at := rapid.Int64Range(-4e9, 20e9).Draw(t, "instant")
	if spans := zoneNamed(zone).spans[1:]; len(spans) > 0 && rapid.IntRange(0, 3).Draw(t, "near a change") > 0 {
		at = rapid.SampledFrom(spans).Draw(t, "change").start + rapid.Int64Range(-2*oneDay, 2*oneDay).Draw(t, "distance")
	}
	return at
}

// TestNextProperties holds what is true of any schedule: the next occurrence is later, and it is the same from any
// instant before it.
func TestNextProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		after := time.Unix(drawInstant(t, s.Timezone), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		next, ok := s.Next(after)
		if !ok {
			t.Fatalf("no occurrence after %v", after)
		}
		if !next.After(after) {
			t.Fatalf("Next(%v) = %v", after, next)
		}
		between := after.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(after))-1).Draw(t, "between")))
		if again, ok := s.Next(between); !ok || again != next {
			t.Fatalf("Next(%v) = %v, but Next(%v) = %v, %v", after, next, between, again, ok)
		}
	})
}

// TestNextOncePerDay counts: under DSTOnce a daily time is due once for each date, unless clocks are corrected.
func TestNextOncePerDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		s := Schedule{
			Timezone: rapid.SampledFrom(ZoneNames()).Draw(t, "zone"),
			Seconds:  SetOf(rapid.IntRange(1, 59).Draw(t, "second")), Minutes: SetOf(minute), Hours: SetOf(hour),
			MonthDays: Every, Months: Every, Weekdays: Every,
		}
		loc, err := LoadZone(s.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		// Both ends are at least two days away from any change, where no time is ambiguous or missing.
		calm := func(at int64) time.Time {
			for {
				at += 2 * oneDay
				if len(stretchesOf(loc, at-2*oneDay, at+2*oneDay)) == 1 {
					return time.Unix(at, 0).In(loc)
				}
			}
		}
		first := calm(drawInstant(t, s.Timezone) - 8*oneDay)
		last := calm(first.Unix() + rapid.Int64Range(4*oneDay, 500*oneDay).Draw(t, "length"))

		if len(erasOf(stretchesOf(loc, first.Unix(), last.Unix()))) > 1 {
			t.Skip("a correction")
		}
		year, month, day := first.Date()
		daily := time.Date(year, month, day, hour, minute, s.Seconds.Members()[0], 0, time.UTC).Unix()
		dates := 0
		for ; daily <= last.Unix()+offsetOf(last); daily += oneDay {
			if daily > first.Unix()+offsetOf(first) {
				dates++
			}
		}
		due := 0
		for at, ok := s.Next(first); ok && !at.After(last); at, ok = s.Next(at) {
			due++
		}
		if due != dates {
			t.Fatalf("%d occurrences on %d dates from %v to %v", due, dates, first, last)
		}
	})
}
