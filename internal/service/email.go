package service

import (
	"context"

	"punctual/internal/cron"
)

// ChangeEmail sends a link to another e-mail address of the person, which takes the place of the present one when the link is
// used; the present one is told. The answer is the same when somebody else has the address, who gets no mail. The error is of
// kind Forbidden when no mail can be sent.
func (s *Service) ChangeEmail(ctx context.Context, actor cron.Actor, email string) error {
	if err := s.allow(&actor, UseChangeEmail); err != nil {
		return err
	}
	client := Client{Address: actor.Address}
	address, err := s.reserveMail(ctx, &client, email)
	if err != nil {
		return err
	}
	p := *actor.Person
	if address == p.Email {
		return nil
	}
	if err := s.note(ctx, &actor, personEntry(actEmailAsked, &p, "/email")); err != nil {
		return err
	}
	return s.inBackground(func(ctx context.Context) error {
		w := words(p.Language)
		if err := s.send(ctx, w.EmailAskedMail(p.Email, address, s.publicURL+signInPath)); err != nil {
			return err
		}
		_, err := s.store.PersonByEmail(ctx, address)
		if cron.KindOf(err) != cron.NotFound {
			return err
		}
		token, err := s.newLink(ctx, &cron.Link{Kind: cron.LinkEmail, PersonID: p.ID, Email: address, Detail: p.Email})
		if err != nil {
			return err
		}
		return s.send(ctx, w.NewEmailMail(address, s.publicURL+EmailPath+token))
	})
}

// EmailLink tells what a link of ChangeEmail is for.
func (s *Service) EmailLink(ctx context.Context, token string) (LinkInfo, error) {
	return s.showLink(ctx, cron.LinkEmail, token)
}

// ConfirmEmail gives the person of a link of ChangeEmail the address that the link was sent to, and tells the former one. The
// error is of kind Conflict when another person has it.
func (s *Service) ConfirmEmail(ctx context.Context, client Client, token string) error {
	l, err := s.openLink(ctx, cron.LinkEmail, token)
	if err != nil {
		return err
	}
	var p cron.Person
	err = s.store.UseLink(ctx, l.Hash, func(ctx context.Context, l cron.Link) error {
		err := s.store.UpdatePerson(ctx, l.PersonID, func(stored *cron.Person) error {
			if stored.Disabled || stored.Email != l.Detail {
				return &cron.Error{Kind: cron.Gone, Subject: cron.SubjectLink, Problems: []cron.Problem{{Rule: cron.RuleLinkExpired}}}
			}
			stored.Email, stored.Confirmed = l.Email, true
			p = *stored
			return nil
		})
		if err != nil {
			return err
		}
		actor := client.actorOf(&p)
		return s.note(ctx, &actor, personEntry(actPersonChange, &p, "/email"))
	})
	if err == nil {
		s.queue(ctx, words(p.Language).EmailChangedMail(l.Detail, p.Email))
	}
	return err
}
