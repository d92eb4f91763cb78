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

// carefulJobs is how many jobs with a method that is not idempotent the page of reruns names.
const carefulJobs = 20

// rerunsPage says what repeating the runs of a list would do.
type rerunsPage struct {
	view
	Query    *runsQuery
	Form     form
	Plan     cron.RerunPlan
	Runs     string
	Matched  string
	Repeated string
	Jobs     string
	Takes    time.Duration
	Careful  []carefulJob // the first of them
	More     int          // jobs that are not idempotent, beyond those
	Problem  string       // why nothing can be repeated; empty when something can be
	Set      []chip
	JobTitle string
	Outcomes string // that are repeated, in words
}

// carefulJob is a job whose method is not idempotent.
type carefulJob struct {
	Path, Title, Method, Runs string
}

// rerunQuery is what is to be repeated. Of the outcomes, those count that can be repeated.
func rerunQuery(q *runsQuery, f form) cron.RerunQuery {
	r := cron.RerunQuery{Filter: q.Filter, PerMinute: cron.DefaultRerunRate, PerJob: f.Value("perJob") != ""}
	if n, err := strconv.Atoi(f.Value("perMinute")); err == nil {
		r.PerMinute = n
	}
	r.Filter.Outcomes = slices.DeleteFunc(slices.Clone(q.Filter.Outcomes), func(o cron.Outcome) bool { return !slices.Contains(cron.RepeatableOutcomes, o) })
	if len(q.Filter.Outcomes) == 0 {
		r.Filter.Outcomes = []cron.Outcome{cron.OutcomeFailed, cron.OutcomeLost, cron.OutcomeMissed}
	}
	return r
}

// planReruns shows what would be repeated. It changes nothing.
func planReruns(v *visit) error {
	p, err := v.rerunsPage(v.r.URL.Query())
	if err != nil {
		return err
	}
	return v.render(p.status(), "runs-again", &p)
}

func (p *rerunsPage) status() int {
	if p.Form.Wrong() {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// rerunsPage plans what the filter selects.
func (v *visit) rerunsPage(given url.Values) (p rerunsPage, err error) {
	list, err := v.runsPage(given)
	if err != nil {
		return p, err
	}
	list.fillSet()
	p = rerunsPage{view: list.view, Query: list.Query, Form: list.Form, Set: list.Set}
	if list.Job != nil {
		p.JobTitle = p.fit(recordTitle(list.Job.Title, list.Job.Request.URL), rowTitle)
	}
	if !p.May("editor") {
		return p, needsRole(cron.RoleEditor)
	}
	p.Form.values.Set("perMinute", strconv.Itoa(cron.DefaultRerunRate))
	for _, name := range []string{"perMinute", "perJob"} {
		if text := given.Get(name); text != "" {
			p.Form.values.Set(name, text)
		}
	}
	if p.Query.Filter.From.IsZero() { // which reruns need
		p.Query.Filter.From = v.web.now().Add(-90 * 24 * time.Hour)
	}
	r := rerunQuery(p.Query, p.Form)
	var names []string
	for _, o := range r.Filter.Outcomes {
		names = append(names, p.RunState(o).Text)
	}
	p.Outcomes = strings.ToLower(strings.Join(names, ", "))
	if r.PerMinute < 1 || r.PerMinute > cron.MaxRerunRate {
		p.Form.errors["perMinute"] = v.catalogue.Problem(cron.Problem{Rule: cron.RuleOutOfRange, Given: p.Form.Value("perMinute"), Min: 1, Max: cron.MaxRerunRate})
	}
	if p.Form.Wrong() {
		return p, nil
	}
	return p, p.plan(v, &r)
}

// plan plans the runs, and says so in numbers.
func (p *rerunsPage) plan(v *visit, r *cron.RerunQuery) error {
	if len(r.Filter.Outcomes) == 0 {
		p.Problem = p.labels.Label("again.only")
		return nil
	}
	plan, err := v.web.service.PlanReruns(v.ctx(), v.actor, r)
	if cron.KindOf(err) == cron.TooMany {
		p.Problem = v.catalogue.Problem(cron.Problem{Rule: cron.RuleRerunsWait, Limit: cron.MaxWaitingReruns})
		return nil
	}
	if err != nil {
		return err
	}
	p.Plan, p.Runs, p.Matched = plan, p.Count(len(plan.Runs)), p.Count(plan.Matched)
	p.Repeated, p.Jobs, p.Takes = p.Count(plan.Repeated), p.Count(len(plan.Jobs)), plan.Takes()
	for _, j := range plan.Jobs {
		switch {
		case j.Method.Idempotent():
		case len(p.Careful) == carefulJobs:
			p.More++
		default:
			p.Careful = append(p.Careful, carefulJob{jobAddress(j.ID, ""), p.fit(cron.MaskURL(j.Title), rowTitle), j.Method.String(), p.Count(j.Runs)})
		}
	}
	if len(plan.Runs) == 0 {
		p.Problem = p.labels.Label("again.none")
	}
	return nil
}

// Path is where the form is sent, and Fields are the filter in it.
func (p *rerunsPage) Path() string { return p.Query.path() + "/again" }

// CarefulError says that the word of the person is missing.
func (p *rerunsPage) CarefulError() string { return p.Form.errors["careful"] }

// Back is the list.
func (p *rerunsPage) Back() string { return p.Query.with() }

// Kept are the conditions of the filter, as pairs of a name and a value.
func (p *rerunsPage) Kept() (list [][2]string) {
	for name, values := range p.Query.values {
		for _, value := range values {
			list = append(list, [2]string{name, value})
		}
	}
	slices.SortFunc(list, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return list
}

// rerun repeats what the filter selects. Methods that are not idempotent need a word of the person.
func rerun(v *visit) error {
	p, err := v.rerunsPage(v.r.PostForm)
	if err != nil {
		return err
	}
	switch {
	case p.Problem != "" || p.Form.Wrong():
		return v.render(http.StatusUnprocessableEntity, "runs-again", &p)
	case len(p.Careful) > 0 && v.form("careful") == "":
		p.Form.errors["careful"] = p.labels.Label("again.careful-needed")
		return v.render(http.StatusUnprocessableEntity, "runs-again", &p)
	}
	made, err := v.web.service.Rerun(v.ctx(), v.actor, &p.Plan)
	if err != nil {
		return err
	}
	if len(made.Runs) == 0 {
		p.Problem = p.labels.Label("again.none")
		return v.render(http.StatusConflict, "runs-again", &p)
	}
	return v.redirect(runsAddress(p.Query.JobID, "kind", cron.RecordRerun.String(), "done", "runs-again"))
}

// cancelReruns takes back the runs that repeat others and wait.
func cancelReruns(v *visit) error {
	if _, err := v.web.service.CancelReruns(v.ctx(), v.actor); err != nil {
		return err
	}
	return v.after(pathRuns, "reruns-cancelled")
}
