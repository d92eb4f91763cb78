package service_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// device is an authenticator with one passkey for publicURL.
type device struct {
	authenticator virtualwebauthn.Authenticator
	credential    virtualwebauthn.Credential
}

var party = virtualwebauthn.RelyingParty{Name: "Punctual", ID: "cron.example.com", Origin: publicURL}

// newDevice makes a device. The library leaves out the leading zeros of a coordinate, which one key of 128 has and no authenticator leaves
// out (RFC 9053, section 7.1.1), so such keys are passed over.
func newDevice() *device {
	const whole = 77 // bytes of a P-256 key
	d := &device{virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	for len(d.credential.Key.AttestationData()) < whole {
		d.credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return d
}

// create answers the options of a registration.
func (d *device) create(w *world, state string, options json.RawMessage) service.PasskeyAnswer {
	w.Helper()
	parsed, err := virtualwebauthn.ParseAttestationOptions(string(options))
	w.ok(err)
	d.authenticator.Options.UserHandle = []byte(parsed.UserID)
	d.authenticator.AddCredential(d.credential)
	answer := virtualwebauthn.CreateAttestationResponse(party, d.authenticator, d.credential, *parsed)
	return service.PasskeyAnswer{State: state, Response: []byte(answer), Title: "phone"}
}

// get answers the options of a sign-in.
func (d *device) get(w *world, options json.RawMessage) []byte {
	w.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(string(options))
	w.ok(err)
	return []byte(virtualwebauthn.CreateAssertionResponse(party, d.authenticator, d.credential, *parsed))
}

// signInBy signs in with a device.
func (w *world) signInBy(d *device) (service.SignedIn, error) {
	w.Helper()
	begun, err := w.BeginPasskeySignIn(w.Context(), publicURL)
	w.ok(err)
	return w.SignInByPasskey(w.Context(), client("192.0.2.1"), begun.State, d.get(w, begun.Options))
}

// addDevice registers a device for a person.
func (w *world) addDevice(a cron.Actor) *device {
	w.Helper()
	d := newDevice()
	begun, err := w.BeginPasskey(w.Context(), a, publicURL)
	w.ok(err)
	_, err = w.AddPasskey(w.Context(), a, d.create(w, begun.State, begun.Options))
	w.ok(err)
	return d
}

func TestPasskeys(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	jane, bob := w.member("jane@example.com", cron.RoleOwner), w.member("bob@example.com", cron.RoleViewer)
	w.enableApp(jane)
	w.sent()
	begun, err := w.BeginPasskey(ctx, jane, publicURL)
	w.ok(err)
	phone := newDevice()
	answer := phone.create(w, begun.State, begun.Options)
	_, err = w.AddPasskey(ctx, bob, answer) // begun by somebody else
	w.fails(err, cron.Invalid, cron.RuleNone)
	k, err := w.AddPasskey(ctx, jane, answer)
	w.ok(err)
	if m := w.oneMail("jane@example.com"); !strings.Contains(m.Text, `the passkey "phone"`) || k.Title != "phone" {
		t.Errorf("%+v, %+v", m, k)
	}
	_, err = w.AddPasskey(ctx, jane, answer)
	w.fails(err, cron.Conflict, cron.RuleNone)

	in, err := w.signInBy(phone)
	w.ok(err)
	if a := w.actor(in.Token); a.Person.ID != jane.Person.ID || in.Second || a.Session.Way != cron.WayPasskey {
		t.Errorf("%+v", a) // it is both factors
	}
	once, err := w.BeginPasskeySignIn(ctx, publicURL)
	w.ok(err)
	response := phone.get(w, once.Options)
	_, err = w.SignInByPasskey(ctx, client("192.0.2.1"), once.State, response)
	w.ok(err)
	_, err = w.SignInByPasskey(ctx, client("192.0.2.1"), once.State, response)
	w.fails(err, cron.Conflict, cron.RuleChallengeUsed)
	_, err = w.signInBy(newDevice())
	if cron.KindOf(err) != cron.Unauthorized {
		t.Errorf("an unknown passkey: %v", err)
	}
	w.ok(w.SetPersonEnabled(ctx, command, jane.Person.ID, true))
	w.ok(w.ChangeRole(ctx, jane, bob.Person.ID, cron.RoleOwner))
	w.ok(w.SetPersonEnabled(ctx, command, jane.Person.ID, false))
	_, err = w.signInBy(phone)
	w.fails(err, cron.Unauthorized, cron.RulePasskey)
	if got := w.log(); !slices.Contains(got, "person.passkey.create | jane@example.com | jane@example.com") {
		t.Errorf("the log is %q", got)
	}
}

// TestConfirmByPasskey confirms with one's own passkey and with somebody else's.
func TestConfirmByPasskey(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	jane, bob := w.member("jane@example.com", cron.RoleOwner), w.member("bob@example.com", cron.RoleViewer)
	_, err := w.BeginConfirm(ctx, jane, publicURL)
	w.fails(err, cron.Unauthorized, cron.RulePasskey) // has none
	phone, other := w.addDevice(jane), w.addDevice(bob)
	begun, err := w.BeginPasskeySignIn(ctx, publicURL)
	w.ok(err)
	_, err = w.ConfirmByPasskey(ctx, jane, begun.State, other.get(w, begun.Options))
	w.fails(err, cron.Unauthorized, cron.RulePasskey)
	begun, err = w.BeginConfirm(ctx, jane, publicURL)
	w.ok(err)
	in, err := w.ConfirmByPasskey(ctx, jane, begun.State, phone.get(w, begun.Options))
	w.ok(err)
	if a := w.actor(in.Token); a.Session.ID != jane.Session.ID || a.Session.Hash == jane.Session.Hash {
		t.Errorf("%+v", a.Session)
	}
}

// TestSetUpByPasskey sets the operator up, and accepts an invitation, with a passkey as the only way to sign in.
func TestSetUpByPasskey(t *testing.T) {
	w := newWorld(t, nil)
	ctx, from := t.Context(), client("192.0.2.1")
	token, _, err := w.SetUpLink(ctx, command)
	w.ok(err)
	other, _, err := w.SetUpLink(ctx, command)
	w.ok(err)
	_, err = w.BeginNewPasskey(ctx, publicURL, cron.LinkInvitation, token, "jane@example.com", "")
	w.fails(err, cron.NotFound, cron.RuleNone)
	_, err = w.BeginNewPasskey(ctx, publicURL, cron.LinkSetup, token, "x", "")
	w.fails(err, cron.Invalid, cron.RuleEmail)
	begun, err := w.BeginNewPasskey(ctx, publicURL, cron.LinkSetup, token, "jane@example.com", "Jane")
	w.ok(err)
	phone := newDevice()
	answer := phone.create(w, begun.State, begun.Options)
	_, err = w.SetUpOperator(ctx, from, other, service.PersonForm{Email: "jane@example.com", Passkey: &answer}) // of another link
	w.fails(err, cron.Invalid, cron.RuleNone)
	in, err := w.SetUpOperator(ctx, from, token, service.PersonForm{Email: "jane@example.com", Passkey: &answer})
	w.ok(err)
	jane := w.actor(in.Token)
	if !jane.Person.Operator || jane.Person.PasswordHash != "" {
		t.Errorf("%+v", jane.Person)
	}
	_, err = w.signInBy(phone)
	w.ok(err)
	_, err = w.Invite(ctx, jane, "bob@example.com", cron.RoleViewer)
	w.ok(err)
	token = w.tokenIn(w.oneMail("bob@example.com"), service.InvitationPath)
	begun, err = w.BeginNewPasskey(ctx, publicURL, cron.LinkInvitation, token, "eve@example.com", "")
	w.ok(err)
	tablet := newDevice()
	answer = tablet.create(w, begun.State, begun.Options)
	_, err = w.AcceptInvitation(ctx, from, cron.Actor{}, token, service.PersonForm{Passkey: &answer})
	w.ok(err)
	in, err = w.signInBy(tablet)
	if err != nil || in.Person.Email != "bob@example.com" {
		t.Errorf("%+v, %v", in.Person, err)
	}
}

// TestLockedOut guesses at the password of somebody from everywhere, until nobody may guess any more: the person comes in by a
// passkey, by a link of a mail and by one of the command, and what they have open goes on.
func TestLockedOut(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	jane := w.member("jane@example.com", cron.RoleOwner)
	w.member("bob@example.com", cron.RoleViewer)
	phone := w.addDevice(jane)
	for i := range 60 {
		_, err := w.SignIn(ctx, client(fmt.Sprintf("198.51.%d.1", i)), "jane@example.com", "wrong "+good)
		if kind := cron.KindOf(err); kind != cron.Unauthorized && kind != cron.TooMany {
			t.Fatal(err)
		}
	}
	_, err := w.SignIn(ctx, client("192.0.2.1"), "jane@example.com", good)
	w.fails(err, cron.TooMany, cron.RuleGuesses)
	_, err = w.Profile(ctx, jane)
	w.ok(err)
	_, err = w.SignIn(ctx, client("192.0.2.1"), "bob@example.com", good)
	w.ok(err)
	_, err = w.signInBy(phone)
	w.ok(err)
	begun, err := w.BeginConfirm(ctx, jane, publicURL)
	w.ok(err)
	_, err = w.ConfirmByPasskey(ctx, jane, begun.State, phone.get(w, begun.Options))
	w.ok(err)
	w.sent()
	w.ok(w.LostPassword(ctx, client("192.0.2.1"), "jane@example.com"))
	in, err := w.ResetPassword(ctx, client("192.0.2.1"), w.tokenIn(w.oneMail("jane@example.com"), service.PasswordPath), "another "+good)
	w.ok(err)
	w.actor(in.Token)
	token, err := w.LoginLink(ctx, command, "jane@example.com")
	w.ok(err)
	_, err = w.SetUpOperator(ctx, client("192.0.2.1"), token, service.PersonForm{Password: "a third " + good})
	w.ok(err)
}

// TestOneAddressLocksNobodyOut guesses at the passwords of everybody from one address, and has as many mails sent as it may:
// people at other addresses sign in and get their mails.
func TestOneAddressLocksNobodyOut(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	people := []string{"jane@example.com", "bob@example.com", "carol@example.com"}
	for _, email := range people {
		w.person(email, cron.RoleOwner)
	}
	refused := 0
	for range 30 {
		for _, email := range people {
			_, err := w.SignIn(ctx, client("198.51.100.1"), email, "wrong "+good)
			if cron.KindOf(err) == cron.TooMany {
				refused++
			}
			_ = w.LostPassword(ctx, client("198.51.100.1"), email)
		}
	}
	if refused != 3*30-20 {
		t.Errorf("%d guesses were refused", refused)
	}
	w.sent()
	for i, email := range people {
		_, err := w.SignIn(ctx, client(fmt.Sprintf("192.0.2.%d", i)), email, good)
		w.ok(err)
		w.ok(w.LostPassword(ctx, client(fmt.Sprintf("192.0.2.%d", i)), email))
		w.oneMail(email)
	}
}
