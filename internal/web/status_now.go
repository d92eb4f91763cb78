package web

import (
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// statusNowPage shows how everything on a status page is, as visitors see it.
type statusNowPage struct {
	statusPage
	Problem   string // why a form was refused; empty for none
	Open      []incidentRow
	Untouched bool // nothing can be shown yet
}

func showStatusPage(v *visit) error { return v.statusNowPage(http.StatusOK, "") }

func (v *visit) statusNowPage(status int, problem string) error {
	p := statusNowPage{Problem: problem}
	var err error
	if p.statusPage, err = v.statusPage(""); err != nil {
		return err
	}
	p.Untouched = len(p.Status.Components) == 0
	incidents, err := v.web.service.OpenIncidents(v.ctx(), v.actor, p.Status.ID)
	if err != nil {
		return err
	}
	for i := range incidents {
		p.Open = append(p.Open, p.incidentRow(&incidents[i]))
	}
	return v.render(status, "status-page", p)
}

func publishStatusPage(v *visit) error { return v.setPublished(true, "status-published") }

func unpublishStatusPage(v *visit) error { return v.setPublished(false, "status-unpublished") }

func (v *visit) setPublished(published bool, done string) error {
	id := v.pathID("id")
	err := v.web.service.ChangeStatusPage(v.ctx(), v.actor, id, nil, func(p *statuspage.Page) { p.Published = published })
	if err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.statusNowPage(status, f.Problem)
	}
	return v.after(statusAddress(id, ""), done)
}

// componentStatePage sets the state of a component by hand.
type componentStatePage struct {
	statusPage
	Form      form
	Component *statuspage.Component
	States    []stateChoice
}

// stateChoice is a state that a person can set.
type stateChoice struct {
	Value string
	state
}

// settableStates are the states that a component can be given by hand or by an incident.
var settableStates = []statuspage.State{statuspage.Operational, statuspage.Degraded, statuspage.PartialOutage, statuspage.MajorOutage}

// handStates are those that a person can set.
var handStates = append(settableStates[:len(settableStates):len(settableStates)], statuspage.Maintenance)

func showComponentState(v *visit) error { return v.componentStatePage(http.StatusOK, newForm()) }

func (v *visit) componentStatePage(status int, f form) error {
	p := componentStatePage{Form: f}
	var err error
	if p.statusPage, err = v.editedStatus(""); err != nil {
		return err
	}
	if p.Component = p.component(v.pathID("componentId")); p.Component == nil {
		return cron.Missing(cron.SubjectNone)
	}
	if f.Value("state") == "" {
		chosen := statuspage.Operational.String()
		if p.Component.Hand != nil {
			chosen = p.Component.Hand.State.String()
		}
		p.Form = f.with("state", chosen)
	}
	for _, s := range handStates {
		p.States = append(p.States, stateChoice{s.String(), p.ComponentState(s)})
	}
	return v.render(status, "status-component-state", p)
}

// setComponentState sets a state by hand, or releases it.
func setComponentState(v *visit) error {
	id, done := v.pathID("id"), "component-released"
	var set *statuspage.State
	if name := v.form("state"); name != "" {
		s, ok := statuspage.ParseState(name)
		if !ok {
			s = statuspage.Unknown // which the service refuses
		}
		set, done = &s, "component-set"
	}
	if err := v.web.service.SetComponentState(v.ctx(), v.actor, id, v.pathID("componentId"), set); err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.componentStatePage(status, f)
	}
	return v.after(statusAddress(id, ""), done)
}
