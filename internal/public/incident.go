package public

import (
	"html/template"
	"net/url"
	"strconv"
	"strings"
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
	Newest   string // the address of the newest updates; empty when they are here
	Older    string // the address of older updates; empty when there are none
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
		from, err := v.number("updates")
		if err != nil {
			return err
		}
		return v.html("incident "+strconv.FormatInt(id, 10)+" "+strconv.FormatInt(from, 10), "incident", func() (any, error) {
			n, err := v.incident(id)
			if err != nil {
				return nil, err
			}
			return v.incidentPage(n, from)
		})
	})
}

// incident is one of the page. While the database does not answer, the recent ones are there, as far as the page holds them.
func (v *visit) incident(id int64) (*statuspage.Incident, error) {
	view := &v.shown.view
	err := errAway
	if !v.shown.stale {
		ctx, cancel := v.reading()
		defer cancel()
		var n statuspage.Incident
		n, err = v.pages.StatusIncident(ctx, view.Page.ID, id)
		if err == nil && n.Draft {
			err = cron.Missing(cron.SubjectNone)
		}
		if err == nil || cron.KindOf(err) == cron.NotFound {
			return &n, err
		}
	}
	for i := range view.Incidents {
		if view.Incidents[i].ID == id {
			return &view.Incidents[i], nil
		}
	}
	return nil, err
}

// errAway is that the database does not answer, and there is nothing to show meanwhile.
var errAway error = &cron.Error{Kind: cron.Unavailable, RetryAfter: checkEvery}

// incidentPage shows the updates from the one of the ID from on; 0 for the newest.
func (v *visit) incidentPage(n *statuspage.Incident, from int64) (*incidentPage, error) {
	components := v.shown.view.Page.Components
	p := &incidentPage{frame: v.frame(), Title: n.Title, PhaseNow: n.Phase, Started: n.Started, Resolved: n.Resolved}
	part, next, ok := n.Part(from)
	if !ok {
		return nil, cron.Missing(cron.SubjectNone)
	}
	path := incidentPath(p.Home, n.ID)
	if p.Canonical = v.canonical(incidentPath("", n.ID)); from != 0 {
		p.Newest, p.Canonical = path, ""
	}
	if next != 0 {
		p.Older = path + "?updates=" + strconv.FormatInt(next, 10)
	}
	touched := map[int64]bool{}
	for i := range n.Updates {
		for _, impact := range n.Updates[i].Impacts {
			touched[impact.ComponentID] = true
		}
	}
	for i := range part {
		u := &part[i]
		card := updateCard{Phase: u.Phase, At: u.At, Text: p.Markdown(u.Text)}
		for _, impact := range u.Impacts {
			for j := range components {
				if components[j].ID == impact.ComponentID {
					card.Impacts = append(card.Impacts, impactLine{components[j].Title, impact.State})
				}
			}
		}
		p.Updates = append(p.Updates, card)
	}
	p.Names = namesOf(components, func(id int64) bool { return touched[id] })
	return p, nil
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
		before, err := v.number("before")
		if err != nil {
			return err
		}
		return v.html("incidents "+strconv.FormatInt(before, 10), "incidents", func() (any, error) {
			ctx, cancel := v.reading()
			defer cancel()
			list, more, err := v.pages.StatusIncidents(ctx, v.shown.view.Page.ID, before, listedIncidents)
			if err != nil {
				return nil, err
			}
			p := &incidentsPage{frame: v.frame()}
			if before == 0 {
				p.Canonical = v.canonical("/incidents")
			}
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

// number reads a parameter of the address that names what is shown first; 0 when it is not there.
func (v *visit) number(name string) (int64, error) {
	values, err := url.ParseQuery(v.r.URL.RawQuery)
	if err != nil || !values.Has(name) {
		return 0, nil
	}
	id, err := strconv.ParseUint(values.Get(name), 10, 63)
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
		dark := strings.HasSuffix(v.r.URL.Path, "/dark")
		r, err := v.shown.render(v.ctx(), "logo "+strconv.FormatBool(dark), func() (string, []byte, error) {
			ctx, cancel := v.reading()
			defer cancel()
			picture, err := v.pages.StatusPicture(ctx, v.shown.view.Page.ID, dark)
			return "image/png", picture, err
		})
		if err != nil {
			return err
		}
		return v.send(r)
	})
}
