package cron

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// accepted is a new job with a URL that was edited and accepted.
func accepted(edit func(*Job)) (Job, error) {
	before := NewJob()
	before.Request.URL = "http://a.test/"
	j := before
	edit(&j)
	return j, j.Accept(&before)
}

// TestValuesAreNormalised compares what some caller stores with what the API would.
func TestValuesAreNormalised(t *testing.T) {
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	east := time.FixedZone("", 3600)
	for name, row := range map[string]struct{ given, want func(*Job) }{
		"title": {func(j *Job) { j.Title = " a b\n" }, func(j *Job) { j.Title = "a b" }},
		"URL without a scheme": {
			func(j *Job) { j.Request.URL = " b.test " }, func(j *Job) { j.Request.URL = "http://b.test" }},
		"headers": {
			func(j *Job) {
				j.Request.Headers = []Header{{" A\r\n", " b\nc "}, {"", "x"}, {"X", " \r"}, {"\n", "x"}, {"A", "d"}}
			},
			func(j *Job) { j.Request.Headers = []Header{{"A", "bc"}, {"A", "d"}} }},
		"headers of which none remains": {
			func(j *Job) { j.Request.Headers = []Header{{"A", ""}} }, func(*Job) {}},
		"failures before a notice": {
			func(j *Job) { j.Notification.OnFailureCount = 0 }, func(j *Job) { j.Notification.OnFailureCount = 1 }},
		"fewer than none": {
			func(j *Job) { j.Notification.OnFailureCount = math.MinInt }, func(j *Job) { j.Notification.OnFailureCount = 1 }},
		"a notice after the expiry": {
			func(j *Job) { j.Notification.CertExpiryAhead = math.MinInt64 },
			func(j *Job) { j.Notification.CertExpiryAhead = 0 }},
		"parts of seconds": {
			func(j *Job) {
				j.Notification.CertExpiryAhead, j.Policy.Grace, j.Policy.Retry.Delay = 1500*time.Millisecond, 2900*time.Millisecond, 1
				j.Policy.Retry.Ceiling, j.Timing.Spread = time.Minute+1, time.Second+1
				j.Timing.RunAt, j.Timing.PausedUntil = noon.Add(1).In(east), noon.Add(999*time.Millisecond).In(east)
			},
			func(j *Job) {
				j.Notification.CertExpiryAhead, j.Policy.Grace, j.Policy.Retry.Delay = time.Second, 2*time.Second, 0
				j.Policy.Retry.Ceiling, j.Timing.Spread = time.Minute, time.Second
				j.Timing.RunAt, j.Timing.PausedUntil = noon, noon
			}},
		"a grace that asks for the default": {
			func(j *Job) { j.Policy.Grace = -time.Hour }, func(j *Job) { j.Policy.Grace = UnsetGrace }},
		"a note of a pause": {
			func(j *Job) { j.Timing.PausedUntil, j.Timing.PauseNote = noon, " why " },
			func(j *Job) { j.Timing.PausedUntil, j.Timing.PauseNote = noon, "why" }},
		"tags": {func(j *Job) { j.Tags = []string{" prod ", "", "Größe", "PROD", "gRÖßE", "\t", "x y"} },
			func(j *Job) { j.Tags = []string{"prod", "Größe", "x y"} }},
		"channels":               {func(j *Job) { j.ChannelIDs = []int64{7, 3, 7, 7, 3} }, func(j *Job) { j.ChannelIDs = []int64{7, 3} }},
		"nobody":                 {func(j *Job) { j.ChannelIDs = []int64{} }, func(j *Job) { j.ChannelIDs = []int64{} }},
		"no tags":                {func(j *Job) { j.Tags = []string{" "} }, func(*Job) {}},
		"a description":          {func(j *Job) { j.Description = "\n # x \n\n y\n" }, func(j *Job) { j.Description = "# x \n\n y" }},
		"a note without a pause": {func(j *Job) { j.Timing.PauseNote = "why" }, func(*Job) {}},
		"criteria that ask for nothing": {
			func(j *Job) { j.Exchange.Success = &Success{Status: []StatusRange{}} }, func(*Job) {}},
		"Sunday by its other number": {
			func(j *Job) { j.Schedule.Weekdays = SetOf(7, 1) }, func(j *Job) { j.Schedule.Weekdays = SetOf(0, 1) }},
		"an expiry without seconds": {
			func(j *Job) { j.Schedule.ExpiresAt = 203012312359 }, func(j *Job) { j.Schedule.ExpiresAt = 20301231235900 }},
	} {
		got, err := accepted(row.given)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := NewJob()
		want.Request.URL = "http://a.test/"
		row.want(&want)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestWhatTheAPIWouldNotStoreIsRefused has values that the API cannot even be given.
func TestWhatTheAPIWouldNotStoreIsRefused(t *testing.T) {
	far := time.Unix(lastInstant+1, 0)
	for pointer, edits := range map[string][]func(*Job){
		"/type":           {func(j *Job) { j.Type = 2 }, func(j *Job) { j.Type = -1 }},
		"/requestTimeout": {func(j *Job) { j.Timeout = math.MaxInt32 + 1 }, func(j *Job) { j.Timeout = math.MinInt32 - 1 }},
		"/title":          {func(j *Job) { j.Title = "\xff" }, func(j *Job) { j.Title = "a\x00b" }},
		"/description": {func(j *Job) { j.Description = "\xff" }, func(j *Job) { j.Description = "a\x00b" },
			func(j *Job) { j.Description = strings.Repeat("x", MaxDescription+1) }},
		"/channelIds": {func(j *Job) {
			for id := range int64(MaxJobChannels + 1) {
				j.ChannelIDs = append(j.ChannelIDs, id)
			}
		}},
		"/tags": {func(j *Job) { j.Tags = []string{"a,b"} }, func(j *Job) { j.Tags = []string{"a\nb"} },
			func(j *Job) { j.Tags = []string{"ok", "\xff"} }, func(j *Job) { j.Tags = []string{strings.Repeat("ü", MaxTagLength+1)} },
			func(j *Job) { j.Tags = strings.Fields("a b c d e f g h i j k l m n o p q r s t u") }},
		"/url":           {func(j *Job) { j.Request.URL = "http://a.test/\xff" }, func(j *Job) { j.Request.URL = "http//a.test" }},
		"/requestMethod": {func(j *Job) { j.Request.Method = 9 }, func(j *Job) { j.Request.Method = -1 }},
		"/auth/user":     {func(j *Job) { j.Request.Auth.User = "\xff" }},
		"/auth/password": {func(j *Job) { j.Request.Auth.Password = "\xff" }},
		"/extendedData/headers": {
			func(j *Job) { j.Request.Headers = []Header{{"a b", "c"}} }, func(j *Job) { j.Request.Headers = []Header{{"A", "\xff"}} },
			func(j *Job) { j.Request.Headers = []Header{{"A", "\x00"}} }},
		"/extendedData/body":      {func(j *Job) { j.Request.Body = "\xff" }},
		"/schedule/days":          {func(j *Job) { j.Schedule.Days = 2 }},
		"/schedule/dst":           {func(j *Job) { j.Schedule.DST = -1 }},
		"/schedule/wdays":         {func(j *Job) { j.Schedule.Weekdays = SetOf(8) }},
		"/schedule/spreadSeconds": {func(j *Job) { j.Timing.Spread = -time.Second }},
		"/runAt":                  {func(j *Job) { j.Timing.RunAt = far }, func(j *Job) { j.Timing.RunAt = time.Unix(-1, 0) }},
		"/pausedUntil":            {func(j *Job) { j.Timing.PausedUntil = far }, func(j *Job) { j.Timing.PausedUntil = time.Unix(0, 0) }},
		"/silencedUntil":          {func(j *Job) { j.Notification.SilencedUntil = far }, func(j *Job) { j.Notification.SilencedUntil = time.Unix(0, 0) }},
		"/pauseNote":              {func(j *Job) { j.Timing.PauseNote = "\xff" }},
		"/misfire":                {func(j *Job) { j.Policy.Misfire = 2 }, func(j *Job) { j.Policy.Misfire = -1 }},
		"/overlap":                {func(j *Job) { j.Policy.Overlap = 2 }},
		"/delivery":               {func(j *Job) { j.Policy.Delivery = 2 }},
		"/retry/factor":           {func(j *Job) { j.Policy.Retry.Factor = math.NaN() }, func(j *Job) { j.Policy.Retry.Factor = math.Inf(1) }},
		"/retry/count":            {func(j *Job) { j.Policy.Retry.Count = -1 }},
		"/oversize":               {func(j *Job) { j.Exchange.Oversize = 2 }},
		"/connection":             {func(j *Job) { j.Exchange.Connection = 2 }, func(j *Job) { j.Exchange.Connection = -1 }},
		"/followRedirects":        {func(j *Job) { j.Exchange.FollowRedirects = MaxRedirects + 1 }},
		"/success/status":         {func(j *Job) { j.Exchange.Success = &Success{Status: []StatusRange{{300, 200}}} }},
		"/success/contains":       {func(j *Job) { j.Exchange.Success = &Success{Contains: "\xff"} }},
		"/success/matches":        {func(j *Job) { j.Exchange.Success = &Success{Matches: "\xff"} }},
		"/notification/onFailureCount": {
			func(j *Job) { j.Notification.OnFailureCount = math.MaxInt32 + 1 }},
		"/notification/onSslCertExpirySeconds": {
			func(j *Job) { j.Notification.CertExpiryAhead = (math.MaxInt32 + 1) * time.Second }},
	} {
		for i, edit := range edits {
			_, err := accepted(edit)
			if got := pointersOf(t, err, Invalid); !slices.Equal(got, []string{pointer}) {
				t.Errorf("%s, %d: problems at %q", pointer, i, got)
			}
		}
	}
}

// TestAnEditOfSomethingElseLeavesTheURL has a URL that was stored under other rules.
func TestAnEditOfSomethingElseLeavesTheURL(t *testing.T) {
	before := NewJob()
	before.Request.URL = "http:///x.test:80" // which is not normalised, and still wrong
	j := before
	j.Title = "another"
	e, ok := errors.AsType[*Error](j.Accept(&before))
	if !ok || len(e.Problems) != 1 || e.Problems[0].Rule == RuleURLStart || j.Request.URL != before.Request.URL {
		t.Errorf("%q: %v", j.Request.URL, e)
	}
}

// TestAcceptIsFinal accepts what was accepted once more, which must change nothing.
func TestAcceptIsFinal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", " a ", "\r\nb", "c\x00", "\xff", strings.Repeat("ü", MaxTitleLength)})
		number := rapid.OneOf(rapid.Int64Range(-2, 8), rapid.Int64())
		j := NewJob()
		j.Type, j.Timeout, j.Title = JobType(rapid.IntRange(-1, 2).Draw(t, "type")), int(number.Draw(t, "timeout")), text.Draw(t, "title")
		j.Request.URL = rapid.SampledFrom([]string{"a.test", "//a.test", " https:/a.test", "", "http//a.test"}).Draw(t, "url")
		for range rapid.IntRange(0, 2).Draw(t, "headers") {
			j.Request.Headers = append(j.Request.Headers, Header{text.Draw(t, "name"), text.Draw(t, "value")})
		}
		j.Schedule.Weekdays, j.Schedule.ExpiresAt = Set(number.Draw(t, "weekdays")), number.Draw(t, "expiry")
		j.Timing = Timing{
			RunAt: time.Unix(number.Draw(t, "run"), number.Draw(t, "ns")&0xffff), Spread: time.Duration(number.Draw(t, "spread")),
			PausedUntil: time.Unix(number.Draw(t, "pause"), 0), PauseNote: text.Draw(t, "note"),
		}
		j.Policy.Grace, j.Policy.Retry.Delay = time.Duration(number.Draw(t, "grace")), time.Duration(number.Draw(t, "delay"))
		j.Notification.OnFailureCount, j.Notification.CertExpiryAhead = int(number.Draw(t, "count")), time.Duration(number.Draw(t, "ahead"))
		before := NewJob()
		if j.Accept(&before) != nil {
			return
		}
		again := j
		if err := again.Accept(&j); err != nil || !reflect.DeepEqual(again, j) {
			t.Fatalf("%+v became %+v: %v", j, again, err)
		}
	})
}
