package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// KeyStore keeps API keys. What is not there, or belongs to another account, is an error of kind NotFound.
type KeyStore interface {
	// CreateAPIKey adds a key and sets its ID. The error is of kind TooMany when the account's plan allows no further key.
	CreateAPIKey(ctx context.Context, k *cron.APIKey) error
	// APIKeys lists the keys of an account, the oldest first.
	APIKeys(ctx context.Context, accountID int64) ([]cron.APIKey, error)
	// DeleteAPIKey removes a key of an account.
	DeleteAPIKey(ctx context.Context, accountID, keyID int64) error
	// TouchAPIKey notes that a key of an account was used at an instant.
	TouchAPIKey(ctx context.Context, accountID, keyID int64, at time.Time) error
}

// keyUseNoted is how exactly it is known when a key was last used, so that few calls cost a write.
const keyUseNoted = time.Hour

// KeyUsed notes that a key is used now.
func (s *Service) KeyUsed(ctx context.Context, now time.Time, key *cron.APIKey) error {
	if now.Sub(key.LastUsed) < keyUseNoted {
		return nil
	}
	key.LastUsed = now
	return s.keys.TouchAPIKey(ctx, key.AccountID, key.ID, now)
}

// APIKeys lists the keys of the account, the oldest first.
func (s *Service) APIKeys(ctx context.Context, account cron.Account) ([]cron.APIKey, error) {
	return s.keys.APIKeys(ctx, account.ID)
}

// CheckAPIKey makes a key one of the account, for AddAPIKey. The error is of kind Forbidden when it may do more than the
// key that asks for it.
func (s *Service) CheckAPIKey(now time.Time, account cron.Account, by, key *cron.APIKey) error {
	key.AccountID = account.ID
	if err := key.Accept(now); err != nil {
		return err
	}
	return key.Within(by)
}

// AddAPIKey saves a key that CheckAPIKey has seen, and sets its ID.
func (s *Service) AddAPIKey(ctx context.Context, key *cron.APIKey) error {
	return s.keys.CreateAPIKey(ctx, key)
}

// CreateAPIKey is CheckAPIKey and AddAPIKey.
func (s *Service) CreateAPIKey(ctx context.Context, now time.Time, account cron.Account, by, key *cron.APIKey) error {
	if err := s.CheckAPIKey(now, account, by, key); err != nil {
		return err
	}
	return s.AddAPIKey(ctx, key)
}

// DeleteAPIKey removes a key of the account. The error is of kind Conflict for the one that asks for it, so that nobody
// locks himself out.
func (s *Service) DeleteAPIKey(ctx context.Context, account cron.Account, by *cron.APIKey, keyID int64) error {
	if keyID == by.ID {
		return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectAPIKey,
			Problems: []cron.Problem{{Rule: cron.RuleKeyInUse}}}
	}
	return s.keys.DeleteAPIKey(ctx, account.ID, keyID)
}

// Standing is what an account may have, and what it has.
type Standing struct {
	Plan     cron.Plan // with the numbers that differ for the account
	Jobs     int
	Keys     int
	Requests int // of the key today (UTC); not counted when the plan does not limit them
}

// Standing tells what an account may have, and what it has and a key of it has used.
func (s *Service) Standing(ctx context.Context, account cron.Account, keyID int64) (Standing, error) {
	st := Standing{Plan: s.planOf(account)}
	var err error
	if st.Jobs, err = s.jobs.CountJobs(ctx, account.ID); err != nil {
		return st, err
	}
	keys, err := s.keys.APIKeys(ctx, account.ID)
	if err != nil {
		return st, err
	}
	st.Keys = len(keys)
	st.Requests, err = s.usage.Used(ctx, cron.RateLimit{Kind: kindDay, Subject: keyID, Window: 24 * time.Hour})
	return st, err
}
