package auth_test

import (
	"regexp"
	"strings"
	"testing"

	"punctual/internal/auth"
)

func TestRecoveryCodes(t *testing.T) {
	r := auth.NewRecoveryCodes([32]byte{1})
	codes, hashes := r.Make(7)
	if len(codes) != 10 || len(hashes) != 10 {
		t.Fatalf("%d codes, %d hashes", len(codes), len(hashes))
	}
	seen := map[[32]byte]bool{}
	for i, code := range codes {
		if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$`).MatchString(code) {
			t.Errorf("a code is %q", code)
		}
		if hash, ok := r.Hash(7, code); !ok || hash != hashes[i] || seen[hash] {
			t.Errorf("the hash of %s is %x, %v", code, hash, ok)
		}
		seen[hashes[i]] = true
		if hash, _ := r.Hash(8, code); hash == hashes[i] {
			t.Errorf("%s has the same hash for another person", code)
		}
		if hash, _ := auth.NewRecoveryCodes([32]byte{2}).Hash(7, code); hash == hashes[i] {
			t.Errorf("%s has the same hash with another secret", code)
		}
	}
}

func TestRecoveryCodesAsTheyAreTyped(t *testing.T) {
	r := auth.NewRecoveryCodes([32]byte{1})
	want, ok := r.Hash(7, "K1V9P-0MZ7Q")
	if !ok {
		t.Fatal("a code is refused")
	}
	for _, typed := range []string{"k1v9p0mz7q", " K1V9P 0MZ7Q\n", "k-1-v-9-p-0-m-z-7-q", "KIV9P-OMZ7Q", "klv9p–omz7q", "kiv9p−0mz7q",
		"K1V9P\u00a00MZ7Q", "Ｋ１Ｖ９Ｐ－０ＭＺ７Ｑ", "K1V9P\u20110MZ7Q"} {
		if got, ok := r.Hash(7, typed); !ok || got != want {
			t.Errorf("%q is not read", typed)
		}
	}
	for _, typed := range []string{"", "-----", "K1V9P-0MZ7", "K1V9P-0MZ7QQ", "U1V9P-0MZ7Q", "K1V9P_0MZ7Q", "K1V9P-0MZ7\x00", "K1V9P-0MZ7é",
		"K1V9P-0MZ7Q" + strings.Repeat(" ", 128), "123456", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if _, ok := r.Hash(7, typed); ok {
			t.Errorf("%q is read", typed)
		}
	}
}

// FuzzRecoveryCode looks for a text that is read although it is not a code, or in two ways.
func FuzzRecoveryCode(f *testing.F) {
	for _, seed := range []string{"K1V9P-0MZ7Q", "kiv9p omz7q", "", "ﬃ", "K1V9P\u20110MZ7Q"} {
		f.Add(seed)
	}
	r := auth.NewRecoveryCodes([32]byte{1})
	f.Fuzz(func(t *testing.T, typed string) {
		hash, ok := r.Hash(7, typed)
		if !ok {
			return
		}
		if len(typed) > 128 {
			t.Fatalf("%d bytes are read", len(typed))
		}
		for _, other := range []string{strings.ToLower(typed), strings.ToUpper(typed), " " + typed, strings.ReplaceAll(typed, "-", " ")} {
			if again, ok := r.Hash(7, other); len(other) <= 128 && (!ok || again != hash) {
				t.Fatalf("%q is a code, and %q another or none", typed, other)
			}
		}
	})
}
