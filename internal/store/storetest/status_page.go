package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// statusPage adds a published page, after edits to it.
func (s *suite) statusPage(db *store.Store, account int64, edits ...func(*statuspage.Page)) statuspage.Page {
	s.Helper()
	p := statuspage.NewPage()
	before := p
	p.AccountID, p.Title, p.Published = account, "Systems", true
	for _, edit := range edits {
		edit(&p)
	}
	s.ok(p.Accept(&before))
	s.ok(db.CreateStatusPage(s.ctx(), &p))
	return p
}

// component adds a component of jobs to a page.
func component(title string, jobs ...int64) func(*statuspage.Page) {
	return func(p *statuspage.Page) {
		p.Components = append(p.Components, statuspage.Component{Title: title, JobIDs: jobs, Rule: statuspage.DefaultRule()})
	}
}

// editPage edits a page as people do.
func (s *suite) editPage(db *store.Store, p statuspage.Page, change func(*statuspage.Page)) error {
	return db.UpdateStatusPage(s.ctx(), p.AccountID, p.ID, func(p *statuspage.Page) error {
		before := p.Clone()
		change(p)
		return p.Accept(&before)
	})
}

// types lists the types of jobs of an account.
func (s *suite) types(db *store.Store, account int64, jobs ...int64) (types []cron.JobType) {
	s.Helper()
	for _, id := range jobs {
		types = append(types, s.record(db, account, id).Type)
	}
	return types
}

