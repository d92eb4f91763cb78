package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// command is whoever has the machine.
var command = cron.OperatorOf(cron.Account{})

func TestSetUp(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	token, needed, err := w.SetUpLink(ctx, command)
	w.ok(err)
	other, _, err := w.SetUpLink(ctx, command) // of another node
	w.ok(err)
	for range 3 { // a mail program, a browser's preview, a person
		info, err := w.SetupLink(ctx, token)
		w.ok(err)
		if !needed || info.Email != "" || info.Known {
			t.Errorf("%+v", info)
		}
	}
	form := service.PersonForm{Email: "Jane@example.com", Name: " Jane ", Zone: "Europe/Berlin", Password: "password123"}
	_, err = w.SetUpOperator(ctx, client("192.0.2.1"), token, form)
	w.fails(err, cron.Invalid, cron.RulePasswordCommon)
	_, err = w.SetUpOperator(ctx, client("192.0.2.1"), token, service.PersonForm{Email: "x", Password: "x", Zone: "x"})
	if got := problemsOf(t, err); !slices.Equal(got, []string{rule("/email", cron.RuleEmail), rule("/zone", cron.RuleUnknownTimeZone),
		rule("/password", cron.RulePasswordShort)}) {
		t.Errorf("the problems are %q", got)
	}
	form.Password = good
	in, err := w.SetUpOperator(ctx, client("192.0.2.1"), token, form)
	w.ok(err)
	a := w.actor(in.Token)
	p := a.Person
	if !p.Operator || !p.Confirmed || p.Email != "jane@example.com" || p.Name != "Jane" || a.Role != cron.RoleOwner ||
		a.Account.ID != w.account.ID || a.Session.Way != cron.WaySetup || a.Session.Second {
		t.Errorf("%+v, %+v", a, p)
	}
	for _, used := range []string{token, other} {
		_, err = w.SetupLink(ctx, used)
		w.fails(err, cron.Gone, cron.RuleNone)
		_, err = w.SetUpOperator(ctx, client("192.0.2.1"), used, form)
		w.fails(err, cron.Gone, cron.RuleNone)
	}
	_, needed, err = w.SetUpLink(ctx, command)
	if needed || err != nil {
		t.Errorf("a link is still needed, %v", err)
	}
	w.signedIn("jane@example.com")
	if got := w.log(); !slices.Contains(got, "member.create | jane@example.com | jane@example.com as owner") {
		t.Errorf("the log is %q", got)
	}
}

func TestASetUpLinkExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		token, _, err := w.SetUpLink(t.Context(), command)
		w.ok(err)
		time.Sleep(time.Hour)
		_, err = w.SetupLink(t.Context(), token)
		w.fails(err, cron.Gone, cron.RuleLinkExpired)
		_, err = w.SetUpOperator(t.Context(), client("192.0.2.1"), token, service.PersonForm{Email: "jane@example.com", Password: good})
		w.fails(err, cron.Gone, cron.RuleLinkExpired)
	})
}

// TestLoginLink gets an operator in again who has lost password and authenticator app.
func TestLoginLink(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	token, err := w.LoginLink(ctx, command, "")
	w.ok(err)
	in, err := w.SetUpOperator(ctx, client("192.0.2.1"), token, service.PersonForm{Email: "jane@example.com", Password: good})
	w.ok(err)
	w.enableApp(w.actor(in.Token))
	w.sent()
	for _, email := range []string{"", "JANE@example.com"} {
		token, err = w.LoginLink(ctx, command, email)
		w.ok(err)
		info, err := w.SetupLink(ctx, token)
		w.ok(err)
		if info.Email != "jane@example.com" || !info.Known {
			t.Errorf("%+v", info)
		}
	}
	again, err := w.SetUpOperator(ctx, client("192.0.2.1"), token, service.PersonForm{Email: "eve@example.com", Password: "another " + good})
	w.ok(err)
	w.signedOut(in.Token)
	a := w.actor(again.Token)
	if a.Person.Email != "jane@example.com" || a.Session.Second || !a.Session.Fresh(w.db.Now()) {
		t.Errorf("%+v, %+v", a.Person, a.Session)
	}
	w.ok(w.DisableTOTP(ctx, a))
	w.oneOf(w.sent(), "password")
	_, err = w.LoginLink(ctx, command, "nobody@example.com")
	w.fails(err, cron.NotFound, cron.RuleNone)
	if got := w.log(); !slices.Contains(got, "sign-in.link | command line | jane@example.com") {
		t.Errorf("the log is %q", got)
	}
}

