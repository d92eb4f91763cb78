package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

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
	MadeBy    *int64         `json:"madeBy"` // a person; null for a command, or somebody who has left
	Role      string         `json:"role"`
	Operator  bool           `json:"operator"`
}

func newAPIKey(k, current *cron.APIKey) apiKey {
	answer := apiKey{
		APIKeyID: k.ID, Title: k.Title, Hint: k.Hint, Enabled: !k.Disabled, Current: current != nil && k.ID == current.ID,
		Scopes: scopeList(k.Scopes), AllowFrom: append([]netip.Prefix{}, k.AllowFrom...), Created: k.Created.Unix(),
		LastUsed: wire.UnixOrNull(k.LastUsed), Expires: wire.UnixOrNull(k.Expires), Role: k.Role.String(), Operator: k.Operator,
	}
	if k.MadeBy != 0 {
		answer.MadeBy = new(k.MadeBy)
	}
	return answer
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
	if o.Has(name) {
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

func (a *api) listKeys(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	keys, err := a.service.APIKeys(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		Keys []apiKey `json:"apiKeys"`
	}{make([]apiKey, len(keys))}
	for i := range keys {
		answer.Keys[i] = newAPIKey(&keys[i], actor.Key)
	}
	return reply(w, answer)
}

// createKey makes a key and shows it, this once.
func (a *api) createKey(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, keyBody, "apiKey")
	if err != nil {
		return err
	}
	key, text, err := a.service.NewAPIKey(a.now(), actor, func(k *cron.APIKey) error {
		var p wire.Problems
		o := wire.NewObject(body, "", &p)
		o.Skip("apiKeyId", "hint", "current", "created", "lastUsed", "madeBy", "role")
		o.Text("title", &k.Title)
		readScopes(o, "scopes", &k.Scopes)
		readPrefixes(o, "allowFrom", &k.AllowFrom)
		wire.Instant(o, "expires", &k.Expires)
		o.Boolean("operator", &k.Operator)
		a.tellIgnored(w, r, outer, "/apiKey", p.Unread())
		return p.Err()
	})
	if err != nil {
		return cron.Under("/apiKey", err)
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		if err := a.service.AddAPIKey(ctx, actor, &key); err != nil {
			return cron.Under("/apiKey", err)
		}
		return reply(w, struct {
			APIKeyID int64  `json:"apiKeyId"`
			Key      string `json:"key"`
		}{key.ID, text})
	})
}

func (a *api) deleteKey(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteAPIKey(r.Context(), actor, pathID(r, "apiKeyId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
