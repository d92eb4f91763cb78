package web

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"punctual/internal/cron"
)

const (
	pathAudit = root + "/settings/audit"
	auditPage = 50 // entries of a page
)

func (w *web) auditRoutes() []route {
	return []route{{"GET", pathAudit, signedIn, showAudit}}
}

// auditLogPage shows who did what. Its address holds the filter and the page.
type auditLogPage struct {
	view
	Form    form
	Entries []auditRow
	People  []cron.Membership
	Older   string // the address of the next page; empty at the end
	Newest  string // the address of the first page; empty there
	Empty   bool   // the filter is
}

// auditRow is an entry with the name of the way by which it was done.
type auditRow struct {
	cron.AuditEntry
	WayName string
}

// auditObjects are what the list of the filter offers, each the beginning of actions.
var auditObjects = []string{"job.", "folder.", "run.", "key.", "person.", "member.", "invitation.", "session.", "account.", "tls."}

func showAudit(v *visit) error {
	p := auditLogPage{Form: form{values: v.r.URL.Query(), errors: map[string]string{}}}
	var err error
	if p.view, err = v.view("audit"); err != nil {
		return err
	}
	if p.People, err = v.web.service.People(v.ctx(), v.actor); err != nil {
		return err
	}
	filter := p.filter(v)
	entries, next, err := v.web.service.Audit(v.ctx(), v.actor, filter, auditPage)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p.Entries = append(p.Entries, auditRow{e, v.auditWay(e.Way)})
	}
	if next != 0 {
		p.Older = p.address(strconv.FormatInt(next, 10))
	}
	if filter.Before != 0 {
		p.Newest = p.address("")
	}
	p.Empty = p.address("") == pathAudit
	status := http.StatusOK
	if p.Form.Wrong() {
		status = http.StatusUnprocessableEntity
	}
	return v.render(status, "audit", p)
}

// filter reads the filter of the address.
func (p *auditLogPage) filter(v *visit) cron.AuditFilter {
	f := cron.AuditFilter{
		AccountID: v.actor.Account.ID, PersonID: parseID(p.Form.Value("person")), KeyID: parseID(p.Form.Value("key")),
		Action: p.Form.Value("action"), Before: parseID(p.Form.Value("before")),
	}
	day := func(name string) time.Time {
		text := p.Form.Value(name)
		if text == "" {
			return time.Time{}
		}
		at, err := time.ParseInLocation(time.DateOnly, text, p.zone)
		if err != nil {
			p.Form.errors[name] = v.catalogue.Problem(cron.Problem{Rule: cron.RuleDate, Given: text})
		}
		return at
	}
	f.From = day("from")
	if last := day("to"); !last.IsZero() {
		f.To = last.AddDate(0, 0, 1) // that day is included
	}
	return f
}

// address is the address of a page of the same filter.
func (p *auditLogPage) address(before string) string {
	q := url.Values{}
	for _, name := range []string{"person", "key", "action", "from", "to"} {
		if value := p.Form.Value(name); value != "" {
			q.Set(name, value)
		}
	}
	if before != "" {
		q.Set("before", before)
	}
	if len(q) == 0 {
		return pathAudit
	}
	return pathAudit + "?" + q.Encode()
}

// Objects are the beginnings of actions that the list of the filter offers.
func (auditLogPage) Objects() []string { return auditObjects }

// ObjectName says what actions that begin like that are about.
func (p auditLogPage) ObjectName(beginning string) string {
	switch beginning {
	case "job.":
		return p.labels.Label("audit.jobs")
	case "folder.":
		return p.labels.Label("audit.folders")
	case "run.":
		return p.labels.Label("audit.runs")
	case "key.":
		return p.labels.Label("audit.keys")
	case "person.":
		return p.labels.Label("audit.persons")
	case "member.":
		return p.labels.Label("audit.members")
	case "invitation.":
		return p.labels.Label("audit.invitations")
	case "session.":
		return p.labels.Label("audit.sessions")
	case "tls.":
		return p.labels.Label("audit.tls")
	}
	return p.labels.Label("audit.accounts")
}

// Selected tells whether an option of a list of the filter is chosen.
func (p auditLogPage) Selected(name string, value any) bool {
	switch x := value.(type) {
	case string:
		return p.Form.Value(name) == x
	case int64:
		return p.Form.Value(name) == strconv.FormatInt(x, 10)
	}
	return false
}

// auditWay says by which way something was done.
func (v *visit) auditWay(way string) string {
	switch way {
	case cron.WayConsole:
		return v.catalogue.Label("audit.way-console")
	case cron.WayAPI:
		return v.catalogue.Label("audit.way-api")
	case cron.WayCommand:
		return v.catalogue.Label("audit.way-command")
	}
	return v.catalogue.Label("audit.way-service")
}