func TestLostPassword(t *testing.T) {
	w := newWorld(t, nil)
	ctx, from := t.Context(), client("192.0.2.1")
	a := w.member("jane@example.com", cron.RoleOwner)
	w.ok(w.LostPassword(ctx, from, "nobody@example.com"))
	if mails := w.sent(); len(mails) > 0 {
		t.Errorf("nobody gets %+v", mails)
	}
	w.ok(w.LostPassword(ctx, from, " Jane@Example.com "))
	first := w.tokenIn(w.oneMail("jane@example.com"), service.PasswordPath)
	w.ok(w.LostPassword(ctx, from, "jane@example.com"))
	token := w.tokenIn(w.oneMail("jane@example.com"), service.PasswordPath)
	_, err := w.PasswordLink(ctx, first) // the second one took its place
	w.fails(err, cron.Gone, cron.RuleLinkExpired)
	for _, path := range []func() error{
		func() error { return second(w.SetupLink(ctx, token)) },
		func() error { return second(w.SignUpLink(ctx, token)) },
		func() error { return second(w.EmailLink(ctx, token)) },
		func() error { return second(w.Invitation(ctx, token)) },
		func() error { return second(w.PasswordLink(ctx, "x")) },
	} {
		w.fails(path(), cron.NotFound, cron.RuleNone) // a link is for one thing
	}
	_, recovery := w.enableApp(a)
	w.sent()
	_, err = w.ResetPassword(ctx, from, token, "short")
	w.fails(err, cron.Invalid, cron.RulePasswordShort)
	in, err := w.ResetPassword(ctx, from, token, "another "+good)
	w.ok(err)
	if !in.Second {
		t.Error("a link in a mail took the place of the second factor")
	}
	if m := w.oneMail("jane@example.com"); !strings.Contains(m.Subject, "was changed") {
		t.Errorf("the mail is %+v", m)
	}
	if _, err := w.auth.AuthenticateSession(ctx, w.db.Now(), in.Token, from.Address); err != nil {
		t.Error(err)
	}
	if list, err := w.db.Sessions(ctx, a.Person.ID); err != nil || len(list) != 1 {
		t.Errorf("the sessions are %+v, %v", list, err)
	}
	_, _, err = w.SecondFactor(ctx, w.actor(in.Token), recovery[0])
	w.ok(err)
	_, err = w.ResetPassword(ctx, from, token, "third "+good)
	w.fails(err, cron.Gone, cron.RuleLinkUsed)
	_, err = w.SignIn(ctx, from, "jane@example.com", good)
	w.fails(err, cron.Unauthorized, cron.RuleSignIn)
}

// TestAPasswordLinkIsForThePresentPassword changes the password while a link is open, which ends the link.
func TestAPasswordLinkIsForThePresentPassword(t *testing.T) {
	w := newWorld(t, nil)
	a := w.member("jane@example.com", cron.RoleOwner)
	other := w.signedIn("jane@example.com")
	w.ok(w.LostPassword(t.Context(), client("192.0.2.1"), "jane@example.com"))
	token := w.tokenIn(w.oneMail("jane@example.com"), service.PasswordPath)
	in, err := w.ChangePassword(t.Context(), a, "another "+good)
	w.ok(err)
	if now := w.actor(in.Token); now.Session.ID != a.Session.ID || now.Session.Hash == a.Session.Hash {
		t.Errorf("%+v", now.Session)
	}
	if list, err := w.db.Sessions(t.Context(), a.Person.ID); err != nil || len(list) != 1 || list[0].ID == other.Session.ID {
		t.Errorf("the sessions are %+v, %v", list, err)
	}
	_, err = w.ResetPassword(t.Context(), client("192.0.2.1"), token, "third "+good)
	w.fails(err, cron.Gone, cron.RuleLinkExpired)
}

