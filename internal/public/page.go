package public

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"punctual/internal/statuspage"
)

// maxShownText is how many bytes of Markdown of incidents and maintenances a page shows; what is longer has a link to it.
const maxShownText = 6 << 10

// maxTitledBars is how many bars of all components together have a title each. Where there are more, the texts of days are on the pages of
// the components.
const maxTitledBars = 200

// showPage answers with a page, or with its JSON.
func showPage(v *visit) error {
	if slug, ok := strings.CutSuffix(v.slug, ".json"); ok {
		v.slug = slug
		return showJSON(v)
	}
	return v.entered(func() error {
		return v.html("page", "page", func() (any, error) { return v.mainPage(), nil })
	})
}

// mainPage is what a page shows first.
type mainPage struct {
	frame
	Summary      string
	Text         template.HTML
	Announcement template.HTML
	Incidents    []incidentCard // that are not resolved
	Maintenances []maintenanceCard
	Groups       []groupCard
	Days         int // of the bars
	ByWeek       bool
	Formula      string
	History      []historyDay
	Feeds        bool
}

// incidentCard is an incident with its latest update.
type incidentCard struct {
	Path    string
	Title   string
	Phase   statuspage.Phase
	State   statuspage.State // the gravest impact
	Started time.Time
	Updated time.Time
	Text    template.HTML // of the latest update; empty where there is no room
	Names   string        // of the components that it has an impact on
}

// maintenanceCard is a maintenance that is in progress or to come.
type maintenanceCard struct {
	Title      string
	Text       template.HTML
	Start, End time.Time
	InProgress bool
	Names      string
}

// groupCard is a group of components; the first one may be those without a group, without a title.
type groupCard struct {
	Title, Text string
	State       statuspage.State
	Open        bool
	Components  []componentCard
}

type componentCard struct {
	ID          int64
	Path        string
	Title, Text string
	State       statuspage.State
	Class, Word string // of the state
	Columns     int
	Merged      bool // the bars, without those that are operational
	Bars        []bar
	Uptime      string
	Says        string // what the bars show, in a sentence
}

// historyDay is incidents that began on a day.
type historyDay struct {
	Day       time.Time
	Incidents []statuspage.Incident
}

func (v *visit) mainPage() *mainPage {
	view := &v.shown.view
	p := &view.Page
	m := &mainPage{frame: v.frame(), Days: p.Days, ByWeek: p.Days > maxColumns, Feeds: !v.restricted()}
	m.Canonical = v.canonical("/")
	m.Summary = m.summarize(p.Components)
	m.Text = m.Markdown(p.Text)
	if text := announcement(view); text != "" {
		m.Announcement = m.Markdown(text)
	}
	m.Formula = m.formula(p)
	room := maxShownText
	m.addIncidents(view, &room)
	m.addMaintenances(view, &room)
	m.addGroups(view)
	m.mergeBars()
	return m
}

// announcement is what the page announces at the time of the view; empty for nothing.
func announcement(view *statuspage.View) string {
	if p := &view.Page; p.AnnouncedUntil.IsZero() || p.AnnouncedUntil.After(view.At) {
		return p.Announcement
	}
	return ""
}

// formula says what the uptimes of a page are.
func (f *frame) formula(p *statuspage.Page) string {
	if p.WithMaintenance {
		return f.label("public.formula-maintenance")
	}
	return f.label("public.formula")
}

// histories are those of the components, by their IDs.
func histories(view *statuspage.View) map[int64]*statuspage.History {
	all := make(map[int64]*statuspage.History, len(view.Histories))
	for i := range view.Histories {
		all[view.Histories[i].ComponentID] = &view.Histories[i]
	}
	return all
}

// summarize says in a sentence how the components are.
func (f *frame) summarize(components []statuspage.Component) string {
	if len(components) == 0 {
		return f.label("public.empty")
	}
	worst := statuspage.StateOf(components)
	if worst == statuspage.Operational {
		return f.label("public.all-operational")
	}
	count, name := 0, ""
	for i := range components {
		s := components[i].State
		outage := worst >= statuspage.PartialOutage && worst != statuspage.Maintenance && (s == statuspage.PartialOutage || s == statuspage.MajorOutage)
		if s == worst || outage {
			if count++; s == worst && name == "" {
				name = components[i].Title
			}
		}
	}
	switch {
	case count == 1:
		return f.label(oneLabels[worst], "name", name)
	case count == len(components):
		return f.label(allLabels[worst])
	}
	return f.label(manyLabels[worst], "count", count, "all", len(components))
}

// The sentences of pages by the state of the page: when one component is in it, several, or all.
var (
	oneLabels = [statuspage.StateCount]string{
		statuspage.Unknown: "public.one-unknown", statuspage.Degraded: "public.one-degraded", statuspage.PartialOutage: "public.one-partial",
		statuspage.MajorOutage: "public.one-major", statuspage.Maintenance: "public.one-maintenance",
	}
	manyLabels = [statuspage.StateCount]string{
		statuspage.Unknown: "public.many-unknown", statuspage.Degraded: "public.many-degraded", statuspage.PartialOutage: "public.many-outage",
		statuspage.MajorOutage: "public.many-outage", statuspage.Maintenance: "public.many-maintenance",
	}
	allLabels = [statuspage.StateCount]string{
		statuspage.Unknown: "public.all-unknown", statuspage.Degraded: "public.all-degraded", statuspage.PartialOutage: "public.all-outage",
		statuspage.MajorOutage: "public.all-outage", statuspage.Maintenance: "public.all-maintenance",
	}
)

