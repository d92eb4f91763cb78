package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestMaintenance plans, edits and deletes windows.
func TestMaintenance(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	id := c.newJob(t, called("Nightly backup", "https://example.com/1")).ID
	actor := cron.OperatorOf(c.account(t))
	folder := cron.Folder{AccountID: 1, Title: "Backups"}
	if err := c.service.AddFolder(t.Context(), actor, &folder); err != nil {
		t.Fatal(err)
	}
	b.get("/console/settings/maintenance").says(200, "No maintenance is planned", "/console/settings/maintenance/new")
	b.get("/console/settings/maintenance/new").says(200, "In Europe/Berlin", `value="pause" checked`)
	b.get(fmt.Sprint("/console/settings/maintenance/new?job=", id)).says(200, "#1 Nightly backup")
	b.get("/console/settings/maintenance/new?job=99").says(404)
	now := time.Now()
	local := func(d time.Duration) string { // where clocks are set back, it may mean an hour earlier or later
		zone, err := cron.LoadZone("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		return now.Add(d).In(zone).Format("2006-01-02T15:04")
	}
	b.post("/console/settings/maintenance", "title", hostile, "effect", "pause", "kind", "once", "start", local(-3*time.Hour), "end", local(3*time.Hour), "scope", "all").
		leads("/console/settings/maintenance?done=maintenance-planned")
	b.get("/console/settings/maintenance?done=maintenance-planned").says(200, "The window is planned", "In force", "Pauses", "All jobs of the account", "&lt;script&gt;").hides("<script>alert")
	day := now.AddDate(0, 0, 3).Weekday() // not today, anywhere
	b.post("/console/settings/maintenance", "title", "Weekly", "effect", "silence", "kind", "schedule", "schedule", "0 2 * * "+day.String()[:3], "zone", "Asia/Tokyo", "duration", "1.5",
		"unit", "hours", "scope", "some", "folder", fmt.Sprint(folder.ID), "tags", "db, eu", "jobs", "nightly backup\n#1 whatever\n1\n").
		leads("/console/settings/maintenance?done=maintenance-planned")
	b.get("/console/settings/maintenance").says(200, "Weekly", "Planned", "Next:", day.String(), "Tokyo", "1 hour 30 minutes", "folder Backups", "tag db", "1 job")
	b.get("/console/settings/maintenance/2").says(200, fmt.Sprintf(`value="0 2 * * %d"`, day), `value="Asia/Tokyo"`, `value="90"`, "#1 Nightly backup", `value="db, eu"`, `value="some" checked`)

	if err := c.service.DeleteJob(t.Context(), actor, id, nil); err != nil {
		t.Fatal(err)
	}
	edit := b.get("/console/settings/maintenance/2").says(200, "#1 (deleted)")
	jobs := strings.TrimSpace(between(edit.body, `aria-describedby="jobs-hint">`, "<"))
	b.post("/console/settings/maintenance/2", "title", "Saturdays", "effect", "pause", "kind", "schedule", "schedule", "0 2 * * sat", "zone", "UTC", "duration", "2",
		"unit", "days", "scope", "some", "jobs", jobs).leads("/console/settings/maintenance?done=saved")
	w, err := c.store.MaintenanceWindow(t.Context(), 1, 2)
	if err != nil || w.Effect != cron.MaintenancePause || w.Duration != 48*time.Hour || len(w.JobIDs) != 1 || len(w.FolderIDs) != 0 {
		t.Errorf("the window is %+v, %v", w, err)
	}
	b.post("/console/settings/maintenance/2/delete").leads("/console/settings/maintenance?done=removed")
	b.get("/console/settings/maintenance/2").says(404)
	b.post("/console/settings/maintenance/2", "title", "x").says(404)
	b.post("/console/settings/maintenance/2/delete").says(404)
}

// TestMaintenanceMistakes shows what is wrong beside its field, and keeps what was typed.
func TestMaintenanceMistakes(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.newJob(t, called("twin", "https://example.com/1"))
	c.newJob(t, called("twin", "https://example.com/2"))
	good := map[string]string{"title": "x", "effect": "pause", "kind": "schedule", "schedule": "0 2 * * *", "zone": "UTC", "duration": "60", "unit": "minutes",
		"scope": "some", "tags": "a", "start": "2999-01-01T10:00", "end": "2999-01-01T11:00"}
	for _, wrong := range []struct{ field, value, kind, says string }{
		{"title", "", "once", "must be given"}, {"start", "", "once", "must be given"}, {"start", "soon", "once", "is not a date"},
		{"end", "2999-01-01T09:00", "once", "The end must be after the start"}, {"schedule", "", "schedule", "must be given"},
		{"schedule", "at night", "schedule", ""}, {"zone", "Mars/Olympus", "schedule", "Mars/Olympus"}, {"duration", "-1", "schedule", "Give a number"},
		{"duration", "NaN", "schedule", "Give a number"}, {"duration", "1e300", "schedule", "Give a number"}, {"duration", "long", "schedule", "Give a number"},
		{"jobs", "#99", "schedule", "There is no job 99"}, {"jobs", "twin", "schedule", "There is no job twin"}, {"jobs", hostile, "schedule", "There is no job"},
		{"tags", strings.Repeat("x", 999), "schedule", ""}, {"tags", "", "schedule", "must be given"},
		{"jobs", strings.Repeat("unknown title\n", 30), "schedule", ""}, {"jobs", strings.Repeat("1\n2\n", 80), "schedule", ""},
	} {
		var pairs []string
		for name, value := range good {
			switch name {
			case wrong.field:
				value = wrong.value
			case "kind":
				value = wrong.kind
			}
			pairs = append(pairs, name, value)
		}
		if wrong.field == "jobs" {
			pairs = append(pairs, "jobs", wrong.value)
		}
		a := b.post("/console/settings/maintenance", pairs...)
		if wrong.field == "jobs" && strings.HasPrefix(wrong.value, "1\n") {
			a.leads("/console/settings/maintenance?done=maintenance-planned") // the same two jobs again and again
			continue
		}
		a.says(422, wrong.says).hides("<script>alert")
		if field := map[string]string{"tags": "jobs"}[wrong.field]; wrong.value != "" || field == "" {
			field = wrong.field
			if !strings.Contains(a.body, fmt.Sprintf(`id="%s-error"`, field)) {
				t.Errorf("%s %q: there is no error beside the field: %s", wrong.field, wrong.value, a.body)
			}
		}
	}
}

// TestViewersAndMaintenance shows viewers windows, and lets them change none.
func TestViewersAndMaintenance(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.post("/console/settings/maintenance", "title", "Sundays", "effect", "silence", "kind", "schedule", "schedule", "0 2 * * sun", "zone", "UTC", "duration", "60", "unit", "minutes").
		leads("/console/settings/maintenance?done=maintenance-planned")
	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/settings/maintenance").says(200, "Sundays").hides("/new")
	viewer.get("/console/settings/maintenance/1").says(200, "Sundays", "<fieldset class=\"plain\" disabled>").hides("/delete", "Save")
	viewer.get("/console/settings/maintenance/new").says(403, "needs the role editor")
	for _, path := range []string{"", "/1", "/1/delete"} {
		viewer.post("/console/settings/maintenance"+path, "title", "x", "kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T11:00").says(403, "needs the role editor")
	}
}

// TestManyWindows shows as many windows as there may be, with the longest texts. The page is not too large.
func TestManyWindows(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	actor := cron.OperatorOf(c.account(t))
	for i := range cron.MaxMaintenanceWindows {
		w := cron.MaintenanceWindow{Title: fmt.Sprint(i, strings.Repeat(`"`, 120)), Duration: time.Hour, Schedule: cron.Schedule{Seconds: cron.SetOf(0), Minutes: cron.SetOf(1, 3, 5, 11, 17, 23),
			Hours: cron.SetOf(1, 3, 6, 10, 15), MonthDays: cron.SetOf(1, 3, 7, 12), Months: cron.Every, Weekdays: cron.SetOf(1, 3), Timezone: "America/Argentina/Buenos_Aires"}}
		for n := range cron.MaxMaintenanceTags {
			w.Tags = append(w.Tags, fmt.Sprint(n, strings.Repeat(`"`, 40)))
		}
		if err := c.service.AddMaintenance(t.Context(), actor, &w); err != nil {
			t.Fatal(err)
		}
	}
	a := b.get("/console/settings/maintenance").says(200, "and 15 more", "Next page")
	if len(a.body) > 120<<10 {
		t.Errorf("the page has %d bytes", len(a.body))
	}
}

// TestNextRunsInMaintenance marks the next runs of a job that fall into a window, on its page and in the editor.
func TestNextRunsInMaintenance(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	j := c.newJob(t, func(j *cron.Job) { j.Schedule.Hours = cron.Every }) // each hour
	from := c.store.Now().Truncate(time.Hour).Add(90 * time.Minute)
	w := cron.MaintenanceWindow{AccountID: 1, Title: "<b>move", Effect: cron.MaintenancePause, Start: from, End: from.Add(3 * time.Hour), JobIDs: []int64{j.ID}}
	if err := c.service.AddMaintenance(t.Context(), cron.OperatorOf(c.account(t)), &w); err != nil {
		t.Fatal(err)
	}
	const mark = `<a class="tag" href="/console/settings/maintenance/1">paused: &lt;b&gt;move</a>`
	for _, page := range []string{path(j, ""), path(j, "/settings")} {
		if n := strings.Count(b.get(page).says(200).body, mark); n != 3 {
			t.Errorf("%s marks %d runs", page, n)
		}
	}
	b.get(path(c.newJob(t), "")).says(200).hides(mark)
}
