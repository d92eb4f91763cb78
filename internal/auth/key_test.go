package auth_test

import (
	"regexp"
	"testing"

	"punctual/internal/auth"
)

func TestNewKey(t *testing.T) {
	form := regexp.MustCompile(`^punctual_[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	for range 100 {
		key, hash := auth.NewKey()
		if !form.MatchString(key) {
			t.Fatalf("key %q does not have the form %s", key, form)
		}
		if seen[key] {
			t.Fatalf("key %q came twice", key)
		}
		seen[key] = true
		if hash != auth.HashKey(key) {
			t.Fatalf("the hash of %q is not what HashKey says", key)
		}
	}
}
