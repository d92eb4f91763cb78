package service_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// identities numbers sign-ins, each of which counts once.
var identities byte

// identity is somebody at an issuer that is trusted for example.com and lets its people in as viewers of the first account.
func identity(w *world, subject, email string, change func(*auth.Identity)) auth.Identity {
	identities++
	id := auth.Identity{
		Config: auth.IssuerConfig{Name: "acme", Title: "Acme", Account: strconv.FormatInt(w.account.ID, 10)}, Issuer: "https://acme.example",
		Subject: subject, Email: email, EmailVerified: true, Trusted: strings.HasSuffix(email, "@example.com"), Admitted: true, Name: "Somebody",
		Challenge: [32]byte{identities}, Expires: w.db.Now().Add(time.Minute),
	}
	if change != nil {
		change(&id)
	}
	return id
}

func (w *world) byOIDC(id auth.Identity) (cron.Actor, error) {
	in, err := w.SignInByOIDC(w.Context(), client("192.0.2.1"), id, "")
	if err != nil {
		return cron.Actor{}, err
	}
	return w.actor(in.Token), nil
}

func TestSomebodyNewByOIDC(t *testing.T) {
	w := newWorld(t, nil)
	a, err := w.byOIDC(identity(w, "1", "new@example.com", nil))
	w.ok(err)
	if a.Person.Email != "new@example.com" || !a.Person.Confirmed || a.Person.Operator || a.Role != cron.RoleViewer ||
		a.Account.ID != w.account.ID || a.Session.Way != cron.WayOIDC || a.Session.Second {
		t.Errorf("%+v, %+v", a, a.Person)
	}
	// The subject counts from now on, whatever its address is.
	again, err := w.byOIDC(identity(w, "1", "renamed@example.com", func(id *auth.Identity) { id.Trusted, id.Admitted = false, false }))
	if err != nil || again.Person.ID != a.Person.ID {
		t.Errorf("%+v, %v", again.Person, err)
	}
	// Another subject with the address of somebody else, which nobody vouches for.
	_, err = w.byOIDC(identity(w, "2", "new@example.com", func(id *auth.Identity) { id.Trusted = false }))
	w.fails(err, cron.Unauthorized, cron.RuleIdentityLink)
	_, err = w.byOIDC(identity(w, "3", "third@example.com", func(id *auth.Identity) { id.Admitted = false }))
	w.fails(err, cron.Forbidden, cron.RuleIdentityUnknown)
	_, err = w.byOIDC(identity(w, "4", "", nil))
	w.fails(err, cron.Forbidden, cron.RuleIdentityUnknown)
	if people, err := w.db.People(t.Context()); err != nil || len(people) != 1 {
		t.Errorf("%+v, %v", people, err)
	}
}

// TestASignInByOIDCCountsOnce replays one, also after it failed.
func TestASignInByOIDCCountsOnce(t *testing.T) {
	w := newWorld(t, nil)
	id := identity(w, "1", "new@example.com", nil)
	_, err := w.byOIDC(id)
	w.ok(err)
	_, err = w.byOIDC(id)
	w.fails(err, cron.Conflict, cron.RuleChallengeUsed)
}

// TestLinkedByAddress signs people in who have a password already.
func TestLinkedByAddress(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	jane := w.person("jane@example.com", cron.RoleOwner)
	a, err := w.byOIDC(identity(w, "1", "jane@example.com", nil))
	w.ok(err)
	if a.Person.ID != jane.ID || a.Role != cron.RoleOwner {
		t.Errorf("%+v", a)
	}
	if m := w.oneMail("jane@example.com"); !strings.Contains(m.Text, `your identity at "Acme"`) {
		t.Errorf("%+v", m)
	}
	w.signedIn("jane@example.com") // the password stays
	// The address was never proven: what somebody else has prepared is taken off.
	impostor := w.member("victim@example.com", cron.RoleViewer)
	w.ok(w.db.UpdatePerson(ctx, impostor.Person.ID, func(p *cron.Person) error { p.Confirmed = false; return nil }))
	w.enableApp(impostor)
	victim, err := w.byOIDC(identity(w, "2", "victim@example.com", nil))
	w.ok(err)
	if victim.Person.ID != impostor.Person.ID || victim.Person.PasswordHash != "" || victim.Person.HasTOTP || !victim.Person.Confirmed {
		t.Errorf("%+v", victim.Person)
	}
	if list, err := w.db.Sessions(ctx, victim.Person.ID); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	_, err = w.SignIn(ctx, client("192.0.2.1"), "victim@example.com", good)
	w.fails(err, cron.Unauthorized, cron.RuleSignIn)
	w.ok(w.SetPersonEnabled(ctx, command, victim.Person.ID, false))
	_, err = w.byOIDC(identity(w, "2", "victim@example.com", nil))
	if cron.KindOf(err) != cron.Unauthorized {
		t.Errorf("a disabled person: %v", err)
	}
}

