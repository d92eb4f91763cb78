package service_test

import (
	"encoding/json"
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

func newDevice() *device {
	return &device{virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
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
