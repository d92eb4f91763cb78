package service

import (
	"context"

	"punctual/internal/cron"
)

// TLS reads the TLS material of the account without the private key; empty when there is none.
func (s *Service) TLS(ctx context.Context, actor cron.Actor) (cron.TLSMaterial, error) {
	if err := allow(&actor, UseGetTLS); err != nil {
		return cron.TLSMaterial{}, err
	}
	return s.store.TLS(ctx, actor.Account.ID)
}

// SetTLS replaces the TLS material of the account. Empty material removes it. The error is of kind Invalid for material
// that cannot be used.
func (s *Service) SetTLS(ctx context.Context, actor cron.Actor, m cron.TLSMaterial) error {
	if err := allow(&actor, UseSetTLS); err != nil {
		return err
	}
	if m.Empty() {
		return s.store.DeleteTLS(ctx, actor.Account.ID)
	}
	if err := m.Validate(); err != nil {
		return err
	}
	return s.store.SetTLS(ctx, actor.Account.ID, m)
}

// DeleteTLS removes the TLS material of the account.
func (s *Service) DeleteTLS(ctx context.Context, actor cron.Actor) error {
	if err := allow(&actor, UseDeleteTLS); err != nil {
		return err
	}
	return s.store.DeleteTLS(ctx, actor.Account.ID)
}
