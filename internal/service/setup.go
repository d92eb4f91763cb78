package service

import (
	"cmp"
	"context"

	"punctual/internal/cron"
)

// SetUpLink makes a link by which the first operator is set up, as long as there is none. Links that were made before work
// as well: each node prints its own.
func (s *Service) SetUpLink(ctx context.Context, actor cron.Actor) (token string, needed bool, err error) {
	if err := s.allow(&actor, UseSetUp); err != nil {
		return "", false, err
	}
	if has, err := s.store.HasOperator(ctx); err != nil || has {
		return "", false, err
	}
	token, err = s.newLink(ctx, &cron.Link{Kind: cron.LinkSetup})
	return token, true, err
}

// LoginLink makes a link by which a person sets another password and is signed in, without a second factor: for whoever has
// the machine and cannot sign in. email is that of the person; empty for the first operator, who is set up by it as long as
// there is none.
func (s *Service) LoginLink(ctx context.Context, actor cron.Actor, email string) (token string, err error) {
	if err := s.allow(&actor, UseSetUp); err != nil {
		return "", err
	}
	if email == "" {
		token, needed, err := s.SetUpLink(ctx, actor)
		if err != nil || needed {
			return token, err
		}
	}
	p, err := s.personOrOperator(ctx, email)
	if err != nil {
		return "", err
	}
	e := cron.AuditEntry{Action: actLoginLink, Object: objectPerson, ObjectID: p.ID, Title: p.Email}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) (err error) {
		token, err = s.newLink(ctx, &cron.Link{Kind: cron.LinkSetup, PersonID: p.ID, Email: p.Email})
		return err
	})
	return token, err
}

// personOrOperator is the person with an e-mail address, or the first operator when it is empty.
func (s *Service) personOrOperator(ctx context.Context, email string) (cron.Person, error) {
	if email != "" {
		address, err := checkNewEmail("/email", email)
		if err != nil {
			return cron.Person{}, err
		}
		p, err := s.store.PersonByEmail(ctx, address)
		if err == nil && p.Disabled {
			err = cron.Missing(cron.SubjectPerson)
		}
		return p, err
	}
	people, err := s.store.People(ctx)
	if err != nil {
		return cron.Person{}, err
	}
	for i := range people {
		if people[i].Operator && !people[i].Disabled {
			return people[i], nil
		}
	}
	return cron.Person{}, cron.Missing(cron.SubjectPerson)
}

// SetupLink tells what a link of SetUpLink or LoginLink is for.
func (s *Service) SetupLink(ctx context.Context, token string) (LinkInfo, error) {
	return s.showLink(ctx, cron.LinkSetup, token)
}

// SetUpOperator uses a link of SetUpLink, which makes the first operator, who also owns the operator's account; or one of
// LoginLink, by which a person gets another password. Either is signed in then. The error is of kind Gone when the link was
// used, has expired, or somebody was set up meanwhile.
func (s *Service) SetUpOperator(ctx context.Context, client Client, token string, form PersonForm) (in SignedIn, err error) {
	l, err := s.openLink(ctx, cron.LinkSetup, token)
	if err != nil {
		return in, err
	}
	if l.PersonID != 0 {
		return s.setPassword(ctx, &client, &l, form.Password, cron.WayLink)
	}
	email, err := checkNewEmail("/email", form.Email)
	n, wrong := s.newcomer(ctx, &client, token, email, &form)
	if err := cron.JoinProblems(err, wrong); err != nil {
		return in, err
	}
	n.person.Operator = true
	account, err := s.store.Operator(ctx)
	if err != nil {
		return in, err
	}
	err = s.store.UseLink(ctx, l.Hash, func(ctx context.Context, _ cron.Link) error {
		if has, err := s.store.HasOperator(ctx); err != nil || has {
			return cmp.Or(err, error(&cron.Error{Kind: cron.Gone, Subject: cron.SubjectLink, Problems: []cron.Problem{{Rule: cron.RuleLinkUsed}}}))
		}
		in, err = s.enter(ctx, &client, &n, account, cron.RoleOwner, cron.WaySetup)
		return err
	})
	return in, err
}

// enter saves a newcomer as a member of an account, and signs them in. It joins the transaction of ctx.
func (s *Service) enter(ctx context.Context, client *Client, n *newcomer, account cron.Account, role cron.Role, way string) (SignedIn, error) {
	p, err := s.add(ctx, n)
	if err != nil {
		return SignedIn{}, err
	}
	actor := client.actorOf(&p)
	actor.Account = account
	return s.join(ctx, client, &actor, role, way)
}

// join makes the person of an actor a member of the account of the actor, and begins a session. It joins the transaction of
// ctx.
func (s *Service) join(ctx context.Context, client *Client, actor *cron.Actor, role cron.Role, way string) (SignedIn, error) {
	if err := s.addMember(ctx, actor, role); err != nil {
		return SignedIn{}, err
	}
	return s.signInTo(ctx, client, actor.Person, actor.Account.ID, way, false)
}

// addMember makes the person of an actor a member of the account of the actor.
func (s *Service) addMember(ctx context.Context, actor *cron.Actor, role cron.Role) error {
	return s.setMember(ctx, actor, actMemberJoin, actor.Person, role)
}

// setMember gives a person a role in the account of an actor.
func (s *Service) setMember(ctx context.Context, actor *cron.Actor, action string, p *cron.Person, role cron.Role) error {
	e := cron.AuditEntry{Action: action, Object: objectPerson, ObjectID: p.ID, Title: asRole(p.Email, role), Changes: []string{"/role"}}
	return s.audited(ctx, actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.SetMembership(ctx, cron.Membership{AccountID: actor.Account.ID, PersonID: p.ID, Role: role})
	})
}

// asRole names a person with a role in the audit log.
func asRole(email string, role cron.Role) string { return email + " as " + role.String() }
