package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// jobRows is how many jobs a page shows.
const jobRows = 36

func (w *web) jobsRoutes() []route {
	return []route{{"GET", pathJobs, signedIn, showJobs}}
}

// jobsPage lists jobs. Its address holds the search, the order and the page.
type jobsPage struct {
	view
	Search  jobSearch
	Wrong   []string      // what is wrong with the search
	Groups  []filterGroup // what the search can be narrowed by
	States  []filterChoice
	Tokens  []filterToken // by which the search is narrowed
	Jobs    []jobRow
	Columns []jobColumn
	Folders []cron.Folder // the first of them
	More    bool          // there are more
	Views   []cron.JobView
	pages
	Undo  int64  // the job that was just deleted; 0 for none
	Text  string // of the search, as it is shown
	Long  bool   // the search of a view is longer than what can be typed
	names cron.JobSearchNames
}

// sideFolders is how many folders, and how many views, the navigation shows.
const sideFolders = 12

// showJobs shows a page of jobs. What narrows the search further is a button of the search form, and leads to the address that has it.
func showJobs(v *visit) error {
	var (
		p   jobsPage
		err error
	)
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	p.Wide, p.Undo = true, parseID(v.r.URL.Query().Get("undo"))
	if p.names.Folders, err = v.web.service.Folders(v.ctx(), v.actor); err != nil {
		return err
	}
	if p.Views, err = v.web.service.Views(v.ctx(), v.actor); err != nil {
		return err
	}
	p.names.Now, p.names.Zone = v.web.now(), p.mine
	p.Folders = p.names.Folders[:min(len(p.names.Folders), sideFolders)]
	p.More = len(p.Folders) < len(p.names.Folders)
	if p.Search, err = readJobSearch(v.r.URL.Query(), p.Views, &p.names); err != nil {
		return v.wrongSearch(&p, err)
	}
	if to := p.changedSearch(v.r.URL.Query()); to != "" {
		return v.redirect(to)
	}
	if err := v.findJobs(&p); err != nil {
		return v.wrongSearch(&p, err)
	}
	return v.jobsPage(http.StatusOK, &p)
}

// wrongSearch shows what is wrong with a search, and what was typed.
func (v *visit) wrongSearch(p *jobsPage, err error) error {
	e, ok := errors.AsType[*cron.Error](err)
	if !ok || e.Kind != cron.Invalid {
		return err
	}
	for _, problem := range e.Problems {
		p.Wrong = append(p.Wrong, v.catalogue.Problem(problem))
	}
	p.Search.Text = strings.TrimSpace(v.r.URL.Query().Get("q"))
	return v.jobsPage(http.StatusUnprocessableEntity, p)
}

// findJobs reads the jobs of the page.
func (v *visit) findJobs(p *jobsPage) error {
	s := &p.Search
	q := cron.JobQuery{Filter: s.Filter, Sort: s.Sort, Descending: s.Descending, After: s.After, Limit: jobRows}
	page, err := v.web.service.SearchJobs(v.ctx(), v.web.now(), v.actor, &q)
	if err != nil {
		return err
	}
	ids := make([]int64, len(page.Jobs))
	for i := range page.Jobs {
		ids[i] = page.Jobs[i].ID
	}
	latest, err := v.web.service.LatestRuns(v.ctx(), v.actor, ids, listedRuns)
	if err != nil {
		return err
	}
	for i := range page.Jobs {
		p.Jobs = append(p.Jobs, p.row(&page.Jobs[i], latest[ids[i]]))
	}
	if !page.Next.IsZero() {
		p.NextPage = s.address(page.Next)
	}
	if !s.After.IsZero() {
		p.FirstPage = s.address(cron.JobPosition{})
	}
	p.Groups = p.groups(page.Jobs)
	return nil
}

func (v *visit) jobsPage(status int, p *jobsPage) error {
	p.Text, p.Long = p.Search.Text, len(p.Search.Text) > cron.MaxJobSearch
	if p.Long {
		p.Text = ""
	}
	p.States, p.Tokens, p.Columns = p.states(), p.tokens(), p.columns()
	return v.render(status, "jobs", p)
}

// rowView is what the template of a row needs.
type rowView struct {
	Job    jobRow
	View   view
	Editor bool
}

// Rows are the rows of the table.
func (p *jobsPage) Rows() []rowView {
	rows, editor := make([]rowView, len(p.Jobs)), p.May("editor")
	for i := range p.Jobs {
		rows[i] = rowView{p.Jobs[i], p.view, editor}
	}
	return rows
}

// None is a form that nobody has filled in.
func (*jobsPage) None() form { return newForm() }

// Saveable tells whether the search can be saved as a view.
func (p *jobsPage) Saveable() bool {
	return len(p.Wrong) == 0 && p.Search.View == 0 && (p.Search.Text != "" || p.Search.IsSorted())
}

// sideLink is a folder or a view in the navigation.
type sideLink struct {
	Path, Text string
	Here       bool
}

// SideFolders are the folders that the navigation shows.
func (p *jobsPage) SideFolders() (links []sideLink) {
	for _, f := range p.Folders {
		links = append(links, sideLink{jobsAddress(folderToken(f)), cut(f.Title, shownChoice), p.InFolder(f)})
	}
	return links
}

