package service

import (
	"cmp"
	"context"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// Who signs in at an issuer of OpenID Connect is found in this order:
//
//	issuer and subject are known ─────────────▶ that person
//	address trusted, a person has it ─────────▶ that person, linked from now on
//	invitation to the address, verified ──────▶ a new person, as the invitation says
//	admitted without invitation ──────────────▶ a new person, in the account of the issuer with the role of the claim
//	otherwise ────────────────────────────────▶ nobody
//
// A subject never changes hands; an address may, so it links only where the issuer is configured to be trusted for its domain.

// SignInByOIDC begins a session for whoever has signed in at an issuer, which counts as both factors. invitation is the token
// of the invitation that the sign-in began with; empty for none. The error is of kind Forbidden when nobody is let in, and of
// kind Conflict when the sign-in was used before.
func (s *Service) SignInByOIDC(ctx context.Context, client Client, id auth.Identity, invitation string) (in SignedIn, err error) {
	account, err := s.accountOf(ctx, &id)
	if err != nil {
		return in, err
	}
	link, err := s.invitationFor(ctx, &id, invitation)
	if err != nil {
		return in, err
	}
	actor := cron.Actor{Address: client.Address, Way: client.way()}
	e := cron.AuditEntry{Action: actIdentityUse, Object: objectPerson, Title: id.Email, Changes: []string{"/" + id.Config.Name}}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, e *cron.AuditEntry) error {
		if err := s.store.UseChallenge(ctx, id.Challenge, id.Expires); err != nil {
			return err
		}
		in, err = s.byIdentity(ctx, &client, &id, link, account)
		e.Actor, e.PersonID, e.ObjectID, e.AccountID = in.Person.Email, in.Person.ID, in.Person.ID, in.Session.AccountID
		return err
	})
	return in, err
}

// byIdentity is SignInByOIDC within a transaction.
func (s *Service) byIdentity(ctx context.Context, client *Client, id *auth.Identity, link *cron.Link, account cron.Account) (
	in SignedIn, err error) {
	p, err := s.store.IdentityPerson(ctx, id.Issuer, id.Subject)
	if cron.KindOf(err) == cron.NotFound && id.Trusted && id.Email != "" {
		if p, err = s.store.PersonByEmail(ctx, id.Email); err == nil {
			if err := s.linkByAddress(ctx, client, &p, id); err != nil {
				return in, err
			}
			s.tellOfMethod(ctx, &p, true, message.MethodIdentity, id.Config.Title)
		}
	}
	switch {
	case err == nil:
		in, err = s.signInKnown(ctx, client, &p, id, account)
	case cron.KindOf(err) == cron.NotFound:
		in, err = s.enterByOIDC(ctx, client, id, link, account)
	}
	return in, err
}

// accountOf is the account that people of an issuer come into; none when each has an account of their own.
func (s *Service) accountOf(ctx context.Context, id *auth.Identity) (cron.Account, error) {
	if id.Config.Account == "" {
		return cron.Account{}, nil
	}
	return s.findAccount(ctx, id.Config.Account)
}

// invitationFor finds an invitation to the verified address of an identity; nil for none.
func (s *Service) invitationFor(ctx context.Context, id *auth.Identity, token string) (*cron.Link, error) {
	if token == "" {
		return nil, nil
	}
	l, err := s.openLink(ctx, cron.LinkInvitation, token)
	if err == nil && (!id.EmailVerified || id.Email != l.Email) {
		err = &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectInvitation, Problems: []cron.Problem{{Rule: cron.RuleLinkEmail}}}
	}
	return &l, err
}

// linkByAddress links an identity with the person who has its address. Somebody else may have made that person, as long as
// nobody has proven the address: then all other ways to sign in are taken off.
func (s *Service) linkByAddress(ctx context.Context, client *Client, p *cron.Person, id *auth.Identity) error {
	if !p.Confirmed {
		if err := s.dropFactors(ctx, p.ID); err != nil {
			return err
		}
		if err := s.store.EndSessions(ctx, p.ID, 0); err != nil {
			return err
		}
		err := s.store.UpdatePerson(ctx, p.ID, func(stored *cron.Person) error {
			stored.PasswordHash, stored.Confirmed = "", true
			return nil
		})
		if err != nil {
			return err
		}
		p.PasswordHash, p.HasTOTP, p.Confirmed = "", false, true
	}
	return s.addIdentity(ctx, client, p, id)
}

func (s *Service) addIdentity(ctx context.Context, client *Client, p *cron.Person, id *auth.Identity) error {
	actor := client.actorOf(p)
	if err := s.note(ctx, &actor, personEntry(actIdentityLink, p, "/"+id.Config.Name)); err != nil {
		return err
	}
	return s.store.LinkIdentity(ctx, cron.Identity{Issuer: id.Issuer, Subject: id.Subject, PersonID: p.ID, Email: id.Email})
}

