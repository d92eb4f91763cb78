package cron

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// timed is an enabled job that is due at minute 0 of every hour, UTC.
func timed(t testing.TB, timing Timing) Job {
	t.Helper()
	j := NewJob()
	j.ID, j.Enabled, j.Schedule, j.Timing = 1, true, scheduleOf(t, "UTC", "0 * * * *"), timing
	return j
}

func TestNextAfterTiming(t *testing.T) {
	at := func(text string) time.Time { return instant(t, text) }
	for _, test := range []struct {
		name   string
		timing Timing
		after  string
		want   string // "" for none
	}{
		{"as the schedule says", Timing{}, "2026-03-02T03:00:00Z", "2026-03-02T04:00:00Z"},
		{"once, before", Timing{RunAt: at("2026-03-02T03:17:05Z")}, "2026-03-02T03:00:00Z", "2026-03-02T03:17:05Z"},
		{"once, then", Timing{RunAt: at("2026-03-02T03:17:05Z")}, "2026-03-02T03:17:05Z", ""},
		{"once is not spread", Timing{RunAt: at("2026-03-02T03:17:05Z"), Spread: time.Hour}, "2026-03-02T03:00:00Z",
			"2026-03-02T03:17:05Z"},
		{"paused", Timing{PausedUntil: at("2026-03-02T08:30:00Z")}, "2026-03-02T03:00:00Z", "2026-03-02T09:00:00Z"},
		{"a pause that ends with an occurrence", Timing{PausedUntil: at("2026-03-02T09:00:00Z")}, "2026-03-02T03:00:00Z",
			"2026-03-02T09:00:00Z"},
		{"the pause is over", Timing{PausedUntil: at("2026-03-02T02:30:00Z")}, "2026-03-02T03:00:00Z", "2026-03-02T04:00:00Z"},
		{"once, after the pause", Timing{RunAt: at("2026-03-02T09:00:00Z"), PausedUntil: at("2026-03-02T09:00:00Z")},
			"2026-03-02T03:00:00Z", "2026-03-02T09:00:00Z"},
		{"once, in the pause", Timing{RunAt: at("2026-03-02T09:00:00Z"), PausedUntil: at("2026-03-02T09:00:01Z")},
			"2026-03-02T03:00:00Z", ""},
		{"spread", Timing{Spread: time.Hour}, "2026-03-02T03:00:00Z", "2026-03-02T03:37:04.922Z"},
		{"spread, before it", Timing{Spread: time.Hour}, "2026-03-02T03:37:04Z", "2026-03-02T03:37:04.922Z"},
		{"spread, after it", Timing{Spread: time.Hour}, "2026-03-02T03:37:04.922Z", "2026-03-02T04:37:04.922Z"},
		{"spread and paused", Timing{Spread: time.Hour, PausedUntil: at("2026-03-02T03:37:05Z")}, "2026-03-02T03:00:00Z",
			"2026-03-02T04:37:04.922Z"},
	} {
		j := timed(t, test.timing)
		var want time.Time
		if test.want != "" {
			want = at(test.want)
		}
		if got := j.NextAfter(at(test.after)); got != want {
			t.Errorf("%s: %v, want %v", test.name, got, want)
		}
		j.Enabled = false
		if got := j.OccurrenceAfter(at(test.after)); got != want {
			t.Errorf("%s, disabled: %v, want %v", test.name, got, want)
		}
		if got := j.NextAfter(at(test.after)); !got.IsZero() {
			t.Errorf("%s, disabled: due at %v", test.name, got)
		}
	}
}

func TestTimingIsValidated(t *testing.T) {
	for name, test := range map[string]struct {
		timing Timing
		want   Problem
	}{
		"largest":    {timing: Timing{Spread: MaxSpread, PauseNote: strings.Repeat("ü", MaxPauseNote)}},
		"spread":     {Timing{Spread: MaxSpread + time.Second}, OutOfRange(3601, 0, 3600)},
		"below zero": {Timing{Spread: -time.Second}, OutOfRange(-1, 0, 3600)},
		"note": {
			Timing{PauseNote: strings.Repeat("x", 201)}, Problem{Rule: RuleTooLong, Limit: 200, Unit: UnitCharacters},
		},
		"note with NUL": {Timing{PauseNote: "a\x00b"}, Problem{Rule: RuleControlCharacter}},
	} {
		var c Checker
		test.timing.check(&c)
		if test.want.Rule == RuleNone {
			if len(c.problems) > 0 {
				t.Errorf("%s: %+v", name, c.problems)
			}
			continue
		}
		test.want.Pointer = "/pauseNote"
		if test.timing.Spread != 0 {
			test.want.Pointer = "/schedule/spreadSeconds"
		}
		if len(c.problems) != 1 || c.problems[0] != test.want {
			t.Errorf("%s: %+v, want %+v", name, c.problems, test.want)
		}
	}
}

