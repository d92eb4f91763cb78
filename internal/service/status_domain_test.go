package service_test

import (
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
	"punctual/internal/store/storetest"
	"punctual/test/nameserver"
)

// domainWorld has two accounts with a page each, and a name server.
type domainWorld struct {
	*world
	dns          *nameserver.Server
	mine, theirs cron.Actor
	page, other  statuspage.Page
}

func newDomainWorld(t *testing.T) *domainWorld {
	d := &domainWorld{dns: nameserver.Start(t)}
	d.world = newWorld(t, func(c *service.Config) { c.Resolver, c.OwnHosts = d.dns.Resolver(), []string{"www.cron.example.com"} })
	d.mine, d.theirs = d.member("editor@example.com", cron.RoleEditor), as(storetest.NewAccount(t, d.db, "theirs@example.com", cron.PlanDefault))
	d.page, d.other = d.world.page(d.mine, func(*statuspage.Page) {}), d.world.page(d.theirs, func(*statuspage.Page) {})
	d.dns.Addresses("cron.example.com", "192.0.2.1")
	return d
}

// add asks for a host, and returns it with its token.
func (d *domainWorld) add(a cron.Actor, p *statuspage.Page, host string) (domain service.StatusDomain, token string) {
	d.Helper()
	domain, err := d.AddStatusDomain(d.Context(), a, p.ID, host)
	d.ok(err)
	return domain, domain.Records[0].Value
}

// check makes the domain due and works off what is due, as nodes do.
func (d *domainWorld) check(domains ...service.StatusDomain) {
	d.Helper()
	raw, err := storetest.Connect(d.options)
	d.ok(err)
	defer func() { _ = raw.Close() }()
	for _, of := range domains {
		_, err = raw.Exec(`UPDATE status_domain SET due_at = 1 WHERE id = $1`, of.ID)
		d.ok(err)
		for more := true; more; {
			more, err = d.WorkStatusDomains(d.Context())
			d.ok(err)
		}
	}
}

// is compares what a domain is with what it is to be.
func (d *domainWorld) is(a cron.Actor, of service.StatusDomain, held bool, fault statuspage.DomainFault) statuspage.Domain {
	d.Helper()
	list, err := d.StatusDomains(d.Context(), a, of.PageID)
	d.ok(err)
	for i := range list {
		if list[i].ID == of.ID {
			if list[i].Held.IsZero() == held || list[i].Fault != fault {
				d.Errorf("%s: held since %v with the fault %v, want %v and %v", of.Host, list[i].Held, list[i].Fault, held, fault)
			}
			return list[i].Domain
		}
	}
	d.Fatalf("%s is gone", of.Host)
	return statuspage.Domain{}
}

// checksNoted are the changes of a domain in the audit log of an account that the service made by itself.
func (d *domainWorld) checksNoted(accountID, domainID int64) (changes []string) {
	d.Helper()
	list, _, err := d.db.Audit(d.Context(), cron.AuditFilter{AccountID: accountID}, 100)
	d.ok(err)
	for _, e := range list {
		if e.Action == "statuspage.domain.check" && e.ObjectID == domainID {
			changes = append(changes, e.Changes...)
			if e.Actor != "the service" || e.Way != cron.WayService || e.Title != "status.example.net" || e.PersonID != 0 || e.Address != "" {
				d.Errorf("the log has %+v", e)
			}
		}
	}
	return changes
}

// TestDomainProof has each thing that a name server can answer.
func TestDomainProof(t *testing.T) {
	d := newDomainWorld(t)
	const host = "status.example.net"
	of, token := d.add(d.mine, &d.page, host)
	if want := []service.DomainRecord{{"TXT", "_punctual." + host, token}, {"CNAME", host, "cron.example.com"}}; !slices.Equal(of.Records, want) {
		t.Fatalf("the records are %v", of.Records)
	}
	proof := statuspage.ProofName(host)
	d.check(of)
	d.is(d.mine, of, false, statuspage.DomainNoRecord)
	d.dns.Break(proof, true)
	d.check(of)
	d.is(d.mine, of, false, statuspage.DomainUnknown)
	d.dns.Break(proof, false)
	d.dns.Texts(proof, "v=spf1", token+"x")
	d.check(of)
	d.is(d.mine, of, false, statuspage.DomainOther)
	d.dns.Texts(proof, "v=spf1", " "+token)
	d.check(of)
	d.is(d.mine, of, true, statuspage.DomainNoAddress)
	d.dns.Addresses(host, "192.0.2.9")
	d.check(of)
	d.is(d.mine, of, true, statuspage.DomainAddress)
	d.dns.Addresses(host, "192.0.2.9", "192.0.2.1")
	d.check(of)
	d.is(d.mine, of, true, statuspage.DomainFine)
	d.dns.Addresses(host)
	d.dns.Alias(host, "cron.example.com")
	d.check(of)
	d.is(d.mine, of, true, statuspage.DomainFine)

	d.dns.Texts(proof)
	d.check(of)
	if now := d.is(d.mine, of, true, statuspage.DomainNoRecord); now.Missing.IsZero() {
		t.Error("the proof is not missing")
	}
	d.dns.Break(proof, true)
	d.check(of)
	d.is(d.mine, of, true, statuspage.DomainUnknown)
	d.dns.Break(proof, false)
	raw, err := storetest.Connect(d.options)
	d.ok(err)
	defer func() { _ = raw.Close() }()
	_, err = raw.Exec(`UPDATE status_domain SET missing_at = $1`, d.db.Now().Add(-statuspage.DomainKept).UnixMilli())
	d.ok(err)
	d.check(of)
	d.is(d.mine, of, false, statuspage.DomainNoRecord)
	if changes := d.checksNoted(d.mine.Account.ID, of.ID); !slices.Equal(changes, []string{"/verified", "/verified"}) {
		t.Errorf("that the host was got and released is not in the log once each: %q", changes)
	}
}

