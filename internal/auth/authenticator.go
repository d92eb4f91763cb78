package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"punctual/internal/cron"
)

// KeyStore finds API keys.
type KeyStore interface {
	// APIKeyByHash finds a key and the account that it acts for, or fails with kind NotFound.
	APIKeyByHash(ctx context.Context, hash [32]byte) (cron.APIKey, cron.Account, error)
}

// Authenticator turns credentials into the Actor that they stand for.
type Authenticator struct {
	keys KeyStore
}

// New returns an Authenticator for the keys in the store.
func New(keys KeyStore) *Authenticator {
	return &Authenticator{keys: keys}
}

// Authenticate reads an Authorization header, "Bearer <key>" ignoring the case of the scheme, of a request that comes
// from an address, and returns the actor whose key it holds. An absent, unknown, disabled or expired key, and one of a
// disabled account, is an error of kind Unauthorized; one that may not be used from the address is an error of kind
// Forbidden.
func (a *Authenticator) Authenticate(ctx context.Context, now time.Time, authorization string, from netip.Addr) (
	cron.Actor, error) {
	scheme, key, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return cron.Actor{}, unauthorized()
	}
	hash := HashKey(key)
	found, account, err := a.keys.APIKeyByHash(ctx, hash)
	switch {
	case cron.KindOf(err) == cron.NotFound:
		return cron.Actor{}, unauthorized()
	case err != nil:
		return cron.Actor{}, fmt.Errorf("find the API key: %w", err)
	case subtle.ConstantTimeCompare(found.Hash[:], hash[:]) != 1, !found.Usable(now), account.Disabled:
		return cron.Actor{}, unauthorized()
	}
	if err := checkAddress(&found, from); err != nil {
		return cron.Actor{}, err
	}
	return cron.Actor{Account: account, Key: &found}, nil
}

func unauthorized() error {
	return &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectAPIKey}
}

// checkAddress is an error of kind Forbidden when the key may not be used from the address.
func checkAddress(key *cron.APIKey, from netip.Addr) error {
	if key.Allows(from) {
		return nil
	}
	given := ""
	if from.IsValid() {
		given = from.String()
	}
	return &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectAPIKey,
		Problems: []cron.Problem{{Rule: cron.RuleKeyAddress, Given: given}}}
}
