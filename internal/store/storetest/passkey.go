package storetest

import (
	"reflect"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// passkey adds a passkey of a person.
func (s *suite) passkey(db *store.Store, personID int64) cron.Passkey {
	s.Helper()
	s.tokens++
	k := cron.Passkey{PersonID: personID, CredentialID: []byte("credential " + strconv.Itoa(s.tokens)), Credential: []byte("{}")}
	s.ok(db.AddPasskey(s.ctx(), &k))
	return k
}

var passkeyTests = []test{
	{"passkeys read back, change and go", func(s *suite) {
		db := s.open()
		p, other := s.person(db), s.person(db)
		first := cron.Passkey{PersonID: p.ID, CredentialID: []byte{0, 1, 0xff}, Credential: []byte(`{"counter":1}`), Title: "Laptop ☂",
			Created: s.instant(db).Add(-time.Hour), LastUsed: s.instant(db)}
		s.ok(db.AddPasskey(s.ctx(), &first))
		if fields := unset(reflect.ValueOf(first), "Passkey"); len(fields) != 0 {
			s.Errorf("the test does not set %v", fields)
		}
		second, foreign := s.passkey(db, p.ID), s.passkey(db, other.ID)
		keys, err := db.Passkeys(s.ctx(), p.ID)
		s.ok(err)
		s.equal("passkeys", keys, []cron.Passkey{first, second})
		read, err := db.PasskeyByCredential(s.ctx(), first.CredentialID)
		s.ok(err)
		s.equal("passkey", read, first)
		_, err = db.PasskeyByCredential(s.ctx(), []byte("unknown"))
		s.missing(err, cron.SubjectPasskey)

		second.Credential, second.Title, second.LastUsed = []byte(`{"counter":2}`), "Phone", s.instant(db)
		s.ok(db.UpdatePasskey(s.ctx(), p.ID, second.ID, func(k *cron.Passkey) error { *k = second; return nil }))
		read, err = db.PasskeyByCredential(s.ctx(), second.CredentialID)
		s.ok(err)
		s.equal("changed passkey", read, second)
		s.missing(db.UpdatePasskey(s.ctx(), p.ID, foreign.ID, func(*cron.Passkey) error { return nil }), cron.SubjectPasskey)
		s.missing(db.DeletePasskey(s.ctx(), p.ID, foreign.ID), cron.SubjectPasskey)
		s.ok(db.DeletePasskey(s.ctx(), p.ID, second.ID))
		s.missing(db.DeletePasskey(s.ctx(), p.ID, second.ID), cron.SubjectPasskey)
		keys, err = db.Passkeys(s.ctx(), p.ID)
		s.ok(err)
		s.equal("passkeys", keys, []cron.Passkey{first})
	}},
	{"a credential is registered once", func(s *suite) {
		db := s.open()
		p, other := s.person(db), s.person(db)
		k := s.passkey(db, p.ID)
		again := cron.Passkey{PersonID: other.ID, CredentialID: k.CredentialID, Credential: []byte("{}")}
		s.refused(db.AddPasskey(s.ctx(), &again), cron.Conflict, cron.SubjectPasskey)
		s.oneWins(race(racers, func(i int) error {
			return db.AddPasskey(s.ctx(), &cron.Passkey{PersonID: []int64{p.ID, other.ID}[i%2], CredentialID: []byte("raced"),
				Credential: []byte("{}")})
		}), cron.Conflict)
		s.missing(db.AddPasskey(s.ctx(), &cron.Passkey{PersonID: p.ID + 1000}), cron.SubjectPerson)
	}},
	{"a person has so many passkeys and no more", func(s *suite) {
		db := s.open()
		p, other := s.person(db), s.person(db)
		for range cron.MaxPasskeys - 1 {
			s.passkey(db, p.ID)
		}
		s.oneWins(race(racers, func(i int) error {
			return db.AddPasskey(s.ctx(), &cron.Passkey{PersonID: p.ID, CredentialID: []byte{byte(i)}, Credential: []byte("{}")})
		}), cron.TooMany)
		s.passkey(db, other.ID)
	}},
	{"a challenge is answered once", func(s *suite) {
		db := s.open()
		expires := db.Now().Add(5 * time.Minute)
		s.ok(db.UseChallenge(s.ctx(), [32]byte{1}, expires))
		s.violates(db.UseChallenge(s.ctx(), [32]byte{1}, expires), cron.Conflict, cron.SubjectPasskey, cron.RuleChallengeUsed)
		s.oneWins(race(racers, func(int) error { return db.UseChallenge(s.ctx(), [32]byte{2}, expires) }), cron.Conflict)
	}},
	{"upkeep removes old challenges in chunks", func(s *suite) {
		db := s.open()
		s.ok(db.UseChallenge(s.ctx(), [32]byte{1}, db.Now().Add(time.Minute)))
		s.raw().AddChallenges(1200)
		s.chunks(db, "used_challenge", 500)
		s.equal("challenges", s.raw().Rows("used_challenge"), int64(1))
	}},
	{"an identity belongs to one person", func(s *suite) {
		db := s.open()
		p, other := s.person(db), s.person(db)
		first := cron.Identity{Issuer: "https://a.example", Subject: "1", PersonID: p.ID, Email: "a@example.com", Created: s.instant(db)}
		second := cron.Identity{Issuer: "https://b.example", Subject: "1", PersonID: p.ID, Created: s.instant(db).Add(time.Second)}
		foreign := cron.Identity{Issuer: "https://a.example", Subject: "2", PersonID: other.ID}
		for _, i := range []cron.Identity{first, second, foreign} {
			s.ok(db.LinkIdentity(s.ctx(), i))
		}
		first.Email = "new@example.com"
		s.ok(db.LinkIdentity(s.ctx(), first))
		stolen := first
		stolen.PersonID = other.ID
		s.violates(db.LinkIdentity(s.ctx(), stolen), cron.Conflict, cron.SubjectIdentity, cron.RuleIdentityTaken)
		list, err := db.Identities(s.ctx(), p.ID)
		s.ok(err)
		s.equal("identities", list, []cron.Identity{first, second})
		who, err := db.IdentityPerson(s.ctx(), first.Issuer, first.Subject)
		s.ok(err)
		s.equal("person", who, p)
		_, err = db.IdentityPerson(s.ctx(), "https://b.example", "2")
		s.missing(err, cron.SubjectPerson)
		s.missing(db.UnlinkIdentity(s.ctx(), p.ID, foreign.Issuer, foreign.Subject), cron.SubjectIdentity)
		s.ok(db.UnlinkIdentity(s.ctx(), p.ID, first.Issuer, first.Subject))
		_, err = db.IdentityPerson(s.ctx(), first.Issuer, first.Subject)
		s.missing(err, cron.SubjectPerson)
		s.missing(db.LinkIdentity(s.ctx(), cron.Identity{PersonID: p.ID + 1000}), cron.SubjectPerson)
	}},
	{"of people who link an identity at once, one does", func(s *suite) {
		db := s.open()
		var ids []int64
		for range racers {
			ids = append(ids, s.person(db).ID)
		}
		s.oneWins(race(racers, func(i int) error {
			return db.LinkIdentity(s.ctx(), cron.Identity{Issuer: "issuer", Subject: "1", PersonID: ids[i]})
		}), cron.Conflict)
	}},
	{"a person has so many identities and no more", func(s *suite) {
		db := s.open()
		p := s.person(db)
		link := func(i int) error {
			return db.LinkIdentity(s.ctx(), cron.Identity{Issuer: "issuer", Subject: strconv.Itoa(i), PersonID: p.ID})
		}
		for i := range cron.MaxIdentities {
			s.ok(link(i))
		}
		s.refused(link(cron.MaxIdentities), cron.TooMany, cron.SubjectIdentity)
		s.ok(link(0))
		list, err := db.Identities(s.ctx(), p.ID)
		s.ok(err)
		s.equal("identities", len(list), cron.MaxIdentities)
	}},
}
