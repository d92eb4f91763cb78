package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/service"
)

const pathBulk = root + "/jobs/bulk"

const (
	bulkNamed   = 10   // of the selected jobs that the sheet names
	maxSelected = 1000 // jobs that are selected one by one
)

func (w *web) bulkRoutes() []route {
	return []route{
		{"GET", pathBulk, signedIn, showBulk},
		{"POST", pathBulk, signedIn, tryBulk},
	}
}

// selection is which jobs a bulk change is for: those with the IDs, or all that a search of the jobs list finds.
type selection struct {
	IDs   []int64
	All   bool
	Query string // the search of All, as the query of the jobs list
	Text  string // the same as the text of a search; only where the sheet is shown
}

// selected reads a selection from the fields of a form or an address: job, repeatedly or with several IDs that are separated by
// commas, or all and filter. It has one job too many at most.
func selected(values url.Values) selection {
	if values.Get("all") != "" {
		return selection{All: true, Query: values.Get("filter")}
	}
	var s selection
	for _, list := range values["job"] {
		for text := range strings.SplitSeq(list, ",") {
			if id := parseID(text); id != 0 && len(s.IDs) <= maxSelected {
				s.IDs = append(s.IDs, id)
			}
		}
	}
	slices.Sort(s.IDs)
	s.IDs = slices.Compact(s.IDs)
	return s
}

// None tells that nothing is selected.
func (s selection) None() bool { return !s.All && len(s.IDs) == 0 }

// List is the IDs as one text.
func (s selection) List() string {
	texts := make([]string, len(s.IDs))
	for i, id := range s.IDs {
		texts[i] = formatID(id)
	}
	return strings.Join(texts, ",")
}

// Address is the address of the jobs list with the search.
func (s selection) Address() string { return jobsAddress(s.Text) }

// selectInto gives an action the jobs of a selection.
func (v *visit) selectInto(r *service.ActionRequest, s selection) error {
	if s.All {
		f, _, err := v.filterOf(s)
		r.Filter = &f
		return err
	}
	if r.JobIDs = s.IDs; len(s.IDs) > maxSelected {
		return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Rule: cron.RuleTooMany, Limit: maxSelected}}}
	}
	return nil
}

// filterOf is the filter of a selection of all, and the text of a search that has it.
func (v *visit) filterOf(s selection) (f cron.JobFilter, text string, err error) {
	q, err := url.ParseQuery(s.Query)
	if err != nil {
		return f, "", &cron.Error{Kind: cron.Invalid, Err: err}
	}
	if f, err = v.jobFilterOf(q); err != nil {
		return f, "", err
	}
	text, err = v.searchText(&f)
	return f, text, err
}

// searchText is the text of a search that selects what the filter does.
func (v *visit) searchText(f *cron.JobFilter) (string, error) {
	folders, err := v.web.service.Folders(v.ctx(), v.actor)
	return cron.FormatJobSearch(f, &cron.JobSearchNames{Folders: folders, Now: v.web.now(), Zone: v.plainView().mine}), err
}

// bulkPage is the sheet on which a change of many jobs is described.
type bulkPage struct {
	view
	Form      form
	Selection selection
	Titles    []string // of the first jobs of the selection
	More      int      // further ones
	Delete    bool     // the sheet is about their deletion only
	Back      string   // the list that the jobs were selected in
	Zones     []string
	Menu      folderMenu
	Channels  []cron.Channel
	Headers   []int // the rows of headers
	Replaces  []int // the rows of texts to replace
}

func showBulk(v *visit) error {
	q := v.r.URL.Query()
	f := newForm("keep", "local")
	if from := parseID(q.Get("from")); from != 0 {
		order, err := v.web.service.ActionOrder(v.ctx(), v.actor, from)
		if err != nil {
			return err
		}
		f = bulkForm(order.Operations, v.plainView().zone)
		if q, err = v.selectionOf(&order); err != nil {
			return err
		}
	}
	if q.Get("do") == "delete" {
		f = f.with("do", "delete")
	}
	return v.bulkPage(http.StatusOK, f, selected(q))
}

// selectionOf is the selection of an action in the form that the sheet reads.
func (v *visit) selectionOf(order *cron.ActionOrder) (url.Values, error) {
	if order.Filter == nil {
		return url.Values{"job": {selection{IDs: order.JobIDs}.List()}}, nil
	}
	text, err := v.searchText(order.Filter)
	return url.Values{"all": {"1"}, "filter": {url.Values{"q": {text}}.Encode()}}, err
}

