package service

import (
	"context"
	"net/netip"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// SignIn begins a session by e-mail address and password. For a person with a second factor, that is still missing. The
// error is of kind Unauthorized for a wrong pair, whichever of the two it is, and of kind TooMany after too many wrong ones.
func (s *Service) SignIn(ctx context.Context, client Client, email, password string) (SignedIn, error) {
	p, err := s.byPassword(ctx, &client, email, password)
	if err != nil {
		return SignedIn{}, err
	}
	return s.signIn(ctx, &client, p, cron.WayPassword, p.HasTOTP)
}

// SignInWithCode is SignIn with the second factor at once: a code of the authenticator app or a recovery code. It is missing
// when the error is of kind Unauthorized with RuleSecondFactor.
func (s *Service) SignInWithCode(ctx context.Context, client Client, email, password, code string) (SignedIn, error) {
	p, err := s.byPassword(ctx, &client, email, password)
	switch {
	case err != nil:
		return SignedIn{}, err
	case p.HasTOTP && code == "":
		return SignedIn{}, unauthorized(cron.RuleSecondFactor)
	case p.HasTOTP:
		if _, err := s.checkCode(ctx, client.Address, p.ID, code); err != nil {
			return SignedIn{}, err
		}
	}
	return s.signIn(ctx, &client, p, cron.WayPassword, false)
}

// byPassword finds the person who has a password. It takes the same work when nobody has the address.
func (s *Service) byPassword(ctx context.Context, client *Client, email, password string) (*cron.Person, error) {
	address, ok := parseEmail(email)
	if !ok {
		address = "" // is nobody's, and counted like any other
	}
	try, err := s.reserve(ctx, client.Address, s.passwordLimits(client.Address, address))
	if err != nil {
		return nil, err
	}
	p, err := s.store.PersonByEmail(ctx, address)
	if err != nil && cron.KindOf(err) != cron.NotFound {
		return nil, err
	}
	right, stale, err := s.passwords.Check(ctx, client.Address, p.PasswordHash, password)
	switch {
	case err != nil:
		s.giveBack(ctx, try)
		return nil, err
	case !right || p.Disabled:
		s.noteFailure(client, p)
		return nil, unauthorized(cron.RuleSignIn)
	}
	s.giveBack(ctx, try)
	if stale {
		err = s.rehash(ctx, client, &p, password)
	}
	return &p, err
}

func unauthorized(rule cron.Rule) error {
	return &cron.Error{Kind: cron.Unauthorized, Problems: []cron.Problem{{Rule: rule}}}
}

// rehash stores the hash of a password at the cost of today. A password that was changed meanwhile stays.
func (s *Service) rehash(ctx context.Context, client *Client, p *cron.Person, password string) error {
	phc, err := s.passwords.Hash(ctx, client.Address, password)
	if err != nil {
		return err
	}
	return s.store.UpdatePerson(ctx, p.ID, func(stored *cron.Person) error {
		if stored.PasswordHash == p.PasswordHash {
			stored.PasswordHash = phc
		}
		return nil
	})
}

// noteFailure writes a failed sign-in into the audit log, once for each person and network in ten minutes. It does so in the
// background, and queues as much for an address that nobody has.
func (s *Service) noteFailure(client *Client, p cron.Person) {
	by := *client
	enqueue(s.background.strangers, func(ctx context.Context) {
		if p.ID == 0 {
			return
		}
		once := []cron.RateLimit{{Kind: kindFailureNoted, Subject: s.subjectOf("failure", networkOf(by.Address), p.Email),
			Window: 10 * time.Minute, Max: 1}}
		if over, err := s.store.Count(ctx, -p.ID, once); err != nil || over.Wait > 0 {
			return
		}
		account, err := s.firstAccount(ctx, p.ID)
		if err != nil {
			return
		}
		actor := cron.Actor{Address: by.Address, Way: by.way(), Account: cron.Account{ID: account}}
		e := cron.AuditEntry{Action: actSignInFailed, Object: objectPerson, ObjectID: p.ID, Title: p.Email}
		_ = s.note(ctx, &actor, e) // the next failure is noted
	})
}

// SecondFactor completes a sign-in by a code of the authenticator app or a recovery code. recoveryLeft is how many recovery
// codes are left after one was used, and otherwise -1.
func (s *Service) SecondFactor(ctx context.Context, actor cron.Actor, code string) (in SignedIn, recoveryLeft int, err error) {
	if err := s.allow(&actor, UseGiveSecond); err != nil {
		return in, -1, err
	}
	if !actor.Session.Second {
		return in, -1, refused(cron.Problem{Rule: cron.RuleChallengeUsed})
	}
	if recoveryLeft, err = s.checkCode(ctx, actor.Address, actor.Person.ID, code); err != nil {
		return in, -1, err
	}
	e := cron.AuditEntry{Action: actSignIn, Object: objectPerson, ObjectID: actor.Person.ID, Title: actor.Person.Email,
		Changes: []string{"/code"}}
	err = s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) (err error) {
		in, err = s.renew(ctx, &actor)
		return err
	})
	return in, recoveryLeft, err
}

