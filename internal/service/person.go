package service

import (
	"context"
	"strings"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

// PersonForm is what somebody gives who is to sign in from now on: a password, or a passkey, or both.
type PersonForm struct {
	Email                string // of the first operator; otherwise that of the link counts
	Password             string
	Name, Zone, Language string
	Passkey              *PasskeyAnswer
}

// newcomer is a person who is not saved yet.
type newcomer struct {
	person  cron.Person
	passkey *registeredPasskey
}

// newcomer checks the form of a link, and makes the hash of its password, which is too slow for a transaction.
func (s *Service) newcomer(ctx context.Context, client *Client, token, email string, form *PersonForm) (n newcomer, err error) {
	n.person = cron.Person{Email: email, Name: form.Name, Zone: form.Zone, Language: form.Language, Confirmed: true}
	err = n.person.Accept()
	if form.Password != "" || form.Passkey == nil {
		err = cron.JoinProblems(err, auth.CheckPasswordRules(form.Password, email))
	}
	if err != nil {
		return n, err
	}
	if form.Password != "" {
		if n.person.PasswordHash, err = s.passwords.Hash(ctx, client.Address, form.Password); err != nil {
			return n, err
		}
	}
	if form.Passkey != nil {
		n.passkey, err = s.finishRegistration(ofLink(token), form.Passkey)
	}
	return n, err
}

// add saves a newcomer; n keeps no ID, since the transaction may run more than once.
func (s *Service) add(ctx context.Context, n *newcomer) (cron.Person, error) {
	p := n.person
	if err := s.store.CreatePerson(ctx, &p); err != nil {
		return p, err
	}
	if n.passkey != nil {
		_, err := s.saveRegistration(ctx, p.ID, n.passkey)
		return p, err
	}
	return p, nil
}

// Profile is a person as the person sees it.
type Profile struct {
	Person       cron.Person       // without the hash of the password
	Memberships  []cron.Membership // with the accounts
	Passkeys     []cron.Passkey
	Identities   []cron.Identity
	RecoveryLeft int // recovery codes that were not used
	HasPassword  bool
}

// Profile tells the person what the service knows of them.
func (s *Service) Profile(ctx context.Context, actor cron.Actor) (f Profile, err error) {
	if err := s.allow(&actor, UseGetProfile); err != nil {
		return f, err
	}
	id := actor.Person.ID
	if f.Person, err = s.store.Person(ctx, id); err != nil {
		return f, err
	}
	f.HasPassword, f.Person.PasswordHash = f.Person.PasswordHash != "", ""
	if f.Memberships, err = s.store.MembershipsOf(ctx, id); err != nil {
		return f, err
	}
	if f.Passkeys, err = s.store.Passkeys(ctx, id); err != nil {
		return f, err
	}
	if f.Identities, err = s.store.Identities(ctx, id); err != nil {
		return f, err
	}
	f.RecoveryLeft, err = s.store.RecoveryCodes(ctx, id)
	return f, err
}

// ProfileChange is what a person changes of a profile; nil leaves a value.
type ProfileChange struct{ Name, Zone, Language, Theme *string }

// ChangeProfile changes what a person says of themself.
func (s *Service) ChangeProfile(ctx context.Context, actor cron.Actor, c ProfileChange) (changed cron.Person, err error) {
	if err := s.allow(&actor, UseChangeProfile); err != nil {
		return changed, err
	}
	e := cron.AuditEntry{Action: actPersonChange, Object: objectPerson, ObjectID: actor.Person.ID, Title: actor.Person.Email}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, e *cron.AuditEntry) error {
		return s.store.UpdatePerson(ctx, actor.Person.ID, func(p *cron.Person) error {
			e.Changes = nil
			for _, f := range []struct {
				name string
				to   *string
				from *string
			}{{"/name", &p.Name, c.Name}, {"/zone", &p.Zone, c.Zone}, {"/language", &p.Language, c.Language}, {"/theme", &p.Theme, c.Theme}} {
				if f.from != nil && *f.to != *f.from {
					*f.to = *f.from
					e.Changes = append(e.Changes, f.name)
				}
			}
			err := p.Accept()
			changed = *p
			return err
		})
	})
	changed.PasswordHash = ""
	return changed, err
}

