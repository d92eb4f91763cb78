package storetest

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// link adds a link, and gives it a token.
func (s *suite) link(db *store.Store, l cron.Link) cron.Link {
	s.Helper()
	l.Hash = s.token()
	s.ok(db.CreateLink(s.ctx(), &l))
	return l
}

// opens expects that links can be used, or that they are gone.
func (s *suite) opens(db *store.Store, open bool, links ...cron.Link) {
	s.Helper()
	for _, l := range links {
		read, err := db.LinkByHash(s.ctx(), l.Hash)
		s.ok(err)
		if got := read.Open(db.Now()) == nil; got != open {
			s.Errorf("link %d for %s opens: %t", l.ID, l.Email, got)
		}
		if !open {
			err := db.UseLink(s.ctx(), l.Hash, func(context.Context, cron.Link) error { return nil })
			s.refused(err, cron.Gone, cron.SubjectLink)
		}
	}
}

func (s *suite) use(db *store.Store, l cron.Link) {
	s.Helper()
	s.ok(db.UseLink(s.ctx(), l.Hash, func(context.Context, cron.Link) error { return nil }))
}

var linkTests = []test{
	{"a link reads back", func(s *suite) {
		db, account, _ := s.start()
		p := s.member(db, account, cron.RoleOwner)
		l := s.link(db, cron.Link{Kind: cron.LinkInvitation, PersonID: p.ID, AccountID: account, Email: "zoë@example.com",
			Role: cron.RoleEditor, MadeBy: p.ID, Created: s.instant(db).Add(-time.Hour), Detail: "detail ☂"})
		s.equal("expires", l.Expires, l.Created.Add(cron.LinkInvitation.Lifetime()))
		s.use(db, l)
		read, err := db.LinkByHash(s.ctx(), l.Hash)
		s.ok(err)
		l.Used = read.Used
		if fields := unset(reflect.ValueOf(read), "Link"); len(fields) != 0 {
			s.Errorf("the test does not set %v", fields)
		}
		s.equal("link", read, l)
		_, err = db.LinkByHash(s.ctx(), s.token())
		s.missing(err, cron.SubjectLink)
		s.missing(db.UseLink(s.ctx(), s.token(), func(context.Context, cron.Link) error { return nil }), cron.SubjectLink)
	}},
	{"a link is used with its effect, or not at all", func(s *suite) {
		db := s.open()
		p := s.person(db)
		l := s.link(db, cron.Link{Kind: cron.LinkPassword, PersonID: p.ID})
		cause := errors.New("cause")
		err := db.UseLink(s.ctx(), l.Hash, func(ctx context.Context, l cron.Link) error {
			s.ok(db.UpdatePerson(ctx, l.PersonID, func(p *cron.Person) error { p.Name = "changed"; return nil }))
			return cause
		})
		if !errors.Is(err, cause) {
			s.Errorf("the error is %v", err)
		}
		s.opens(db, true, l)
		read, err := db.Person(s.ctx(), p.ID)
		s.ok(err)
		s.equal("person", read, p)
		s.ok(db.UseLink(s.ctx(), l.Hash, func(ctx context.Context, used cron.Link) error {
			s.equal("link", used.ID, l.ID)
			return db.UpdatePerson(ctx, used.PersonID, func(p *cron.Person) error { p.Name = "changed"; return nil })
		}))
		read, err = db.Person(s.ctx(), p.ID)
		s.ok(err)
		s.equal("name", read.Name, "changed")
		err = db.UseLink(s.ctx(), l.Hash, func(context.Context, cron.Link) error { return cause })
		s.violates(err, cron.Gone, cron.SubjectLink, cron.RuleLinkUsed)
	}},
	{"of callers who use a link at once, one does", func(s *suite) {
		db := s.open()
		l := s.link(db, cron.Link{Kind: cron.LinkSignUp, Email: "new@example.com"})
		s.oneWins(race(racers, func(i int) error {
			return db.UseLink(s.ctx(), l.Hash, func(ctx context.Context, l cron.Link) error {
				return db.CreatePerson(ctx, &cron.Person{Email: strconv.Itoa(i) + l.Email})
			})
		}), cron.Gone)
		s.equal("people", s.raw().Rows("person"), int64(1))
	}},
	{"of set-up links, one makes the operator", func(s *suite) {
		db := s.open()
		var links []cron.Link
		for range racers {
			links = append(links, s.link(db, cron.Link{Kind: cron.LinkSetup}))
		}
		s.opens(db, true, links...) // each node prints its own
		s.oneWins(race(racers, func(i int) error {
			return db.UseLink(s.ctx(), links[i].Hash, func(context.Context, cron.Link) error { return nil })
		}), cron.Gone)
	}},
	{"a link expires", func(s *suite) {
		db := s.open()
		p := s.person(db)
		l := s.link(db, cron.Link{Kind: cron.LinkEmail, PersonID: p.ID, Expires: db.Now().Add(-time.Second)})
		err := db.UseLink(s.ctx(), l.Hash, func(context.Context, cron.Link) error { return nil })
		s.violates(err, cron.Gone, cron.SubjectLink, cron.RuleLinkExpired)
	}},
	{"a new link replaces the open one for the same", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		p, q := s.person(db), s.person(db)
		for _, l := range []cron.Link{
			{Kind: cron.LinkSetup, PersonID: p.ID},
			{Kind: cron.LinkPassword, PersonID: p.ID},
			{Kind: cron.LinkPassword, PersonID: q.ID},
			{Kind: cron.LinkEmail, PersonID: p.ID, Email: "p@example.com"},
			{Kind: cron.LinkSignUp, Email: "p@example.com"},
			{Kind: cron.LinkSignUp, Email: "q@example.com"},
			{Kind: cron.LinkInvitation, AccountID: account, Email: "p@example.com"},
			{Kind: cron.LinkInvitation, AccountID: account, Email: "q@example.com"},
			{Kind: cron.LinkInvitation, AccountID: other, Email: "p@example.com"},
		} {
			rest := s.raw().OpenLinks(db.Now())
			first := s.link(db, l)
			s.opens(db, true, first)
			if l.Kind == cron.LinkEmail {
				l.Email = "another@example.com"
			}
			second := s.link(db, l)
			s.opens(db, false, first)
			s.opens(db, true, append(rest, second)...)
		}
	}},
	{"of links that were replaced, the latest are kept", func(s *suite) {
		db := s.open()
		p := s.person(db)
		for range 30 {
			s.link(db, cron.Link{Kind: cron.LinkPassword, PersonID: p.ID})
		}
		s.equal("links", s.raw().Rows("link"), int64(11))
	}},
	{"invitations are listed and revoked", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		invite := func(account int64, email string) cron.Link {
			return s.link(db, cron.Link{Kind: cron.LinkInvitation, AccountID: account, Email: email, Role: cron.RoleViewer})
		}
		a, b, used := invite(account, "a@example.com"), invite(account, "b@example.com"), invite(account, "c@example.com")
		foreign := invite(other, "a@example.com")
		s.use(db, used)
		list, err := db.Invitations(s.ctx(), account)
		s.ok(err)
		s.equal("invitations", list, []cron.Link{b, a})
		s.missing(db.DeleteLink(s.ctx(), account, foreign.ID), cron.SubjectInvitation)
		s.missing(db.DeleteLink(s.ctx(), account, used.ID), cron.SubjectInvitation)
		s.ok(db.DeleteLink(s.ctx(), account, b.ID))
		s.missing(db.DeleteLink(s.ctx(), account, b.ID), cron.SubjectInvitation)
		s.opens(db, false, b)
		s.opens(db, true, a, foreign)
		s.missing(db.CreateLink(s.ctx(), &cron.Link{Kind: cron.LinkInvitation, AccountID: other + 1000, Hash: s.token()}),
			cron.SubjectAccount)
		s.missing(db.CreateLink(s.ctx(), &cron.Link{Kind: cron.LinkPassword, PersonID: 1000, Hash: s.token()}), cron.SubjectPerson)
	}},
	{"an account has so many open invitations and no more", func(s *suite) {
		db, account, _ := s.start()
		invite := func(i int) error {
			return db.CreateLink(s.ctx(), &cron.Link{Kind: cron.LinkInvitation, AccountID: account, Hash: s.token(),
				Email: strconv.Itoa(i) + "@example.com"})
		}
		for i := range cron.MaxInvitations {
			s.ok(invite(i))
		}
		s.refused(invite(cron.MaxInvitations), cron.TooMany, cron.SubjectInvitation)
		s.ok(invite(0)) // instead of the former one
		list, err := db.Invitations(s.ctx(), account)
		s.ok(err)
		s.equal("invitations", len(list), cron.MaxInvitations)
		s.ok(db.DeleteLink(s.ctx(), account, list[0].ID))
		s.ok(invite(cron.MaxInvitations))
	}},
	{"the invitations of a member who leaves, or may no longer make them, end", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		owner, p := s.member(db, account, cron.RoleOwner), s.member(db, account, cron.RoleOwner)
		s.join(db, other, p.ID, cron.RoleOwner)
		invite := func(account, maker int64, role cron.Role) cron.Link {
			return s.link(db, cron.Link{Kind: cron.LinkInvitation, AccountID: account, MadeBy: maker, Role: role,
				Email: strconv.Itoa(s.tokens) + "@example.com"})
		}
		toOwner, toEditor, toViewer := invite(account, p.ID, cron.RoleOwner), invite(account, p.ID, cron.RoleEditor), invite(account, p.ID, cron.RoleViewer)
		elsewhere, ofOwner := invite(other, p.ID, cron.RoleOwner), invite(account, owner.ID, cron.RoleOwner)
		s.join(db, account, p.ID, cron.RoleEditor)
		s.opens(db, false, toOwner)
		s.opens(db, true, toEditor, toViewer, elsewhere, ofOwner)
		_, err := db.RemoveMembership(s.ctx(), account, p.ID)
		s.ok(err)
		s.opens(db, false, toOwner, toEditor, toViewer)
		s.opens(db, true, elsewhere, ofOwner)
	}},
	{"upkeep removes old links in chunks, and no open one", func(s *suite) {
		db := s.open()
		p := s.person(db)
		kept, closed := s.link(db, cron.Link{Kind: cron.LinkPassword, PersonID: p.ID}),
			s.link(db, cron.Link{Kind: cron.LinkEmail, PersonID: p.ID, Expires: db.Now().Add(-29 * 24 * time.Hour)})
		s.raw().AddLinks(1200, db.Now().Add(-31*24*time.Hour))
		s.chunks(db, "link", 500)
		s.equal("links", s.raw().Rows("link"), int64(2))
		s.opens(db, true, kept)
		s.opens(db, false, closed)
	}},
}
