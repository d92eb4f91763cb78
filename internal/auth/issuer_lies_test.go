package auth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"punctual/internal/auth"
	"punctual/internal/cron"
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
	identity, err := s.Finish(t.Context(), time.Now(), "example", begun.State, query)
	if err == nil && len(l.verifiers) > 0 {
		sum := sha256.Sum256([]byte(l.verifiers[len(l.verifiers)-1]))
		if u.Query().Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			t.Error("the verifier is not that of the challenge")
		}
	}
	return identity, err
}

// TestLyingIssuer has every lie of a token and of an answer, each after an honest sign-in would have succeeded.
func TestLyingIssuer(t *testing.T) {
	with := func(name string, value any) func(*liar) {
		return func(l *liar) {
			l.token = func(claims map[string]any) string {
				if claims[name] = value; value == nil {
					delete(claims, name)
				}
				return l.sign(claims)
			}
		}
	}
	token := func(make func(l *liar, claims map[string]any) string) func(*liar) {
		return func(l *liar) { l.token = func(claims map[string]any) string { return make(l, claims) } }
	}
	answer := func(path string, status int, body string) func(*liar) {
		return func(l *liar) {
			l.answer = func(w http.ResponseWriter, at string) bool {
				if at == path {
					w.WriteHeader(status)
					_, _ = io.WriteString(w, body)
				}
				return at == path
			}
		}
	}
	document := func(name string, value any) func(*liar) {
		return func(l *liar) { l.discovery = func(d map[string]any) { d[name] = value } }
	}
	now := time.Now().Unix()
	for name, tt := range map[string]struct {
		lie   func(*liar)
		query url.Values
		kind  cron.ErrorKind
		rule  cron.Rule
	}{
		"honest":            {nil, nil, 0, 0},
		"honest, and named": {document("authorization_response_iss_parameter_supported", true), url.Values{"iss": {"URL"}}, 0, 0},
		"honest, several aud": {token(func(l *liar, c map[string]any) string {
			c["aud"], c["azp"] = []string{"other", "punctual"}, "punctual"
			return l.sign(c)
		}), nil, 0, 0},
		"honest, a clock ahead": {with("iat", now+60), nil, 0, 0},

		"another nonce":        {with("nonce", "x"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no nonce":             {with("nonce", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"another audience":     {with("aud", "other"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no audience":          {with("aud", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"two audiences":        {with("aud", []string{"punctual", "other"}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"for another party":    {with("azp", "other"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"another issuer":       {with("iss", "https://evil.example"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no subject":           {with("sub", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a long subject":       {with("sub", strings.Repeat("x", 256)), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a subject of a kind":  {with("sub", []string{"1"}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"expired":              {with("exp", now-1), nil, cron.Unauthorized, cron.RuleIssuerClock},
		"no expiry":            {with("exp", nil), nil, cron.Unauthorized, cron.RuleIssuerClock},
		"issued in the future": {with("iat", now+600), nil, cron.Unauthorized, cron.RuleIssuerClock},
		"not issued":           {with("iat", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"not valid yet":        {with("nbf", now+600), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"another access token": {with("at_hash", "AAAA"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"alg none": {token(func(_ *liar, c map[string]any) string {
			text, _ := json.Marshal(c)
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"HS256 by the secret": {token(func(_ *liar, c map[string]any) string {
			return sign(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("hidden", 6))}, c)
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"another key": {token(func(l *liar, c map[string]any) string {
			return sign(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: l.other, KeyID: "1"}}, c)
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no signature": {token(func(l *liar, c map[string]any) string {
			token := l.sign(c)
			return token[:strings.LastIndexByte(token, '.')+1]
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no token":       {token(func(*liar, map[string]any) string { return "" }), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a broken token": {token(func(*liar, map[string]any) string { return "a.b.c" }), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a list of claims": {token(func(l *liar, _ map[string]any) string {
			return sign(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: l.key, KeyID: "1"}}, nil)
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},

		"named another": {nil, url.Values{"iss": {"https://evil.example"}}, cron.Unauthorized, cron.RuleIssuerAnswer},
		"named twice":   {nil, url.Values{"iss": {"URL", "https://evil.example"}}, cron.Unauthorized, cron.RuleIssuerAnswer},
		"not named":     {document("authorization_response_iss_parameter_supported", true), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no code":       {nil, url.Values{"code": {""}}, cron.Unauthorized, cron.RuleIssuerAnswer},
		"cancelled":     {nil, url.Values{"error": {"access_denied"}}, cron.Unauthorized, cron.RuleIssuerDenied},
		"refused":       {nil, url.Values{"error": {"invalid_scope"}, "error_description": {"\x1b[31m"}}, cron.Unauthorized, cron.RuleIssuerAnswer},
		"overloaded":    {nil, url.Values{"error": {"temporarily_unavailable"}}, cron.Unavailable, cron.RuleIssuerDown},

		"the code is refused": {answer("/token", 400, `{"error":"invalid_grant"}`), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a broken issuer":     {answer("/token", 500, `oops`), nil, cron.Unavailable, cron.RuleIssuerDown},
		"garbage for a token": {answer("/token", 200, `<html>`), nil, cron.Unavailable, cron.RuleIssuerDown},
		"no keys":             {answer("/keys", 404, ``), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"garbage for keys":    {answer("/keys", 200, `[`), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"large keys":          {answer("/keys", 200, `{"keys":[],"x":"`+strings.Repeat("x", 2<<20)+`"}`), nil, cron.Unauthorized, cron.RuleIssuerAnswer},

		"no discovery":          {answer("/.well-known/openid-configuration", 404, ``), nil, cron.Unavailable, cron.RuleIssuerDown},
		"garbage for discovery": {answer("/.well-known/openid-configuration", 200, `null`), nil, cron.Unavailable, cron.RuleIssuerDown},
		"a large discovery":     {answer("/.well-known/openid-configuration", 200, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`), nil, cron.Unavailable, cron.RuleIssuerDown},
		"another's discovery":   {document("issuer", "https://evil.example"), nil, cron.Unavailable, cron.RuleIssuerDown},
		"a script to go to":     {document("authorization_endpoint", "javascript:alert(1)"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"tokens without TLS":    {document("token_endpoint", "http://192.0.2.7/token"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no token endpoint":     {document("token_endpoint", ""), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no keys endpoint":      {document("jwks_uri", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"keys without TLS":      {document("jwks_uri", "http://192.0.2.7/keys"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLiar(t)
			if tt.lie != nil {
				tt.lie(l)
			}
			query := url.Values{}
			for key, values := range tt.query {
				for _, value := range values {
					query.Add(key, strings.Replace(value, "URL", l.URL, 1))
				}
			}
			got, err := l.signIn(t, openIssuers(t, l.config("")), query)
			if tt.rule == 0 {
				if err != nil || got.Subject != "1" {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			refusedWith(t, "sign-in", err, tt.kind, tt.rule)
			if got.Subject != "" || got.Email != "" {
				t.Errorf("gives away %+v", got)
			}
		})
	}
}

// TestIssuerRedirects follows no redirect, which could carry the client's secret anywhere.
func TestIssuerRedirects(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/token", "/keys"} {
		l, stranger := newLiar(t), newLiar(t)
		l.answer = func(w http.ResponseWriter, at string) bool {
			if at == path {
				w.Header().Set("Location", stranger.URL+path)
				w.WriteHeader(http.StatusTemporaryRedirect)
			}
			return at == path
		}
		if _, err := l.signIn(t, openIssuers(t, l.config("")), nil); err == nil {
			t.Errorf("%s: somebody is signed in", path)
		}
		if n := stranger.asked[path].Load(); n != 0 {
			t.Errorf("%s: the stranger got %d requests", path, n)
		}
	}
}

// TestUserInfo completes the claims of a token that does not hold what is configured.
func TestUserInfo(t *testing.T) {
	for name, tt := range map[string]struct {
		more, info string
		asked      int64
		rule       cron.Rule
		groups     int
	}{
		"complete":              {"", `{}`, 0, 0, 0},
		"further claims":        {`, "groupsClaim": "groups"`, `{"sub": "1", "groups": ["a", "b"], "email": "eve@example.com"}`, 1, 0, 2},
		"another person's":      {`, "groupsClaim": "groups"`, `{"sub": "2", "groups": ["a"]}`, 1, cron.RuleIssuerAnswer, 0},
		"nobody's":              {`, "groupsClaim": "groups"`, `{"groups": ["a"]}`, 1, cron.RuleIssuerAnswer, 0},
		"garbage":               {`, "groupsClaim": "groups"`, `[`, 1, cron.RuleIssuerDown, 0},
		"groups of a kind":      {`, "groupsClaim": "groups"`, `{"sub": "1", "groups": {"a": 1}}`, 1, 0, 0},
		"groups that are mixed": {`, "groupsClaim": "groups"`, `{"sub": "1", "groups": [1, null, "a", ["b"]]}`, 1, 0, 1},
	} {
		l := newLiar(t)
		l.answer = func(w http.ResponseWriter, at string) bool {
			if at == "/userinfo" {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, tt.info)
			}
			return at == "/userinfo"
		}
		got, err := l.signIn(t, openIssuers(t, l.config(tt.more)), nil)
		if l.asked["/userinfo"].Load() != tt.asked {
			t.Errorf("%s: asked %d times", name, l.asked["/userinfo"].Load())
		}
		if tt.rule != 0 {
			kind := map[bool]cron.ErrorKind{true: cron.Unavailable, false: cron.Unauthorized}[tt.rule == cron.RuleIssuerDown]
			refusedWith(t, name, err, kind, tt.rule)
		} else if err != nil || got.Email != "jane@example.com" || len(got.Groups) != tt.groups {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestIssuerRotatesItsKeys signs with a key that came after the keys were fetched.
func TestIssuerRotatesItsKeys(t *testing.T) {
	l := newLiar(t)
	s := openIssuers(t, l.config(""))
	for range 3 {
		if _, err := l.signIn(t, s, nil); err != nil {
			t.Fatal(err)
		}
	}
	if d, k := l.asked["/.well-known/openid-configuration"].Load(), l.asked["/keys"].Load(); d != 1 || k != 1 {
		t.Errorf("asked %d times for the discovery, %d times for keys", d, k)
	}
	l.key, l.other = l.other, l.key
	if _, err := l.signIn(t, s, nil); err != nil || l.asked["/keys"].Load() != 2 {
		t.Errorf("with a new key: %v, asked %d times for keys", err, l.asked["/keys"].Load())
	}
	if _, err := s.Start(t.Context(), time.Now().Add(time.Hour), auth.IssuerRequest{Name: "example"}); err != nil ||
		l.asked["/.well-known/openid-configuration"].Load() != 2 {
		t.Errorf("after an hour: %v", err)
	}
}

// TestIssuerThatHangs has many sign-ins at an issuer that does not answer: one request asks for all, the rest is refused, and
// another issuer serves meanwhile.
func TestIssuerThatHangs(t *testing.T) {
	hanging, honest := newLiar(t), newLiar(t)
	asked, release := make(chan struct{}, 100), make(chan struct{})
	hanging.answer = func(http.ResponseWriter, string) bool {
		asked <- struct{}{}
		<-release
		return true // with an empty answer
	}
	s := openIssuers(t, hanging.config(""), strings.Replace(honest.config(""), `"example"`, `"other"`, 1))
	errs := make(chan error, 40)
	for range cap(errs) {
		go func() {
			_, err := s.Start(context.Background(), time.Now(), auth.IssuerRequest{Name: "example"})
			errs <- err
		}()
	}
	<-asked
	for range cap(errs) - 16 {
		if err := <-errs; cron.KindOf(err) != cron.TooMany {
			t.Fatalf("beyond the places: %v", err)
		}
	}
	if _, err := s.Start(t.Context(), time.Now(), auth.IssuerRequest{Name: "other"}); err != nil {
		t.Errorf("the other issuer: %v", err)
	}
	if n := hanging.asked["/.well-known/openid-configuration"].Load(); n != 1 {
		t.Errorf("the issuer was asked %d times at once", n)
	}
	close(release)
	for range 16 {
		refusedWith(t, "the places", <-errs, cron.Unavailable, cron.RuleIssuerDown)
	}
	hanging.answer = nil
	if _, err := s.Start(t.Context(), time.Now(), auth.IssuerRequest{Name: "example"}); err != nil {
		t.Errorf("and when it answers again: %v", err)
	}
}

// TestIssuerWhenTheFirstLeaves cancels the call that asks for all that wait: another one asks.
func TestIssuerWhenTheFirstLeaves(t *testing.T) {
	l := newLiar(t)
	asked, release := make(chan struct{}, 100), make(chan struct{})
	l.answer = func(http.ResponseWriter, string) bool {
		asked <- struct{}{}
		<-release
		return false
	}
	s := openIssuers(t, l.config(""))
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := s.Start(ctx, time.Now(), auth.IssuerRequest{Name: "example"})
		first <- err
	}()
	<-asked
	go func() {
		_, err := s.Start(context.Background(), time.Now(), auth.IssuerRequest{Name: "example"})
		second <- err
	}()
	cancel()
	if err := <-first; err == nil {
		t.Error("who left has an answer")
	}
	close(release)
	if err := <-second; err != nil {
		t.Errorf("who stayed: %v", err)
	}
}

// TestIssuerThatIsGone signs in at an address where nobody listens.
func TestIssuerThatIsGone(t *testing.T) {
	l := newLiar(t)
	s := openIssuers(t, l.config(""))
	l.Close()
	_, err := l.signIn(t, s, nil)
	refusedWith(t, "gone", err, cron.Unavailable, cron.RuleIssuerDown)
	if strings.Contains(fmt.Sprint(err), "hidden") {
		t.Errorf("the secret is told: %v", err)
	}
}
