package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// Config is what the API needs.
type Config struct {
	Service *service.Service
	Auth    *auth.Authenticator
	Logger  *slog.Logger
	Now     func() time.Time // the time in which jobs are planned

	Proxies auth.Proxies

	Stop <-chan struct{} // closed when streams are to end; nil for never
}

type api struct {
	service  *service.Service
	auth     *auth.Authenticator
	logger   *slog.Logger
	now      func() time.Time
	proxies  auth.Proxies
	badges   auth.AddressRates
	zones    zoneList
	exports  service.InProgress
	requests service.InProgress
	lists    listTurns
	answers  answerPools
	stop     <-chan struct{}
	mux      *http.ServeMux
}

// New returns the handler for all of the API. It answers every path: one that it does not know with a 404 problem.
func New(c Config) http.Handler {
	a := &api{
		service: c.Service, auth: c.Auth, logger: c.Logger, now: c.Now, proxies: c.Proxies,
		mux: http.NewServeMux(), stop: c.Stop, badges: auth.AddressRates{Most: openRate},
	}
	endpoints := map[string]endpoint{"/": {}}
	for _, rt := range a.routes() {
		if endpoints[rt.pattern] == nil {
			endpoints[rt.pattern] = endpoint{}
		}
		endpoints[rt.pattern][rt.method] = rt
	}
	for pattern, e := range endpoints {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, e) })
	}
	return a
}

// ServeHTTP answers a request.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer a.recoverPanic(w, r)
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, Location, Idempotency-Replayed, "+wire.HeaderIgnored)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if path.Clean(r.URL.Path) != r.URL.Path {
		// The mux would redirect it.
		a.fail(w, r, cron.Missing(cron.SubjectNone))
		return
	}
	a.mux.ServeHTTP(w, r)
}

// serve answers a request whose path belongs to e: 404 comes first, then what admit checks, then all else.
func (a *api) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	method := strings.ToUpper(r.Method)
	if method == http.MethodOptions && len(e) > 0 && isThere(r) {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "GET, PUT, PATCH, DELETE, POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, If-Match, If-None-Match, "+
			"Idempotency-Key, Last-Event-ID")
		h.Set("Access-Control-Max-Age", "1800")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	rt, ok := e[method]
	if !ok {
		a.fail(w, r, cron.Missing(cron.SubjectNone))
		return
	}
	if err := a.answer(w, r, rt); err != nil {
		a.fail(w, r, err)
	}
}

// answer lets the route answer, once its caller may do what it is for and the account has room for a request.
func (a *api) answer(w http.ResponseWriter, r *http.Request, rt route) error {
	if rt.use == 0 {
		return rt.handle(w, r, cron.Actor{})
	}
	now := a.now()
	actor, err := a.authenticate(r, now)
	if err != nil {
		return err
	}
	taker := actor.Account.ID
	if taker == 0 && actor.Person != nil {
		taker = -actor.Person.ID // who has no account
	}
	if !a.requests.Enter(taker, accountRequests) {
		return &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second,
			Problems: []cron.Problem{{Rule: cron.RuleRequests, Limit: accountRequests}}}
	}
	defer a.requests.Leave(taker)
	if err := a.count(r, rt, now, actor); err != nil {
		return err
	}
	return rt.handle(w, r, actor)
}

// count counts a call of an actor who may make it.
func (a *api) count(r *http.Request, rt route, now time.Time, actor cron.Actor) error {
	if err := a.service.Admit(r.Context(), actor, rt.use); err != nil {
		return err
	}
	if err := a.service.KeyUsed(r.Context(), now, actor); err != nil {
		a.logger.WarnContext(r.Context(), "the use of an API key could not be noted", slog.Any("error", err))
	}
	if err := a.service.SessionUsed(r.Context(), now, actor); err != nil {
		a.logger.WarnContext(r.Context(), "the use of a session could not be noted", slog.Any("error", err))
	}
	return nil
}

// authenticate tells whose API key a request holds.
func (a *api) authenticate(r *http.Request, now time.Time) (cron.Actor, error) {
	actor, err := a.auth.Authenticate(r.Context(), now, r.Header.Get("Authorization"), a.proxies.Client(r))
	actor.Language = languageOf(r).Tag
	return actor, err
}

// reply writes v as the answer to a successful call.
func reply(w http.ResponseWriter, v any) error {
	return write(w, http.StatusOK, "application/json", v)
}

func write(w http.ResponseWriter, status int, mediaType string, v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("encode the response: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // whoever is gone does not need it
	return nil
}
