package web

import (
	"net/http"
	"slices"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

const (
	pathStatus  = root + "/status"
	statusPlace = "status"         // of the navigation
	visitors    = "/status/"       // below which visitors read the pages
	pathVisit   = root + "/visit/" // where members of the account enter a page, also a draft
)

// pathStatusPage is the pattern of the pages about one status page.
const pathStatusPage = pathStatus + "/{id}"

// statusAddress is the address of a status page in the console, or of a part of it such as "/incidents".
func statusAddress(pageID int64, part string) string {
	return pathStatus + "/" + formatID(pageID) + part
}

func (w *web) statusRoutes() []route {
	return []route{
		{"GET", pathStatus, signedIn, showStatusPages},
		{"POST", pathStatus, signedIn, createStatusPage},
		{"GET", pathStatusPage, signedIn, showStatusPage},
		{"POST", pathStatusPage + "/publish", signedIn, publishStatusPage},
		{"POST", pathStatusPage + "/unpublish", signedIn, unpublishStatusPage},
		{"GET", pathStatusPage + "/settings", signedIn, showStatusSettings},
		{"POST", pathStatusPage + "/settings", signedIn, changeStatusSettings},
		{"GET", pathStatusPage + "/logo", signedIn, showStatusLogo},
		{"POST", pathStatusPage + "/logo", signedIn, changeStatusLogo},
		{"POST", pathStatusPage + "/delete", signedIn, deleteStatusPage},
		{"GET", pathStatusPage + badgesPart, signedIn, showStatusBadges},
		{"POST", pathStatusPage + badgesPart + "/renew", signedIn, renewStatusBadges},
		{"GET", pathStatusPage + "/domains", signedIn, showStatusDomains},
		{"POST", pathStatusPage + "/domains", signedIn, addStatusDomain},
		{"POST", pathStatusPage + "/domains/{domainId}/check", signedIn, checkStatusDomain},
		{"POST", pathStatusPage + "/domains/{domainId}/delete", signedIn, deleteStatusDomain},

		{"GET", pathStatusPage + "/components", signedIn, showComponents},
		{"POST", pathStatusPage + "/components", signedIn, orderComponents},
		{"GET", pathStatusPage + "/groups", signedIn, showGroup},
		{"POST", pathStatusPage + "/groups", signedIn, changeGroup},
		{"GET", pathStatusPage + "/components/new", signedIn, newComponent},
		{"POST", pathStatusPage + "/components/new", signedIn, createComponent},
		{"GET", pathStatusPage + "/components/{componentId}", signedIn, showComponent},
		{"POST", pathStatusPage + "/components/{componentId}", signedIn, changeComponent},
		{"POST", pathStatusPage + "/components/{componentId}/delete", signedIn, deleteComponent},
		{"GET", pathStatusPage + "/components/{componentId}/state", signedIn, showComponentState},
		{"POST", pathStatusPage + "/components/{componentId}/state", signedIn, setComponentState},

		{"GET", pathStatusPage + "/incidents", signedIn, showIncidents},
		{"GET", pathStatusPage + "/incidents/new", signedIn, newIncident},
		{"POST", pathStatusPage + "/incidents/new", signedIn, createIncident},
		{"GET", pathStatusPage + "/incidents/{incidentId}", signedIn, showIncident},
		{"POST", pathStatusPage + "/incidents/{incidentId}", signedIn, changeIncident},
		{"POST", pathStatusPage + "/incidents/{incidentId}/updates", signedIn, addIncidentUpdate},
		{"GET", pathStatusPage + "/incidents/{incidentId}/updates/{updateId}", signedIn, showIncidentUpdate},
		{"POST", pathStatusPage + "/incidents/{incidentId}/updates/{updateId}", signedIn, changeIncidentUpdate},
		{"POST", pathStatusPage + "/incidents/{incidentId}/delete", signedIn, deleteIncident},

		{"GET", pathStatusPage + "/maintenances", signedIn, showStatusPlans},
		{"GET", pathStatusPage + "/maintenances/new", signedIn, newStatusPlan},
		{"POST", pathStatusPage + "/maintenances/new", signedIn, createStatusPlan},
		{"GET", pathStatusPage + "/maintenances/{maintenanceId}", signedIn, showStatusPlan},
		{"POST", pathStatusPage + "/maintenances/{maintenanceId}", signedIn, changeStatusPlan},
		{"POST", pathStatusPage + "/maintenances/{maintenanceId}/delete", signedIn, deleteStatusPlan},

		{"GET", pathStatusPage + "/subscribers", signedIn, showSubscribers},
		{"GET", pathStatusPage + "/subscribers/export", signedIn, exportSubscribers},
		{"POST", pathStatusPage + "/subscribers/{subscriberId}/delete", signedIn, deleteSubscriber},
	}
}

// ComponentState is a state of a component or a page as people read it.
func (p view) ComponentState(s statuspage.State) state {
	t := p.labels.Label
	switch s {
	case statuspage.Operational:
		return state{"good", "circle-check", t("status.operational")}
	case statuspage.Degraded:
		return state{"warn", "triangle-alert", t("status.degraded")}
	case statuspage.PartialOutage:
		return state{"bad", "circle-minus", t("status.partial")}
	case statuspage.MajorOutage:
		return state{"bad", "circle-x", t("status.major")}
	case statuspage.Maintenance:
		return state{"accent", "wrench", t("status.maintenance")}
	}
	return state{"muted", "circle-question-mark", t("status.unknown")}
}

// statusListPage lists the status pages of the account.
type statusListPage struct {
	view
	Form  form // of a new one
	Pages []statusRow
}

// statusRow is a status page in the list.
type statusRow struct {
	Path, Title string
	State       state
	Count       string // of components
	Published   state
	Address     string // where the person sees it as visitors do
}

func showStatusPages(v *visit) error { return v.statusListPage(http.StatusOK, newForm()) }

func (v *visit) statusListPage(status int, f form) error {
	p := statusListPage{Form: f}
	var err error
	if p.view, err = v.view(statusPlace); err != nil {
		return err
	}
	pages, err := v.web.service.StatusPages(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	for i := range pages {
		s := &pages[i]
		row := statusRow{Path: statusAddress(s.ID, ""), Title: s.Title, State: p.ComponentState(statuspage.StateOf(s.Components)),
			Count: p.componentCount(len(s.Components)), Published: p.PublishedState(s), Address: pathVisit + s.Slug}
		p.Pages = append(p.Pages, row)
	}
	return v.render(status, "status-pages", p)
}

// componentCount says how many components there are.
func (p view) componentCount(n int) string {
	switch n {
	case 0:
		return p.labels.Label("status.no-components")
	case 1:
		return p.labels.Label("status.one-component")
	}
	return p.labels.Label("status.components", "count", p.Count(n))
}

// PublishedState tells who can see a status page.
func (p view) PublishedState(s *statuspage.Page) state {
	t := p.labels.Label
	if !s.Published {
		return state{"muted", "pencil", t("status.draft")}
	}
	switch s.Access {
	case statuspage.AccessUnlisted:
		return state{"muted", "link", t("status.access-unlisted")}
	case statuspage.AccessPassword:
		return state{"muted", "key-round", t("status.access-password")}
	case statuspage.AccessMembers:
		return state{"muted", "users", t("status.access-members")}
	}
	return state{"muted", "eye", t("status.access-public")}
}

func createStatusPage(v *visit) error {
	page, err := v.web.service.NewStatusPage(v.actor, v.form("title"))
	if err == nil {
		err = v.web.service.AddStatusPage(v.ctx(), v.actor, &page)
	}
	if err != nil {
		f, status, err := v.rejected(err, "title")
		if err != nil {
			return err
		}
		return v.statusListPage(status, f)
	}
	return v.after(statusAddress(page.ID, ""), "status-created")
}

// statusLink is a status page that other pages of the console lead to.
type statusLink struct{ Path, Title string }

// statusLinks are the status pages with a component that one of some jobs watches.
func (v *visit) statusLinks(jobs ...int64) (links []statusLink, err error) {
	for _, id := range jobs {
		pages, err := v.web.service.StatusPagesOfJob(v.ctx(), v.actor, id)
		if err != nil {
			return nil, err
		}
		for i := range pages {
			l := statusLink{statusAddress(pages[i].ID, ""), oneLine(pages[i].Title, shownComponent)}
			if !slices.Contains(links, l) {
				links = append(links, l)
			}
		}
	}
	return links, nil
}

// statusPage is what all pages about one status page have. Page data embed it.
type statusPage struct {
	view
	Status  statuspage.Page
	State   state
	Shared  state // who can see it
	Tabs    []tab
	Address string // at which visitors read it
}

// statusPage reads a status page for a tab.
func (v *visit) statusPage(here string) (p statusPage, err error) {
	if p.view, err = v.view(statusPlace); err != nil {
		return p, err
	}
	if p.Status, err = v.web.service.StatusPage(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return p, err
	}
	p.Wide = true
	p.State, p.Shared = p.ComponentState(statuspage.StateOf(p.Status.Components)), p.PublishedState(&p.Status)
	p.Address = v.baseURL() + visitors + p.Status.Slug
	t := p.labels.Label
	for _, x := range []struct{ part, label string }{
		{"", t("status.tab-now")}, {"/components", t("status.tab-components")}, {"/incidents", t("status.tab-incidents")},
		{"/maintenances", t("status.tab-maintenances")}, {subscribersPart, t("status.tab-subscribers")}, {badgesPart, t("status.tab-badges")},
		{"/settings", t("status.tab-settings")},
	} {
		if x.part == subscribersPart && !p.May("editor") {
			continue // addresses of people
		}
		p.Tabs = append(p.Tabs, tab{Path: p.Path(x.part), Label: x.label, Here: x.part == here})
	}
	return p, nil
}

// editedStatus is statusPage for a page that only editors can use.
func (v *visit) editedStatus(here string) (p statusPage, err error) {
	p, err = v.statusPage(here)
	if err == nil && !p.May("editor") {
		err = needsRole(cron.RoleEditor)
	}
	return p, err
}

// Path is the address of a part of the console's pages about the status page.
func (p statusPage) Path(part string) string { return statusAddress(p.Status.ID, part) }

// VisitPath is where the person sees the page as visitors do, also a draft.
func (p statusPage) VisitPath() string { return pathVisit + p.Status.Slug }

// component finds a component of the page by its ID; nil for none.
func (p *statusPage) component(id int64) *statuspage.Component { return componentOf(&p.Status, id) }

func componentOf(p *statuspage.Page, id int64) *statuspage.Component {
	for i := range p.Components {
		if c := &p.Components[i]; c.ID == id && id != 0 {
			return c
		}
	}
	return nil
}

// componentGroup is components of a group, as pages of the console show them.
type componentGroup struct {
	Title      string // empty for those without a group
	Components []*statuspage.Component
}

// Groups are the components by their groups: first those without one, then the groups in their order.
func (p statusPage) Groups() (groups []componentGroup) {
	at := map[string]int{"": 0}
	groups = append(groups, componentGroup{})
	for _, g := range p.Status.Groups {
		at[g.Title] = len(groups)
		groups = append(groups, componentGroup{Title: g.Title})
	}
	for i := range p.Status.Components {
		c := &p.Status.Components[i]
		g := &groups[at[c.Group]]
		g.Components = append(g.Components, c)
	}
	return groups
}

// Characters of titles that pages with many of them show.
const (
	shownComponent = 40
	namedComponent = 24 // where several stand in a row
)

// Brief is the beginning of the title of a component or a group, on one line.
func (statusPage) Brief(title string) string { return oneLine(title, shownComponent) }

// Named is an even shorter one, for the name of a control.
func (statusPage) Named(title string) string { return oneLine(title, namedComponent) }

func oneLine(text string, characters int) string {
	return strings.Join(strings.Fields(clipText(text, characters)), " ")
}
