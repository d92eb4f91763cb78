package service

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// Invitation is a link by which somebody becomes a member of an account.
type Invitation struct {
	cron.Link
	AccountTitle string
	Inviter      string // an e-mail address; empty for a command
	Known        bool   // the invited person exists, and is to sign in
	Mailed       bool
	Token        string // only as Invite returns it, and only when it was not mailed: to be copied by hand
}

// mailed is the Detail of an invitation whose link went to the invited address only, so that using it proves that address.
const mailed = "mail"

// Invite invites an e-mail address to the account, with at most the role of the actor. An open invitation of the same address
// ends. Without mail, the link is returned to be copied. The error is of kind Conflict for a member, and of kind TooMany when
// too many invitations are open or were sent.
func (s *Service) Invite(ctx context.Context, actor cron.Actor, email string, role cron.Role) (in Invitation, err error) {
	if err := s.allow(&actor, UseInvite); err != nil {
		return in, err
	}
	address, wrong := checkNewEmail("/email", email)
	if err := cron.JoinProblems(wrong, checkRole(&actor, role)); err != nil {
		return in, err
	}
	if err := s.checkNoMember(ctx, actor.Account.ID, address); err != nil {
		return in, err
	}
	in = Invitation{AccountTitle: nameOf(&actor.Account), Mailed: s.canLink()}
	in.Link = cron.Link{Kind: cron.LinkInvitation, AccountID: actor.Account.ID, Email: address, Role: role}
	if actor.Person != nil {
		in.MadeBy, in.Inviter = actor.Person.ID, actor.Person.Email
	}
	if in.Mailed {
		in.Detail = mailed
		if err := s.reserveInvitation(ctx, &actor, address); err != nil {
			return in, err
		}
	}
	var token string
	e := cron.AuditEntry{Action: actInvite, Object: objectInvitation, Title: asRole(address, role)}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, e *cron.AuditEntry) (err error) {
		token, err = s.newLink(ctx, &in.Link)
		e.ObjectID = in.ID
		if err != nil || !in.Mailed {
			return err
		}
		return s.post(ctx, words(actor.Language).InvitationMail(address, in.Inviter, in.AccountTitle, role, in.Expires,
			s.publicURL+InvitationPath+token))
	})
	if err == nil && !in.Mailed {
		in.Token = token
	}
	return in, err
}

// reserveInvitation bounds the mails that an account has sent to others.
func (s *Service) reserveInvitation(ctx context.Context, actor *cron.Actor, address string) error {
	limits := []cron.RateLimit{
		{Kind: kindMailAccount, Subject: actor.Account.ID, Window: time.Hour, Max: 50},
		{Kind: kindInvited, Subject: s.subjectOf("email", mailboxOf(address)), Window: time.Hour, Max: 20}, // by all accounts
		{Kind: kindMailPair, Subject: s.subjectOf("account", strconv.FormatInt(actor.Account.ID, 10), mailboxOf(address)), Window: time.Hour, Max: 5},
	}
	over, err := s.store.Count(ctx, actor.Account.ID, limits)
	if err == nil && over.Wait > 0 {
		err = &cron.Error{Kind: cron.TooMany, RetryAfter: over.Wait}
	}
	return err
}

// checkNoMember is an error of kind Conflict when whoever has the address is a member of the account.
func (s *Service) checkNoMember(ctx context.Context, accountID int64, address string) error {
	members, err := s.store.Memberships(ctx, accountID)
	for i := range members {
		if members[i].Person.Email == address {
			err = cmp.Or(err, errMember())
		}
	}
	return err
}

func errMember() error {
	return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectMember, Problems: []cron.Problem{{Rule: cron.RuleMember}}}
}

// Invitations lists the open invitations of the account.
func (s *Service) Invitations(ctx context.Context, actor cron.Actor) ([]Invitation, error) {
	if err := s.allow(&actor, UseListInvitations); err != nil {
		return nil, err
	}
	links, err := s.store.Invitations(ctx, actor.Account.ID)
	if err != nil {
		return nil, err
	}
	members, err := s.store.Memberships(ctx, actor.Account.ID)
	if err != nil {
		return nil, err
	}
	inviters := make(map[int64]string, len(members))
	for i := range members {
		inviters[members[i].PersonID] = members[i].Person.Email
	}
	list := make([]Invitation, len(links))
	for i, l := range links {
		list[i] = Invitation{Link: l, AccountTitle: nameOf(&actor.Account), Inviter: inviters[l.MadeBy], Mailed: l.Detail == mailed}
	}
	return list, nil
}

// RevokeInvitation ends an open invitation of the account.
func (s *Service) RevokeInvitation(ctx context.Context, actor cron.Actor, id int64) error {
	if err := s.allow(&actor, UseRevokeInvitation); err != nil {
		return err
	}
	open, err := s.store.Invitations(ctx, actor.Account.ID)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actInviteRevoke, Object: objectInvitation, ObjectID: id}
	for i := range open {
		if open[i].ID == id {
			e.Title = asRole(open[i].Email, open[i].Role)
		}
	}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.DeleteLink(ctx, actor.Account.ID, id)
	})
}

