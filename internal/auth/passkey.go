package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"golang.org/x/net/idna"

	"punctual/internal/cron"
)

const (
	ceremonyTime = 5 * time.Minute
	maxResponse  = 16 << 10 // bytes of what a browser answers
	maxPublicKey = 4 << 10  // bytes of a public key, as checking a signature with a larger one takes long

	registering = "passkey registration"
	signingIn   = "passkey sign-in"
)

// Passkeys registers passkeys and checks sign-ins with them (WebAuthn, level 3). Every passkey is discoverable, so nobody
// types a name, and verifies the person by PIN, fingerprint or face, so it is the only factor that a sign-in needs.
// Authenticators are not asked of what make they are (attestation "none").
//
// A ceremony has two halves, and the browser brings the state of the first one back to the second:
//
//	Begin… → options → the browser asks the authenticator → response, state → Finish… → a proof
//
// The state is sealed and serves for five minutes. The caller notes the challenge of a proof, so that it counts once.
type Passkeys struct {
	sealer  *Sealer
	service string
}

// NewPasskeys returns a Passkeys. Authenticators show the name of the service.
func NewPasskeys(sealer *Sealer, service string) *Passkeys {
	return &Passkeys{sealer: sealer, service: service}
}

// Ceremony is the first half of a registration or a sign-in.
type Ceremony struct {
	Options json.RawMessage // {"publicKey": …} for navigator.credentials, with binary values in base64url
	State   string          // to be brought back with the response
}

// PasskeyOwner is whose passkey is registered.
type PasskeyOwner struct {
	For         string // names whom the state of the ceremony is for; it serves nobody else
	Email, Name string // which the authenticator shows
	Existing    []cron.Passkey
}

// PasskeyProof is that an authenticator has proven to hold a passkey.
type PasskeyProof struct {
	Passkey   cron.Passkey // to be stored: its Credential is new
	Challenge [32]byte     // identifies the challenge that was answered, which counts once
	Expires   time.Time    // when the challenge does
	Cloned    bool         // the authenticator's counter went back: a copy of it may be in use
}

// storedPasskey is cron.Passkey.Credential as JSON. Nothing in it is secret.
type storedPasskey struct {
	Handle     []byte              `json:"handle"` // of the person, for the authenticator
	Credential webauthn.Credential `json:"credential"`
}

// ceremonyState is what the browser brings back.
type ceremonyState struct {
	For     string
	Origin  string
	Expires time.Time
	Session webauthn.SessionData
}

// BeginRegister begins the registration of a passkey on a page of an origin, such as https://cron.example.com. It fails
// when browsers allow no passkeys there.
func (p *Passkeys) BeginRegister(now time.Time, origin string, owner PasskeyOwner) (Ceremony, error) {
	party, err := p.party(origin)
	if err != nil {
		return Ceremony{}, err
	}
	user, exclusions, err := owner.user()
	if err != nil {
		return Ceremony{}, err
	}
	options, session, err := party.BeginRegistration(user, webauthn.WithExclusions(exclusions),
		webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation))
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin to register a passkey: %w", err)
	}
	return p.begin(registering, now, options, ceremonyState{For: owner.For, Origin: origin, Session: *session})
}

// FinishRegister takes the browser's response, PublicKeyCredential.toJSON() of a new passkey. The proof's passkey has no
// owner yet, and the name of the authenticator as title, or none when that is not known.
func (p *Passkeys) FinishRegister(now time.Time, owner, state string, response []byte) (PasskeyProof, error) {
	began, party, err := p.resume(registering, now, state, response)
	if err != nil {
		return PasskeyProof{}, invalidPasskey(err)
	}
	if began.For != owner {
		return PasskeyProof{}, invalidPasskey(refusedPasskey(cron.RuleChallengeUsed, errors.New("the state is another person's")))
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return PasskeyProof{}, invalidPasskey(refusedPasskey(cron.RulePasskey, detailed(err)))
	}
	made := &parsed.Response.AttestationObject.AuthData
	if n := len(made.AttData.CredentialPublicKey); n > maxPublicKey {
		return PasskeyProof{}, invalidPasskey(refusedPasskey(cron.RulePasskey, fmt.Errorf("the public key has %d bytes", n)))
	}
	if !made.Flags.HasUserVerified() {
		return PasskeyProof{}, invalidPasskey(refusedPasskey(cron.RulePasskeyUnverified, nil))
	}
	credential, err := party.CreateCredential(&passkeyUser{handle: began.Session.UserID}, began.Session, parsed)
	if err != nil {
		return PasskeyProof{}, invalidPasskey(refusedPasskey(cron.RulePasskey, detailed(err)))
	}
	credential.Attestation = webauthn.CredentialAttestation{} // says nothing, and is large
	credential.Transport = credential.Transport[:min(len(credential.Transport), 8)]
	passkey := cron.Passkey{CredentialID: credential.ID, Title: authenticatorModel(credential.Authenticator.AAGUID)}
	return began.proof(passkey, storedPasskey{Handle: began.Session.UserID, Credential: *credential})
}

