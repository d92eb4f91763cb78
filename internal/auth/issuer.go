package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"punctual/internal/cron"
)

const (
	issuerTimeout   = 10 * time.Second // for one answer of an issuer
	issuerAnswer    = 1 << 20          // bytes of one
	issuerCalls     = 16               // sign-ins that ask one issuer at once
	issuerWaiting   = 16               // that wait for those, and take turns by the networks that they come from
	discoveryExpiry = time.Hour
)

// Issuers are the OpenID Connect issuers by which people sign in (OpenID Connect Core 1.0, by code with PKCE of RFC 7636).
// Nothing of an issuer is asked for before somebody signs in by it, so one that is down concerns nobody else. What it says
// of itself is known for an hour; its keys are fetched when a token names a new one.
//
//	Start → URL of the issuer, state for the browser's cookie → the person signs in there → callback → Finish → Identity
//
// It is safe for concurrent use.
type Issuers struct {
	sealer *Sealer
	client *http.Client
	all    []*issuer
}

// NewIssuers returns the issuers of a configuration.
func NewIssuers(configs []IssuerConfig, sealer *Sealer) *Issuers {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	s := &Issuers{sealer: sealer, client: &http.Client{
		Timeout: issuerTimeout, Transport: boundedTransport{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the issuer redirects, which is not followed")
		},
	}}
	for _, c := range configs {
		s.all = append(s.all, &issuer{config: c, discovering: make(chan struct{}, 1), calls: newTurns(issuerCalls, issuerWaiting)})
	}
	return s
}

// List has the configuration of each issuer without its secret, in order.
func (s *Issuers) List() []IssuerConfig {
	var list []IssuerConfig
	for _, i := range s.all {
		list = append(list, i.config.public())
	}
	return list
}

// issuer is one issuer, with what it says of itself.
type issuer struct {
	config      IssuerConfig
	calls       *turns
	discovering chan struct{} // holds one while somebody discovers

	mu       sync.Mutex
	known    *discovered
	attempts int // that have ended
	failure  error
}

// discovered is what an issuer says of itself.
type discovered struct {
	provider *oidc.Provider
	endpoint oauth2.Endpoint
	iss      bool // its answers name it (RFC 9207)
	until    time.Time
}

// find returns the issuer of a name.
func (s *Issuers) find(name string) (*issuer, error) {
	at := slices.IndexFunc(s.all, func(i *issuer) bool { return i.config.Name == name })
	if at < 0 {
		return nil, cron.Missing(cron.SubjectIdentity)
	}
	return s.all[at], nil
}

// discover returns what the issuer says of itself, and asks it when that is not known. One call asks for all that wait, so
// that an issuer that hangs does not make them wait for one another.
func (i *issuer) discover(ctx context.Context, client *http.Client, now time.Time) (*discovered, error) {
	known, attempt, _ := i.remembered(now)
	if known != nil {
		return known, nil
	}
	select {
	case i.discovering <- struct{}{}:
		defer func() { <-i.discovering }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	known, latest, err := i.remembered(now)
	if known != nil || err != nil && latest != attempt {
		return known, err
	}
	known, err = i.ask(ctx, client, now)
	if err != nil && ctx.Err() != nil {
		return nil, err // of a caller who left, and of nobody else
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.known, i.failure, i.attempts = known, err, i.attempts+1
	return known, err
}

// ask asks the issuer what it says of itself.
func (i *issuer) ask(ctx context.Context, client *http.Client, now time.Time) (*discovered, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, client), i.config.Issuer)
	if err != nil {
		return nil, i.unavailable(fmt.Errorf("discover: %w", err))
	}
	known, err := i.read(provider)
	if err != nil {
		return nil, i.invalid(fmt.Errorf("discover: %w", err))
	}
	known.until = now.Add(discoveryExpiry)
	return known, nil
}

// remembered is what is known of the issuer, or nil; how many attempts to ask it have ended, and the failure of the last.
func (i *issuer) remembered(now time.Time) (*discovered, int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known == nil || !now.Before(i.known.until) {
		return nil, i.attempts, i.failure
	}
	return i.known, i.attempts, nil
}

// read checks what the issuer says of itself: no URL of it may be less safe than its own.
func (i *issuer) read(provider *oidc.Provider) (*discovered, error) {
	var says struct {
		JWKS    string   `json:"jwks_uri"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		Names   bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&says); err != nil {
		return nil, err
	}
	known := &discovered{provider: provider, endpoint: provider.Endpoint(), iss: says.Names}
	for name, text := range map[string]string{"authorization_endpoint": known.endpoint.AuthURL, "token_endpoint": known.endpoint.TokenURL,
		"jwks_uri": says.JWKS, "userinfo_endpoint": provider.UserInfoEndpoint()} {
		if text == "" && name == "userinfo_endpoint" {
			continue
		}
		if u, err := url.Parse(text); err != nil || u.Opaque != "" || checkIssuerURL(u.Scheme+"://"+u.Host) != nil ||
			u.Scheme == "http" && strings.EqualFold(i.config.Issuer[:5], "https") {
			return nil, fmt.Errorf("the %s %q is not a URL with https", name, text)
		}
	}
	known.endpoint.AuthStyle = oauth2.AuthStyleInHeader // the default by OpenID Connect Discovery, section 3
	if len(says.Methods) > 0 && !slices.Contains(says.Methods, "client_secret_basic") || i.config.ClientSecret == "" {
		known.endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return known, nil
}

// unavailable is that the issuer does not answer, or not as an issuer does; the cause is for the log only.
func (i *issuer) unavailable(cause error) error {
	return i.fail(cron.Unavailable, cron.RuleIssuerDown, cause)
}

// invalid is that an answer of the issuer is not valid.
func (i *issuer) invalid(cause error) error {
	return i.fail(cron.Unauthorized, cron.RuleIssuerAnswer, cause)
}

// longestCause is how much of an error the log gets, in bytes. The library puts whole answers of the issuer into some.
const longestCause = 500

func (i *issuer) fail(kind cron.ErrorKind, rule cron.Rule, cause error) error {
	if text := cause.Error(); len(text) > longestCause {
		cause = errors.New(strings.ToValidUTF8(text[:longestCause], "") + "…")
	}
	return &cron.Error{Kind: kind, Subject: cron.SubjectIdentity, Err: fmt.Errorf("issuer %s: %w", i.config.Name, cause),
		Problems: []cron.Problem{{Rule: rule, Given: i.config.Title}}}
}

// boundedTransport ends answers that are too large.
type boundedTransport struct{ next http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err == nil {
		response.Body = &boundedBody{response.Body, issuerAnswer}
	}
	return response, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the answer is too large")
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
