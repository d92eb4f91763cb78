package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// callerKey finds the API key of a request in its context.
type callerKey struct{}

// withKey is a request whose handler may ask for the API key that it came with.
func withKey(r *http.Request, key cron.APIKey) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, &key))
}

// keyOf is the API key that a request came with.
func keyOf(r *http.Request) *cron.APIKey {
	return r.Context().Value(callerKey{}).(*cron.APIKey)
}

// account is an account as its owner sees it. Limits of null are none.
type account struct {
	Email   string `json:"email"`
	Plan    string `json:"plan"`
	Created int64  `json:"created"` // Unix seconds
	Limits  limits `json:"limits"`
	Used    used   `json:"used"`
	Left    used   `json:"left"`
	Key     apiKey `json:"apiKey"`
}

// limits are the numbers of a plan, by the names that configuration gives them.
type limits struct {
	DailyRequests          *int64 `json:"dailyRequests"`
	RequestsPerSecond      *int64 `json:"requestsPerSecond"`
	CreateJobsPerSecond    *int64 `json:"createJobsPerSecond"`
	CreateJobsPerMinute    *int64 `json:"createJobsPerMinute"`
	CreateFoldersPerSecond *int64 `json:"createFoldersPerSecond"`
	CreateFoldersPerMinute *int64 `json:"createFoldersPerMinute"`
	ChangeFoldersPerSecond *int64 `json:"changeFoldersPerSecond"`
	MaxJobs                *int64 `json:"maxJobs"`
	MaxKeys                *int64 `json:"maxKeys"`
	MinIntervalSeconds     *int64 `json:"minIntervalSeconds"`
	DefaultTimeoutSeconds  *int64 `json:"defaultTimeoutSeconds"`
	MaxTimeoutSeconds      *int64 `json:"maxTimeoutSeconds"`
	MaxResponseBytes       *int64 `json:"maxResponseBytes"`
	MaxInFlight            *int64 `json:"maxInFlight"`
	MaxFailures            int64  `json:"maxFailures"`
	RetentionDays          *int64 `json:"retentionDays"`
}

func newLimits(p *cron.Plan) limits {
	number := func(n int) *int64 { return limitOrNull(int64(n)) }
	return limits{
		DailyRequests: number(p.DailyRequests), RequestsPerSecond: number(p.MethodRate),
		CreateJobsPerSecond: number(p.CreateJobRate), CreateJobsPerMinute: number(p.CreateJobMinute),
		CreateFoldersPerSecond: number(p.CreateFolderRate), CreateFoldersPerMinute: number(p.CreateFolderMinute),
		ChangeFoldersPerSecond: number(p.ChangeFolderRate),
		MaxJobs:                number(p.MaxJobs), MaxKeys: number(p.MaxKeys),
		MinIntervalSeconds:    limitOrNull(wire.WholeSeconds(p.MinInterval)),
		DefaultTimeoutSeconds: limitOrNull(wire.WholeSeconds(p.DefaultTimeout)),
		MaxTimeoutSeconds:     limitOrNull(wire.WholeSeconds(p.MaxTimeout)),
		MaxResponseBytes:      limitOrNull(p.MaxResponse), MaxInFlight: number(p.MaxInFlight),
		MaxFailures: int64(p.MaxFailures), RetentionDays: limitOrNull(int64(p.Retention / (24 * time.Hour))),
	}
}

// limitOrNull is a limit, and nil for none.
func limitOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// used is how much of what a plan limits there is. Null is not counted, or not limited.
type used struct {
	Jobs          *int64 `json:"jobs"`
	APIKeys       *int64 `json:"apiKeys"`
	RequestsToday *int64 `json:"requestsToday"` // of the key, a UTC day
}

// left is how much of a limit is not used; nil when there is none.
func left(limit *int64, n int) *int64 {
	if limit == nil {
		return nil
	}
	return new(max(0, *limit-int64(n)))
}

func newAccount(a *cron.Account, st *service.Standing, key *cron.APIKey) account {
	l := newLimits(&st.Plan)
	answer := account{
		Email: a.Email, Plan: a.Plan, Created: a.Created.Unix(), Limits: l, Key: newAPIKey(key, key),
		Used: used{Jobs: new(int64(st.Jobs)), APIKeys: new(int64(st.Keys))},
		Left: used{left(l.MaxJobs, st.Jobs), left(l.MaxKeys, st.Keys), left(l.DailyRequests, st.Requests)},
	}
	if l.DailyRequests != nil {
		answer.Used.RequestsToday = new(int64(st.Requests))
	}
	return answer
}

// getAccount tells what the account may have, what of it is left, and what the key may do.
func (a *api) getAccount(w http.ResponseWriter, r *http.Request, owner cron.Account) error {
	key := keyOf(r)
	st, err := a.service.Standing(r.Context(), owner, key.ID)
	if err != nil {
		return err
	}
	return reply(w, struct {
		Account account `json:"account"`
	}{newAccount(&owner, &st, key)})
}

