package service_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	commands "punctual/internal/command"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// imported makes jobs of a text whose commands without a schedule run hourly in Berlin.
func imported(t *testing.T, w *world, actor cron.Actor, text string) service.Import {
	t.Helper()
	schedule, err := cron.ParseCrontab("@hourly")
	w.ok(err)
	im, err := w.NewImport(w.db.Now(), actor, text, service.ImportDefaults{Zone: "Europe/Berlin", Schedule: schedule})
	w.ok(err)
	return im
}

func TestImport(t *testing.T) {
	w := newWorld(t, nil)
	jane := w.member("jane@example.com", cron.RoleEditor)
	im := imported(t, w, jane, strings.Join([]string{
		"CRON_TZ=Asia/Tokyo", "# Report", "0 3 * * * curl -X POST -d a=1 https://a.example/", "CRON_TZ=UTC",
		"0 4 * * * curl ftp://a.example/", "curl b.example", "0 5 * * *", "0 6 * * * php x.php",
	}, "\n"))
	if len(im.Jobs) != 4 || len(im.Unread) != 1 || im.Unread[0].Reason != commands.ReasonOtherCommand {
		t.Fatalf("%d jobs, unread: %+v", len(im.Jobs), im.Unread)
	}
	good, scheme, plain, bare := im.Jobs[0], im.Jobs[1], im.Jobs[2], im.Jobs[3]
	if j := good.Job; good.Err != nil || j.Title != "Report" || !j.Enabled || j.Schedule.Timezone != "Asia/Tokyo" || j.Request.Body != "a=1" ||
		j.AccountID != w.account.ID || good.Words == "" || !good.NextRun.Equal(j.OccurrenceAfter(w.db.Now())) {
		t.Errorf("%+v, %v", j, good.Err)
	}
	if j := plain.Job; plain.Err != nil || j.Schedule.Timezone != "Europe/Berlin" || j.Schedule.Hours != cron.Every || j.Request.URL != "http://b.example" {
		t.Errorf("%+v, %v", j, plain.Err)
	}
	w.fails(scheme.Err, cron.Invalid, cron.RuleURLScheme)
	w.fails(bare.Err, cron.Invalid, cron.RuleMandatory)

	again := good.Job
	errs, err := w.AddJobs(t.Context(), jane, []service.ImportedJob{{Job: &good.Job, Key: "good"}, {Job: &plain.Job, Key: "plain"}, {Job: &again, Key: "good"}})
	w.ok(err)
	if errs[0] != nil || errs[1] != nil || good.Job.ID == 0 || plain.Job.ID <= good.Job.ID || errs[2] != nil || again.ID != good.Job.ID {
		t.Errorf("%v, jobs %d, %d and %d", errs, good.Job.ID, plain.Job.ID, again.ID)
	}
}

// TestImportEndsWhereThePlanDoes saves more jobs than fit, and some that cannot be saved.
func TestImportEndsWhereThePlanDoes(t *testing.T) {
	plans := cron.Plans{"small": {Name: "small", MaxJobs: 3}}
	svc, s, _, account := newService(t, plans["small"])
	actor := as(account)
	text := strings.Repeat("@daily curl https://a.example/\n", 6)
	im, err := svc.NewImport(s.Now(), actor, text, service.ImportDefaults{Zone: "UTC"})
	if err != nil || len(im.Jobs) != 6 {
		t.Fatalf("%d jobs, %v", len(im.Jobs), err)
	}
	var jobs []service.ImportedJob
	for i := range im.Jobs {
		jobs = append(jobs, service.ImportedJob{Job: &im.Jobs[i].Job, Key: strconv.Itoa(i)})
	}
	jobs[1].Job.FolderID = 4711
	if room, limited, err := svc.RoomForJobs(t.Context(), actor); room != 3 || !limited || err != nil {
		t.Errorf("room for %d, %t, %v", room, limited, err)
	}
	errs, err := svc.AddJobs(t.Context(), actor, jobs)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []cron.ErrorKind
	for i, err := range errs {
		if kinds = append(kinds, cron.KindOf(err)); (err == nil) != (jobs[i].Job.ID != 0) {
			t.Errorf("job %d: %v", i, err)
		}
	}
	saved := cron.KindOf(nil)
	if want := []cron.ErrorKind{saved, cron.Invalid, saved, saved, cron.TooMany, cron.TooMany}; !slices.Equal(kinds, want) {
		t.Errorf("%v, want %v: %v", kinds, want, errs)
	}
	if room, _, _ := svc.RoomForJobs(t.Context(), actor); room != 0 {
		t.Errorf("room for %d", room)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if errs, err := svc.AddJobs(ended, actor, jobs[:2]); err != nil || errs[0] == nil || errs[1] == nil {
		t.Errorf("after the end: %v, %v", errs, err)
	}
}
