package cron

import (
	"net/netip"
	"slices"
	"time"
)

// Account owns jobs, folders and API keys.
type Account struct {
	ID        int64
	Email     string
	Plan      string    // the name of a Plan
	Overrides Overrides // numbers of the plan that differ for this account
	Access    Access
	Created   time.Time
	Disabled  bool
}

// Access is which addresses the executions of an account may call. The numbers are stored.
type Access int

// The kinds of access. Metadata services of clouds and our own listeners are in neither.
const (
	AccessAll    Access = 0 // private networks and the host itself too
	AccessGlobal Access = 1 // global addresses only
)

// APIKey lets a program act for an account. The key itself is shown once and never stored.
type APIKey struct {
	ID        int64
	AccountID int64
	Title     string
	Hash      [32]byte // SHA-256 of the key
	Hint      string   // the last characters of the key, for people who have several
	Created   time.Time
	LastUsed  time.Time // to the hour; zero when it never was, as far as is known
	Disabled  bool
	Expires   time.Time // zero is never
	Scopes    Scope
	AllowFrom []netip.Prefix // addresses that may use the key; none means any
}

// Scope is what a key may do, as bits. The bits are stored.
type Scope int64

// The scopes.
const (
	ScopeAll   Scope = 0      // everything, and whatever comes later
	ScopeRead  Scope = 1 << 0 // see jobs, folders and history
	ScopeWrite Scope = 1 << 1 // create, change and delete jobs and folders
)

// Has tells whether a key of these scopes may do what needs the given one.
func (s Scope) Has(needed Scope) bool { return s == ScopeAll || s&needed == needed }

// Usable tells whether the key works at the given time.
func (k *APIKey) Usable(now time.Time) bool {
	return !k.Disabled && (k.Expires.IsZero() || now.Before(k.Expires))
}

// Allows tells whether the key may be used from an address.
func (k *APIKey) Allows(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	return len(k.AllowFrom) == 0 || slices.ContainsFunc(k.AllowFrom, func(p netip.Prefix) bool { return p.Contains(from) })
}
