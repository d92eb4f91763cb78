package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

var _ auth.Store = (*store.Store)(nil)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	return storetest.Open(t, store.Options{Dir: storetest.SQLite(t)})
}

func addAccount(t *testing.T, s *store.Store, account cron.Account) (id int64, key string) {
	t.Helper()
	if err := s.CreateAccount(t.Context(), &account); err != nil {
		t.Fatal(err)
	}
	return account.ID, addKey(t, s, cron.APIKey{AccountID: account.ID})
}

func addKey(t *testing.T, s *store.Store, k cron.APIKey) (key string) {
	t.Helper()
	key, k.Hash = auth.NewKey()
	if err := s.CreateAPIKey(t.Context(), &k); err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAuthenticate(t *testing.T) {
	s := openStore(t)
	a := auth.New(s)
	id, key := addAccount(t, s, cron.Account{Email: "a@example.com", Plan: cron.PlanDefault})
	_, otherKey := addAccount(t, s, cron.Account{Email: "b@example.com", Plan: cron.PlanDefault})
	_, offKey := addAccount(t, s, cron.Account{Email: "c@example.com", Plan: cron.PlanDefault, Disabled: true})
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		header string
		ok     bool
	}{
		{"Bearer " + key, true},
		{"bearer " + key, true},
		{"bEARER  " + key + " ", true},
		{"Bearer " + otherKey, true},
		{"Bearer " + addKey(t, s, cron.APIKey{AccountID: id, Expires: now.Add(time.Second)}), true},
		{"Bearer " + addKey(t, s, cron.APIKey{AccountID: id, Expires: now}), false},
		{"Bearer " + addKey(t, s, cron.APIKey{AccountID: id, Disabled: true}), false},
		{"Bearer " + offKey, false},
		{"Bearer " + key[:len(key)-1], false},
		{"Bearer " + key + "A", false},
		{"Bearer", false},
		{"Bearer ", false},
		{"", false},
		{key, false},
		{"Basic " + key, false},
	} {
		actor, err := a.Authenticate(t.Context(), now, tt.header, netip.Addr{})
		switch {
		case tt.ok && err != nil:
			t.Errorf("%q: %v", tt.header, err)
		case tt.ok:
			account := actor.Account
			if actor.Key.AccountID != account.ID || (account.ID == id) == (account.Email == "b@example.com") || actor.Operator {
				t.Errorf("%q is %+v", tt.header, actor)
			}
		case cron.KindOf(err) != cron.Unauthorized:
			t.Errorf("%q: error %v", tt.header, err)
		case actor.Account.ID != 0 || actor.Key != nil:
			t.Errorf("%q gives away %+v", tt.header, actor)
		}
	}
}

// TestAddresses uses keys from where they may be used and from elsewhere.
func TestAddresses(t *testing.T) {
	s := openStore(t)
	a := auth.New(s)
	id, _ := addAccount(t, s, cron.Account{Email: "a@example.com", Plan: cron.PlanUnlimited})
	for _, tt := range []struct {
		name    string
		allowed []netip.Prefix
		from    string
		ok      bool
	}{
		{"from anywhere", nil, "203.0.113.9", true},
		{"from nowhere, but it does not matter", nil, "", true},
		{"an address", prefixes("203.0.113.9/32"), "203.0.113.9", true},
		{"another address", prefixes("203.0.113.9/32"), "203.0.113.8", false},
		{"a range", prefixes("192.0.2.0/25", "203.0.113.0/24"), "203.0.113.8", true},
		{"beyond a range", prefixes("192.0.2.0/25"), "192.0.2.128", false},
		{"IPv6", prefixes("2001:db8::/32"), "2001:db8:1::1", true},
		{"another IPv6", prefixes("2001:db8::/32"), "2001:db9::1", false},
		{"IPv4 in IPv6", prefixes("203.0.113.9/32"), "::ffff:203.0.113.9", true},
		{"from nowhere", prefixes("0.0.0.0/0", "::/0"), "", false},
	} {
		var from netip.Addr
		if tt.from != "" {
			from = netip.MustParseAddr(tt.from)
		}
		key := addKey(t, s, cron.APIKey{AccountID: id, AllowFrom: tt.allowed})
		actor, err := a.Authenticate(t.Context(), time.Now(), "Bearer "+key, from)
		e, refused := errors.AsType[*cron.Error](err)
		switch {
		case tt.ok && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case !tt.ok && (!refused || e.Kind != cron.Forbidden || e.Problems[0].Rule != cron.RuleKeyAddress ||
			e.Problems[0].Given != tt.from):
			t.Errorf("%s: %v", tt.name, err)
		case !tt.ok && (actor.Key != nil || actor.Account.ID != 0):
			t.Errorf("%s gives away %+v", tt.name, actor)
		}
	}
}

