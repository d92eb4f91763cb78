package web

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// The list of jobs is narrowed by buttons of its search form, each with a token of the search as its value. They are sent along with
// what was typed, and the browser is led to the address of the search that results.

// The names of those buttons.
const (
	toggleToken = "toggle" // adds a token, or takes it away when it is there
	invertToken = "invert" // selects the other jobs instead
)

// filterChoice is a token that a search can have.
type filterChoice struct {
	Token, Label string
	Set          bool
}

// filterGroup is a menu of them.
type filterGroup struct {
	Label   string
	Choices []filterChoice
	Any     bool // one of them is set
}

// filterToken is a token that the search has.
type filterToken struct {
	Token string
	Not   bool
}

// changedSearch is the address of the search that a button of the form asks for; empty when none does.
func (p *jobsPage) changedSearch(q url.Values) string {
	toggled, inverted := q.Get(toggleToken), q.Get(invertToken)
	if toggled == "" && inverted == "" {
		return ""
	}
	s := p.Search
	words, tokens := cron.JobSearchWords(&s.Filter), cron.JobSearchTokens(&s.Filter, &p.names)
	if at := slices.Index(tokens, inverted); at >= 0 {
		if plain, not := strings.CutPrefix(inverted, "-"); not {
			tokens[at] = plain
		} else {
			tokens[at] = "-" + inverted
		}
	}
	if f, err := cron.ParseJobSearch(toggled, &p.names); err == nil { // a folder can be named by its ID
		toggled = cron.FormatJobSearch(&f, &p.names)
	}
	if at := slices.Index(tokens, toggled); at >= 0 {
		tokens = slices.Delete(tokens, at, at+1)
	} else if toggled != "" {
		tokens = append(tokens, toggled)
	}
	s.Text, s.View, s.After = strings.Join(append(words, tokens...), " "), 0, cron.JobPosition{}
	return s.address(s.After)
}

// tokens are those of the search.
func (p *jobsPage) tokens() (list []filterToken) {
	for _, token := range cron.JobSearchTokens(&p.Search.Filter, &p.names) {
		list = append(list, filterToken{token, strings.HasPrefix(token, "-")})
	}
	return list[:min(len(list), maxTokens)]
}

// maxTokens is how many tokens are shown apart from the text that has all of them.
const maxTokens = 20

// choice is a token as a button, of the criteria that have it alone.
func (p *jobsPage) choice(label string, c cron.JobCriteria) filterChoice {
	f := cron.JobFilter{JobCriteria: c}
	token := cron.FormatJobSearch(&f, &p.names)
	return filterChoice{token, label, slices.Contains(cron.JobSearchTokens(&p.Search.Filter, &p.names), token)}
}

// states are the conditions of jobs.
func (p *jobsPage) states() (list []filterChoice) {
	t := p.labels.Label
	for _, s := range []struct {
		condition cron.JobCondition
		label     string
	}{
		{cron.JobFailing, t("jobs.failing")}, {cron.JobLate, t("jobs.late")}, {cron.JobPaused, t("jobs.paused")},
		{cron.JobSilenced, t("jobs.silenced")}, {cron.JobDisabled, t("jobs.disabled")}, {cron.JobNeverRan, t("jobs.never-ran")},
		{cron.JobCertificate, t("jobs.certificate")},
	} {
		list = append(list, p.choice(s.label, cron.JobCriteria{Conditions: []cron.JobCondition{s.condition}}))
	}
	return list
}

// outcomeLabels are what the latest execution of a job came to.
var outcomeLabels = map[cron.Status]string{
	cron.StatusOK: "jobs.outcome-ok", cron.StatusDNSError: "jobs.outcome-dns", cron.StatusConnectFailed: "jobs.outcome-connect",
	cron.StatusHTTPError: "jobs.outcome-http", cron.StatusTimeout: "jobs.outcome-timeout", cron.StatusTooMuchData: "jobs.outcome-size",
	cron.StatusInvalidURL: "jobs.outcome-url", cron.StatusInternalError: "jobs.outcome-internal", cron.StatusOther: "jobs.outcome-other",
}

