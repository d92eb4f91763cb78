package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// componentPage is the form of a component.
type componentPage struct {
	statusPage
	Form      form
	Component *statuspage.Component // nil for a new one
	Chosen    []jobChoice           // the jobs that are ticked
	Found     []jobChoice           // others that the search finds
	MoreFound bool                  // there are further ones
	Searched  bool
}

// jobChoice is a job that can tell the state of a component.
type jobChoice struct {
	ID    int64
	Title string
	Path  string // empty when the job is gone
	State state
}

// shownJobs is how many jobs a search shows.
const shownJobs = 20

// Action is where the form is sent.
func (p componentPage) Action() string {
	if p.Component == nil {
		return p.Path("/components/new")
	}
	return p.Path("/components/" + formatID(p.Component.ID))
}

// groupNew is the value of the field group for one that is to be made; titles of groups are trimmed.
const groupNew = " new"

// NewGroup is the value of the choice of a new group.
func (componentPage) NewGroup() string { return groupNew }

// MaxJobs is how many jobs a component may have.
func (componentPage) MaxJobs() int { return statuspage.MaxJobs }

// yesNo are the words for a box that is ticked.
var yesNo = map[string]string{"1": "form.yes"}

// componentParts are the parts of the form.
var componentParts = []formPart{
	partOf("component.title", "title"), partOf("component.text", "text"),
	{names: []string{"group", "newGroup"}, label: "component.group", kept: "component.no-group"},
	partOf("component.jobs", "job"), partOf("component.needed", "needed"),
	partOf("component.failures", "failures"), partOf("component.of", "of"), partOf("component.successes", "successes"),
	partOf("component.slow", "slowAfter"), partOf("component.percent", "percent"), partOf("component.minutes", "automatic"),
	{names: []string{"publishAutomatic"}, label: "component.publish-automatic", words: yesNo, kept: "form.no"},
}

// componentForm is the form of a component.
func componentForm(c *statuspage.Component) form {
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	f := newForm("title", c.Title, "text", c.Text, "group", c.Group, "needed", number(c.Needed), "failures", number(c.Rule.Failures), "of", number(c.Rule.Of),
		"successes", number(c.Rule.Successes), "slowAfter", number(int(c.Rule.SlowAfter/time.Millisecond)), "percent", number(c.Rule.Percent),
		"automatic", number(int(c.Automatic/time.Minute)))
	if c.PublishAutomatic {
		f.values.Set("publishAutomatic", "1")
	}
	for _, id := range c.JobIDs {
		f.values.Add("job", formatID(id))
	}
	return f
}

func newComponent(v *visit) error {
	f := componentForm(&statuspage.Component{Rule: statuspage.DefaultRule()})
	if id := parseID(v.r.URL.Query().Get("job")); id != 0 {
		f.values.Set("job", formatID(id))
	}
	return v.componentPage(http.StatusOK, f, 0)
}

func showComponent(v *visit) error {
	return v.componentPage(http.StatusOK, form{}, v.pathID("componentId"))
}

// componentPage shows the form of a component; 0 for a new one. Without values the form holds what is stored.
func (v *visit) componentPage(status int, f form, id int64) (err error) {
	p := componentPage{Form: f}
	if p.statusPage, err = v.statusPage("/components"); err != nil {
		return err
	}
	if id == 0 && !p.May("editor") {
		return needsRole(cron.RoleEditor)
	}
	if id != 0 {
		if p.Component = p.component(id); p.Component == nil {
			return cron.Missing(cron.SubjectNone)
		}
		if f.values == nil {
			p.Form = componentForm(p.Component).showing(componentParts)
			p.Form.Problem = f.Problem
		}
	}
	if err := p.chooseJobs(v); err != nil {
		return err
	}
	return v.render(status, "status-component", p)
}

// jobIDs are the jobs that are ticked in a form.
func jobIDs(f form) (ids []int64) {
	for _, text := range f.values["job"] {
		if id := parseID(text); id != 0 && !slices.Contains(ids, id) && len(ids) <= statuspage.MaxJobs {
			ids = append(ids, id)
		}
	}
	return ids
}

// chooseJobs sets the jobs to tick: those that are, and those that the search finds.
func (p *componentPage) chooseJobs(v *visit) error {
	ticked := jobIDs(p.Form)
	for _, id := range ticked {
		job, err := v.web.service.Job(v.ctx(), p.now, v.actor, id)
		switch {
		case cron.KindOf(err) == cron.NotFound:
			p.Chosen = append(p.Chosen, jobChoice{ID: id, Title: v.catalogue.Label("component.job-gone", "id", formatID(id)), State: state{"muted", "circle-slash", v.catalogue.Label("state.ended")}})
		case err != nil:
			return err
		default:
			p.Chosen = append(p.Chosen, p.jobChoice(&job))
		}
	}
	if !p.May("editor") {
		return nil
	}
	q := cron.JobQuery{Limit: shownJobs + len(ticked)}
	q.Filter.Text = strings.TrimSpace(p.Form.Value("find"))
	p.Searched = q.Filter.Text != ""
	found, err := v.web.service.SearchJobs(v.ctx(), p.now, v.actor, &q)
	if cron.KindOf(err) == cron.Invalid { // no job holds that
		return nil
	}
	if err != nil {
		return err
	}
	for i := range found.Jobs {
		if j := &found.Jobs[i]; !slices.Contains(ticked, j.ID) && len(p.Found) < shownJobs {
			p.Found = append(p.Found, p.jobChoice(j))
		}
	}
	p.MoreFound = !found.Next.IsZero()
	return nil
}

