package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"punctual/internal/cron"
)

const (
	oidcTime  = 10 * time.Minute // that a person has at the issuer
	clockSkew = 5 * time.Minute  // by which an issuer's clock may be ahead
	oidcState = "OpenID Connect"
)

// MaxCarry limits IssuerRequest.Carry, in bytes.
const MaxCarry = 1 << 10

// IssuerRequest is what begins a sign-in at an issuer.
type IssuerRequest struct {
	Name     string // of the issuer
	Callback string // the URL to which the issuer sends the browser back, which it must know
	Fresh    bool   // the issuer is to ask the person again, even one who is signed in there
	Carry    string // comes back with the identity; up to MaxCarry
	From     netip.Addr
}

// IssuerRedirect is where the browser goes next.
type IssuerRedirect struct {
	URL   string // of the issuer
	State string // for a cookie of the browser, HttpOnly and SameSite=Lax, that expires when the state does
	Until time.Time
}

// IssuerAnswer is what the issuer sends the browser back with.
type IssuerAnswer struct {
	Name  string     // of the issuer, by the path of the callback
	State string     // from the cookie
	Query url.Values // of the callback
	From  netip.Addr
}

// issuerState is what the browser brings back. It is bound to the browser by being in its cookie.
type issuerState struct {
	Name, Callback         string
	State, Nonce, Verifier string
	Begun                  time.Time
	Fresh                  bool
	Carry                  string
}

// Start begins a sign-in at an issuer. It fails with kind NotFound for an unknown issuer, and with kind Unavailable when the
// issuer does not answer, and with kind TooMany when too many sign-ins wait for it.
func (s *Issuers) Start(ctx context.Context, now time.Time, r IssuerRequest) (IssuerRedirect, error) {
	i, err := s.find(r.Name)
	if err != nil {
		return IssuerRedirect{}, err
	}
	if len(r.Carry) > MaxCarry {
		return IssuerRedirect{}, fmt.Errorf("%d bytes cannot be carried through a sign-in", len(r.Carry))
	}
	known, _, _ := i.remembered(now)
	if known == nil {
		if err := i.calls.take(ctx, r.From); err != nil {
			return IssuerRedirect{}, err
		}
		defer i.calls.give()
		if known, err = i.discover(ctx, s.client, now); err != nil {
			return IssuerRedirect{}, err
		}
	}
	state := issuerState{Name: r.Name, Callback: r.Callback, State: random(), Nonce: random(),
		Verifier: oauth2.GenerateVerifier(), Begun: now, Fresh: r.Fresh, Carry: r.Carry}
	options := []oauth2.AuthCodeOption{oidc.Nonce(state.Nonce), oauth2.S256ChallengeOption(state.Verifier)}
	if r.Fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	redirect := IssuerRedirect{URL: i.oauth(known, r.Callback).AuthCodeURL(state.State, options...), Until: now.Add(oidcTime)}
	redirect.State, err = s.sealer.Seal(oidcState, redirect.Until, state)
	return redirect, err
}

// Finish takes what the issuer sent the browser back with. It fails with kind Unauthorized or Forbidden when that proves
// nobody, with kind Unavailable when the issuer does not answer, and with kind TooMany when too many sign-ins wait for it.
// With an error the identity has at most what the sign-in carries, if the browser began it.
func (s *Issuers) Finish(ctx context.Context, now time.Time, answer IssuerAnswer) (Identity, error) {
	i, err := s.find(answer.Name)
	if err != nil {
		return Identity{}, err
	}
	began, err := s.resume(i, now, answer.State, answer.Query)
	if err != nil {
		return Identity{}, err
	}
	identity, err := s.answered(ctx, now, i, began, answer)
	if err != nil {
		return Identity{Carry: began.Carry}, err
	}
	identity.Carry, identity.Fresh = began.Carry, began.Fresh
	identity.Challenge, identity.Expires = sha256.Sum256([]byte(began.State)), began.Begun.Add(oidcTime)
	return identity, nil
}

// answered is Finish for a sign-in that this browser began.
func (s *Issuers) answered(ctx context.Context, now time.Time, i *issuer, began *issuerState, answer IssuerAnswer) (Identity, error) {
	if err := i.calls.take(ctx, answer.From); err != nil {
		return Identity{}, err
	}
	defer i.calls.give()
	known, err := i.discover(ctx, s.client, now)
	if err != nil {
		return Identity{}, err
	}
	query := answer.Query
	if iss := query["iss"]; len(iss) > 0 && !slices.Equal(iss, []string{i.config.Issuer}) || len(iss) == 0 && known.iss {
		return Identity{}, i.invalid(fmt.Errorf("the answer is one of %q", iss)) // RFC 9207
	}
	if refusal := query.Get("error"); refusal != "" {
		return Identity{}, i.refusal(refusal, query.Get("error_description"))
	}
	if query.Get("code") == "" {
		return Identity{}, i.invalid(errors.New("there is no code"))
	}
	claims, err := s.exchange(ctx, now, i, known, began, query.Get("code"))
	if err != nil {
		return Identity{}, err
	}
	return i.identify(claims)
}

