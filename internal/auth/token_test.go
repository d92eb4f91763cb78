package auth_test

import (
	"regexp"
	"testing"

	"punctual/internal/auth"
)

func TestTokens(t *testing.T) {
	for name, tt := range map[string]struct {
		make func() (string, [32]byte)
		form string
	}{
		"key":     {auth.NewKey, `^punctual_[A-Za-z0-9_-]{43}$`},
		"session": {auth.NewSessionToken, `^punctual_session_[A-Za-z0-9_-]{43}$`},
		"link":    {auth.NewToken, `^[A-Za-z0-9_-]{43}$`},
	} {
		form := regexp.MustCompile(tt.form)
		seen := map[string]bool{}
		for range 100 {
			token, hash := tt.make()
			if !form.MatchString(token) {
				t.Fatalf("the %s %q does not have the form %s", name, token, form)
			}
			if seen[token] {
				t.Fatalf("the %s %q came twice", name, token)
			}
			seen[token] = true
			if hash != auth.HashToken(token) || hash != auth.HashKey(token) {
				t.Fatalf("the hash of the %s %q is not what HashToken says", name, token)
			}
		}
	}
}
