package service_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// TestInvitationUndone invites in a transaction that is undone, and again: only what is stored is mailed.
func TestInvitationUndone(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.member("jane@example.com", cron.RoleOwner)
	undone := errors.New("undone")
	for _, want := range []error{undone, nil} {
		_, _, err := w.Idempotent(t.Context(), owner, service.UseInvite, cron.IdempotentCall{Key: "once"}, func(ctx context.Context) ([]byte, error) {
			_, err := w.Invite(ctx, owner, "bob@example.com", cron.RoleEditor)
			w.ok(err)
			if mails := w.sent(); len(mails) != 0 {
				t.Errorf("before the commit: %+v", mails)
			}
			return []byte("{}"), want
		})
		if !errors.Is(err, want) {
			t.Fatal(err)
		}
		if want != nil && len(w.sent()) != 0 {
			t.Error("an invitation that is not stored was mailed")
		}
	}
	token := w.tokenIn(w.oneMail("bob@example.com"), service.InvitationPath)
	_, err := w.Invitation(t.Context(), token)
	w.ok(err)
}

func TestInvitation(t *testing.T) {
	w := newWorld(t, nil)
	ctx, from := t.Context(), client("192.0.2.9")
	owner := w.member("jane@example.com", cron.RoleOwner)
	_, err := w.Invite(ctx, owner, "x", cron.Role(7))
	w.fails(err, cron.Invalid, cron.RuleNone)
	_, err = w.Invite(ctx, owner, "JANE@example.com", cron.RoleViewer)
	w.fails(err, cron.Conflict, cron.RuleMember)
	sent, err := w.Invite(ctx, owner, "Bob@example.com", cron.RoleViewer)
	w.ok(err)
	first := w.tokenIn(w.oneMail("bob@example.com"), service.InvitationPath)
	if !sent.Mailed || sent.Token != "" {
		t.Errorf("the link is shown to whoever invites: %+v", sent)
	}
	_, err = w.Invite(ctx, owner, "bob@example.com", cron.RoleEditor)
	w.ok(err)
	token := w.tokenIn(w.oneMail("bob@example.com"), service.InvitationPath)
	_, err = w.Invitation(ctx, first)
	w.fails(err, cron.Gone, cron.RuleLinkExpired)
	list, err := w.Invitations(ctx, owner)
	if err != nil || len(list) != 1 || list[0].Inviter != "jane@example.com" || list[0].Role != cron.RoleEditor || list[0].Token != "" {
		t.Errorf("%+v, %v", list, err)
	}
	shown, err := w.Invitation(ctx, token)
	if err != nil || shown.AccountTitle != w.account.Email || shown.Inviter != "jane@example.com" || shown.Known {
		t.Errorf("%+v, %v", shown, err)
	}
	form := service.PersonForm{Email: "eve@example.com", Name: "Bob", Password: good}
	in, err := w.AcceptInvitation(ctx, from, cron.Actor{}, token, form)
	w.ok(err)
	bob := w.actor(in.Token)
	if bob.Person.Email != "bob@example.com" || !bob.Person.Confirmed || bob.Person.Operator || bob.Role != cron.RoleEditor ||
		bob.Account.ID != w.account.ID {
		t.Errorf("%+v, %+v", bob, bob.Person)
	}
	_, err = w.AcceptInvitation(ctx, from, cron.Actor{}, token, form)
	w.fails(err, cron.Gone, cron.RuleLinkUsed)
	if list, err = w.Invitations(ctx, owner); err != nil || len(list) > 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestAnInvitationIsBoundToItsAddress gives the link to others.
func TestAnInvitationIsBoundToItsAddress(t *testing.T) {
	w := newWorld(t, nil)
	ctx, from := t.Context(), client("192.0.2.9")
	owner := w.member("jane@example.com", cron.RoleOwner)
	w.person("bob@example.com", cron.RoleNone)
	eve, bob := w.member("eve@example.com", cron.RoleNone), w.signedIn("bob@example.com")
	_, err := w.Invite(ctx, owner, "bob@example.com", cron.RoleViewer)
	w.ok(err)
	token := w.tokenIn(w.oneMail("bob@example.com"), service.InvitationPath)
	if shown, err := w.Invitation(ctx, token); err != nil || !shown.Known {
		t.Errorf("%+v, %v", shown, err)
	}
	_, err = w.AcceptInvitation(ctx, from, eve, token, service.PersonForm{})
	w.fails(err, cron.Forbidden, cron.RuleLinkEmail)
	_, err = w.AcceptInvitation(ctx, from, cron.Actor{}, token, service.PersonForm{Password: good})
	w.fails(err, cron.Unauthorized, cron.RuleSignInFirst)
	in, err := w.AcceptInvitation(ctx, from, bob, token, service.PersonForm{})
	w.ok(err)
	if a := w.actor(in.Token); a.Person.ID != bob.Person.ID || a.Role != cron.RoleViewer || a.Account.ID != w.account.ID {
		t.Errorf("%+v", a)
	}
	if in.Session.AccountID != w.account.ID {
		t.Errorf("%+v", in.Session)
	}
}

// TestAnInvitationLastsAsLongAsItsMakersRight revokes invitations, lowers and removes inviters, and waits.
func TestAnInvitationLastsAsLongAsItsMakersRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ctx := t.Context()
		first := w.member("jane@example.com", cron.RoleOwner)
		for name, end := range map[string]func(invitation int64, inviter cron.Actor) error{
			"revoked": func(id int64, _ cron.Actor) error { return w.RevokeInvitation(ctx, first, id) },
			"demoted": func(_ int64, a cron.Actor) error { return w.ChangeRole(ctx, first, a.Person.ID, cron.RoleEditor) },
			"removed": func(_ int64, a cron.Actor) error { return w.RemovePerson(ctx, first, a.Person.ID) },
			"deleted": func(_ int64, a cron.Actor) error { return w.DeletePerson(ctx, a, a.Person.Email) },
			"left":    func(_ int64, a cron.Actor) error { return w.Leave(ctx, a) },
			"disabled": func(_ int64, a cron.Actor) error {
				return w.SetPersonEnabled(ctx, command, a.Person.ID, false)
			},
			"account disabled": func(int64, cron.Actor) error { return w.SetAccountEnabled(ctx, command, "", false) },
			"too late":         func(int64, cron.Actor) error { time.Sleep(7 * 24 * time.Hour); return nil },
		} {
			w.ok(w.SetAccountEnabled(ctx, command, "", true))
			first = w.signedIn("jane@example.com")
			inviter := w.member(strings.ReplaceAll(name, " ", "")+"@example.com", cron.RoleOwner)
			made, err := w.Invite(ctx, inviter, "bob@example.com", cron.RoleViewer)
			w.ok(err)
			token := w.tokenIn(w.oneMail("bob@example.com"), service.InvitationPath)
			w.ok(end(made.ID, inviter))
			_, err = w.AcceptInvitation(ctx, client("192.0.2.9"), cron.Actor{}, token, service.PersonForm{Password: good})
			if kind := cron.KindOf(err); kind != cron.Gone && (name != "account disabled" || kind != cron.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
			w.sent()
			time.Sleep(time.Hour) // for the limit of mails
		}
	})
}