// resume opens the state from the browser's cookie, which must be that of the answer.
func (s *Issuers) resume(i *issuer, now time.Time, state string, query url.Values) (*issuerState, error) {
	var began issuerState
	err := s.sealer.Open(oidcState, now, state, &began)
	given := query["state"]
	switch {
	case errors.Is(err, ErrSealed):
	case err != nil:
		return nil, err
	case began.Name != i.config.Name:
		err = fmt.Errorf("it was begun at %s", began.Name)
	case len(given) != 1 || subtle.ConstantTimeCompare([]byte(given[0]), []byte(began.State)) != 1:
		err = errors.New("it is not the state of this browser")
	default:
		return &began, nil
	}
	return nil, i.fail(cron.Unauthorized, cron.RuleIssuerState, err)
}

// refusal is an answer of the issuer that nobody signs in.
func (i *issuer) refusal(code, description string) error {
	cause := fmt.Errorf("the issuer says %.100q: %.200q", code, description)
	switch code {
	case "access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required":
		return i.fail(cron.Unauthorized, cron.RuleIssuerDenied, cause)
	case "server_error", "temporarily_unavailable":
		return i.unavailable(cause)
	}
	return i.invalid(cause)
}

// exchange turns the code into claims that the issuer has signed, or that it tells itself.
func (s *Issuers) exchange(ctx context.Context, now time.Time, i *issuer, known *discovered, began *issuerState, code string) (claims, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, s.client), 2*issuerTimeout)
	defer cancel()
	token, err := i.oauth(known, began.Callback).Exchange(ctx, code, oauth2.VerifierOption(began.Verifier))
	if err != nil {
		if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok && answer.Response.StatusCode < http.StatusInternalServerError {
			return nil, i.invalid(fmt.Errorf("exchange the code: %d %.100q", answer.Response.StatusCode, answer.ErrorCode))
		}
		return nil, i.unavailable(fmt.Errorf("exchange the code: %w", err))
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, i.invalid(errors.New("there is no ID token"))
	}
	verified, err := known.provider.Verifier(&oidc.Config{ClientID: i.config.ClientID, Now: func() time.Time { return now }}).Verify(ctx, raw)
	if err != nil {
		if _, old := errors.AsType[*oidc.TokenExpiredError](err); old {
			return nil, i.fail(cron.Unauthorized, cron.RuleIssuerClock, err)
		}
		return nil, i.invalid(fmt.Errorf("verify the ID token: %w", err))
	}
	var all claims
	if err := verified.Claims(&all); err != nil {
		return nil, i.invalid(fmt.Errorf("read the ID token: %w", err))
	}
	if err := i.check(now, began, verified, token, all); err != nil {
		return nil, err
	}
	if i.complete(all) || known.provider.UserInfoEndpoint() == "" {
		return all, nil
	}
	return i.more(ctx, known, token, all)
}

// check is what the library leaves to us of OpenID Connect Core, section 3.1.3.7.
func (i *issuer) check(now time.Time, began *issuerState, verified *oidc.IDToken, token *oauth2.Token, all claims) error {
	azp, named := all["azp"]
	switch {
	case subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(began.Nonce)) != 1:
		return i.invalid(errors.New("the nonce is another"))
	case named && azp != i.config.ClientID, !named && len(verified.Audience) > 1:
		return i.invalid(fmt.Errorf("the token is for %v", azp))
	case verified.Subject == "" || len(verified.Subject) > 255:
		return i.invalid(errors.New("the subject has not 1 to 255 characters"))
	case verified.IssuedAt.IsZero() || verified.IssuedAt.Unix() == 0:
		return i.invalid(errors.New("the token does not say when it was issued"))
	case verified.IssuedAt.After(now.Add(clockSkew)):
		return i.fail(cron.Unauthorized, cron.RuleIssuerClock, fmt.Errorf("issued at %s", verified.IssuedAt))
	case verified.AccessTokenHash != "" && verified.VerifyAccessToken(token.AccessToken) != nil:
		return i.invalid(errors.New("the access token is another"))
	}
	if at, ok := all["auth_time"].(float64); ok && began.Fresh && int64(at) < began.Begun.Add(-clockSkew).Unix() {
		return i.fail(cron.Unauthorized, cron.RuleFresh, errors.New("the issuer did not ask again"))
	}
	return nil
}

// more adds the claims of the userinfo endpoint to those of the ID token, which go first.
func (i *issuer) more(ctx context.Context, known *discovered, token *oauth2.Token, all claims) (claims, error) {
	info, err := known.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, i.unavailable(fmt.Errorf("get the user info: %w", err))
	}
	var further claims
	if err := info.Claims(&further); err != nil {
		return nil, i.invalid(fmt.Errorf("read the user info: %w", err))
	}
	if further["sub"] != all["sub"] {
		return nil, i.invalid(errors.New("the user info is another person's"))
	}
	all.add(further, i.config.VerifiedClaim)
	return all, nil
}

func (i *issuer) oauth(known *discovered, callback string) *oauth2.Config {
	return &oauth2.Config{ClientID: i.config.ClientID, ClientSecret: i.config.ClientSecret, Endpoint: known.endpoint,
		RedirectURL: callback, Scopes: i.config.Scopes}
}

// random is a text of 256 random bits.
func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: it ends the program when the system has no randomness
	return base64.RawURLEncoding.EncodeToString(b[:])
}
