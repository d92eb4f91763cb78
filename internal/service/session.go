package service

import (
	"cmp"
	"context"
	"net/netip"
	"strings"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

// Client is where a call of somebody who is not signed in comes from.
type Client struct {
	Address   netip.Addr
	UserAgent string
	Language  string
	Console   bool // the token becomes a cookie of the console, and otherwise a bearer of the API
}

func (c *Client) way() string {
	if c.Console {
		return cron.WayConsole
	}
	return cron.WayAPI
}

// actorOf is a person who has proven who they are by a call of a client, as the audit log names them.
func (c *Client) actorOf(p *cron.Person) cron.Actor {
	return cron.Actor{Person: p, Address: c.Address, Way: c.way(), Language: cmp.Or(p.Language, c.Language)}
}

// SignedIn is a session that has begun or has another token. The token is shown this once.
type SignedIn struct {
	Token   string
	Session cron.Session
	Person  cron.Person
	Second  bool // the second factor is still missing
}

// SessionLifetimes say how long sessions last. A field that is 0 is as usual.
type SessionLifetimes struct {
	Idle  time.Duration // of the console, without use; 14 days
	Total time.Duration // of the console; 90 days
	API   time.Duration // of the API; 24 hours
}

// How long sessions last as a rule.
const (
	usualIdle  = 14 * 24 * time.Hour
	usualTotal = 90 * 24 * time.Hour
	usualAPI   = 24 * time.Hour

	halfwayLifetime = 10 * time.Minute // of one whose second factor is missing
	seenNoted       = 5 * time.Minute  // how exactly it is known when a session was last used
	longestAgent    = 256              // bytes of a User-Agent that are kept
)

// total is how long a session lasts at most.
func (s *Service) total(console bool) time.Duration {
	if console {
		return cmp.Or(s.lifetimes.Total, usualTotal)
	}
	return cmp.Or(s.lifetimes.API, usualAPI)
}

// lives tells whether a session has neither ended nor gone unused for too long.
func (s *Service) lives(session *cron.Session, now time.Time) bool {
	idle := cmp.Or(s.lifetimes.Idle, usualIdle) + seenNoted
	return session.Usable(now) && (!session.Console || session.LastSeen.IsZero() || now.Before(session.LastSeen.Add(idle)))
}

// begin makes a session of a person, which looks at an account. half is true when the second factor is still missing. It
// joins the transaction of ctx.
func (s *Service) begin(ctx context.Context, client *Client, p *cron.Person, account int64, way string, half bool) (SignedIn, error) {
	now := s.store.Now()
	token, hash := auth.NewSessionToken()
	session := cron.Session{Hash: hash, PersonID: p.ID, AccountID: account, Way: way, Console: client.Console, Second: half,
		Created: now, SignedIn: now, LastSeen: now, Expires: now.Add(s.total(client.Console)),
		UserAgent: strings.ToValidUTF8(client.UserAgent[:min(len(client.UserAgent), longestAgent)], "")}
	if client.Address.IsValid() {
		session.Address = client.Address.String()
	}
	if half {
		session.Expires = now.Add(halfwayLifetime)
	}
	err := s.store.CreateSession(ctx, &session)
	return SignedIn{token, session, *p, half}, err
}

// firstAccount is the account that a new session looks at: the oldest enabled one of the person; 0 when there is none.
func (s *Service) firstAccount(ctx context.Context, personID int64) (int64, error) {
	list, err := s.store.MembershipsOf(ctx, personID)
	if err != nil {
		return 0, err
	}
	for i := range list {
		if !list[i].Account.Disabled {
			return list[i].AccountID, nil
		}
	}
	return 0, nil
}

// signIn is begin for the first account of a person, with its entry in the audit log.
func (s *Service) signIn(ctx context.Context, client *Client, p *cron.Person, way string, half bool) (in SignedIn, err error) {
	account, err := s.firstAccount(ctx, p.ID)
	if err != nil {
		return in, err
	}
	return s.signInTo(ctx, client, p, account, way, half)
}

func (s *Service) signInTo(ctx context.Context, client *Client, p *cron.Person, account int64, way string, half bool) (in SignedIn, err error) {
	actor := client.actorOf(p)
	actor.Account.ID = account
	e := cron.AuditEntry{Action: actSignIn, Object: objectPerson, ObjectID: p.ID, Title: p.Email, Changes: []string{"/" + way}}
	if half {
		e.Action = actFirstFactor
	}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, e *cron.AuditEntry) (err error) {
		in, err = s.begin(ctx, client, p, account, way, half)
		e.SessionID = in.Session.ID
		return err
	})
	return in, err
}