// TestRoles changes roles, also of those who have just left.
func TestRoles(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	owner, bob := w.member("jane@example.com", cron.RoleOwner), w.member("bob@example.com", cron.RoleViewer)
	w.fails(w.ChangeRole(ctx, bob, bob.Person.ID, cron.RoleOwner), cron.Forbidden, cron.RuleRole)
	w.fails(w.RemovePerson(ctx, bob, owner.Person.ID), cron.Forbidden, cron.RuleRole)
	w.fails(w.ChangeRole(ctx, owner, bob.Person.ID, cron.RoleNone), cron.Invalid, cron.RuleUnknownValue)
	w.fails(w.ChangeRole(ctx, owner, 4711, cron.RoleViewer), cron.NotFound, cron.RuleNone)
	w.fails(w.ChangeRole(ctx, owner, owner.Person.ID, cron.RoleEditor), cron.Conflict, cron.RuleLastOwner)
	w.fails(w.Leave(ctx, owner), cron.Conflict, cron.RuleLastOwner)
	w.fails(w.DeletePerson(ctx, owner, "JANE@example.com"), cron.Conflict, cron.RuleLastOwner)
	w.ok(w.ChangeRole(ctx, owner, bob.Person.ID, cron.RoleOwner))
	w.ok(w.ChangeRole(ctx, w.signedIn("bob@example.com"), owner.Person.ID, cron.RoleEditor))
	owner = w.signedIn("jane@example.com")
	if owner.Role != cron.RoleEditor {
		t.Errorf("%v", owner.Role)
	}
	w.ok(w.RemovePerson(ctx, owner, owner.Person.ID)) // anybody leaves
	if a := w.signedIn("jane@example.com"); a.Account.ID != 0 || a.Role != cron.RoleNone {
		t.Errorf("%+v", a)
	}
	want := []string{"member.change | jane@example.com | bob@example.com as owner",
		"member.change | bob@example.com | jane@example.com as editor", "member.leave | jane@example.com | jane@example.com"}
	got := slices.DeleteFunc(w.log(), func(line string) bool { return strings.HasPrefix(line, "sign-in") })
	if !slices.Equal(got, want) {
		t.Errorf("the log is %q", got)
	}
}

