package cron

import "time"

// LinkKind is what a one-time link is for. The numbers are stored.
type LinkKind int

// The kinds of links.
const (
	LinkSetup      LinkKind = 1 // makes the operator of the service, or signs one in (punctual login-link)
	LinkSignUp     LinkKind = 2 // confirms the address of somebody who signs up
	LinkPassword   LinkKind = 3 // sets another password
	LinkEmail      LinkKind = 4 // confirms a new address of a person
	LinkInvitation LinkKind = 5 // makes somebody a member of an account
	LinkChannel    LinkKind = 6 // confirms the e-mail address of a channel; Detail is the number of the channel
)

// MaxInvitations is how many open invitations an account may have.
const MaxInvitations = 100

// Lifetime is how long a link of the kind can be used.
func (k LinkKind) Lifetime() time.Duration {
	switch k {
	case LinkSetup, LinkPassword:
		return time.Hour
	case LinkSignUp, LinkEmail:
		return 24 * time.Hour
	case LinkInvitation, LinkChannel:
		return 7 * 24 * time.Hour
	}
	return 0
}

// Link is a one-time link: whoever has its token may do one thing, once.
type Link struct {
	ID        int64
	Hash      [32]byte // SHA-256 of the token
	Kind      LinkKind
	PersonID  int64  // whom it is about; 0 for nobody yet
	AccountID int64  // of an invitation
	Email     string // to which it was sent, in lower case
	Role      Role   // of an invitation
	MadeBy    int64  // the person who made an invitation; 0 for a command
	Created   time.Time
	Expires   time.Time
	Used      time.Time // zero while it was not
	Detail    string
}

// Open is nil when the link can still be used, and otherwise an *Error of kind Gone.
func (l *Link) Open(now time.Time) error {
	switch {
	case !l.Used.IsZero():
		return &Error{Kind: Gone, Subject: SubjectLink, Problems: []Problem{{Rule: RuleLinkUsed}}}
	case !now.Before(l.Expires):
		return &Error{Kind: Gone, Subject: SubjectLink, Problems: []Problem{{Rule: RuleLinkExpired}}}
	}
	return nil
}