// OutcomeName is what the latest execution of a job came to.
func (p view) OutcomeName(s cron.Status) string {
	return p.labels.Label(cmp.Or(outcomeLabels[s], "jobs.outcome-none"))
}

// Menus offer so many values, and none that is longer. All others can be typed.
const (
	maxChoices  = 12
	maxOffered  = 100 // bytes of a token
	shownChoice = 32  // characters
)

// groups are the menus. Hosts, tags and zones are those of the jobs of the page, so that they cost nothing.
func (p *jobsPage) groups(jobs []cron.JobRecord) []filterGroup {
	t := p.labels.Label
	var outcomes, folders, tags, hosts, methods, zones []filterChoice
	failed := []cron.Status{}
	for s := cron.StatusOK + 1; s <= cron.StatusOther; s++ {
		failed = append(failed, s)
	}
	outcomes = append(outcomes, p.choice(t("jobs.outcome-failed"), cron.JobCriteria{Statuses: failed}))
	for s := cron.StatusUnknown; s <= cron.StatusOther; s++ {
		outcomes = append(outcomes, p.choice(p.OutcomeName(s), cron.JobCriteria{Statuses: []cron.Status{s}}))
	}
	folders = append(folders, p.choice(t("jobs.no-folder"), cron.JobCriteria{Folders: []int64{0}}))
	for _, f := range p.Folders {
		folders = append(folders, filterChoice{folderToken(f), cut(f.Title, shownChoice), p.InFolder(f)})
	}
	for m := cron.MethodGet; m.Valid(); m++ {
		methods = append(methods, p.choice(m.String(), cron.JobCriteria{Methods: []cron.Method{m}}))
	}
	for _, tag := range distinct(jobs, func(j *cron.JobRecord) []string { return j.Tags }) {
		tags = p.offer(tags, p.choice(tag, cron.JobCriteria{Tags: []string{tag}}))
	}
	for _, host := range distinct(jobs, func(j *cron.JobRecord) []string { return []string{cron.TargetHost(j.Request.URL)} }) {
		hosts = p.offer(hosts, p.choice(host, cron.JobCriteria{Hosts: []string{host}}))
	}
	for _, zone := range distinct(jobs, func(j *cron.JobRecord) []string { return []string{j.Schedule.Timezone} }) {
		zones = p.offer(zones, p.choice(zone, cron.JobCriteria{Timezones: []string{zone}}))
	}
	var groups []filterGroup
	for _, g := range []filterGroup{
		{Label: t("jobs.outcome"), Choices: outcomes}, {Label: t("jobs.folder"), Choices: folders}, {Label: t("jobs.tag"), Choices: tags},
		{Label: t("jobs.host"), Choices: hosts}, {Label: t("jobs.method"), Choices: methods}, {Label: t("jobs.zone"), Choices: zones},
	} {
		g.Any = slices.ContainsFunc(g.Choices, func(c filterChoice) bool { return c.Set })
		if len(g.Choices) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// offer adds a choice, unless it is too long.
func (*jobsPage) offer(list []filterChoice, c filterChoice) []filterChoice {
	if c.Label = cut(c.Label, shownChoice); len(c.Token) > maxOffered {
		return list
	}
	return append(list, c)
}

// folderToken selects the jobs of a folder. Unlike its title, the ID is short, and stays the same when it is renamed.
func folderToken(f cron.Folder) string { return "folder:#" + strconv.FormatInt(f.ID, 10) }

// InFolder tells whether the search asks for the jobs of a folder.
func (p *jobsPage) InFolder(f cron.Folder) bool {
	return slices.Contains(p.Search.Filter.Folders, f.ID)
}

// distinct are the values of jobs that occur most often, in their order.
func distinct(jobs []cron.JobRecord, values func(*cron.JobRecord) []string) []string {
	counts := map[string]int{}
	var list []string
	for i := range jobs {
		for _, value := range values(&jobs[i]) {
			if value == "" {
				continue
			}
			if counts[value]++; counts[value] == 1 {
				list = append(list, value)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b string) int { return counts[b] - counts[a] })
	list = list[:min(len(list), maxChoices)]
	slices.Sort(list)
	return list
}
