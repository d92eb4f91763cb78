package service

import (
	"context"
	"log/slog"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// SignUp sends a link to complete a sign-up to an address, or tells whoever has it that they can sign in already. What it
// returns and how long it takes tell nothing of that. The error is of kind Forbidden when nobody may sign up or no mail can
// be sent, and of kind TooMany after too many.
func (s *Service) SignUp(ctx context.Context, client Client, email string) error {
	if !s.signUp {
		return &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: cron.RuleSignUpClosed}}}
	}
	address, err := s.reserveMail(ctx, &client, email)
	if err != nil {
		return err
	}
	return s.inBackground(func(ctx context.Context) error {
		p, err := s.store.PersonByEmail(ctx, address)
		switch {
		case err == nil:
			return s.send(ctx, words(p.Language).KnownMail(address, s.publicURL+signInPath))
		case cron.KindOf(err) != cron.NotFound:
			return err
		}
		token, err := s.newLink(ctx, &cron.Link{Kind: cron.LinkSignUp, Email: address})
		if err != nil {
			return err
		}
		return s.send(ctx, message.Choose(client.Language, message.Languages()).SignUpMail(address, s.publicURL+SignUpPath+token))
	})
}

// reserveMail checks that a stranger may have a mail sent to an address, and counts it.
func (s *Service) reserveMail(ctx context.Context, client *Client, email string) (address string, err error) {
	if !s.canLink() {
		return "", noMail()
	}
	if address, err = checkNewEmail("/email", email); err != nil {
		return "", err
	}
	_, err = s.reserve(ctx, client.Address, s.mailLimits(client.Address, address))
	return address, err
}

// inBackground queues work whose time must tell nothing. The error is of kind TooMany when too much waits.
func (s *Service) inBackground(work func(ctx context.Context) error) error {
	queued := enqueue(s.background.strangers, func(ctx context.Context) {
		if err := work(ctx); err != nil {
			s.logger.Error("a mail could not be prepared", slog.Any("error", err))
		}
	})
	if !queued {
		return &cron.Error{Kind: cron.TooMany, Problems: []cron.Problem{{Rule: cron.RuleSignInBusy}}}
	}
	return nil
}

// SignUpLink tells what a link of SignUp is for.
func (s *Service) SignUpLink(ctx context.Context, token string) (LinkInfo, error) {
	return s.showLink(ctx, cron.LinkSignUp, token)
}

// CompleteSignUp makes a person with an account of their own, in the plan for everybody, by a link of SignUp. Jobs of such an
// account call global addresses only: who comes in by a sign-up is not let into private networks. The error is of kind
// Conflict when the person or an account with the address was made meanwhile.
func (s *Service) CompleteSignUp(ctx context.Context, client Client, token string, form PersonForm) (in SignedIn, err error) {
	l, err := s.openLink(ctx, cron.LinkSignUp, token)
	if err != nil {
		return in, err
	}
	if !s.signUp {
		return in, &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: cron.RuleSignUpClosed}}}
	}
	n, err := s.newcomer(ctx, &client, token, l.Email, &form)
	if err != nil {
		return in, err
	}
	err = s.store.UseLink(ctx, l.Hash, func(ctx context.Context, l cron.Link) error {
		account := cron.Account{Email: l.Email, Plan: cron.PlanDefault, Access: cron.AccessGlobal}
		actor := client.actorOf(&n.person)
		if err := s.addAccount(ctx, &actor, &account); err != nil {
			return err
		}
		in, err = s.enter(ctx, &client, &n, account, cron.RoleOwner, cron.WayLink)
		return err
	})
	return in, err
}
