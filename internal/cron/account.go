package cron

import (
	"net/netip"
	"slices"
	"time"
)

// Account owns jobs, folders and API keys.
type Account struct {
	ID        int64
	Title     string    // empty for the e-mail address
	Email     string    // the contact address
	Plan      string    // the name of a Plan
	Overrides Overrides // limits of the plan that differ for this account
	Access    Access
	Created   time.Time
	Disabled  bool
	Deletes   time.Time // when the account will be deleted, and its jobs do not run until then; zero for never
}

// Access is the set of addresses that jobs of an account may call. The numbers are stored.
type Access int

// The kinds of access. Neither includes cloud metadata services and the listeners of the service.
const (
	AccessAll    Access = 0 // all, including private networks and the host itself
	AccessGlobal Access = 1 // global addresses only
)

// APIKey allows a program to act for an account. The key itself is shown once and not stored.
type APIKey struct {
	ID        int64
	AccountID int64
	Title     string
	Hash      [32]byte // SHA-256 of the key
	Hint      string   // the last characters of the key, to tell keys apart
	Created   time.Time
	LastUsed  time.Time // accurate to the hour; zero when it was never used
	Disabled  bool
	Expires   time.Time // zero for never
	Scopes    Scope
	AllowFrom []netip.Prefix // addresses from which the key can be used; none means any
	MadeBy    int64          // the person who made it; 0 for a command, and once the person is gone
	Role      Role           // at most what its maker may do in the account
	Operator  bool           // may also do what the operator of the service does by keys, with ScopeAll
}

// Scope is what a key may do, as a bit set. The bits are stored.
type Scope int64

// The scopes.
const (
	ScopeAll   Scope = 0      // everything, including scopes that are added later
	ScopeRead  Scope = 1 << 0 // see jobs, folders and history
	ScopeWrite Scope = 1 << 1 // create, change and delete jobs and folders

	// ScopeOperator is to run the service: all accounts, whoever they belong to. No key has it.
	ScopeOperator Scope = 1 << 62
)

// Has reports whether the scopes include the needed ones.
func (s Scope) Has(needed Scope) bool {
	return needed&ScopeOperator == 0 && (s == ScopeAll || s&needed == needed)
}

// Usable reports whether the key is enabled and not expired.
func (k *APIKey) Usable(now time.Time) bool {
	return !k.Disabled && (k.Expires.IsZero() || now.Before(k.Expires))
}

// Allows reports whether the key can be used from an address.
func (k *APIKey) Allows(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	return len(k.AllowFrom) == 0 || slices.ContainsFunc(k.AllowFrom, func(p netip.Prefix) bool { return p.Contains(from) })
}
