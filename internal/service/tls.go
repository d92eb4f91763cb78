package service

import (
	"context"

	"punctual/internal/cron"
)

// TLSStore keeps what accounts add to the TLS of their executions.
type TLSStore interface {
	// SetTLS replaces the TLS material of an account.
	SetTLS(ctx context.Context, accountID int64, m cron.TLSMaterial) error
	// DeleteTLS removes the TLS material of an account, if it has any.
	DeleteTLS(ctx context.Context, accountID int64) error
	// TLS reads the TLS material of an account without the private key; empty when there is none.
	TLS(ctx context.Context, accountID int64) (cron.TLSMaterial, error)
}

// TLS reads the TLS material of the account without the private key; empty when there is none.
func (s *Service) TLS(ctx context.Context, account cron.Account) (cron.TLSMaterial, error) {
	return s.tls.TLS(ctx, account.ID)
}

// SetTLS replaces the TLS material of the account; with empty material there is none any more. The error is of kind
// Invalid when the material cannot be used.
func (s *Service) SetTLS(ctx context.Context, account cron.Account, m cron.TLSMaterial) error {
	if m.Empty() {
		return s.tls.DeleteTLS(ctx, account.ID)
	}
	if err := m.Validate(); err != nil {
		return err
	}
	return s.tls.SetTLS(ctx, account.ID, m)
}

// DeleteTLS removes the TLS material of the account.
func (s *Service) DeleteTLS(ctx context.Context, account cron.Account) error {
	return s.tls.DeleteTLS(ctx, account.ID)
}