// TestSpreadIsEven counts jobs by their delay. Jobs whose IDs follow each other, or lie a step apart, share no second
// as long as there are enough, and all seconds alike when there are not; and so with the milliseconds of one second.
func TestSpreadIsEven(t *testing.T) {
	for _, test := range []struct {
		first, step int64
		jobs        int
		spread, of  time.Duration
		least, most int
	}{
		{1, 1, 1000, time.Hour, time.Second, 0, 1},
		{123456789, 1, 1000, time.Hour, time.Second, 0, 1},
		{1, 1, 1000, time.Minute, time.Second, 15, 18},
		{5, 10, 1000, time.Minute, time.Second, 15, 18},
		{1 << 52, 1, 1000, time.Minute, time.Second, 15, 18},
		{1, 1, 1000, time.Second, time.Second, 1000, 1000},
		{1, 1, 1000, time.Second, time.Millisecond, 0, 2},
		{1, 1, 600, time.Minute, 100 * time.Millisecond, 0, 2},
	} {
		counts := make([]int, test.spread/test.of)
		for i := range test.jobs {
			j := Job{ID: test.first + int64(i)*test.step, Timing: Timing{Spread: test.spread}}
			counts[j.delay()/test.of]++
		}
		for at, n := range counts {
			if n < test.least || n > test.most {
				t.Errorf("from %d in steps of %d over %v: %d jobs at %v, want %d to %d", test.first, test.step, test.spread,
					n, time.Duration(at)*test.of, test.least, test.most)
			}
		}
	}
}

// TestSpreadStays pins the delays down: jobs that have one keep it over all versions.
func TestSpreadStays(t *testing.T) {
	for id, want := range map[int64]time.Duration{
		1: 2224922 * time.Millisecond, 2: 849844 * time.Millisecond, 3: 3074767 * time.Millisecond,
		1000: 122359 * time.Millisecond,
	} {
		j := Job{ID: id, Timing: Timing{Spread: time.Hour}}
		if got := j.delay(); got != want {
			t.Errorf("job %d: %v, want %v", id, got, want)
		}
	}
	if j := (Job{ID: 7}); j.delay() != 0 {
		t.Errorf("a job without spread has the delay %v", j.delay())
	}
}

// TestTimingProperties compares jobs that are spread, paused or due once with going through what their schedule says.
func TestTimingProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := NewJob()
		j.Enabled, j.Schedule = true, drawSchedule(t)
		if rapid.Bool().Draw(t, "dense") {
			j.Schedule.Months, j.Schedule.Weekdays, j.Schedule.MonthDays = Every, Every, Every
		}
		j.ID = rapid.Int64Range(1, 1<<53).Draw(t, "id")
		j.Timing.Spread = time.Duration(rapid.SampledFrom([]int{0, 1, 60, 3599, 3600}).Draw(t, "spread")) * time.Second
		delay := j.delay()
		if delay < 0 || delay >= max(j.Timing.Spread, 1) {
			t.Fatalf("the delay is %v of %v", delay, j.Timing.Spread)
		}

		// What the schedule says, later by the delay. The first one is due, the others may be paused.
		start := time.Unix(drawInstant(t, j.Schedule.Timezone), 0)
		first, _ := j.Schedule.Next(start)
		slots := gap(&j.Schedule, first, rapid.IntRange(2, countedGaps).Draw(t, "occurrences"))
		for i := range slots {
			slots[i] = slots[i].Add(delay)
		}
		planned, last := slots[0], slots[len(slots)-1]
		if rapid.Bool().Draw(t, "paused") {
			j.Timing.PausedUntil = time.Unix(rapid.Int64Range(planned.Unix(), last.Unix()).Draw(t, "until"), 0)
		}
		if rapid.IntRange(0, 3).Draw(t, "one-time") == 0 {
			j.Timing.RunAt = time.Unix(rapid.Int64Range(planned.Unix()+1, last.Unix()).Draw(t, "at"), 0)
			slots = []time.Time{planned, j.Timing.RunAt}
		}
		occurrences := []time.Time{planned}
		for _, at := range slots[1:] {
			if !at.Before(j.Timing.PausedUntil) {
				occurrences = append(occurrences, at)
			}
		}

		at := planned
		for _, want := range occurrences[1:] {
			if got := j.NextAfter(at); !got.Equal(want) {
				t.Fatalf("after %v comes %v, want %v", at, got, want)
			}
			at = want
		}
		final := occurrences[len(occurrences)-1]
		next := j.NextAfter(final)
		if !j.Timing.RunAt.IsZero() != next.IsZero() {
			t.Fatalf("after %v comes %v", final, next)
		}
		j.Policy.Misfire = MisfireRun
		decision := Decision{Run: final, Next: next}
		if n := len(occurrences); n > 1 {
			decision.Missed = OccurrenceRange{First: planned, Last: occurrences[n-2], Count: int64(n - 1)}
		}
		if got := j.Decide(planned, final); !sameVerdict(got, decision) {
			t.Fatalf("Decide(%v, %v) =\n%+v, want\n%+v", planned, final, got, decision)
		}
		all := OccurrenceRange{First: planned, Last: final, Count: int64(len(occurrences))}
		if got := j.Backlog(planned, final); !sameRange(got, all) {
			t.Fatalf("Backlog(%v, %v) =\n%+v, want\n%+v", planned, final, got, all)
		}
	})
}