// DeletePerson deletes the person, who types their e-mail address to confirm. Their accounts stay, and the owners are told of
// API keys that stay in use. The error is of kind Conflict for the last owner of an account and the last operator.
func (s *Service) DeletePerson(ctx context.Context, actor cron.Actor, typed string) error {
	if err := s.allow(&actor, UseDeletePerson); err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimSpace(typed), actor.Person.Email) {
		return invalidPerson(cron.Problem{Pointer: "/email", Rule: cron.RuleTypedName, Want: actor.Person.Email})
	}
	memberships, err := s.store.MembershipsOf(ctx, actor.Person.ID)
	if err != nil {
		return err
	}
	var keys []cron.APIKey
	e := cron.AuditEntry{Action: actPersonDelete, Object: objectPerson, ObjectID: actor.Person.ID, Title: actor.Person.Email}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) (err error) {
		for i := range memberships {
			if err := s.note(ctx, &actor, cron.AuditEntry{AccountID: memberships[i].AccountID, Action: actMemberLeave,
				Object: objectPerson, ObjectID: actor.Person.ID, Title: actor.Person.Email}); err != nil {
				return err
			}
		}
		keys, err = s.store.DeletePerson(ctx, actor.Person.ID)
		return err
	})
	if err != nil {
		return err
	}
	for i := range memberships {
		s.tellOfKeys(ctx, &memberships[i].Account, actor.Person, keys)
	}
	return nil
}

// tellOfKeys tells the owners of an account of the keys in it that a person who left has made.
func (s *Service) tellOfKeys(ctx context.Context, account *cron.Account, p *cron.Person, keys []cron.APIKey) {
	var here []cron.APIKey
	for _, k := range keys {
		if k.AccountID == account.ID {
			here = append(here, k)
		}
	}
	if len(here) > 0 {
		s.mailOwners(ctx, account, mailKeys(p, here))
	}
}

func invalidPerson(p cron.Problem) error {
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectPerson, Problems: []cron.Problem{p}}
}

// AllPeople lists the people of the service, for operators.
func (s *Service) AllPeople(ctx context.Context, actor cron.Actor) ([]cron.Person, error) {
	if err := s.allow(&actor, UseListPersons); err != nil {
		return nil, err
	}
	people, err := s.store.People(ctx)
	for i := range people {
		people[i].PasswordHash = ""
	}
	return people, err
}

// SetPersonEnabled lets a person sign in again, or ends their sessions and lets them sign in no more. The error is of kind
// Conflict for the last operator.
func (s *Service) SetPersonEnabled(ctx context.Context, actor cron.Actor, personID int64, enabled bool) error {
	return s.changePerson(ctx, &actor, personID, "/enabled", func(p *cron.Person) { p.Disabled = !enabled })
}

// SetPersonOperator makes a person an operator of the service, or no longer one. The error is of kind Conflict for the last
// operator.
func (s *Service) SetPersonOperator(ctx context.Context, actor cron.Actor, personID int64, operator bool) error {
	return s.changePerson(ctx, &actor, personID, "/operator", func(p *cron.Person) { p.Operator = operator })
}

// changePerson changes what an operator decides of a person, and ends the sessions of one who is disabled then.
func (s *Service) changePerson(ctx context.Context, actor *cron.Actor, personID int64, name string, change func(*cron.Person)) error {
	if err := s.allow(actor, UseChangePerson); err != nil {
		return err
	}
	by := *actor
	by.Account = cron.Account{} // it concerns the service
	e := cron.AuditEntry{Action: actPersonChange, Object: objectPerson, ObjectID: personID, Changes: []string{name}}
	return s.audited(ctx, &by, e, func(ctx context.Context, e *cron.AuditEntry) error {
		var disabled bool
		err := s.store.UpdatePerson(ctx, personID, func(p *cron.Person) error {
			change(p)
			e.Title, disabled = p.Email, p.Disabled
			return nil
		})
		if err == nil && disabled {
			err = s.store.EndSessions(ctx, personID, 0)
		}
		return err
	})
}

// checkNewEmail is an e-mail address that somebody gives, in lower case.
func checkNewEmail(pointer, text string) (email string, err error) {
	email, ok := parseEmail(strings.TrimSpace(text))
	if !ok {
		return "", invalidPerson(cron.Problem{Pointer: pointer, Rule: cron.RuleEmail, Given: text})
	}
	return email, nil
}
