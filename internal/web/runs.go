package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

const pathRuns = root + "/runs"

func (w *web) runRoutes() []route {
	const ofJob = root + "/jobs/{id}/runs"
	return []route{
		{"GET", pathRuns, signedIn, listRuns},
		{"GET", pathRuns + "/export", signedIn, exportRuns},
		{"GET", pathRuns + "/again", signedIn, planReruns},
		{"POST", pathRuns + "/again", signedIn, rerun},
		{"POST", pathRuns + "/again/cancel", signedIn, cancelReruns},
		{"GET", ofJob, signedIn, listRuns},
		{"GET", ofJob + "/export", signedIn, exportRuns},
		{"GET", ofJob + "/again", signedIn, planReruns},
		{"POST", ofJob + "/again", signedIn, rerun},
		{"GET", pathRun, signedIn, showRun},
		{"GET", pathRun + "/body", signedIn, downloadBody},
		{"GET", pathRun + "/headers", signedIn, downloadHeaders},
		{"GET", pathRun + "/again", signedIn, askRunAgain},
		{"POST", pathRun + "/again", signedIn, runAgain},
	}
}

// What a page of runs looks for: so many records, and no longer than that when few records match. A list that ends there says how
// far it came.
const (
	runsOfPage  = 50
	runsTakeFor = 30 * time.Millisecond
)

// runsPage is a list of runs, newest first, or failures by their causes.
type runsPage struct {
	view
	Query   *runsQuery
	Form    form
	Rows    []runRow
	Causes  []causeRow
	Partial bool      // not all failures were counted, or not all causes are listed
	Back    time.Time // records back to then were looked at; zero if all were
	Older   string    // the address of the next page; empty at the end
	Newest  string    // the address of the first page; empty there
	Chart   *runsChart
	Head    *jobPage        // of the page of a job; nil for the runs of all jobs
	Job     *cron.JobRecord // whose runs they are; nil for those of all jobs
	Folders []cron.Folder

	Spans, Outcomes, Kinds, Set []chip
}

// listRuns shows the runs of the account, or of a job.
func listRuns(v *visit) error {
	p, err := v.runsPage(v.r.URL.Query())
	if err != nil {
		return err
	}
	if p.Form.Wrong() {
		return v.render(http.StatusUnprocessableEntity, "runs", &p)
	}
	if p.Query.Causes {
		err = p.loadCauses(v)
	} else {
		err = p.loadRows(v)
	}
	if err != nil {
		return err
	}
	if p.Chart, err = v.runsChart(p.view, p.Query); err != nil {
		return err
	}
	p.fillChips()
	return v.render(http.StatusOK, "runs", &p)
}

// runsPage reads the filter, and what the page around the list needs.
func (v *visit) runsPage(given url.Values) (p runsPage, err error) {
	jobID := v.pathID("id")
	if v.r.PathValue("id") != "" && jobID == 0 {
		return p, cron.Missing(cron.SubjectJob)
	}
	var typed cron.Checker
	if err := v.takeTypedFolder(given, false, &typed); err != nil {
		return p, err
	}
	p.Query = v.readRuns(given, jobID)
	if e, ok := typed.Err().(*cron.Error); ok {
		p.Query.check.Add(e.Problems[0].Pointer, e.Problems[0])
	}
	p.Form = p.Query.form(v)
	if jobID == 0 {
		p.view, err = v.view("runs")
	} else {
		var head jobPage
		head, err = v.jobPage(jobID, "runs")
		p.view, p.Head, p.Job = head.view, &head, &head.Job.JobRecord
	}
	if err != nil {
		return p, err
	}
	p.Wide = true
	if p.Folders, err = v.web.service.Folders(v.ctx(), v.actor); err != nil {
		return p, err
	}
	if id := p.Query.Filter.JobID; id != 0 && jobID == 0 {
		job, err := v.web.service.Job(v.ctx(), v.web.now(), v.actor, id)
		if err != nil {
			return p, err
		}
		p.Job = &job
	}
	return p, nil
}

