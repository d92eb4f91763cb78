package web

import (
	"net/http"
	"net/url"
	"strconv"

	"punctual/internal/badge"
)

// badgeRows is of how many components a page shows badges: visitors may not get many more images at once.
const badgeRows = 25

// statusBadgesPage shows the badges of a status page and its components.
type statusBadgesPage struct {
	statusPage
	pages
	Open    bool // everybody may read the page, so the addresses have no token
	Metrics []chip
	Badges  []badgeCode
}

const badgesPart = "/badges"

func showStatusBadges(v *visit) (err error) {
	var p statusBadgesPage
	if p.statusPage, err = v.statusPage(badgesPart); err != nil {
		return err
	}
	shown, _ := badge.ParseMetric(v.r.URL.Query().Get("show")) // the state by default
	for m := range badge.Metric(badge.MetricCount) {
		p.Metrics = append(p.Metrics, chip{Path: p.badgesPath(m, 0), Label: v.catalogue.Label(badgeLabels[m]), Set: m == shown})
	}
	p.Open = p.Status.Open()
	components := p.Status.Components
	from, err := strconv.Atoi(v.r.URL.Query().Get("from"))
	if err != nil || from < 0 || from >= len(components) {
		from = 0
	}
	if from == 0 {
		p.Badges = append(p.Badges, v.statusBadge(&p, shown, 0, p.Status.Title))
	} else {
		p.FirstPage = p.badgesPath(shown, 0)
	}
	to := min(from+badgeRows, len(components))
	for i := range components[from:to] {
		c := &components[from+i]
		p.Badges = append(p.Badges, v.statusBadge(&p, shown, c.ID, c.Title))
	}
	if to < len(components) {
		p.NextPage = p.badgesPath(shown, to)
	}
	return v.render(http.StatusOK, "status-badges", p)
}

// badgesPath is the address of the page with the badges of a metric, beginning with a component.
func (p *statusBadgesPage) badgesPath(m badge.Metric, from int) string {
	q := url.Values{}
	if m != badge.State {
		q.Set("show", m.String())
	}
	if from > 0 {
		q.Set("from", strconv.Itoa(from))
	}
	if len(q) == 0 {
		return p.Path(badgesPart)
	}
	return p.Path(badgesPart + "?" + q.Encode())
}

// statusBadge is the badge of a component, or that of the page when componentID is 0.
func (v *visit) statusBadge(p *statusBadgesPage, m badge.Metric, componentID int64, title string) badgeCode {
	title = p.Brief(title)
	image := v.web.service.PageBadgePath(&p.Status, componentID) + badge.Name(m, badge.SVG)
	code := v.newBadgeCode("badge-"+formatID(componentID), title, image, v.catalogue.Label("badge.alt-of", "title", title, "what", v.catalogue.Label(badgeLabels[m])))
	if !p.Status.Published {
		code.Image = "" // a draft has none
	}
	return code
}

func renewStatusBadges(v *visit) error {
	if err := v.web.service.RenewPageBadges(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	return v.after(statusAddress(v.pathID("id"), badgesPart), "badges-renewed")
}
