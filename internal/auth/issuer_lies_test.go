package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

// lie is what an issuer does, and how the sign-in ends.
type lie struct {
	lie   func(*liar)
	query url.Values // URL stands for that of the issuer
	kind  cron.ErrorKind
	rule  cron.Rule // 0 when the person is signed in
}

// saying is a token with another claim, or without it for nil.
func saying(name string, value any) func(*liar) {
	return signing(func(l *liar, claims map[string]any) string {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
		return l.sign(claims)
	})
}

// signing is a token of another make.
func signing(make func(l *liar, claims map[string]any) string) func(*liar) {
	return func(l *liar) { l.token = func(claims map[string]any) string { return make(l, claims) } }
}

// answering is another answer at a path.
func answering(path string, status int, body string) func(*liar) {
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

// documenting is another member of the discovery document.
func documenting(name string, value any) func(*liar) {
	return func(l *liar) { l.discovery = func(d map[string]any) { d[name] = value } }
}

func honestTokens() map[string]lie {
	now := time.Now().Unix()
	return map[string]lie{
		"honest":            {nil, nil, 0, 0},
		"honest, and named": {documenting("authorization_response_iss_parameter_supported", true), url.Values{"iss": {"URL"}}, 0, 0},
		"honest, several aud": {signing(func(l *liar, c map[string]any) string {
			c["aud"], c["azp"] = []string{"other", "punctual"}, "punctual"
			return l.sign(c)
		}), nil, 0, 0},
		"honest, a clock ahead": {saying("iat", now+60), nil, 0, 0},
	}
}

func liesOfTokens() map[string]lie {
	now := time.Now().Unix()
	return map[string]lie{
		"another nonce":        {saying("nonce", "x"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no nonce":             {saying("nonce", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"another audience":     {saying("aud", "other"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no audience":          {saying("aud", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"two audiences":        {saying("aud", []string{"punctual", "other"}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"for another party":    {saying("azp", "other"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"another issuer":       {saying("iss", "https://evil.example"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no subject":           {saying("sub", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a long subject":       {saying("sub", strings.Repeat("x", 256)), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a subject of a kind":  {saying("sub", []string{"1"}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"expired":              {saying("exp", now-1), nil, cron.Unauthorized, cron.RuleIssuerClock},
		"no expiry":            {saying("exp", nil), nil, cron.Unauthorized, cron.RuleIssuerClock},
		"issued in the future": {saying("iat", now+600), nil, cron.Unauthorized, cron.RuleIssuerClock},
		"not issued":           {saying("iat", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"not valid yet":        {saying("nbf", now+600), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"another access token": {saying("at_hash", "AAAA"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"alg none": {signing(func(_ *liar, c map[string]any) string {
			text, _ := json.Marshal(c)
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"HS256 by the secret": {signing(func(_ *liar, c map[string]any) string {
			return sign(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("hidden", 6))}, c)
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"another key": {signing(func(l *liar, c map[string]any) string {
			return sign(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: l.other, KeyID: "1"}}, c)
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no signature": {signing(func(l *liar, c map[string]any) string {
			token := l.sign(c)
			return token[:strings.LastIndexByte(token, '.')+1]
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no token":       {signing(func(*liar, map[string]any) string { return "" }), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a broken token": {signing(func(*liar, map[string]any) string { return "a.b.c" }), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a list of claims": {signing(func(l *liar, _ map[string]any) string {
			return sign(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: l.key, KeyID: "1"}}, nil)
		}), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
	}
}

func liesOfAnswers() map[string]lie {
	return map[string]lie{
		"named another": {nil, url.Values{"iss": {"https://evil.example"}}, cron.Unauthorized, cron.RuleIssuerAnswer},
		"named twice":   {nil, url.Values{"iss": {"URL", "https://evil.example"}}, cron.Unauthorized, cron.RuleIssuerAnswer},
		"not named":     {documenting("authorization_response_iss_parameter_supported", true), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no code":       {nil, url.Values{"code": {""}}, cron.Unauthorized, cron.RuleIssuerAnswer},
		"cancelled":     {nil, url.Values{"error": {"access_denied"}}, cron.Unauthorized, cron.RuleIssuerDenied},
		"refused":       {nil, url.Values{"error": {"invalid_scope"}, "error_description": {"\x1b[31m"}}, cron.Unauthorized, cron.RuleIssuerAnswer},
		"overloaded":    {nil, url.Values{"error": {"temporarily_unavailable"}}, cron.Unavailable, cron.RuleIssuerDown},

		"the code is refused": {answering("/token", 400, `{"error":"invalid_grant"}`), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a broken issuer":     {answering("/token", 500, `oops`), nil, cron.Unavailable, cron.RuleIssuerDown},
		"a long excuse":       {answering("/token", 500, strings.Repeat("oops", 1<<16)), nil, cron.Unavailable, cron.RuleIssuerDown},
		"garbage for a token": {answering("/token", 200, `<html>`), nil, cron.Unavailable, cron.RuleIssuerDown},
		"no keys":             {answering("/keys", 404, ``), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"garbage for keys":    {answering("/keys", 200, `[`), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"large keys":          {answering("/keys", 200, `{"keys":[],"x":"`+strings.Repeat("x", 2<<20)+`"}`), nil, cron.Unauthorized, cron.RuleIssuerAnswer},

		"no keys and a story":   {answering("/keys", 500, strings.Repeat("oops", 1<<16)), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"a story of discovery":  {answering("/.well-known/openid-configuration", 500, strings.Repeat("oops", 1<<16)), nil, cron.Unavailable, cron.RuleIssuerDown},
		"no discovery":          {answering("/.well-known/openid-configuration", 404, ``), nil, cron.Unavailable, cron.RuleIssuerDown},
		"garbage for discovery": {answering("/.well-known/openid-configuration", 200, `null`), nil, cron.Unavailable, cron.RuleIssuerDown},
		"a large discovery":     {answering("/.well-known/openid-configuration", 200, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`), nil, cron.Unavailable, cron.RuleIssuerDown},
		"another's discovery":   {documenting("issuer", "https://evil.example"), nil, cron.Unavailable, cron.RuleIssuerDown},
		"a script to go to":     {documenting("authorization_endpoint", "javascript:alert(1)"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"tokens without TLS":    {documenting("token_endpoint", "http://192.0.2.7/token"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no token endpoint":     {documenting("token_endpoint", ""), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"no keys endpoint":      {documenting("jwks_uri", nil), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
		"keys without TLS":      {documenting("jwks_uri", "http://192.0.2.7/keys"), nil, cron.Unauthorized, cron.RuleIssuerAnswer},
	}
}

// TestLyingIssuer has the lies of tokens and of answers, and what is no lie although it looks unusual.
func TestLyingIssuer(t *testing.T) {
	for _, table := range []map[string]lie{honestTokens(), liesOfTokens(), liesOfAnswers()} {
		for name, tt := range table {
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
				if n := len(err.Error()); n > 1000 {
					t.Errorf("the log gets %d bytes of the issuer's", n)
				}
				if got.Subject != "" || got.Email != "" {
					t.Errorf("gives away %+v", got)
				}
			})
		}
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

// TestVerifiedAddress has the address and whether it is verified in the ID token and at the userinfo endpoint.
func TestVerifiedAddress(t *testing.T) {
	type said map[string]any
	for name, tt := range map[string]struct {
		more        string
		token, info said
		verified    bool
	}{
		"in the token":              {"", said{"email": "jane@example.com", "email_verified": true}, said{}, true},
		"in the token as text":      {"", said{"email": "jane@example.com", "email_verified": "true"}, said{}, true},
		"denied":                    {"", said{"email": "jane@example.com", "email_verified": false}, said{"email": "jane@example.com", "email_verified": true}, false},
		"denied as text":            {"", said{"email": "jane@example.com", "email_verified": "false"}, said{}, false},
		"not said":                  {"", said{"email": "jane@example.com"}, said{"email": "jane@example.com"}, false},
		"at the endpoint":           {"", said{}, said{"email": "jane@example.com", "email_verified": true}, true},
		"at both":                   {"", said{"email": "jane@example.com"}, said{"email": "jane@example.com", "email_verified": true}, true},
		"of another address":        {"", said{"email": "jane@example.com"}, said{"email": "eve@example.com", "email_verified": true}, false},
		"of no address":             {"", said{"email": "jane@example.com"}, said{"email_verified": true}, false},
		"of an address in the info": {"", said{"email_verified": true}, said{"email": "jane@example.com"}, false},
		"by another claim":          {`, "verifiedClaim": "xms_edov"`, said{"email": "jane@example.com", "xms_edov": 1}, said{}, true},
		"by the usual claim only":   {`, "verifiedClaim": "xms_edov"`, said{"email": "jane@example.com", "email_verified": true}, said{}, false},
	} {
		l := newLiar(t)
		l.token = func(claims map[string]any) string {
			delete(claims, "email")
			delete(claims, "email_verified")
			maps.Copy(claims, tt.token)
			return l.sign(claims)
		}
		l.answer = func(w http.ResponseWriter, at string) bool {
			if at == "/userinfo" {
				info := said{"sub": "1"}
				maps.Copy(info, tt.info)
				_ = json.NewEncoder(w).Encode(info)
			}
			return at == "/userinfo"
		}
		got, err := l.signIn(t, openIssuers(t, l.config(`, "domains": ["example.com"]`+tt.more)), nil)
		if err != nil || got.Email != "jane@example.com" || got.EmailVerified != tt.verified || got.Trusted != tt.verified || got.Admitted != tt.verified {
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

// TestIssuerThatHangs has many sign-ins at an issuer that does not answer: one request asks for all, what is too many is
// refused but not somebody from elsewhere, and another issuer serves meanwhile.
func TestIssuerThatHangs(t *testing.T) {
	hanging, honest := newLiar(t), newLiar(t)
	asked, release := make(chan struct{}, 100), make(chan struct{})
	hanging.answer = func(http.ResponseWriter, string) bool {
		asked <- struct{}{}
		<-release
		return true // with an empty answer
	}
	s := openIssuers(t, hanging.config(""), strings.Replace(honest.config(""), `"example"`, `"other"`, 1))
	errs, elsewhere := make(chan error, 40), make(chan error, 1)
	start := func(from netip.Addr, ended chan<- error) {
		_, err := s.Start(context.Background(), time.Now(), auth.IssuerRequest{Name: "example", From: from})
		ended <- err
	}
	for range cap(errs) {
		go start(somewhere, errs)
	}
	<-asked
	for range cap(errs) - 32 { // 16 ask, and 16 wait for them
		if err := <-errs; cron.KindOf(err) != cron.TooMany {
			t.Fatalf("beyond the places: %v", err)
		}
	}
	go start(netip.MustParseAddr("203.0.113.9"), elsewhere)
	if err := <-errs; cron.KindOf(err) != cron.TooMany {
		t.Fatalf("whose place another one took: %v", err)
	}
	if _, err := s.Start(t.Context(), time.Now(), auth.IssuerRequest{Name: "other"}); err != nil {
		t.Errorf("the other issuer: %v", err)
	}
	if n := hanging.asked["/.well-known/openid-configuration"].Load(); n != 1 {
		t.Errorf("the issuer was asked %d times at once", n)
	}
	close(release)
	for range 31 {
		refusedWith(t, "the places", <-errs, cron.Unavailable, cron.RuleIssuerDown)
	}
	refusedWith(t, "somebody from elsewhere", <-elsewhere, cron.Unavailable, cron.RuleIssuerDown)
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