// signInKnown begins a session for a person whom an identity belongs to, with the role of the claim in the account of the
// issuer, if they are a member of it. A role that would leave the account without an owner stays as it is.
func (s *Service) signInKnown(ctx context.Context, client *Client, p *cron.Person, id *auth.Identity, account cron.Account) (in SignedIn, err error) {
	if p.Disabled {
		return in, refuse(id, cron.Unauthorized, cron.RuleIdentityUnknown)
	}
	if account.ID != 0 && id.Role != cron.RoleNone {
		actor := client.actorOf(p)
		actor.Account = account
		m, err := s.store.Membership(ctx, account.ID, p.ID)
		if err != nil && cron.KindOf(err) != cron.NotFound {
			return in, err
		}
		if err == nil && m.Role != id.Role {
			err := s.setMember(ctx, &actor, actMemberChange, p, id.Role)
			if err != nil && cron.KindOf(err) != cron.Conflict {
				return in, err
			}
		}
	}
	return s.signIn(ctx, client, p, cron.WayOIDC, false)
}

// enterByOIDC makes a person of somebody new, when an invitation or the configuration of the issuer lets them in.
func (s *Service) enterByOIDC(ctx context.Context, client *Client, id *auth.Identity, link *cron.Link, account cron.Account) (in SignedIn, err error) {
	if id.Email == "" || link == nil && !id.Admitted {
		return in, refuse(id, cron.Forbidden, cron.RuleIdentityUnknown)
	}
	n := newcomer{person: cron.Person{Email: id.Email, Name: id.Name, Language: client.Language, Confirmed: id.Trusted}}
	if n.person.Accept() != nil { // an issuer may name anything
		n.person.Name, n.person.Language = "", ""
	}
	role := max(id.Role, cron.RoleViewer)
	if link == nil && account.ID == 0 {
		role = cron.RoleOwner
		account = cron.Account{Email: id.Email, Plan: cron.PlanDefault, Access: cron.AccessGlobal}
		actor := client.actorOf(&n.person)
		if err := s.addAccount(ctx, &actor, &account); err != nil {
			return in, err
		}
	}
	enter := func(ctx context.Context) error {
		if in, err = s.enter(ctx, client, &n, account, role, cron.WayOIDC); err != nil {
			return knownAlready(err, id, link)
		}
		return s.addIdentity(ctx, client, &in.Person, id)
	}
	if link == nil {
		return in, enter(ctx)
	}
	err = s.store.UseLink(ctx, link.Hash, func(ctx context.Context, l cron.Link) error {
		role = l.Role
		n.person.Confirmed = n.person.Confirmed || l.Detail == mailed
		account, err = s.invitedTo(ctx, &l)
		return cmp.Or(err, enter(ctx))
	})
	return in, err
}

// knownAlready says what a person does whose address is there, but not linked with an identity that is not trusted for it.
func knownAlready(err error, id *auth.Identity, link *cron.Link) error {
	first := signInFirst(err)
	if first == err || link != nil {
		return first
	}
	return refuse(id, cron.Unauthorized, cron.RuleIdentityLink)
}

// refuse is that an identity does not do, by a rule that names its issuer.
func refuse(id *auth.Identity, kind cron.ErrorKind, rule cron.Rule) error {
	return &cron.Error{Kind: kind, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: rule, Given: id.Config.Title}}}
}

// LinkIdentity lets the person sign in by an issuer from now on. The error is of kind Conflict when the identity belongs to
// somebody else.
func (s *Service) LinkIdentity(ctx context.Context, actor cron.Actor, id auth.Identity) error {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return err
	}
	err := s.audited(ctx, &actor, personEntry(actIdentityLink, actor.Person, "/"+id.Config.Name), func(ctx context.Context, _ *cron.AuditEntry) error {
		if err := s.store.UseChallenge(ctx, id.Challenge, id.Expires); err != nil {
			return err
		}
		return s.store.LinkIdentity(ctx, cron.Identity{Issuer: id.Issuer, Subject: id.Subject, PersonID: actor.Person.ID, Email: id.Email})
	})
	if err == nil {
		s.tellOfMethod(ctx, actor.Person, true, message.MethodIdentity, id.Config.Title)
	}
	return err
}

// UnlinkIdentity takes an identity off the person. The error is of kind Conflict when it is the only way to sign in.
func (s *Service) UnlinkIdentity(ctx context.Context, actor cron.Actor, issuer, subject string) error {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return err
	}
	err := s.audited(ctx, &actor, personEntry(actIdentityDrop, actor.Person), func(ctx context.Context, _ *cron.AuditEntry) error {
		if err := s.store.UnlinkIdentity(ctx, actor.Person.ID, issuer, subject); err != nil {
			return err
		}
		return s.stillSignsIn(ctx, actor.Person.ID)
	})
	if err == nil {
		s.tellOfMethod(ctx, actor.Person, false, message.MethodIdentity, "")
	}
	return err
}

// ConfirmByOIDC makes the session of the actor fresh by an identity of the person, whom the issuer has asked again.
func (s *Service) ConfirmByOIDC(ctx context.Context, actor cron.Actor, id auth.Identity) (in SignedIn, err error) {
	if err := s.allow(&actor, UseConfirm); err != nil {
		return in, err
	}
	p, err := s.store.IdentityPerson(ctx, id.Issuer, id.Subject)
	switch {
	case cron.KindOf(err) == cron.NotFound, err == nil && (p.ID != actor.Person.ID || !id.Fresh):
		return in, refuse(&id, cron.Unauthorized, cron.RuleIdentityOther)
	case err != nil:
		return in, err
	}
	if err := s.store.UseChallenge(ctx, id.Challenge, id.Expires); err != nil {
		return in, err
	}
	return s.confirmed(ctx, &actor)
}
