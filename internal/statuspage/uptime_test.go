package statuspage_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	loc, err := cron.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestDayStart(t *testing.T) {
	const hour = time.Hour
	for _, c := range []struct {
		zone, day string
		start     string
		length    time.Duration
	}{
		{"UTC", "2026-03-29", "2026-03-29T00:00:00Z", 24 * hour},
		{"Europe/Berlin", "2026-03-28", "2026-03-27T23:00:00Z", 24 * hour},
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23 * hour},
		{"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25 * hour},
		{"Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", 23 * hour},      // begins at one o'clock
		{"Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z", 25 * hour},      // its last hour comes twice
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23 * hour}, // begins at one o'clock
		{"America/Sao_Paulo", "2019-02-16", "2019-02-16T02:00:00Z", 25 * hour}, // its last hour comes twice
		{"Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", 24*hour + 30*time.Minute},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24 * hour},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0}, // was left out
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24 * hour},
		{"Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15:00Z", 24 * hour},
	} {
		date, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		loc, day := zone(t, c.zone), date.Unix()/86400
		start := statuspage.DayStart(day, loc)
		if got := start.Format(time.RFC3339); got != c.start {
			t.Errorf("%s in %s starts at %s, want %s", c.day, c.zone, got, c.start)
		}
		if got := statuspage.DayStart(day+1, loc).Sub(start); got != c.length {
			t.Errorf("%s in %s is %s long, want %s", c.day, c.zone, got, c.length)
		}
	}
}

// The days of a zone divide the time: each instant lies in the day that DayOf names.
func TestDaysDivideTheTime(t *testing.T) {
	names := cron.ZoneNames()
	rapid.Check(t, func(t *rapid.T) {
		loc := zone(t, rapid.SampledFrom(names).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(0, 2_500_000_000).Draw(t, "at"), 0)
		day := statuspage.DayOf(at, loc)
		if start, next := statuspage.DayStart(day, loc), statuspage.DayStart(day+1, loc); at.Before(start) || !at.Before(next) {
			t.Fatalf("%s is to lie on day %d, from %s to %s", at.UTC(), day, start, next)
		}
	})
}

func TestUptime(t *testing.T) {
	var times statuspage.Durations
	if _, known := times.Uptime(false); known {
		t.Error("an uptime of nothing")
	}
	times[statuspage.Unknown] = time.Hour
	if _, known := times.Uptime(true); known {
		t.Error("an uptime of what is unknown")
	}
	times[statuspage.Maintenance] = 2 * time.Hour
	if _, known := times.Uptime(false); known {
		t.Error("an uptime of maintenance that is left out")
	}
	if share, known := times.Uptime(true); !known || share != 0 {
		t.Errorf("maintenance that counts: %g, %t", share, known)
	}
	times[statuspage.Operational], times[statuspage.Degraded] = 2*time.Hour, time.Hour
	times[statuspage.PartialOutage], times[statuspage.MajorOutage] = 2*time.Hour, time.Hour
	if share, _ := times.Uptime(false); share != 0.5 {
		t.Errorf("without maintenance: %g", share)
	}
	if share, _ := times.Uptime(true); share != 0.375 {
		t.Errorf("with maintenance: %g", share)
	}
}

// secondBySecond is the oracle: it looks at every second what is shown, by the latest transition of each layer, and counts it for the day
// that the calendar of the zone says.
func secondBySecond(transitions []statuspage.Transition, from, to time.Time, loc *time.Location) map[string]statuspage.Durations {
	type date struct {
		year  int
		month time.Month
		day   int
	}
	counted := make(map[date]*statuspage.Durations)
	for at := from; at.Before(to); at = at.Add(time.Second) {
		var latest [statuspage.LayerCount]*statuspage.Transition
		for i := range transitions {
			tr := &transitions[i]
			if known := latest[tr.Layer]; !tr.At.After(at) && (known == nil || tr.At.After(known.At)) {
				latest[tr.Layer] = tr
			}
		}
		set := func(l statuspage.Layer) bool { return latest[l] != nil && !latest[l].Clear }
		shown := statuspage.Unknown
		if set(statuspage.LayerObserved) {
			shown = latest[statuspage.LayerObserved].State
		}
		if set(statuspage.LayerIncident) {
			shown = statuspage.Graver(shown, latest[statuspage.LayerIncident].State)
		}
		if set(statuspage.LayerMaintenance) {
			shown = statuspage.Maintenance
		}
		if set(statuspage.LayerHand) {
			shown = latest[statuspage.LayerHand].State
		}
		y, m, d := at.In(loc).Date()
		times := counted[date{y, m, d}]
		if times == nil {
			times = new(statuspage.Durations)
			counted[date{y, m, d}] = times
		}
		times[shown] += time.Second
	}
	days := make(map[string]statuspage.Durations, len(counted))
	for day, times := range counted {
		days[time.Date(day.year, day.month, day.day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)] = *times
	}
	return days
}