// TestTheLastWayToSignIn takes off one way after the other.
func TestTheLastWayToSignIn(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	a := w.member("jane@example.com", cron.RoleOwner)
	_, err := w.ChangePassword(ctx, a, "")
	w.fails(err, cron.Conflict, cron.RuleLastSignIn)
	w.signedIn("jane@example.com") // nothing was taken off
	k := cron.Passkey{PersonID: a.Person.ID, CredentialID: []byte("id"), Credential: []byte("{}"), Title: "phone"}
	w.ok(w.db.AddPasskey(ctx, &k))
	in, err := w.ChangePassword(ctx, a, "")
	w.ok(err)
	a = w.actor(in.Token)
	w.fails(w.DeletePasskey(ctx, a, k.ID), cron.Conflict, cron.RuleLastSignIn)
	w.ok(w.db.LinkIdentity(ctx, cron.Identity{Issuer: "https://issuer.example", Subject: "1", PersonID: a.Person.ID}))
	w.ok(w.DeletePasskey(ctx, a, k.ID))
	w.fails(w.UnlinkIdentity(ctx, a, "https://issuer.example", "1"), cron.Conflict, cron.RuleLastSignIn)
	w.fails(w.UnlinkIdentity(ctx, a, "https://issuer.example", "2"), cron.NotFound, cron.RuleNone)
	_, err = w.ChangePassword(ctx, a, "another "+good)
	w.ok(err)
}

func TestChangeEmail(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	a := w.member("jane@example.com", cron.RoleOwner)
	w.person("bob@example.com", cron.RoleNone)
	w.ok(w.ChangeEmail(ctx, a, "Bob@example.com")) // says nothing of Bob
	if m := w.oneMail("jane@example.com"); !strings.Contains(m.Text, "bob@example.com") {
		t.Errorf("%+v", m)
	}
	w.ok(w.ChangeEmail(ctx, a, "new@example.com"))
	mails := w.sent()
	if len(mails) != 2 || mails[0].To != "jane@example.com" || mails[1].To != "new@example.com" {
		t.Fatalf("%+v", mails)
	}
	token := w.tokenIn(mails[1], service.EmailPath)
	if p, err := w.db.Person(ctx, a.Person.ID); err != nil || p.Email != "jane@example.com" {
		t.Errorf("%+v, %v", p, err)
	}
	info, err := w.EmailLink(ctx, token)
	if err != nil || info.Email != "new@example.com" {
		t.Errorf("%+v, %v", info, err)
	}
	w.ok(w.ConfirmEmail(ctx, client("192.0.2.9"), token))
	if m := w.oneMail("jane@example.com"); !strings.Contains(m.Text, "new@example.com") {
		t.Errorf("%+v", m)
	}
	w.fails(w.ConfirmEmail(ctx, client("192.0.2.9"), token), cron.Gone, cron.RuleLinkUsed)
	w.signedIn("new@example.com")
	_, err = w.SignIn(ctx, client("192.0.2.1"), "jane@example.com", good)
	w.fails(err, cron.Unauthorized, cron.RuleSignIn)
}

// TestAnAddressThatIsTakenMeanwhile has somebody else come with the new address of a person before it is confirmed.
func TestAnAddressThatIsTakenMeanwhile(t *testing.T) {
	w := newWorld(t, nil)
	a := w.member("jane@example.com", cron.RoleOwner)
	w.ok(w.ChangeEmail(t.Context(), a, "new@example.com"))
	token := w.tokenIn(w.sent()[1], service.EmailPath)
	w.person("new@example.com", cron.RoleNone)
	w.fails(w.ConfirmEmail(t.Context(), client("192.0.2.9"), token), cron.Conflict, cron.RuleEmailTaken)
}

func TestSignUp(t *testing.T) {
	w := newWorld(t, nil)
	ctx, from := t.Context(), client("192.0.2.1")
	w.person("jane@example.com", cron.RoleNone)
	w.ok(w.SignUp(ctx, from, "jane@example.com"))
	if m := w.oneMail("jane@example.com"); !strings.Contains(m.Text, publicURL+"/console/sign-in\n") {
		t.Errorf("%+v", m)
	}
	w.fails(w.SignUp(ctx, from, "x"), cron.Invalid, cron.RuleEmail)
	w.ok(w.SignUp(ctx, from, "new@example.com"))
	token := w.tokenIn(w.oneMail("new@example.com"), service.SignUpPath)
	in, err := w.CompleteSignUp(ctx, from, token, service.PersonForm{Email: "eve@example.com", Password: good})
	w.ok(err)
	a := w.actor(in.Token)
	if a.Person.Email != "new@example.com" || !a.Person.Confirmed || a.Person.Operator || a.Role != cron.RoleOwner ||
		a.Account.ID == w.account.ID || a.Account.Plan != cron.PlanDefault || a.Account.Access != cron.AccessGlobal {
		t.Errorf("%+v, %+v", a.Person, a.Account)
	}
	_, err = w.CompleteSignUp(ctx, from, token, service.PersonForm{Password: good})
	w.fails(err, cron.Gone, cron.RuleLinkUsed)
}

