package cron

import (
	"slices"
	"testing"
	"time"
)

func TestRoute(t *testing.T) {
	channels := []Channel{
		{ID: 1, Enabled: true, Default: true},
		{ID: 2, Enabled: true, Default: true, Stopped: ChannelRejected},
		{ID: 3, Enabled: true, Tags: []string{"Prod", "db"}},
		{ID: 4, Enabled: true, FolderIDs: []int64{7, 0}},
		{ID: 5, Enabled: false, Default: true, Tags: []string{"prod"}, FolderIDs: []int64{9}},
		{ID: 6, Enabled: true},
		{ID: 7, Enabled: true, Kind: "pagerDuty", Default: false},
	}
	for _, test := range []struct {
		name   string
		notice Notice
		among  []int64 // all when nil
		want   []int64
	}{
		{name: "default ones, also one that is stopped", notice: Notice{JobID: 1, FolderID: 1}, want: []int64{1, 2}},
		{name: "a tag, ignoring case", notice: Notice{JobID: 1, FolderID: 1, Tags: []string{"x", "PROD"}}, want: []int64{3}},
		{name: "a folder", notice: Notice{JobID: 1, FolderID: 7}, want: []int64{4}},
		{name: "the root folder", notice: Notice{JobID: 1}, want: []int64{4}},
		{name: "several rules", notice: Notice{JobID: 1, Tags: []string{"db"}}, want: []int64{3, 4}},
		{name: "the rule of a disabled one counts for nothing", notice: Notice{JobID: 1, FolderID: 9}, want: []int64{1, 2}},
		{name: "those that the job names, whatever rules say", notice: Notice{JobID: 1, Tags: []string{"db"}, ChannelIDs: []int64{6, 1}},
			want: []int64{1, 6}},
		{name: "a disabled one that it names", notice: Notice{JobID: 1, ChannelIDs: []int64{5}}},
		{name: "nobody", notice: Notice{JobID: 1, ChannelIDs: []int64{}}},
		{name: "one that is gone counts as not named", notice: Notice{JobID: 1, ChannelIDs: []int64{99, 6}}, want: []int64{6}},
		{name: "nor do any that are gone", notice: Notice{JobID: 1, FolderID: 7, ChannelIDs: []int64{99, 98}}, want: []int64{4}},
		{name: "about the service: no rule matches", notice: Notice{Kind: NoticeDisk}, want: []int64{1, 2}},
		{name: "a channel that was stopped", notice: Notice{Kind: NoticeChannelOff, ChannelID: 2}, want: []int64{1}},
		{name: "by any other where no default one is left", notice: Notice{Kind: NoticeChannelOff, ChannelID: 1}, want: []int64{3, 4, 6, 7}},
		{name: "an acknowledgement, by pagers", notice: Notice{Kind: NoticeAcknowledged}, want: []int64{7}},
		{name: "nobody is left", notice: Notice{Kind: NoticeChannelOff, ChannelID: 1}, among: []int64{1, 2, 5}},
		{name: "no channels", notice: Notice{JobID: 1}, among: []int64{0}},
	} {
		list := channels
		if test.among != nil {
			list = slices.DeleteFunc(slices.Clone(channels), func(c Channel) bool { return !slices.Contains(test.among, c.ID) })
		}
		var got []int64
		for _, c := range Route(&test.notice, list) {
			got = append(got, c.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestQuietHours(t *testing.T) {
	at := func(text string) time.Time {
		t.Helper()
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	for _, test := range []struct {
		name     string
		zone     string
		from, to int
		now      string
		until    string // empty when it is not quiet
	}{
		{"never", "UTC", 0, 0, "2026-03-01T12:00:00Z", ""},
		{"by day", "UTC", 9 * 60, 17 * 60, "2026-03-01T09:00:00Z", "2026-03-01T17:00:00Z"},
		{"before", "UTC", 9 * 60, 17 * 60, "2026-03-01T08:59:59Z", ""},
		{"at the end", "UTC", 9 * 60, 17 * 60, "2026-03-01T17:00:00Z", ""},
		{"over midnight, in the evening", "UTC", 22 * 60, 7*60 + 30, "2026-02-28T23:00:00Z", "2026-03-01T07:30:00Z"},
		{"over midnight, in the morning", "UTC", 22 * 60, 7*60 + 30, "2026-03-01T07:29:00Z", "2026-03-01T07:30:00Z"},
		{"over midnight, by day", "UTC", 22 * 60, 7*60 + 30, "2026-03-01T12:00:00Z", ""},
		{"until midnight", "UTC", 22 * 60, 0, "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z"},
		{"in another zone", "Asia/Tokyo", 22 * 60, 7 * 60, "2026-03-01T13:00:00Z", "2026-03-01T22:00:00Z"},
		{"while clocks go forward", "Europe/Berlin", 22 * 60, 7 * 60, "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"},
		{"the end is skipped", "Europe/Berlin", 22 * 60, 2*60 + 30, "2026-03-28T22:00:00Z", "2026-03-29T01:30:00Z"},
		{"while clocks go back", "Europe/Berlin", 22 * 60, 7 * 60, "2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z"},
		{"a zone that is unknown is UTC", "Nowhere", 22 * 60, 7 * 60, "2026-03-01T23:00:00Z", "2026-03-02T07:00:00Z"},
	} {
		c := Channel{Timezone: test.zone, QuietFrom: test.from, QuietTo: test.to}
		var want time.Time
		if test.until != "" {
			want = at(test.until)
		}
		if got := c.QuietUntil(at(test.now)); !got.Equal(want) {
			t.Errorf("%s: quiet until %v, want %v", test.name, got, want)
		}
	}
	// The end lies ahead at any time, and it is not quiet there unless it is quiet all the time around.
	c := Channel{Timezone: "Europe/Berlin", QuietFrom: 23 * 60, QuietTo: 2*60 + 30}
	for now := at("2026-10-24T12:00:00Z"); now.Before(at("2026-10-26T12:00:00Z")); now = now.Add(7 * time.Minute) {
		if end := c.QuietUntil(now); !end.IsZero() && (!end.After(now) || end.Sub(now) > 6*time.Hour) {
			t.Errorf("at %v it is quiet until %v", now, end)
		}
	}
	c.QuietGrave = true
	night := at("2026-10-24T22:00:00Z")
	for kind, waits := range map[NoticeKind]bool{NoticeFailure: false, NoticeDisabled: false, NoticeMissed: false, NoticeDisk: false,
		NoticeSuccess: false, NoticeCertExpiry: true, NoticeReminder: true, NoticeChannelOff: true} {
		if got := !c.Held(kind, night).IsZero(); got != waits {
			t.Errorf("%v waits in quiet hours: %v", kind, got)
		}
	}
}

func TestEveryKindOfNoticeHasAWeight(t *testing.T) {
	for k := NoticeFailure; int(k) < len(NoticeKindNames); k++ {
		if _, ok := noticeWeights[k]; !ok {
			t.Errorf("%v has none", k)
		}
	}
	if got := NoticeSuccess.Gravest(NoticeFailure).Gravest(NoticeCertExpiry); got != NoticeFailure {
		t.Errorf("the gravest is %v", got)
	}
}

func TestMessageAttempts(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name     string
		result   MessageResult
		tried    time.Duration // before now
		attempts int
		random   float64
		want     time.Duration // after now; 0 for never
	}{
		{"sent", MessageResult{}, 0, 1, 0.5, 0},
		{"the first", MessageResult{Fault: ChannelBroken}, 0, 1, 0.5, 10 * time.Second},
		{"the fourth", MessageResult{Fault: ChannelExchange}, time.Minute, 4, 0.5, 80 * time.Second},
		{"early", MessageResult{Fault: ChannelBroken}, 0, 1, 0, 8 * time.Second},
		{"late", MessageResult{Fault: ChannelBroken}, 0, 1, 1, 12 * time.Second},
		{"not longer than an hour", MessageResult{Fault: ChannelBroken}, time.Hour, 100, 0.5, time.Hour},
		{"as the receiver asks", MessageResult{Fault: ChannelBusy, RetryAfter: 2 * time.Hour}, 0, 1, 0.5, 2 * time.Hour},
		{"but not earlier", MessageResult{Fault: ChannelBusy, RetryAfter: time.Second}, 0, 1, 0.5, 10 * time.Second},
		{"once more at the end of the day", MessageResult{Fault: ChannelBusy, RetryAfter: 100 * time.Hour}, 23 * time.Hour, 9, 0.5, time.Hour},
		{"after a day", MessageResult{Fault: ChannelBroken}, MessagePatience, 40, 0.5, 0},
		{"rejected", MessageResult{Fault: ChannelRejected}, 0, 1, 0.5, 0},
		{"final", MessageResult{Fault: ChannelMail, Final: true}, 0, 1, 0.5, 0},
		{"not found", MessageResult{Fault: ChannelNotFound}, 0, 1, 0.5, 10 * time.Second},
		{"not found, once more after some minutes", MessageResult{Fault: ChannelNotFound}, 9 * time.Minute, 9, 0.5, time.Minute},
		{"not found for some minutes", MessageResult{Fault: ChannelNotFound}, MissingPatience, 9, 0.5, 0},
		{"not found, and gone", MessageResult{Fault: ChannelNotFound, Gone: true}, 0, 1, 0.5, 0},
		{"gone", MessageResult{Fault: ChannelAnswer, Gone: true}, 0, 1, 0.5, 0},
	} {
		var got time.Duration
		if next := test.result.NextAttempt(now, now.Add(-test.tried), test.attempts, test.random); !next.IsZero() {
			got = next.Sub(now)
		}
		if got != test.want {
			t.Errorf("%s: again after %v, want %v", test.name, got, test.want)
		}
	}
	for _, test := range []struct {
		result   MessageResult
		failures int
		want     bool
	}{
		{MessageResult{Fault: ChannelRejected}, 2, false}, {MessageResult{Fault: ChannelRejected}, 3, true},
		{MessageResult{Fault: ChannelNotFound}, 2, false}, {MessageResult{Fault: ChannelNotFound}, 3, true},
		{MessageResult{Fault: ChannelMail}, 3, false}, {MessageResult{Fault: ChannelMail, Final: true}, 3, true},
		{MessageResult{Fault: ChannelBroken}, 9, false}, {MessageResult{Fault: ChannelNotFound, Gone: true}, 1, true},
		{MessageResult{Fault: ChannelNoMail}, 9, false}, {MessageResult{Fault: ChannelUnconfirmed}, 9, false},
		{MessageResult{Fault: ChannelUnsubscribed, Gone: true}, 1, true}, {MessageResult{}, 9, false},
	} {
		if got := test.result.Stops(test.failures); got != test.want {
			t.Errorf("%+v after %d failures stops the channel: %v", test.result, test.failures, got)
		}
	}
}

func TestDrop(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	usual := Channel{Enabled: true}
	with := func(edit func(*Channel)) *Channel { c := usual; edit(&c); return &c }
	problem := func(s ProblemState) ProblemNow { return ProblemNow{State: s, Known: true} }
	for _, test := range []struct {
		kind    NoticeKind
		channel *Channel
		problem ProblemNow
		want    MessageDrop
	}{
		{NoticeFailure, &usual, problem(ProblemOpen), DropNone},
		{NoticeFailure, nil, problem(ProblemOpen), DropChannel},
		{NoticeFailure, with(func(c *Channel) { c.Enabled = false }), ProblemNow{}, DropChannel},
		{NoticeSuccess, with(func(c *Channel) { c.Stopped = ChannelRejected }), ProblemNow{}, DropChannel},
		{NoticeSuccess, with(func(c *Channel) { c.MutedForGood = true }), ProblemNow{}, DropMuted},
		{NoticeSuccess, with(func(c *Channel) { c.MutedUntil = now.Add(1) }), ProblemNow{}, DropMuted},
		{NoticeSuccess, with(func(c *Channel) { c.MutedUntil = now }), ProblemNow{}, DropNone},
		{NoticeFailure, &usual, problem(ProblemAcknowledged), DropAcknowledged},
		{NoticeMissed, &usual, problem(ProblemSnoozed), DropSnoozed},
		{NoticeFailure, &usual, problem(ProblemResolved), DropNone},
		{NoticeFailure, &usual, ProblemNow{}, DropNone},
		{NoticeDisabled, &usual, problem(ProblemAcknowledged), DropNone},
		{NoticeSuccess, &usual, problem(ProblemAcknowledged), DropNone},
		{NoticeReminder, &usual, problem(ProblemOpen), DropNone},
		{NoticeReminder, &usual, problem(ProblemAcknowledged), DropAcknowledged},
		{NoticeReminder, &usual, problem(ProblemResolved), DropResolved},
		{NoticeReminder, &usual, ProblemNow{}, DropResolved},
	} {
		if got := test.kind.Drop(test.channel, test.problem, now); got != test.want {
			t.Errorf("%v, %+v, %+v: %v, want %v", test.kind, test.channel, test.problem, got, test.want)
		}
	}
}
