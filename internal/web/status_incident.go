package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
)

func newIncident(v *visit) error {
	f := newForm("phase", statuspage.Investigating.String())
	id := parseID(v.r.URL.Query().Get("problem"))
	if id == 0 {
		return v.newIncidentPage(http.StatusOK, f, 0)
	}
	p, err := v.editedStatus("/incidents")
	if err != nil {
		return err
	}
	report, err := v.web.service.ProblemReport(v.ctx(), v.actor, id)
	if err != nil {
		return err
	}
	v.fillFromProblem(&p, &report, f)
	return v.newIncidentPage(http.StatusOK, f, id)
}

// fillFromProblem fills the form with what a problem says: since when it is, and the components whose jobs have it. What the problem says
// about jobs is not for visitors.
func (v *visit) fillFromProblem(p *statusPage, report *service.ProblemReport, f form) {
	f.values.Set("at", localTimeText(report.Opened.Truncate(time.Minute), p.zone))
	var names []string
	for i := range p.Status.Components {
		c := &p.Status.Components[i]
		if !slices.ContainsFunc(c.JobIDs, func(id int64) bool { return has(report, id) }) {
			continue
		}
		s := statuspage.MajorOutage
		if c.State == statuspage.Degraded || c.State == statuspage.PartialOutage {
			s = c.State
		}
		f.values.Set(impactField(c.ID), s.String())
		names = append(names, p.Brief(c.Title))
	}
	if len(names) > 0 {
		if len(names) > shownAffected {
			names = names[:shownAffected]
		}
		f.values.Set("title", v.catalogue.Label("incident.suggested-title", "components", strings.Join(names, ", ")))
	}
	f.values.Set("text", v.catalogue.Label("incident.suggested-text"))
}

// has tells whether a problem is one of a job.
func has(report *service.ProblemReport, jobID int64) bool {
	if report.JobID == jobID {
		return true
	}
	for _, j := range report.Jobs {
		if j.JobID == jobID {
			return true
		}
	}
	return false
}

func (v *visit) newIncidentPage(status int, f form, problem int64) (err error) {
	p := incidentPage{Form: f, Problem: problem}
	if p.statusPage, err = v.editedStatus("/incidents"); err != nil {
		return err
	}
	p.Shown = v.shownText()
	p.setChoices(nil)
	return v.render(status, "status-incident-new", p)
}

