package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

// TestSetUp sets up the operator. The link works once.
func TestSetUp(t *testing.T) {
	c := newConsole(t)
	if _, err := c.service.SetUp(t.Context(), command()); err != nil {
		t.Fatal(err)
	}
	token, _, err := c.service.SetUpLink(t.Context(), command())
	if err != nil {
		t.Fatal(err)
	}
	page := "/console/setup/" + token
	b := c.visitor(t)
	b.get("/console/sign-in").says(200, "punctual login-link")
	b.get(page).says(200, "Set up Punctual", `name="email"`, `name="password"`)
	b.get(page).says(200) // which changed nothing
	b.post(page, "email", "jane", "password", "short").says(422, `value="jane"`, "is not an e-mail address", "at least 10 characters").hides("short\"")
	b.post(page, "email", "jane@example.com", "password", "password123").says(422, "guessed first")
	b.post(page, "email", "Jane@Example.com", "password", testPassword).leads("/console")
	b.get("/console").says(200, "jane@example.com", "Overview")
	b.get(page).says(410, "used already")
	b.post(page, "email", "mallory@example.com", "password", testPassword).says(410, "used already")
	b.get("/console/setup/unknown").says(404, "link")
	b.post("/console/setup/unknown", "email", "mallory@example.com", "password", testPassword).says(404)
}

