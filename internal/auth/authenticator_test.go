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

var _ auth.KeyStore = (*store.Store)(nil)

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
