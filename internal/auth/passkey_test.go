package auth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/fxamacker/cbor/v2"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

const consoleOrigin = "https://cron.example.com"

// world is a service with passkeys, and the passkeys that it stored.
type passkeyWorld struct {
	t        *testing.T
	passkeys *auth.Passkeys
	now      time.Time
	party    virtualwebauthn.RelyingParty
	stored   []cron.Passkey
}

func newPasskeyWorld(t *testing.T) *passkeyWorld {
	return &passkeyWorld{
		t: t, passkeys: auth.NewPasskeys(auth.NewSealer([32]byte{1}), "Punctual"), now: time.UnixMilli(1893456000000),
		party: virtualwebauthn.RelyingParty{Name: "Punctual", ID: "cron.example.com", Origin: consoleOrigin},
	}
}

func (w *passkeyWorld) find(_ context.Context, id []byte) (cron.Passkey, error) {
	for _, p := range w.stored {
		if string(p.CredentialID) == string(id) {
			return p, nil
		}
	}
	return cron.Passkey{}, cron.Missing(cron.SubjectPasskey)
}

// device is an authenticator with one passkey.
type device struct {
	authenticator virtualwebauthn.Authenticator
	credential    virtualwebauthn.Credential
}

// create answers the options of a registration as a browser with the device does.
func (d *device) create(t *testing.T, party virtualwebauthn.RelyingParty, options json.RawMessage) []byte {
	t.Helper()
	parsed, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	d.authenticator.Options.UserHandle = []byte(parsed.UserID)
	d.authenticator.AddCredential(d.credential)
	return []byte(virtualwebauthn.CreateAttestationResponse(party, d.authenticator, d.credential, *parsed))
}

func (d *device) get(t *testing.T, party virtualwebauthn.RelyingParty, options json.RawMessage) []byte {
	t.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAssertionResponse(party, d.authenticator, d.credential, *parsed))
}

func newDevice(kind virtualwebauthn.KeyType) *device {
	d := &device{authenticator: virtualwebauthn.NewAuthenticator(), credential: virtualwebauthn.NewCredential(kind)}
	for kind == virtualwebauthn.KeyTypeEC2 && !fullCoordinates(d.credential) {
		d.credential = virtualwebauthn.NewCredential(kind)
	}
	return d
}

// fullCoordinates reports whether the library writes a P-256 key as RFC 9053, section 7.1.1, wants it. It leaves out
// the leading zeros of a coordinate, which one key of 128 has and no authenticator leaves out.
func fullCoordinates(credential virtualwebauthn.Credential) bool {
	key, err := x509.ParsePKCS8PrivateKey(credential.Key.Data)
	if err != nil {
		panic(err)
	}
	public, err := key.(*ecdsa.PrivateKey).PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	// An uncompressed point: 4, X and Y (SEC 1, section 2.3.3).
	return public[1] != 0 && public[33] != 0
}

// register stores a passkey of a new device.
func (w *passkeyWorld) register(kind virtualwebauthn.KeyType) *device {
	w.t.Helper()
	d := newDevice(kind)
	begun, err := w.passkeys.BeginRegister(w.now, consoleOrigin, auth.PasskeyOwner{For: "person 7", Email: "jane@example.com"})
	if err != nil {
		w.t.Fatal(err)
	}
	proof, err := w.passkeys.FinishRegister(w.now, "person 7", begun.State, d.create(w.t, w.party, begun.Options))
	if err != nil {
		w.t.Fatal(err)
	}
	proof.Passkey.ID, proof.Passkey.PersonID, proof.Passkey.Title = int64(len(w.stored)+1), 7, "a key"
	w.stored = append(w.stored, proof.Passkey)
	return d
}

func (w *passkeyWorld) begin(only ...cron.Passkey) auth.Ceremony {
	w.t.Helper()
	begun, err := w.passkeys.BeginSignIn(w.now, consoleOrigin, only)
	if err != nil {
		w.t.Fatal(err)
	}
	return begun
}

// refusedWith fails the test unless an error is of a kind and has a rule.
func refusedWith(t *testing.T, what string, err error, kind cron.ErrorKind, rule cron.Rule) {
	t.Helper()
	e, ok := errors.AsType[*cron.Error](err)
	if !ok || e.Kind != kind || len(e.Problems) != 1 || e.Problems[0].Rule != rule {
		t.Errorf("%s: %v, want kind %v and rule %d", what, err, kind, rule)
	}
}

