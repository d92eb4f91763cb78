package web_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/store/storetest"
)

// clone is another browser with the cookies that this one has now.
func (b *visitor) clone() *visitor {
	other := *b
	other.cookies = maps.Clone(b.cookies)
	return &other
}

// TestPlantedSession has a victim sign in, in each way, in a browser that has the cookie of somebody else's session: the
// victim's is another one, and that of the attacker stays the attacker's.
func TestPlantedSession(t *testing.T) {
	c := newConsoleWith(t, settings{mail: true, publicURL: "http://example.com"})
	jane := c.setUp(t)
	attacker := c.visitor(t)
	invitation := c.link(t, cron.Link{Kind: cron.LinkInvitation, AccountID: c.account(t).ID, Email: "mallory@example.com", Role: cron.RoleViewer})
	attacker.post(invitation, "password", testPassword).leads("/console")
	planted := attacker.cookies["punctual"]
	login, err := c.service.LoginLink(t.Context(), command(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, enter := range map[string]func(victim *visitor) answer{
		"by password": func(v *visitor) answer {
			return v.post("/console/sign-in", "email", "jane@example.com", "password", testPassword)
		},
		"by a link of the command": func(v *visitor) answer { return v.post("/console/setup/"+login, "password", testPassword) },
	} {
		victim := c.visitor(t)
		victim.cookies["punctual"] = planted
		enter(victim).leads("/console")
		if victim.cookies["punctual"] == planted {
			t.Errorf("%s: the session has the token that was planted", name)
		}
		victim.get("/console/settings/person").says(200, "jane@example.com").hides("mallory")
		attacker.get("/console/settings/person").says(200, "mallory@example.com").hides("jane")
	}
	jane.get("/console").leads("/console/sign-in") // the password was set, which ends all other sessions
}

// TestEveryProofGivesAnotherToken takes the cookie of a browser before each proof of identity: it is worth nothing after it.
func TestEveryProofGivesAnotherToken(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	for _, proof := range []struct{ path, field, value string }{
		{"/console/confirm", "password", testPassword},
		{"/console/settings/sign-in/password", "password", "another long password"},
	} {
		stolen := b.clone()
		stolen.get("/console").says(200)
		if a := b.post(proof.path, proof.field, proof.value); a.status != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", proof.path, a.status, a.body)
		}
		b.get("/console").says(200)
		stolen.get("/console").leads("/console/sign-in")
		stolen.post("/console/settings/person", "name", "Mallory").leads("/console/sign-in?next=%2Fconsole%2Fsettings%2Fperson")
	}
	b.get("/console/settings/person").says(200).hides("Mallory")
}

// link saves a link and returns the path of its page.
func (c *console) link(t testing.TB, l cron.Link) string {
	t.Helper()
	token, hash := auth.NewToken()
	l.Hash, l.Created = hash, c.store.Now()
	if l.Expires.IsZero() {
		l.Expires = l.Created.Add(l.Kind.Lifetime())
	}
	if err := c.store.CreateLink(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	return map[cron.LinkKind]string{cron.LinkSetup: "/console/setup/", cron.LinkSignUp: "/console/sign-up/", cron.LinkPassword: "/console/password/",
		cron.LinkEmail: "/console/email/", cron.LinkInvitation: "/console/invitation/"}[l.Kind] + token
}

// oneTimeLinks makes a link of each kind, for which jane exists.
func (c *console) oneTimeLinks(t testing.TB) map[string]string {
	t.Helper()
	jane, err := c.store.PersonByEmail(t.Context(), "jane@example.com")
	if err != nil {
		t.Fatal(err)
	}
	c.visitor(t).post("/console/lost-password", "email", jane.Email).says(200)
	lost := c.mail(t)
	links := map[string]string{"password": "/console/password/" + between(lost.Text, "/console/password/", "\n")}
	for name, l := range map[string]cron.Link{
		"setup":      {Kind: cron.LinkSetup, PersonID: jane.ID, Email: jane.Email},
		"sign-up":    {Kind: cron.LinkSignUp, Email: "new@example.com"},
		"email":      {Kind: cron.LinkEmail, PersonID: jane.ID, Email: "jane.new@example.com", Detail: jane.Email},
		"invitation": {Kind: cron.LinkInvitation, AccountID: c.account(t).ID, Email: "guest@example.com", Role: cron.RoleEditor},
	} {
		links[name] = c.link(t, l)
	}
	return links
}

// TestTwoBrowsersOneLink has several browsers use a link of each kind at the same time: one of them does, and then the link is
// gone for showing and for using.
func TestTwoBrowsersOneLink(t *testing.T) {
	for _, name := range []string{"setup", "sign-up", "password", "email", "invitation"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConsoleWith(t, settings{mail: true, signUp: true, publicURL: "http://example.com"})
			c.setUp(t)
			page := c.oneTimeLinks(t)[name]
			c.visitor(t).get(page).says(200)
			c.visitor(t).get(page).says(200) // to show it uses nothing
			people, err := c.store.People(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			answers := make([]answer, 6)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() { answers[i] = c.visitor(t).post(page, "password", "another long password") })
			}
			wg.Wait()
			done := 0
			for _, a := range answers {
				switch to := a.header.Get("Location"); {
				case a.status == http.StatusSeeOther && (to == "/console" || to == "/console/sign-in?done=email"):
					done++
				case a.status == http.StatusSeeOther && strings.HasPrefix(to, "/console/sign-in?next="): // the person was made meanwhile
				case a.status != http.StatusGone || !strings.Contains(a.body, "used already"):
					t.Errorf("a browser that was late is answered with %d %s", a.status, a.body)
				}
			}
			after, err := c.store.People(t.Context())
			if err != nil || len(after)-len(people) > 1 || done != 1 {
				t.Errorf("the link was used %d times, and there were %d people and are %d: %v", done, len(people), len(after), err)
			}
			b := c.visitor(t)
			b.get(page).says(http.StatusGone, "used already")
			b.post(page, "password", "a third long password").says(http.StatusGone, "used already")
			if name == "setup" || name == "sign-up" || name == "invitation" {
				b.post(page+"/passkey").says(http.StatusGone, "used already")
			}
			if len(b.cookies) > 0 {
				t.Errorf("the link sets %v", b.cookies)
			}
		})
	}
}

