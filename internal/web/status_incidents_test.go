package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// TestIncident goes from a problem to its resolution.
func TestIncident(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	account := c.account(t)
	node, err := c.store.StartNode(t.Context(), cron.Node{Name: "node"})
	if err != nil {
		t.Fatal(err)
	}
	job := c.newJob(t, titled("secret-name"))
	page := b.statusPage("Status")
	b.component(page, "Shop", "job", fmt.Sprint(job.ID))
	b.component(page, "Search")
	c.attempt(t, node, &job, refused)
	b.get("/console/problems/1").says(200, "Tell visitors", page+"/incidents/new?problem=1")
	shop, search := c.lastPage(t).Components[0].ID, c.lastPage(t).Components[1].ID
	started := b.get(page+"/incidents/new?problem=1").says(200, `value="Disturbance of Shop"`, "Check them", `href="/console/problems/1"`,
		fmt.Sprintf(`name="impact-%d"><option value="">No impact</option>`, shop), `value="majorOutage" selected`).hides("secret-name", "refused")
	at := between(started.body, `name="at" type="datetime-local" value="`, `"`)
	if at == "" {
		t.Error("the time of the problem is not filled in")
	}
	b.get(page + "/incidents/new?problem=4711").says(404)

	form := []string{"problem", "1", "title", "Shop is down", "phase", "investigating", "text", "We are **looking** into it. " + hostileNotes, "at", at, fmt.Sprintf("impact-%d", shop), "majorOutage"}
	b.post(page+"/incidents/new", append(form, "do", "preview")...).says(200, `id="shown"`, "<strong>looking</strong>", `value="Shop is down"`, `value="majorOutage" selected`).hides("<script>alert", "<img src")
	b.get(page+"/incidents").says(200, "There are no incidents")
	b.post(page+"/incidents/new", "title", "", "phase", "investigating", "text", "", "do", "publish").says(422, `id="title-error"`, `id="text-error"`)
	b.post(page+"/incidents/new", "title", "x", "phase", "investigating", "text", "x", "at", "2999-01-01T10:00", "do", "publish").says(422, `id="at-error"`, "not in the future")
	b.post(page+"/incidents/new", "title", "x", "phase", "investigating", "text", "x", "at", "yesterday", "do", "publish").says(422, `id="at-error"`)
	b.post(page+"/incidents/new", "title", "x", "phase", "burning", "text", "x", "do", "publish").says(422)
	b.post(page+"/incidents/new", "title", "x", "phase", "identified", "text", "x", fmt.Sprintf("impact-%d", shop), "burning", "do", "publish").says(422)
	b.post(page+"/incidents/new", append(form, "do", "publish")...).leads(page + "/incidents/1?done=incident-published")
	incident := page + "/incidents/1"
	b.get(incident+"?done=incident-published").says(200, "The incident is published", "Investigating", "Shop: Major outage", "<strong>looking</strong>", "Keep: Major outage", "jane@example.com").
		hides("<script>alert", "<img src")
	b.get(page).says(200, "Open incidents", "Shop is down", "Major outage")
	b.get(page+"/incidents").says(200, "Shop is down", "Shop: Major outage")

	b.post(incident+"/updates", "phase", "identified", "text", "The disk is full.", fmt.Sprintf("impact-%d", search), "degraded", "do", "preview").says(200, `id="shown"`, "The disk is full.", "New update")
	b.post(incident+"/updates", "phase", "identified", "text", "", "do", "post").says(422, `id="text-error"`)
	b.post(incident+"/updates", "phase", "identified", "text", "The disk is full.", fmt.Sprintf("impact-%d", search), "degraded", fmt.Sprintf("impact-%d", shop), "partialOutage", "do", "post").
		leads(incident + "?done=incident-updated")
	b.get(incident).says(200, "Shop: Partial outage · Search: Degraded performance", "Keep: Degraded performance")
	b.get(incident+"/updates/2").says(200, "The disk is full.", `value="identified" checked`)
	b.post(incident+"/updates/2", "phase", "identified", "text", "The disk **was** full.", fmt.Sprintf("impact-%d", shop), "partialOutage", "do", "save").leads(incident + "?done=saved")
	b.get(incident).says(200, "<strong>was</strong>").hides("Search: Degraded")
	b.get(incident + "/updates/4711").says(404)

	b.post(incident, "title", "Shop was down", "do", "save").leads(incident + "?done=saved")
	b.post(incident, "title", "", "do", "save").says(422, `id="title-error"`)
	b.post(incident, "do", "withdraw").leads(incident + "?done=incident-withdrawn")
	b.get(incident).says(200, "Draft", "Publish")
	b.post(incident, "do", "publish").leads(incident + "?done=incident-published")
	b.post(incident+"/updates", "phase", "resolved", "text", "It works again.", "do", "post").leads(incident + "?done=incident-resolved")
	b.get(incident).says(200, "Resolved", "It works again.")
	b.get(page).says(200).hides("Open incidents")
	got, err := c.service.Incident(t.Context(), cron.OperatorOf(account), c.lastPage(t).ID, 1)
	if err != nil || got.Resolved.IsZero() || len(got.Updates) != 3 || got.Title != "Shop was down" || len(got.Impacts) != 0 {
		t.Errorf("%+v %v", got, err)
	}
	b.post(incident + "/delete").leads(page + "/incidents?done=removed")
	b.get(incident).says(404)
	b.post(incident + "/delete").says(404)
	b.post(incident+"/updates", "phase", "resolved", "text", "x", "do", "post").says(404)
}

