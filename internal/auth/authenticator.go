package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"punctual/internal/cron"
)

// KeyStore finds API keys.
type KeyStore interface {
	// APIKeyByHash finds a key and the account that it acts for, or fails with kind NotFound.
	APIKeyByHash(ctx context.Context, hash [32]byte) (cron.APIKey, cron.Account, error)
}

// Authenticator recognises callers by their API keys.
type Authenticator struct {
	keys KeyStore
}

// New returns an Authenticator for the keys in the store.
func New(keys KeyStore) *Authenticator {
	return &Authenticator{keys: keys}
}

// Authenticate reads an Authorization header, "Bearer <key>" with the scheme in any letter case, and tells which key it
// holds and whose it is. An absent, unknown, disabled or expired one, and one of a disabled account, is an error of
// kind Unauthorized.
func (a *Authenticator) Authenticate(ctx context.Context, now time.Time, authorization string) (
	cron.APIKey, cron.Account, error) {
	scheme, key, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return cron.APIKey{}, cron.Account{}, unauthorized()
	}
	hash := HashKey(key)
	found, account, err := a.keys.APIKeyByHash(ctx, hash)
	switch {
	case cron.KindOf(err) == cron.NotFound:
		return cron.APIKey{}, cron.Account{}, unauthorized()
	case err != nil:
		return cron.APIKey{}, cron.Account{}, fmt.Errorf("find the API key: %w", err)
	case subtle.ConstantTimeCompare(found.Hash[:], hash[:]) != 1, !found.Usable(now), account.Disabled:
		return cron.APIKey{}, cron.Account{}, unauthorized()
	}
	return found, account, nil
}

func unauthorized() error {
	return &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectAPIKey}
}
