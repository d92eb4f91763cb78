package service

import (
	"context"
	"strconv"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// LostPassword sends a link to set another password, when somebody has the address. What it returns and how long it takes
// tell nothing of that. The error is of kind Forbidden when no mail can be sent, and of kind TooMany after too many.
func (s *Service) LostPassword(ctx context.Context, client Client, email string) error {
	address, err := s.reserveMail(ctx, &client, email)
	if err != nil {
		return err
	}
	return s.inBackground(func(ctx context.Context) error {
		p, err := s.store.PersonByEmail(ctx, address)
		if cron.KindOf(err) == cron.NotFound || err == nil && p.Disabled {
			return nil
		}
		if err != nil {
			return err
		}
		token, err := s.newLink(ctx, &cron.Link{Kind: cron.LinkPassword, PersonID: p.ID, Email: p.Email, Detail: s.stateOf(&p)})
		if err != nil {
			return err
		}
		mail := words(p.Language).LostPasswordMail(p.Email, s.publicURL+PasswordPath+token)
		mail.Patience = cron.LinkPassword.Lifetime()
		return s.send(ctx, mail)
	})
}

// stateOf changes with the password and the address of a person, and tells nothing of them: a link that was made before such
// a change no longer works.
func (s *Service) stateOf(p *cron.Person) string {
	return strconv.FormatInt(s.subjectOf("state", p.Email, p.PasswordHash), 36)
}

// PasswordLink tells what a link of LostPassword is for.
func (s *Service) PasswordLink(ctx context.Context, token string) (LinkInfo, error) {
	return s.showLink(ctx, cron.LinkPassword, token)
}

// ResetPassword sets another password by a link of LostPassword, ends all sessions of the person, and begins one. A second
// factor is still missing in it.
func (s *Service) ResetPassword(ctx context.Context, client Client, token, password string) (SignedIn, error) {
	l, err := s.openLink(ctx, cron.LinkPassword, token)
	if err != nil {
		return SignedIn{}, err
	}
	return s.setPassword(ctx, &client, &l, password, cron.WayLink)
}

// setPassword sets the password of the person of a link, which proves the address. A link by a command proves more, and needs
// no second factor.
func (s *Service) setPassword(ctx context.Context, client *Client, l *cron.Link, password, way string) (in SignedIn, err error) {
	if err := auth.CheckPasswordRules(password, l.Email); err != nil {
		return in, err
	}
	phc, err := s.passwords.Hash(ctx, client.Address, password)
	if err != nil {
		return in, err
	}
	var p cron.Person
	err = s.store.UseLink(ctx, l.Hash, func(ctx context.Context, l cron.Link) error {
		var proven bool
		err := s.store.UpdatePerson(ctx, l.PersonID, func(stored *cron.Person) error {
			if stored.Disabled || stored.Email != l.Email || l.Kind == cron.LinkPassword && s.stateOf(stored) != l.Detail {
				return &cron.Error{Kind: cron.Gone, Subject: cron.SubjectLink, Problems: []cron.Problem{{Rule: cron.RuleLinkExpired}}}
			}
			proven = stored.Confirmed
			stored.PasswordHash, stored.Confirmed = phc, true
			p = *stored
			return nil
		})
		if err == nil {
			err = s.store.EndSessions(ctx, l.PersonID, 0)
		}
		if err == nil && !proven {
			err = s.dropFactors(ctx, l.PersonID)
			p.HasTOTP = false
		}
		if err != nil {
			return err
		}
		actor := client.actorOf(&p)
		if err := s.note(ctx, &actor, personEntry(actPasswordSet, &p)); err != nil {
			return err
		}
		in, err = s.signIn(ctx, client, &p, way, p.HasTOTP && l.Kind != cron.LinkSetup)
		return err
	})
	if err == nil {
		s.queue(ctx, words(p.Language).PasswordChangedMail(p.Email))
	}
	return in, err
}

// dropFactors takes off all ways to sign in but the password. It is for a person whose address somebody else gave, before it
// was proven by whoever really has it.
func (s *Service) dropFactors(ctx context.Context, personID int64) error {
	if err := s.store.SetTOTP(ctx, personID, nil); err != nil {
		return err
	}
	passkeys, err := s.store.Passkeys(ctx, personID)
	if err != nil {
		return err
	}
	for i := range passkeys {
		if err := s.store.DeletePasskey(ctx, personID, passkeys[i].ID); err != nil {
			return err
		}
	}
	identities, err := s.store.Identities(ctx, personID)
	if err != nil {
		return err
	}
	for i := range identities {
		if err := s.store.UnlinkIdentity(ctx, personID, identities[i].Issuer, identities[i].Subject); err != nil {
			return err
		}
	}
	return nil
}

// ChangePassword sets the password of the person, ends their other sessions, and gives this one another token. An empty one
// takes it off; the error is of kind Conflict when it is the only way to sign in.
func (s *Service) ChangePassword(ctx context.Context, actor cron.Actor, password string) (in SignedIn, err error) {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return in, err
	}
	phc := ""
	if password != "" {
		if err := auth.CheckPasswordRules(password, actor.Person.Email); err != nil {
			return in, err
		}
		if phc, err = s.passwords.Hash(ctx, actor.Address, password); err != nil {
			return in, err
		}
	}
	var p cron.Person
	err = s.audited(ctx, &actor, personEntry(actPasswordSet, actor.Person), func(ctx context.Context, _ *cron.AuditEntry) error {
		err := s.store.UpdatePerson(ctx, actor.Person.ID, func(stored *cron.Person) error {
			stored.PasswordHash = phc
			p = *stored
			return nil
		})
		if err == nil {
			err = s.keepsAWay(ctx, &p)
		}
		if err == nil {
			err = s.store.EndSessions(ctx, p.ID, actor.Session.ID)
		}
		if err == nil {
			in, err = s.renew(ctx, &actor)
		}
		return err
	})
	if err != nil {
		return in, err
	}
	in.Person = p
	if phc == "" {
		s.tellOfMethod(ctx, &p, false, message.MethodPassword, "")
	} else {
		s.queue(ctx, words(p.Language).PasswordChangedMail(p.Email))
	}
	return in, nil
}

// keepsAWay is an error of kind Conflict when a person could no longer sign in. It is asked for within the transaction that
// took a way off.
func (s *Service) keepsAWay(ctx context.Context, p *cron.Person) error {
	if p.PasswordHash != "" {
		return nil
	}
	passkeys, err := s.store.Passkeys(ctx, p.ID)
	if err != nil || len(passkeys) > 0 {
		return err
	}
	identities, err := s.store.Identities(ctx, p.ID)
	if err != nil || len(identities) > 0 {
		return err
	}
	return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: cron.RuleLastSignIn}}}
}

// personEntry is an entry of the audit log about a person.
func personEntry(action string, p *cron.Person, changes ...string) cron.AuditEntry {
	return cron.AuditEntry{Action: action, Object: objectPerson, ObjectID: p.ID, Title: p.Email, Changes: changes}
}
