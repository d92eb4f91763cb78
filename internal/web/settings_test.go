package web_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

// hostile is a text that breaks pages that do not escape it.
const hostile = `<script>alert("x")</script>'"&`

// join makes somebody a member of the first account, and signs them in.
func (c *console) join(t testing.TB, owner *visitor, email, role string) *visitor {
	t.Helper()
	page := owner.post("/console/settings/people/invite", "email", email, "role", role).says(200, "Give this link to "+email)
	link := between(page.body, `id="invitation-link">http://example.com`, "<")
	b := c.visitor(t)
	b.get(link).says(200, "jane@example.com invites you")
	b.post(link, "name", "Somebody", "password", testPassword).leads("/console")
	b.get(link).says(410)
	return b
}

// personID finds a person in the list of people.
func (c *console) personID(t testing.TB, email string) string {
	t.Helper()
	p, err := c.store.PersonByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p.ID)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestStart shows the first page, with and without an account.
func TestStart(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console").says(200, "Paste a URL", `action="/console/jobs/new"`, "http://example.com/jobs", `href="/docs"`)
	b.get("/console/settings").says(200, "/console/settings/accounts", "/console/settings/audit")
	other := c.join(t, b, "bob@example.com", "viewer")
	other.get("/console").says(200, "bob@example.com", "ask an editor").hides("Paste a URL")
	other.get("/console/settings").says(200, "/console/settings/keys").hides("/console/settings/accounts", "/console/settings/audit")
	b.post("/console/settings/people/" + c.personID(t, "bob@example.com") + "/remove").leads("/console/settings/people?done=removed")
	other.get("/console").says(200, "You do not belong to an account")
	other.get("/console/settings").says(200, "/console/settings/person").hides("/console/settings/keys")
	other.get("/console/settings/keys").says(403)
}

// TestKeys makes and revokes API keys.
func TestKeys(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/settings/keys").says(200, "first key", "operator")
	b.post("/console/settings/keys", "title", " ", "scopes", "read", "expires", "soon", "allowFrom", "10.0.0.0/8 nowhere").
		says(422, "must be given", "is not a date", "IP address", `value="10.0.0.0/8 nowhere"`, `value="read" checked`)
	made := b.post("/console/settings/keys", "title", hostile, "scopes", "write", "expires", "2999-12-31", "allowFrom", "10.0.0.0/8, 192.0.2.7").
		says(200, "not shown again", "only from 10.0.0.0/8 192.0.2.7/32", "Expires", "&lt;script&gt;").hides("<script>alert")
	key := between(made.body, `id="new-key">`, "<")
	if !strings.HasPrefix(key, "punctual_") {
		t.Fatalf("the key is %q", key)
	}
	list := b.get("/console/settings/keys").says(200, "by jane@example.com").hides(key)
	keys, err := c.service.APIKeys(t.Context(), cron.OperatorOf(c.account(t)))
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	id := between(list.body, "/console/settings/keys/", "/revoke")
	b.post("/console/settings/keys/" + id + "/revoke").leads("/console/settings/keys?done=revoked")
	b.get("/console/settings/keys?done=revoked").says(200, "Revoked.")
	b.post("/console/settings/keys/"+id+"/revoke").says(404, "no such API key")
	b.post("/console/settings/keys/x/revoke").says(404)

	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/settings/keys").says(200, "Viewers make no API keys").hides("/revoke")
	viewer.post("/console/settings/keys", "title", "x", "scopes", "read").says(403, "needs the role editor")
}