func TestPasskeyRegistersAndSignsIn(t *testing.T) {
	for name, kind := range map[string]virtualwebauthn.KeyType{"ES256": virtualwebauthn.KeyTypeEC2, "RS256": virtualwebauthn.KeyTypeRSA} {
		w := newPasskeyWorld(t)
		d := w.register(kind)
		for i := range 3 {
			d.credential.Counter++
			begun := w.begin()
			proof, err := w.passkeys.FinishSignIn(t.Context(), w.now, begun.State, d.get(t, w.party, begun.Options), w.find)
			if err != nil || proof.Cloned || proof.Passkey.PersonID != 7 || proof.Passkey.Title != "a key" ||
				!proof.Expires.Equal(w.now.Add(5*time.Minute)) || proof.Challenge == [32]byte{} {
				t.Fatalf("%s, sign-in %d: %+v, %v", name, i, proof, err)
			}
			w.stored[0] = proof.Passkey
		}
	}
}

// TestPasskeyTitle has the name of an authenticator that is known, and of one that is not.
func TestPasskeyTitle(t *testing.T) {
	for aaguid, title := range map[[16]byte]string{
		{0xd5, 0x48, 0x82, 0x6e, 0x79, 0xb4, 0xdb, 0x40, 0xa3, 0xd8, 0x11, 0x11, 0x6f, 0x7e, 0x83, 0x49}: "Bitwarden", {}: "", {1}: "",
	} {
		w, d := newPasskeyWorld(t), newDevice(virtualwebauthn.KeyTypeEC2)
		d.authenticator.Aaguid = aaguid
		begun, err := w.passkeys.BeginRegister(w.now, consoleOrigin, auth.PasskeyOwner{Email: "jane@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		proof, err := w.passkeys.FinishRegister(w.now, "", begun.State, d.create(t, w.party, begun.Options))
		if err != nil || proof.Passkey.Title != title {
			t.Errorf("%x has the title %q, %v", aaguid, proof.Passkey.Title, err)
		}
	}
}

// TestPasskeyOptions reads what the browser is asked for.
func TestPasskeyOptions(t *testing.T) {
	w := newPasskeyWorld(t)
	w.register(virtualwebauthn.KeyTypeEC2)
	begun, err := w.passkeys.BeginRegister(w.now, consoleOrigin, auth.PasskeyOwner{Email: "jane@example.com", Existing: w.stored})
	if err != nil {
		t.Fatal(err)
	}
	var asked struct {
		PublicKey struct {
			RP                     struct{ ID, Name string }
			User                   struct{ ID, Name, DisplayName string }
			AuthenticatorSelection struct {
				ResidentKey, UserVerification string
				RequireResidentKey            bool
			}
			Attestation        string
			ExcludeCredentials []struct{ ID string }
		}
	}
	if err := json.Unmarshal(begun.Options, &asked); err != nil {
		t.Fatal(err)
	}
	k := asked.PublicKey
	if k.RP.ID != "cron.example.com" || k.RP.Name != "Punctual" || k.User.Name != "jane@example.com" || k.User.DisplayName == "" ||
		len(k.User.ID) != 43 || k.AuthenticatorSelection.ResidentKey != "required" || !k.AuthenticatorSelection.RequireResidentKey ||
		k.AuthenticatorSelection.UserVerification != "required" || k.Attestation != "none" || len(k.ExcludeCredentials) != 1 {
		t.Errorf("the options are %s", begun.Options)
	}
	if again, err := w.passkeys.BeginRegister(w.now, consoleOrigin, auth.PasskeyOwner{Existing: w.stored}); err != nil ||
		!strings.Contains(string(again.Options), k.User.ID) {
		t.Errorf("a person has two handles, or %v", err)
	}
	if options := string(w.begin().Options); !strings.Contains(options, `"userVerification":"required"`) || strings.Contains(options, "allowCredentials") {
		t.Errorf("the options of a sign-in are %s", options)
	}
}

// TestPasskeysOfOne asks for one of a person's passkeys, as for a fresh proof.
func TestPasskeysOfOne(t *testing.T) {
	w := newPasskeyWorld(t)
	first, second := w.register(virtualwebauthn.KeyTypeEC2), w.register(virtualwebauthn.KeyTypeEC2)
	stranger := w.register(virtualwebauthn.KeyTypeEC2)
	for _, d := range []*device{first, second} {
		begun := w.begin(w.stored[:2]...)
		if _, err := w.passkeys.FinishSignIn(t.Context(), w.now, begun.State, d.get(t, w.party, begun.Options), w.find); err != nil {
			t.Error(err)
		}
	}
	begun := w.begin(w.stored[:2]...)
	_, err := w.passkeys.FinishSignIn(t.Context(), w.now, begun.State, stranger.get(t, w.party, begun.Options), w.find)
	refusedWith(t, "another person's passkey", err, cron.Unauthorized, cron.RulePasskey)
}

func TestPasskeySignInIsRefused(t *testing.T) {
	w := newPasskeyWorld(t)
	honest := w.register(virtualwebauthn.KeyTypeEC2)
	copied := func(change func(d *device)) *device {
		d := *honest
		change(&d)
		return &d
	}
	elsewhere := func(origin, id string) virtualwebauthn.RelyingParty {
		return virtualwebauthn.RelyingParty{Name: "Punctual", Origin: origin, ID: id}
	}
	other, registration := w.begin(), auth.Ceremony{}
	registration, err := w.passkeys.BeginRegister(w.now, consoleOrigin, auth.PasskeyOwner{For: "person 7", Email: "jane@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		device *device
		party  virtualwebauthn.RelyingParty
		state  string
		after  time.Duration
		rule   cron.Rule
	}{
		"not verified":          {copied(func(d *device) { d.authenticator.Options.UserNotVerified = true }), w.party, "", 0, cron.RulePasskeyUnverified},
		"nobody present":        {copied(func(d *device) { d.authenticator.Options.UserNotPresent = true }), w.party, "", 0, cron.RulePasskey},
		"another handle":        {copied(func(d *device) { d.authenticator.Options.UserHandle = []byte("x") }), w.party, "", 0, cron.RulePasskey},
		"no handle":             {copied(func(d *device) { d.authenticator.Options.UserHandle = nil }), w.party, "", 0, cron.RulePasskey},
		"another key":           {copied(func(d *device) { d.credential.Key = newDevice(virtualwebauthn.KeyTypeEC2).credential.Key }), w.party, "", 0, cron.RulePasskey},
		"an unknown passkey":    {newDevice(virtualwebauthn.KeyTypeEC2), w.party, "", 0, cron.RulePasskey},
		"from another site":     {honest, elsewhere("https://evil.example", "cron.example.com"), "", 0, cron.RulePasskey},
		"for another site":      {honest, elsewhere(consoleOrigin, "evil.example"), "", 0, cron.RulePasskey},
		"over HTTP":             {honest, elsewhere("http://cron.example.com", "cron.example.com"), "", 0, cron.RulePasskey},
		"from a sister site":    {honest, elsewhere("https://evil.cron.example.com", "cron.example.com"), "", 0, cron.RulePasskey},
		"too late":              {honest, w.party, "", 5 * time.Minute, cron.RuleChallengeUsed},
		"state of another":      {honest, w.party, other.State, 0, cron.RulePasskey},
		"no state":              {honest, w.party, "x", 0, cron.RuleChallengeUsed},
		"state of registration": {honest, w.party, registration.State, 0, cron.RuleChallengeUsed},
	} {
		begun := w.begin()
		state := begun.State
		if tt.state != "" {
			state = tt.state
		}
		proof, err := w.passkeys.FinishSignIn(t.Context(), w.now.Add(tt.after), state, tt.device.get(t, tt.party, begun.Options), w.find)
		refusedWith(t, name, err, cron.Unauthorized, tt.rule)
		if proof.Passkey.PersonID != 0 {
			t.Errorf("%s gives away %+v", name, proof)
		}
	}
	begun := w.begin()
	for _, garbage := range []string{"", "{}", "null", "[]", `{"id":"x"}`, strings.Repeat("{", 1000), strings.Repeat(" ", 17<<10)} {
		_, err := w.passkeys.FinishSignIn(t.Context(), w.now, begun.State, []byte(garbage), w.find)
		refusedWith(t, "garbage", err, cron.Unauthorized, cron.RulePasskey)
	}
	failing := func(context.Context, []byte) (cron.Passkey, error) {
		return cron.Passkey{}, errors.New("the disk is full")
	}
	_, err = w.passkeys.FinishSignIn(t.Context(), w.now, begun.State, honest.get(t, w.party, begun.Options), failing)
	if err == nil || cron.KindOf(err) != cron.Internal {
		t.Errorf("a fault of the database is %v", err)
	}
}

// TestPasskeyThatWasCopied has two authenticators with one key, which count apart.
func TestPasskeyThatWasCopied(t *testing.T) {
	w := newPasskeyWorld(t)
	d := w.register(virtualwebauthn.KeyTypeEC2)
	signIn := func(counter uint32, cloned bool) {
		t.Helper()
		d.credential.Counter = counter
		begun := w.begin()
		proof, err := w.passkeys.FinishSignIn(t.Context(), w.now, begun.State, d.get(t, w.party, begun.Options), w.find)
		if err != nil || proof.Cloned != cloned {
			t.Fatalf("counter %d: cloned %v, %v", counter, proof.Cloned, err)
		}
		w.stored[0] = proof.Passkey
	}
	signIn(0, false) // the counter of most, which do not count
	signIn(0, false)
	signIn(9, false)
	signIn(4, true)
	signIn(9, true)
	signIn(10, false) // and the warning is of one sign-in
}

func TestPasskeyRegistrationIsRefused(t *testing.T) {
	w := newPasskeyWorld(t)
	signIn := w.begin()
	for name, tt := range map[string]struct {
		change func(d *device)
		origin string
		id     string
		owner  string
		state  string
		after  time.Duration
		rule   cron.Rule
	}{
		"not verified":       {change: func(d *device) { d.authenticator.Options.UserNotVerified = true }, rule: cron.RulePasskeyUnverified},
		"nobody present":     {change: func(d *device) { d.authenticator.Options.UserNotPresent = true }, rule: cron.RulePasskey},
		"from another site":  {origin: "https://evil.example", rule: cron.RulePasskey},
		"for another site":   {id: "evil.example", rule: cron.RulePasskey},
		"of another person":  {owner: "person 8", rule: cron.RuleChallengeUsed},
		"too late":           {after: 5 * time.Minute, rule: cron.RuleChallengeUsed},
		"state of a sign-in": {state: signIn.State, rule: cron.RuleChallengeUsed},
	} {
		begun, err := w.passkeys.BeginRegister(w.now, consoleOrigin, auth.PasskeyOwner{For: "person 7", Email: "jane@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		d, party, owner, state := newDevice(virtualwebauthn.KeyTypeEC2), w.party, "person 7", begun.State
		if tt.change != nil {
			tt.change(d)
		}
		if tt.origin != "" {
			party.Origin = tt.origin
		}
		if tt.id != "" {
			party.ID = tt.id
		}
		if tt.owner != "" {
			owner = tt.owner
		}
		if tt.state != "" {
			state = tt.state
		}
		_, err = w.passkeys.FinishRegister(w.now.Add(tt.after), owner, state, d.create(t, party, begun.Options))
		refusedWith(t, name, err, cron.Invalid, tt.rule)
	}
}

// TestPasskeyWithALargeKey registers an RSA key of 40,000 bits, whose signatures would take long to check.
func TestPasskeyWithALargeKey(t *testing.T) {
	w := newPasskeyWorld(t)
	begun, err := w.passkeys.BeginRegister(w.now, consoleOrigin, auth.PasskeyOwner{Email: "jane@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Type     string `json:"type"`
		ID       string `json:"id"`
		RawID    string `json:"rawId"`
		Response struct {
			Object         string `json:"attestationObject"`
			ClientDataJSON string `json:"clientDataJSON"`
		} `json:"response"`
	}
	if err := json.Unmarshal(newDevice(virtualwebauthn.KeyTypeRSA).create(t, w.party, begun.Options), &answer); err != nil {
		t.Fatal(err)
	}
	var object struct {
		Format    string         `cbor:"fmt"`
		Statement map[string]any `cbor:"attStmt"`
		AuthData  []byte         `cbor:"authData"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(answer.Response.Object)
	if err != nil {
		t.Fatal(err)
	}
	if err := cbor.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	key, err := cbor.Marshal(map[int]any{1: 3, 3: -257, -1: bytes.Repeat([]byte{0xff}, 5000), -2: []byte{1, 0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	object.Format, object.Statement = "none", map[string]any{}
	object.AuthData = append(object.AuthData[:37+16+2+32], key...) // head, AAGUID, length and id of 32 bytes
	if raw, err = cbor.Marshal(object); err != nil {
		t.Fatal(err)
	}
	answer.Response.Object = base64.RawURLEncoding.EncodeToString(raw)
	response, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.passkeys.FinishRegister(w.now, "", begun.State, response)
	if refusedWith(t, "a large key", err, cron.Invalid, cron.RulePasskey); !strings.Contains(fmt.Sprint(err), "public key has") {
		t.Errorf("refused for another reason: %v", err)
	}
}

func TestPasskeyOrigins(t *testing.T) {
	p := auth.NewPasskeys(auth.NewSealer([32]byte{1}), "Punctual")
	for origin, rule := range map[string]cron.Rule{
		"https://cron.example.com":       cron.RuleNone,
		"https://cron.example.com:8443":  cron.RuleNone,
		"https://cron":                   cron.RulePasskeyHost, // one label, which the library takes for no domain
		"https://münchen.example":        cron.RuleNone,
		"http://localhost:8080":          cron.RuleNone,
		"http://punctual.localhost:8080": cron.RuleNone,
		"https://localhost":              cron.RuleNone,
		"http://127.0.0.1:8080":          cron.RulePasskeyHost,
		"https://192.0.2.7":              cron.RulePasskeyHost,
		"https://[2001:db8::1]:8443":     cron.RulePasskeyHost,
		"https://[fe80::1%25eth0]":       cron.RulePasskeyHost,
		"https://":                       cron.RulePasskeyHost,
		"cron.example.com":               cron.RulePasskeyHost,
		"":                               cron.RulePasskeyHost,
		"https://a b":                    cron.RulePasskeyHost,
		"http://cron.example.com":        cron.RulePasskeyInsecure,
		"http://notlocalhost":            cron.RulePasskeyInsecure,
	} {
		_, registerErr := p.BeginRegister(time.Now(), origin, auth.PasskeyOwner{Email: "jane@example.com"})
		_, signInErr := p.BeginSignIn(time.Now(), origin, nil)
		for _, err := range []error{registerErr, signInErr} {
			if rule == cron.RuleNone && err != nil {
				t.Errorf("%s: %v", origin, err)
			} else if rule != cron.RuleNone {
				refusedWith(t, origin, err, cron.Invalid, rule)
			}
		}
	}
}

// TestPasskeyOriginsAsBrowsersWriteThem registers at an origin that the browser writes in another way.
func TestPasskeyOriginsAsBrowsersWriteThem(t *testing.T) {
	for given, written := range map[string][2]string{
		"https://Cron.Example.com:443": {"cron.example.com", "https://cron.example.com"},
		"https://cron.example.com:80":  {"cron.example.com", "https://cron.example.com:80"},
		"https://münchen.example:8443": {"xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example:8443"},
		"http://localhost:80":          {"localhost", "http://localhost"},
		"http://localhost:8080":        {"localhost", "http://localhost:8080"},
	} {
		w, d := newPasskeyWorld(t), newDevice(virtualwebauthn.KeyTypeEC2)
		begun, err := w.passkeys.BeginRegister(w.now, given, auth.PasskeyOwner{Email: "jane@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		party := virtualwebauthn.RelyingParty{ID: written[0], Origin: written[1]}
		if _, err := w.passkeys.FinishRegister(w.now, "", begun.State, d.create(t, party, begun.Options)); err != nil {
			t.Errorf("%s: %v", given, err)
		}
	}
}

// FuzzPasskeyResponse answers what no authenticator answers, to a state that is right.
func FuzzPasskeyResponse(f *testing.F) {
	p, now := auth.NewPasskeys(auth.NewSealer([32]byte{1}), "Punctual"), time.UnixMilli(1893456000000)
	registration, err := p.BeginRegister(now, consoleOrigin, auth.PasskeyOwner{For: "person 7", Email: "jane@example.com"})
	if err != nil {
		f.Fatal(err)
	}
	signIn, err := p.BeginSignIn(now, consoleOrigin, nil)
	if err != nil {
		f.Fatal(err)
	}
	party := virtualwebauthn.RelyingParty{Name: "Punctual", ID: "cron.example.com", Origin: consoleOrigin}
	d := newDevice(virtualwebauthn.KeyTypeEC2)
	f.Add([]byte("{}"))
	if made, err := virtualwebauthn.ParseAttestationOptions(string(registration.Options)); err == nil {
		made.Challenge = []byte("another challenge, of 16 bytes or more")
		f.Add([]byte(virtualwebauthn.CreateAttestationResponse(party, d.authenticator, d.credential, *made)))
		f.Add([]byte(virtualwebauthn.CreateAssertionResponse(party, d.authenticator, d.credential, virtualwebauthn.AssertionOptions{Challenge: made.Challenge})))
	}
	unknown := func(context.Context, []byte) (cron.Passkey, error) {
		return cron.Passkey{}, cron.Missing(cron.SubjectPasskey)
	}
	f.Fuzz(func(t *testing.T, response []byte) {
		if _, err := p.FinishRegister(now, "person 7", registration.State, response); cron.KindOf(err) != cron.Invalid {
			t.Fatalf("registered with %v", err)
		}
		if _, err := p.FinishSignIn(t.Context(), now, signIn.State, response, unknown); cron.KindOf(err) != cron.Unauthorized {
			t.Fatalf("signed in with %v", err)
		}
	})
}
