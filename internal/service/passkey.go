package service

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// maxPasskeyTitle is how many characters the title of a passkey has at most.
const maxPasskeyTitle = 100

// PasskeyAnswer is what a browser answers to the options of a registration, with the state that came with them.
type PasskeyAnswer struct {
	State    string
	Response []byte // JSON
	Title    string // empty for that of the authenticator
}

// registeredPasskey is a passkey that has proven itself and is not saved yet.
type registeredPasskey struct {
	proof auth.PasskeyProof
	title string
}

// ofPerson and ofLink say whom the registration of a passkey is for.
func ofPerson(id int64) string { return "person " + strconv.FormatInt(id, 10) }

func ofLink(token string) string {
	hash := auth.HashToken(token)
	return "link " + hex.EncodeToString(hash[:])
}

// BeginPasskey begins to add a passkey of the person: options are for the browser. origin is the scheme, host and port that
// the browser shows.
func (s *Service) BeginPasskey(ctx context.Context, actor cron.Actor, origin string) (auth.Ceremony, error) {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return auth.Ceremony{}, err
	}
	existing, err := s.store.Passkeys(ctx, actor.Person.ID)
	if err != nil {
		return auth.Ceremony{}, err
	}
	return s.passkeys.BeginRegister(s.store.Now(), origin, auth.PasskeyOwner{
		For: ofPerson(actor.Person.ID), Email: actor.Person.Email, Name: actor.Person.Name, Existing: existing,
	})
}

// BeginNewPasskey begins to make the passkey of somebody new, for the form of a link of the given kind: of a set-up, a sign-up
// or an invitation. email and name are what the form says of the first operator, who has no link to an address.
func (s *Service) BeginNewPasskey(ctx context.Context, origin string, kind cron.LinkKind, token, email, name string) (auth.Ceremony, error) {
	l, err := s.openLink(ctx, kind, token)
	if err != nil {
		return auth.Ceremony{}, err
	}
	if l.PersonID != 0 || kind != cron.LinkSetup && kind != cron.LinkSignUp && kind != cron.LinkInvitation {
		return auth.Ceremony{}, cron.Missing(cron.SubjectLink)
	}
	if l.Email != "" {
		email = l.Email
	}
	if email, err = checkNewEmail("/email", email); err != nil {
		return auth.Ceremony{}, err
	}
	return s.passkeys.BeginRegister(s.store.Now(), origin, auth.PasskeyOwner{For: ofLink(token), Email: email, Name: name})
}

// finishRegistration checks the answer of a browser. of is whom the registration is for.
func (s *Service) finishRegistration(of string, a *PasskeyAnswer) (*registeredPasskey, error) {
	title := strings.TrimSpace(a.Title)
	if err := checkPasskeyTitle(title); err != nil {
		return nil, err
	}
	proof, err := s.passkeys.FinishRegister(s.store.Now(), of, a.State, a.Response)
	return &registeredPasskey{proof, title}, err
}

func checkPasskeyTitle(title string) error {
	var c cron.Checker
	if utf8.RuneCountInString(title) > maxPasskeyTitle {
		c.Add("/title", cron.Problem{Rule: cron.RuleTooLong, Limit: maxPasskeyTitle, Unit: cron.UnitCharacters})
	}
	if !utf8.ValidString(title) || strings.ContainsRune(title, 0) {
		c.Add("/title", cron.Problem{Rule: cron.RuleNotText})
	}
	return c.Err()
}

// saveRegistration saves a passkey of a person. It joins the transaction of ctx.
func (s *Service) saveRegistration(ctx context.Context, personID int64, r *registeredPasskey) (cron.Passkey, error) {
	k := r.proof.Passkey
	k.PersonID = personID
	if r.title != "" {
		k.Title = r.title
	}
	if err := s.store.UseChallenge(ctx, r.proof.Challenge, r.proof.Expires); err != nil {
		return k, err
	}
	return k, s.store.AddPasskey(ctx, &k)
}

// AddPasskey saves the passkey that BeginPasskey began.
func (s *Service) AddPasskey(ctx context.Context, actor cron.Actor, a PasskeyAnswer) (k cron.Passkey, err error) {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return k, err
	}
	r, err := s.finishRegistration(ofPerson(actor.Person.ID), &a)
	if err != nil {
		return k, err
	}
	err = s.audited(ctx, &actor, personEntry(actPasskeyAdd, actor.Person), func(ctx context.Context, _ *cron.AuditEntry) (err error) {
		k, err = s.saveRegistration(ctx, actor.Person.ID, r)
		return err
	})
	if err == nil {
		s.tellOfMethod(ctx, actor.Person, true, message.MethodPasskey, k.Title)
	}
	return k, err
}

// RenamePasskey gives a passkey of the person another title.
func (s *Service) RenamePasskey(ctx context.Context, actor cron.Actor, id int64, title string) error {
	if err := s.allow(&actor, UseChangeProfile); err != nil {
		return err
	}
	title = strings.TrimSpace(title)
	if err := checkPasskeyTitle(title); err != nil {
		return err
	}
	return s.audited(ctx, &actor, personEntry(actPasskeyName, actor.Person), func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.UpdatePasskey(ctx, actor.Person.ID, id, func(k *cron.Passkey) error {
			k.Title = title
			return nil
		})
	})
}

