package browser

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"punctual/internal/auth/authtest"
	"punctual/test/harness"
)

// issuerSite is a service with an issuer.
type issuerSite struct {
	*authtest.Provider
	node *harness.Node
	url  string
	jane *Tab // of the operator
}

// startWithIssuer starts a service with an issuer, whose configuration has more members, and sets up its operator.
func startWithIssuer(t *testing.T, more string, everybody ...authtest.Person) *issuerSite {
	t.Helper()
	p, err := authtest.New(nil, everybody...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	file := filepath.Join(t.TempDir(), "oidc.json")
	if err := os.WriteFile(file, []byte("["+p.Config("example", `, "title": "Example ID"`+more)+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &issuerSite{Provider: p}
	s.node, s.url = start(t, "--oidc", file)
	p.Allow(s.url + "/console/sign-in/oidc/example/callback")
	s.jane = openTab(t, s.url).Open(setupLink.FindString(s.node.Stdout()))
	s.jane.Fill("E-mail address", "jane@example.com").Fill("Password", password).Press("Create the operator").At("/console")
	return s
}

// issuerSignIn signs in on the page of the issuer, which leads back to the service.
func (tab *Tab) issuerSignIn(email string) *Tab {
	tab.t.Helper()
	tab.act("type the name", chromedp.SendKeys(chromedp.CSS("#username"), email))
	tab.act("type the password", chromedp.SendKeys(chromedp.CSS("#password"), authtest.Password))
	return tab.Press("Sign in")
}

// byIssuer opens the page for signing in, and does so by the issuer.
func (s *issuerSite) byIssuer(t *testing.T, email string) *Tab {
	t.Helper()
	return openTab(t, s.url).Open("/console/sign-in").Press("Continue with Example ID").issuerSignIn(email)
}

// TestIssuer lets somebody new in by the domain of the address, with the role that the issuer names at each sign-in.
func TestIssuer(t *testing.T) {
	t.Parallel()
	bob := authtest.Person{Subject: "bob", Email: "bob@example.com", Name: "Bob", Claims: map[string]any{"roles": []string{"cron-user"}}}
	s := startWithIssuer(t, `, "domains": ["example.com"], "account": "1", "roleClaim": "roles", "roles": {"cron-user": "editor", "cron-admin": "owner"}`, bob)
	tab := openTab(t, s.url).Open("/console/settings/keys").At("/console/sign-in").Look("sign-in-issuer")
	tab.Press("Continue with Example ID").issuerSignIn(bob.Email).At("/console/settings/keys").See("New API key").See("Bob")
	s.jane.Open("/console/settings/people").See("Bob").See("Editor")
	for _, now := range []struct{ claim, role string }{{"cron-admin", "Owner"}, {"of another service", "Viewer"}} {
		bob.Claims = map[string]any{"roles": now.claim}
		s.Set(bob)
		s.byIssuer(t, bob.Email).At("/console").Open("/console/settings/people").See(bob.Email + "\n" + now.role + " ·")
	}
	s.jane.Open("/console/settings/service").See("Example ID (" + s.URL + ")").Look("service-issuer")
}

// TestIssuerStrangers lets in whoever has an invitation to their address, and nobody else.
func TestIssuerStrangers(t *testing.T) {
	t.Parallel()
	eve := authtest.Person{Subject: "eve", Email: "eve@example.org", Name: "Eve"}
	carl := authtest.Person{Subject: "carl", Email: "carl@example.com", Unverified: true}
	s := startWithIssuer(t, `, "domains": ["example.com"]`, eve, carl)
	for _, email := range []string{eve.Email, carl.Email} {
		tab := openTab(t, s.url).Open("/console/sign-in").Press("Continue with Example ID")
		tab.Expect(403).issuerSignIn(email).See("You are signed in at Example ID, but that does not let you in here").Look("issuer-refused")
		tab.Open("/console").At("/console/sign-in")
	}
	s.jane.Open("/console/settings/people").Fill("E-mail address", eve.Email).Press("Invite").See("Give this link")
	link := s.jane.Text("#invitation-link")
	tab := openTab(t, s.url).Open(link).See("jane@example.com invites you").Look("invitation-issuer")
	tab.Press("Continue with Example ID").Expect(403).issuerSignIn(carl.Email).See("for another e-mail address").Look("invitation-issuer-wrong")
	tab.Press("Continue with Example ID").issuerSignIn(eve.Email).At("/console").See("Eve")
	tab.Open("/console/settings/people").See("jane@example.com")
	s.byIssuer(t, eve.Email).At("/console").See("Eve")
}

// TestIssuerLinks links people with the issuer: by their verified address, or in their settings.
func TestIssuerLinks(t *testing.T) {
	t.Parallel()
	jane := authtest.Person{Subject: "1", Email: "jane@example.com", Unverified: true}
	s := startWithIssuer(t, `, "domains": ["example.com"]`, jane)
	tab := openTab(t, s.url).Open("/console/sign-in").Press("Continue with Example ID")
	tab.Expect(403).issuerSignIn(jane.Email).See("does not let you in here")
	jane.Unverified = false
	s.Set(jane)
	tab.Press("Continue with Example ID").issuerSignIn(jane.Email).At("/console").See("jane@example.com")
	tab.Open("/console/settings/sign-in").See("Example ID").Look("sign-in-settings-linked")
	tab.Open("/console/confirm?next=/console/settings/keys").Look("confirm-issuer")
	tab.Press("Continue with Example ID").issuerSignIn(jane.Email).At("/console/settings/keys")
	tab.Open("/console/settings/sign-in").Press("Remove").See("Removed.")
	other := authtest.Person{Subject: "2", Email: "doe@example.org"}
	s.Set(other)
	tab.Press("Link with Example ID").issuerSignIn(other.Email).At("/console/settings/sign-in").See("Saved.").See(other.Email)
	s.byIssuer(t, other.Email).At("/console").See("jane@example.com")
}

// TestIssuerDown signs in by password while the issuer does not answer.
func TestIssuerDown(t *testing.T) {
	t.Parallel()
	s := startWithIssuer(t, "")
	s.Close()
	tab := openTab(t, s.url).Open("/console/settings/keys").At("/console/sign-in")
	tab.Expect(503).Press("Continue with Example ID").See("Example ID does not answer at the moment").Look("issuer-down")
	tab.Fill("E-mail address", "jane@example.com").Fill("Password", password).Press("Sign in").At("/console/settings/keys")
	tab.Open("/console/settings/sign-in").Expect(503).Press("Link with Example ID").See("does not answer").Look("link-issuer-down")
}

// TestIssuerCallbacks refuses what another browser has brought from the issuer, and what was used before.
func TestIssuerCallbacks(t *testing.T) {
	t.Parallel()
	eve := authtest.Person{Subject: "eve", Email: "eve@example.com"}
	s := startWithIssuer(t, `, "domains": ["example.com"]`, eve)
	begin := func() (to string, state *http.Cookie) {
		response := s.get(t, s.url+"/console/sign-in/oidc/example", nil)
		return response.Header.Get("Location"), response.Cookies()[0]
	}
	to, state := begin()
	callback, err := s.SignIn(t.Context(), to, eve.Email)
	if err != nil {
		t.Fatal(err)
	}
	victim := openTab(t, s.url).Expect(403).Open(callback.String()).See("begun in another browser or too long ago").Look("issuer-foreign")
	victim.Open("/console").At("/console/sign-in")
	s.jane.Open(callback.String()).At("/console").See("jane@example.com").SeeNot(eve.Email)
	_, other := begin()
	for _, test := range []struct {
		what  string
		state *http.Cookie
		want  int
	}{{"that of another sign-in", other, 403}, {"its own", state, 303}, {"one that was used", state, 403}} {
		if got := s.get(t, callback.String(), test.state).StatusCode; got != test.want {
			t.Errorf("with the state %s: status %d, want %d", test.what, got, test.want)
		}
	}
}

// get opens an address with a cookie and follows nothing.
func (s *issuerSite) get(t *testing.T, address string, cookie *http.Cookie) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != nil {
		r.AddCookie(cookie)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response
}
