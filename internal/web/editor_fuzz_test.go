package web_test

import (
	"net/url"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/web"
)

// FuzzEditorForm reads forms that no browser sends. Whatever they hold, the result is either an edit that a job can take, or an error
// with a problem for it; what is shown of the edited job, sent again, changes nothing.
func FuzzEditorForm(f *testing.F) {
	for _, seed := range []string{
		"", "mode=daily&dailyTime=03:00&timezone=UTC", "mode=crontab&crontab=*/5+*+*+*+1-5&timezone=Europe/Berlin", "mode=once&onceAt=2030-10-27T02:30&timezone=Europe/Berlin",
		"mode=custom&minute=0&hour=3&mday=31&month=2&wday=0&days=1&second=*/10", "mode=weekly&weeklyDay=7", "mode=every&every=h&everyAt=", "mode=every&every=m20&everyAt=19",
		"mode=monthly&monthlyDay=last&monthlyTime=24:00", "mode=yearly&yearlyMonth=13&yearlyDay=0", "mode=nonsense&timezone=x",
		"headerName=A&headerValue=b&headerKept=&headerName=Authorization&headerKept=authorization%230", "headerKept=x%239&headerName=x",
		"jobTitle=a%00b%0D%0Ac&body=%0D%0A%00", "retries=9999999999999&retryFactor=NaN&retryDelay=2147483647&retryDelayUnit=d", "grace=-1&graceUnit=d",
		"expires=9999-12-31T23:59:59&paused=0000-01-01T00:00&silenced=10000-01-01T00:00", "url=https://u:xxxxx@a.example/y", "url=https://u:xxxxx@b.example/",
		"status=200,,299-100+x&bodyMatches=((", "channels=chosen&channel=x&channel=-1", "signing=own", "timeout=-99999999999", "conflict=title&choose-title=theirs&jobTitle=x",
	} {
		f.Add(seed)
	}
	berlin, err := cron.LoadZone("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			t.Skip()
		}
		for _, zone := range []*time.Location{time.UTC, berlin} {
			for _, job := range fuzzedJobs() {
				readForm(t, form, job, zone)
			}
		}
	})
}

// fuzzedJobs are what forms are edits of.
func fuzzedJobs() []cron.Job {
	fresh, secret := cron.NewJob(), cron.NewJob()
	fresh.Request.URL = "https://a.example/"
	secret.Request.URL = "https://u:s3cr3t@a.example/x"
	secret.Request.Headers = []cron.Header{{Name: "Authorization", Value: "s3cr3t"}, {Name: "X-A", Value: "1"}}
	secret.Timing.RunAt = time.Date(2030, 10, 27, 1, 30, 0, 0, time.UTC)
	secret.Schedule.Timezone = "Europe/Berlin"
	return []cron.Job{fresh, secret}
}

func readForm(t *testing.T, form url.Values, base cron.Job, zone *time.Location) {
	t.Helper()
	patch, _ := web.ReadEditor(form, base, zone)
	job := base
	if err := patch.Apply(&job, &base); err != nil {
		if cron.KindOf(err) != cron.Invalid {
			t.Fatalf("the error is %v", err)
		}
		return
	}
	again, changed := web.ReadEditor(web.ShowEditor(job, zone), job, zone)
	if len(again.Fields) > 0 || again.Err != nil {
		t.Fatalf("what is shown of the job changes %q (%q), error %v", changed, again.Fields, again.Err)
	}
}