// TestDomainTakeover has two accounts that ask for one host.
func TestDomainTakeover(t *testing.T) {
	const host = "status.example.net"
	for _, tt := range []struct {
		name         string
		proofs       func(mine, theirs string) []string // after the first account has got the host
		mine, theirs bool
		faults       [2]statuspage.DomainFault
	}{
		{"both prove it", func(mine, theirs string) []string { return []string{mine, theirs} }, true, false,
			[2]statuspage.DomainFault{statuspage.DomainFine, statuspage.DomainTaken}},
		{"the holder's proof is gone", func(_, theirs string) []string { return []string{theirs} }, false, true,
			[2]statuspage.DomainFault{statuspage.DomainTaken, statuspage.DomainFine}},
		{"both are gone", func(string, string) []string { return nil }, true, false,
			[2]statuspage.DomainFault{statuspage.DomainFine, statuspage.DomainNoRecord}},
		{"only the holder proves it", func(mine, _ string) []string { return []string{mine} }, true, false,
			[2]statuspage.DomainFault{statuspage.DomainFine, statuspage.DomainOther}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDomainWorld(t)
			first, mine := d.add(d.mine, &d.page, host)
			second, theirs := d.add(d.theirs, &d.other, host)
			if mine == theirs {
				t.Fatal("two accounts have one token")
			}
			d.dns.Addresses(host, "192.0.2.1")
			d.dns.Texts(statuspage.ProofName(host), mine)
			d.check(first)
			d.is(d.mine, first, true, statuspage.DomainFine)
			d.dns.Texts(statuspage.ProofName(host), tt.proofs(mine, theirs)...)
			before, err := d.db.DomainsRevision(t.Context())
			d.ok(err)
			d.check(second)
			d.is(d.mine, first, tt.mine, tt.faults[0])
			d.is(d.theirs, second, tt.theirs, tt.faults[1])
			held, err := d.db.HeldDomains(t.Context())
			d.ok(err)
			owner := d.page.ID
			if tt.theirs {
				owner = d.other.ID
			}
			if len(held) != 1 || held[0].Host != host || held[0].PageID != owner {
				t.Errorf("held are %+v", held)
			}
			after, err := d.db.DomainsRevision(t.Context())
			d.ok(err)
			if (after > before) != tt.theirs && tt.theirs {
				t.Error("nodes are not told")
			}
			want := []string{"/verified"} // when the first account got it
			if tt.theirs {
				want = append(want, "/verified")
			}
			if changes := d.checksNoted(d.mine.Account.ID, first.ID); !slices.Equal(changes, want) {
				t.Errorf("the log of the first account has %q", changes)
			}
			if changes := d.checksNoted(d.theirs.Account.ID, second.ID); (len(changes) == 1) != tt.theirs {
				t.Errorf("the log of the second account has %q", changes)
			}
		})
	}
}