// BeginSignIn begins a sign-in on a page of an origin: with any passkey that the authenticator knows for it, or only with
// some of one person. It fails when browsers allow no passkeys there.
func (p *Passkeys) BeginSignIn(now time.Time, origin string, only []cron.Passkey) (Ceremony, error) {
	party, err := p.party(origin)
	if err != nil {
		return Ceremony{}, err
	}
	var options *protocol.CredentialAssertion
	var session *webauthn.SessionData
	if len(only) == 0 {
		options, session, err = party.BeginDiscoverableLogin()
	} else {
		user, _, broken := (&PasskeyOwner{Existing: only}).user()
		if broken != nil {
			return Ceremony{}, broken
		}
		options, session, err = party.BeginLogin(user)
	}
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin a sign-in by passkey: %w", err)
	}
	return p.begin(signingIn, now, options, ceremonyState{Origin: origin, Session: *session})
}

// FinishSignIn takes the browser's response, PublicKeyCredential.toJSON() of an assertion, and proves whose passkey it is.
// find returns the passkey of an id, or fails with kind NotFound.
func (p *Passkeys) FinishSignIn(ctx context.Context, now time.Time, state string, response []byte,
	find func(ctx context.Context, credentialID []byte) (cron.Passkey, error)) (PasskeyProof, error) {
	began, party, err := p.resume(signingIn, now, state, response)
	if err != nil {
		return PasskeyProof{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return PasskeyProof{}, refusedPasskey(cron.RulePasskey, detailed(err))
	}
	if !parsed.Response.AuthenticatorData.Flags.HasUserVerified() {
		return PasskeyProof{}, refusedPasskey(cron.RulePasskeyUnverified, nil)
	}
	only := began.Session.AllowedCredentialIDs
	known := func(id []byte) bool { return bytes.Equal(id, parsed.RawID) }
	if len(only) > 0 && !slices.ContainsFunc(only, known) {
		return PasskeyProof{}, refusedPasskey(cron.RulePasskey, errors.New("the passkey is not one of those asked for"))
	}
	found, err := find(ctx, parsed.RawID)
	switch {
	case cron.KindOf(err) == cron.NotFound:
		return PasskeyProof{}, refusedPasskey(cron.RulePasskey, errors.New("the passkey is not known"))
	case err != nil:
		return PasskeyProof{}, fmt.Errorf("find the passkey: %w", err)
	}
	stored, err := decodePasskey(&found)
	if err != nil {
		return PasskeyProof{}, err
	}
	checked, err := verify(party, &began, stored, parsed)
	if err != nil {
		return PasskeyProof{}, refusedPasskey(cron.RulePasskey, detailed(err))
	}
	proof, err := began.proof(found, storedPasskey{Handle: stored.Handle, Credential: *checked})
	proof.Cloned = checked.Authenticator.CloneWarning
	return proof, err
}

// verify checks an assertion with the stored passkey, which is the one that it names.
func verify(party *webauthn.WebAuthn, began *ceremonyState, stored storedPasskey,
	parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	stored.Credential.Authenticator.CloneWarning = false // of an earlier sign-in
	user := &passkeyUser{handle: stored.Handle, credentials: []webauthn.Credential{stored.Credential}}
	session := began.Session
	if len(session.AllowedCredentialIDs) == 0 {
		_, checked, err := party.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return user, nil }, session, parsed)
		return checked, err
	}
	session.UserID, session.AllowedCredentialIDs = stored.Handle, [][]byte{parsed.RawID} // one of them, as was checked
	return party.ValidateLogin(user, session, parsed)
}

// begin makes the first half of a ceremony.
func (p *Passkeys) begin(kind string, now time.Time, options any, state ceremonyState) (c Ceremony, err error) {
	state.Expires = now.Add(ceremonyTime)
	if c.State, err = p.sealer.Seal(kind, state.Expires, state); err != nil {
		return Ceremony{}, err
	}
	if c.Options, err = json.Marshal(options); err != nil {
		return Ceremony{}, fmt.Errorf("encode the options of a passkey: %w", err)
	}
	return c, nil
}

