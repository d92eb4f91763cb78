package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"punctual/internal/auth"
)

// liar is an issuer that answers as a test wants it to. Unset functions answer as an honest one.
type liar struct {
	*httptest.Server
	key, other *rsa.PrivateKey

	discovery func(document map[string]any)                 // changes the document
	token     func(claims map[string]any) string            // makes the ID token
	answer    func(w http.ResponseWriter, path string) bool // answers instead, when true

	nonce     string // of the sign-in
	verifiers []string
	asked     map[string]*atomic.Int64
}

// signingKeys are two keys, made once as that takes long.
var signingKeys = sync.OnceValue(func() (keys [2]*rsa.PrivateKey) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func newLiar(t *testing.T) *liar {
	t.Helper()
	l := &liar{asked: map[string]*atomic.Int64{}}
	for _, path := range []string{"/.well-known/openid-configuration", "/keys", "/token", "/userinfo"} {
		l.asked[path] = new(atomic.Int64)
	}
	keys := signingKeys()
	l.key, l.other = keys[0], keys[1]
	l.Server = httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(l.Close)
	return l
}

func (l *liar) serve(w http.ResponseWriter, r *http.Request) {
	if count := l.asked[r.URL.Path]; count != nil {
		count.Add(1)
	}
	if l.answer != nil && l.answer(w, r.URL.Path) {
		return
	}
	var body any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		document := map[string]any{"issuer": l.URL, "authorization_endpoint": l.URL + "/authorize", "token_endpoint": l.URL + "/token",
			"jwks_uri": l.URL + "/keys", "userinfo_endpoint": l.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"}}
		if l.discovery != nil {
			l.discovery(document)
		}
		body = document
	case "/keys":
		body = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: l.key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}}
	case "/token":
		l.verifiers = append(l.verifiers, r.FormValue("code_verifier"))
		claims := map[string]any{"iss": l.URL, "sub": "1", "aud": "punctual", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
			"nonce": l.nonce, "email": "jane@example.com", "email_verified": true}
		token := l.sign(claims)
		if l.token != nil {
			token = l.token(claims)
		}
		body = map[string]any{"access_token": "the access token", "token_type": "Bearer", "id_token": token}
	case "/userinfo":
		body = map[string]any{"sub": "1", "email": "jane@example.com"}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func (l *liar) sign(claims map[string]any) string {
	return sign(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: l.key, KeyID: "1"}}, claims)
}

func sign(key jose.SigningKey, claims map[string]any) string {
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		panic(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

func (l *liar) config(more string) string {
	return fmt.Sprintf(`{"name": "example", "issuer": %q, "clientId": "punctual", "clientSecret": "hidden"%s}`, l.URL, more)
}

// signIn begins a sign-in and comes back with a code.
func (l *liar) signIn(t *testing.T, s *auth.Issuers, more url.Values) (auth.Identity, error) {
	t.Helper()
	begun, err := s.Start(t.Context(), time.Now(), auth.IssuerRequest{Name: "example", Callback: callback})
	if err != nil {
		return auth.Identity{}, err
	}
	u, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	l.nonce = u.Query().Get("nonce")
	query := url.Values{"state": {u.Query().Get("state")}, "code": {"a code"}}
	maps.Copy(query, more)
	identity, err := s.Finish(t.Context(), time.Now(), auth.IssuerAnswer{Name: "example", State: begun.State, Query: query})
	if err == nil && len(l.verifiers) > 0 {
		sum := sha256.Sum256([]byte(l.verifiers[len(l.verifiers)-1]))
		if u.Query().Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			t.Error("the verifier is not that of the challenge")
		}
	}
	return identity, err
}