// TestKeysLiveOn lets people leave who have made keys.
func TestKeysLiveOn(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	owner := w.member("jane@example.com", cron.RoleOwner)
	titled := func(title string) func(*cron.APIKey) error {
		return func(k *cron.APIKey) error { k.Title = title; return nil }
	}
	for _, leave := range []func(cron.Actor) error{
		func(a cron.Actor) error { return w.RemovePerson(ctx, owner, a.Person.ID) },
		func(a cron.Actor) error { return w.DeletePerson(ctx, a, a.Person.Email) },
	} {
		bob := w.member("bob@example.com", cron.RoleEditor)
		text, err := w.CreateAPIKey(ctx, w.db.Now(), bob, titled("deploy\r\nBcc: x"))
		w.ok(err)
		if err := leave(bob); err != nil {
			t.Fatal(err)
		}
		m := w.oneMail("jane@example.com")
		if !strings.Contains(m.Text, "- deploy Bcc: x\n") || !strings.Contains(m.Subject, "bob@example.com") {
			t.Errorf("%+v", m)
		}
		a, err := w.auth.Authenticate(ctx, w.db.Now(), "Bearer "+text, bob.Address)
		w.ok(err)
		if a.Role != cron.RoleEditor || a.Key.MadeBy != 0 {
			t.Errorf("%+v, %+v", a, a.Key)
		}
		w.ok(w.DeleteAPIKey(ctx, owner, a.Key.ID))
		if p, err := w.db.PersonByEmail(ctx, "bob@example.com"); err == nil {
			_, err = w.db.DeletePerson(ctx, p.ID)
			w.ok(err)
		}
	}
}