func TestAuthenticateWhenTheDatabaseFails(t *testing.T) {
	a := auth.New(openStore(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Authenticate(ctx, time.Now(), "Bearer x", netip.Addr{}); err == nil || cron.KindOf(err) != cron.Internal {
		t.Errorf("error %v", err)
	}
}

// addSession adds a person with a session, and makes the person a member of an account.
func addSession(t *testing.T, s *store.Store, email string, account int64, change func(*cron.Person, *cron.Session)) (token string) {
	t.Helper()
	person := cron.Person{Email: email}
	session := cron.Session{AccountID: account, Way: cron.WayPassword, Expires: time.Now().Add(time.Hour)}
	token, session.Hash = auth.NewSessionToken()
	if change != nil {
		change(&person, &session)
	}
	if err := s.CreatePerson(t.Context(), &person); err != nil {
		t.Fatal(err)
	}
	if account != 0 {
		if err := s.SetMembership(t.Context(), cron.Membership{PersonID: person.ID, AccountID: account, Role: cron.RoleEditor}); err != nil {
			t.Fatal(err)
		}
	}
	session.PersonID = person.ID
	if err := s.CreateSession(t.Context(), &session); err != nil {
		t.Fatal(err)
	}
	return token
}

// TestSessions presents tokens of sessions as cookies and as bearers.
func TestSessions(t *testing.T) {
	s := openStore(t)
	a := auth.New(s)
	id, key := addAccount(t, s, cron.Account{Email: "a@example.com", Plan: cron.PlanDefault})
	owner := cron.Person{Email: "owner@example.com"}
	if err := s.CreatePerson(t.Context(), &owner); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMembership(t.Context(), cron.Membership{PersonID: owner.ID, AccountID: id, Role: cron.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	now, from := time.Now(), netip.MustParseAddr("192.0.2.7")
	console := func(_ *cron.Person, s *cron.Session) { s.Console = true }
	cookie := addSession(t, s, "b@example.com", id, console)
	for name, tt := range map[string]struct {
		token          string
		cookie, bearer bool
	}{
		"of the console":       {cookie, true, false},
		"of the API":           {addSession(t, s, "c@example.com", id, nil), false, true},
		"without an account":   {addSession(t, s, "d@example.com", 0, console), true, false},
		"of a disabled person": {addSession(t, s, "e@example.com", id, func(p *cron.Person, s *cron.Session) { p.Disabled, s.Console = true, true }), false, false},
		"that has expired": {addSession(t, s, "f@example.com", id, func(_ *cron.Person, s *cron.Session) {
			s.Console, s.Expires = true, now
		}), false, false},
		"of nobody":          {"punctual_session_" + cookie[len("punctual_session_"):len(cookie)-1] + "_", false, false},
		"that is an API key": {key, false, true},
		"that is empty":      {"", false, false},
	} {
		actor, err := a.AuthenticateSession(t.Context(), now, tt.token, from)
		if ok := err == nil; ok != tt.cookie || !ok && (cron.KindOf(err) != cron.Unauthorized || actor.Person != nil) {
			t.Errorf("a cookie %s: %+v, %v", name, actor, err)
		}
		if err == nil && (actor.Way != cron.WayConsole || actor.Key != nil || actor.Person.ID != actor.Session.PersonID ||
			actor.Operator || actor.Address != from) {
			t.Errorf("a cookie %s is %+v", name, actor)
		}
		actor, err = a.Authenticate(t.Context(), now, "Bearer "+tt.token, from)
		if ok := err == nil; ok != tt.bearer || !ok && (cron.KindOf(err) != cron.Unauthorized || actor.Person != nil) {
			t.Errorf("a bearer %s: %+v, %v", name, actor, err)
		}
	}
	actor, err := a.AuthenticateSession(t.Context(), now, cookie, from)
	if err != nil || actor.Account.ID != id || actor.Role != cron.RoleEditor {
		t.Fatalf("the actor is %+v, %v", actor, err)
	}
	if _, err := s.RemoveMembership(t.Context(), id, actor.Person.ID); err != nil {
		t.Fatal(err)
	}
	if actor, err = a.AuthenticateSession(t.Context(), now, cookie, from); err != nil || actor.Account.ID != 0 || actor.Role != cron.RoleNone {
		t.Errorf("somebody who has left is %+v, %v", actor, err)
	}
}
