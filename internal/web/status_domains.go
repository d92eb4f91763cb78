package web

import (
	"net/http"
	"net/url"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
)

// statusDomainsPage shows the domains of a status page, and what to enter at the DNS provider.
type statusDomainsPage struct {
	statusPage
	Form    form // of a new one
	Problem form // with what was done to one
	Domains []domainCard
}

// domainCard is a domain of a status page.
type domainCard struct {
	ID       string
	Host     string
	Path     string // below which its forms are
	Visit    string // the address of the page there; empty while it is not shown there
	State    state
	Says     string // what the last check found, and what to do
	Checked  time.Time
	Releases time.Time // when it is released if the record stays away; zero for never
	Records  []service.DomainRecord
}

func showStatusDomains(v *visit) error {
	return v.statusDomains(http.StatusOK, statusDomainsPage{Form: newForm()})
}

func (v *visit) statusDomains(status int, p statusDomainsPage) (err error) {
	if p.statusPage, err = v.statusPage("/settings"); err != nil {
		return err
	}
	list, err := v.web.service.StatusDomains(v.ctx(), v.actor, p.Status.ID)
	if err != nil {
		return err
	}
	for i := range list {
		p.Domains = append(p.Domains, v.domainCard(&p, &list[i]))
	}
	return v.render(status, "status-domains", p)
}

func (v *visit) domainCard(p *statusDomainsPage, d *service.StatusDomain) domainCard {
	t := v.catalogue.Label
	c := domainCard{ID: formatID(d.ID), Host: d.Host, Path: p.Path("/domains/" + formatID(d.ID)), Checked: d.Checked, Records: d.Records}
	held := !d.Held.IsZero()
	switch {
	case held && d.Fault == statuspage.DomainFine:
		c.State = state{"good", "circle-check", t("status-domain.verified")}
	case held:
		c.State = state{"warn", "triangle-alert", t("status-domain.verified")}
	case d.Checked.IsZero():
		c.State = state{"muted", "clock", t("status-domain.new")}
	default:
		c.State = state{"bad", "circle-x", t("status-domain.not-verified")}
	}
	if held {
		c.Visit = v.domainAddress(d.Host, "/")
	}
	if !d.Checked.IsZero() {
		c.Says = t(domainFaults[d.Fault], "name", statuspage.ProofName(d.Host), "host", d.Host)
	}
	if held && !d.Missing.IsZero() {
		c.Releases = d.Missing.Add(statuspage.DomainKept)
	}
	return c
}

// domainFaults are the labels of what a check found.
var domainFaults = map[statuspage.DomainFault]string{
	statuspage.DomainFine: "status-domain.fine", statuspage.DomainNoRecord: "status-domain.no-record", statuspage.DomainOther: "status-domain.other-record",
	statuspage.DomainUnknown: "status-domain.no-answer", statuspage.DomainTaken: "status-domain.taken",
	statuspage.DomainNoAddress: "status-domain.no-address", statuspage.DomainAddress: "status-domain.other-address",
}

// domainAddress is an address on a domain of a status page, which is reached as the console is: by the same scheme and port.
func (v *visit) domainAddress(host, path string) string {
	u, err := url.Parse(v.baseURL())
	if err != nil {
		return "https://" + host + path
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	return u.Scheme + "://" + host + path
}

func addStatusDomain(v *visit) error {
	_, err := v.web.service.AddStatusDomain(v.ctx(), v.actor, v.pathID("id"), v.form("host"))
	if err != nil {
		f, status, err := v.rejected(err, "host")
		if err != nil {
			return err
		}
		return v.statusDomains(status, statusDomainsPage{Form: f})
	}
	return v.after(statusAddress(v.pathID("id"), "/domains"), "domain-added")
}

func checkStatusDomain(v *visit) error {
	_, err := v.web.service.CheckStatusDomain(v.ctx(), v.actor, v.pathID("id"), v.pathID("domainId"))
	return v.afterDomain(err, "domain-checked")
}

func deleteStatusDomain(v *visit) error {
	return v.afterDomain(v.web.service.DeleteStatusDomain(v.ctx(), v.actor, v.pathID("id"), v.pathID("domainId")), "removed")
}

// afterDomain shows the domains again, with what came of a form.
func (v *visit) afterDomain(err error, what string) error {
	if err != nil && cron.KindOf(err) != cron.NotFound {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.statusDomains(status, statusDomainsPage{Form: newForm(), Problem: f})
	}
	if err != nil {
		return err
	}
	return v.after(statusAddress(v.pathID("id"), "/domains"), what)
}