// checkCode takes a code of the authenticator app, or a recovery code, of a person. Each works once.
func (s *Service) checkCode(ctx context.Context, address netip.Addr, personID int64, code string) (recoveryLeft int, err error) {
	try, err := s.reserve(ctx, address, s.codeLimits(personID))
	if err != nil {
		return -1, err
	}
	recoveryLeft, err = s.takeCode(ctx, personID, code)
	if err == nil {
		s.giveBack(ctx, try)
	}
	return recoveryLeft, err
}

func (s *Service) takeCode(ctx context.Context, personID int64, code string) (recoveryLeft int, err error) {
	secret, _, err := s.store.TOTP(ctx, personID)
	if err != nil && cron.KindOf(err) != cron.NotFound {
		return -1, err
	}
	if len(secret) > 0 {
		if step, ok := auth.VerifyTOTP(secret, code, s.store.Now()); ok {
			err := s.store.UseTOTPStep(ctx, personID, step)
			if cron.KindOf(err) == cron.Conflict {
				return -1, unauthorized(cron.RuleCodeUsed)
			}
			return -1, err
		}
	}
	hash, ok := s.recovery.Hash(personID, code)
	if !ok || len(secret) == 0 {
		return -1, unauthorized(cron.RuleCode)
	}
	left, err := s.store.UseRecoveryCode(ctx, personID, hash)
	switch cron.KindOf(err) {
	case cron.NotFound:
		return -1, unauthorized(cron.RuleCode)
	case cron.Conflict:
		return -1, unauthorized(cron.RuleCodeUsed)
	}
	return left, err
}

// Proof is how a person who is signed in proves again who they are.
type Proof struct{ Password, Code string }

// Confirm makes the session of the actor fresh, and gives it another token. A person with a second factor gives that too.
// Somebody without a password confirms with a passkey, or signs in again.
func (s *Service) Confirm(ctx context.Context, actor cron.Actor, proof Proof) (in SignedIn, err error) {
	if err := s.allow(&actor, UseConfirm); err != nil {
		return in, err
	}
	client := Client{Address: actor.Address, Console: actor.Session.Console}
	p, err := s.byPassword(ctx, &client, actor.Person.Email, proof.Password)
	if err != nil {
		return in, err
	}
	if p.ID != actor.Person.ID { // the address is another person's since the session was read
		return in, unauthorized(cron.RuleSignIn)
	}
	if p.HasTOTP {
		if _, err := s.checkCode(ctx, actor.Address, p.ID, proof.Code); err != nil {
			return in, err
		}
	}
	return s.confirmed(ctx, &actor)
}

// confirmed renews the session of an actor who has proven again who they are.
func (s *Service) confirmed(ctx context.Context, actor *cron.Actor) (in SignedIn, err error) {
	e := cron.AuditEntry{Action: actConfirm, Object: objectSession, ObjectID: actor.Session.ID}
	err = s.audited(ctx, actor, e, func(ctx context.Context, _ *cron.AuditEntry) (err error) {
		in, err = s.renew(ctx, actor)
		return err
	})
	return in, err
}

// tellOfMethod tells a person of a way to sign in that was added or removed.
func (s *Service) tellOfMethod(ctx context.Context, p *cron.Person, added bool, method message.SignInMethod, name string) {
	w := words(p.Language)
	if added {
		s.queue(ctx, w.SignInAddedMail(p.Email, method, name))
		return
	}
	s.queue(ctx, w.SignInRemovedMail(p.Email, method, name))
}