// TestKeysAreNoMoreThanTheirMakers makes keys as an editor and as an operator, and lowers an editor later.
func TestKeysAreNoMoreThanTheirMakers(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	owner, bob := w.member("jane@example.com", cron.RoleOwner), w.member("bob@example.com", cron.RoleEditor)
	for name, change := range map[string]func(*cron.APIKey) error{
		"role":     func(k *cron.APIKey) error { k.Role = cron.RoleOwner; return nil },
		"operator": func(k *cron.APIKey) error { k.Operator = true; return nil },
	} {
		_, err := w.CreateAPIKey(ctx, w.db.Now(), bob, change)
		if cron.KindOf(err) != cron.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	text, err := w.CreateAPIKey(ctx, w.db.Now(), bob, func(*cron.APIKey) error { return nil })
	w.ok(err)
	key := func() cron.Actor {
		a, err := w.auth.Authenticate(ctx, w.db.Now(), "Bearer "+text, bob.Address)
		w.ok(err)
		return a
	}
	folder, err := w.NewFolder(key(), "x")
	w.ok(err)
	w.ok(w.AddFolder(ctx, key(), &folder))
	_, err = w.exportText(ctx, key())
	w.fails(err, cron.Forbidden, cron.RuleRole)
	child, err := w.CreateAPIKey(ctx, w.db.Now(), key(), func(*cron.APIKey) error { return nil })
	w.ok(err)
	w.ok(w.ChangeRole(ctx, owner, bob.Person.ID, cron.RoleViewer))
	for _, text = range []string{text, child} {
		w.fails(w.DeleteFolder(ctx, key(), folder.ID), cron.Forbidden, cron.RuleRole)
		_, err = w.Folders(ctx, key())
		w.ok(err)
		_, err = w.CreateAPIKey(ctx, w.db.Now(), key(), func(*cron.APIKey) error { return nil })
		w.fails(err, cron.Forbidden, cron.RuleRole)
	}
}

// TestOperators makes an operator, who keeps out of accounts, and disables people.
func TestOperators(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	p := w.person("op@example.com", cron.RoleNone)
	w.ok(w.SetPersonOperator(ctx, command, p.ID, true))
	operator := w.signedIn("op@example.com")
	w.fails(w.SetPersonOperator(ctx, operator, p.ID, false), cron.Conflict, cron.RuleLastOperator)
	w.fails(w.SetPersonEnabled(ctx, operator, p.ID, false), cron.Conflict, cron.RuleLastOperator)
	w.fails(w.DeletePerson(ctx, operator, p.Email), cron.Conflict, cron.RuleLastOperator)
	if _, err := w.AllPeople(ctx, operator); err != nil {
		t.Error(err)
	}
	inside := operator
	inside.Account = w.account
	_, _, err := w.Jobs(ctx, w.db.Now(), inside)
	w.fails(err, cron.Forbidden, cron.RuleRole)
	bob := w.member("bob@example.com", cron.RoleViewer)
	in, err := w.SignIn(ctx, client("192.0.2.1"), "bob@example.com", good)
	w.ok(err)
	w.ok(w.SetPersonEnabled(ctx, operator, bob.Person.ID, false))
	w.signedOut(in.Token)
	_, err = w.SignIn(ctx, client("192.0.2.1"), "bob@example.com", good)
	w.fails(err, cron.Unauthorized, cron.RuleSignIn)
	w.fails(w.SetPersonEnabled(ctx, bob, bob.Person.ID, true), cron.Forbidden, cron.RuleOperatorOnly)
	w.ok(w.SetPersonEnabled(ctx, operator, bob.Person.ID, true))
	w.signedIn("bob@example.com")
}

// TestSomebodyElsesAddress makes a person for the address of somebody else, by an invitation that was copied by hand. When
// the owner of the address comes, all that was prepared is gone.
func TestSomebodyElsesAddress(t *testing.T) {
	w := newWorld(t, func(c *service.Config) { c.Mailer = nil })
	ctx := t.Context()
	eve := w.member("eve@example.com", cron.RoleOwner)
	made, err := w.Invite(ctx, eve, "victim@example.com", cron.RoleViewer)
	w.ok(err)
	in, err := w.AcceptInvitation(ctx, client("192.0.2.9"), cron.Actor{}, made.Token, service.PersonForm{Password: good})
	w.ok(err)
	impostor := w.actor(in.Token)
	if impostor.Person.Confirmed {
		t.Error("the address counts as proven")
	}
	w.enableApp(impostor)
	w.ok(w.db.AddPasskey(ctx, &cron.Passkey{PersonID: impostor.Person.ID, CredentialID: []byte("x"), Credential: []byte("{}")}))

	again := w.withMail()
	w.ok(again.LostPassword(ctx, client("192.0.2.1"), "victim@example.com"))
	again.FinishBackground(ctx)
	token := w.tokenIn(w.mail.mails[0], service.PasswordPath)
	victim, err := again.ResetPassword(ctx, client("192.0.2.1"), token, "another "+good)
	w.ok(err)
	if victim.Second {
		t.Error("a second factor of somebody else is asked for")
	}
	w.signedOut(in.Token)
	f, err := w.Profile(ctx, w.actor(victim.Token))
	w.ok(err)
	if len(f.Passkeys) > 0 || f.Person.HasTOTP || !f.Person.Confirmed {
		t.Errorf("%+v", f)
	}
}
