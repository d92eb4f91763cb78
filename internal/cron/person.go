package cron

import "time"

// Person is somebody who signs in. What a person may do in an account is a Membership.
type Person struct {
	ID           int64
	Email        string // in lower case
	Name         string
	Zone         string // an IANA name; empty for that of the browser
	Language     string // such as "en"; empty for that of the browser
	Theme        string // "light" or "dark"; empty for that of the browser
	Operator     bool   // runs the whole service
	Disabled     bool   // cannot sign in
	Confirmed    bool   // has proven to have the e-mail address: by a mail, by an issuer that is trusted for it, or by the set-up
	PasswordHash string // a PHC string; empty when the person has no password
	HasTOTP      bool   // has an authenticator app as second factor
	Created      time.Time
	LastSignIn   time.Time // zero for never
}

// Membership is that a person belongs to an account.
type Membership struct {
	PersonID, AccountID int64
	Role                Role
	Created             time.Time
	Person              Person  // in lists of the members of an account
	Account             Account // in lists of the accounts of a person
}

// Passkey is a WebAuthn credential of a person.
type Passkey struct {
	ID           int64
	PersonID     int64
	CredentialID []byte // by which an authenticator names it, unique in the service
	Credential   []byte // public key and counters, as package auth encodes them; nothing in it is secret
	Title        string
	Created      time.Time
	LastUsed     time.Time // zero for never
}

// Identity is how an OpenID Connect issuer knows a person: issuer and subject identify it, the e-mail address does not.
type Identity struct {
	Issuer, Subject string
	PersonID        int64
	Email           string // that the issuer named when it was linked
	Created         time.Time
}

// MaxMembers is how many people an account may have.
const MaxMembers = 500

// Limits of a person.
const (
	MaxSessions      = 50 // at once; the oldest one ends when another one begins
	MaxPasskeys      = 20
	MaxIdentities    = 20
	MaxRecoveryCodes = 20
)