func createIncident(v *visit) error {
	problem := parseID(v.form("problem"))
	if v.form("do") == "preview" {
		return v.newIncidentPage(http.StatusOK, form{values: v.r.PostForm}, problem)
	}
	page, err := v.web.service.StatusPage(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	u, err := v.readUpdate(page.Components)
	i := statuspage.Incident{Title: v.form("title"), Draft: v.form("do") == "draft", Updates: []statuspage.Update{u}}
	if err == nil {
		err = v.web.service.AddIncident(v.ctx(), v.actor, page.ID, &i)
	}
	if err != nil {
		f, status, err := v.wrongIncident(err)
		if err != nil {
			return err
		}
		return v.newIncidentPage(status, f, problem)
	}
	done := "incident-published"
	if i.Draft {
		done = "incident-drafted"
	}
	return v.after(statusAddress(page.ID, "/incidents/"+formatID(i.ID)), done)
}

func showIncident(v *visit) error { return v.incidentPage(http.StatusOK, form{}, form{}) }

// incidentPage shows an incident. Forms without values hold what is stored.
func (v *visit) incidentPage(status int, f, edit form) (err error) {
	p := incidentPage{Form: f, EditForm: edit}
	if p.statusPage, err = v.statusPage("/incidents"); err != nil {
		return err
	}
	i, err := v.web.service.Incident(v.ctx(), v.actor, p.Status.ID, v.pathID("incidentId"))
	if err != nil {
		return err
	}
	p.Incident, p.Row = &i, p.incidentRow(&i)
	if f.values == nil {
		p.Form = newForm("phase", i.Phase.String())
	}
	if edit.values == nil {
		p.EditForm = titleForm(&i).showing(titleParts)
	}
	if p.Status.Published && !i.Draft {
		p.Public = visitors + p.Status.Slug + "/incidents/" + formatID(i.ID)
	}
	p.Shown = v.shownText()
	p.setChoices(i.Impacts)
	if from := v.r.URL.Query().Get("updates"); from != "" {
		if !p.setPart(parseID(from)) {
			return cron.Missing(cron.SubjectNone)
		}
	} else {
		p.setUpdates()
	}
	return v.render(status, "status-incident", p)
}

// Bounds of the updates that the page shows at first: texts can be long.
const (
	shownUpdates = 10
	updateShown  = 800 // bytes of the text of each
)

// setUpdates sets the updates that are shown at first, the newest first.
func (p *incidentPage) setUpdates() {
	length := updateShown
	for n := range p.Incident.Updates {
		if n == shownUpdates {
			p.Cut = true
			break
		}
		u := &p.Incident.Updates[n]
		text := u.Text
		if len(text) > length {
			text, p.Cut = strings.ToValidUTF8(text[:length], "")+"…", true
		}
		p.Cut = p.Cut || len(u.Impacts) > shownAffected
		p.Updates = append(p.Updates, p.updateRow(u, text, shownAffected))
		length = updateShown / 3 // what was said before is shorter
	}
}

// setPart sets whole updates from one of them on, or from the newest on; ok is false when there is none of that ID. The page has no forms then.
func (p *incidentPage) setPart(from int64) (ok bool) {
	part, next, ok := p.Incident.Part(from)
	for n := range part {
		p.Updates = append(p.Updates, p.updateRow(&part[n], part[n].Text, statuspage.MaxComponents))
	}
	p.Reading = true
	if next != 0 {
		p.Older = p.incidentPath(p.Incident.ID) + "?updates=" + formatID(next)
	}
	return ok
}

// updateRow shows an update with a text, and how it changes the impact on some components.
func (p *incidentPage) updateRow(u *statuspage.Update, text string, components int) updateRow {
	row := updateRow{Update: *u, Path: p.incidentPath(p.Incident.ID) + "/updates/" + formatID(u.ID), PhaseNow: p.PhaseState(u.Phase), HTML: shownMarkdown(text)}
	for _, impact := range u.Impacts {
		if c := p.component(impact.ComponentID); c != nil && len(row.Affects) < components {
			row.Affects = append(row.Affects, affected{p.Named(c.Title), p.ComponentState(impact.State)})
		}
	}
	return row
}

// titleParts are the parts of the form of the title.
var titleParts = []formPart{partOf("incident.title", "title")}

func titleForm(i *statuspage.Incident) form { return newForm("title", i.Title) }

// changeIncident changes the title of an incident, or publishes a draft.
func changeIncident(v *visit) error {
	id, incident, done := v.pathID("id"), v.pathID("incidentId"), "saved"
	err := v.web.service.ChangeIncident(v.ctx(), v.actor, id, incident, func(i *statuspage.Incident) error {
		switch v.form("do") {
		case "publish":
			i.Draft, done = false, "incident-published"
		case "withdraw":
			i.Draft, done = true, "incident-withdrawn"
		default:
			if err := v.compare(titleParts, titleForm(i)); err != nil {
				return err
			}
			i.Title = v.form("title")
		}
		return nil
	})
	if f, changed := changedOf(err); changed {
		return v.incidentPage(http.StatusConflict, form{}, f)
	}
	if err != nil {
		f, status, err := v.wrongIncident(err)
		if err != nil {
			return err
		}
		return v.incidentPage(status, form{}, f)
	}
	return v.after(statusAddress(id, "/incidents/"+formatID(incident)), done)
}

func addIncidentUpdate(v *visit) error {
	if v.form("do") == "preview" {
		return v.incidentPage(http.StatusOK, form{values: v.r.PostForm}, form{})
	}
	id, incident := v.pathID("id"), v.pathID("incidentId")
	page, err := v.web.service.StatusPage(v.ctx(), v.actor, id)
	if err != nil {
		return err
	}
	u, err := v.readUpdate(page.Components)
	if err == nil {
		err = v.web.service.AddIncidentUpdate(v.ctx(), v.actor, id, incident, &u)
	}
	if err != nil {
		f, status, err := v.wrongIncident(err)
		if err != nil {
			return err
		}
		return v.incidentPage(status, f, form{})
	}
	done := "incident-updated"
	if u.Phase == statuspage.Resolved {
		done = "incident-resolved"
	}
	return v.after(statusAddress(id, "/incidents/"+formatID(incident)), done)
}

func deleteIncident(v *visit) error {
	id := v.pathID("id")
	if err := v.web.service.DeleteIncident(v.ctx(), v.actor, id, v.pathID("incidentId")); err != nil {
		return err
	}
	return v.after(statusAddress(id, "/incidents"), "removed")
}

func showIncidentUpdate(v *visit) error { return v.updatePage(http.StatusOK, form{}) }

// updatePage shows the form of an update that was written. Without values it holds what is stored.
func (v *visit) updatePage(status int, f form) (err error) {
	p := incidentPage{Form: f}
	if p.statusPage, err = v.editedStatus("/incidents"); err != nil {
		return err
	}
	i, err := v.web.service.Incident(v.ctx(), v.actor, p.Status.ID, v.pathID("incidentId"))
	if err != nil {
		return err
	}
	u := i.Update(v.pathID("updateId"))
	if u == nil {
		return cron.Missing(cron.SubjectNone)
	}
	p.Incident, p.Row = &i, p.incidentRow(&i)
	if f.values == nil {
		p.Form = updateForm(u, p.zone).showing(updateParts(&p.Status))
	}
	p.Shown = v.shownText()
	p.setChoices(nil)
	return v.render(status, "status-incident-update", p)
}

// updateForm is the form of an update. Times are those of a zone.
func updateForm(u *statuspage.Update, zone *time.Location) form {
	f := newForm("phase", u.Phase.String(), "text", u.Text, "at", localTimeText(u.At.Truncate(time.Minute), zone))
	for _, impact := range u.Impacts {
		f.values.Set(impactField(impact.ComponentID), impact.State.String())
	}
	return f
}

// updateParts are the parts of the form of an update.
func updateParts(page *statuspage.Page) []formPart {
	impacts := formPart{names: make([]string, len(page.Components)), label: "incident.impact", words: stateWords, kept: "incident.none"}
	for i := range page.Components {
		impacts.names[i] = impactField(page.Components[i].ID)
	}
	parts := []formPart{{names: []string{"phase"}, label: "incident.phase", words: phaseWords}, partOf("incident.text", "text"), partOf("incident.at", "at")}
	if len(impacts.names) > 0 {
		parts = append(parts, impacts)
	}
	return parts
}

// The keys of what phases and states are called, by their values in forms.
var (
	phaseWords = map[string]string{"investigating": "incident.investigating", "identified": "incident.identified", "monitoring": "incident.monitoring", "resolved": "incident.resolved"}
	stateWords = map[string]string{"operational": "status.operational", "degraded": "status.degraded", "partialOutage": "status.partial", "majorOutage": "status.major"}
)

func changeIncidentUpdate(v *visit) error {
	if v.form("do") == "preview" {
		return v.updatePage(http.StatusOK, form{values: v.r.PostForm})
	}
	id, incident := v.pathID("id"), v.pathID("incidentId")
	page, err := v.web.service.StatusPage(v.ctx(), v.actor, id)
	if err != nil {
		return err
	}
	_, err = v.readUpdate(page.Components)
	if err == nil {
		zone := v.plainView().zone
		err = v.web.service.ChangeIncidentUpdate(v.ctx(), v.actor, id, incident, v.pathID("updateId"), func(u *statuspage.Update) error {
			if err := v.compare(updateParts(&page), updateForm(u, zone)); err != nil {
				return err
			}
			to, err := v.readUpdate(page.Components) // which may be that of others now
			if err != nil {
				return err
			}
			if !to.At.Equal(u.At.Truncate(time.Minute)) { // the form has no seconds
				u.At = to.At
			}
			u.Phase, u.Text, u.Impacts = to.Phase, to.Text, to.Impacts
			return nil
		})
	}
	if f, changed := changedOf(err); changed {
		return v.updatePage(http.StatusConflict, f)
	}
	if err != nil {
		f, status, err := v.wrongIncident(err)
		if err != nil {
			return err
		}
		return v.updatePage(status, f)
	}
	return v.after(statusAddress(id, "/incidents/"+formatID(incident)), "saved")
}
