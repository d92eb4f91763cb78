package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"punctual/test/harness"
)

// TestIssuerAccount starts the service with issuers whose people come into an account, which must exist.
func TestIssuerAccount(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "oidc.json")
	write := func(account string) {
		t.Helper()
		text := fmt.Sprintf(`[{"name": "example", "issuer": "https://id.example.com", "clientId": "punctual", "account": %q}]`, account)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := harness.NewService(t, "")
	write("1") // the account that the first start makes
	s.Start("--oidc", file).Stop()
	for _, account := range []string{"ops@example.com", "2"} {
		write(account)
		code, _, stderr := harness.Run(t, s.Env(), "serve", "--oidc", file)
		if code != 1 || !strings.Contains(stderr, `issuer "example": there is no account`) || !strings.Contains(stderr, account) ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d: %s", account, code, stderr)
		}
	}
	s.CreateAccount("ops@example.com", "default")
	for _, account := range []string{"Ops@example.com", "2"} {
		write(account)
		s.Start("--oidc", file).Stop()
	}
}
