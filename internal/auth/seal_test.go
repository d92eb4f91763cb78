package auth_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"punctual/internal/auth"
)

type sealedState struct {
	Name  string
	Bytes []byte
}

func TestSealedState(t *testing.T) {
	s, now := auth.NewSealer([32]byte{1}), time.UnixMilli(1893456000000)
	text, err := s.Seal("passkey", now.Add(time.Minute), sealedState{Name: "jane", Bytes: []byte{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Seal("passkey", now.Add(time.Minute), sealedState{Name: "jane", Bytes: []byte{1, 2}}); again == text {
		t.Error("the same state gives the same text")
	}
	if strings.Contains(text, base64.RawURLEncoding.EncodeToString([]byte("jane"))) {
		t.Error("the text can be read")
	}
	raw, _ := base64.RawURLEncoding.DecodeString(text)
	turned := func(at int) string {
		other := append([]byte(nil), raw...)
		other[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(other)
	}
	for name, tt := range map[string]struct {
		sealer *auth.Sealer
		kind   string
		now    time.Time
		text   string
		ok     bool
	}{
		"as it was sealed":       {s, "passkey", now, text, true},
		"again":                  {s, "passkey", now, text, true},
		"at its last instant":    {s, "passkey", now.Add(time.Minute - time.Millisecond), text, true},
		"expired":                {s, "passkey", now.Add(time.Minute), text, false},
		"another kind":           {s, "oidc", now, text, false},
		"another secret":         {auth.NewSealer([32]byte{2}), "passkey", now, text, false},
		"empty":                  {s, "passkey", now, "", false},
		"cut":                    {s, "passkey", now, text[:len(text)-4], false},
		"the nonce only":         {s, "passkey", now, base64.RawURLEncoding.EncodeToString(raw[:24]), false},
		"less than the nonce":    {s, "passkey", now, base64.RawURLEncoding.EncodeToString(raw[:23]), false},
		"a bit of the nonce":     {s, "passkey", now, turned(0), false},
		"a bit of the expiry":    {s, "passkey", now, turned(24), false},
		"a bit of the state":     {s, "passkey", now, turned(40), false},
		"a bit of the tag":       {s, "passkey", now, turned(len(raw) - 1), false},
		"more behind it":         {s, "passkey", now, text + "AAAA", false},
		"in another alphabet":    {s, "passkey", now, text + "+", false},
		"with a newline":         {s, "passkey", now, text + "\n", false},
		"a text that is too big": {s, "passkey", now, strings.Repeat("A", 1<<20), false},
	} {
		var got sealedState
		err := tt.sealer.Open(tt.kind, tt.now, tt.text, &got)
		if tt.ok && (err != nil || got.Name != "jane" || len(got.Bytes) != 2) || !tt.ok && (!errors.Is(err, auth.ErrSealed) || got.Name != "") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// FuzzSealedState presents what nobody sealed.
func FuzzSealedState(f *testing.F) {
	s, now := auth.NewSealer([32]byte{1}), time.UnixMilli(1893456000000)
	other, err := auth.NewSealer([32]byte{2}).Seal("passkey", now.Add(time.Minute), sealedState{})
	if err != nil {
		f.Fatal(err)
	}
	old, err := s.Seal("passkey", now, sealedState{})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "AAAA", other, old, strings.Repeat("A", 54), strings.Repeat("_", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var state sealedState
		if err := s.Open("passkey", now, text, &state); !errors.Is(err, auth.ErrSealed) {
			t.Fatalf("%q opens: %v", text, err)
		}
	})
}