// resume opens the state of the first half.
func (p *Passkeys) resume(kind string, now time.Time, state string, response []byte) (began ceremonyState, party *webauthn.WebAuthn, err error) {
	err = p.sealer.Open(kind, now, state, &began)
	switch {
	case errors.Is(err, ErrSealed):
		return began, nil, refusedPasskey(cron.RuleChallengeUsed, err)
	case err != nil:
		return began, nil, err
	case len(response) > maxResponse:
		return began, nil, refusedPasskey(cron.RulePasskey, errors.New("the response is too large"))
	}
	party, err = p.party(began.Origin)
	return began, party, err
}

// proof is what a ceremony has proven.
func (s *ceremonyState) proof(passkey cron.Passkey, stored storedPasskey) (proof PasskeyProof, err error) {
	if passkey.Credential, err = json.Marshal(stored); err != nil {
		return proof, fmt.Errorf("encode a passkey: %w", err)
	}
	return PasskeyProof{Passkey: passkey, Challenge: sha256.Sum256([]byte(s.Session.Challenge)), Expires: s.Expires}, nil
}

// party is the relying party of an origin: the host of it.
func (p *Passkeys) party(origin string) (*webauthn.WebAuthn, error) {
	host, origin, err := partyOf(origin)
	if err != nil {
		return nil, err
	}
	party, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: p.service, RPOrigins: []string{origin},
		AuthenticatorSelection:            protocol.AuthenticatorSelection{UserVerification: protocol.VerificationRequired},
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore, // password managers send some unasked
	})
	if err != nil {
		return nil, passkeyHost(host)
	}
	return party, nil
}

// partyOf is the host that passkeys of an origin belong to, and the origin as browsers write it: with an ASCII host, and
// without the port that is usual. Browsers want a name rather than an address, and TLS for all names but localhost.
func partyOf(given string) (host, origin string, err error) {
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", passkeyHost(given)
	}
	host = strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(host); err == nil {
		return "", "", passkeyHost(host)
	}
	if host, err = idna.Lookup.ToASCII(host); err != nil || host == "" {
		return "", "", passkeyHost(u.Hostname())
	}
	if u.Scheme == "http" && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return "", "", &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectPasskey,
			Problems: []cron.Problem{{Rule: cron.RulePasskeyInsecure, Given: given}}}
	}
	origin = u.Scheme + "://" + host
	if port := u.Port(); port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		origin += ":" + port
	}
	return host, origin, nil
}

func passkeyHost(host string) error {
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectPasskey,
		Problems: []cron.Problem{{Rule: cron.RulePasskeyHost, Given: host}}}
}

// refusedPasskey is that a sign-in by passkey fails; the cause is for the log only.
func refusedPasskey(rule cron.Rule, cause error) error {
	return &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectPasskey, Problems: []cron.Problem{{Rule: rule}}, Err: cause}
}

// invalidPasskey is the same for a registration, by somebody who is signed in.
func invalidPasskey(err error) error {
	if e, ok := errors.AsType[*cron.Error](err); ok && e.Kind == cron.Unauthorized {
		e.Kind = cron.Invalid
	}
	return err
}

// detailed is an error of the library with all that it knows.
func detailed(err error) error {
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.DevInfo != "" {
		return fmt.Errorf("%w: %s", err, e.DevInfo)
	}
	return err
}

// passkeyUser is a person as the library knows one.
type passkeyUser struct {
	handle      []byte
	email, name string
	credentials []webauthn.Credential
}

var _ webauthn.User = (*passkeyUser)(nil)

func (u *passkeyUser) WebAuthnID() []byte                         { return u.handle }
func (u *passkeyUser) WebAuthnName() string                       { return u.email }
func (u *passkeyUser) WebAuthnDisplayName() string                { return u.name }
func (u *passkeyUser) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// user is the owner for the library. A person has one handle, which is random, so authenticators show one entry.
func (o *PasskeyOwner) user() (*passkeyUser, []protocol.CredentialDescriptor, error) {
	user := &passkeyUser{email: o.Email, name: o.Name}
	if user.name == "" {
		user.name = o.Email
	}
	var descriptors []protocol.CredentialDescriptor
	for i := range o.Existing {
		stored, err := decodePasskey(&o.Existing[i])
		if err != nil {
			return nil, nil, err
		}
		user.handle = stored.Handle
		user.credentials = append(user.credentials, stored.Credential)
		descriptors = append(descriptors, stored.Credential.Descriptor())
	}
	if user.handle == nil {
		user.handle = make([]byte, 32)
		rand.Read(user.handle) // never fails: it ends the program when the system has no randomness
	}
	return user, descriptors, nil
}

func decodePasskey(p *cron.Passkey) (stored storedPasskey, err error) {
	if err := json.Unmarshal(p.Credential, &stored); err != nil {
		return stored, fmt.Errorf("decode passkey %d: %w", p.ID, err)
	}
	return stored, nil
}
