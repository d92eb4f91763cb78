package cron

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func utc(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// nightly is a window from 2:00 to 4:00 in Berlin.
func nightly(edits ...func(*MaintenanceWindow)) MaintenanceWindow {
	w := MaintenanceWindow{Title: "night", Effect: MaintenancePause, Duration: 2 * time.Hour, Schedule: Schedule{
		Timezone: "Europe/Berlin", Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(2), MonthDays: Every, Months: Every, Weekdays: Every}}
	for _, edit := range edits {
		edit(&w)
	}
	return w
}

func once(from, to string) MaintenanceWindow {
	return MaintenanceWindow{Title: "once", Effect: MaintenancePause, Start: utc(from), End: utc(to)}
}

func TestMaintenanceSpan(t *testing.T) {
	every := func(minutes int, d time.Duration) MaintenanceWindow {
		return nightly(func(w *MaintenanceWindow) {
			w.Schedule.Timezone, w.Schedule.Hours, w.Schedule.Minutes, w.Duration = "UTC", Every, 0, d
			for m := 0; m < 60; m += minutes {
				w.Schedule.Minutes |= SetOf(m)
			}
		})
	}
	for _, tt := range []struct {
		name       string
		window     MaintenanceWindow
		now        string
		start, end string // empty for none
	}{
		{"before", once("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"), "2026-03-01T09:59:59Z", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"},
		{"inside", once("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"), "2026-03-01T10:59:59Z", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"},
		{"its end is outside", once("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"), "2026-03-01T11:00:00Z", "", ""},
		{"by a schedule, outside", nightly(), "2026-01-01T12:00:00Z", "2026-01-02T01:00:00Z", "2026-01-02T03:00:00Z"},
		{"by a schedule, at its start", nightly(), "2026-01-02T01:00:00Z", "2026-01-02T01:00:00Z", "2026-01-02T03:00:00Z"},
		{"by a schedule, at its end", nightly(), "2026-01-02T03:00:00Z", "2026-01-03T01:00:00Z", "2026-01-03T03:00:00Z"},
		// On March 29 the clocks are put from 2:00 to 3:00, at 1:00 UTC; it starts then and takes two hours of real time.
		{"in the night without 2:00", nightly(), "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"},
		// On October 25 they are put from 3:00 to 2:00, at 1:00 UTC: it starts at the first 2:00.
		{"in the night with 2:00 twice", nightly(), "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"},
		{"spans that touch are one", every(30, 30*time.Minute), "2026-01-01T00:10:00Z", "2026-01-01T00:00:00Z", "2026-01-03T02:30:00Z"},
		{"spans that overlap are one", every(30, time.Hour), "2026-01-01T00:10:00Z", "2025-12-31T23:30:00Z", "2026-01-03T02:30:00Z"},
		{"a schedule that has expired", nightly(func(w *MaintenanceWindow) { w.Schedule.ExpiresAt = 20260101000000 }), "2026-01-02T00:00:00Z", "", ""},
		{"the last span of one", nightly(func(w *MaintenanceWindow) { w.Schedule.ExpiresAt = 20260102020000 }), "2026-01-02T02:59:59Z",
			"2026-01-02T01:00:00Z", "2026-01-02T03:00:00Z"},
		{"a year long", nightly(func(w *MaintenanceWindow) {
			w.Duration, w.Schedule.Months, w.Schedule.MonthDays = MaxMaintenance, SetOf(1), SetOf(1)
		}),
			"2026-06-01T00:00:00Z", "2026-01-01T01:00:00Z", "2126-01-03T01:00:00Z"},
	} {
		start, end, ok := tt.window.Span(utc(tt.now))
		if tt.name == "a year long" { // a day longer than a year, so that years join
			ok, end = ok && end.After(utc("2100-01-01T00:00:00Z")), utc(tt.end)
		}
		switch {
		case ok != (tt.start != ""):
			t.Errorf("%s: there is a span: %t", tt.name, ok)
		case ok && (!start.Equal(utc(tt.start)) || !end.Equal(utc(tt.end))):
			t.Errorf("%s: %v to %v, want %s to %s", tt.name, start, end, tt.start, tt.end)
		}
	}
}

func TestMaintenanceSelects(t *testing.T) {
	j := Job{ID: 7, FolderID: 3, Tags: []string{"Prod", "Straße"}}
	for name, tt := range map[string]struct {
		edit func(*MaintenanceWindow)
		want bool
	}{
		"all":                  {func(*MaintenanceWindow) {}, true},
		"its number":           {func(w *MaintenanceWindow) { w.JobIDs = []int64{1, 7, 9} }, true},
		"other numbers":        {func(w *MaintenanceWindow) { w.JobIDs = []int64{1, 8} }, false},
		"its folder":           {func(w *MaintenanceWindow) { w.FolderIDs = []int64{0, 3} }, true},
		"another folder":       {func(w *MaintenanceWindow) { w.FolderIDs = []int64{0} }, false},
		"a tag, ignoring case": {func(w *MaintenanceWindow) { w.Tags = []string{"x", "pROD"} }, true},
		"another tag":          {func(w *MaintenanceWindow) { w.Tags = []string{"pro", "prodd"} }, false},
		"any of the lists": {func(w *MaintenanceWindow) {
			w.JobIDs, w.FolderIDs, w.Tags = []int64{1}, []int64{1}, []string{"straße"}
		}, true},
		"none of the lists":       {func(w *MaintenanceWindow) { w.JobIDs, w.FolderIDs, w.Tags = []int64{1}, []int64{1}, []string{"x"} }, false},
		"a window that is silent": {func(w *MaintenanceWindow) { w.Effect = MaintenanceSilence }, false},
	} {
		w := once("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z")
		tt.edit(&w)
		m, inside := NewMaintenance([]MaintenanceWindow{w}), utc("2026-03-01T10:30:00Z")
		until, paused := m.Paused(&j, inside)
		if paused != tt.want || paused && !until.Equal(w.End) {
			t.Errorf("%s: paused is %t until %v", name, paused, until)
		}
		if silenced := j.Silenced(m, inside, inside); silenced != (tt.want || w.Effect == MaintenanceSilence) {
			t.Errorf("%s: silenced is %t", name, silenced)
		}
		if _, paused := m.Paused(&j, w.End); paused || j.Silenced(m, w.End, w.End.Add(time.Hour)) || j.Silenced(m, w.Start.Add(-2), w.Start.Add(-1)) {
			t.Errorf("%s: it reaches beyond its span", name)
		}
		if !tt.want {
			continue
		}
		if !j.Silenced(m, w.Start.Add(-time.Hour), w.Start) || !j.Silenced(m, w.End.Add(-1), w.End.Add(time.Hour)) {
			t.Errorf("%s: a result is told although a part of its execution lies inside", name)
		}
	}
	if _, paused := (*Maintenance)(nil).Paused(&j, time.Time{}); paused || (*Maintenance)(nil).NeedsTags() || j.Silenced(nil, time.Time{}, time.Time{}) {
		t.Error("no windows do something")
	}
}

func TestMaintenanceAccept(t *testing.T) {
	numbers := func(n int) (list []int64) {
		for i := range n {
			list = append(list, int64(n-i), int64(n-i))
		}
		return list
	}
	for name, tt := range map[string]struct {
		edit func(*MaintenanceWindow)
		want string // pointers
	}{
		"good":                 {func(*MaintenanceWindow) {}, ""},
		"once":                 {func(w *MaintenanceWindow) { *w = once("2026-03-01T10:00:00Z", "2027-03-02T10:00:00Z") }, ""},
		"no title":             {func(w *MaintenanceWindow) { w.Title = " \t" }, "/title"},
		"a long title":         {func(w *MaintenanceWindow) { w.Title = strings.Repeat("ü", MaxFolderTitle+1) }, "/title"},
		"an effect":            {func(w *MaintenanceWindow) { w.Effect = 2 }, "/effect"},
		"no duration":          {func(w *MaintenanceWindow) { w.Duration = 999 * time.Millisecond }, "/durationSeconds"},
		"a longer one":         {func(w *MaintenanceWindow) { w.Duration = MaxMaintenance + time.Second }, "/durationSeconds"},
		"no schedule":          {func(w *MaintenanceWindow) { w.Schedule = Schedule{} }, "/schedule"},
		"no minutes":           {func(w *MaintenanceWindow) { w.Schedule.Minutes = 0 }, "/schedule/minutes"},
		"no days":              {func(w *MaintenanceWindow) { w.Schedule.MonthDays = 0 }, "/schedule/mdays"},
		"the last day":         {func(w *MaintenanceWindow) { w.Schedule.MonthDays, w.Schedule.LastDay = 0, true }, ""},
		"a time zone":          {func(w *MaintenanceWindow) { w.Schedule.Timezone = "Mars/Olympus" }, "/schedule/timezone"},
		"no span":              {func(w *MaintenanceWindow) { *w = once("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z") }, "/end"},
		"a span backwards":     {func(w *MaintenanceWindow) { *w = once("2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z") }, "/end"},
		"too long a span":      {func(w *MaintenanceWindow) { *w = once("2026-03-01T10:00:00Z", "2027-03-02T10:00:01Z") }, "/end"},
		"only a start":         {func(w *MaintenanceWindow) { w.Start, w.Duration = utc("2026-03-01T10:00:00Z"), 0 }, "/end"},
		"only an end":          {func(w *MaintenanceWindow) { w.End, w.Duration = utc("2026-03-01T10:00:00Z"), 0 }, "/start"},
		"both":                 {func(w *MaintenanceWindow) { w.Start, w.End = utc("2026-03-01T10:00:00Z"), utc("2026-03-01T11:00:00Z") }, "/schedule"},
		"many jobs":            {func(w *MaintenanceWindow) { w.JobIDs = numbers(100) }, ""},
		"too many jobs":        {func(w *MaintenanceWindow) { w.JobIDs = numbers(101) }, "/jobIds"},
		"no number of a job":   {func(w *MaintenanceWindow) { w.JobIDs = []int64{5, 0} }, "/jobIds"},
		"the root folder":      {func(w *MaintenanceWindow) { w.FolderIDs = []int64{5, 0} }, ""},
		"too many folders":     {func(w *MaintenanceWindow) { w.FolderIDs = numbers(101) }, "/folderIds"},
		"no number of a thing": {func(w *MaintenanceWindow) { w.FolderIDs = []int64{-1} }, "/folderIds"},
		"too many tags":        {func(w *MaintenanceWindow) { w.Tags = strings.Fields("a b c d e f g h i j k l m n o p q r s t u") }, "/tags"},
		"a tag with a comma":   {func(w *MaintenanceWindow) { w.Tags = []string{"a,b"} }, "/tags"},
		"a tag of no name":     {func(w *MaintenanceWindow) { w.Tags = []string{" ", "A", "a"} }, ""},
	} {
		w := nightly()
		tt.edit(&w)
		err := w.Accept()
		var got []string
		if err != nil {
			got = pointersOf(t, err, Invalid)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: problems at %q", name, got)
		}
		if err == nil && (!slices.IsSorted(w.JobIDs) || !slices.IsSorted(w.FolderIDs) || len(w.Tags) > 1) {
			t.Errorf("%s: %+v", name, w)
		}
	}
}

// randomWindows are up to six windows around an instant.
func randomWindows(t *rapid.T, around time.Time) (list []MaintenanceWindow) {
	for i := range rapid.IntRange(0, 6).Draw(t, "windows") {
		w := nightly(func(w *MaintenanceWindow) {
			w.ID, w.Effect = int64(i), MaintenanceEffect(rapid.IntRange(0, 1).Draw(t, "effect"))
			w.Duration = time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute
			w.Schedule.Hours = Set(rapid.IntRange(1, 1<<24-1).Draw(t, "hours"))
			w.Schedule.Minutes = SetOf(rapid.IntRange(0, 59).Draw(t, "minute"))
			w.Schedule.Timezone = rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Australia/Lord_Howe"}).Draw(t, "zone")
		})
		if rapid.Bool().Draw(t, "once") {
			w.Start = around.Add(time.Duration(rapid.IntRange(-600, 600).Draw(t, "from")) * time.Minute)
			w.End, w.Schedule, w.Duration = w.Start.Add(w.Duration), Schedule{}, 0
		}
		if rapid.Bool().Draw(t, "other job") {
			w.JobIDs = []int64{99}
		}
		list = append(list, w)
	}
	return list
}

// plainlyInside is whether a window of at least an effect has an instant, found without what is remembered.
func plainlyInside(list []MaintenanceWindow, least MaintenanceEffect, at time.Time) bool {
	return slices.ContainsFunc(list, func(w MaintenanceWindow) bool {
		if w.Effect < least || len(w.JobIDs) > 0 {
			return false
		}
		if w.Once() {
			return !at.Before(w.Start) && at.Before(w.End)
		}
		for start := at.Add(-w.Duration); ; {
			next, ok := w.Schedule.Next(start)
			if !ok || next.After(at) {
				return false
			}
			if at.Sub(next) < w.Duration {
				return true
			}
			start = next
		}
	})
}

// TestMaintenanceRemembers asks the same Maintenance about many instants, and compares with windows that remember nothing.
func TestMaintenanceRemembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		around := time.Date(2026, time.Month(rapid.SampledFrom([]int{3, 7, 10}).Draw(t, "month")), 29, 1, 0, 0, 0, time.UTC)
		list := randomWindows(t, around)
		m, j := NewMaintenance(list), Job{ID: 1}
		for range 50 {
			at := around.Add(time.Duration(rapid.IntRange(-1500, 1500).Draw(t, "at")) * time.Minute)
			until, paused := m.Paused(&j, at)
			if want := plainlyInside(list, MaintenancePause, at); paused != want {
				t.Fatalf("at %v paused is %t", at, paused)
			}
			if paused && (!until.After(at) || !plainlyInside(list, MaintenancePause, until.Add(-time.Second))) {
				t.Fatalf("at %v it is paused until %v", at, until)
			}
			if got, want := j.Silenced(m, at, at), plainlyInside(list, MaintenanceSilence, at); got != want {
				t.Fatalf("at %v silenced is %t", at, got)
			}
		}
	})
}

