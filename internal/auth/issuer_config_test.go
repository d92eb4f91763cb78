package auth_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadIssuers(t *testing.T) {
	path := writeFile(t, "oidc.json", `[
		{"name": "example", "title": "Example ID", "issuer": "https://id.example.com/realms/a", "clientId": "punctual",
		 "clientSecretFile": "secret", "scopes": ["email", "groups"], "domains": ["Example.com", "@example.org"],
		 "allowGroups": ["staff"], "roleClaim": "realm_access.roles", "roles": {"admin": "owner", "dev": "editor"},
		 "account": "ops@example.com"},
		{"name": "local-1", "issuer": "http://localhost:9000", "clientId": "x", "invitationOnly": true}]`)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "secret"), []byte("hidden\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	issuers, err := auth.ReadIssuers(path)
	if err != nil || len(issuers) != 2 {
		t.Fatalf("%d issuers, %v", len(issuers), err)
	}
	a, b := issuers[0], issuers[1]
	if a.Title != "Example ID" || a.ClientSecret != "hidden" || !slices.Equal(a.Scopes, []string{"openid", "email", "groups"}) ||
		!slices.Equal(a.Domains, []string{"example.com", "example.org"}) || a.GroupsClaim != "groups" ||
		a.Roles["admin"] != cron.RoleOwner || a.Roles["dev"] != cron.RoleEditor || a.Account != "ops@example.com" {
		t.Errorf("the first is %+v", a)
	}
	if b.Title != "local-1" || b.ClientSecret != "" || len(b.Scopes) != 3 || b.GroupsClaim != "" || !b.InvitationOnly {
		t.Errorf("the second is %+v", b)
	}
	if none, err := auth.ReadIssuers(""); len(none) != 0 || err != nil {
		t.Errorf("without a file: %v, %v", none, err)
	}
	if none, err := auth.ReadIssuers(writeFile(t, "x", " [ ] ")); len(none) != 0 || err != nil {
		t.Errorf("an empty list: %v, %v", none, err)
	}
}

func TestReadIssuersRefuses(t *testing.T) {
	one := func(more string) string {
		return `[{"name": "a", "issuer": "https://id.example.com", "clientId": "x", "clientSecret": "hidden"` + more + `}]`
	}
	for text, says := range map[string]string{
		``:                       "JSON list of issuers",
		`{}`:                     "JSON list of issuers",
		`[1]`:                    "JSON list of issuers",
		one(`, "x": 1`):          `unknown field "x"`,
		one(``) + `[]`:           "more behind",
		one(`, "name": "A"`):     "lower-case letters",
		one(`, "name": "a/b"`):   "lower-case letters",
		one(`, "name": "-a"`):    "lower-case letters",
		one(`, "name": ""`):      "lower-case letters",
		one(`, "title": "a\nb"`): "control characters",
		one(`, "title": "` + strings.Repeat("x", 65) + `"`):                      "64 characters",
		one(`, "clientId": ""`):                                                  "clientId is missing",
		one(`, "clientSecretFile": "b"`):                                         "either clientSecret or",
		one(`, "issuer": ""`):                                                    "must be a URL",
		one(`, "issuer": "id.example.com"`):                                      "must be a URL",
		one(`, "issuer": "https://a:b@id.example.com"`):                          "must be a URL",
		one(`, "issuer": "javascript:alert(1)"`):                                 "must be a URL",
		one(`, "issuer": "https://id.example.com?x"`):                            "no query",
		one(`, "issuer": "http://id.example.com"`):                               "https://",
		one(`, "domains": ["example"]`):                                          "not a domain",
		one(`, "domains": ["*.example.com"]`):                                    "not a domain",
		one(`, "roleClaim": "role"`):                                             "belong together",
		one(`, "roles": {"a": "owner"}`):                                         "belong together",
		one(`, "roleClaim": "role", "roles": {"a": "owner"}`):                    "name it as account",
		one(`, "roleClaim": "role", "roles": {"a": "operator"}, "account": "1"`): "not a role",
		one(`, "account": " 1"`):                                                 "without spaces",
		strings.Replace(one(``), "}]", `}, {"name": "a", "issuer": "https://b.example", "clientId": "x"}]`, 1): `name "a"`,
		`[` + strings.Repeat(`{},`, 20) + `{}]`:                                                          "at most 20",
		`[{"name": "a", "issuer": "https://b.example", "clientId": "x", "clientSecretFile": "missing"}]`: "clientSecretFile",
	} {
		_, err := auth.ReadIssuers(writeFile(t, "oidc.json", text))
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "oidc.json") {
			t.Errorf("%s: %v, want %q", text, err, says)
		} else if strings.Contains(err.Error(), "hidden") {
			t.Errorf("the secret is told: %v", err)
		}
	}
	if _, err := auth.ReadIssuers(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is missing is read")
	}
}