// TestAnUnusedSession comes back after a longer pause than sessions survive.
func TestAnUnusedSession(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	last := func(ago time.Duration) {
		if err := c.store.UpdateSession(t.Context(), 1, func(s *cron.Session) error {
			s.LastSeen = time.Now().Add(-ago)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	last(13 * 24 * time.Hour)
	b.get("/console").says(200)
	last(15 * 24 * time.Hour)
	b.get("/console").leads("/console/sign-in")
	b.get("/console/sign-in").says(200)
	b.get("/console/settings/keys").leads("/console/sign-in?next=%2Fconsole%2Fsettings%2Fkeys")
}

// TestLoginLink signs in an operator who cannot sign in otherwise.
func TestLoginLink(t *testing.T) {
	c := newConsole(t)
	c.setUp(t)
	token, err := c.service.LoginLink(t.Context(), command(), "")
	if err != nil {
		t.Fatal(err)
	}
	b := c.visitor(t)
	b.get("/console/setup/"+token).says(200, "jane@example.com", "readonly")
	b.post("/console/setup/"+token, "email", "mallory@example.com", "password", "another long password").leads("/console")
	b.get("/console").says(200, "jane@example.com")
	c.visitor(t).post("/console/sign-in", "email", "jane@example.com", "password", testPassword).says(422)
}

// TestSignIn signs in and out.
func TestSignIn(t *testing.T) {
	c := newConsole(t)
	c.setUp(t)
	b := c.visitor(t)
	b.get("/console").leads("/console/sign-in")
	b.get("/console/settings/keys?x=1").leads("/console/sign-in?next=%2Fconsole%2Fsettings%2Fkeys%3Fx%3D1")
	b.get("/console/sign-in?next=%2Fconsole%2Fsettings%2Fkeys").says(200, `value="/console/settings/keys"`).hides("sign-up", "oidc", "login-link")
	wrong := b.post("/console/sign-in", "email", "jane@example.com", "password", "wrong", "next", "/console/settings").
		says(422, "wrong", `value="jane@example.com"`, `value="/console/settings"`).hides(`value="wrong"`)
	unknown := b.post("/console/sign-in", "email", "nobody@example.com", "password", "wrong", "next", "/console/settings").says(422)
	if strings.ReplaceAll(unknown.body, "nobody@", "jane@") != wrong.body {
		t.Error("the page tells who is known")
	}
	if len(b.cookies) != 0 {
		t.Errorf("a failed sign-in set %v", b.cookies)
	}
	a := b.post("/console/sign-in", "email", "Jane@example.com", "password", testPassword, "next", "/console/settings/keys").
		leads("/console/settings/keys")
	cookie := a.header.Get("Set-Cookie")
	for _, part := range []string{"punctual=punctual_session_", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Expires="} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie is %q", cookie)
		}
	}
	b.get("/console/sign-in").leads("/console")
	b.post("/console/sign-out").leads("/console/sign-in?done=signed-out")
	if len(b.cookies) != 0 {
		t.Errorf("the sign-out left %v", b.cookies)
	}
	b.get("/console/sign-in?done=signed-out").says(200, "You are signed out.")
	b.get("/console/sign-in?done=<script>").says(200).hides("<script>\"")
	b.cookies["punctual"] = strings.Split(strings.Split(cookie, ";")[0], "=")[1]
	b.get("/console").leads("/console/sign-in") // the session has ended, not only its cookie
}

// TestNext never leads to another site.
func TestNext(t *testing.T) {
	c := newConsole(t)
	c.setUp(t)
	for next, want := range map[string]string{
		"/console/settings/keys?a=b&c=d":             "/console/settings/keys?a=b&c=d",
		"/console":                                   "/console",
		"":                                           "/console",
		"https://attacker.example/":                  "/console",
		"//attacker.example/console":                 "/console",
		`/\attacker.example/console`:                 "/console",
		`/console\..\..`:                             "/console",
		"/console/../jobs":                           "/console",
		"/console//attacker.example":                 "/console",
		"/jobs":                                      "/console",
		"/consoles":                                  "/console",
		"console/settings":                           "/console",
		"javascript:alert(1)":                        "/console",
		"/console/static/x":                          "/console",
		"/console/%0d%0aSet-Cookie:x":                "/console/%0D%0ASet-Cookie:x",
		"/console\r\nSet-Cookie: x":                  "/console",
		"/console?\nx":                               "/console",
		"http:///console":                            "/console",
		"/%2fattacker.example/":                      "/console",
		"/console/%2e%2e/%2e%2e/jobs":                "/console",
		"/console/%2f%2fattacker":                    "/console",
		"/console%2f..%2fjobs":                       "/console",
		"/console/%5cattacker.example":               "/console/%5Cattacker.example",
		"\t//attacker.example":                       "/console",
		"/\t/attacker.example":                       "/console",
		" //attacker.example":                        "/console",
		"///attacker.example/console":                "/console",
		"/console@attacker.example":                  "/console",
		"//console/settings":                         "/console",
		"https:/console":                             "/console",
		"https:console":                              "/console",
		"/console?next=//a.example":                  "/console?next=//a.example",
		"/console?" + strings.Repeat("x", 100_000/2): "/console",
		// A sign-in at an issuer begins only where somebody asks for it.
		"/console/sign-in/oidc/example":                "/console",
		"/console/confirm/oidc/example":                "/console",
		"/console/settings/sign-in/identities/example": "/console",
	} {
		c.visitor(t).post("/console/sign-in", "email", "jane@example.com", "password", testPassword, "next", next).leads(want)
	}
}

// TestNextOfOtherPages leads on from pages that somebody who is signed in comes to by a link.
func TestNextOfOtherPages(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	for next, want := range map[string]string{"/console/settings": "/console/settings", "//attacker.example": "/console",
		`/\attacker.example`: "/console", "https://attacker.example": "/console", "/%09/attacker.example": "/console"} {
		query := "?next=" + url.QueryEscape(next)
		b.get("/console/sign-in" + query).leads(want)
		b.get("/console/sign-in/code" + query).leads(want)
		if page := b.get("/console/confirm" + query).says(200); want == "/console" {
			page.hides("attacker")
		}
		b.post("/console/confirm", "password", testPassword, "next", next).leads(want)
	}
}

// TestCookiesOverTLS are bound to the host, and the others do not count.
func TestCookiesOverTLS(t *testing.T) {
	c := newConsole(t)
	plain := c.setUp(t)
	b := c.visitor(t)
	secure := newConsoleWith(t, settings{publicURL: "https://cron.example.com"})
	secure.setUp(t)
	s := secure.visitor(t)
	a := s.post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console")
	if cookie := a.header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-punctual=") || !strings.Contains(cookie, "; Secure") {
		t.Errorf("the cookie is %q", cookie)
	}
	s.get("/console").says(200)
	s.cookies["punctual"] = s.cookies["__Host-punctual"] // as another host of the domain can set it
	delete(s.cookies, "__Host-punctual")
	s.get("/console").leads("/console/sign-in")
	b.cookies["__Host-punctual"] = plain.cookies["punctual"]
	b.get("/console").leads("/console/sign-in")
}