// TestMaintenanceMark marks occurrences at the edges of windows; one that pauses the job is told rather than one that only silences it.
func TestMaintenanceMark(t *testing.T) {
	quiet := once("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z")
	quiet.Title, quiet.Effect, quiet.Tags = "quiet", MaintenanceSilence, []string{"web"}
	other := once("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
	other.Title, other.JobIDs = "other job", []int64{8}
	j := Job{ID: 7, Tags: []string{"WEB"}}
	p := Preview{}
	for hour := range 8 {
		p.Runs = append(p.Runs, PreviewRun{At: utc("2026-01-01T00:00:00Z").Add(time.Duration(hour) * time.Hour)})
	}
	NewMaintenance([]MaintenanceWindow{quiet, nightly(), other}).Mark(&j, &p)
	var got []string
	for _, run := range p.Runs {
		title := ""
		if run.Window != nil {
			title = run.Window.Title
		}
		got = append(got, title)
	}
	if want := []string{"quiet", "night", "night", "quiet", "quiet", "quiet", "", ""}; !slices.Equal(got, want) { // 2:00 in Berlin is 1:00
		t.Errorf("%q, want %q", got, want)
	}
}

// TestMaintenanceSplit divides gaps, and compares each occurrence with the part that it is in.
func TestMaintenanceSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		around := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
		list := randomWindows(t, around)
		j := NewJob()
		j.ID, j.Enabled = 1, true
		j.Schedule.Hours, j.Schedule.MonthDays, j.Schedule.Months, j.Schedule.Weekdays = Every, Every, Every, Every
		j.Schedule.Minutes = Set(rapid.Uint64Range(1, 1<<60-1).Draw(t, "minutes"))
		j.Timing.Spread = time.Duration(rapid.IntRange(0, 600).Draw(t, "spread")) * time.Second
		g := OccurrenceRange{First: j.OccurrenceAfter(around.Add(-time.Duration(rapid.IntRange(0, 600).Draw(t, "ago")) * time.Minute))}
		for range rapid.IntRange(1, 400).Draw(t, "count") {
			if g.Last = j.OccurrenceAfter(g.Last); g.Count == 0 {
				g.Last = g.First
			}
			g.Count++
		}
		parts := NewMaintenance(list).Split(&j, g)
		at := g.First
		var counted int64
		for i, part := range parts {
			if !part.First.Equal(at) || part.Last.Before(part.First) || part.AtLeast {
				t.Fatalf("part %d of %v is %+v, and begins at %v", i, g, part, at)
			}
			for n := int64(1); ; n++ {
				if inside := plainlyInside(list, MaintenancePause, at); inside != part.Paused && (part.Paused || i < len(parts)-1) {
					t.Fatalf("%v is in part %+v, and paused is %t", at, part, inside)
				}
				if at.Equal(part.Last) {
					if n != part.Count {
						t.Fatalf("part %+v has %d occurrences", part, n)
					}
					break
				}
				at = j.OccurrenceAfter(at)
			}
			at = j.OccurrenceAfter(at)
			counted += part.Count
		}
		if last := parts[len(parts)-1].Last; !last.Equal(g.Last) || counted != g.Count || len(parts) > maxGapParts {
			t.Fatalf("%d parts with %d occurrences until %v, of %+v", len(parts), counted, last, g)
		}
	})
}

