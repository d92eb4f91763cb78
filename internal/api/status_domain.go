package api

import (
	"context"
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// statusDomain is a domain of a status page. Times are Unix seconds.
type statusDomain struct {
	DomainID  int64       `json:"domainId"`
	Host      string      `json:"host"`
	Verified  *int64      `json:"verified"` // since when the account holds it; null if it does not
	Missing   *int64      `json:"missing"`  // since when the proof of one that is verified is missing; null when it is there
	Checked   *int64      `json:"checked"`  // null before the first check
	Fault     string      `json:"fault"`
	Records   []dnsRecord `json:"records"`
	Created   int64       `json:"created"`
	CreatedBy string      `json:"createdBy"`
}

// dnsRecord is a record that a domain needs.
type dnsRecord struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

func newStatusDomain(d *service.StatusDomain) statusDomain {
	answer := statusDomain{
		DomainID: d.ID, Host: d.Host, Verified: wire.UnixOrNull(d.Held), Missing: wire.UnixOrNull(d.Missing), Checked: wire.UnixOrNull(d.Checked),
		Fault: d.Fault.String(), Records: make([]dnsRecord, len(d.Records)), Created: d.Created.Unix(), CreatedBy: d.CreatedBy,
	}
	for i, r := range d.Records {
		answer.Records[i] = dnsRecord(r)
	}
	return answer
}

func (a *api) listStatusDomains(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	list, err := a.service.StatusDomains(r.Context(), actor, pathID(r, "statusPageId"))
	if err != nil {
		return err
	}
	answer := struct {
		Domains []statusDomain `json:"domains"`
		Next    *string        `json:"next"`
	}{Domains: make([]statusDomain, len(list))}
	for i := range list {
		answer.Domains[i] = newStatusDomain(&list[i])
	}
	return reply(w, answer)
}

func (a *api) createStatusDomain(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, domainBody, "domain")
	if err != nil {
		return err
	}
	var (
		p    wire.Problems
		host string
		o    = wire.NewObject(body, "", &p)
	)
	o.Skip("domainId", "verified", "missing", "checked", "fault", "records", "created", "createdBy")
	o.Text("host", &host)
	a.tellIgnored(w, r, outer, "/domain", p.Unread())
	if err := p.Err(); err != nil {
		return cron.Under("/domain", err)
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		d, err := a.service.AddStatusDomain(ctx, actor, pathID(r, "statusPageId"), host)
		if err != nil {
			return cron.Under("/domain", err)
		}
		return reply(w, struct {
			DomainID int64 `json:"domainId"`
		}{d.ID})
	})
}

func (a *api) checkStatusDomain(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	d, err := a.service.CheckStatusDomain(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "domainId"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Domain statusDomain `json:"domain"`
	}{newStatusDomain(&d)})
}

func (a *api) deleteStatusDomain(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteStatusDomain(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "domainId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
