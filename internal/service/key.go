package service

import (
	"context"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

// keyUseNoted is the precision of the time at which a key was last used, so that few calls cost a write.
const keyUseNoted = time.Hour

// hintLength is how many characters of a key are stored to recognise it by.
const hintLength = 4

// KeyUsed records that the key of the actor is used now.
func (s *Service) KeyUsed(ctx context.Context, now time.Time, actor cron.Actor) error {
	key := actor.Key
	if key == nil || now.Sub(key.LastUsed) < keyUseNoted {
		return nil
	}
	key.LastUsed = now
	return s.store.TouchAPIKey(ctx, key.AccountID, key.ID, now)
}

// APIKeys lists the keys of the account, the oldest first.
func (s *Service) APIKeys(ctx context.Context, actor cron.Actor) ([]cron.APIKey, error) {
	if err := s.allow(&actor, UseListKeys); err != nil {
		return nil, err
	}
	return s.store.APIKeys(ctx, actor.Account.ID)
}

// NewAPIKey makes an API key for the account, which AddAPIKey can save. It may do what the actor may, unless fill says
// otherwise; the error is of kind Forbidden when that is more. A key that is made with a key has the same maker. text is the
// key itself, which is not stored.
func (s *Service) NewAPIKey(now time.Time, actor cron.Actor, fill func(*cron.APIKey) error) (key cron.APIKey, text string, err error) {
	if err := s.allow(&actor, UseCreateKey); err != nil {
		return key, "", err
	}
	most := keyOf(&actor)
	key.Scopes, key.Expires, key.AllowFrom, key.Role = most.Scopes, most.Expires, most.AllowFrom, most.Role
	if err := fill(&key); err != nil {
		return key, "", err
	}
	key.AccountID, key.MadeBy = actor.Account.ID, most.MadeBy
	if err := key.Accept(now); err != nil {
		return key, "", err
	}
	if err := key.Within(&most); err != nil {
		return key, "", err
	}
	text, key.Hash = auth.NewKey()
	key.Hint = text[len(text)-hintLength:]
	return key, text, nil
}

// keyOf is a key that may do what the actor may now.
func keyOf(actor *cron.Actor) cron.APIKey {
	switch {
	case actor.Key != nil:
		k := *actor.Key
		k.Role = actor.Role
		return k
	case actor.Person != nil:
		return cron.APIKey{MadeBy: actor.Person.ID, Role: actor.Role, Operator: actor.Person.Operator}
	}
	return cron.APIKey{Role: cron.RoleOwner, Operator: true}
}

// AddAPIKey saves a key that NewAPIKey has made, and sets its ID. The error is of kind TooMany when the account's plan
// allows no further key.
func (s *Service) AddAPIKey(ctx context.Context, actor cron.Actor, key *cron.APIKey) error {
	if err := s.allowIn(&actor, UseCreateKey, key.AccountID); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actKeyCreate, Object: objectKey, Title: keyTitle(key)},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateAPIKey(ctx, key)
			e.ObjectID = key.ID
			return err
		})
}

// CreateAPIKey is NewAPIKey and AddAPIKey.
func (s *Service) CreateAPIKey(ctx context.Context, now time.Time, actor cron.Actor, fill func(*cron.APIKey) error) (
	text string, err error) {
	key, text, err := s.NewAPIKey(now, actor, fill)
	if err == nil {
		err = s.AddAPIKey(ctx, actor, &key)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// DeleteAPIKey removes a key of the account. The error is of kind Conflict for the actor's own key, so that nobody is
// locked out.
func (s *Service) DeleteAPIKey(ctx context.Context, actor cron.Actor, keyID int64) error {
	if err := s.allow(&actor, UseDeleteKey); err != nil {
		return err
	}
	if actor.Key != nil && keyID == actor.Key.ID {
		return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectAPIKey,
			Problems: []cron.Problem{{Rule: cron.RuleKeyInUse}}}
	}
	keys, err := s.store.APIKeys(ctx, actor.Account.ID)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actKeyDelete, Object: objectKey, ObjectID: keyID}
	for i := range keys {
		if keys[i].ID == keyID {
			e.Title = keyTitle(&keys[i])
		}
	}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.DeleteAPIKey(ctx, actor.Account.ID, keyID)
	})
}

// keyTitle names a key in the audit log.
func keyTitle(k *cron.APIKey) string {
	if k.Title == "" {
		return "…" + k.Hint
	}
	return k.Title
}

// Standing is the limits of an account and what it uses of them.
type Standing struct {
	Plan     cron.Plan // with the overrides of the account
	Jobs     int
	Keys     int
	Requests int // of the key today (UTC); not counted when the plan does not limit them
}

// Standing returns the limits of the account, what it uses, and the requests of the actor's key.
func (s *Service) Standing(ctx context.Context, actor cron.Actor) (Standing, error) {
	if err := s.allow(&actor, UseGetAccount); err != nil {
		return Standing{}, err
	}
	st := Standing{Plan: s.planOf(actor.Account)}
	var err error
	if st.Jobs, err = s.store.CountJobs(ctx, actor.Account.ID); err != nil {
		return st, err
	}
	keys, err := s.store.APIKeys(ctx, actor.Account.ID)
	if err != nil {
		return st, err
	}
	st.Keys = len(keys)
	if actor.Key != nil {
		st.Requests, err = s.store.Used(ctx, cron.RateLimit{Kind: kindDay, Subject: actor.Key.ID, Window: 24 * time.Hour})
	}
	return st, err
}
