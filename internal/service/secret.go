package service

import (
	"context"

	"punctual/internal/cron"
)

// MaxSecretsPage is the largest page of Secrets.
const MaxSecretsPage = 1000

// Secrets lists secrets of the account in the order of their IDs, without their values: a page of those with larger IDs than
// after. next is the after of the next page, and 0 at the end.
func (s *Service) Secrets(ctx context.Context, actor cron.Actor, after int64, limit int) (list []cron.Secret, next int64, err error) {
	if err := s.allow(&actor, UseListSecrets); err != nil {
		return nil, 0, err
	}
	limit = min(limit, MaxSecretsPage)
	list, err = s.store.Secrets(ctx, actor.Account.ID, after, limit+1)
	if err == nil && len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, err
}

// NewSecret makes a secret of the account, which AddSecret can save.
func (s *Service) NewSecret(actor cron.Actor, name, value string) (cron.Secret, error) {
	if err := s.allow(&actor, UseCreateSecret); err != nil {
		return cron.Secret{}, err
	}
	secret := cron.Secret{AccountID: actor.Account.ID, Name: name, Value: value}
	return secret, secret.Accept()
}

// AddSecret saves a secret from NewSecret and sets its ID. The error is of kind Conflict when the account has one of that
// name, and of kind TooMany when the plan allows no further one.
func (s *Service) AddSecret(ctx context.Context, actor cron.Actor, secret *cron.Secret) error {
	if err := s.allowIn(&actor, UseCreateSecret, secret.AccountID); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actSecretMake, Object: objectSecret, Title: secret.Name},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateSecret(ctx, secret)
			e.ObjectID = secret.ID
			return err
		})
}

// SetSecret gives a secret another value; nil leaves the value. Errors of the value itself are reported before a missing
// secret. Executions that start afterwards send the new value.
func (s *Service) SetSecret(ctx context.Context, actor cron.Actor, secretID int64, value *string) error {
	if err := s.allow(&actor, UseChangeSecret); err != nil {
		return err
	}
	if value != nil {
		given := cron.Secret{Value: *value}
		if err := given.AcceptValue(); err != nil {
			return err
		}
	}
	secret, err := s.store.Secret(ctx, actor.Account.ID, secretID)
	if err != nil || value == nil {
		return err
	}
	secret.Value = *value
	e := cron.AuditEntry{Action: actSecretSet, Object: objectSecret, ObjectID: secretID, Title: secret.Name, Changes: []string{"/value"}}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error { return s.store.SetSecret(ctx, &secret) })
}

// DeleteSecret removes a secret. The error is of kind Conflict while jobs use it.
func (s *Service) DeleteSecret(ctx context.Context, actor cron.Actor, secretID int64) error {
	if err := s.allow(&actor, UseDeleteSecret); err != nil {
		return err
	}
	secret, err := s.store.Secret(ctx, actor.Account.ID, secretID)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actSecretDrop, Object: objectSecret, ObjectID: secretID, Title: secret.Name}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.DeleteSecret(ctx, actor.Account.ID, secretID)
	})
}
