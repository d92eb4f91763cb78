package service

import (
	"crypto/hmac"
	"crypto/sha256"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// AddressChecker knows which addresses jobs may not call.
type AddressChecker interface {
	// CheckHost returns why a host, given as a name or an address, is invalid, or is blocked for that port and access;
	// otherwise no problem. It does not resolve names: their addresses are checked when they are dialled.
	CheckHost(host string, port int, access cron.Access) cron.Problem
}

// Config configures a Service.
type Config struct {
	Store     *store.Store
	Events    EventStore // the Store, except in tests
	Searcher  Searcher   // the Store, except in tests
	Addresses AddressChecker
	Plans     cron.Plans
	Secret    [32]byte // the key that seals secrets; the keys for badges and versions are derived from it
	Followers int      // maximum of event streams on this node; 0 for the default
}

// Service performs the use cases. It is safe for concurrent use.
type Service struct {
	store           *store.Store
	events          EventStore
	searcher        Searcher
	followers       followers
	callsInProgress callsInProgress
	addresses       AddressChecker
	plans           cron.Plans
	badgeKey        []byte
	versionKey      []byte // authenticates versions of jobs
}

// New returns a Service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, events: c.Events, searcher: c.Searcher, addresses: c.Addresses, plans: c.Plans,
		badgeKey: derivedKey(c.Secret, "punctual badge token"), versionKey: derivedKey(c.Secret, "punctual job version"),
		followers: followers{max: c.Followers},
	}
	if s.events == nil {
		s.events = c.Store
	}
	if s.searcher == nil {
		s.searcher = c.Store
	}
	return s
}

// derivedKey derives a key for one purpose. It does not reveal the secret.
func derivedKey(secret [32]byte, purpose string) []byte {
	code := hmac.New(sha256.New, secret[:])
	_, _ = code.Write([]byte(purpose)) // never fails
	return code.Sum(nil)
}

// planOf is the plan of an account with its overrides.
func (s *Service) planOf(account cron.Account) cron.Plan {
	return s.plans.Of(account.Plan, account.Overrides)
}