// TestSessionFixation gives a victim a known session before the sign-in.
func TestSessionFixation(t *testing.T) {
	c := newConsole(t)
	c.setUp(t)
	b := c.visitor(t)
	known, _ := auth.NewSessionToken()
	b.cookies["punctual"] = known
	b.get("/console/sign-in").says(200)
	b.post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console")
	if b.cookies["punctual"] == known {
		t.Error("the session has the token that was known")
	}
	other := c.visitor(t)
	other.cookies["punctual"] = known
	other.get("/console").leads("/console/sign-in")
}

// TestGuessing tries many passwords.
func TestGuessing(t *testing.T) {
	c := newConsole(t)
	c.setUp(t)
	b := c.visitor(t)
	var last answer
	for range 40 {
		if last = b.post("/console/sign-in", "email", "jane@example.com", "password", "wrong"); last.status != 422 {
			break
		}
	}
	last.says(http.StatusTooManyRequests, "too many failed sign-ins", `value="jane@example.com"`)
	if last.header.Get("Retry-After") == "" {
		t.Error("the answer does not say when to try again")
	}
	b.post("/console/sign-in", "email", "jane@example.com", "password", testPassword).says(http.StatusTooManyRequests)
}

// TestSecondFactor signs in with a code, and with recovery codes.
func TestSecondFactor(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	page := b.post("/console/settings/sign-in/totp").says(200, "data:image/png;base64,")
	secret, state := between(page.body, `id="secret">`, "<"), between(page.body, `name="state" value="`, `"`)
	again := b.post("/console/settings/sign-in/totp/enable", "state", state, "code", "000000").says(422, "code is wrong")
	if between(again.body, `id="secret">`, "<") != secret {
		t.Error("after a wrong code the secret is another one")
	}
	codes := b.post("/console/settings/sign-in/totp/enable", "state", state, "code", code(t, secret, 0)).says(200, "not shown again")
	recovery := between(codes.body, `id="codes"><div>`, "<")
	b.get("/console/settings/sign-in").says(200, "Unused recovery codes: 10").hides(recovery)

	other := c.visitor(t)
	other.post("/console/sign-in", "email", "jane@example.com", "password", testPassword, "next", "/console/settings").
		leads("/console/sign-in/code?next=%2Fconsole%2Fsettings")
	other.get("/console").leads("/console/sign-in/code")
	other.get("/console/settings/keys").leads("/console/sign-in/code?next=%2Fconsole%2Fsettings%2Fkeys")
	other.post("/console/settings/person", "name", "Mallory").leads("/console/sign-in/code?next=%2Fconsole%2Fsettings%2Fperson")
	half := other.cookies["punctual"]
	other.get("/console/sign-in/code?next=%2Fconsole%2Fsettings").says(200, `value="/console/settings"`)
	other.post("/console/sign-in/code", "code", "123", "next", "/console/settings").says(422, "code is wrong", `value="/console/settings"`)
	next := code(t, secret, 1)
	other.post("/console/sign-in/code", "code", next, "next", "/console/settings").leads("/console/settings")
	if other.cookies["punctual"] == half {
		t.Error("the session has the token of before the code")
	}
	third := c.visitor(t)
	third.post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console/sign-in/code")
	third.post("/console/sign-in/code", "code", next).says(422, "used already")
	third.post("/console/sign-in/code", "code", recovery).leads("/console/settings/sign-in?done=recovered")
	third.get("/console/settings/sign-in?done=recovered").says(200, "Unused recovery codes: 9", "recovery code, which cannot be used again")
	third.post("/console/settings/sign-in/totp/disable").leads("/console/settings/sign-in?done=removed")
	c.visitor(t).post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console")
}

// code is what an authenticator app shows in some periods from now.
func code(t testing.TB, secret string, periods int) string {
	t.Helper()
	text, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), time.Now().Add(time.Duration(periods)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// between is what stands in a text between two others.
func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}
