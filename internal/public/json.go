package public

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"punctual/internal/statuspage"
)

// document is a page as JSON. Times are Unix seconds; 0 is none.
type document struct {
	Page struct {
		Title     string `json:"title"`
		URL       string `json:"url"`
		State     string `json:"state"`
		Summary   string `json:"summary"`
		Timezone  string `json:"timezone"`
		UpdatedAt int64  `json:"updatedAt"`
		Stale     bool   `json:"stale"`
	} `json:"page"`
	Announcement string                `json:"announcement"`
	Components   []componentDocument   `json:"components"`
	Incidents    []incidentDocument    `json:"incidents"`
	Maintenances []maintenanceDocument `json:"maintenances"`
}

type componentDocument struct {
	ComponentID int64    `json:"componentId"`
	Group       string   `json:"group"`
	Title       string   `json:"title"`
	Text        string   `json:"text"`
	State       string   `json:"state"`
	Since       int64    `json:"since"`
	Uptime24h   *float64 `json:"uptime24h"` // a share of 1; null where nothing is known
	Uptime7d    *float64 `json:"uptime7d"`
	Uptime30d   *float64 `json:"uptime30d"`
	Uptime90d   *float64 `json:"uptime90d"`
}

type incidentDocument struct {
	IncidentID int64            `json:"incidentId"`
	URL        string           `json:"url"`
	Title      string           `json:"title"`
	Phase      string           `json:"phase"`
	StartedAt  int64            `json:"startedAt"`
	ResolvedAt int64            `json:"resolvedAt"`
	Impacts    []impactDocument `json:"impacts"`
	Updates    []updateDocument `json:"updates"`
}

type impactDocument struct {
	ComponentID int64  `json:"componentId"`
	State       string `json:"state"`
}

type updateDocument struct {
	Phase   string           `json:"phase"`
	Text    string           `json:"text"`
	At      int64            `json:"at"`
	Impacts []impactDocument `json:"impacts"`
}

type maintenanceDocument struct {
	Title        string  `json:"title"`
	Text         string  `json:"text"`
	StartAt      int64   `json:"startAt"`
	EndAt        int64   `json:"endAt"`
	InProgress   bool    `json:"inProgress"`
	ComponentIDs []int64 `json:"componentIds"`
}

// showJSON answers with a page for programs, from whatever site.
func showJSON(v *visit) error {
	return v.entered(func() error {
		if !v.restricted() {
			v.w.Header().Set("Access-Control-Allow-Origin", "*")
		}
		base := v.baseURL()
		r, err := v.shown.render(v.ctx(), "json "+v.catalogue.Tag+" "+base, func() (string, []byte, error) {
			body, err := json.Marshal(v.document(base))
			return "application/json; charset=utf-8", body, err
		})
		if err != nil {
			return err
		}
		return v.send(r)
	})
}

func (v *visit) document(base string) *document {
	view := &v.shown.view
	p, f := &view.Page, v.frame()
	d := &document{Components: []componentDocument{}, Incidents: []incidentDocument{}, Maintenances: []maintenanceDocument{}}
	d.Page.Title, d.Page.URL, d.Page.State, d.Page.Summary = p.Title, base+f.Top(), statuspage.StateOf(p.Components).String(), f.summarize(p.Components)
	d.Page.Timezone, d.Page.UpdatedAt, d.Page.Stale = p.Timezone, view.At.Unix(), v.shown.stale
	d.Announcement = announcement(view)
	histories := histories(view)
	for i := range p.Components {
		c := &p.Components[i]
		out := componentDocument{ComponentID: c.ID, Group: c.Group, Title: c.Title, Text: c.Text, State: c.State.String(), Since: seconds(c.Since)}
		if h := histories[c.ID]; h != nil {
			share := func(d *statuspage.Durations) *float64 {
				if share, ok := d.Uptime(p.WithMaintenance); ok {
					return &share
				}
				return nil
			}
			out.Uptime24h, out.Uptime7d, out.Uptime30d, out.Uptime90d = share(&h.Last24h), share(&h.Last7), share(&h.Last30), share(&h.Last90)
		}
		d.Components = append(d.Components, out)
	}
	for i := range view.Incidents {
		d.Incidents = append(d.Incidents, incidentJSON(&view.Incidents[i], base+f.Home))
	}
	for i := range view.Maintenances {
		s := &view.Maintenances[i]
		d.Maintenances = append(d.Maintenances, maintenanceDocument{s.Title, s.Text, seconds(s.Start), seconds(s.End), !s.Start.After(view.At),
			append([]int64{}, s.ComponentIDs...)})
	}
	return d
}

func incidentJSON(n *statuspage.Incident, home string) incidentDocument {
	out := incidentDocument{IncidentID: n.ID, URL: incidentPath(home, n.ID), Title: n.Title, Phase: n.Phase.String(),
		StartedAt: seconds(n.Started), ResolvedAt: seconds(n.Resolved), Impacts: impactsJSON(n.Impacts), Updates: []updateDocument{}}
	for i := range n.Updates {
		u := &n.Updates[i]
		if u.Text == "" {
			continue // there was no room for it
		}
		out.Updates = append(out.Updates, updateDocument{u.Phase.String(), u.Text, seconds(u.At), impactsJSON(u.Impacts)})
	}
	return out
}

func impactsJSON(impacts []statuspage.Impact) []impactDocument {
	list := make([]impactDocument, len(impacts))
	for i, impact := range impacts {
		list[i] = impactDocument{impact.ComponentID, impact.State.String()}
	}
	return list
}

func seconds(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

// baseURL is the scheme and the host at which the service is reached: as configured, or as the visitor knows it.
func (v *visit) baseURL() string {
	switch {
	case v.domain != "":
		return v.domainURL(v.domain)
	case v.publicURL != "":
		return v.publicURL
	case v.secure():
		return "https://" + v.r.Host
	}
	return "http://" + v.r.Host
}

// wantsJSON tells whether a program asks, by the path.
func (v *visit) wantsJSON() bool { return strings.HasSuffix(v.r.URL.Path, ".json") }

// failJSON answers a program with an error.
func (v *visit) failJSON(status int) {
	body, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
	}{http.StatusText(status), status})
	if err != nil {
		panic(err) // of a string and a number
	}
	v.w.Header().Set("Content-Type", "application/problem+json")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(body) // whoever is gone does not need it
}
