package service_test

import (
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestVersions edits each kind of member.
func TestVersions(t *testing.T) {
	svc, _, _, _ := newService(t, cron.Plan{Name: "any"})
	job := cron.NewJob()
	was := svc.Version(&job)
	for name, edit := range map[string]func(*cron.Job){
		"the id":      func(j *cron.Job) { j.ID = 7 },
		"enabled":     func(j *cron.Job) { j.Enabled = true },
		"the title":   func(j *cron.Job) { j.Title = "x" },
		"a header":    func(j *cron.Job) { j.Request.Headers = []cron.Header{{Name: "A", Value: "b"}} },
		"a password":  func(j *cron.Job) { j.Request.Auth.Password = "x" },
		"a schedule":  func(j *cron.Job) { j.Schedule.Minutes = cron.Every },
		"a pause":     func(j *cron.Job) { j.Timing.PausedUntil = time.Unix(1, 0) },
		"a silence":   func(j *cron.Job) { j.Notification.SilencedUntil = cron.Forever },
		"a policy":    func(j *cron.Job) { j.Policy.Retry.Factor = 3 },
		"a criterion": func(j *cron.Job) { j.Exchange.Success = &cron.Success{Contains: "x"} },
		"a tag":       func(j *cron.Job) { j.Tags = []string{"x"} },
		"a text":      func(j *cron.Job) { j.Description = "x" },
		"a notice":    func(j *cron.Job) { j.Notification.OnDisable = true },
	} {
		edited := job
		edit(&edited)
		if svc.Version(&edited) == was {
			t.Errorf("the version does not depend on %s", name)
		}
	}
	later := job
	later.Created, later.Updated, later.Timing.RunAtPassed = time.Unix(1, 0), time.Unix(2, 0), true
	later.CreatedBy, later.UpdatedBy = cron.Author{Label: "x"}, cron.Author{Label: "y"}
	if svc.Version(&later) != was {
		t.Error("the version depends on when the job was saved or run")
	}
}