func sameVerdict(a, b Decision) bool {
	return a.Run.Equal(b.Run) && a.Next.Equal(b.Next) && sameRange(a.Missed, b.Missed)
}

func sameRange(a, b OccurrenceRange) bool {
	return a.First.Equal(b.First) && a.Last.Equal(b.Last) && a.Count == b.Count && a.AtLeast == b.AtLeast
}

// TestConcludeOneTime goes through what follows for a job that was disabled: by its own occurrence, or by somebody.
func TestConcludeOneTime(t *testing.T) {
	now := instant(t, "2026-03-02T03:00:00Z")
	for _, test := range []struct {
		name           string
		passed         bool
		paused         bool
		attempt, most  int
		result         Result
		again          bool
		failures       int
		events         []NoticeKind
		allowsAttempts bool
	}{
		{name: "fails, and is tried again", passed: true, attempt: 1, result: Result{Status: StatusHTTPError}, again: true,
			allowsAttempts: true},
		{name: "fails for good", passed: true, attempt: 3, result: Result{Status: StatusHTTPError}, failures: 1,
			events: []NoticeKind{NoticeFailure}, allowsAttempts: true},
		{name: "fails once too often, but is disabled already", passed: true, attempt: 3, most: -1,
			result: Result{Status: StatusHTTPError}, failures: 1, events: []NoticeKind{NoticeFailure}, allowsAttempts: true},
		{name: "disabled by somebody", attempt: 1, result: Result{Status: StatusHTTPError}},
		{name: "disabled by somebody, last attempt", attempt: 3, result: Result{Status: StatusHTTPError}},
		{name: "paused meanwhile", passed: true, paused: true, attempt: 1, result: Result{Status: StatusHTTPError}, failures: 1,
			events: []NoticeKind{NoticeFailure}},
		{name: "lost, and repeated", passed: true, attempt: 1, result: Lost(), again: true, allowsAttempts: true},
		{name: "lost, but paused", passed: true, paused: true, attempt: 1, result: Lost()},
	} {
		j := timed(t, Timing{RunAt: now.Add(-time.Minute), RunAtPassed: test.passed})
		j.Enabled = false
		if test.paused {
			j.Timing.PausedUntil = now.Add(time.Second)
		}
		j.Notification.OnFailure, j.Notification.OnDisable = true, true
		j.Policy.Retry.Count, j.Policy.Delivery = 2, AtLeastOnce
		c := Completion{Launch: Launch{Job: &j, Attempt: test.attempt}, Result: test.result}
		out := Conclude(&j, JobState{}, &c, Plan{MaxFailures: test.most}, now)
		if out.NextAttempt.IsZero() == test.again || out.State.Failures != test.failures || out.Disable {
			t.Errorf("%s: %+v", test.name, out)
		}
		if len(out.Notices) != len(test.events) || len(out.Notices) > 0 && out.Notices[0] != test.events[0] {
			t.Errorf("%s: events %v, want %v", test.name, out.Notices, test.events)
		}
		if j.AllowsAttempts(now) != test.allowsAttempts {
			t.Errorf("%s: attempts are allowed: %v", test.name, !test.allowsAttempts)
		}
	}
}

// TestPreviewOfAJob compares the preview of a job with its occurrences, one after the other.
func TestPreviewOfAJob(t *testing.T) {
	now := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	for name, change := range map[string]func(*Job){
		"plain":    func(*Job) {},
		"delayed":  func(j *Job) { j.ID, j.Timing.Spread = 7, time.Hour },
		"paused":   func(j *Job) { j.Timing.PausedUntil = now.Add(36 * time.Hour) },
		"one time": func(j *Job) { j.Timing.RunAt = now.Add(time.Hour) },
		"over":     func(j *Job) { j.Timing.RunAt = now.Add(-time.Hour) },
	} {
		j := NewJob()
		s, err := ParseCrontab("30 * * * *")
		if err != nil {
			t.Fatal(err)
		}
		s.Timezone = "Europe/Berlin"
		j.Schedule = s
		change(&j)
		var want []time.Time
		for at := j.OccurrenceAfter(now.Add(-time.Millisecond)); !at.IsZero() && len(want) < 30; at = j.OccurrenceAfter(at) {
			want = append(want, at.UTC())
		}
		var got []time.Time
		for _, run := range j.Preview(now, 30).Runs {
			got = append(got, run.At.UTC())
		}
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