// form is the filter as a form, with what is wrong in it.
func (q *runsQuery) form(v *visit) form {
	f := form{values: url.Values{}, errors: map[string]string{}}
	for name, list := range q.values {
		f.values.Set(name, strings.Join(list, " "))
	}
	zone := v.plainView().zone
	for name, at := range map[string]time.Time{"from": q.Filter.From, "to": q.Filter.To} {
		if q.values.Has(name) && !at.IsZero() {
			f.values.Set(name, at.In(zone).Format(localMinute))
		}
	}
	if e, ok := q.check.Err().(*cron.Error); ok {
		for _, problem := range e.Problems {
			name := strings.TrimPrefix(strings.Replace(problem.Pointer, "/not/", "/"+notPrefix, 1), "/")
			f.errors[name] = v.catalogue.Problem(problem)
		}
	}
	return f
}

// loadRows reads a page of the list. It looks at more records while few of them match, but not for long.
func (p *runsPage) loadRows(v *visit) error {
	q := cron.HistoryQuery{Filter: p.Query.Filter, After: p.Query.After, Limit: runsOfPage}
	var found []cron.HistoryRecord
	for began := time.Now(); ; {
		page, err := v.web.service.SearchHistory(v.ctx(), v.actor, &q)
		if err != nil {
			return err
		}
		found = append(found, page.Records...)
		q.After, q.Limit = page.Next, runsOfPage-len(found)
		if q.After.ID == 0 || q.Limit == 0 || time.Since(began) > runsTakeFor {
			break
		}
	}
	for i := range found {
		p.Rows = append(p.Rows, p.runRow(&found[i]))
	}
	if q.After.ID != 0 {
		p.Older = p.Query.with("after", strconv.FormatInt(q.After.ID, 10)+"-"+strconv.FormatInt(q.After.At.UnixMilli(), 10))
		if len(found) < runsOfPage {
			p.Back = q.After.At
		}
	}
	if p.Query.After.ID != 0 {
		p.Newest = p.Query.with()
	}
	return nil
}

// Jobs tells whether the rows say whose runs they are.
func (p *runsPage) Jobs() bool { return p.Query.JobID == 0 }

// Live tells whether new runs belong at the top of the page.
func (p *runsPage) Live() bool { return p.Query.After.ID == 0 && p.Query.Filter.To.IsZero() }

// fillChips makes the links that narrow the list.
func (p *runsPage) fillChips() {
	q, t := p.Query, p.labels.Label
	for _, s := range spans {
		path := q.with("span", s.name, "from", "", "to", "")
		if q.Span == s.name {
			path = p.EverPath()
		}
		p.Spans = append(p.Spans, chip{Path: path, Label: p.spanName(s.name), Set: q.Span == s.name})
	}
	p.Spans = append(p.Spans, chip{Path: q.with("span", spanAll, "from", "", "to", ""), Label: t("runs.span-all"), Set: q.Span == spanAll})
	for _, o := range [...]cron.Outcome{cron.OutcomeFailed, cron.OutcomeLost, cron.OutcomeMissed, cron.OutcomeSkipped, cron.OutcomeSucceeded, cron.OutcomeRunning} {
		p.Outcomes = append(p.Outcomes, chip{Path: q.toggled("outcome", o.String()), Label: p.RunState(o).Text,
			Count: p.Chart.count(p.view, o, q), Set: q.has("outcome", o.String())})
	}
	for _, k := range cron.RecordKinds() {
		p.Kinds = append(p.Kinds, chip{Path: q.toggled("kind", k.String()), Label: p.kindName(k.String()), Set: q.has("kind", k.String())})
	}
	p.fillSet()
}

// fillSet lists the conditions that have no chip of their own, each with the way out of it.
func (p *runsPage) fillSet() {
	q := p.Query
	for _, name := range append(slices.Clone(runsLists), "text") {
		for _, name := range [...]string{name, notPrefix + name} {
			if name == "outcome" || name == "kind" {
				continue
			}
			for _, value := range q.values[name] {
				p.Set = append(p.Set, chip{Path: q.toggled(name, value), Label: p.condition(name, value), Set: true})
			}
		}
	}
	if q.values.Has("from") || q.values.Has("to") {
		p.Set = append(p.Set, chip{Path: q.with("from", "", "to", ""), Label: p.labels.Label("runs.own-time"), Set: true})
	}
}

