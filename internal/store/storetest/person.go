package storetest

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// person adds a person, after edits to it.
func (s *suite) person(db *store.Store, edits ...func(*cron.Person)) cron.Person {
	s.Helper()
	s.people++
	p := cron.Person{Email: "person" + strconv.Itoa(s.people) + "@example.com"}
	for _, edit := range edits {
		edit(&p)
	}
	s.ok(db.CreatePerson(s.ctx(), &p))
	return p
}

// member adds a person who belongs to an account.
func (s *suite) member(db *store.Store, account int64, role cron.Role, edits ...func(*cron.Person)) cron.Person {
	s.Helper()
	p := s.person(db, edits...)
	s.join(db, account, p.ID, role)
	return p
}

// join gives a person a role in an account.
func (s *suite) join(db *store.Store, account, personID int64, role cron.Role) {
	s.Helper()
	s.ok(db.SetMembership(s.ctx(), cron.Membership{AccountID: account, PersonID: personID, Role: role}))
}

func operator(p *cron.Person) { p.Operator = true }

// instant is the present as the database can hold it.
func (s *suite) instant(db *store.Store) time.Time { return db.Now().UTC().Truncate(time.Millisecond) }

// violates expects an error of a kind for a subject, with one rule.
func (s *suite) violates(err error, kind cron.ErrorKind, subject cron.Subject, rule cron.Rule) {
	s.Helper()
	s.refused(err, kind, subject)
	e, _ := errors.AsType[*cron.Error](err)
	if e == nil || len(e.Problems) != 1 || e.Problems[0].Rule != rule {
		s.Errorf("the error is %v, want rule %d", err, rule)
	}
}

// race runs n calls at the same time and returns their errors.
func race(calls int, call func(i int) error) []error {
	errs := make([]error, calls)
	var running sync.WaitGroup
	for i := range calls {
		running.Go(func() { errs[i] = call(i) })
	}
	running.Wait()
	return errs
}

// oneWins expects that one of the calls of a race succeeded, and that the others failed with an error of a kind.
func (s *suite) oneWins(errs []error, kind cron.ErrorKind) {
	s.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if cron.KindOf(err) != kind {
			s.Errorf("the error of a loser is %v", err)
		}
	}
	s.equal("winners", won, 1)
}

const racers = 8

