package service

import (
	"crypto/hmac"
	"crypto/sha256"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// AddressChecker knows which addresses jobs may not call.
type AddressChecker interface {
	// CheckHost tells why host, a name or an address, cannot be or is blocked for that port and accounts of that access; no
	// problem when neither is known. It looks nothing up: names are checked for good when they are dialed.
	CheckHost(host string, port int, access cron.Access) cron.Problem
}

// Config is what a Service needs.
type Config struct {
	Store     *store.Store
	Events    EventStore // the Store unless a test has its own
	Searcher  Searcher   // likewise
	Addresses AddressChecker
	Plans     cron.Plans
	Secret    [32]byte // the key that seals secrets; that of badges is derived from it
	Followers int      // streams of events at once on this node, if less than usual; 0 for as usual
}

// Service performs the use cases. It is safe for concurrent use.
type Service struct {
	store      *store.Store
	events     EventStore
	searcher   Searcher
	followers  followers
	underWay   underWay
	addresses  AddressChecker
	plans      cron.Plans
	badgeKey   []byte
	versionKey []byte // makes versions of jobs
}

// New returns a Service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, events: c.Events, searcher: c.Searcher, addresses: c.Addresses, plans: c.Plans,
		badgeKey: derivedKey(c.Secret, "punctual badge token"), versionKey: derivedKey(c.Secret, "punctual job version"),
		followers: followers{most: c.Followers},
	}
	if s.events == nil {
		s.events = c.Store
	}
	if s.searcher == nil {
		s.searcher = c.Store
	}
	return s
}

// derivedKey is a key for one purpose, which tells nothing of the secret.
func derivedKey(secret [32]byte, purpose string) []byte {
	code := hmac.New(sha256.New, secret[:])
	_, _ = code.Write([]byte(purpose)) // never fails
	return code.Sum(nil)
}

// planOf is the plan of an account, with the numbers that differ for it.
func (s *Service) planOf(account cron.Account) cron.Plan {
	return s.plans.Of(account.Plan, account.Overrides)
}
