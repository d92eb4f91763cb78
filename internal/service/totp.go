package service

import (
	"context"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// setupLifetime is how long the set-up of an authenticator app or a passkey may take.
const setupLifetime = 15 * time.Minute

// sealedTOTP is the kind of the sealed state of a set-up of an authenticator app.
const sealedTOTP = "totp set-up"

// totpState is what a page brings back.
type totpState struct {
	PersonID int64
	Secret   []byte
}

// TOTPSetup is what an authenticator app needs, and what EnableTOTP needs back.
type TOTPSetup struct {
	Secret string // to type by hand
	URL    string // otpauth://…
	QR     []byte // PNG
	State  string
}

// BeginTOTP makes the secret of an authenticator app. Nothing is stored until EnableTOTP sees that the app works.
func (s *Service) BeginTOTP(ctx context.Context, actor cron.Actor) (TOTPSetup, error) {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return TOTPSetup{}, err
	}
	app, err := auth.NewTOTP(productName, actor.Person.Email)
	if err != nil {
		return TOTPSetup{}, err
	}
	state, err := s.sealer.Seal(sealedTOTP, s.store.Now().Add(setupLifetime), totpState{actor.Person.ID, app.Secret})
	return TOTPSetup{app.Text, app.URL, app.PNG, state}, err
}

// TOTPSetup is the set-up of a state again, for a page that is shown once more.
func (s *Service) TOTPSetup(ctx context.Context, actor cron.Actor, state string) (TOTPSetup, error) {
	secret, err := s.openTOTP(&actor, state)
	if err != nil {
		return TOTPSetup{}, err
	}
	app, err := auth.TOTPOf(secret, productName, actor.Person.Email)
	return TOTPSetup{app.Text, app.URL, app.PNG, state}, err
}

func (s *Service) openTOTP(actor *cron.Actor, state string) ([]byte, error) {
	if err := s.allow(actor, UseChangeSignIn); err != nil {
		return nil, err
	}
	var opened totpState
	if err := s.sealer.Open(sealedTOTP, s.store.Now(), state, &opened); err != nil || opened.PersonID != actor.Person.ID {
		return nil, &cron.Error{Kind: cron.Gone, Problems: []cron.Problem{{Rule: cron.RuleChallengeUsed}}}
	}
	return opened.Secret, nil
}

// EnableTOTP makes an authenticator app the second factor of the person, once it has shown a code of the secret of the state,
// and returns new recovery codes, which are shown this once. It takes the place of a former app.
func (s *Service) EnableTOTP(ctx context.Context, actor cron.Actor, state, code string) (recovery []string, err error) {
	secret, err := s.openTOTP(&actor, state)
	if err != nil {
		return nil, err
	}
	step, ok := auth.VerifyTOTP(secret, code, s.store.Now())
	if !ok {
		return nil, &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Pointer: "/code", Rule: cron.RuleCode}}}
	}
	texts, hashes := s.recovery.Make(actor.Person.ID)
	err = s.audited(ctx, &actor, personEntry(actTOTPSet, actor.Person), func(ctx context.Context, _ *cron.AuditEntry) error {
		if err := s.store.SetTOTP(ctx, actor.Person.ID, secret); err != nil {
			return err
		}
		if err := s.store.UseTOTPStep(ctx, actor.Person.ID, step); err != nil {
			return err
		}
		return s.store.SetRecoveryCodes(ctx, actor.Person.ID, hashes)
	})
	if err != nil {
		return nil, err
	}
	s.tellOfMethod(ctx, actor.Person, true, message.MethodApp, "")
	return texts, nil
}

// DisableTOTP takes the second factor off, with its recovery codes.
func (s *Service) DisableTOTP(ctx context.Context, actor cron.Actor) error {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return err
	}
	err := s.audited(ctx, &actor, personEntry(actTOTPDrop, actor.Person), func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.SetTOTP(ctx, actor.Person.ID, nil)
	})
	if err == nil {
		s.tellOfMethod(ctx, actor.Person, false, message.MethodApp, "")
	}
	return err
}

// NewRecoveryCodes replaces the recovery codes of the person, and returns them this once. The error is of kind Conflict for a
// person without a second factor.
func (s *Service) NewRecoveryCodes(ctx context.Context, actor cron.Actor) ([]string, error) {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return nil, err
	}
	if !actor.Person.HasTOTP {
		return nil, &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: cron.RuleNoSecondFactor}}}
	}
	texts, hashes := s.recovery.Make(actor.Person.ID)
	err := s.audited(ctx, &actor, personEntry(actRecovery, actor.Person), func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.SetRecoveryCodes(ctx, actor.Person.ID, hashes)
	})
	if err != nil {
		return nil, err
	}
	return texts, nil
}