// renew gives the session of the actor another token, after a proof of identity: whoever knows the former one has no part
// in what the new one may do.
func (s *Service) renew(ctx context.Context, actor *cron.Actor) (SignedIn, error) {
	now := s.store.Now()
	token, hash := auth.NewSessionToken()
	var renewed cron.Session
	err := s.store.UpdateSession(ctx, actor.Session.ID, func(session *cron.Session) error {
		if session.Hash != actor.Session.Hash || session.PersonID != actor.Person.ID {
			return &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectSession} // renewed meanwhile
		}
		if session.Second {
			session.Expires = now.Add(s.total(session.Console))
		}
		session.Hash, session.Second, session.SignedIn, session.LastSeen = hash, false, now, now
		renewed = *session
		return nil
	})
	return SignedIn{Token: token, Session: renewed, Person: *actor.Person}, err
}

// SessionUsed notes that the session of an actor is used now. The error is of kind Unauthorized for one that went unused for
// too long, which stays ended.
func (s *Service) SessionUsed(ctx context.Context, now time.Time, actor cron.Actor) error {
	session := actor.Session
	switch {
	case session == nil:
		return nil
	case !s.lives(session, now):
		return &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectSession}
	case now.Sub(session.LastSeen) < seenNoted:
		return nil
	}
	session.LastSeen = now
	return s.store.TouchSession(ctx, session.PersonID, session.ID, now)
}

// Sessions lists the sessions of the person, the latest first.
func (s *Service) Sessions(ctx context.Context, actor cron.Actor) ([]cron.Session, error) {
	if err := s.allow(&actor, UseListSessions); err != nil {
		return nil, err
	}
	return s.store.Sessions(ctx, actor.Person.ID)
}

// EndSession ends a session of the person.
func (s *Service) EndSession(ctx context.Context, actor cron.Actor, id int64) error {
	if err := s.allow(&actor, UseEndSession); err != nil {
		return err
	}
	return s.endSession(ctx, &actor, id)
}

// SignOut ends the session of the actor, also one whose second factor is missing.
func (s *Service) SignOut(ctx context.Context, actor cron.Actor) error {
	if err := s.allow(&actor, UseSignOut); err != nil {
		return err
	}
	return s.endSession(ctx, &actor, actor.Session.ID)
}

func (s *Service) endSession(ctx context.Context, actor *cron.Actor, id int64) error {
	return s.audited(ctx, actor, cron.AuditEntry{Action: actSessionEnd, Object: objectSession, ObjectID: id},
		func(ctx context.Context, _ *cron.AuditEntry) error {
			return s.store.EndSession(ctx, actor.Person.ID, id)
		})
}

// EndOtherSessions ends all sessions of the person but that of the actor.
func (s *Service) EndOtherSessions(ctx context.Context, actor cron.Actor) error {
	if err := s.allow(&actor, UseEndSession); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actSessionsEnd, Object: objectPerson, ObjectID: actor.Person.ID},
		func(ctx context.Context, _ *cron.AuditEntry) error {
			return s.store.EndSessions(ctx, actor.Person.ID, actor.Session.ID)
		})
}

// SwitchAccount has the session look at another account of the person. The error is of kind NotFound when the person does
// not belong to it.
func (s *Service) SwitchAccount(ctx context.Context, actor cron.Actor, accountID int64) error {
	if err := s.allow(&actor, UseSwitchAccount); err != nil {
		return err
	}
	if _, err := s.store.Membership(ctx, accountID, actor.Person.ID); err != nil {
		if cron.KindOf(err) == cron.NotFound {
			return cron.Missing(cron.SubjectAccount)
		}
		return err
	}
	return s.store.LookAt(ctx, actor.Person.ID, actor.Session.ID, accountID)
}