func (v *visit) bulkPage(status int, f form, s selection) (err error) {
	if s.All { // a view that is named may become another one
		if _, s.Text, err = v.filterOf(s); err != nil {
			return err
		}
		s.Query = url.Values{"q": {s.Text}}.Encode()
	}
	p := bulkPage{Form: f, Selection: s, Delete: f.Value("do") == "delete", Back: s.Address()}
	if next := cmp.Or(v.form("next"), v.r.URL.Query().Get("next")); next != "" {
		p.Back = localPath(next)
	}
	if p.view, err = v.editorView("jobs"); err != nil {
		return err
	}
	if p.Titles, p.More, err = v.jobTitles(s.IDs); err != nil {
		return err
	}
	if p.Menu, err = v.folderMenu(f.values["folder"]); err != nil {
		return err
	}
	if p.Channels, _, err = v.web.service.Channels(v.ctx(), v.actor, 0, service.MaxChannelsPage); err != nil {
		return err
	}
	p.Zones = cron.ZoneNames()
	p.Headers, p.Replaces = rows(f, "headers"), rows(f, "replaces")
	return v.render(status, "bulk", p)
}

// maxBulkRows is how many headers and how many texts one sheet changes.
const maxBulkRows = 6

// rows are the numbers of the rows of a part of the sheet.
func rows(f form, name string) (numbers []int) {
	n, _ := strconv.Atoi(f.Value(name))
	for i := range min(max(n, 1), maxBulkRows) {
		numbers = append(numbers, i)
	}
	return numbers
}

// jobTitles names the first of some jobs; more is how many others there are. Those that the account does not have are left out.
func (v *visit) jobTitles(ids []int64) (titles []string, more int, err error) {
	for i, id := range ids {
		if i == bulkNamed {
			return titles, len(ids) - i, nil
		}
		job, err := v.web.service.Job(v.ctx(), v.web.now(), v.actor, id)
		if cron.KindOf(err) == cron.NotFound {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		titles = append(titles, jobTitle(&job.Job))
	}
	return titles, 0, nil
}

// jobTitle is what a job is called: its title, or its URL without credentials.
func jobTitle(j *cron.Job) string {
	if j.Title != "" {
		return cron.MaskURL(j.Title)
	}
	return cron.MaskURL(j.Request.URL)
}

// Chosen tells whether a list of the sheet has a value.
func (p bulkPage) Chosen(name, value string) bool { return p.Form.Value(name) == value }

// ChosenID is Chosen for an ID.
func (p bulkPage) ChosenID(name string, id int64) bool {
	return slices.Contains(p.Form.values[name], strconv.FormatInt(id, 10))
}

// Row is the name of a field in a row.
func (bulkPage) Row(name string, row int) string { return name + "-" + strconv.Itoa(row) }

// JobCount says how many jobs there are.
func (p view) JobCount(n int) string { return p.labels.JobCount(n) }

// tryBulk starts the dry run that the preview shows, or adds a row to the sheet.
func tryBulk(v *visit) error {
	s := selected(v.r.PostForm)
	sent := form{values: v.r.PostForm, errors: map[string]string{}}
	if part := v.form("more"); part == "headers" || part == "replaces" {
		return v.bulkPage(http.StatusOK, sent.with(part, strconv.Itoa(len(rows(sent, part))+1)), s)
	}
	if s.None() {
		sent.Problem = v.catalogue.Label("bulk.none")
		return v.bulkPage(http.StatusUnprocessableEntity, sent, s)
	}
	var typed cron.Checker
	if err := v.takeTypedFolder(v.r.PostForm, false, &typed); err != nil {
		return err
	}
	sheet := readBulk(v.r.PostForm, v.plainView().zone)
	id, err := int64(0), typed.Err()
	if err == nil {
		id, err = v.startBulk(sheet, s)
	}
	if err != nil {
		f, status, err := v.rejected(sheet.named(err), bulkFields...)
		if err != nil {
			return err
		}
		return v.bulkPage(status, f, s)
	}
	return v.redirect(actionPath(id))
}

// startBulk starts a dry run.
func (v *visit) startBulk(sheet *bulkSheet, s selection) (id int64, err error) {
	if err := sheet.Err(); err != nil {
		return 0, err
	}
	request := service.ActionRequest{Operations: sheet.operations, DryRun: true}
	if err := v.selectInto(&request, s); err != nil {
		return 0, err
	}
	return v.startAction(v.ctx(), request)
}

// startAction makes an action and starts it.
func (v *visit) startAction(ctx context.Context, request service.ActionRequest) (id int64, err error) {
	a, err := v.web.service.NewAction(ctx, v.actor, request)
	if err != nil {
		return 0, err
	}
	err = v.web.service.StartAction(ctx, v.actor, &a)
	return a.ID, err
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
