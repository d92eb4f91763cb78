package auth_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/auth/authtest"
	"punctual/internal/cron"
)

const callback = "http://localhost:8080/console/sign-in/oidc/example/callback"

// openIssuers reads a configuration.
func openIssuers(t *testing.T, configs ...string) *auth.Issuers {
	t.Helper()
	list, err := auth.ReadIssuers(writeFile(t, "oidc.json", "["+strings.Join(configs, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return auth.NewIssuers(list, auth.NewSealer([32]byte{1}))
}

func startProvider(t *testing.T, everybody ...authtest.Person) *authtest.Provider {
	t.Helper()
	p, err := authtest.New([]string{callback}, everybody...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// TestIssuer signs people in at a real issuer.
func TestIssuer(t *testing.T) {
	p := startProvider(t,
		authtest.Person{Subject: "1", Email: "Jane@Example.com", Name: "Jane\u0000 Doe", Claims: map[string]any{
			"groups": []string{"staff", "night"}, "realm": map[string]any{"roles": []string{"dev", "x", "admin"}}}},
		authtest.Person{Subject: "2", Email: "joe@example.com", Unverified: true, Claims: map[string]any{"groups": "staff", "realm": 1}},
		authtest.Person{Subject: "3", Email: "joe@elsewhere.example", Claims: map[string]any{"groups": []string{"staff"}}},
		authtest.Person{Subject: "4", Email: "eve@example.com", Claims: map[string]any{"groups": []string{"guests", "staf"}}},
		authtest.Person{Subject: "5", Email: "bob@sub.example.com"},
	)
	domain, groups := `, "domains": ["example.com"]`, `, "allowGroups": ["staff"]`
	roles := `, "roleClaim": "realm.roles", "roles": {"dev": "editor", "admin": "owner"}, "account": "1"`
	for name, tt := range map[string]struct {
		config, email string
		want          auth.Identity
		rule          cron.Rule
	}{
		"with everything": {domain + groups + roles, "Jane@Example.com", auth.Identity{Subject: "1", Email: "jane@example.com", EmailVerified: true,
			Groups: []string{"staff", "night"}, Role: cron.RoleOwner, Trusted: true, Admitted: true}, 0},
		"by the domain": {domain, "Jane@Example.com", auth.Identity{Subject: "1", Email: "jane@example.com", EmailVerified: true,
			Trusted: true, Admitted: true}, 0},
		"with nothing":    {``, "Jane@Example.com", auth.Identity{Subject: "1", Email: "jane@example.com", EmailVerified: true}, 0},
		"invitation only": {domain + `, "invitationOnly": true`, "Jane@Example.com", auth.Identity{Subject: "1", Email: "jane@example.com", EmailVerified: true, Trusted: true}, 0},
		"not verified":    {domain + groups + roles, "joe@example.com", auth.Identity{Subject: "2", Email: "joe@example.com", Groups: []string{"staff"}, Role: cron.RoleViewer}, 0},
		"another domain": {domain + groups, "joe@elsewhere.example", auth.Identity{Subject: "3", Email: "joe@elsewhere.example", EmailVerified: true,
			Groups: []string{"staff"}}, 0},
		"a domain below": {domain, "bob@sub.example.com", auth.Identity{Subject: "5", Email: "bob@sub.example.com", EmailVerified: true}, 0},
		"by the group": {groups, "joe@elsewhere.example", auth.Identity{Subject: "3", Email: "joe@elsewhere.example", EmailVerified: true,
			Groups: []string{"staff"}, Admitted: true}, 0},
		"another group":       {domain + groups, "eve@example.com", auth.Identity{}, cron.RuleIssuerGroups},
		"no group":            {groups, "bob@sub.example.com", auth.Identity{}, cron.RuleIssuerGroups},
		"a role that is none": {domain + roles, "eve@example.com", auth.Identity{Subject: "4", Email: "eve@example.com", EmailVerified: true, Role: cron.RoleViewer, Trusted: true, Admitted: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, now := openIssuers(t, p.Config("example", tt.config)), time.Now()
			begun, err := s.Start(t.Context(), now, auth.IssuerRequest{Name: "example", Callback: callback, Carry: "/console/jobs"})
			if err != nil {
				t.Fatal(err)
			}
			back, err := p.SignIn(t.Context(), begun.URL, tt.email)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Finish(t.Context(), now, auth.IssuerAnswer{Name: "example", State: begun.State, Query: back.Query()})
			if tt.rule != 0 {
				refusedWith(t, "sign-in", err, cron.Forbidden, tt.rule)
				if got.Subject != "" {
					t.Errorf("gives away %+v", got)
				}
				return
			}
			if err != nil || got.Issuer != p.URL || got.Subject != tt.want.Subject || got.Email != tt.want.Email || got.EmailVerified != tt.want.EmailVerified ||
				!slices.Equal(got.Groups, tt.want.Groups) || got.Role != tt.want.Role || got.Trusted != tt.want.Trusted || got.Admitted != tt.want.Admitted ||
				got.Carry != "/console/jobs" || got.Challenge == [32]byte{} || !got.Expires.Equal(begun.Until) || got.Config.ClientSecret != "" {
				t.Errorf("the identity is %+v, %v", got, err)
			}
			if tt.want.Subject == "1" && strings.ContainsRune(got.Name, 0) {
				t.Errorf("the name is %q", got.Name)
			}
			if _, err := s.Finish(t.Context(), now, auth.IssuerAnswer{Name: "example", State: begun.State, Query: back.Query()}); cron.KindOf(err) != cron.Unauthorized {
				t.Errorf("the same answer again: %v", err) // the issuer takes a code once
			}
		})
	}
}

// TestIssuerRequest reads what the issuer is asked for.
func TestIssuerRequest(t *testing.T) {
	p := startProvider(t)
	s := openIssuers(t, p.Config("example", `, "scopes": ["openid", "groups"]`))
	seen := map[string]bool{}
	for _, fresh := range []bool{false, true} {
		begun, err := s.Start(t.Context(), time.Now(), auth.IssuerRequest{Name: "example", Callback: callback, Fresh: fresh})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(begun.URL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("client_id") != authtest.ClientID || q.Get("redirect_uri") != callback || q.Get("response_type") != "code" ||
			q.Get("scope") != "openid groups" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 ||
			len(q.Get("state")) != 43 || len(q.Get("nonce")) != 43 || fresh != (q.Get("prompt") == "login") || fresh != (q.Get("max_age") == "0") {
			t.Errorf("asked with %s", begun.URL)
		}
		if strings.Contains(begun.URL, url.QueryEscape(authtest.ClientSecret)) {
			t.Errorf("the secret is told: %s", begun.URL)
		}
		if len(begun.State) > 3500 {
			t.Errorf("the state has %d bytes, which is too much for a cookie", len(begun.State))
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if seen[q.Get(name)] {
				t.Errorf("%s came twice", name)
			}
			seen[q.Get(name)] = true
		}
	}
	if _, err := s.Start(t.Context(), time.Now(), auth.IssuerRequest{Name: "other", Callback: callback}); cron.KindOf(err) != cron.NotFound {
		t.Errorf("an unknown issuer: %v", err)
	}
	if _, err := s.Finish(t.Context(), time.Now(), auth.IssuerAnswer{Name: "other", State: "", Query: nil}); cron.KindOf(err) != cron.NotFound {
		t.Errorf("an unknown issuer: %v", err)
	}
	if list := s.List(); len(list) != 1 || list[0].Name != "example" || list[0].ClientSecret != "" {
		t.Errorf("the list is %+v", list)
	}
}

// TestIssuerState brings back what was begun elsewhere, or not at all.
func TestIssuerState(t *testing.T) {
	p := startProvider(t, authtest.Person{Subject: "1", Email: "jane@example.com"})
	s := openIssuers(t, p.Config("example", ""), p.Config("other", ""))
	now := time.Now()
	start := func(name string) auth.IssuerRedirect {
		begun, err := s.Start(t.Context(), now, auth.IssuerRequest{Name: name, Callback: callback})
		if err != nil {
			t.Fatal(err)
		}
		return begun
	}
	mine, attackers, atOther := start("example"), start("example"), start("other")
	back, err := p.SignIn(t.Context(), attackers.URL, "jane@example.com")
	if err != nil {
		t.Fatal(err)
	}
	twice := back.Query()
	twice.Add("state", twice.Get("state"))
	none := back.Query()
	none.Del("state")
	for name, tt := range map[string]struct {
		name, state string
		query       url.Values
		now         time.Time
	}{
		"of another browser":    {"example", mine.State, back.Query(), now},
		"without a cookie":      {"example", "", back.Query(), now},
		"at another issuer":     {"other", attackers.State, back.Query(), now},
		"of another issuer":     {"example", atOther.State, back.Query(), now},
		"too late":              {"example", attackers.State, back.Query(), now.Add(10 * time.Minute)},
		"with the state twice":  {"example", attackers.State, twice, now},
		"without the state":     {"example", attackers.State, none, now},
		"without anything":      {"example", attackers.State, url.Values{}, now},
		"with an error as well": {"example", mine.State, url.Values{"error": {"access_denied"}}, now},
	} {
		_, err := s.Finish(t.Context(), tt.now, auth.IssuerAnswer{Name: tt.name, State: tt.state, Query: tt.query})
		refusedWith(t, name, err, cron.Unauthorized, cron.RuleIssuerState)
	}
	if got, err := s.Finish(t.Context(), now, auth.IssuerAnswer{Name: "example", State: attackers.State, Query: back.Query()}); err != nil || got.Subject != "1" {
		t.Errorf("and with everything right: %+v, %v", got, err)
	}
}
