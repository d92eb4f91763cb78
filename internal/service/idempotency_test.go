package service_test

import (
	"context"
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