func (p *componentPage) jobChoice(j *cron.JobRecord) jobChoice {
	return jobChoice{ID: j.ID, Title: oneLine(jobTitle(&j.Job), shownComponent), Path: jobAddress(j.ID, ""), State: p.JobState(j)}
}

// searching tells whether the form was sent to find jobs: by the button, or by the enter key in the field of the search.
func (v *visit) searching() bool {
	return v.form("do") == "find" || v.form("do") == "enter" && v.form("find") != v.form("found")
}

func createComponent(v *visit) error {
	if v.searching() {
		return v.componentPage(http.StatusOK, form{values: v.r.PostForm}, 0)
	}
	err := v.changeStatus(nil, func(p *statuspage.Page) bool {
		var c statuspage.Component
		v.fillComponent(p, &c)
		p.Components = append(p.Components, c)
		return true
	})
	if err != nil {
		return v.wrongComponent(err, 0)
	}
	return v.after(statusAddress(v.pathID("id"), "/components"), "component-added")
}

func changeComponent(v *visit) error {
	id := v.pathID("componentId")
	if v.searching() {
		return v.componentPage(http.StatusOK, form{values: v.r.PostForm}, id)
	}
	err := v.changeStatus(func(p *statuspage.Page) error {
		if c := componentOf(p, id); c != nil {
			return v.compare(componentParts, componentForm(c))
		}
		return nil
	}, func(p *statuspage.Page) bool {
		c := componentOf(p, id)
		if c != nil {
			v.fillComponent(p, c)
		}
		return c != nil
	})
	if f, changed := changedOf(err); changed {
		return v.componentPage(http.StatusConflict, f, id)
	}
	if err != nil {
		return v.wrongComponent(err, id)
	}
	return v.after(statusAddress(v.pathID("id"), "/components"), "saved")
}

// fillComponent takes a component from the form. A new group that it names is made.
func (v *visit) fillComponent(p *statuspage.Page, c *statuspage.Component) {
	c.Title, c.Text, c.Group = v.form("title"), v.form("text"), v.form("group")
	if c.Group == groupNew {
		c.Group = strings.TrimSpace(v.form("newGroup"))
		if c.Group != "" && !slices.ContainsFunc(p.Groups, func(g statuspage.Group) bool { return g.Title == c.Group }) {
			p.Groups = append(p.Groups, statuspage.Group{Title: c.Group})
		}
	}
	c.JobIDs = jobIDs(form{values: v.r.PostForm})
	c.Needed = v.numberField("needed")
	c.Rule = statuspage.Rule{Failures: v.numberField("failures"), Of: v.numberField("of"), Successes: v.numberField("successes"),
		SlowAfter: time.Duration(v.numberField("slowAfter")) * time.Millisecond, Percent: v.numberField("percent")}
	c.Automatic, c.PublishAutomatic = time.Duration(v.numberField("automatic"))*time.Minute, v.form("publishAutomatic") != ""
}

// componentFields are the fields of the form by the ends of the pointers of problems.
var componentFields = []struct{ part, name string }{
	{"title", "title"}, {"text", "text"}, {"group", "group"}, {"jobIds", "jobs"}, {"needed", "needed"}, {"rule/failures", "failures"}, {"rule/of", "of"},
	{"rule/successes", "successes"}, {"rule/slowAfterMs", "slowAfter"}, {"rule/percent", "percent"}, {"automaticMinutes", "automatic"},
}

// wrongComponent shows the form of a component again, with what is wrong beside the fields.
func (v *visit) wrongComponent(err error, id int64) error {
	var names []string
	for _, f := range componentFields {
		names = append(names, f.name)
	}
	err = cron.WithProblems(err, func(p *cron.Problem) {
		list, rest, _ := strings.Cut(strings.TrimPrefix(p.Pointer, "/"), "/")
		_, part, ok := strings.Cut(rest, "/") // behind the number
		switch {
		case ok && list == "groups":
			p.Pointer = "/group"
		case ok && list == "components":
			for _, f := range componentFields {
				if part == f.part || strings.HasPrefix(part, f.part+"/") {
					p.Pointer = "/" + f.name
				}
			}
		}
	})
	f, status, err := v.rejected(err, names...)
	if err != nil {
		return err
	}
	return v.componentPage(status, f, id)
}
