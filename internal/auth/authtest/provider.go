// Package authtest runs a real OpenID Connect issuer for tests: the provider of github.com/zitadel/oidc with a sign-in page
// of its own, on a port of the loopback address.
package authtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The client that every Provider knows, and the password of everybody.
const (
	ClientID     = "punctual"
	ClientSecret = "the secret of the client"
	Password     = "verysecure"
)

// Person is somebody who can sign in at a Provider, by the e-mail address and Password.
type Person struct {
	Subject, Email, Name string
	Unverified           bool           // the address is not verified
	Claims               map[string]any // such as groups
}

// Provider is an issuer. Its sign-in page has the fields username and password and one button; it is safe for concurrent
// use.
type Provider struct {
	URL string // the issuer

	server *httptest.Server
	store  *people
}

// New starts an issuer that people can sign in at, and that sends browsers back to the callbacks only. Close ends it.
func New(callbacks []string, everybody ...Person) (*Provider, error) {
	p := &Provider{}
	var handler http.Handler
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	p.URL = p.server.URL
	p.store = &people{all: everybody, callbacks: callbacks}
	p.store.Storage = storage.NewStorageWithClients(p.store, nil)
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, CryptoKeyId: "1"}
	rand.Read(config.CryptoKey[:])
	provider, err := op.NewProvider(config, p.store, op.StaticIssuer(p.URL), op.WithAllowInsecure(),
		op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		p.server.Close()
		return nil, fmt.Errorf("make the issuer: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", provider)
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) { p.page(w, r.FormValue("id"), "") })
	mux.Handle("POST /sign-in", op.NewIssuerInterceptor(provider.IssuerFromRequest).HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			id := r.PostFormValue("id")
			if err := p.store.CheckUsernamePassword(r.PostFormValue("username"), r.PostFormValue("password"), id); err != nil {
				p.page(w, id, err.Error())
				return
			}
			http.Redirect(w, r, op.AuthCallbackURL(provider)(r.Context(), id), http.StatusSeeOther)
		}))
	handler = mux
	return p, nil
}

// Close ends the issuer.
func (p *Provider) Close() { p.server.Close() }

// Set makes other people those who can sign in.
func (p *Provider) Set(everybody ...Person) {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	p.store.all = everybody
}

// Allow lets the issuer send browsers to another callback.
func (p *Provider) Allow(callback string) {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	p.store.callbacks = append(p.store.callbacks, callback)
}

// Config is the configuration of the issuer for --oidc, with more members such as `, "domains": ["example.com"]`.
func (p *Provider) Config(name, more string) string {
	return fmt.Sprintf(`{"name": %q, "issuer": %q, "clientId": %q, "clientSecret": %q%s}`, name, p.URL, ClientID, ClientSecret, more)
}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html><html lang="en"><title>Sign in</title><link rel="icon" href="data:,">
<form method="post"><input type="hidden" name="id" value="{{.ID}}"><p>{{.Error}}</p>
<label>Name <input name="username" id="username" autocomplete="username"></label> <label>Password <input type="password" name="password" id="password" autocomplete="current-password"></label>
<button>Sign in</button></form></html>`))

func (p *Provider) page(w http.ResponseWriter, id, problem string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, struct{ ID, Error string }{id, problem})
}

// SignIn does what a person with a browser does at the URL of a sign-in, and returns where the issuer sends the browser.
func (p *Provider) SignIn(ctx context.Context, at, email string) (*url.URL, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	var back *url.URL
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), p.URL+"/") {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	visit := func(method, to, body string) (string, error) {
		r, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(body))
		if err != nil {
			return "", err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := browser.Do(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err != nil || back == nil && response.StatusCode != http.StatusOK {
			return "", fmt.Errorf("%s %s: %s %s %w", method, to, response.Status, text, err)
		}
		return response.Request.URL.Query().Get("id"), nil
	}
	id, err := visit(http.MethodGet, at, "")
	if err != nil || back != nil {
		return back, err
	}
	form := url.Values{"id": {id}, "username": {email}, "password": {Password}}
	if _, err := visit(http.MethodPost, p.URL+"/sign-in", form.Encode()); err != nil {
		return nil, err
	}
	if back == nil {
		return nil, errors.New("the issuer did not let the person in")
	}
	return back, nil
}

// people is the store of a Provider: that of the library's example, with people and a client of ours.
type people struct {
	*storage.Storage
	mu        sync.Mutex
	all       []Person
	callbacks []string
}

var (
	_ op.Storage                   = (*people)(nil)
	_ op.CanSetUserinfoFromRequest = (*people)(nil)
	_ storage.UserStore            = (*people)(nil)
)

func (s *people) find(is func(Person) bool) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.all, is)
	if at < 0 {
		return Person{}, false
	}
	return s.all[at], true
}

// GetUserByID is for the example's store.
func (s *people) GetUserByID(subject string) *storage.User {
	p, ok := s.find(func(p Person) bool { return p.Subject == subject })
	if !ok {
		return nil
	}
	return &storage.User{ID: p.Subject, Username: p.Email, Password: Password, FirstName: p.Name, Email: p.Email, EmailVerified: !p.Unverified}
}

// GetUserByUsername is for the example's store.
func (s *people) GetUserByUsername(email string) *storage.User {
	p, ok := s.find(func(p Person) bool { return p.Email == email })
	if !ok {
		return nil
	}
	return s.GetUserByID(p.Subject)
}

// ExampleClientID is for the example's store.
func (s *people) ExampleClientID() string { return ClientID }

// GetClientByClientID has one client.
func (s *people) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != ClientID {
		return nil, errors.New("no such client")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &client{Client: storage.WebClient(ClientID, ClientSecret, s.callbacks...)}, nil
}

// AuthorizeClientIDSecret has one client.
func (s *people) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != ClientID || secret != ClientSecret {
		return errors.New("no such client, or another secret")
	}
	return nil
}

// SetUserinfoFromRequest tells of a person in the ID token.
func (s *people) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	s.add(info, r.GetSubject())
	return s.Storage.SetUserinfoFromRequest(ctx, info, r, scopes)
}

// SetUserinfoFromToken tells of a person at the userinfo endpoint.
func (s *people) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, id, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, id, subject, origin); err != nil {
		return err
	}
	s.add(info, subject)
	return nil
}

func (s *people) add(info *oidc.UserInfo, subject string) {
	p, _ := s.find(func(p Person) bool { return p.Subject == subject })
	for name, value := range p.Claims {
		info.AppendClaims(name, value)
	}
}

// client is the example's client, with our page.
type client struct{ *storage.Client }

// LoginURL is the sign-in page.
func (*client) LoginURL(id string) string { return "/sign-in?id=" + url.QueryEscape(id) }

// DevMode allows callbacks without TLS.
func (*client) DevMode() bool { return true }