// TestDomainLimits has what an account cannot ask for.
func TestDomainLimits(t *testing.T) {
	d := newDomainWorld(t)
	ctx := t.Context()
	add := func(host string) error {
		_, err := d.AddStatusDomain(ctx, d.theirs, d.other.ID, host)
		return err
	}
	for _, own := range []string{"cron.example.com", "WWW.cron.example.com."} {
		d.fails(add(own), cron.Invalid, cron.RuleDomainOwn)
	}
	d.fails(add("*.example.net"), cron.Invalid, cron.RuleDomain)
	for _, host := range []string{"a.example.net", "b.example.net", "c.example.net"} {
		d.ok(add(host))
	}
	d.fails(add("d.example.net"), cron.TooMany, cron.RuleNone)
	list, err := d.StatusDomains(ctx, d.theirs, d.other.ID)
	d.ok(err)
	d.ok(d.DeleteStatusDomain(ctx, d.theirs, d.other.ID, list[0].ID))
	d.fails(add("b.example.net"), cron.Conflict, cron.RuleNone)
	d.fails(d.DeleteStatusDomain(ctx, d.mine, d.other.ID, list[1].ID), cron.NotFound, cron.RuleNone)
	_, err = d.CheckStatusDomain(ctx, d.mine, d.page.ID, list[1].ID)
	d.fails(err, cron.NotFound, cron.RuleNone)

	after, err := d.CheckStatusDomain(ctx, d.theirs, d.other.ID, list[1].ID)
	d.ok(err)
	if after.Fault != statuspage.DomainNoRecord || after.Checked.IsZero() {
		t.Errorf("checked: %+v", after)
	}
	asked := d.dns.Asked(statuspage.ProofName(list[1].Host))
	again := 0
	for range 5 { // one of them may fall into another window
		if _, err := d.CheckStatusDomain(ctx, d.theirs, d.other.ID, list[1].ID); err == nil {
			again++
		} else {
			d.fails(err, cron.TooMany, cron.RuleDomainCheck)
		}
	}
	if again > 1 || d.dns.Asked(statuspage.ProofName(list[1].Host)) != asked+again {
		t.Errorf("%d checks in a row went through", again)
	}

	local := newWorld(t, func(c *service.Config) { c.PublicURL = "" })
	editor := local.member("editor@example.com", cron.RoleEditor)
	p := local.page(editor, func(*statuspage.Page) {})
	_, err = local.AddStatusDomain(ctx, editor, p.ID, "status.example.net")
	local.fails(err, cron.Invalid, cron.RuleDomainsOff)
}

// TestOrderCertificate counts orders, and refuses them for hosts that nobody holds.
func TestOrderCertificate(t *testing.T) {
	d := newDomainWorld(t)
	ctx := t.Context()
	of, token := d.add(d.mine, &d.page, "status.example.net")
	d.fails(d.OrderCertificate(ctx, of.Host), cron.NotFound, cron.RuleNone)
	d.dns.Texts(statuspage.ProofName(of.Host), token)
	d.check(of)
	d.fails(d.OrderCertificate(ctx, "other.example.net"), cron.NotFound, cron.RuleNone)
	allowed := 0
	for range 20 {
		if d.OrderCertificate(ctx, of.Host) == nil {
			allowed++
		}
	}
	if allowed < 2 || allowed > 4 { // twice an hour, which may end meanwhile
		t.Errorf("%d orders of one host were allowed", allowed)
	}
	d.ok(d.db.UpdateAccount(ctx, d.mine.Account.ID, func(a *cron.Account) error { a.Disabled = true; return nil }))
	d.fails(d.OrderCertificate(ctx, of.Host), cron.NotFound, cron.RuleNone)
}

// TestExportOfDomains has the domains of a page in the export of the account.
func TestExportOfDomains(t *testing.T) {
	d := newDomainWorld(t)
	d.add(d.mine, &d.page, "status.example.net")
	owner := d.member("owner@example.com", cron.RoleOwner)
	var b strings.Builder
	d.ok(d.Export(t.Context(), owner, &b))
	if text := b.String(); !strings.Contains(text, `"domains":[{`) || !strings.Contains(text, `"host":"status.example.net"`) {
		t.Errorf("the export is %s", text)
	}
}

// TestStatusPassAtDomain gives members a pass for a domain of the page only.
func TestStatusPassAtDomain(t *testing.T) {
	d := newDomainWorld(t)
	of, token := d.add(d.mine, &d.page, "status.example.net")
	second := d.world.page(d.mine, func(*statuspage.Page) {})
	_, err := d.StatusPass(t.Context(), d.mine, d.page.Slug, of.Host)
	d.fails(err, cron.NotFound, cron.RuleNone)
	d.dns.Texts(statuspage.ProofName(of.Host), token)
	d.check(of)
	pass, err := d.StatusPass(t.Context(), d.mine, d.page.Slug, of.Host)
	d.ok(err)
	_, err = d.TakeStatusPass(t.Context(), d.page.ID, pass)
	d.ok(err)
	_, err = d.StatusPass(t.Context(), d.mine, second.Slug, of.Host)
	d.fails(err, cron.NotFound, cron.RuleNone)
	_, err = d.StatusPass(t.Context(), d.mine, d.page.Slug, "evil.example.net")
	d.fails(err, cron.NotFound, cron.RuleNone)
}
