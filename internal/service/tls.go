package service

import (
	"context"

	"punctual/internal/cron"
)

// TLS reads the TLS material of the account without the private key; empty when there is none.
func (s *Service) TLS(ctx context.Context, actor cron.Actor) (cron.TLSMaterial, error) {
	if err := s.allow(&actor, UseGetTLS); err != nil {
		return cron.TLSMaterial{}, err
	}
	return s.store.TLS(ctx, actor.Account.ID)
}

// SetTLS replaces the TLS material of the account. Empty material removes it. The error is of kind Invalid for material
// that cannot be used.
func (s *Service) SetTLS(ctx context.Context, actor cron.Actor, m cron.TLSMaterial) error {
	if err := s.allow(&actor, UseSetTLS); err != nil {
		return err
	}
	if m.Empty() {
		return s.deleteTLS(ctx, &actor)
	}
	if err := m.Validate(); err != nil {
		return err
	}
	before, err := s.store.TLS(ctx, actor.Account.ID)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actTLSSet, Object: objectTLS, Changes: tlsChanges(&before, &m)}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.SetTLS(ctx, actor.Account.ID, m)
	})
}

// ChangeTLS changes parts of the TLS material of the account. The error is of kind Invalid for parts that cannot be used.
func (s *Service) ChangeTLS(ctx context.Context, actor cron.Actor, c cron.TLSChange) error {
	if err := s.allow(&actor, UseSetTLS); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actTLSSet, Object: objectTLS}
	if c.Roots != nil {
		e.Changes = append(e.Changes, "/caBundle")
	}
	if c.Client != nil {
		e.Changes = append(e.Changes, "/certificate", "/privateKey")
	}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.ChangeTLS(ctx, actor.Account.ID, c)
	})
}

// DeleteTLS removes the TLS material of the account.
func (s *Service) DeleteTLS(ctx context.Context, actor cron.Actor) error {
	if err := s.allow(&actor, UseDeleteTLS); err != nil {
		return err
	}
	return s.deleteTLS(ctx, &actor)
}

func (s *Service) deleteTLS(ctx context.Context, actor *cron.Actor) error {
	return s.audited(ctx, actor, cron.AuditEntry{Action: actTLSDelete, Object: objectTLS},
		func(ctx context.Context, _ *cron.AuditEntry) error { return s.store.DeleteTLS(ctx, actor.Account.ID) })
}

// tlsChanges names what differs. Of the private key nobody reads what it was, so that one counts as another.
func tlsChanges(before, after *cron.TLSMaterial) (pointers []string) {
	if before.Roots != after.Roots {
		pointers = append(pointers, "/caBundle")
	}
	if before.Certificate != after.Certificate {
		pointers = append(pointers, "/certificate")
	}
	if after.Key != "" {
		pointers = append(pointers, "/privateKey")
	}
	return pointers
}