// TestRolesByOIDC changes the claim: the role follows, but for the last owner, and for those who were removed.
func TestRolesByOIDC(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	as := func(subject string, role cron.Role) cron.Actor {
		a, err := w.byOIDC(identity(w, subject, subject+"@example.com", func(id *auth.Identity) { id.Role = role }))
		w.ok(err)
		return a
	}
	if a := as("a", cron.RoleOwner); a.Role != cron.RoleOwner {
		t.Errorf("%v", a.Role)
	}
	if a := as("a", cron.RoleViewer); a.Role != cron.RoleOwner { // the last one
		t.Errorf("%v", a.Role)
	}
	b := as("b", cron.RoleEditor)
	for _, role := range []cron.Role{cron.RoleOwner, cron.RoleViewer, cron.RoleNone} {
		want := max(role, cron.RoleViewer) // without a claim, it stays
		if b = as("b", role); b.Role != want || b.Person.Operator {
			t.Errorf("%v, want %v", b.Role, want)
		}
	}
	w.ok(w.RemovePerson(ctx, as("a", cron.RoleOwner), b.Person.ID))
	if b = as("b", cron.RoleOwner); b.Account.ID != 0 {
		t.Errorf("somebody who was removed comes back by %+v", b)
	}
}

// TestInvitedByOIDC accepts an invitation by an issuer that lets nobody else in.
func TestInvitedByOIDC(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	owner := w.member("jane@example.com", cron.RoleOwner)
	closed := func(id *auth.Identity) { id.Admitted, id.Trusted, id.Role = false, false, cron.RoleOwner }
	_, err := w.Invite(ctx, owner, "bob@elsewhere.example", cron.RoleEditor)
	w.ok(err)
	token := w.tokenIn(w.oneMail("bob@elsewhere.example"), service.InvitationPath)
	for _, wrong := range []auth.Identity{
		identity(w, "1", "eve@elsewhere.example", closed),
		identity(w, "1", "bob@elsewhere.example", func(id *auth.Identity) { closed(id); id.EmailVerified = false }),
	} {
		_, err = w.SignInByOIDC(ctx, client("192.0.2.1"), wrong, token)
		w.fails(err, cron.Forbidden, cron.RuleLinkEmail)
	}
	in, err := w.SignInByOIDC(ctx, client("192.0.2.1"), identity(w, "1", "bob@elsewhere.example", closed), token)
	w.ok(err)
	if a := w.actor(in.Token); a.Role != cron.RoleEditor || a.Person.Email != "bob@elsewhere.example" {
		t.Errorf("%+v", a)
	}
	_, err = w.SignInByOIDC(ctx, client("192.0.2.1"), identity(w, "2", "bob@elsewhere.example", closed), token)
	w.fails(err, cron.Gone, cron.RuleLinkUsed)
}

// TestAnAccountOfOnesOwn comes in by an issuer without an account.
func TestAnAccountOfOnesOwn(t *testing.T) {
	w := newWorld(t, nil)
	a, err := w.byOIDC(identity(w, "1", "new@example.com", func(id *auth.Identity) { id.Config.Account = "" }))
	w.ok(err)
	if a.Role != cron.RoleOwner || a.Account.ID == w.account.ID || a.Account.Access != cron.AccessGlobal || a.Account.Plan != cron.PlanDefault {
		t.Errorf("%+v", a)
	}
}

// TestIdentities links and unlinks by hand, and confirms with an identity.
func TestIdentities(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	jane, bob := w.member("jane@example.com", cron.RoleOwner), w.member("bob@example.com", cron.RoleViewer)
	w.ok(w.LinkIdentity(ctx, jane, identity(w, "1", "jane@private.example", nil)))
	w.oneMail("jane@example.com")
	err := w.LinkIdentity(ctx, bob, identity(w, "1", "jane@private.example", nil))
	w.fails(err, cron.Conflict, cron.RuleIdentityTaken)
	f, err := w.Profile(ctx, jane)
	if err != nil || !slices.ContainsFunc(f.Identities, func(i cron.Identity) bool { return i.Subject == "1" && i.Email == "jane@private.example" }) {
		t.Errorf("%+v, %v", f, err)
	}
	asked := func(id *auth.Identity) { id.Fresh = true }
	_, err = w.ConfirmByOIDC(ctx, jane, identity(w, "1", "", nil)) // not asked again
	w.fails(err, cron.Unauthorized, cron.RuleNone)
	_, err = w.ConfirmByOIDC(ctx, bob, identity(w, "1", "", asked))
	w.fails(err, cron.Unauthorized, cron.RuleNone)
	in, err := w.ConfirmByOIDC(ctx, jane, identity(w, "1", "", asked))
	w.ok(err)
	jane = w.actor(in.Token)
	w.ok(w.UnlinkIdentity(ctx, jane, "https://acme.example", "1"))
	_, err = w.byOIDC(identity(w, "1", "jane@private.example", func(id *auth.Identity) { id.Admitted = false }))
	w.fails(err, cron.Forbidden, cron.RuleIdentityUnknown)
}
