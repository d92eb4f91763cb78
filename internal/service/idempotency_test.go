package service_test

import (
	"context"
	"crypto/sha256"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store"
)

// TestACallInProgress repeats a request while the first one is performed.
func TestACallInProgress(t *testing.T) {
	onEachDatabase(t, cron.DefaultPlans(), func(t *testing.T, node func() (*service.Service, *store.Store)) {
		_, s := node()
		svc := service.New(service.Config{Store: s, Plans: cron.DefaultPlans()})
		account := newAccount(t, s, cron.PlanMember)
		call := cron.IdempotentCall{Key: "key"}
		never := func(context.Context) ([]byte, error) {
			t.Error("the call is performed again")
			return nil, nil
		}
		answer, replayed, err := svc.Idempotent(t.Context(), as(account), service.UseRunJob, call, func(context.Context) ([]byte, error) {
			if _, _, err := svc.Idempotent(t.Context(), as(account), service.UseRunJob, call, never); cron.KindOf(err) != cron.Conflict {
				t.Errorf("meanwhile: %v", err)
			}
			return []byte("answer"), nil
		})
		if err != nil || replayed || string(answer) != "answer" {
			t.Errorf("the first call: %q, %v, %v", answer, replayed, err)
		}
		answer, replayed, err = svc.Idempotent(t.Context(), as(account), service.UseRunJob, call, never)
		if err != nil || !replayed || string(answer) != "answer" {
			t.Errorf("again: %q, %v, %v", answer, replayed, err)
		}
	})
}

// TestAnOperatorWithoutAnAccount repeats a request of an operator who belongs to no account.
func TestAnOperatorWithoutAnAccount(t *testing.T) {
	w := newWorld(t, nil)
	p := w.person("jane@example.com", cron.RoleNone)
	w.ok(w.db.UpdatePerson(t.Context(), p.ID, func(p *cron.Person) error { p.Operator = true; return nil }))
	a := w.signedIn("jane@example.com")
	call := cron.IdempotentCall{Key: "key"}
	made := 0
	for i := range 2 {
		answer, replayed, err := w.Idempotent(t.Context(), a, service.UseCreateAccount, call, func(ctx context.Context) ([]byte, error) {
			made++
			_, err := w.CreateAccount(ctx, a, "new@example.com", cron.PlanDefault, cron.AccessGlobal)
			return []byte("answer"), err
		})
		if err != nil || replayed != (i == 1) || string(answer) != "answer" {
			t.Errorf("call %d: %q, %v, %v", i, answer, replayed, err)
		}
	}
	if _, found, err := w.Performed(t.Context(), a, service.UseCreateAccount, call); err != nil || !found || made != 1 {
		t.Errorf("found %v, %v; made %d times", found, err, made)
	}
}

// TestRequestsAreStoredUnderAKey makes sure that the hash of a request, which may hold a short password, is not in the database.
func TestRequestsAreStoredUnderAKey(t *testing.T) {
	w := newWorld(t, nil)
	call := cron.IdempotentCall{AccountID: w.account.ID, Key: "k", Request: sha256.Sum256([]byte("a request"))}
	do := func(context.Context) ([]byte, error) { return []byte("{}"), nil }
	jane := w.member("jane@example.com", cron.RoleOwner)
	if _, replayed, err := w.Idempotent(t.Context(), jane, service.UseCreateJob, call, do); err != nil || replayed {
		t.Fatal(replayed, err)
	}
	if _, replayed, err := w.Idempotent(t.Context(), jane, service.UseCreateJob, call, do); err != nil || !replayed {
		t.Errorf("the same request is replayed: %t, %v", replayed, err)
	}
	if _, found, err := w.Performed(t.Context(), jane, service.UseCreateJob, call); err != nil || !found {
		t.Errorf("the same request is found: %t, %v", found, err)
	}
	if _, _, err := w.db.Performed(t.Context(), call); cron.KindOf(err) != cron.Unprocessable {
		t.Errorf("the database has the hash itself: %v", err)
	}
}
