package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

const problemsPage = 50 // problems of a page

func (w *web) problemRoutes() []route {
	return []route{
		{"GET", pathProblems, signedIn, showProblems},
		{"GET", pathProblems + "/{id}", signedIn, showProblem},
		{"POST", pathProblems + "/{id}", signedIn, actOnProblem},
	}
}

// problemList shows problems, latest opening first. Its address holds the states and the page.
type problemList struct {
	view
	Tabs []tab
	Rows []problemRow
	pages
	Nobody bool // there is no problem at all
}

// problemRow is a problem as lists show it.
type problemRow struct {
	*cron.JobProblem
	Path     string
	Sentence string
	State    state
	JobsPath string // of the jobs that have it; "" when it is resolved
}

// problemFilters are the values of the parameter "state", with the states that each selects. The first one is that of a list without it.
var problemFilters = []struct {
	name, label string
	states      []cron.ProblemState
}{
	{"unresolved", "problems.unresolved", []cron.ProblemState{cron.ProblemOpen, cron.ProblemAcknowledged, cron.ProblemSnoozed}},
	{"open", "problems.open", []cron.ProblemState{cron.ProblemOpen}},
	{"acknowledged", "problems.acknowledged", []cron.ProblemState{cron.ProblemAcknowledged}},
	{"snoozed", "problems.snoozed", []cron.ProblemState{cron.ProblemSnoozed}},
	{"resolved", "problems.resolved", []cron.ProblemState{cron.ProblemResolved}},
}

func showProblems(v *visit) error {
	var (
		p   problemList
		err error
		q   = v.r.URL.Query()
	)
	if p.view, err = v.view("problems"); err != nil {
		return err
	}
	p.Wide = true
	counts, err := v.web.service.ProblemCounts(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	chosen := max(0, slices.IndexFunc(problemFilters, func(f struct {
		name, label string
		states      []cron.ProblemState
	}) bool {
		return f.name == q.Get("state")
	}))
	numbers := [...]string{p.Count(counts.Unresolved()), p.Count(counts.Open), p.Count(counts.Acknowledged), p.Count(counts.Snoozed), ""}
	for i, f := range problemFilters {
		p.Tabs = append(p.Tabs, tab{Path: problemsAddress(f.name, ""), Label: v.catalogue.Label(f.label), Count: numbers[i], Here: i == chosen})
	}
	query := cron.ProblemQuery{States: problemFilters[chosen].states, After: problemPosition(q.Get("after")), Limit: problemsPage}
	list, why, next, err := v.web.service.Problems(v.ctx(), v.actor, &query)
	if err != nil {
		return err
	}
	for i := range list {
		p.Rows = append(p.Rows, v.problemRow(&list[i], &why[i]))
	}
	if query.After.ID != 0 {
		p.FirstPage = problemsAddress(problemFilters[chosen].name, "")
	}
	if next.ID != 0 {
		p.NextPage = problemsAddress(problemFilters[chosen].name, strconv.FormatInt(next.Opened.UnixMilli(), 10)+"-"+strconv.FormatInt(next.ID, 10))
	}
	p.Nobody = chosen == 0 && len(p.Rows) == 0
	return v.render(http.StatusOK, "problems", p)
}

// problemsAddress is the address of a list of problems.
func problemsAddress(state, after string) string {
	q := url.Values{}
	if state != problemFilters[0].name {
		q.Set("state", state)
	}
	if after != "" {
		q.Set("after", after)
	}
	if len(q) == 0 {
		return pathProblems
	}
	return pathProblems + "?" + q.Encode()
}

// problemPosition reads where a page starts; anything else is the beginning.
func problemPosition(text string) (at cron.ProblemPosition) {
	opened, id, _ := strings.Cut(text, "-")
	if n := parseID(id); n != 0 {
		at = cron.ProblemPosition{Opened: time.UnixMilli(parseID(opened)), ID: n}
	}
	return at
}

// problemRow describes a problem.
func (v *visit) problemRow(p *cron.JobProblem, why *cron.Diagnosis) problemRow {
	r := problemRow{JobProblem: p, Path: problemPath(p.ID), Sentence: v.catalogue.Diagnosis(why), State: v.problemState(p.State)}
	switch {
	case p.State == cron.ProblemResolved:
	case p.Jobs == 1 && len(p.JobIDs) > 0:
		r.JobsPath = jobAddress(p.JobIDs[0], "")
	default:
		r.JobsPath = r.Path + "#jobs"
	}
	return r
}

// More is a sign that there are more runs than were counted.
func (r problemRow) More() string {
	if r.RunsAtLeast {
		return "+"
	}
	return ""
}

func problemPath(id int64) string { return pathProblems + "/" + strconv.FormatInt(id, 10) }

// problemState is what people have done about a problem.
func (v *visit) problemState(s cron.ProblemState) state {
	t := v.catalogue.Label
	switch s {
	case cron.ProblemAcknowledged:
		return state{"warn", "user-check", t("problems.acknowledged")}
	case cron.ProblemSnoozed:
		return state{"muted", "alarm-clock", t("problems.snoozed")}
	case cron.ProblemResolved:
		return state{"good", "circle-check", t("problems.resolved")}
	}
	return state{"bad", "circle-alert", t("problems.open")}
}
