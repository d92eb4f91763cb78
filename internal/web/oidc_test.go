package web_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"punctual/internal/auth"
	"punctual/internal/auth/authtest"
)

const issuerCallback = "http://example.com/console/sign-in/oidc/example/callback"

// newIssuerConsole is a console with an issuer, whose configuration has more members.
func newIssuerConsole(t *testing.T, more string, everybody ...authtest.Person) (*console, *authtest.Provider) {
	t.Helper()
	provider, err := authtest.New([]string{issuerCallback}, everybody...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.Close)
	return newConsoleWith(t, settings{issuers: readIssuers(t, provider, more)}), provider
}

// readIssuers is the configuration of an issuer.
func readIssuers(t *testing.T, p *authtest.Provider, more string) []auth.IssuerConfig {
	t.Helper()
	file := filepath.Join(t.TempDir(), "oidc.json")
	if err := os.WriteFile(file, []byte("["+p.Config("example", `, "title": "Example ID"`+more)+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	issuers, err := auth.ReadIssuers(file)
	if err != nil {
		t.Fatal(err)
	}
	return issuers
}

// goTo opens a page that leads to the issuer, and returns where the issuer sends the browser after the sign-in there.
func (b *visitor) goTo(p *authtest.Provider, page, email string) (callback string) {
	b.t.Helper()
	a := b.get(page)
	to := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(to, p.URL) {
		b.t.Fatalf("%s leads to %q with status %d: %s", page, to, a.status, a.body)
	}
	back, err := p.SignIn(b.t.Context(), to, email)
	if err != nil {
		b.t.Fatal(err)
	}
	if !strings.HasPrefix(back.String(), issuerCallback+"?") {
		b.t.Fatalf("the issuer leads to %s", back)
	}
	return back.RequestURI()
}

var bob = authtest.Person{Subject: "bob", Email: "bob@example.com", Name: "Bob"}

// TestIssuerSignIn signs somebody new in by an issuer. Only the browser that began it can end it, once.
func TestIssuerSignIn(t *testing.T) {
	c, p := newIssuerConsole(t, `, "domains": ["example.com"]`, bob)
	c.setUp(t)
	b := c.visitor(t)
	b.get("/console/sign-in?next=/console/settings/keys").says(200, "Continue with Example ID",
		"/console/sign-in/oidc/example?next=%2fconsole%2fsettings%2fkeys")
	const page = "/console/sign-in/oidc/example?next=/console/settings/keys"
	callback := b.goTo(p, page, bob.Email)
	if c := b.cookies["punctual-oidc-example"]; c == "" || strings.Contains(callback, c) {
		t.Errorf("the cookies are %q", b.cookies)
	}
	const elsewhere = "another browser or too long ago"
	c.visitor(t).get(callback).says(403, elsewhere, `action="/console/sign-in"`)
	foreign := c.visitor(t)
	foreign.goTo(p, page, bob.Email)
	foreign.get(callback).says(403, elsewhere)
	spent := b.cookies["punctual-oidc-example"]
	b.get(callback).leads("/console/settings/keys")
	b.get("/console").says(200, "Bob")
	b.get(callback).leads("/console") // back in the history of the browser
	replay := c.visitor(t)
	replay.cookies["punctual-oidc-example"] = spent
	replay.get(callback).says(403, "Example ID gave an answer that is not valid")
	b.get("/console/sign-in/oidc/example?next=/console/settings").leads("/console/settings")
	b.get("/console/sign-in/oidc/example?next=https://example.org/").leads("/console")
	c.visitor(t).get("/console/sign-in/oidc/other").says(404)
	c.visitor(t).get("/console/sign-in/oidc/other/callback?state=x&code=y").says(404)
	for _, long := range []string{"/" + strings.Repeat("a", 4000), "%3F" + strings.Repeat("%26", 500), "%3F" + strings.Repeat("%22", 500)} {
		b := c.visitor(t)
		b.get(b.goTo(p, "/console/sign-in/oidc/example?next=/console"+long, bob.Email)).leads("/console")
	}
	c.visitor(t).get("/console/sign-in/oidc/example?invitation=" + strings.Repeat("%22", 100)).says(303)
	c.visitor(t).get("/console/sign-in/oidc/example?invitation=" + strings.Repeat("a", 101)).says(404)
}

// TestIssuerRefuses tells people what went wrong, on the page that they came from.
func TestIssuerRefuses(t *testing.T) {
	stranger := authtest.Person{Subject: "eve", Email: "eve@example.org"}
	c, p := newIssuerConsole(t, `, "domains": ["example.com"]`, bob, stranger)
	jane := c.setUp(t)
	b := c.visitor(t)
	b.get(b.goTo(p, "/console/sign-in/oidc/example", stranger.Email)).says(403, "does not let you in here", `action="/console/sign-in"`)
	state := func(b *visitor, page string) string {
		to, err := url.Parse(b.get(page).header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		return to.Query().Get("state")
	}
	denied := state(b, "/console/sign-in/oidc/example?next=/console/settings")
	b.get("/console/sign-in/oidc/example/callback?error=access_denied&state="+denied).
		says(403, "was cancelled or refused", `value="/console/settings"`)
	denied = state(jane, "/console/confirm/oidc/example?next=/console/settings/keys")
	jane.get("/console/sign-in/oidc/example/callback?error=access_denied&state="+denied).
		says(403, "was cancelled or refused", "Confirm that it is you", `value="/console/settings/keys"`)
	denied = state(jane, "/console/settings/sign-in/identities/example")
	jane.get("/console/sign-in/oidc/example/callback?error=access_denied&state="+denied).
		says(403, "was cancelled or refused", "Single sign-on")
	if !strings.Contains(c.log.String(), "access_denied") {
		t.Errorf("the log has no cause: %s", c.log)
	}
}

// TestIssuerWithoutDomains tells a person whose address the issuer is not trusted for how to link it.
func TestIssuerWithoutDomains(t *testing.T) {
	jane := authtest.Person{Subject: "jane", Email: "jane@example.com", Claims: map[string]any{"groups": []string{"cron"}}}
	eve := authtest.Person{Subject: "eve", Email: "eve@example.com"}
	c, p := newIssuerConsole(t, `, "allowGroups": ["cron"]`, jane, eve)
	c.setUp(t)
	b := c.visitor(t)
	b.get(b.goTo(p, "/console/sign-in/oidc/example", jane.Email)).says(403, "Somebody has this e-mail address already.", "then link Example ID")
	b.get(b.goTo(p, "/console/sign-in/oidc/example", eve.Email)).says(403, "Your groups at Example ID do not allow")
	if len(b.cookies) > 0 {
		t.Errorf("the cookies are %v", b.cookies)
	}
}

// TestIssuerDown leaves the password to those whose issuer does not answer.
func TestIssuerDown(t *testing.T) {
	c, p := newIssuerConsole(t, "")
	c.setUp(t)
	p.Close()
	b := c.visitor(t)
	b.get("/console/sign-in/oidc/example?next=/console/settings").says(503, "Example ID does not answer", `value="/console/settings"`)
	if !strings.Contains(c.log.String(), "discover") {
		t.Errorf("the log has no cause: %s", c.log)
	}
	b.post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console")
	b.get("/console/settings/sign-in/identities/example").says(503, "Example ID does not answer", "Single sign-on")
	b.get("/console/confirm/oidc/example").says(503, "Example ID does not answer", "Confirm that it is you")
}

// TestIssuerLinks links a person with an issuer, confirms by it, and unlinks it.
func TestIssuerLinks(t *testing.T) {
	c, p := newIssuerConsole(t, `, "invitationOnly": true`, bob)
	jane := c.setUp(t)
	jane.get("/console/settings/sign-in").says(200, "Link with Example ID")
	callback := jane.goTo(p, "/console/settings/sign-in/identities/example", bob.Email)

	thief := c.visitor(t) // who has taken the cookie of the state, and has another session
	thief.cookies["punctual-oidc-example"] = jane.cookies["punctual-oidc-example"]
	thief.get(callback).says(403, "begun in another browser")

	callback = jane.goTo(p, "/console/settings/sign-in/identities/example", bob.Email)
	jane.get(callback).leads("/console/settings/sign-in?done=saved")
	jane.get("/console/settings/sign-in").says(200, bob.Email, "Remove").hides("Link with Example ID")
	jane.get("/console/confirm?next=/console/settings/keys").says(200, "/console/confirm/oidc/example?next=%2fconsole%2fsettings%2fkeys")
	jane.get(jane.goTo(p, "/console/confirm/oidc/example?next=/console/settings/keys", bob.Email)).leads("/console/settings/keys")

	other := c.visitor(t)
	other.get(other.goTo(p, "/console/sign-in/oidc/example", bob.Email)).leads("/console")
	other.get("/console").says(200, "jane@example.com")

	jane.post("/console/settings/sign-in/identities/remove", "issuer", p.URL, "subject", "nobody").says(404)
	jane.post("/console/settings/sign-in/identities/remove", "issuer", p.URL, "subject", bob.Subject).leads("/console/settings/sign-in?done=removed")
	jane.get("/console/settings/sign-in").says(200, "Link with Example ID").hides(bob.Email)
	again := c.visitor(t)
	again.get(again.goTo(p, "/console/sign-in/oidc/example", bob.Email)).says(403, "does not let you in")
}

// TestIssuerOnlyWay keeps the only way to sign in.
func TestIssuerOnlyWay(t *testing.T) {
	c, p := newIssuerConsole(t, `, "domains": ["example.com"]`, bob)
	c.setUp(t)
	b := c.visitor(t)
	b.get(b.goTo(p, "/console/sign-in/oidc/example", bob.Email)).leads("/console")
	b.post("/console/settings/sign-in/identities/remove", "issuer", p.URL, "subject", bob.Subject).says(409, "could no longer sign in")
}

// TestIssuerConfirmsAnother refuses the confirmation by somebody else's identity.
func TestIssuerConfirmsAnother(t *testing.T) {
	c, p := newIssuerConsole(t, `, "domains": ["example.com"]`, bob)
	jane := c.setUp(t)
	jane.get(jane.goTo(p, "/console/confirm/oidc/example", bob.Email)).
		says(403, "You are signed in at Example ID as somebody else", "Confirm that it is you")
}

// TestIssuerInvitation accepts an invitation by a sign-in at an issuer, by the person who was invited only.
func TestIssuerInvitation(t *testing.T) {
	eve := authtest.Person{Subject: "eve", Email: "eve@example.com"}
	unverified := authtest.Person{Subject: "carl", Email: "carl@example.com", Unverified: true}
	c, p := newIssuerConsole(t, `, "invitationOnly": true, "domains": ["example.com"]`, bob, eve, unverified)
	jane := c.setUp(t)
	invite := func(email string) (token string) {
		a := jane.post("/console/settings/people/invite", "email", email, "role", "editor").says(200)
		_, rest, ok := strings.Cut(a.body, "/console/invitation/")
		if !ok {
			t.Fatalf("the page has no link: %s", a.body)
		}
		token, _, _ = strings.Cut(rest, "<")
		return token
	}
	token := invite(bob.Email)
	b := c.visitor(t)
	b.get("/console/invitation/"+token).says(200, "/console/sign-in/oidc/example?invitation="+token)
	page := "/console/sign-in/oidc/example?invitation=" + token
	thief := c.visitor(t)
	thief.get(thief.goTo(p, page, eve.Email)).says(403, "for another e-mail address", `action="/console/invitation/`+token)
	b.get(b.goTo(p, page, bob.Email)).leads("/console")
	b.get("/console/settings/people").says(200, "Editor")
	late := c.visitor(t)
	late.get(late.goTo(p, page, bob.Email)).says(410, "used already")

	carl := c.visitor(t)
	token = invite(unverified.Email)
	carl.get(carl.goTo(p, "/console/sign-in/oidc/example?invitation="+token, unverified.Email)).says(403, "for another e-mail address")
}

// TestOtherSitesAtIssuers lets no other site begin what a person did not ask for.
func TestOtherSitesAtIssuers(t *testing.T) {
	c, _ := newIssuerConsole(t, "")
	jane := c.setUp(t)
	for page, want := range map[string]string{
		"/console/settings/sign-in/identities/example":              "/console/settings/sign-in",
		"/console/confirm/oidc/example?next=/console/settings":      "/console/confirm?next=%2Fconsole%2Fsettings",
		"/console/sign-in/oidc/example?invitation=abc%2F..%2F..%3F": "/console/invitation/abc%2F..%2F..%3F",
	} {
		for _, site := range []string{"cross-site", "same-site"} {
			jane.header = []string{"Accept: text/html", "Sec-Fetch-Site: " + site}
			jane.get(page).leads(want)
		}
	}
	if len(jane.cookies) != 1 {
		t.Errorf("the cookies are %v", jane.cookies)
	}
}

// TestIssuerCookie keeps other hosts of the domain from setting the cookie over TLS.
func TestIssuerCookie(t *testing.T) {
	c, p := newIssuerConsole(t, "")
	secure := newConsoleWith(t, settings{publicURL: "https://cron.example.com", issuers: readIssuers(t, p, "")})
	for name, c := range map[string]*console{"punctual-oidc-example=": c, "__Host-punctual-oidc-example=": secure} {
		cookie := c.ask(t, "GET", "/console/sign-in/oidc/example", "").header.Get("Set-Cookie")
		if !strings.HasPrefix(cookie, name) || !strings.Contains(cookie, "; Path=/; Expires=") ||
			!strings.Contains(cookie, "; HttpOnly") || !strings.HasSuffix(cookie, "; SameSite=Lax") {
			t.Errorf("the cookie is %q", cookie)
		}
	}
}