// SideViews are the views that the navigation shows.
func (p *jobsPage) SideViews() (links []sideLink) {
	for _, v := range p.Views[:min(len(p.Views), sideFolders)] {
		links = append(links, sideLink{pathJobs + "?view=" + strconv.FormatInt(v.ID, 10), cut(v.Title, shownChoice), v.ID == p.Search.View})
	}
	return links
}

// Filtered tells whether the list can lack jobs of the account.
func (p *jobsPage) Filtered() bool {
	return p.Search.Text != "" || p.Search.View != 0 || !p.Search.After.IsZero()
}

// Nothing is what stands in place of the list of an account without jobs.
func (p *jobsPage) Nothing() emptyList {
	if !p.May("editor") {
		return emptyList{Text: p.labels.Label("jobs.none")}
	}
	return emptyList{Text: p.labels.Label("jobs.none-yet"), Path: pathJobs + "/new", Label: p.labels.Label("jobs.new")}
}

// jobSearch is what the address of the list asks for.
type jobSearch struct {
	Text       string // of the search, in the form in which it is written
	View       int64  // that it is; 0 for none
	Filter     cron.JobFilter
	Sort       cron.JobSort
	Descending bool
	After      cron.JobPosition
}

// jobSorts are the names of orders in addresses, by their numbers.
var jobSorts = []string{cron.SortTitle: "title", cron.SortNext: "next", cron.SortLast: "last", cron.SortChanged: "changed",
	cron.SortStatus: "status", cron.SortID: "id"}

// readJobSearch reads an address. A search comes before a view. The error is of kind Invalid when the search is wrong, and of kind
// NotFound when there is no such view.
func readJobSearch(q url.Values, views []cron.JobView, names *cron.JobSearchNames) (s jobSearch, err error) {
	text := strings.TrimSpace(q.Get("q"))
	if id := parseID(q.Get("view")); id != 0 && text == "" {
		found := false
		for i := range views {
			if view := &views[i]; view.ID == id {
				found = true
				s = jobSearch{View: id, Filter: view.Filter, Sort: view.Sort, Descending: view.Descending}
			}
		}
		if !found {
			return s, cron.Missing(cron.SubjectView)
		}
	} else if s.Filter, err = cron.ParseJobSearch(text, names); err != nil {
		return s, err
	}
	s.Text = cron.FormatJobSearch(&s.Filter, names)
	if name := q.Get("sort"); name != "" {
		name, s.Descending = strings.CutPrefix(name, "-")
		s.Sort = cron.SortTitle
		for sort, known := range jobSorts {
			if known == name {
				s.Sort = cron.JobSort(sort)
			}
		}
	}
	s.After = readPosition(q.Get("after"), s.Sort)
	return s, nil
}

// readPosition reads where a page starts: an ID, a dot, and the number or the text of the order.
func readPosition(text string, sort cron.JobSort) (at cron.JobPosition) {
	id, key, _ := strings.Cut(text, ".")
	at.ID = parseID(id)
	if sort == cron.SortTitle {
		at.Text = key
	} else {
		at.Number = parseID(key)
	}
	return at
}

// SortName is the name of the order.
func (s *jobSearch) SortName() string {
	if s.Descending {
		return "-" + jobSorts[s.Sort]
	}
	return jobSorts[s.Sort]
}

// IsSorted tells whether the order is another one than usual.
func (s *jobSearch) IsSorted() bool { return s.SortName() != jobSorts[cron.SortTitle] }

// Query is the query string that selects the same jobs.
func (s *jobSearch) Query() string {
	q := url.Values{}
	if s.View != 0 {
		q.Set("view", strconv.FormatInt(s.View, 10))
	} else if s.Text != "" {
		q.Set("q", s.Text)
	}
	return q.Encode()
}

// address is the address of a page of the search.
func (s *jobSearch) address(after cron.JobPosition) string {
	q, _ := url.ParseQuery(s.Query())
	if s.IsSorted() || s.View != 0 {
		q.Set("sort", s.SortName())
	}
	if !after.IsZero() {
		key := after.Text
		if s.Sort != cron.SortTitle {
			key = strconv.FormatInt(after.Number, 10)
		}
		q.Set("after", strconv.FormatInt(after.ID, 10)+"."+key)
	}
	if len(q) == 0 {
		return pathJobs
	}
	return pathJobs + "?" + q.Encode()
}

// Here is the address of the page that is shown.
func (s *jobSearch) Here() string { return s.address(s.After) }

// jobsAddress is the address of the list of the jobs that the text of a search selects.
func jobsAddress(text string) string {
	s := jobSearch{Text: text}
	return s.address(cron.JobPosition{})
}

// jobFilterOf reads the filter of the address of a list of jobs. The error is as of readJobSearch.
func (v *visit) jobFilterOf(q url.Values) (cron.JobFilter, error) {
	var (
		names = cron.JobSearchNames{Now: v.web.now(), Zone: v.plainView().mine}
		views []cron.JobView
		err   error
	)
	if names.Folders, err = v.web.service.Folders(v.ctx(), v.actor); err != nil {
		return cron.JobFilter{}, err
	}
	if q.Has("view") {
		if views, err = v.web.service.Views(v.ctx(), v.actor); err != nil {
			return cron.JobFilter{}, err
		}
	}
	s, err := readJobSearch(q, views, &names)
	return s.Filter, err
}