// TestMailsAreLimited has mails sent to one address, and from one network.
func TestMailsAreLimited(t *testing.T) {
	w := newWorld(t, nil)
	for i, tag := range []string{"", "+", "+1", "+1+2", "+a", "+b"} { // all of one mailbox
		err := w.SignUp(t.Context(), client("192.0.2.1"), "new"+tag+"@example.com")
		if (err == nil) != (i < 5) {
			t.Errorf("mail %d: %v", i, err)
		}
	}
	if n := len(w.sent()); n != 5 {
		t.Errorf("%d mails", n)
	}
	failed := 0
	for i := range 30 {
		if w.LostPassword(t.Context(), client("192.0.2.1"), string(rune('a'+i))+"x@example.com") != nil {
			failed++
		}
	}
	if failed != 15 {
		t.Errorf("%d of 30 were refused", failed)
	}
	failed = 0
	for i := range 70 { // from the networks of one site
		address := fmt.Sprintf("2001:db8:0:%x::1", i)
		if w.LostPassword(t.Context(), client(address), fmt.Sprintf("y%d@example.com", i)) != nil {
			failed++
		}
	}
	if failed != 10 {
		t.Errorf("%d of 70 were refused", failed)
	}
}

// TestStrangersFillTheirQueue asks for more mails than can wait. Somebody whose password was changed is told all the same, and
// first.
func TestStrangersFillTheirQueue(t *testing.T) {
	w := newWorld(t, nil)
	a := w.member("jane@example.com", cron.RoleOwner)
	refused := 0
	for i := range 300 {
		address := fmt.Sprintf("198.51.%d.%d", 100+i/200, i%200)
		if err := w.SignUp(t.Context(), client(address), fmt.Sprintf("new%d@example.com", i)); cron.KindOf(err) == cron.TooMany {
			refused++
		}
	}
	if refused != 300-256 {
		t.Errorf("%d were refused", refused)
	}
	_, err := w.ChangePassword(t.Context(), a, "another "+good)
	w.ok(err)
	if mails := w.sent(); len(mails) != 257 || mails[0].To != "jane@example.com" {
		t.Errorf("%d mails, the first to %s", len(mails), mails[0].To)
	}
}

// TestWithoutMail asks for what needs mails with links, without a mailer and without a public URL.
func TestWithoutMail(t *testing.T) {
	for name, change := range map[string]func(*service.Config){
		"mailer":     func(c *service.Config) { c.Mailer = nil },
		"public URL": func(c *service.Config) { c.PublicURL = "" },
	} {
		w := newWorld(t, change)
		a := w.member("jane@example.com", cron.RoleOwner)
		for _, err := range []error{
			w.SignUp(t.Context(), client("192.0.2.1"), "new@example.com"),
			w.LostPassword(t.Context(), client("192.0.2.1"), "jane@example.com"),
			w.ChangeEmail(t.Context(), a, "new@example.com"),
		} {
			w.fails(err, cron.Forbidden, cron.RuleNoMail)
		}
		if f := w.Features(); f.Mail || f.SignUp {
			t.Errorf("without %s: %+v", name, f)
		}
		invitation, err := w.Invite(t.Context(), a, "bob@example.com", cron.RoleEditor)
		w.ok(err)
		if invitation.Mailed || invitation.Token == "" || len(w.sent()) > 0 {
			t.Errorf("without %s: %+v", name, invitation)
		}
		_, err = w.Invitation(t.Context(), invitation.Token)
		w.ok(err)
	}
	w := newWorld(t, func(c *service.Config) { c.SignUp = false })
	w.fails(w.SignUp(t.Context(), client("192.0.2.1"), "new@example.com"), cron.Forbidden, cron.RuleSignUpClosed)
}
