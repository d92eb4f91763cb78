package api

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
)

// TestListedJobs compares what is written of random jobs with what package encoding/json writes of the same.
func TestListedJobs(t *testing.T) {
	set := rapid.Custom(func(t *rapid.T) cron.Set {
		return rapid.SampledFrom([]cron.Set{cron.Every, 0, 1, cron.Set(rapid.Uint64().Draw(t, "members"))}).Draw(t, "set")
	})
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		at := time.UnixMilli(rapid.Int64Range(-1<<40, 1<<45).Draw(t, "instant"))
		return rapid.SampledFrom([]time.Time{{}, at, time.Unix(0, 0), cron.Forever}).Draw(t, "time")
	})
	words := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "<b>&", "\u2028", "\xff\xfe", "\x00\x1f\x7f", `"\`, "ä😀"}))
	rapid.Check(t, func(t *rapid.T) {
		var rec cron.JobRecord
		rec.ID, rec.FolderID, rec.Type = rapid.Int64().Draw(t, "id"), rapid.Int64().Draw(t, "folder"), cron.JobType(rapid.IntRange(0, 1).Draw(t, "type"))
		rec.Enabled, rec.SaveResponses, rec.RedirectSuccess = rapid.Bool().Draw(t, "enabled"), rapid.Bool().Draw(t, "save"), rapid.Bool().Draw(t, "redirect")
		rec.Title, rec.Request.URL, rec.Schedule.Timezone = words.Draw(t, "title"), words.Draw(t, "url"), words.Draw(t, "zone")
		rec.Request.Method, rec.Timeout = cron.Method(rapid.IntRange(0, 8).Draw(t, "method")), rapid.Int().Draw(t, "timeout")
		s, st := &rec.Schedule, &rec.State
		s.ExpiresAt = rapid.Int64().Draw(t, "expiry")
		s.Minutes, s.Hours, s.MonthDays, s.Months, s.Weekdays = set.Draw(t, "minutes"), set.Draw(t, "hours"), set.Draw(t, "days"), set.Draw(t, "months"), set.Draw(t, "weekdays")
		st.NextRun, st.LastExecution, st.CertExpiry = instant.Draw(t, "next"), instant.Draw(t, "last"), instant.Draw(t, "certificate")
		st.LastStatus, st.LastDuration = cron.Status(rapid.IntRange(0, 9).Draw(t, "status")), time.Duration(rapid.Int64().Draw(t, "duration"))

		listed := rec.Listed()
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(newJob(&rec)); err != nil {
			t.Fatal(err)
		}
		if got := appendListed(nil, &listed); string(got)+"\n" != want.String() {
			t.Errorf("wrote %s, want %s", got, want.String())
		}
	})
}