// TestIncidentDraft keeps a draft from visitors, and lists pages of incidents.
func TestIncidentDraft(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	for i := range 52 {
		b.post(page+"/incidents/new", "title", fmt.Sprint("Incident ", i), "phase", "resolved", "text", "x", "do", "draft")
	}
	list := b.get(page+"/incidents").says(200, "Draft", "Incident 51")
	next := between(list.body, `href="`+page+`/incidents?before=`, `"`)
	b.get(page+"/incidents?before="+next).says(200, "Incident 0").hides("Incident 51")
}

// TestStatusMaintenance plans, changes and deletes maintenance.
func TestStatusMaintenance(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.statusPage("Status")
	b.get(page+"/maintenances").says(200, "No maintenance is planned")
	b.component(page, "Shop")
	id := fmt.Sprint(c.lastPage(t).Components[0].ID)
	add := page + "/maintenances/new"
	good := []string{"title", "Move", "text", "We **move**.", "kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T11:00", "component", id, "effect", "silence"}
	b.get(add).says(200, "Shop", `value="none" checked`, `type="datetime-local"`)
	b.post(add, append(good, "do", "preview")...).says(200, `id="shown"`, "<strong>move</strong>", `value="`+id+`" checked`)
	b.post(add, "title", "", "kind", "once", "start", "", "end", "", "effect", "none", "do", "save").says(422, `id="title-error"`, `id="start-error"`, `id="end-error"`, "Components under maintenance")
	b.post(add, "title", "x", "kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T09:00", "component", id, "effect", "none", "do", "save").says(422, `id="end-error"`)
	b.post(add, "title", "x", "kind", "schedule", "schedule", "0 2 * * *", "duration", "long", "unit", "minutes", "zone", "UTC", "component", id, "effect", "none", "do", "save").says(422, `id="duration-error"`)
	b.post(add, "title", "x", "kind", "once", "start", "2999-01-01T10:00", "end", "2999-01-01T11:00", "component", "4711", "effect", "none", "do", "save").says(422)
	b.post(add, append(good, "do", "save")...).leads(page + "/maintenances?done=maintenance-planned")
	notToday := strings.ToLower(time.Now().AddDate(0, 0, 3).Weekday().String()[:3])
	b.post(add, "title", "Weekly", "kind", "schedule", "schedule", "0 2 * * "+notToday, "zone", "Europe/Berlin", "duration", "2", "unit", "hours", "component", id, "effect", "none", "do", "save").
		leads(page + "/maintenances?done=maintenance-planned")
	b.get(page+"/maintenances").says(200, "Move", "Planned", "silenced", "Weekly", "Shop")
	b.get(page+"/maintenances/2").says(200, "0 2 * * ", `value="2"`, `<option value="hours" selected>`)
	b.post(page+"/maintenances/1", "title", "Move on", "kind", "once", "start", "2999-01-02T10:00", "end", "2999-01-02T11:00", "component", id, "effect", "pause", "do", "save").
		leads(page + "/maintenances?done=saved")
	plan, err := c.service.StatusMaintenance(t.Context(), cron.OperatorOf(c.account(t)), c.lastPage(t).ID, 1)
	if err != nil || plan.Title != "Move on" || plan.Effect != statuspage.EffectPause || plan.Start.Day() != 2 || plan.Text != "" {
		t.Errorf("%+v %v", plan, err)
	}
	now := time.Now().In(time.UTC)
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	b.post(add, "title", "Right now", "kind", "once", "start", now.Add(-3*time.Hour).In(zone).Format("2006-01-02T15:04"), "end", now.Add(3*time.Hour).In(zone).Format("2006-01-02T15:04"), "component", id, "effect", "none", "do", "save")
	list := b.get(page+"/maintenances").says(200, "Right now")
	if strings.Index(list.body, "Right now") > strings.Index(list.body, "Weekly") {
		t.Error("what is in progress does not come first")
	}
	b.post(page + "/maintenances/1/delete").leads(page + "/maintenances?done=removed")
	b.get(page + "/maintenances/1").says(404)
	b.post(page+"/maintenances/1", "title", "x").says(404)
	b.post(page + "/maintenances/1/delete").says(404)
}
