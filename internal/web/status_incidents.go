package web

import (
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/markdown"
	"punctual/internal/statuspage"
)

// incidentsPage lists the incidents of a status page, the latest first.
type incidentsPage struct {
	statusPage
	pages
	Rows []incidentRow
}

// incidentRow is an incident in a list.
type incidentRow struct {
	Path, Title       string
	Phase             state
	Draft             bool
	Automatic         bool
	Started, Resolved time.Time
	Affects           string // components, in words
	Visible           string // where visitors read it; empty for a draft
}

// PhaseState is how far an incident is, as people read it.
func (p view) PhaseState(phase statuspage.Phase) state {
	t := p.labels.Label
	switch phase {
	case statuspage.Resolved:
		return state{"good", "circle-check", t("incident.resolved")}
	case statuspage.Monitoring:
		return state{"warn", "eye", t("incident.monitoring")}
	case statuspage.Identified:
		return state{"bad", "wrench", t("incident.identified")}
	}
	return state{"bad", "search", t("incident.investigating")}
}

// shownAffected is how many components of an incident a list names.
const shownAffected = 3

func (p *statusPage) incidentRow(i *statuspage.Incident) incidentRow {
	row := incidentRow{Path: p.incidentPath(i.ID), Title: p.Brief(i.Title), Phase: p.PhaseState(i.Phase), Draft: i.Draft,
		Automatic: i.Automatic != 0, Started: i.Started, Resolved: i.Resolved}
	var names []string
	for _, impact := range i.Impacts {
		c := p.component(impact.ComponentID)
		if c == nil {
			continue
		}
		if len(names) == shownAffected {
			names = append(names, p.labels.Label("incident.more-affected", "count", len(i.Impacts)-shownAffected))
			break
		}
		names = append(names, p.Named(c.Title)+": "+p.ComponentState(impact.State).Text)
	}
	row.Affects = strings.Join(names, " · ")
	return row
}

func (p *statusPage) incidentPath(id int64) string { return p.Path("/incidents/" + formatID(id)) }

func showIncidents(v *visit) (err error) {
	var p incidentsPage
	if p.statusPage, err = v.statusPage("/incidents"); err != nil {
		return err
	}
	before := parseID(v.r.URL.Query().Get("before"))
	list, more, err := v.web.service.Incidents(v.ctx(), v.actor, p.Status.ID, before, pageRows)
	if err != nil {
		return err
	}
	for i := range list {
		p.Rows = append(p.Rows, p.incidentRow(&list[i]))
	}
	if before != 0 {
		p.FirstPage = p.Path("/incidents")
	}
	if more && len(list) > 0 {
		p.NextPage = p.Path("/incidents?before=" + formatID(list[len(list)-1].ID))
	}
	return v.render(http.StatusOK, "status-incidents", p)
}

// incidentPage shows an incident with its updates and the form of a further one, or the form of a new incident.
type incidentPage struct {
	statusPage
	Incident *statuspage.Incident // nil for a new one
	Row      incidentRow
	Form     form // of an update; of a new incident also its title
	EditForm form // of the title
	Updates  []updateRow
	Cut      bool          // not all of the updates is shown
	Reading  bool          // the page has a part of the whole updates, and no forms
	Older    string        // the address of the part behind it; empty at the end
	Shown    template.HTML // what was typed as visitors would see it; empty for no preview
	Phases   []phaseChoice
	Impacts  []impactGroup
	States   []stateChoice
	Problem  int64  // the problem that led here; 0 for none
	Public   string // where visitors read it; empty when they cannot
}

// updateRow is an update of an incident.
type updateRow struct {
	statuspage.Update
	Path     string // where it is changed
	PhaseNow state
	HTML     template.HTML
	Affects  []affected
}

// affected is a component whose impact an update changes.
type affected struct {
	Title string
	State state
}

// phaseChoice is a phase to choose.
type phaseChoice struct {
	Value string
	state
}

// impactGroup is components of a group with their impacts as the form has them.
type impactGroup struct {
	Title      string
	Components []impactChoice
}

// impactChoice is a component whose impact can be chosen.
type impactChoice struct {
	Name   string // of the field
	Title  string
	Now    state  // the impact that it has; no Text for none
	Chosen string // the state in the form; empty to keep what is
}

// shownMarkdown is Markdown as visitors would see it, with headings below those of the page.
func shownMarkdown(text string) template.HTML {
	return template.HTML(belowSections.Replace(string(markdown.HTML(text))))
}

// shownText is the text that was typed as visitors would see it, when a form asks for that; else it is empty.
func (v *visit) shownText() template.HTML {
	if v.form("do") != "preview" {
		return ""
	}
	return shownMarkdown(v.form("text"))
}

// impactField is the name of the field with the impact on a component.
func impactField(componentID int64) string { return "impact-" + formatID(componentID) }

// setChoices sets what the form of an update offers. Impacts are those that are in effect.
func (p *incidentPage) setChoices(impacts []statuspage.Impact) {
	for i, name := range wire.PhaseNames {
		p.Phases = append(p.Phases, phaseChoice{name, p.PhaseState(statuspage.Phase(i))})
	}
	for _, s := range settableStates {
		p.States = append(p.States, stateChoice{s.String(), p.ComponentState(s)})
	}
	for _, g := range p.Groups() {
		group := impactGroup{Title: g.Title}
		for _, c := range g.Components {
			choice := impactChoice{Name: impactField(c.ID), Title: p.Brief(c.Title), Chosen: p.Form.Value(impactField(c.ID))}
			if at := slices.IndexFunc(impacts, func(i statuspage.Impact) bool { return i.ComponentID == c.ID }); at >= 0 {
				choice.Now = p.ComponentState(impacts[at].State)
			}
			group.Components = append(group.Components, choice)
		}
		if len(group.Components) > 0 {
			p.Impacts = append(p.Impacts, group)
		}
	}
}

// readUpdate takes an update from the form. Of the components it has an impact on those that the form gives a state.
func (v *visit) readUpdate(components []statuspage.Component) (u statuspage.Update, err error) {
	var c cron.Checker
	u.Phase, u.Text, u.At = statuspage.Phase(chosen(wire.PhaseNames, v.form("phase"))), v.form("text"), v.localTime("at", &c)
	for i := range components {
		name := v.form(impactField(components[i].ID))
		if name == "" {
			continue
		}
		s, ok := statuspage.ParseState(name)
		if !ok {
			s = statuspage.Unknown // which is refused
		}
		u.Impacts = append(u.Impacts, statuspage.Impact{ComponentID: components[i].ID, State: s})
	}
	return u, c.Err()
}

// incidentFields are the fields of the forms of incidents.
var incidentFields = []string{"title", "phase", "text", "at"}

// wrongIncident is the form that was refused.
func (v *visit) wrongIncident(err error) (form, int, error) {
	own := "" // in place of bounds that are numbers nobody reads
	err = cron.WithProblems(err, func(p *cron.Problem) {
		p.Pointer = strings.TrimPrefix(strings.TrimPrefix(p.Pointer, "/updates/0"), "/update")
		if p.Pointer == "/at" && p.Rule == cron.RuleOutOfRange {
			own = v.catalogue.Label("incident.wrong-at")
		}
	})
	f, status, err := v.rejected(err, incidentFields...)
	if err == nil && own != "" {
		f.errors["at"] = own
	}
	return f, status, err
}
