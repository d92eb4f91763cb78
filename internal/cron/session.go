package cron

import "time"

// FreshFor is how long after a proof of identity a session may do what needs a fresh one.
const FreshFor = 15 * time.Minute

// Session is a sign-in of a person: the token, of which the hash is stored, acts for the person until it ends.
type Session struct {
	ID        int64
	Hash      [32]byte // SHA-256 of the token
	PersonID  int64
	AccountID int64  // that the person looks at; 0 for none
	Way       string // how the person signed in: WayPassword, WayPasskey, WayOIDC, WayLink or WaySetup
	Console   bool   // the token is a cookie of the console, and otherwise a bearer token of the API
	Second    bool   // the second factor is still missing: the session may do nothing else than to give it
	Created   time.Time
	SignedIn  time.Time // the last proof of identity
	LastSeen  time.Time // accurate to 5 minutes
	Expires   time.Time
	Address   string // that it was made from
	UserAgent string
}

// Usable reports whether the session has not ended.
func (s *Session) Usable(now time.Time) bool { return now.Before(s.Expires) }

// Fresh reports whether the last proof of identity is recent.
func (s *Session) Fresh(now time.Time) bool { return !s.Second && now.Before(s.SignedIn.Add(FreshFor)) }

// The ways to sign in.
const (
	WayPassword = "password"
	WayPasskey  = "passkey"
	WayOIDC     = "oidc"
	WayLink     = "link"
	WaySetup    = "setup"
)