// DeletePasskey removes a passkey of the person. The error is of kind Conflict when it is the only way to sign in.
func (s *Service) DeletePasskey(ctx context.Context, actor cron.Actor, id int64) error {
	if err := s.allow(&actor, UseChangeSignIn); err != nil {
		return err
	}
	list, err := s.store.Passkeys(ctx, actor.Person.ID)
	if err != nil {
		return err
	}
	title := ""
	for i := range list {
		if list[i].ID == id {
			title = list[i].Title
		}
	}
	err = s.audited(ctx, &actor, personEntry(actPasskeyDrop, actor.Person), func(ctx context.Context, _ *cron.AuditEntry) error {
		if err := s.store.DeletePasskey(ctx, actor.Person.ID, id); err != nil {
			return err
		}
		return s.stillSignsIn(ctx, actor.Person.ID)
	})
	if err == nil {
		s.tellOfMethod(ctx, actor.Person, false, message.MethodPasskey, title)
	}
	return err
}

// stillSignsIn is keepsAWay for a person as stored.
func (s *Service) stillSignsIn(ctx context.Context, personID int64) error {
	p, err := s.store.Person(ctx, personID)
	if err != nil {
		return err
	}
	return s.keepsAWay(ctx, &p)
}

// BeginPasskeySignIn begins a sign-in by any passkey.
func (s *Service) BeginPasskeySignIn(_ context.Context, origin string) (auth.Ceremony, error) {
	return s.passkeys.BeginSignIn(s.store.Now(), origin, nil)
}

// SignInByPasskey begins a session by a passkey, which is both factors: it is on a device, and asks for a code or a finger.
func (s *Service) SignInByPasskey(ctx context.Context, client Client, state string, response []byte) (in SignedIn, err error) {
	proof, err := s.passkeys.FinishSignIn(ctx, s.store.Now(), state, response, s.store.PasskeyByCredential)
	if err != nil {
		return in, err
	}
	p, err := s.store.Person(ctx, proof.Passkey.PersonID)
	if cron.KindOf(err) == cron.NotFound || err == nil && p.Disabled {
		return in, unauthorized(cron.RulePasskey)
	}
	if err != nil {
		return in, err
	}
	account, err := s.firstAccount(ctx, p.ID)
	if err != nil {
		return in, err
	}
	actor := client.actorOf(&p)
	actor.Account.ID = account
	// The challenge goes into a transaction of its own first: a session that fails does not make it usable again.
	if err := s.takeChallenge(ctx, &actor, &proof); err != nil {
		return in, err
	}
	return s.signInTo(ctx, &client, &p, account, cron.WayPasskey, false)
}

// takeChallenge notes that a passkey was used, and that its challenge does not work again.
func (s *Service) takeChallenge(ctx context.Context, actor *cron.Actor, proof *auth.PasskeyProof) error {
	use := func(ctx context.Context, _ *cron.AuditEntry) error {
		if err := s.store.UseChallenge(ctx, proof.Challenge, proof.Expires); err != nil {
			return err
		}
		return s.store.UpdatePasskey(ctx, proof.Passkey.PersonID, proof.Passkey.ID, func(k *cron.Passkey) error {
			k.Credential, k.LastUsed = proof.Passkey.Credential, s.store.Now()
			return nil
		})
	}
	action := actPasskeyUse
	if proof.Cloned {
		action = actPasskeyCloned
	}
	err := s.audited(ctx, actor, personEntry(action, actor.Person), use)
	if err == nil && proof.Cloned {
		s.queue(ctx, words(actor.Person.Language).PasskeyCopiedMail(actor.Person.Email, proof.Passkey.Title))
	}
	return err
}

// BeginConfirm begins to confirm the session of the actor with a passkey of the person.
func (s *Service) BeginConfirm(ctx context.Context, actor cron.Actor, origin string) (auth.Ceremony, error) {
	if err := s.allow(&actor, UseConfirm); err != nil {
		return auth.Ceremony{}, err
	}
	of, err := s.store.Passkeys(ctx, actor.Person.ID)
	if err != nil {
		return auth.Ceremony{}, err
	}
	if len(of) == 0 {
		return auth.Ceremony{}, unauthorized(cron.RulePasskey)
	}
	return s.passkeys.BeginSignIn(s.store.Now(), origin, of)
}

// ConfirmByPasskey makes the session of the actor fresh by a passkey of the person.
func (s *Service) ConfirmByPasskey(ctx context.Context, actor cron.Actor, state string, response []byte) (in SignedIn, err error) {
	if err := s.allow(&actor, UseConfirm); err != nil {
		return in, err
	}
	proof, err := s.passkeys.FinishSignIn(ctx, s.store.Now(), state, response, s.store.PasskeyByCredential)
	if err == nil && proof.Passkey.PersonID != actor.Person.ID {
		err = unauthorized(cron.RulePasskey)
	}
	if err != nil {
		return in, err
	}
	if err := s.takeChallenge(ctx, &actor, &proof); err != nil {
		return in, err
	}
	return s.confirmed(ctx, &actor)
}