// account is the first account.
func (c *console) account(t testing.TB) cron.Account {
	t.Helper()
	a, err := c.store.Operator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestFreshSignIn asks again for a password when the last one is too long ago.
func TestFreshSignIn(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	c.age(t)
	b.get("/console/settings/keys").says(200, "needs a recent sign-in", "/console/confirm?next=").hides(`name="title"`)
	b.get("/console/settings/sign-in").says(200, "needs a recent sign-in").hides(`name="password"`)
	b.get("/console/settings/person").says(200, "needs a recent sign-in").hides(`name="typed"`)
	b.get("/console/settings/account").says(200, "needs a recent sign-in").hides(`name="typed"`)
	b.post("/console/settings/keys", "title", "x").leads("/console/confirm?next=%2Fconsole%2Fsettings%2Fkeys")
	b.post("/console/settings/sign-in/password", "password", "another long password").leads("/console/confirm?next=%2Fconsole%2Fsettings%2Fsign-in")
	b.get("/console/confirm?next=%2Fconsole%2Fsettings%2Fkeys").says(200, "Confirm that it is you", `value="/console/settings/keys"`)
	b.post("/console/confirm", "password", "wrong", "next", "/console/settings/keys").says(422, "wrong", `value="/console/settings/keys"`)
	before := b.cookies["punctual"]
	b.post("/console/confirm", "password", testPassword, "next", "/console/settings/keys").leads("/console/settings/keys")
	if b.cookies["punctual"] == before {
		t.Error("the session has the token of before the proof")
	}
	b.get("/console/settings/keys").says(200, `name="title"`)
}

// age makes all proofs of identity an hour old.
func (c *console) age(t testing.TB) {
	t.Helper()
	people, err := c.store.People(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		sessions, err := c.store.Sessions(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sessions {
			err := c.store.UpdateSession(t.Context(), s.ID, func(s *cron.Session) error {
				s.SignedIn = s.SignedIn.Add(-4 * cron.FreshFor)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestPerson changes the profile.
func TestPerson(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/settings/person").says(200, `value="Europe/Berlin"`, `<option value="America/New_York">`, "cannot send mail")
	b.post("/console/settings/person", "name", hostile, "zone", "Mars/Olympus", "theme", "dark").
		says(422, "Mars/Olympus", "&lt;script&gt;").hides("<script>alert")
	b.post("/console/settings/person", "name", hostile, "zone", "Asia/Tokyo", "theme", "dark").leads("/console/settings/person?done=saved")
	b.get("/console/settings/person?done=saved").says(200, "Saved.", `class="theme-dark"`, `value="dark" checked`, "&lt;script&gt;").hides("<script>alert")
	b.get("/console/settings/sessions").says(200, "JST", "Firefox on Linux", "this one")
	b.post("/console/settings/person", "name", "x", "theme", "pink").says(422)
}

// TestDeletePerson needs the address typed, and leaves no account without an owner.
func TestDeletePerson(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.post("/console/settings/person/delete", "typed", "jane").says(422, "does not match", `value="jane"`)
	b.post("/console/settings/person/delete", "typed", "jane@example.com").says(409, "last")
	other := c.join(t, b, "bob@example.com", "editor")
	other.post("/console/settings/person/delete", "typed", "bob@example.com").leads("/console/sign-in?done=deleted")
	if len(other.cookies) != 0 {
		t.Errorf("the cookies are %v", other.cookies)
	}
	b.get("/console/settings/people").says(200).hides("Somebody")
}

// TestSessions ends sessions.
func TestSessions(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/settings/sessions").says(200, "this one").hides("End all other")
	other, third := c.visitor(t), c.visitor(t)
	for _, v := range []*visitor{other, third} {
		v.header = append(v.header, "User-Agent: "+hostile)
		v.post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console")
	}
	list := b.get("/console/settings/sessions").says(200, "Unknown device", "End all other").hides("<script>alert")
	id := between(list.body, "/console/settings/sessions/", "/end")
	stranger := c.join(t, b, "bob@example.com", "owner")
	stranger.post("/console/settings/sessions/" + id + "/end").says(404)
	b.post("/console/settings/sessions/" + id + "/end").leads("/console/settings/sessions?done=ended")
	b.post("/console/settings/sessions/end-others").leads("/console/settings/sessions?done=ended")
	other.get("/console").leads("/console/sign-in")
	third.get("/console").leads("/console/sign-in")
	b.get("/console").says(200)
	stranger.get("/console").says(200)
}

// TestPassword changes the password, which ends other sessions.
func TestPassword(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	other := c.visitor(t)
	other.post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console")
	b.post("/console/settings/sign-in/password", "password", "").says(422, "must be given")
	b.post("/console/settings/sign-in/password", "password", "jane@example.com").says(422, "made of your e-mail address")
	b.post("/console/settings/sign-in/password/remove").says(409, "could no longer sign in")
	b.post("/console/settings/sign-in/password", "password", "another long password").leads("/console/settings/sign-in?done=password")
	b.get("/console/settings/sign-in?done=password").says(200, "Your password is changed")
	other.get("/console").leads("/console/sign-in")
	c.visitor(t).post("/console/sign-in", "email", "jane@example.com", "password", testPassword).says(422)
}

// TestPeople changes roles and removes people.
func TestPeople(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/settings/people").says(200, "jane@example.com", "you", "pass it on yourself")
	b.post("/console/settings/people/leave").says(409, "last owner")
	b.post("/console/settings/people/invite", "email", "nobody", "role", "editor").says(422, "is not an e-mail address", `value="nobody"`)
	b.post("/console/settings/people/invite", "email", "bob@example.com", "role", "king").says(422)
	b.post("/console/settings/people/invite", "email", "jane@example.com", "role", "editor").says(409, "member")

	bob := c.join(t, b, "bob@example.com", "editor")
	bob.get("/console/settings/people").says(200, "Somebody").hides("/role", "/invite", "/revoke")
	bob.post("/console/settings/people/invite", "email", "eve@example.com", "role", "editor").says(403, "needs the role owner")
	id := c.personID(t, "bob@example.com")
	b.post("/console/settings/people/"+id+"/role", "role", "viewer").leads("/console/settings/people?done=saved")
	b.post("/console/settings/people/"+id+"/role", "role", "").says(422)
	b.post("/console/settings/people/999/role", "role", "viewer").says(404)
	bob.get("/console/settings/people").says(200, "Viewer")

	b.post("/console/settings/people/invite", "email", "eve@example.com", "role", "viewer").says(200)
	list := b.get("/console/settings/people").says(200, "Open invitations", "eve@example.com", "invited by jane@example.com").hides("invitation-link")
	invitation := between(list.body, "/console/settings/people/invitations/", "/revoke")
	b.post("/console/settings/people/invitations/" + invitation + "/revoke").leads("/console/settings/people?done=revoked")
	b.get("/console/settings/people").says(200).hides("eve@example.com")
	bob.post("/console/settings/people/leave").leads("/console?done=left")
	bob.get("/console?done=left").says(200, "You left the account", "do not belong")
}

// TestInvitationOfSomebodyKnown joins after the sign-in, with the right person only.
func TestInvitationOfSomebodyKnown(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	bob := c.join(t, b, "bob@example.com", "editor")
	b.post("/console/settings/people/" + c.personID(t, "bob@example.com") + "/remove").leads("/console/settings/people?done=removed")
	page := b.post("/console/settings/people/invite", "email", "bob@example.com", "role", "viewer").says(200)
	link := between(page.body, `id="invitation-link">http://example.com`, "<")
	b.get(link).says(200, "You are signed in as jane@example.com")
	b.post(link).says(403, "another e-mail address")
	nobody := c.visitor(t)
	nobody.get(link).says(200, "Sign in as bob@example.com to join", "/console/sign-in?next=").hides(`name="password"`)
	nobody.post(link, "password", "another long password").leads("/console/sign-in?next=" + strings.ReplaceAll(link, "/", "%2F"))
	bob.get(link).says(200, "You are signed in as bob@example.com")
	bob.post(link).leads("/console")
	bob.get("/console/settings/people").says(200, "Viewer")
	bob.get(link).says(410, "used already")
}

// TestAudit shows and filters the audit log.
func TestAudit(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.post("/console/settings/keys", "title", hostile, "scopes", "read").says(200)
	b.get("/console/settings/audit").says(200, "Made the API key", "&lt;script&gt;", "jane@example.com", "console").hides("<script>alert")
	b.get("/console/settings/audit?action=job.").says(200, "No entry matches", "Show everything").hides("Made the")
	b.get("/console/settings/audit?action=key.&who=person-"+c.personID(t, "jane@example.com")).says(200, "Made the API key", `value="key." selected`)
	b.get("/console/settings/audit?who=key-1").says(200, "No entry matches", `value="key-1" selected`)
	b.get("/console/settings/audit?from=2999-01-01").says(200, "No entry matches", `value="2999-01-01"`)
	b.get("/console/settings/audit?to=2000-01-01").says(200, "No entry matches")
	b.get("/console/settings/audit?from=yesterday").says(422, "is not a date")
	b.get("/console/settings/audit?who=person-x&before=x").says(200, "Made the API key")
	for range 60 {
		b.post("/console/settings/account", "title", "Example").leads("/console/settings/account?done=saved")
		b.post("/console/settings/account", "title", "Other").leads("/console/settings/account?done=saved")
	}
	first := b.get("/console/settings/audit?action=account.").says(200, "Older").hides("Newest")
	older := strings.ReplaceAll(between(first.body, `<a class="button" href="`, `"`), "&amp;", "&")
	b.get(older).says(200, "Newest", "Changed the account", `value="account." selected`)
	c.join(t, b, "bob@example.com", "editor").get("/console/settings/audit").says(403, "needs the role owner")
}

// TestAccount renames, exports, deletes and keeps the account.
func TestAccount(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.post("/console/settings/account", "title", hostile).leads("/console/settings/account?done=saved")
	b.get("/console/settings/account").says(200, "&lt;script&gt;").hides("<script>alert")
	b.post("/console/settings/account", "title", strings.Repeat("x", 1000)).says(422, "too long")
	b.post("/console/settings/account", "title", "Example").leads("/console/settings/account?done=saved")
	export := b.get("/console/settings/account/export").says(200)
	if !json.Valid([]byte(export.body)) || !strings.HasPrefix(export.header.Get("Content-Disposition"), "attachment") ||
		export.header.Get("Cache-Control") != "no-store" || strings.Contains(export.body, "argon2") {
		t.Errorf("the export is %v %s", export.header, export.body)
	}
	bob := c.join(t, b, "bob@example.com", "editor")
	bob.get("/console/settings/account/export").says(403, "needs the role owner")
	bob.post("/console/settings/account/delete", "typed", "Example").says(403)
	b.post("/console/settings/account/delete", "typed", "example").says(422, "does not match")
}

// TestOperator manages accounts and people of the service.
func TestOperator(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	bob := c.join(t, b, "bob@example.com", "owner")
	for _, path := range []string{"/console/settings/accounts", "/console/settings/everyone"} {
		b.get(path).says(200)
		bob.get(path).says(403, "Only an operator")
	}
	b.get("/console/settings/service").says(200, "90 days", "not configured", "closed: people are invited", "cannot send mail",
		"(--egress-no-proxy)", "app.example.com, 10.0.0.0/8", "(--egress-proxy-resolves)", "the proxy, so their addresses cannot be checked")
	bob.get("/console/settings/service").says(403, "Only an operator")
	b.post("/console/settings/service/test-mail", "to", "jane@example.com").says(403, "cannot send mail")
	bob.post("/console/settings/accounts", "email", "x@example.com", "plan", "default").says(403, "Only an operator")
	b.post("/console/settings/accounts", "email", "x", "plan", "default").says(422, "is not an e-mail address", `value="x"`)
	b.post("/console/settings/accounts", "email", "shop@example.com", "plan", "default", "public", "1").leads("/console/settings/accounts?done=saved")
	b.post("/console/settings/accounts", "email", "shop@example.com", "plan", "default").says(409)
	list := b.get("/console/settings/accounts").says(200, "shop@example.com", "Plan default")
	_, rest, _ := strings.Cut(list.body, "shop@example.com")
	id := between(rest, "/console/settings/accounts/", "/plan")
	b.post("/console/settings/accounts/"+id+"/plan", "plan", "unlimited").leads("/console/settings/accounts?done=saved")
	b.post("/console/settings/accounts/"+id+"/plan", "plan", "golden").says(422)
	b.post("/console/settings/accounts/" + id + "/disable").leads("/console/settings/accounts?done=saved")
	b.get("/console/settings/accounts").says(200, "disabled", "/enable")
	b.post("/console/settings/accounts/" + id + "/enable").leads("/console/settings/accounts?done=saved")
	b.post("/console/settings/accounts/" + id + "/delete").leads("/console/settings/accounts?done=saved")
	b.get("/console/settings/accounts").says(200, "being deleted")

	person := c.personID(t, "bob@example.com")
	b.post("/console/settings/everyone/" + person + "/operator").leads("/console/settings/everyone?done=saved")
	bob.get("/console/settings/accounts").says(200)
	b.post("/console/settings/everyone/" + person + "/no-operator").leads("/console/settings/everyone?done=saved")
	b.post("/console/settings/everyone/" + person + "/disable").leads("/console/settings/everyone?done=saved")
	bob.get("/console").leads("/console/sign-in")
	b.post("/console/settings/everyone/" + person + "/enable").leads("/console/settings/everyone?done=saved")
	b.post("/console/settings/everyone/"+c.personID(t, "jane@example.com")+"/no-operator").says(409, "last operator")
}

// TestSwitchAccount looks at another account, of one's own only.
func TestSwitchAccount(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.post("/console/settings/accounts", "email", "shop@example.com", "plan", "default").leads("/console/settings/accounts?done=saved")
	other, err := c.service.Account(t.Context(), command(), "shop@example.com")
	if err != nil {
		t.Fatal(err)
	}
	id, err := json.Marshal(other.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a := b.post("/console/account", "account", string(id)); a.status != http.StatusNotFound && a.status != http.StatusForbidden {
		t.Errorf("the account of others: %d", a.status)
	}
	err = c.store.SetMembership(t.Context(), cron.Membership{PersonID: 1, AccountID: other.ID, Role: cron.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	b.get("/console").says(200, "shop@example.com")
	b.post("/console/account", "account", string(id)).leads("/console")
	b.get("/console/settings").says(200, "shop@example.com").hides("/console/settings/audit")
}

// TestEveryActionHasWords compares the actions of the audit log with those that the page has words for.
func TestEveryActionHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../service/audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Join(labelsInCode(t, func(string) bool { return true }), "\n") + "\n"
	actions := 0
	for n := range ast.Preorder(file) {
		value, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(value.Names[0].Name, "act") || len(value.Values) == 0 {
			continue
		}
		action, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		actions++
		if !strings.Contains(known, "\n"+action+"\n") {
			t.Errorf("the action %s has no words", action)
		}
	}
	if actions < 20 {
		t.Errorf("found %d actions only", actions)
	}
}

// TestLongLists shows lists page by page, and searches them. No page is too large.
func TestLongLists(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	for i := range 120 {
		account := cron.Account{Email: fmt.Sprintf("account%03d@example.com", i), Plan: cron.PlanDefault}
		if err := c.store.CreateAccount(t.Context(), &account); err != nil {
			t.Fatal(err)
		}
		person := cron.Person{Email: fmt.Sprintf("person%03d@example.com", i)}
		if err := c.store.CreatePerson(t.Context(), &person); err != nil {
			t.Fatal(err)
		}
		if err := c.store.SetMembership(t.Context(), cron.Membership{PersonID: person.ID, AccountID: 1, Role: cron.RoleViewer}); err != nil {
			t.Fatal(err)
		}
		key := cron.APIKey{AccountID: 1, Title: fmt.Sprintf("key%03d@example.com", i), Role: cron.RoleViewer}
		_, key.Hash = auth.NewKey()
		if err := c.store.CreateAPIKey(t.Context(), &key); err != nil {
			t.Fatal(err)
		}
	}
	for path, name := range map[string]string{"accounts": "account", "everyone": "person", "people": "person", "keys": "key"} {
		seen, pages, next := 0, 0, "/console/settings/"+path
		for next != "" {
			a := b.get(next).says(200)
			if len(a.body) > 120<<10 {
				t.Errorf("%s has %d bytes", next, len(a.body))
			}
			seen += len(regexp.MustCompile(`<strong>`+name+`\d+@`).FindAllString(a.body, -1))
			next = ""
			if found := regexp.MustCompile(`href="([^"]+)">Next page`).FindStringSubmatch(a.body); found != nil {
				next = found[1]
			}
			pages++
		}
		if seen != 120 || pages != 3 {
			t.Errorf("%s shows %d rows on %d pages", path, seen, pages)
		}
		b.get("/console/settings/"+path+"?q=%20"+strings.ToUpper(name)+"077").says(200, name+"077@example.com", "77\"").hides(name + "076@")
		b.get("/console/settings/" + path + "?q=nothing&after=x").says(200).hides(name + "001@")
	}
	if n := len(b.get("/console/settings/audit").says(200).body); n > 120<<10 {
		t.Errorf("the audit log has %d bytes", n)
	}
}
