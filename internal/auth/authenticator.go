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

// Store finds what callers present.
type Store interface {
	// APIKeyByHash finds a key and the account that it acts for, or fails with kind NotFound.
	APIKeyByHash(ctx context.Context, hash [32]byte) (cron.APIKey, cron.Account, error)
	// SessionByHash finds a session with its person, the account that it looks at and the role in it, or fails with kind
	// NotFound.
	SessionByHash(ctx context.Context, hash [32]byte) (cron.Session, cron.Person, cron.Account, cron.Role, error)
}

// Authenticator turns credentials into the Actor that they stand for.
type Authenticator struct {
	store Store
}

// New returns an Authenticator for what the store has.
func New(s Store) *Authenticator {
	return &Authenticator{store: s}
}

// Authenticate reads an Authorization header, "Bearer <token>" ignoring the case of the scheme, of a request that comes
// from an address, and returns the actor whose API key or session of the API it holds. An absent, unknown, disabled or
// expired one, and a key of a disabled account, is an error of kind Unauthorized; a key that may not be used from the
// address is an error of kind Forbidden.
func (a *Authenticator) Authenticate(ctx context.Context, now time.Time, authorization string, from netip.Addr) (
	cron.Actor, error) {
	scheme, token, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return cron.Actor{}, unauthorized()
	}
	if strings.HasPrefix(token, sessionPrefix) {
		actor, err := a.session(ctx, now, token, from)
		if err != nil {
			return cron.Actor{}, err
		}
		if actor.Session.Console {
			return cron.Actor{}, unauthorized() // a cookie that somebody took along
		}
		actor.Way = cron.WayAPI
		return actor, nil
	}
	return a.key(ctx, now, token, from)
}

// AuthenticateSession returns the actor of the session of the console whose cookie holds a token. An unknown or expired
// session, and that of a disabled person, is an error of kind Unauthorized. While the second factor is missing, which the
// session says, the actor has no rights but to give it.
func (a *Authenticator) AuthenticateSession(ctx context.Context, now time.Time, token string, from netip.Addr) (cron.Actor, error) {
	actor, err := a.session(ctx, now, token, from)
	if err != nil {
		return cron.Actor{}, err
	}
	if !actor.Session.Console {
		return cron.Actor{}, unauthorizedSession()
	}
	actor.Way = cron.WayConsole
	return actor, nil
}

func (a *Authenticator) session(ctx context.Context, now time.Time, token string, from netip.Addr) (cron.Actor, error) {
	hash := HashToken(token)
	session, person, account, role, err := a.store.SessionByHash(ctx, hash)
	switch {
	case cron.KindOf(err) == cron.NotFound:
		return cron.Actor{}, unauthorizedSession()
	case err != nil:
		return cron.Actor{}, fmt.Errorf("find the session: %w", err)
	case subtle.ConstantTimeCompare(session.Hash[:], hash[:]) != 1, !session.Usable(now), person.Disabled:
		return cron.Actor{}, unauthorizedSession()
	}
	return cron.Actor{Account: account, Person: &person, Session: &session, Role: role, Language: person.Language, Address: from}, nil
}

func (a *Authenticator) key(ctx context.Context, now time.Time, key string, from netip.Addr) (cron.Actor, error) {
	hash := HashKey(key)
	found, account, err := a.store.APIKeyByHash(ctx, hash)
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
	return cron.Actor{Account: account, Key: &found, Role: found.Role, Address: from, Way: cron.WayAPI}, nil
}

func unauthorizedSession() error {
	return &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectSession}
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