// TestStaleLinks opens links of each kind after their time, and under the page of another kind.
func TestStaleLinks(t *testing.T) {
	c := newConsoleWith(t, settings{mail: true, signUp: true, publicURL: "http://example.com"})
	c.setUp(t)
	links := c.oneTimeLinks(t)
	b := c.visitor(t)
	for name, page := range links {
		token := page[strings.LastIndex(page, "/")+1:]
		for other := range links {
			if other != name {
				b.get("/console/"+other+"/"+token).says(http.StatusNotFound, "link")
				b.post("/console/"+other+"/"+token, "email", "eve@example.com", "password", testPassword).says(http.StatusNotFound)
			}
		}
	}
	tables := storetest.OpenTables(t, c.options)
	if _, err := tables.DB().ExecContext(t.Context(), `UPDATE link SET expires_at = $1`, time.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	for _, page := range links {
		b.get(page).says(http.StatusGone, "expired")
		b.post(page, "password", "another long password").says(http.StatusGone, "expired")
	}
	if people, err := c.store.People(t.Context()); err != nil || len(people) != 1 || len(b.cookies) > 0 {
		t.Errorf("there are %d people and the cookies %v: %v", len(people), b.cookies, err)
	}
	c.visitor(t).post("/console/sign-in", "email", "jane@example.com", "password", testPassword).leads("/console")
}

// TestNothingTellsWhoIsKnown sends an address that somebody has and one that nobody has, with the same length, to each form for
// strangers, until there were too many: the answers are alike to the byte.
func TestNothingTellsWhoIsKnown(t *testing.T) {
	c := newConsoleWith(t, settings{mail: true, signUp: true, publicURL: "http://example.com"})
	c.setUp(t)
	for _, form := range []string{"/console/sign-in", "/console/lost-password", "/console/sign-up"} {
		var statuses []int
		for range 12 {
			known := c.visitor(t).post(form, "email", "jane@example.com", "password", "wrong")
			unknown := c.visitor(t).post(form, "email", "eve4@example.com", "password", "wrong")
			for _, a := range []answer{known, unknown} {
				a.header.Del("Retry-After")
			}
			if known.status != unknown.status || strings.ReplaceAll(unknown.body, "eve4@", "jane@") != known.body {
				t.Fatalf("%s: %d %s\nand %d %s", form, known.status, known.body, unknown.status, unknown.body)
			}
			if !maps.EqualFunc(known.header, unknown.header, slices.Equal) || known.header.Get("Set-Cookie") != "" {
				t.Fatalf("%s: %v\nand %v", form, known.header, unknown.header)
			}
			statuses = append(statuses, known.status)
		}
		if !slices.Contains(statuses, http.StatusTooManyRequests) {
			t.Errorf("%s: %v", form, statuses)
		}
	}
}

// TestHeadersOfMails puts line breaks where they would become headers of a mail.
func TestHeadersOfMails(t *testing.T) {
	c := newConsoleWith(t, settings{mail: true, publicURL: "http://example.com"})
	b := c.setUp(t)
	const injected = "\r\nBcc: eve@example.com"
	for _, form := range []struct{ path, field, value string }{
		{"/console/settings/people/invite", "email", "bob@example.com" + injected},
		{"/console/settings/people/invite", "email", "bob@example.com\n"},
		{"/console/settings/people/invite", "email", "\"bob" + injected + "\"@example.com"},
		{"/console/settings/people/invite", "email", "Bob <bob@example.com>"},
		{"/console/settings/people/invite", "email", "bob@example.com, eve@example.com"},
		{"/console/settings/person", "name", "Jane" + injected},
		{"/console/settings/account", "title", "Shop" + injected},
		{"/console/settings/person/email", "email", "jane.new@example.com" + injected},
		{"/console/lost-password", "email", "jane@example.com" + injected},
	} {
		a := b.post(form.path, form.field, form.value, "role", "viewer", "zone", "UTC")
		if trimmed := strings.TrimSpace(form.value); trimmed == "bob@example.com" && a.status == http.StatusOK {
			continue // the line break is taken off
		}
		a.says(http.StatusUnprocessableEntity)
	}
	b.post("/console/settings/account", "title", "Bücher: <b>, \"x\"").leads("/console/settings/account?done=saved")
	b.post("/console/settings/people/invite", "email", "carol@example.com", "role", "viewer").says(200)
	c.service.FinishBackground(t.Context())
	var to []string
	for range len(c.mails) {
		var m message.Mail = <-c.mails
		to = append(to, m.To)
		if strings.ContainsAny(m.To+m.Subject, "\r\n") || strings.Contains(m.Subject, "Bcc") || strings.Contains(m.Text, "eve@") {
			t.Errorf("the mail is %+v", m)
		}
	}
	slices.Sort(to)
	if !slices.Equal(to, []string{"bob@example.com", "carol@example.com"}) {
		t.Errorf("the mails go to %q", to)
	}
}
