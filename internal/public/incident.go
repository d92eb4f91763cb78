package public

import (
	"html/template"
	"net/url"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// listedIncidents is how many incidents a page of the list shows.
const listedIncidents = 50

func incidentPath(home string, id int64) string {
	return home + "/incidents/" + strconv.FormatInt(id, 10)
}

func componentPath(home string, id int64) string {
	return home + "/components/" + strconv.FormatInt(id, 10)
}

// incidentPage is an incident with all that was written of it.
type incidentPage struct {
	frame
	Title    string
	PhaseNow statuspage.Phase
	Started  time.Time
	Resolved time.Time
	Names    string
	Updates  []updateCard
}

// updateCard is an update of an incident.
type updateCard struct {
	Phase   statuspage.Phase
	At      time.Time
	Text    template.HTML
	Impacts []impactLine
}

type impactLine struct {
	Name  string
	State statuspage.State
}

// Lasted is how long the incident was not resolved.
func (p incidentPage) Lasted() string { return p.labels.Short(p.Resolved.Sub(p.Started)) }

// showIncident answers with the page of an incident, whose address stays the same.
func showIncident(v *visit) error {
	return v.entered(func() error {
		id, ok := v.pathID()
		if !ok {
			return cron.Missing(cron.SubjectNone)
		}
		return v.html("incident "+strconv.FormatInt(id, 10), "incident", func() (any, error) {
			n, err := v.incident(id)
			if err != nil {
				return nil, err
			}
			return v.incidentPage(n), nil
		})
	})
}

// incident is one of the page. While the database does not answer, the recent ones are there.
func (v *visit) incident(id int64) (*statuspage.Incident, error) {
	view := &v.shown.view
	for i := range view.Incidents {
		if view.Incidents[i].ID == id {
			return &view.Incidents[i], nil
		}
	}
	n, err := v.pages.StatusIncident(v.ctx(), view.Page.ID, id)
	if err == nil && n.Draft {
		err = cron.Missing(cron.SubjectNone)
	}
	return &n, err
}

func (v *visit) incidentPage(n *statuspage.Incident) *incidentPage {
	components := v.shown.view.Page.Components
	p := &incidentPage{frame: v.frame(), Title: n.Title, PhaseNow: n.Phase, Started: n.Started, Resolved: n.Resolved}
	touched := map[int64]bool{}
	for i := range n.Updates {
		u := &n.Updates[i]
		card := updateCard{Phase: u.Phase, At: u.At, Text: p.Markdown(u.Text)}
		for _, impact := range u.Impacts {
			touched[impact.ComponentID] = true
			for j := range components {
				if components[j].ID == impact.ComponentID {
					card.Impacts = append(card.Impacts, impactLine{components[j].Title, impact.State})
				}
			}
		}
		p.Updates = append(p.Updates, card)
	}
	p.Names = namesOf(components, func(id int64) bool { return touched[id] })
	return p
}

// incidentsPage lists incidents, the newest first.
type incidentsPage struct {
	frame
	Days []historyDay
	More string // the address of the older ones; empty when there are none
}

// showIncidents answers with a list of incidents.
func showIncidents(v *visit) error {
	return v.entered(func() error {
		before, err := v.before()
		if err != nil {
			return err
		}
		return v.html("incidents "+strconv.FormatInt(before, 10), "incidents", func() (any, error) {
			list, more, err := v.pages.StatusIncidents(v.ctx(), v.shown.view.Page.ID, before, listedIncidents)
			if err != nil {
				return nil, err
			}
			p := &incidentsPage{frame: v.frame()}
			for i := range list {
				p.Days = p.addPast(p.Days, &list[i])
			}
			if more {
				p.More = p.Home + "/incidents?before=" + strconv.FormatInt(list[len(list)-1].ID, 10)
			}
			return p, nil
		})
	})
}

// before reads the parameter of the list.
func (v *visit) before() (int64, error) {
	values, err := url.ParseQuery(v.r.URL.RawQuery)
	if err != nil || !values.Has("before") {
		return 0, nil
	}
	id, err := strconv.ParseUint(values.Get("before"), 10, 63)
	if err != nil {
		return 0, cron.Missing(cron.SubjectNone)
	}
	return int64(id), nil
}

// pathID reads the number in the path, which is written in one way only.
func (v *visit) pathID() (int64, bool) {
	text := v.r.PathValue("id")
	id, err := strconv.ParseUint(text, 10, 63)
	return int64(id), err == nil && strconv.FormatUint(id, 10) == text
}

// showLogo answers with a logo.
func showLogo(v *visit) error {
	return v.entered(func() error {
		dark := v.r.Pattern == "GET "+root+"{slug}/logo/dark"
		r, err := v.shown.render("logo "+strconv.FormatBool(dark), func() (string, []byte, error) {
			picture, err := v.pages.StatusPicture(v.ctx(), v.shown.view.Page.ID, dark)
			return "image/png", picture, err
		})
		if err != nil {
			return err
		}
		return v.send(r)
	})
}
