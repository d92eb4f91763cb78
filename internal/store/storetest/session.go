package storetest

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// token is the hash of another token each time.
func (s *suite) token() [32]byte {
	s.tokens++
	return sha256.Sum256([]byte(strconv.Itoa(s.tokens)))
}

// session adds a session of a person, after edits to it.
func (s *suite) session(db *store.Store, personID, account int64, edits ...func(*cron.Session)) cron.Session {
	s.Helper()
	session := cron.Session{PersonID: personID, AccountID: account, Hash: s.token(), Way: cron.WayPassword,
		Expires: s.instant(db).Add(time.Hour)}
	for _, edit := range edits {
		edit(&session)
	}
	s.ok(db.CreateSession(s.ctx(), &session))
	return session
}

// lastSignIn is when a person signed in.
func (s *suite) lastSignIn(db *store.Store, personID int64) time.Time {
	s.Helper()
	p, err := db.Person(s.ctx(), personID)
	s.ok(err)
	return p.LastSignIn
}

var sessionTests = []test{
	{"a session leads to its person, account and role", func(s *suite) {
		db, account, _ := s.start()
		p := s.member(db, account, cron.RoleOwner, func(p *cron.Person) { p.PasswordHash = "hash" })
		s.session(db, p.ID, account)
		at := s.instant(db)
		full := s.session(db, p.ID, account, func(session *cron.Session) {
			*session = cron.Session{PersonID: p.ID, AccountID: account, Hash: session.Hash, Way: cron.WayPasskey, Console: true,
				Second: true, Created: at.Add(-4), SignedIn: at.Add(-time.Hour), LastSeen: at.Add(-time.Minute), Expires: at,
				Address: "2001:db8::1", UserAgent: "curl\x00 ☂"}
			session.Created = at.Add(-2 * time.Hour)
		})
		if fields := unset(reflect.ValueOf(full), "Session"); len(fields) != 0 {
			s.Errorf("the test does not set %v", fields)
		}
		session, person, a, role, err := db.SessionByHash(s.ctx(), full.Hash)
		s.ok(err)
		s.equal("session", session, full)
		p.LastSignIn = s.lastSignIn(db, p.ID)
		s.equal("person", person, p)
		want, err := db.Account(s.ctx(), account)
		s.ok(err)
		s.equal("account", a, want)
		s.equal("role", role, cron.RoleOwner)
		_, _, _, _, err = db.SessionByHash(s.ctx(), s.token())
		s.missing(err, cron.SubjectSession)
	}},
	{"a session gives nothing in an account of others", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		s.member(db, account, cron.RoleOwner)
		p := s.member(db, account, cron.RoleViewer, func(p *cron.Person) { p.Disabled = true })
		left := s.session(db, p.ID, account)
		_, err := db.RemoveMembership(s.ctx(), account, p.ID)
		s.ok(err)
		for _, session := range []cron.Session{left, s.session(db, p.ID, other), s.session(db, p.ID, 0), s.session(db, p.ID, 999)} {
			read, person, a, role, err := db.SessionByHash(s.ctx(), session.Hash)
			s.ok(err)
			s.equal("session", read, session)
			s.equal("person is disabled", person.ID == p.ID && person.Disabled, true)
			s.equal("account", a, cron.Account{})
			s.equal("role", role, cron.RoleNone)
		}
	}},
	{"a person has so many sessions, and the oldest ends", func(s *suite) {
		db := s.open()
		p, other := s.person(db), s.person(db)
		kept := s.session(db, other.ID, 0)
		first, second := s.session(db, p.ID, 0), s.session(db, p.ID, 0)
		for range cron.MaxSessions - 1 {
			s.session(db, p.ID, 0)
		}
		_, _, _, _, err := db.SessionByHash(s.ctx(), first.Hash)
		s.missing(err, cron.SubjectSession)
		for _, err := range race(racers, func(i int) error {
			return db.CreateSession(s.ctx(), &cron.Session{PersonID: p.ID, Hash: [32]byte{byte(i)}, Expires: db.Now().Add(time.Hour)})
		}) {
			s.ok(err)
		}
		_, _, _, _, err = db.SessionByHash(s.ctx(), second.Hash)
		s.missing(err, cron.SubjectSession)
		sessions, err := db.Sessions(s.ctx(), p.ID)
		s.ok(err)
		s.equal("sessions", len(sessions), cron.MaxSessions)
		_, _, _, _, err = db.SessionByHash(s.ctx(), kept.Hash)
		s.ok(err)
		s.missing(db.CreateSession(s.ctx(), &cron.Session{PersonID: p.ID + 1000}), cron.SubjectPerson)
	}},
	{"who knows the password only does not end what a person has signed in to", func(s *suite) {
		db := s.open()
		p := s.person(db)
		half := func(session *cron.Session) { session.Second = true }
		kept, first := s.session(db, p.ID, 0), s.session(db, p.ID, 0, half)
		var last cron.Session
		for range cron.MaxSessions {
			last = s.session(db, p.ID, 0, half)
		}
		_, _, _, _, err := db.SessionByHash(s.ctx(), first.Hash)
		s.missing(err, cron.SubjectSession)
		_, _, _, _, err = db.SessionByHash(s.ctx(), kept.Hash)
		s.ok(err)
		for range cron.MaxSessions - 1 {
			s.session(db, p.ID, 0)
		}
		s.ok(db.UpdateSession(s.ctx(), last.ID, func(session *cron.Session) error { session.Second = false; return nil }))
		_, _, _, _, err = db.SessionByHash(s.ctx(), kept.Hash) // the oldest, now that another one is complete
		s.missing(err, cron.SubjectSession)
		sessions, err := db.Sessions(s.ctx(), p.ID)
		s.ok(err)
		s.equal("sessions", len(sessions), 2*cron.MaxSessions-1) // of both kinds
	}},
	{"sessions are listed, the newest first, and end one by one or all but one", func(s *suite) {
		db := s.open()
		p, other := s.person(db), s.person(db)
		a, b, c := s.session(db, p.ID, 0), s.session(db, p.ID, 0), s.session(db, p.ID, 0)
		s.session(db, p.ID, 0, func(session *cron.Session) { session.Expires = db.Now().Add(-time.Second) })
		foreign := s.session(db, other.ID, 0)
		sessions, err := db.Sessions(s.ctx(), p.ID)
		s.ok(err)
		s.equal("sessions", sessions, []cron.Session{c, b, a})
		s.missing(db.EndSession(s.ctx(), p.ID, foreign.ID), cron.SubjectSession)
		s.ok(db.EndSession(s.ctx(), p.ID, a.ID))
		s.missing(db.EndSession(s.ctx(), p.ID, a.ID), cron.SubjectSession)
		s.ok(db.EndSessions(s.ctx(), p.ID, b.ID))
		sessions, err = db.Sessions(s.ctx(), p.ID)
		s.ok(err)
		s.equal("session that stays", sessions, []cron.Session{b})
		s.ok(db.EndSessions(s.ctx(), p.ID, 0))
		s.equal("session of the other person", s.raw().Sessions(), []int64{foreign.ID})
	}},
	{"a session is changed, and its token replaced", func(s *suite) {
		db, account, _ := s.start()
		p := s.member(db, account, cron.RoleEditor)
		at := s.instant(db)
		session := s.session(db, p.ID, 0, func(session *cron.Session) { session.Second, session.SignedIn = true, at })
		s.equal("has signed in", s.lastSignIn(db, p.ID), time.Time{})
		want := session
		want.Hash, want.AccountID, want.Second, want.Expires = s.token(), account, false, at.Add(2*time.Hour)
		want.Way, want.Address, want.UserAgent, want.LastSeen = cron.WayOIDC, "192.0.2.1", "other", at.Add(time.Minute)
		s.ok(db.UpdateSession(s.ctx(), session.ID, func(session *cron.Session) error { *session = want; return nil }))
		_, _, _, _, err := db.SessionByHash(s.ctx(), session.Hash)
		s.missing(err, cron.SubjectSession)
		read, _, _, role, err := db.SessionByHash(s.ctx(), want.Hash)
		s.ok(err)
		s.equal("session", read, want)
		s.equal("role", role, cron.RoleEditor)
		s.equal("sign-in", s.lastSignIn(db, p.ID), at)
		fresh := at.Add(time.Minute)
		s.ok(db.UpdateSession(s.ctx(), session.ID, func(session *cron.Session) error { session.SignedIn = fresh; return nil }))
		s.equal("sign-in", s.lastSignIn(db, p.ID), fresh)
		cause := errors.New("cause")
		err = db.UpdateSession(s.ctx(), session.ID, func(session *cron.Session) error { session.Way = "x"; return cause })
		if !errors.Is(err, cause) {
			s.Errorf("the error is %v", err)
		}
		s.missing(db.LookAt(s.ctx(), session.PersonID+1000, session.ID, 9), cron.SubjectSession) // somebody else's
		s.missing(db.LookAt(s.ctx(), session.PersonID, session.ID+1000, 9), cron.SubjectSession)
		s.ok(db.LookAt(s.ctx(), session.PersonID, session.ID, 9))
		list, err := db.Sessions(s.ctx(), session.PersonID)
		s.ok(err)
		s.equal("account looked at", list[0].AccountID, int64(9))
		s.missing(db.UpdateSession(s.ctx(), session.ID+1000, func(*cron.Session) error { return nil }), cron.SubjectSession)
	}},
	{"the use of a session is noted", func(s *suite) {
		db := s.open()
		p := s.person(db)
		session := s.session(db, p.ID, 0)
		later := session.LastSeen.Add(time.Hour)
		s.ok(db.TouchSession(s.ctx(), p.ID+1, session.ID, later))
		s.ok(db.TouchSession(s.ctx(), p.ID, session.ID, later.Add(-time.Minute)))
		s.ok(db.TouchSession(s.ctx(), p.ID, session.ID, later))
		s.ok(db.TouchSession(s.ctx(), p.ID, session.ID, later.Add(-time.Second))) // another node was later
		read, _, _, _, err := db.SessionByHash(s.ctx(), session.Hash)
		s.ok(err)
		s.equal("last seen", read.LastSeen, later)
	}},
	{"upkeep removes expired sessions in chunks", func(s *suite) {
		db := s.open()
		p := s.person(db)
		kept := s.session(db, p.ID, 0)
		s.raw().AddSessions(p.ID, 1200)
		s.chunks(db, "session", 500)
		s.equal("session that stays", s.raw().Sessions(), []int64{kept.ID})
	}},
}

// chunks lets upkeep remove what it may of a table, and expects that no step removes more than a chunk.
func (s *suite) chunks(db *store.Store, table string, chunk int64) {
	s.Helper()
	for before := s.raw().Rows(table); ; {
		more, err := db.Maintain(s.ctx())
		s.ok(err)
		after := s.raw().Rows(table)
		if before-after > chunk {
			s.Errorf("one step removed %d rows of %s, want at most %d", before-after, table, chunk)
		}
		if before = after; !more {
			return
		}
	}
}
