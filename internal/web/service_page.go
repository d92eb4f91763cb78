package web

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"punctual/internal/cron"
)

const pathService = root + "/settings/service"

func (w *web) serviceRoutes() []route {
	return []route{
		{"GET", pathService, signedIn, showService},
		{"POST", pathService + "/test-mail", signedIn, testMail},
	}
}

// About is what operators see of the settings of the service that are in effect. Those that are empty are not configured.
type About struct {
	Version, Zones                               string // the release of the program, and of the time zone data
	DataDir                                      string
	PostgreSQL                                   bool // and not SQLite in the data directory
	Listen, PublicURL                            string
	MailServer, MailFrom                         string // of the server, its address without user and password
	SignUp                                       string // "open" or "closed"
	Issuers                                      []string
	SessionIdle, SessionLifetime, AuditRetention time.Duration
	Slots, HostSlots                             int           // executions in flight, on this node and to one host
	Drain                                        time.Duration // for which a stop waits for them
	Proxies, AllowTargets, DenyTargets           []string      // addresses and ranges
	EgressProxy, EgressResolver, EgressCA        string        // how executions leave; the URL of the proxy is masked
	EgressSources, EgressNoProxy                 []string
	EgressProxyResolves                          bool // the proxy resolves the names of targets
}

// fact is a setting as the page shows it.
type fact struct{ Label, Value string }

// Name is the label without the flag of the setting.
func (f fact) Name() string {
	name, _, _ := strings.Cut(f.Label, " (--")
	return name
}

// Flag is the flag of the setting in brackets, which no line breaks; empty for none.
func (f fact) Flag() string { return strings.TrimPrefix(strings.TrimPrefix(f.Label, f.Name()), " ") }

// facts are the settings in words.
func (v *visit) facts(p *view) []fact {
	t, a := v.catalogue.Label, v.web.about
	configured := func(text string) string { return cmp.Or(text, t("about.none")) }
	signUp := t("about.closed")
	if a.SignUp == "open" {
		signUp = t("about.open")
	}
	resolver := t("about.resolved-here")
	if a.EgressProxyResolves {
		resolver = t("about.resolved-by-proxy")
	}
	return []fact{
		{t("about.version"), a.Version},
		{t("about.zones"), a.Zones},
		{t("about.database"), v.databaseName()},
		{t("about.listen"), a.Listen},
		{t("about.public-url"), configured(a.PublicURL)},
		{t("about.smtp"), configured(a.MailServer)},
		{t("about.mail-from"), configured(a.MailFrom)},
		{t("about.signup"), signUp},
		{t("about.oidc"), configured(strings.Join(a.Issuers, ", "))},
		{t("about.session-idle"), v.span(a.SessionIdle)},
		{t("about.session-lifetime"), v.span(a.SessionLifetime)},
		{t("about.audit-retention"), v.span(a.AuditRetention)},
		{t("about.slots"), p.Count(a.Slots)},
		{t("about.host-slots"), p.Count(a.HostSlots)},
		{t("about.drain"), p.Duration(a.Drain)},
		{t("about.proxies"), configured(strings.Join(a.Proxies, ", "))},
		{t("about.allow-targets"), configured(strings.Join(a.AllowTargets, ", "))},
		{t("about.deny-targets"), configured(strings.Join(a.DenyTargets, ", "))},
		{t("about.egress-proxy"), configured(a.EgressProxy)},
		{t("about.egress-no-proxy"), configured(strings.Join(a.EgressNoProxy, ", "))},
		{t("about.egress-proxy-resolves"), resolver},
		{t("about.egress-source"), configured(strings.Join(a.EgressSources, ", "))},
		{t("about.egress-resolver"), configured(a.EgressResolver)},
		{t("about.egress-ca"), configured(a.EgressCA)},
	}
}

// span is a duration in days, or in its usual form when it is none of some days.
func (v *visit) span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day && d%day == 0 {
		return v.catalogue.Label("about.days", "count", int64(d/day))
	}
	return d.String()
}

// servicePage shows operators the settings of the service, which are those of its command line.
type servicePage struct {
	view
	Form  form
	Facts []fact
	Mail  bool
	Sent  string // the address to which a test mail was just sent
}

func showService(v *visit) error { return v.servicePage(http.StatusOK, servicePage{}) }

func (v *visit) servicePage(status int, p servicePage) error {
	var err error
	if p.view, err = v.view("service"); err != nil {
		return err
	}
	if !p.Person.Operator {
		return errOperatorOnly
	}
	p.Facts, p.Mail = v.facts(&p.view), v.web.about.MailServer != ""
	if p.Form.values == nil {
		p.Form = newForm("to", p.Person.Email)
	}
	return v.render(status, "service", p)
}

func testMail(v *visit) error {
	err := v.web.service.TestMail(v.ctx(), v.actor, v.form("to"))
	if fault, ok := errors.AsType[*cron.MailError](err); ok {
		v.web.logger.WarnContext(v.ctx(), "a test mail could not be sent", slog.Any("error", err))
		f := newForm("to", v.form("to"))
		f.Problem = v.catalogue.Mail(fault)
		return v.servicePage(http.StatusUnprocessableEntity, servicePage{Form: f})
	}
	if err != nil {
		f, status, err := v.rejected(err, "to")
		if err != nil {
			return err
		}
		return v.servicePage(status, servicePage{Form: f})
	}
	return v.servicePage(http.StatusOK, servicePage{Sent: v.form("to")})
}
