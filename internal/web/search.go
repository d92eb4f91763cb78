package web

import (
	"net/http"
	"net/url"
	"strings"

	"punctual/internal/cron"
)

const (
	pathSearch = root + "/search"
	searchJobs = 10 // jobs that the search shows
)

func (w *web) searchRoutes() []route {
	return []route{{"GET", pathSearch, signedIn, showSearch}}
}

// searchPage finds jobs, pages and actions. Scripts show it in a dialog.
type searchPage struct {
	view
	Text  string
	Found []searchGroup
	More  string // the list of all jobs that match; "" when they are all shown
}

// searchGroup is what was found of one kind.
type searchGroup struct {
	Label   string
	Entries []searchEntry
}

// searchEntry is something to go to.
type searchEntry struct {
	Path, Label, Detail, Icon string
}

func showSearch(v *visit) error {
	p := searchPage{Text: strings.TrimSpace(v.r.URL.Query().Get("q"))}
	if len(p.Text) > cron.MaxFilterText {
		p.Text = strings.ToValidUTF8(p.Text[:cron.MaxFilterText], "")
	}
	var err error
	if p.view, err = v.view(""); err != nil {
		return err
	}
	if p.Text != "" && p.Account.ID != 0 && !p.Account.Disabled {
		if err := p.findJobs(v); err != nil {
			return err
		}
	}
	t := v.catalogue.Label
	p.add(t("search.actions"), p.actions())
	p.add(t("search.pages"), p.places())
	return v.render(http.StatusOK, "search", p)
}

// findJobs adds the jobs that hold all words of the text.
func (p *searchPage) findJobs(v *visit) error {
	q := &cron.JobQuery{Limit: searchJobs}
	if q.Filter.Text = p.Text; len(strings.Fields(p.Text)) > cron.MaxFilterWords {
		return nil
	}
	page, err := v.web.service.SearchJobs(v.ctx(), p.now, v.actor, q)
	if cron.KindOf(err) == cron.Invalid {
		return nil // no job holds that
	}
	if err != nil {
		return err
	}
	g := searchGroup{Label: p.labels.Label("search.jobs")}
	for i := range page.Jobs {
		j := &page.Jobs[i]
		g.Entries = append(g.Entries, searchEntry{p.JobPath(j.ID), p.JobName(j.Title, j.Request.URL), cron.MaskURL(j.Request.URL), p.JobState(j).Icon})
	}
	if !page.Next.IsZero() {
		p.More = pathJobs + "?" + url.Values{"q": {p.Text}}.Encode()
	}
	if len(g.Entries) > 0 || p.More != "" {
		p.Found = append(p.Found, g)
	}
	return nil
}

// add adds the entries that hold all words of the text.
func (p *searchPage) add(label string, entries []searchEntry) {
	g := searchGroup{Label: label}
	words := strings.Fields(strings.ToLower(p.Text))
next:
	for _, e := range entries {
		for _, word := range words {
			if !strings.Contains(strings.ToLower(e.Label), word) {
				continue next
			}
		}
		g.Entries = append(g.Entries, e)
	}
	if len(g.Entries) > 0 {
		p.Found = append(p.Found, g)
	}
}

// actions are what the person can begin.
func (p *searchPage) actions() (list []searchEntry) {
	t := p.labels.Label
	if p.Account.ID == 0 {
		return nil
	}
	if p.May("editor") {
		list = append(list, searchEntry{pathJobs + "/new", t("search.new-job"), "", "plus"}, searchEntry{pathJobs + "/import", t("search.import"), "", "plus"},
			searchEntry{root + "/settings/channels/new", t("search.channel"), "", "plus"}, searchEntry{root + "/settings/keys", t("search.key"), "", "key-round"})
	}
	if p.May("owner") {
		list = append(list, searchEntry{root + "/settings/people", t("search.invite"), "", "users"})
	}
	return append(list, searchEntry{pathJobs + "?q=state%3Afailing", t("search.failing"), "", "circle-x"},
		searchEntry{pathRuns + "?outcome=failed&span=24h", t("search.failed"), "", "circle-x"})
}

// places are the pages that the person can open.
func (p *searchPage) places() (list []searchEntry) {
	add := func(path, label, icon string) {
		list = append(list, searchEntry{path, label, "", icon})
	}
	t := p.labels.Label
	add(root, t("nav.overview"), "house")
	if p.Account.ID != 0 {
		add(pathJobs, t("nav.jobs"), "calendar-clock")
		add(pathRuns, t("nav.runs"), "activity")
		add(pathProblems, t("nav.problems"), "circle-alert")
		add(pathStatus, t("nav.status"), "radio-tower")
	}
	add(root+"/settings", t("nav.settings"), "settings")
	for _, g := range p.Settings() {
		for _, s := range g.Places {
			add(s.Path, s.Label, s.Icon)
		}
	}
	return list
}