// TestMaintenanceSplitEdges has a row for each place where an edge of a window can lie between occurrences of each minute.
func TestMaintenanceSplitEdges(t *testing.T) {
	j := NewJob()
	j.Enabled = true
	j.Schedule.Minutes, j.Schedule.Hours, j.Schedule.MonthDays, j.Schedule.Months, j.Schedule.Weekdays = Every, Every, Every, Every, Every
	first, last := utc("2026-03-01T10:00:00Z"), utc("2026-03-01T10:59:00Z")
	for _, tt := range []struct{ from, to, want string }{
		{"11:00:00", "12:00:00", "60 missed"},
		{"09:00:00", "10:00:00", "60 missed"},
		{"09:00:00", "11:00:00", "60 paused"},
		{"10:00:00", "10:59:01", "60 paused"},
		{"10:00:00", "10:59:00", "59 paused, 1 missed"},
		{"10:00:01", "10:59:01", "1 missed, 59 paused"},
		{"10:10:00", "10:20:00", "10 missed, 10 paused, 40 missed"},
		{"10:10:01", "10:10:59", "60 missed"},
	} {
		m := NewMaintenance([]MaintenanceWindow{once("2026-03-01T"+tt.from+"Z", "2026-03-01T"+tt.to+"Z")})
		var words []string
		for _, part := range m.Split(&j, OccurrenceRange{First: first, Last: last, Count: 60}) {
			words = append(words, fmt.Sprint(part.Count, map[bool]string{true: " paused", false: " missed"}[part.Paused]))
		}
		if got := strings.Join(words, ", "); got != tt.want {
			t.Errorf("a window from %s to %s: %s, want %s", tt.from, tt.to, got, tt.want)
		}
	}
}

// BenchmarkMaintenance asks about a thousand jobs of an account with as many windows, jobs, folders and tags as are possible.
func BenchmarkMaintenance(b *testing.B) {
	var list []MaintenanceWindow
	for i := range MaxMaintenanceWindows {
		w := nightly(func(w *MaintenanceWindow) { w.Schedule.Hours, w.Duration = Every, time.Hour })
		for n := range MaxMaintenanceItems {
			w.JobIDs, w.FolderIDs = append(w.JobIDs, int64(1e6+n)), append(w.FolderIDs, int64(1e6+n))
		}
		for n := range MaxMaintenanceTags {
			w.Tags = append(w.Tags, fmt.Sprintf("tag %d of window %d", n, i))
		}
		list = append(list, w)
	}
	j := Job{ID: 1, FolderID: 1}
	for n := range MaxTags {
		j.Tags = append(j.Tags, fmt.Sprintf("tag %d", n))
	}
	now := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	for b.Loop() {
		m := NewMaintenance(list)
		for range 1000 {
			m.Paused(&j, now.Add(-time.Duration(rand.IntN(1000))*time.Millisecond))
			m.Paused(&j, now)
		}
	}
}
