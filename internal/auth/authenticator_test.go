package auth_test

import (
	"context"
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
		found, account, err := a.Authenticate(t.Context(), now, tt.header)
		switch {
		case tt.ok && err != nil:
			t.Errorf("%q: %v", tt.header, err)
		case tt.ok:
			if found.AccountID != account.ID || (account.ID == id) == (account.Email == "b@example.com") {
				t.Errorf("%q is key %+v of %+v", tt.header, found, account)
			}
		case cron.KindOf(err) != cron.Unauthorized:
			t.Errorf("%q: error %v", tt.header, err)
		case account.ID != 0 || found.ID != 0:
			t.Errorf("%q gives away %+v, %+v", tt.header, found, account)
		}
	}
}

func TestAuthenticateWhenTheDatabaseFails(t *testing.T) {
	a := auth.New(openStore(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := a.Authenticate(ctx, time.Now(), "Bearer x"); err == nil || cron.KindOf(err) != cron.Internal {
		t.Errorf("error %v", err)
	}
}