// condition is a condition in words.
func (p *runsPage) condition(name, value string) string {
	name, not := strings.CutPrefix(name, notPrefix)
	what := value
	switch name {
	case "outcome":
		if i := slices.IndexFunc(wire.Outcomes, func(o cron.Outcome) bool { return o.String() == value }); i >= 0 {
			what = p.RunState(wire.Outcomes[i]).Text
		}
	case "kind":
		what = p.kindName(value)
	case "reason":
		what = p.reasonName(value)
	case "job":
		if p.Job != nil && strconv.FormatInt(p.Job.ID, 10) == value {
			what = p.fit(recordTitle(p.Job.Title, p.Job.Request.URL), 120)
		} else {
			what = p.labels.Label("runs.numbered", "number", value)
		}
	case "folder":
		what = p.folderName(value)
	default:
		what = p.fit(value, 120)
	}
	what = p.labels.Label(conditionLabels[name], "value", what)
	if not {
		return p.labels.Label("runs.not", "what", what)
	}
	return what
}

// conditionLabels are the labels of conditions by the names of their parameters.
var conditionLabels = map[string]string{
	"outcome": "runs.that", "kind": "runs.that", "reason": "runs.that", "cause": "runs.that-cause", "status": "runs.that-status",
	"job": "runs.that-job", "folder": "runs.that-folder", "text": "runs.that-text",
}

// folderName is the title of a folder of the account by its number.
func (p *runsPage) folderName(number string) string {
	if number == "0" {
		return p.labels.Label("runs.no-folder")
	}
	for _, f := range p.Folders {
		if strconv.FormatInt(f.ID, 10) == number {
			return p.fit(f.Title, 120)
		}
	}
	return p.labels.Label("runs.numbered", "number", number)
}

// FolderChosen tells whether the filter has a folder.
func (p *runsPage) FolderChosen(id int64) bool {
	return p.Query.has("folder", strconv.FormatInt(id, 10))
}

// Reasons are the reasons that the filter can ask for.
func (p *runsPage) Reasons() (list []choice) {
	for _, f := range wire.Faults {
		name := wire.FaultNames[f]
		list = append(list, choice{name, p.reasonName(name), p.Query.has("reason", name)})
	}
	slices.SortFunc(list, func(a, b choice) int { return strings.Compare(a.Label, b.Label) })
	return list
}

// Kept are the conditions that the form of the filter does not show, as pairs of a name and a value.
func (p *runsPage) Kept() (list [][2]string) {
	for name, values := range p.Query.values {
		switch name {
		case "text", notPrefix + "text", "status", notPrefix + "status", "reason", "folder", "from", "to":
			continue
		}
		for _, value := range values {
			list = append(list, [2]string{name, value})
		}
	}
	slices.SortFunc(list, func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
	return list
}

// Path is where the form of the filter is sent.
func (p *runsPage) Path() string { return p.Query.path() }

// AllPath is the list without a filter.
func (p *runsPage) AllPath() string { return p.Query.path() }

// EverPath is the list without a beginning.
func (p *runsPage) EverPath() string { return p.Query.with("span", spanAll, "from", "", "to", "") }

// CausesPath and RowsPath switch between failures by their causes and the list.
func (p *runsPage) CausesPath() string { return p.Query.with("group", "cause") }
func (p *runsPage) RowsPath() string   { return p.Query.with("group", "") }

// ExportPath is where the whole list is sent as a file.
func (p *runsPage) ExportPath(format string) string {
	return p.Query.at("/export", "format", format, "group", "")
}

// AgainPath is the page that repeats the runs of the list.
func (p *runsPage) AgainPath() string { return p.Query.at("/again", "group", "") }

// Filtered tells whether anything but the time selects records.
func (p *runsPage) Filtered() bool {
	return p.Query.narrowed() || p.Query.values.Has("outcome") || p.Query.values.Has("not.outcome")
}

// JobTitle is what the job is called whose runs they are.
func (p *runsPage) JobTitle() string {
	if p.Job == nil {
		return ""
	}
	return p.fit(recordTitle(p.Job.Title, p.Job.Request.URL), rowTitle)
}

// shownFolders is how many folders the filter offers.
const shownFolders = 100

// Menu is the folders that the filter offers.
func (p *runsPage) Menu() folderMenu {
	return menuOf(p.Folders, shownFolders, p.Query.values["folder"])
}
