package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
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
	Keys    []cron.APIKey
	pages
	Empty bool // the filter is
}

// auditRow is an entry in words.
type auditRow struct {
	cron.AuditEntry
	Did     string
	WayName string
}

// auditObjects are what the list of the filter offers, each the beginning of actions.
var auditObjects = []string{"job.", "folder.", "key.", "tls.", "secret.", "channel.", "sign-in", "session.", "person.", "member.", "invitation.", "account."}

func showAudit(v *visit) error {
	p := auditLogPage{Form: form{values: v.r.URL.Query(), errors: map[string]string{}}}
	var err error
	if p.view, err = v.view("audit"); err != nil {
		return err
	}
	if p.People, err = v.web.service.People(v.ctx(), v.actor); err != nil {
		return err
	}
	if p.Keys, err = v.web.service.APIKeys(v.ctx(), v.actor); err != nil {
		return err
	}
	filter := p.filter(v)
	entries, next, err := v.web.service.Audit(v.ctx(), v.actor, filter, auditPage)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p.Entries = append(p.Entries, auditRow{e, v.actionName(e.Action), v.auditWay(e.Way)})
	}
	if next != 0 {
		p.NextPage = p.address(strconv.FormatInt(next, 10))
	}
	if filter.Before != 0 {
		p.FirstPage = p.address("")
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
	f := cron.AuditFilter{AccountID: v.actor.Account.ID, Action: p.Form.Value("action"), Before: parseID(p.Form.Value("before"))}
	switch kind, id, _ := strings.Cut(p.Form.Value("who"), "-"); kind {
	case "person":
		f.PersonID = parseID(id)
	case "key":
		f.KeyID = parseID(id)
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
	for _, name := range []string{"who", "action", "from", "to"} {
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
	case "key.":
		return p.labels.Label("audit.keys")
	case "person.":
		return p.labels.Label("audit.persons")
	case "member.":
		return p.labels.Label("audit.members")
	case "invitation.":
		return p.labels.Label("audit.invitations")
	case "sign-in":
		return p.labels.Label("audit.sign-ins")
	case "session.":
		return p.labels.Label("audit.sessions")
	case "tls.":
		return p.labels.Label("audit.tls")
	case "secret.":
		return p.labels.Label("audit.secrets")
	case "channel.":
		return p.labels.Label("audit.channels")
	}
	return p.labels.Label("audit.accounts")
}

// Chosen tells whether an option of a list of the filter is chosen. The value is what is before an ID, and the ID.
func (p auditLogPage) Chosen(name, value string, id int64) bool {
	if id != 0 {
		value += strconv.FormatInt(id, 10)
	}
	return p.Form.Value(name) == value
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
