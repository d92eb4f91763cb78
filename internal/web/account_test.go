package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"punctual/internal/cron"
)

// shop gives somebody an account of their own, which their session looks at.
func (c *console) shop(t testing.TB, operator *visitor, b *visitor, email string) cron.Account {
	t.Helper()
	operator.post("/console/settings/accounts", "email", "shop@example.com", "plan", "default").leads("/console/settings/accounts?done=saved")
	account, err := c.service.Account(t.Context(), command(), "shop@example.com")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.store.PersonByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.store.SetMembership(t.Context(), cron.Membership{PersonID: p.ID, AccountID: account.ID, Role: cron.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	id, err := json.Marshal(account.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.post("/console/account", "account", string(id)).leads("/console")
	return account
}

// TestDeletion asks for the deletion of an account, and takes it back.
func TestDeletion(t *testing.T) {
	c := newConsole(t)
	operator := c.setUp(t)
	bob := c.join(t, operator, "bob@example.com", "editor")
	c.shop(t, operator, bob, "bob@example.com")
	bob.post("/console/settings/account", "title", "Shop").leads("/console/settings/account?done=saved")
	bob.post("/console/settings/account/delete", "typed", "shop").says(422, "does not match", `value="shop"`)
	bob.post("/console/settings/account/delete", "typed", "Shop").leads("/console/settings/account")
	bob.get("/console/settings/account").says(200, "will be deleted at", "Keep the account").hides(`name="typed"`)
	bob.get("/console").says(200, "will be deleted at", "Take it back")
	bob.post("/console/settings/keys", "title", "x", "scopes", "read").says(403, "deletion")
	operator.get("/console/settings/accounts").says(200, "being deleted")
	bob.post("/console/settings/account/keep").leads("/console/settings/account?done=kept")
	bob.get("/console/settings/account?done=kept").says(200, "will not be deleted", `name="typed"`).hides("Keep the account")
	bob.post("/console/settings/keys", "title", "x", "scopes", "read").says(200, "not shown again")
}

// TestDisabledAccount can be left for another one.
func TestDisabledAccount(t *testing.T) {
	c := newConsole(t)
	operator := c.setUp(t)
	bob := c.join(t, operator, "bob@example.com", "editor")
	c.shop(t, operator, bob, "bob@example.com")
	if err := c.service.SetAccountEnabled(t.Context(), command(), "shop@example.com", false); err != nil {
		t.Fatal(err)
	}
	bob.get("/console").says(200, "This account is disabled", "operator@localhost")
	bob.get("/console/settings/keys").says(403, "disabled")
	bob.post("/console/account", "account", "1").leads("/console")
	bob.get("/console").says(200, "Paste a URL")
}

// TestHostileTexts has every text that people choose break pages that do not escape it. Every page is checked for scripts of
// its own, wherever it is asked for.
func TestHostileTexts(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.header = append(b.header, "User-Agent: "+hostile)
	const title = hostile + "</title></strong>{{.}}"
	b.post("/console/settings/person", "name", title, "zone", "UTC").leads("/console/settings/person?done=saved")
	b.post("/console/settings/account", "title", title).leads("/console/settings/account?done=saved")
	b.post("/console/settings/keys", "title", title, "scopes", "all").says(200)
	b.post("/console/settings/people/invite", "email", `"<script>alert('x')</script>"@example.com`, "role", "viewer")
	b.post("/console/sign-in", "email", title, "password", title).hides("<script>alert")
	bob := c.join(t, b, "bob@example.com", "owner")
	for _, path := range []string{"", "/settings", "/settings/person", "/settings/sign-in", "/settings/sessions", "/settings/people",
		"/settings/keys", "/settings/audit", "/settings/account", "/settings/accounts", "/settings/everyone", "/settings/service",
		"/confirm", "/settings/keys?q=" + "%3Cscript%3Ealert", "/settings/audit?who=%22%3E%3Cscript%3Ealert&action=%3Cscript%3Ealert&from=%3Cscript%3Ealert",
		"/sign-in?next=/console/%22%3E%3Cscript%3Ealert", "/lost-password", "/nothing%3Cscript%3Ealert"} {
		for _, visitor := range []*visitor{b, bob, c.visitor(t)} {
			visitor.get("/console"+path).hides("<script>alert", "<script>Alert", "<no value>")
		}
	}
}

// stalled is a client that reads nothing until it is let go.
type stalled struct {
	*httptest.ResponseRecorder
	begun func()
	goOn  chan struct{}
}

// Write waits.
func (s *stalled) Write(p []byte) (int, error) {
	s.begun()
	<-s.goOn
	return s.ResponseRecorder.Write(p)
}

// TestOneExportAtOnce has a person download twice at the same time.
func TestOneExportAtOnce(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/console/settings/account/export", nil)
	r.Header.Set("Cookie", "punctual="+b.cookies["punctual"])
	begun := make(chan struct{})
	first := &stalled{httptest.NewRecorder(), sync.OnceFunc(func() { close(begun) }), make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.ServeHTTP(first, r)
	}()
	<-begun
	second := b.get("/console/settings/account/export").says(http.StatusTooManyRequests, "too many requests")
	if second.header.Get("Retry-After") == "" {
		t.Error("the answer does not say when to try again")
	}
	close(first.goOn)
	<-ended
	if !strings.HasPrefix(first.Body.String(), "{") {
		t.Errorf("the first export is %s", first.Body)
	}
	b.get("/console/settings/account/export").says(200)
}