func (m *mainPage) addIncidents(view *statuspage.View, room *int) {
	for i := range view.Incidents {
		n := &view.Incidents[i]
		if !n.Resolved.IsZero() {
			m.History = m.addPast(m.History, n)
			continue
		}
		c := m.incidentCard(n, view.Page.Components)
		if len(n.Updates) > 0 {
			c.Updated = n.Updates[0].At
			c.Text = m.fit(n.Updates[0].Text, room)
		}
		m.Incidents = append(m.Incidents, c)
	}
}

// fit renders a text if there is room left for it.
func (f *frame) fit(text string, room *int) template.HTML {
	if *room -= len(text); *room < 0 {
		return ""
	}
	return f.Markdown(text)
}

func (f *frame) incidentCard(n *statuspage.Incident, components []statuspage.Component) incidentCard {
	c := incidentCard{Path: incidentPath(f.Home, n.ID), Title: n.Title, Phase: n.Phase, Started: n.Started, State: statuspage.Operational}
	for _, impact := range n.Impacts {
		c.State = statuspage.Graver(c.State, impact.State)
	}
	c.Names = namesOf(components, func(id int64) bool {
		return slices.ContainsFunc(n.Impacts, func(i statuspage.Impact) bool { return i.ComponentID == id })
	})
	return c
}

// addPast adds an incident to its day; incidents come with the newest first.
func (f *frame) addPast(days []historyDay, n *statuspage.Incident) []historyDay {
	day := n.Started.In(f.zone)
	if last := len(days) - 1; last >= 0 && sameDay(days[last].Day, day) {
		days[last].Incidents = append(days[last].Incidents, *n)
		return days
	}
	return append(days, historyDay{day, []statuspage.Incident{*n}})
}

// Path is where an incident is.
func (f frame) Path(n statuspage.Incident) string { return incidentPath(f.Home, n.ID) }

// namesOf are the titles of some components, with commas between them.
func namesOf(components []statuspage.Component, of func(id int64) bool) string {
	var names []string
	for i := range components {
		if of(components[i].ID) {
			names = append(names, components[i].Title)
		}
	}
	return strings.Join(names, ", ")
}

func (m *mainPage) addMaintenances(view *statuspage.View, room *int) {
	for i := range view.Maintenances {
		s := &view.Maintenances[i]
		if !s.End.After(view.At) {
			continue
		}
		m.Maintenances = append(m.Maintenances, maintenanceCard{
			Title: s.Title, Text: m.fit(s.Text, room), Start: s.Start, End: s.End, InProgress: !s.Start.After(view.At),
			Names: namesOf(view.Page.Components, s.Of),
		})
	}
}

// addGroups puts the components into their groups.
func (m *mainPage) addGroups(view *statuspage.View) {
	p := &view.Page
	histories := histories(view)
	add := func(g groupCard, title string) {
		var members []statuspage.Component
		for i := range p.Components {
			if c := &p.Components[i]; c.Group == title {
				members = append(members, *c)
				g.Components = append(g.Components, m.componentCard(c, histories[c.ID], p))
			}
		}
		if len(members) == 0 {
			return
		}
		g.State = statuspage.StateOf(members)
		g.Open = g.Open || g.State != statuspage.Operational
		m.Groups = append(m.Groups, g)
	}
	add(groupCard{Open: true}, "")
	for _, group := range p.Groups {
		g := groupCard{Title: group.Title, Text: group.Text, Open: group.Fold == statuspage.FoldOpen}
		add(g, group.Title)
		if last := len(m.Groups) - 1; group.Fold == statuspage.FoldCollapsed && last >= 0 && m.Groups[last].Title == group.Title {
			m.Groups[last].Open = false
		}
	}
}

// mergeBars makes the page smaller where it has very many bars.
func (m *mainPage) mergeBars() {
	count := 0
	for i := range m.Groups {
		for j := range m.Groups[i].Components {
			count += len(m.Groups[i].Components[j].Bars)
		}
	}
	if count <= maxTitledBars {
		return
	}
	for i := range m.Groups {
		for j := range m.Groups[i].Components {
			c := &m.Groups[i].Components[j]
			c.Merged, c.Bars = true, mergeBars(c.Bars)
		}
	}
}

func (f *frame) componentCard(c *statuspage.Component, h *statuspage.History, p *statuspage.Page) componentCard {
	card := componentCard{ID: c.ID, Path: componentPath(f.Home, c.ID), Title: c.Title, Text: c.Text, State: c.State,
		Class: stateClass(c.State), Word: f.stateWord(c.State)}
	if h == nil {
		return card
	}
	columns := columnsOf(h.Days)
	card.Columns, card.Bars = len(columns), f.barsOf(columns, p.WithMaintenance)
	var all statuspage.Durations
	troubled := 0
	for i := range h.Days {
		all.Add(h.Days[i].States)
		if s := stateOf(&h.Days[i].States); statuspage.Degraded <= s && s <= statuspage.MajorOutage {
			troubled++
		}
	}
	card.Uptime = f.uptimeText(&all, p.WithMaintenance)
	key := "public.bars"
	if troubled == 1 {
		key = "public.bars-one"
	} else if troubled > 1 {
		key = "public.bars-many"
	}
	card.Says = f.label(key, "name", c.Title, "uptime", card.Uptime, "count", troubled)
	return card
}
