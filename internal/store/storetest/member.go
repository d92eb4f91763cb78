package storetest

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// key adds a key of an account that a person made. It has the role that it was made with.
func (s *suite) key(db *store.Store, account, maker int64, role cron.Role) cron.APIKey {
	s.Helper()
	s.keys++
	title := "key " + strconv.Itoa(s.keys)
	k := cron.APIKey{AccountID: account, MadeBy: maker, Role: role, Title: title, Hash: sha256.Sum256([]byte(title))}
	s.ok(db.CreateAPIKey(s.ctx(), &k))
	return k
}

// may is what a key may do now.
func (s *suite) may(db *store.Store, k cron.APIKey) (cron.Role, bool) {
	s.Helper()
	read, _, err := db.APIKeyByHash(s.ctx(), k.Hash)
	s.ok(err)
	listed, err := db.APIKeys(s.ctx(), k.AccountID)
	s.ok(err)
	if i := slices.IndexFunc(listed, func(l cron.APIKey) bool { return l.ID == k.ID }); i < 0 {
		s.Errorf("key %d is not listed", k.ID)
	} else {
		s.equal("key in the list", listed[i], read)
	}
	return read.Role, read.Operator
}

var memberTests = []test{
	{"members and accounts are listed", func(s *suite) {
		db := s.open()
		first := cron.Account{Email: "first@example.com", Title: "First ☂", Plan: cron.PlanMember}
		s.ok(db.CreateAccount(s.ctx(), &first))
		second := s.account(db)
		a := s.member(db, first.ID, cron.RoleOwner, func(p *cron.Person) { p.PasswordHash = "secret" })
		b := s.member(db, first.ID, cron.RoleViewer)
		s.join(db, second, a.ID, cron.RoleEditor)
		members, err := db.Memberships(s.ctx(), first.ID)
		s.ok(err)
		a.PasswordHash = ""
		for i := range members {
			if members[i].Created.IsZero() {
				s.Error("a membership has no time")
			}
			members[i].Created = time.Time{}
		}
		s.equal("members", members, []cron.Membership{
			{PersonID: a.ID, AccountID: first.ID, Role: cron.RoleOwner, Person: a},
			{PersonID: b.ID, AccountID: first.ID, Role: cron.RoleViewer, Person: b},
		})
		accounts, err := db.MembershipsOf(s.ctx(), a.ID)
		s.ok(err)
		s.equal("number of accounts", len(accounts), 2)
		s.equal("account", accounts[0].Account, first)
		s.equal("role", accounts[1].Role, cron.RoleEditor)
		m, err := db.Membership(s.ctx(), second, a.ID)
		s.ok(err)
		s.equal("role", m.Role, cron.RoleEditor)
		_, err = db.Membership(s.ctx(), second, b.ID)
		s.missing(err, cron.SubjectMember)
	}},
	{"a member is a person of an account that exists", func(s *suite) {
		db, account, _ := s.start()
		p := s.member(db, account, cron.RoleOwner)
		s.missing(db.SetMembership(s.ctx(), cron.Membership{AccountID: account + 1000, PersonID: p.ID, Role: cron.RoleViewer}),
			cron.SubjectAccount)
		s.missing(db.SetMembership(s.ctx(), cron.Membership{AccountID: account, PersonID: p.ID + 1000, Role: cron.RoleViewer}),
			cron.SubjectPerson)
		_, err := db.RemoveMembership(s.ctx(), account, p.ID+1000)
		s.missing(err, cron.SubjectMember)
	}},
	{"an account has an owner who can sign in", func(s *suite) {
		db, account, _ := s.start()
		owner := s.member(db, account, cron.RoleOwner)
		s.member(db, account, cron.RoleOwner, func(p *cron.Person) { p.Disabled = true }) // does not count
		second := s.member(db, account, cron.RoleEditor)
		last := func(err error) {
			s.Helper()
			s.violates(err, cron.Conflict, cron.SubjectMember, cron.RuleLastOwner)
		}
		last(db.SetMembership(s.ctx(), cron.Membership{AccountID: account, PersonID: owner.ID, Role: cron.RoleEditor}))
		_, err := db.RemoveMembership(s.ctx(), account, owner.ID)
		last(err)
		s.join(db, account, owner.ID, cron.RoleOwner)
		s.join(db, account, second.ID, cron.RoleOwner)
		s.join(db, account, owner.ID, cron.RoleEditor)
		_, err = db.RemoveMembership(s.ctx(), account, owner.ID)
		s.ok(err)
		_, err = db.RemoveMembership(s.ctx(), account, owner.ID)
		s.missing(err, cron.SubjectMember)
	}},
	{"of owners who leave at once, one stays", func(s *suite) {
		db, account, _ := s.start()
		var ids []int64
		for range racers {
			ids = append(ids, s.member(db, account, cron.RoleOwner).ID)
		}
		errs := race(racers, func(i int) (err error) {
			switch i % 3 {
			case 0:
				_, err = db.RemoveMembership(s.ctx(), account, ids[i])
			case 1:
				err = db.SetMembership(s.ctx(), cron.Membership{AccountID: account, PersonID: ids[i], Role: cron.RoleViewer})
			default:
				_, err = db.DeletePerson(s.ctx(), ids[i])
			}
			return err
		})
		failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
		if len(failed) != 1 || cron.KindOf(failed[0]) != cron.Conflict {
			s.Errorf("the errors are %v, want one conflict", failed)
		}
		s.equal("owners", s.raw().Owners(), int64(1))
	}},
	{"an account has so many members and no more", func(s *suite) {
		db, account, _ := s.start()
		p := s.member(db, account, cron.RoleOwner)
		for range cron.MaxMembers - 1 {
			s.member(db, account, cron.RoleViewer)
		}
		one := s.person(db)
		err := db.SetMembership(s.ctx(), cron.Membership{AccountID: account, PersonID: one.ID, Role: cron.RoleViewer})
		s.refused(err, cron.TooMany, cron.SubjectMember)
		s.join(db, account, p.ID, cron.RoleOwner)
		s.join(db, s.account(db), one.ID, cron.RoleOwner)
	}},
	{"a key does no more than its maker", func(s *suite) {
		db, account, _ := s.start()
		s.member(db, account, cron.RoleOwner)
		s.person(db, operator)
		p := s.member(db, account, cron.RoleOwner, operator)
		expect := func(k cron.APIKey, role cron.Role, operator bool) {
			s.Helper()
			gotRole, gotOperator := s.may(db, k)
			s.equal("role", gotRole, role)
			s.equal("operator", gotOperator, operator)
		}
		full := cron.APIKey{AccountID: account, MadeBy: p.ID, Role: cron.RoleOwner, Operator: true, Hash: [32]byte{1}}
		s.ok(db.CreateAPIKey(s.ctx(), &full))
		reader := s.key(db, account, p.ID, cron.RoleViewer)
		ofCommand := cron.APIKey{AccountID: account, Role: cron.RoleOwner, Operator: true, Hash: [32]byte{2}}
		s.ok(db.CreateAPIKey(s.ctx(), &ofCommand))
		expect(full, cron.RoleOwner, true)
		expect(reader, cron.RoleViewer, false)
		for _, role := range []cron.Role{cron.RoleEditor, cron.RoleViewer, cron.RoleOwner} {
			s.join(db, account, p.ID, role)
			expect(full, role, true)
			expect(reader, cron.RoleViewer, false)
			expect(ofCommand, cron.RoleOwner, true)
		}
		s.join(db, account, p.ID, cron.RoleEditor)
		made := s.key(db, account, p.ID, cron.RoleOwner)
		s.equal("role of a new key", made.Role, cron.RoleEditor)
		s.ok(db.UpdatePerson(s.ctx(), p.ID, func(p *cron.Person) error { p.Operator = false; return nil }))
		expect(full, cron.RoleEditor, false)
		s.ok(db.UpdatePerson(s.ctx(), p.ID, func(p *cron.Person) error { p.Operator, p.Disabled = true, true; return nil }))
		expect(full, cron.RoleNone, false)
		s.ok(db.UpdatePerson(s.ctx(), p.ID, func(p *cron.Person) error { p.Disabled = false; return nil }))
		expect(full, cron.RoleEditor, true)
		err := db.CreateAPIKey(s.ctx(), &cron.APIKey{AccountID: account, MadeBy: s.person(db).ID, Role: cron.RoleViewer})
		s.violates(err, cron.Forbidden, cron.SubjectAccount, cron.RuleRole)
	}},
	{"keys stay when their maker leaves, as they are then", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		owner := s.member(db, account, cron.RoleOwner)
		s.person(db, operator)
		p := s.member(db, account, cron.RoleOwner, operator)
		s.join(db, other, p.ID, cron.RoleOwner)
		full := cron.APIKey{AccountID: account, MadeBy: p.ID, Role: cron.RoleOwner, Operator: true, Hash: [32]byte{1}}
		s.ok(db.CreateAPIKey(s.ctx(), &full))
		reader, elsewhere := s.key(db, account, p.ID, cron.RoleViewer), s.key(db, other, p.ID, cron.RoleOwner)
		ofOwner := s.key(db, account, owner.ID, cron.RoleOwner)
		s.join(db, account, p.ID, cron.RoleEditor)
		s.ok(db.UpdatePerson(s.ctx(), p.ID, func(p *cron.Person) error { p.Disabled = true; return nil }))
		keys, err := db.RemoveMembership(s.ctx(), account, p.ID)
		s.ok(err)
		full.Role, full.Operator, full.MadeBy, reader.MadeBy = cron.RoleEditor, false, 0, 0
		s.equal("keys that stay", keys, []cron.APIKey{full, reader})
		s.ok(db.UpdatePerson(s.ctx(), p.ID, func(p *cron.Person) error { p.Disabled = false; return nil }))
		s.join(db, account, p.ID, cron.RoleViewer) // comes back
		for _, want := range []cron.APIKey{full, reader, ofOwner, elsewhere} {
			read, _, err := db.APIKeyByHash(s.ctx(), want.Hash)
			s.ok(err)
			s.equal("key", read, want)
		}
	}},
	{"who leaves does not come back by an invitation that was not used", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		s.member(db, account, cron.RoleOwner)
		p := s.member(db, account, cron.RoleViewer)
		theirs := s.link(db, cron.Link{Kind: cron.LinkInvitation, AccountID: account, Email: p.Email, Role: cron.RoleOwner})
		guests := s.link(db, cron.Link{Kind: cron.LinkInvitation, AccountID: account, Email: "guest@example.com"})
		elsewhere := s.link(db, cron.Link{Kind: cron.LinkInvitation, AccountID: other, Email: p.Email})
		_, err := db.RemoveMembership(s.ctx(), account, p.ID)
		s.ok(err)
		s.opens(db, false, theirs)
		s.opens(db, true, guests, elsewhere)
	}},
	{"an account that waits for its deletion runs nothing", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		s.setEnabled(db, account, false)
		for _, disabled := range []bool{true, false} {
			deletes := s.instant(db).Add(time.Hour)
			s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
				a.Deletes, a.Disabled = deletes, disabled
				return nil
			}))
			a, err := db.Account(s.ctx(), account)
			s.ok(err)
			s.equal("when it is deleted", a.Deletes, deletes)
			s.equal("disabled", a.Disabled, disabled)
			s.claimNone(db, node)
			s.maintain(db)
		}
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Deletes = time.Time{}; return nil }))
		a, err := db.Account(s.ctx(), account)
		s.ok(err)
		s.equal("waits no more", a.Deletes.IsZero() && !a.Disabled, true)
		rec := s.record(db, account, j.ID)
		s.equal("planned again", rec.State.NextRun, rec.NextAfter(db.Now()))
		s.plan(j.ID, db.Now().Add(-time.Second))
		s.claimOne(db, node)
	}},
	{"upkeep deletes an account whose time has come", func(s *suite) {
		db, account, _ := s.start()
		kept, waits := s.account(db), s.account(db)
		for _, id := range []int64{account, kept, waits} {
			s.job(db, id)
			s.member(db, id, cron.RoleOwner)
			s.key(db, id, 0, cron.RoleOwner)
			s.link(db, cron.Link{Kind: cron.LinkInvitation, AccountID: id, Email: "guest@example.com"})
		}
		for id, in := range map[int64]time.Duration{account: -time.Second, waits: time.Hour} {
			s.ok(db.UpdateAccount(s.ctx(), id, func(a *cron.Account) error { a.Deletes = db.Now().Add(in); return nil }))
		}
		s.missing(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Deletes = time.Time{}; return nil }),
			cron.SubjectAccount)
		s.maintain(db)
		_, err := db.Account(s.ctx(), account)
		s.missing(err, cron.SubjectAccount)
		for _, table := range []string{"account", "job", "membership", "api_key", "link"} {
			s.equal(table, s.raw().Rows(table), int64(2))
		}
		s.equal("people", s.raw().Rows("person"), int64(3))
		a, err := db.Account(s.ctx(), waits)
		s.ok(err)
		s.equal("waits", a.Deletes.IsZero(), false)
	}},
	{"upkeep deletes a large account in chunks", func(s *suite) {
		db, account, _ := s.start()
		s.copies(s.job(db, account).ID, 249) // at once: the lease of a slow machine must not end meanwhile
		kept := s.job(db, s.account(db))
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Deletes = db.Now().Add(-time.Second); return nil }))
		s.chunks(db, "job", 100)
		s.equal("job that stays", []int64{s.raw().Rows("job"), s.raw().AccountOf(kept.ID)}, []int64{1, kept.AccountID})
		s.equal("accounts", s.raw().Rows("account"), int64(1))
	}},
	{"an account has an address of its own", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		taken, err := db.Account(s.ctx(), account)
		s.ok(err)
		s.refused(db.UpdateAccount(s.ctx(), other, func(a *cron.Account) error { a.Email = taken.Email; return nil }),
			cron.Conflict, cron.SubjectAccount)
		s.ok(db.UpdateAccount(s.ctx(), other, func(a *cron.Account) error { a.Email, a.Title = "new@example.com", "New"; return nil }))
		a, err := db.AccountByEmail(s.ctx(), "new@example.com")
		s.ok(err)
		s.equal("account", a.ID == other && a.Title == "New", true)
		_, err = db.Account(s.ctx(), other+1000)
		s.missing(err, cron.SubjectAccount)
	}},
}