// Days of random transitions, around clock changes of several zones, are what counting every second gives.
func TestUptimeIsThatOfEverySecond(t *testing.T) {
	changes := []struct{ zone, at string }{
		{"Europe/Berlin", "2026-03-29T01:00:00Z"}, {"Europe/Berlin", "2026-10-25T01:00:00Z"}, {"America/Sao_Paulo", "2018-11-04T03:00:00Z"},
		{"America/Sao_Paulo", "2019-02-17T02:00:00Z"}, {"Australia/Lord_Howe", "2026-04-04T15:00:00Z"}, {"UTC", "2026-01-01T00:00:00Z"},
		{"Pacific/Apia", "2011-12-30T10:00:00Z"},
	}
	rapid.Check(t, func(t *rapid.T) {
		change := rapid.SampledFrom(changes).Draw(t, "change")
		loc := zone(t, change.zone)
		middle, err := time.Parse(time.RFC3339, change.at)
		if err != nil {
			t.Fatal(err)
		}
		const reach = 40 * 3600
		second := rapid.IntRange(-reach, reach)
		if rapid.Bool().Draw(t, "close") {
			second = rapid.IntRange(-3, 3)
		}
		seen := make(map[[2]int]bool)
		var transitions []statuspage.Transition
		for range rapid.IntRange(0, 12).Draw(t, "transitions") {
			layer, at := rapid.IntRange(0, statuspage.LayerCount-1).Draw(t, "layer"), second.Draw(t, "second")
			if seen[[2]int{layer, at}] {
				continue
			}
			seen[[2]int{layer, at}] = true
			tr := statuspage.Transition{Layer: statuspage.Layer(layer), At: middle.Add(time.Duration(at) * time.Second),
				State: statuspage.State(rapid.IntRange(0, int(statuspage.MajorOutage)).Draw(t, "state"))}
			if layer != int(statuspage.LayerObserved) {
				tr.Clear = rapid.Bool().Draw(t, "clear")
			}
			transitions = append(transitions, tr)
		}
		first := statuspage.DayOf(middle.Add(-36*time.Hour), loc)
		from, to := statuspage.DayStart(first, loc), middle.Add(30*time.Hour)
		stretches := statuspage.Stretches(transitions, from, to)
		for i, s := range stretches {
			if !s.From.Before(s.To) || i > 0 && (!s.From.Equal(stretches[i-1].To) || s.State == stretches[i-1].State) {
				t.Fatalf("span %d of %v", i, stretches)
			}
		}
		want := secondBySecond(transitions, from, to, loc)
		var all, counted statuspage.Durations
		for i, d := range statuspage.Days(stretches, first, loc) {
			if day := first + int64(i); statuspage.DayStart(day, loc).Equal(statuspage.DayStart(day+1, loc)) {
				if d.States != (statuspage.Durations{}) {
					t.Fatalf("a day that the zone left out has %v", d.States)
				}
				continue
			}
			if got := d.Start.Format(time.DateOnly); d.States != want[got] {
				t.Fatalf("on %s: %v, and %v second by second", got, d.States, want[got])
			}
			delete(want, d.Start.Format(time.DateOnly))
			all.Add(d.States)
		}
		if len(want) > 0 {
			t.Fatalf("days are missing: %v", want)
		}
		counted = statuspage.DurationsOf(stretches, from, to)
		if all != counted {
			t.Fatalf("days have %v, the whole time %v", all, counted)
		}
	})
}