// Invitation tells what an invitation is for, to whoever has its link.
func (s *Service) Invitation(ctx context.Context, token string) (in Invitation, err error) {
	if in.Link, err = s.openLink(ctx, cron.LinkInvitation, token); err != nil {
		return in, err
	}
	account, err := s.invitedTo(ctx, &in.Link)
	if err != nil {
		return in, err
	}
	in.AccountTitle, in.Mailed = nameOf(&account), in.Detail == mailed
	if in.MadeBy != 0 {
		inviter, err := s.store.Person(ctx, in.MadeBy)
		if err != nil && cron.KindOf(err) != cron.NotFound {
			return in, err
		}
		in.Inviter = inviter.Email
	}
	_, err = s.store.PersonByEmail(ctx, in.Email)
	if cron.KindOf(err) == cron.NotFound {
		return in, nil
	}
	in.Known = err == nil
	return in, err
}

// invitedTo finds the account of an invitation, and checks that whoever made it may still give its role: who lost that right
// has given nothing. The error is of kind Gone.
func (s *Service) invitedTo(ctx context.Context, l *cron.Link) (cron.Account, error) {
	gone := func(rule cron.Rule) error {
		return &cron.Error{Kind: cron.Gone, Subject: cron.SubjectInvitation, Problems: []cron.Problem{{Rule: rule}}}
	}
	account, err := s.store.Account(ctx, l.AccountID)
	switch {
	case cron.KindOf(err) == cron.NotFound, err == nil && !account.Deletes.IsZero():
		return account, gone(cron.RuleLinkExpired)
	case err != nil:
		return account, err
	case account.Disabled:
		return account, refused(cron.Problem{Rule: cron.RuleAccountDisabled})
	case l.MadeBy == 0:
		return account, nil
	}
	m, err := s.store.Membership(ctx, l.AccountID, l.MadeBy)
	if err == nil {
		m.Person, err = s.store.Person(ctx, l.MadeBy)
	}
	switch {
	case cron.KindOf(err) == cron.NotFound, err == nil && (m.Role < max(l.Role, rights[UseInvite].role) || m.Person.Disabled):
		return account, gone(cron.RuleInviterGone)
	}
	return account, err
}

// AcceptInvitation makes somebody a member by an invitation: the person who is signed in, whose address has to be that of the
// invitation, or whoever the form describes. The error is of kind Forbidden for another person, of kind Unauthorized when the
// person exists and is to sign in first, and of kind Gone when it can no longer be used.
func (s *Service) AcceptInvitation(ctx context.Context, client Client, actor cron.Actor, token string, form PersonForm) (in SignedIn, err error) {
	l, err := s.openLink(ctx, cron.LinkInvitation, token)
	if err != nil {
		return in, err
	}
	if actor.Person != nil && actor.Session != nil {
		if err := s.allow(&actor, UseJoin); err != nil {
			return in, err
		}
		return s.acceptAs(ctx, &actor, &l)
	}
	if _, err := s.store.PersonByEmail(ctx, l.Email); cron.KindOf(err) != cron.NotFound {
		return in, cmp.Or(err, unauthorized(cron.RuleSignInFirst))
	}
	n, err := s.newcomer(ctx, &client, token, l.Email, &form)
	if err != nil {
		return in, err
	}
	err = s.store.UseLink(ctx, l.Hash, func(ctx context.Context, l cron.Link) error {
		account, err := s.invitedTo(ctx, &l)
		if err != nil {
			return err
		}
		n.person.Confirmed = l.Detail == mailed
		in, err = s.enter(ctx, &client, &n, account, l.Role, cron.WayLink)
		return err
	})
	return in, signInFirst(err)
}

// signInFirst tells somebody new, whose address a person has, to sign in.
func signInFirst(err error) error {
	if e, ok := errors.AsType[*cron.Error](err); ok && e.Kind == cron.Conflict && e.Subject == cron.SubjectPerson {
		return unauthorized(cron.RuleSignInFirst)
	}
	return err
}

// acceptAs makes a person who is signed in a member.
func (s *Service) acceptAs(ctx context.Context, actor *cron.Actor, l *cron.Link) (in SignedIn, err error) {
	if actor.Person.Email != l.Email {
		return in, &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectInvitation, Problems: []cron.Problem{{Rule: cron.RuleLinkEmail}}}
	}
	err = s.store.UseLink(ctx, l.Hash, func(ctx context.Context, l cron.Link) error {
		account, err := s.invitedTo(ctx, &l)
		if err != nil {
			return err
		}
		if _, err := s.store.Membership(ctx, l.AccountID, actor.Person.ID); cron.KindOf(err) != cron.NotFound {
			return cmp.Or(err, errMember())
		}
		by := *actor
		by.Account = account
		if err := s.addMember(ctx, &by, l.Role); err != nil {
			return err
		}
		if l.Detail == mailed && !actor.Person.Confirmed {
			if err := s.store.UpdatePerson(ctx, actor.Person.ID, func(p *cron.Person) error {
				p.Confirmed = p.Confirmed || p.Email == l.Email
				return nil
			}); err != nil {
				return err
			}
		}
		if in, err = s.renew(ctx, actor); err != nil {
			return err
		}
		in.Session.AccountID = account.ID
		return s.store.LookAt(ctx, actor.Person.ID, in.Session.ID, account.ID)
	})
	return in, err
}