// apiKey is an API key without the key itself. Times are Unix seconds.
type apiKey struct {
	APIKeyID  int64          `json:"apiKeyId"`
	Title     string         `json:"title"`
	Hint      string         `json:"hint"`
	Enabled   bool           `json:"enabled"`
	Current   bool           `json:"current"`
	Scopes    []string       `json:"scopes"`
	AllowFrom []netip.Prefix `json:"allowFrom"`
	Created   int64          `json:"created"`
	LastUsed  *int64         `json:"lastUsed"`
	Expires   *int64         `json:"expires"`
}

func newAPIKey(k, current *cron.APIKey) apiKey {
	return apiKey{
		k.ID, k.Title, k.Hint, !k.Disabled, k.ID == current.ID, scopeList(k.Scopes),
		append([]netip.Prefix{}, k.AllowFrom...), k.Created.Unix(), wire.UnixOrNull(k.LastUsed), wire.UnixOrNull(k.Expires),
	}
}

func scopeList(s cron.Scope) []string {
	if s == cron.ScopeAll {
		return []string{wire.ScopeAll}
	}
	var names []string
	for i, name := range wire.ScopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// readScopes reads an array of the names of scopes, at least one.
func readScopes(o wire.Object, name string, to *cron.Scope) {
	const everything = cron.Scope(-1)
	var (
		scopes cron.Scope
		count  int
	)
	items := append([]string{wire.ScopeAll}, wire.ScopeNames...)
	o.Each(name, func(at string, item json.RawMessage) {
		count++
		switch n, wrong := wire.ParseChoice(item, items); {
		case wrong.Rule != cron.RuleNone:
			o.Problems.Add(o.At(name, at), wrong)
		case n == 0:
			scopes = everything
		default:
			scopes |= 1 << (n - 1)
		}
	})
	raw, given := o.Value(name)
	switch {
	case scopes == everything:
		*to = cron.ScopeAll
	case scopes != 0:
		*to = scopes
	case given && raw[0] == '[' && count == 0:
		o.Need(name) // no scope at all is no key
	}
}

// readPrefixes reads an array of IP addresses and ranges of them.
func readPrefixes(o wire.Object, name string, to *[]netip.Prefix) {
	if _, given := o.Value(name); given {
		*to = nil
	}
	o.Each(name, func(at string, item json.RawMessage) {
		pointer := o.At(name, at)
		text, ok := wire.ParseText(item)
		if !ok {
			o.Problems.Add(pointer, cron.Problem{Rule: cron.RuleWrongType, Want: wire.TypeString})
			return
		}
		prefix, ok := cron.ParsePrefix(text)
		if !ok {
			o.Problems.Add(pointer, cron.Problem{Rule: cron.RuleAddressRange, Given: text})
			return
		}
		if len(*to) <= cron.MaxKeyPrefixes { // one more is a problem, and more are not worth keeping
			*to = append(*to, prefix)
		}
	})
}

func (a *api) listKeys(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	keys, err := a.service.APIKeys(r.Context(), account)
	if err != nil {
		return err
	}
	answer := struct {
		Keys []apiKey `json:"apiKeys"`
	}{make([]apiKey, len(keys))}
	for i := range keys {
		answer.Keys[i] = newAPIKey(&keys[i], keyOf(r))
	}
	return reply(w, answer)
}

// hintLength is how many characters of a key are kept to recognise it by.
const hintLength = 4

// createKey makes a key and shows it, this once. What the body leaves out is as with the key that asks for it.
func (a *api) createKey(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	body, outer, err := wire.ReadMember(w, r, keyBody, "apiKey")
	if err != nil {
		return err
	}
	var (
		p  wire.Problems
		by = keyOf(r)
		k  = cron.APIKey{Scopes: by.Scopes, Expires: by.Expires, AllowFrom: by.AllowFrom}
	)
	o := wire.NewObject(body, "", &p)
	o.Skip("apiKeyId", "hint", "current", "created", "lastUsed")
	o.Text("title", &k.Title)
	readScopes(o, "scopes", &k.Scopes)
	readPrefixes(o, "allowFrom", &k.AllowFrom)
	wire.Instant(o, "expires", &k.Expires)
	a.tellIgnored(w, r, outer, "/apiKey", p.Unread())
	text, hash := auth.NewKey()
	k.Hash, k.Hint = hash, text[len(text)-hintLength:]
	if err = p.Err(); err == nil {
		err = a.service.CheckAPIKey(a.now(), account, by, &k)
	}
	if err != nil {
		return under("/apiKey", err)
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		if err := a.service.AddAPIKey(ctx, &k); err != nil {
			return under("/apiKey", err)
		}
		return reply(w, struct {
			APIKeyID int64  `json:"apiKeyId"`
			Key      string `json:"key"`
		}{k.ID, text})
	})
}

func (a *api) deleteKey(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	if err := a.service.DeleteAPIKey(r.Context(), account, keyOf(r), pathID(r, "apiKeyId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
