package storetest

import (
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// domain adds a domain to a page.
func (s *suite) domain(db *store.Store, p *statuspage.Page, host string) statuspage.Domain {
	s.Helper()
	d := statuspage.Domain{AccountID: p.AccountID, PageID: p.ID, Host: host, CreatedBy: "jane"}
	s.ok(db.CreateStatusDomain(s.ctx(), &d))
	return d
}

// hold lets a domain be proved, if none of others is in the way that keeps it.
func (s *suite) hold(db *store.Store, d statuspage.Domain) {
	s.Helper()
	_, err := db.SettleStatusDomain(s.ctx(), d, holding(db))
	s.ok(err)
}

// holding is a check that found the proof of a domain, and none of another account.
func holding(db *store.Store) store.DomainSettling {
	return func(d statuspage.Domain, _ int64) (statuspage.Domain, time.Time) {
		d.Held, d.Checked, d.Fault = db.Now().UTC().Truncate(time.Millisecond), db.Now(), statuspage.DomainFine
		return d, db.Now().Add(time.Hour)
	}
}

// held are the hosts that are held with the IDs of their pages.
func (s *suite) held(db *store.Store) map[string]int64 {
	s.Helper()
	list, err := db.HeldDomains(s.ctx())
	s.ok(err)
	held := map[string]int64{}
	for _, d := range list {
		held[d.Host] = d.PageID
	}
	return held
}

var statusDomainTests = []test{
	{"a domain is of one account, and of one page of it", func(s *suite) {
		db, account, _ := s.start()
		p, other := s.shown(db, account, 1), s.shown(db, account, 1, func(p *statuspage.Page) { p.Slug = "other" })
		stranger := NewAccount(s.T, db, "stranger@example.com", cron.PlanUnlimited)
		d := s.domain(db, &p, "status.example.com")
		list, err := db.StatusDomains(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("read", list, []statuspage.Domain{d})
		again := statuspage.Domain{AccountID: account, PageID: other.ID, Host: d.Host}
		s.refused(db.CreateStatusDomain(s.ctx(), &again), cron.Conflict, cron.SubjectDomain)
		foreign := statuspage.Domain{AccountID: stranger.ID, PageID: p.ID, Host: "x.example.com"}
		s.missing(db.CreateStatusDomain(s.ctx(), &foreign), cron.SubjectStatusPage)
		s.missing(second(db.StatusDomains(s.ctx(), stranger.ID, p.ID)), cron.SubjectStatusPage)
		s.missing(second(db.StatusDomain(s.ctx(), stranger.ID, p.ID, d.ID)), cron.SubjectDomain)
		s.missing(second(db.StatusDomain(s.ctx(), account, other.ID, d.ID)), cron.SubjectDomain)
		s.missing(db.DeleteStatusDomain(s.ctx(), stranger.ID, p.ID, d.ID), cron.SubjectStatusPage)
		s.missing(db.DeleteStatusDomain(s.ctx(), account, other.ID, d.ID), cron.SubjectDomain)
		s.ok(db.DeleteStatusDomain(s.ctx(), account, p.ID, d.ID))
		s.missing(second(db.SettleStatusDomain(s.ctx(), d, holding(db))), cron.SubjectDomain)
	}},
	{"nodes and visitors are told which domains are held", func(s *suite) {
		db, account, _ := s.start()
		p, other := s.shown(db, account, 1), s.shown(db, account, 1, func(p *statuspage.Page) { p.Slug = "other" })
		first, second := s.domain(db, &p, "a.example.com"), s.domain(db, &other, "b.example.com")
		revision := int64(0)
		told := func(what string, want bool) {
			s.Helper()
			now, err := db.DomainsRevision(s.ctx())
			s.ok(err)
			s.equal(what, now > revision, want)
			revision = now
		}
		shown := func() int64 {
			e, _, err := db.StatusEntrance(s.ctx(), p.Slug)
			s.ok(err)
			return e.Revision
		}
		told("at first", true)
		s.equal("nothing is held", s.held(db), map[string]int64{})
		before := shown()
		s.hold(db, first)
		s.hold(db, second)
		told("two are held", true)
		s.equal("visitors", shown() > before, true)
		s.equal("held", s.held(db), map[string]int64{"a.example.com": p.ID, "b.example.com": other.ID})
		host, err := db.CanonicalDomain(s.ctx(), p.ID)
		s.ok(err)
		s.equal("home", host, "a.example.com")
		_, err = db.SettleStatusDomain(s.ctx(), first, func(d statuspage.Domain, _ int64) (statuspage.Domain, time.Time) {
			d.Checked, d.Fault = db.Now(), statuspage.DomainAddress
			return d, db.Now()
		})
		s.ok(err)
		host, err = db.CanonicalDomain(s.ctx(), p.ID)
		s.ok(err)
		s.equal("home of one that leads elsewhere", host, "")
		told("a warning", true)
		_, err = db.SettleStatusDomain(s.ctx(), second, func(d statuspage.Domain, _ int64) (statuspage.Domain, time.Time) { return d, db.Now() })
		s.ok(err)
		told("nothing changed", false)
		s.ok(db.UpdateStatusPage(s.ctx(), account, p.ID, func(p *statuspage.Page) error { p.Slug = "renamed"; return nil }))
		told("another slug", true)
		found, err := db.HeldDomain(s.ctx(), "a.example.com")
		s.ok(err)
		s.equal("slug", found, statuspage.HeldDomain{Host: "a.example.com", PageID: p.ID, AccountID: account, Slug: "renamed"})
		s.ok(db.DeleteStatusDomain(s.ctx(), account, p.ID, first.ID))
		told("removed", true)
		s.ok(db.DeleteStatusPage(s.ctx(), account, other.ID, func(*statuspage.Page) error { return nil }))
		told("the page is gone", true)
		s.equal("nothing is left", s.held(db), map[string]int64{})
	}},
	{"accounts that prove a host at the same time do not both hold it", func(s *suite) {
		db, account, _ := s.start()
		const host = "status.example.com"
		domains := []statuspage.Domain{}
		for n, slug := range []string{"one", "two", "three", "four"} {
			owner := account
			if n > 0 {
				owner = NewAccount(s.T, db, slug+"@example.com", cron.PlanUnlimited).ID
			}
			p := s.shown(db, owner, 1, func(p *statuspage.Page) { p.Slug = slug })
			domains = append(domains, s.domain(db, &p, host))
		}
		for range 5 {
			var running sync.WaitGroup
			errs := make([]error, len(domains))
			for n, d := range domains {
				running.Go(func() { _, errs[n] = db.SettleStatusDomain(s.ctx(), d, holding(db)) })
			}
			running.Wait()
			for _, err := range errs {
				s.ok(err)
			}
			s.equal("held", len(s.held(db)), 1)
		}
		s.setEnabled(db, account, false)
		_, err := db.HeldDomains(s.ctx())
		s.ok(err)
	}},
	{"a check that is due is claimed once", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1)
		d := s.domain(db, &p, "status.example.com")
		claim := func() int {
			list, err := db.ClaimStatusDomains(s.ctx(), 5)
			s.ok(err)
			return len(list)
		}
		s.equal("nothing is due", claim(), 0)
		s.raw().DueDomain(d.ID)
		s.equal("due", claim(), 1)
		s.equal("claimed", claim(), 0)
	}},
}