var statusPageTests = []test{
	{"what is saved is read", func(s *suite) {
		db, account, _ := s.start()
		j, k := s.job(db, account), s.job(db, account)
		p := s.statusPage(db, account, component("Website", j.ID, k.ID), component("By hand"), func(p *statuspage.Page) {
			p.Slug, p.Text, p.Accent, p.Theme, p.Timezone, p.Language = "systems", "All *of* it", "#0a1b2c", statuspage.ThemeDark, "Europe/Berlin", "de"
			p.Days, p.Access, p.PasswordHash, p.Networks = 365, statuspage.AccessPassword, "hash", []string{"192.0.2.0/24"}
			p.Announcement, p.AnnouncedUntil, p.WithMaintenance, p.UpdatedBy = "Soon", db.Now().Add(1000e9), true, "jane"
			p.Groups = []statuspage.Group{{Title: "Europe", Text: "EU", Fold: statuspage.FoldHealthy}, {Title: "Asia"}}
			p.Components[0].Group, p.Components[0].Text, p.Components[0].Needed = "Europe", "www", 1
			p.Components[0].Rule = statuspage.Rule{Failures: 1, Of: 4, Successes: 3, SlowAfter: 1500e6, Percent: 50}
			p.Components[0].Automatic, p.Components[0].PublishAutomatic = 300e9, true
		})
		got, err := db.StatusPage(s.ctx(), account, p.ID)
		s.ok(err)
		p.HasPassword = true
		s.equal("page", got, p)
		public, err := db.PublicStatusPage(s.ctx(), p.ID)
		s.ok(err)
		s.equal("page of visitors", public, p)
		list, err := db.StatusPages(s.ctx(), account)
		s.ok(err)
		s.equal("pages", list, []statuspage.Page{p})
		entrance, hash, err := db.StatusEntrance(s.ctx(), "systems")
		s.ok(err)
		s.equal("hash", hash, "hash")
		s.equal("networks", fmt.Sprint(entrance.Networks), "[192.0.2.0/24]")
		entrance.Networks = nil
		s.equal("entrance", entrance, statuspage.Entrance{PageID: p.ID, AccountID: account, Slug: "systems", Revision: p.Revision, Published: p.Published,
			Access: statuspage.AccessPassword})
		titles, err := db.PagesOfJob(s.ctx(), account, k.ID)
		s.ok(err)
		s.equal("pages of the job", titles, []statuspage.Page{{ID: p.ID, Title: "Systems"}})
	}},
	{"visitors find pages of accounts that are not disabled", func(s *suite) {
		db, account, _ := s.start()
		p, member, stranger := s.statusPage(db, account), s.member(db, account, cron.RoleViewer), s.person(db)
		isMember := func(who int64, want bool) {
			s.Helper()
			is, err := db.IsMember(s.ctx(), account, who)
			s.ok(err)
			s.equal("member", is, want)
		}
		isMember(member.ID, true)
		isMember(stranger.ID, false)
		s.ok(s.editPage(db, p, func(p *statuspage.Page) { p.Published = false }))
		e, _, err := db.StatusEntrance(s.ctx(), p.Slug)
		s.ok(err)
		s.equal("published", e.Published, false)
		s.equal("revision", e.Revision, p.Revision+1)
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Disabled = true; return nil }))
		_, _, err = db.StatusEntrance(s.ctx(), p.Slug)
		s.missing(err, cron.SubjectStatusPage)
		_, err = db.PublicStatusPage(s.ctx(), p.ID)
		s.missing(err, cron.SubjectStatusPage)
		isMember(member.ID, false)
	}},
	{"nobody reaches the page of another account", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		p := s.statusPage(db, account)
		_, err := db.StatusPage(s.ctx(), stranger, p.ID)
		s.missing(err, cron.SubjectStatusPage)
		other := p
		other.AccountID = stranger
		s.missing(s.editPage(db, other, func(*statuspage.Page) {}), cron.SubjectStatusPage)
		s.missing(db.DeleteStatusPage(s.ctx(), stranger, p.ID, func(*statuspage.Page) error { return nil }), cron.SubjectStatusPage)
		list, err := db.StatusPages(s.ctx(), stranger)
		s.ok(err)
		s.equal("pages", len(list), 0)
	}},
	{"a page cannot have jobs and components of others", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		theirs, mine := s.job(db, stranger), s.job(db, account)
		other := s.statusPage(db, account, component("Other"))
		p := statuspage.Page{AccountID: account, Title: "x", Days: 90, Timezone: "UTC"}
		component("Mine", mine.ID)(&p)
		component("Theirs", mine.ID, theirs.ID)(&p)
		err := db.CreateStatusPage(s.ctx(), &p)
		s.equal("pointer", pointersOf(err), []string{"/components/1/jobIds/1"})
		p.Components[1].JobIDs = nil
		s.ok(db.CreateStatusPage(s.ctx(), &p))
		err = s.editPage(db, p, func(p *statuspage.Page) { p.Components[1].ID = other.Components[0].ID })
		s.equal("pointer", pointersOf(err), []string{"/components/1/componentId"})
		s.equal("types", s.types(db, stranger, theirs.ID), []cron.JobType{cron.TypeDefault})
	}},
	{"slugs are made of titles, and are different on the whole service", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		var slugs []string
		for _, owner := range []int64{account, stranger, account} {
			slugs = append(slugs, s.statusPage(db, owner, func(p *statuspage.Page) { p.Title = "Übersicht: Web & Mail" }).Slug)
		}
		s.equal("slugs", slugs, []string{"bersicht-web-mail", "bersicht-web-mail-2", "bersicht-web-mail-3"})
		p := s.statusPage(db, account)
		taken := statuspage.Page{AccountID: stranger, Title: "x", Slug: p.Slug}
		s.refused(db.CreateStatusPage(s.ctx(), &taken), cron.Conflict, cron.SubjectStatusPage)
		s.refused(s.editPage(db, p, func(p *statuspage.Page) { p.Slug = slugs[1] }), cron.Conflict, cron.SubjectStatusPage)
	}},
	{"a plan limits the pages, also of two calls at once", func(s *suite) {
		db, account, _ := s.start()
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
			a.Overrides = cron.Overrides{"maxStatusPages": 3}
			return nil
		}))
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				p := statuspage.Page{AccountID: account, Title: "x"}
				if err := db.CreateStatusPage(s.ctx(), &p); err != nil {
					s.refused(err, cron.TooMany, cron.SubjectStatusPage)
				}
			})
		}
		wg.Wait()
		list, err := db.StatusPages(s.ctx(), account)
		s.ok(err)
		s.equal("pages", len(list), 3)
	}},
	{"components keep their IDs in any order", func(s *suite) {
		db, account, _ := s.start()
		p := s.statusPage(db, account, component("a"), component("b"), component("c"))
		s.ok(s.editPage(db, p, func(p *statuspage.Page) {
			list := p.Components
			p.Components = []statuspage.Component{list[2], {Title: "new"}, list[0]}
			p.Components[2].Title = "renamed"
		}))
		got, err := db.StatusPage(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("components", len(got.Components), 3)
		s.equal("first", got.Components[0].ID, p.Components[2].ID)
		s.equal("third", got.Components[2].ID, p.Components[0].ID)
		s.equal("title", got.Components[2].Title, "renamed")
		s.equal("version", got.Version, p.Version+1)
		s.equal("revision grows", got.Revision > p.Revision, true)
	}},
	{"edits at once all count", func(s *suite) {
		db, account, _ := s.start()
		p := s.statusPage(db, account)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { s.note(s.editPage(db, p, component("x"))) })
		}
		wg.Wait()
		got, err := db.StatusPage(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("components", len(got.Components), 4)
	}},
	{"a job of any page is one of a monitor, and cannot be deleted", func(s *suite) {
		db, account, _ := s.start()
		a, b, c := s.job(db, account), s.job(db, account), s.job(db, account)
		monitor, plain := cron.TypeMonitoring, cron.TypeDefault
		p := s.statusPage(db, account, component("x", a.ID, b.ID), component("y", a.ID))
		q := s.statusPage(db, account, component("z", b.ID), func(p *statuspage.Page) { p.Title = "Second" })
		s.equal("types", s.types(db, account, a.ID, b.ID, c.ID), []cron.JobType{monitor, monitor, plain})
		err := db.DeleteJob(s.ctx(), account, b.ID)
		s.refused(err, cron.Invalid, cron.SubjectJob)
		e, _ := errors.AsType[*cron.Error](err)
		s.equal("titles", e.Problems[0].Given, "Systems, Second")

		s.ok(s.editPage(db, p, func(p *statuspage.Page) { p.Components = p.Components[1:] }))
		s.equal("types", s.types(db, account, a.ID, b.ID, c.ID), []cron.JobType{monitor, monitor, plain})
		s.ok(s.editPage(db, p, func(p *statuspage.Page) { p.Components[0].JobIDs = []int64{c.ID} }))
		s.equal("types", s.types(db, account, a.ID, b.ID, c.ID), []cron.JobType{plain, monitor, monitor})
		s.ok(db.DeleteStatusPage(s.ctx(), account, q.ID, func(*statuspage.Page) error { return nil }))
		s.equal("types", s.types(db, account, a.ID, b.ID, c.ID), []cron.JobType{plain, plain, monitor})
		s.ok(db.DeleteJob(s.ctx(), account, b.ID))
	}},
	{"the type is no matter of edits, and is not restored", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		var p statuspage.Page
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(edited *cron.Job) error {
			if p.ID == 0 { // between reading the job and writing it
				p = s.statusPage(db, account, component("x", j.ID))
			}
			edited.Title = "edited"
			return nil
		}))
		s.equal("types", s.types(db, account, j.ID), []cron.JobType{cron.TypeMonitoring})
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(edited *cron.Job) error { edited.Title = "again"; return nil }))
		s.ok(s.editPage(db, p, func(p *statuspage.Page) { p.Components = nil }))
		s.equal("types", s.types(db, account, j.ID), []cron.JobType{cron.TypeDefault})
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		b, deleted, err := db.BinJob(s.ctx(), account, j.ID)
		s.ok(err)
		s.ok(db.RestoreJob(s.ctx(), &b, &deleted, func(context.Context) error { return nil }))
		s.equal("types", s.types(db, account, j.ID), []cron.JobType{cron.TypeDefault})
	}},
	{"a job is deleted or taken, not both", func(s *suite) {
		db, account, _ := s.start()
		for range 8 {
			j := s.job(db, account)
			p := s.statusPage(db, account)
			var (
				wg               sync.WaitGroup
				deleted, taken   error
				kind             = func(err error) bool { return err == nil || cron.KindOf(err) == cron.Invalid }
				pages, remaining []statuspage.Page
			)
			wg.Go(func() { deleted = db.DeleteJob(s.ctx(), account, j.ID) })
			wg.Go(func() { taken = s.editPage(db, p, component("x", j.ID)) })
			wg.Wait()
			s.equal("either", (deleted == nil) != (taken == nil), true)
			s.equal("kinds", kind(deleted) && kind(taken), true)
			pages, err := db.PagesOfJob(s.ctx(), account, j.ID)
			s.ok(err)
			if taken == nil {
				remaining = []statuspage.Page{{ID: p.ID, Title: p.Title}}
			}
			s.equal("pages", pages, remaining)
		}
	}},
	{"a state that a person set holds until it is released", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		p := s.statusPage(db, account, component("x"), component("y"))
		other := s.statusPage(db, account, component("z"))
		id, degraded, major := p.Components[0].ID, statuspage.Degraded, statuspage.MajorOutage
		component := func() statuspage.Component {
			s.Helper()
			got, err := db.StatusPage(s.ctx(), account, p.ID)
			s.ok(err)
			s.equal("the other component", got.Components[1].State, statuspage.Unknown)
			return got.Components[0]
		}
		s.missing(db.SetComponentState(s.ctx(), stranger, p.ID, id, &degraded, "mallory"), cron.SubjectStatusPage)
		s.missing(db.SetComponentState(s.ctx(), account, other.ID, id, &degraded, "jane"), cron.SubjectComponent)
		s.ok(db.SetComponentState(s.ctx(), account, p.ID, id, &degraded, "jane"))
		of := component()
		s.equal("state", of.State, statuspage.Degraded)
		s.equal("hand", *of.Hand, statuspage.Hand{State: statuspage.Degraded, Set: of.Since, By: "jane"})
		s.ok(db.SetComponentState(s.ctx(), account, p.ID, id, &major, "joe"))
		s.ok(s.editPage(db, p, func(p *statuspage.Page) { p.Components[0].Title = "renamed" }))
		of = component()
		s.equal("state", of.State, statuspage.MajorOutage)
		s.equal("by", of.Hand.By, "joe")
		s.ok(db.SetComponentState(s.ctx(), account, p.ID, id, nil, "jane"))
		of = component()
		s.equal("state", of.State, statuspage.Unknown)
		s.equal("hand", of.Hand, (*statuspage.Hand)(nil))
		got, err := db.StatusPage(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("revision grows", got.Revision >= p.Revision+4, true)
	}},
	{"a page has two logos", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		p := s.statusPage(db, account)
		_, err := db.StatusLogo(s.ctx(), account, p.ID, true)
		s.missing(err, cron.SubjectLogo)
		s.missing(db.SetStatusLogo(s.ctx(), account, p.ID, true, nil), cron.SubjectLogo)
		s.ok(db.SetStatusLogo(s.ctx(), account, p.ID, true, []byte("first")))
		s.ok(db.SetStatusLogo(s.ctx(), account, p.ID, true, []byte("second")))
		got, err := db.StatusLogo(s.ctx(), account, p.ID, true)
		s.ok(err)
		s.equal("logo", string(got), "second")
		_, err = db.StatusLogo(s.ctx(), account, p.ID, false)
		s.missing(err, cron.SubjectLogo)
		_, err = db.StatusLogo(s.ctx(), stranger, p.ID, true)
		s.missing(err, cron.SubjectLogo)
		s.missing(db.SetStatusLogo(s.ctx(), stranger, p.ID, true, []byte("x")), cron.SubjectStatusPage)
		read, err := db.StatusPage(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("logos", read.Logos, [2]bool{false, true})
		s.equal("revision grows", read.Revision > p.Revision, true)
		s.ok(db.SetStatusLogo(s.ctx(), account, p.ID, true, nil))
	}},
	{"pages go with their account", func(s *suite) {
		db, account, _ := s.start()
		p := s.statusPage(db, account, component("x", s.job(db, account).ID))
		s.ok(db.DeleteAccount(s.ctx(), account))
		_, err := db.StatusPage(s.ctx(), account, p.ID)
		s.missing(err, cron.SubjectStatusPage)
		s.statusPage(db, s.account(db), func(again *statuspage.Page) { again.Slug = strings.Clone(p.Slug) })
	}},
}

// pointersOf lists the pointers of the problems of an error of kind Invalid.
func pointersOf(err error) (pointers []string) {
	if e, ok := errors.AsType[*cron.Error](err); ok && e.Kind == cron.Invalid {
		for _, p := range e.Problems {
			pointers = append(pointers, p.Pointer)
		}
	}
	return pointers
}

// note reports an error of a goroutine.
func (s *suite) note(err error) {
	s.Helper()
	if err != nil {
		s.Error(err)
	}
}