var personTests = []test{
	{"a person reads back", func(s *suite) {
		db := s.open()
		p := s.person(db, func(p *cron.Person) {
			*p = cron.Person{
				Email: "zoë@example.com", Name: "Zoë ☂", Zone: "Europe/Berlin", Language: "en", Theme: "dark", Operator: true,
				Disabled: true, Confirmed: true, PasswordHash: "$argon2id$", LastSignIn: s.instant(db),
			}
		})
		s.ok(db.SetTOTP(s.ctx(), p.ID, []byte("secret")))
		p.HasTOTP = true
		if fields := unset(reflect.ValueOf(p), "Person"); len(fields) != 0 {
			s.Errorf("the test does not set %v", fields)
		}
		read, err := db.Person(s.ctx(), p.ID)
		s.ok(err)
		s.equal("person", read, p)
		read, err = db.PersonByEmail(s.ctx(), p.Email)
		s.ok(err)
		s.equal("person by address", read, p)
		_, err = db.Person(s.ctx(), p.ID+1000)
		s.missing(err, cron.SubjectPerson)
		_, err = db.PersonByEmail(s.ctx(), "nobody@example.com")
		s.missing(err, cron.SubjectPerson)
	}},
	{"people are listed without what only they may know", func(s *suite) {
		db := s.open()
		first := s.person(db, operator, func(p *cron.Person) { p.PasswordHash, p.Name = "$argon2id$", "Zoë" })
		second := s.person(db)
		first.PasswordHash = ""
		people, err := db.People(s.ctx())
		s.ok(err)
		s.equal("people", people, []cron.Person{first, second})
	}},
	{"an address belongs to one person", func(s *suite) {
		db := s.open()
		a, b := s.person(db), s.person(db)
		taken := func(err error) {
			s.Helper()
			s.violates(err, cron.Conflict, cron.SubjectPerson, cron.RuleEmailTaken)
		}
		taken(db.CreatePerson(s.ctx(), &cron.Person{Email: a.Email}))
		taken(db.UpdatePerson(s.ctx(), b.ID, func(p *cron.Person) error { p.Email = a.Email; return nil }))
		s.ok(db.UpdatePerson(s.ctx(), a.ID, func(p *cron.Person) error { p.Email = "new@example.com"; return nil }))
		s.ok(db.UpdatePerson(s.ctx(), b.ID, func(p *cron.Person) error { p.Email = a.Email; return nil }))
		s.oneWins(race(racers, func(int) error {
			return db.CreatePerson(s.ctx(), &cron.Person{Email: "raced@example.com"})
		}), cron.Conflict)
	}},
	{"a person can be changed", func(s *suite) {
		db := s.open()
		p, other := s.person(db), s.person(db)
		s.ok(db.SetTOTP(s.ctx(), p.ID, []byte("secret")))
		want := cron.Person{
			ID: p.ID, Email: "b@example.com", Name: "B", Zone: "UTC", Language: "de", Theme: "light", Operator: true,
			PasswordHash: "hash", HasTOTP: true, Created: p.Created, LastSignIn: s.instant(db),
		}
		s.ok(db.UpdatePerson(s.ctx(), p.ID, func(p *cron.Person) error { *p = want; return nil }))
		read, err := db.Person(s.ctx(), p.ID)
		s.ok(err)
		s.equal("person", read, want)
		cause := errors.New("cause")
		err = db.UpdatePerson(s.ctx(), p.ID, func(p *cron.Person) error { p.Name = "C"; return cause })
		if !errors.Is(err, cause) {
			s.Errorf("the error is %v", err)
		}
		read, err = db.Person(s.ctx(), p.ID)
		s.ok(err)
		s.equal("person after a change that failed", read, want)
		read, err = db.Person(s.ctx(), other.ID)
		s.ok(err)
		s.equal("another person", read, other)
		s.missing(db.UpdatePerson(s.ctx(), p.ID+1000, func(*cron.Person) error { return nil }), cron.SubjectPerson)
	}},
	{"concurrent changes of a person all take effect", func(s *suite) {
		db := s.open()
		p := s.person(db)
		for _, err := range race(racers, func(i int) error {
			return db.UpdatePerson(s.ctx(), p.ID, func(p *cron.Person) error { p.Name += strconv.Itoa(i); return nil })
		}) {
			s.ok(err)
		}
		read, err := db.Person(s.ctx(), p.ID)
		s.ok(err)
		s.equal("length", len(read.Name), racers)
	}},
	{"somebody always runs the service", func(s *suite) {
		db := s.open()
		hasOperator := func(want bool) {
			s.Helper()
			has, err := db.HasOperator(s.ctx())
			s.ok(err)
			s.equal("has an operator", has, want)
		}
		resign := func(p *cron.Person) error { p.Operator = false; return nil }
		disable := func(p *cron.Person) error { p.Disabled = true; return nil }
		last := func(err error) {
			s.Helper()
			s.violates(err, cron.Conflict, cron.SubjectPerson, cron.RuleLastOperator)
		}
		hasOperator(false)
		s.person(db, operator, func(p *cron.Person) { p.Disabled = true }) // does not count
		hasOperator(false)
		a, b := s.person(db, operator), s.person(db, operator)
		hasOperator(true)
		s.ok(db.UpdatePerson(s.ctx(), a.ID, disable))
		last(db.UpdatePerson(s.ctx(), b.ID, resign))
		last(db.UpdatePerson(s.ctx(), b.ID, disable))
		_, err := db.DeletePerson(s.ctx(), b.ID)
		last(err)
		s.ok(db.UpdatePerson(s.ctx(), b.ID, func(p *cron.Person) error { p.Name = "B"; return nil }))
		hasOperator(true)
	}},
	{"of operators who resign at once, one stays", func(s *suite) {
		db := s.open()
		var ids []int64
		for range racers {
			ids = append(ids, s.person(db, operator).ID)
		}
		errs := race(racers, func(i int) error {
			if i%2 == 0 {
				_, err := db.DeletePerson(s.ctx(), ids[i])
				return err
			}
			return db.UpdatePerson(s.ctx(), ids[i], func(p *cron.Person) error { p.Operator = false; return nil })
		})
		failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
		if len(failed) != 1 || cron.KindOf(failed[0]) != cron.Conflict {
			s.Errorf("the errors are %v, want one conflict", failed)
		}
		s.equal("operators", s.raw().Operators(), int64(1))
	}},
	{"a deleted person takes everything with it but the keys", func(s *suite) {
		db, account, _ := s.start()
		s.member(db, account, cron.RoleOwner)
		p := s.member(db, account, cron.RoleEditor)
		other := s.member(db, account, cron.RoleEditor)
		for i, who := range []cron.Person{p, other} {
			s.session(db, who.ID, account)
			s.ok(db.SetTOTP(s.ctx(), who.ID, []byte("secret")))
			s.ok(db.SetRecoveryCodes(s.ctx(), who.ID, [][32]byte{{1}, {2}}))
			s.passkey(db, who.ID)
			s.ok(db.LinkIdentity(s.ctx(), cron.Identity{PersonID: who.ID, Issuer: "issuer", Subject: strconv.Itoa(i)}))
			s.link(db, cron.Link{Kind: cron.LinkPassword, PersonID: who.ID})
		}
		k := s.key(db, account, p.ID, cron.RoleOwner)
		keys, err := db.DeletePerson(s.ctx(), p.ID)
		s.ok(err)
		k.Role, k.MadeBy = cron.RoleEditor, 0
		s.equal("keys that stay", keys, []cron.APIKey{k})
		_, err = db.Person(s.ctx(), p.ID)
		s.missing(err, cron.SubjectPerson)
		_, err = db.DeletePerson(s.ctx(), p.ID)
		s.missing(err, cron.SubjectPerson)
		for table, left := range map[string]int64{
			"person": 2, "membership": 2, "session": 1, "recovery_code": 2, "passkey": 1, "identity": 1, "link": 1, "api_key": 1,
		} {
			s.equal(table, s.raw().Rows(table), left)
		}
	}},
	{"the last owner of an account is not deleted", func(s *suite) {
		db := s.open()
		first, second := s.account(db), s.account(db)
		p := s.member(db, first, cron.RoleViewer)
		s.join(db, second, p.ID, cron.RoleOwner)
		s.member(db, second, cron.RoleEditor)
		_, err := db.DeletePerson(s.ctx(), p.ID)
		s.violates(err, cron.Conflict, cron.SubjectMember, cron.RuleLastOwner)
		_, err = db.Membership(s.ctx(), first, p.ID)
		s.ok(err)
		s.ok(db.DeleteAccount(s.ctx(), second))
		_, err = db.DeletePerson(s.ctx(), p.ID)
		s.ok(err)
	}},
	{"the second factor is sealed for its person", func(s *suite) {
		db := s.open()
		a, b := s.person(db), s.person(db)
		s.ok(db.SetTOTP(s.ctx(), a.ID, []byte("secret of a")))
		s.ok(db.SetTOTP(s.ctx(), b.ID, []byte("secret of b")))
		s.equal("secrets in plain", s.raw().SecondFactorsWith("secret"), int64(0))
		secret, step, err := db.TOTP(s.ctx(), a.ID)
		s.ok(err)
		s.equal("secret", string(secret), "secret of a")
		s.equal("step", step, int64(0))
		s.raw().MoveSecondFactor(b.ID, a.ID)
		if secret, _, err := db.TOTP(s.ctx(), b.ID); err == nil {
			s.Errorf("the secret of another person opens: %s", secret)
		}
		s.ok(db.SetRecoveryCodes(s.ctx(), a.ID, [][32]byte{{1}}))
		s.ok(db.SetTOTP(s.ctx(), a.ID, nil))
		secret, _, err = db.TOTP(s.ctx(), a.ID)
		s.ok(err)
		s.equal("no secret", secret == nil, true)
		left, err := db.RecoveryCodes(s.ctx(), a.ID)
		s.ok(err)
		s.equal("recovery codes", left, 0)
		_, _, err = db.TOTP(s.ctx(), a.ID+1000)
		s.missing(err, cron.SubjectPerson)
		s.missing(db.SetTOTP(s.ctx(), a.ID+1000, []byte("secret")), cron.SubjectPerson)
	}},
	{"a code works once, and none from before it", func(s *suite) {
		db := s.open()
		p, without := s.person(db), s.person(db)
		used := func(err error) {
			s.Helper()
			s.violates(err, cron.Conflict, cron.SubjectPerson, cron.RuleCodeUsed)
		}
		used(db.UseTOTPStep(s.ctx(), without.ID, 7))
		s.ok(db.SetTOTP(s.ctx(), p.ID, []byte("secret")))
		s.ok(db.UseTOTPStep(s.ctx(), p.ID, 7))
		used(db.UseTOTPStep(s.ctx(), p.ID, 7))
		used(db.UseTOTPStep(s.ctx(), p.ID, 6))
		s.oneWins(race(racers, func(int) error { return db.UseTOTPStep(s.ctx(), p.ID, 8) }), cron.Conflict)
		_, step, err := db.TOTP(s.ctx(), p.ID)
		s.ok(err)
		s.equal("step", step, int64(8))
		s.ok(db.SetTOTP(s.ctx(), p.ID, []byte("another secret")))
		s.ok(db.UseTOTPStep(s.ctx(), p.ID, 8))
		s.ok(db.UseTOTPStep(s.ctx(), p.ID, 1000)) // by a clock that is wrong
		used(db.UseTOTPStep(s.ctx(), p.ID, 990))
		s.ok(db.UseTOTPStep(s.ctx(), p.ID, 20)) // it is right again
		used(db.UseTOTPStep(s.ctx(), p.ID, 20))
	}},
	{"a recovery code works once", func(s *suite) {
		db := s.open()
		p, other := s.person(db), s.person(db)
		s.ok(db.SetRecoveryCodes(s.ctx(), p.ID, [][32]byte{{1}, {2}, {3}}))
		left, err := db.UseRecoveryCode(s.ctx(), p.ID, [32]byte{1})
		s.ok(err)
		s.equal("left", left, 2)
		_, err = db.UseRecoveryCode(s.ctx(), p.ID, [32]byte{1})
		s.violates(err, cron.Conflict, cron.SubjectPerson, cron.RuleCodeUsed)
		_, err = db.UseRecoveryCode(s.ctx(), p.ID, [32]byte{4})
		s.violates(err, cron.NotFound, cron.SubjectPerson, cron.RuleCode)
		_, err = db.UseRecoveryCode(s.ctx(), other.ID, [32]byte{2})
		s.violates(err, cron.NotFound, cron.SubjectPerson, cron.RuleCode)
		s.oneWins(race(racers, func(int) error {
			_, err := db.UseRecoveryCode(s.ctx(), p.ID, [32]byte{2})
			return err
		}), cron.Conflict)
		left, err = db.RecoveryCodes(s.ctx(), p.ID)
		s.ok(err)
		s.equal("left", left, 1)
		s.ok(db.SetRecoveryCodes(s.ctx(), p.ID, [][32]byte{{1}, {5}}))
		left, err = db.UseRecoveryCode(s.ctx(), p.ID, [32]byte{1})
		s.ok(err)
		s.equal("left of the new ones", left, 1)
		s.refused(db.SetRecoveryCodes(s.ctx(), p.ID, make([][32]byte, cron.MaxRecoveryCodes+1)), cron.TooMany, cron.SubjectNone)
		s.missing(db.SetRecoveryCodes(s.ctx(), p.ID+1000, nil), cron.SubjectPerson)
	}},
}
