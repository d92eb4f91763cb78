package web

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"punctual/internal/cron"
)

const pathKeys = root + "/settings/keys"

func (w *web) keyRoutes() []route {
	return []route{
		{"GET", pathKeys, signedIn, showKeys},
		{"POST", pathKeys, signedIn, createKey},
		{"POST", pathKeys + "/{id}/revoke", signedIn, revokeKey},
	}
}

// keysPage lists the API keys of an account.
type keysPage struct {
	view
	Form form
	Keys []keyRow
	List listing
	New  string // a key that was just made, which is shown this once
}

// keyRow is an API key as the page shows it.
type keyRow struct {
	cron.APIKey
	Maker   string
	Expired bool
}

func showKeys(v *visit) error { return v.keysPage(http.StatusOK, newForm("scopes", "all"), "") }

func (v *visit) keysPage(status int, f form, text string) error {
	p := keysPage{Form: f, New: text}
	var err error
	if p.view, err = v.view("keys"); err != nil {
		return err
	}
	keys, err := v.web.service.APIKeys(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	makers := map[int64]string{}
	people, err := v.web.service.People(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	for _, m := range people {
		makers[m.PersonID] = p.PersonName(m.Person)
	}
	keys, p.List = paged(v, keys, func(k cron.APIKey) int64 { return k.ID }, func(k cron.APIKey) []string { return []string{k.Title, k.Hint} })
	for _, k := range keys {
		p.Keys = append(p.Keys, keyRow{k, makers[k.MadeBy], !k.Usable(v.web.now())})
	}
	return v.render(status, "keys", p)
}

// Rights says what a key may do.
func (p keysPage) Rights(k keyRow) string {
	switch {
	case k.Role == cron.RoleNone:
		return p.labels.Label("keys.nothing")
	case k.Role == cron.RoleViewer || k.Scopes == cron.ScopeRead:
		return p.labels.Label("keys.read")
	case k.Scopes == cron.ScopeAll:
		return p.labels.Label("keys.all")
	}
	return p.labels.Label("keys.write")
}

func createKey(v *visit) error {
	text, err := v.web.service.CreateAPIKey(v.ctx(), v.web.now(), v.actor, v.fillKey)
	if err != nil {
		f, status, err := v.rejected(err, "title", "expires", "allowFrom")
		if err != nil {
			return err
		}
		return v.keysPage(status, f, "")
	}
	return v.keysPage(http.StatusOK, newForm("scopes", "all"), text)
}

// fillKey reads the form of a key.
func (v *visit) fillKey(k *cron.APIKey) error {
	var c cron.Checker
	k.Title = v.form("title")
	if strings.TrimSpace(k.Title) == "" {
		c.Add("/title", cron.Problem{Rule: cron.RuleMandatory})
	}
	switch v.form("scopes") {
	case "read":
		k.Scopes = cron.ScopeRead
	case "write":
		k.Scopes = cron.ScopeRead | cron.ScopeWrite
	default:
		k.Scopes = cron.ScopeAll
	}
	if day := v.form("expires"); day != "" { // the last day of the key
		last, err := time.ParseInLocation(time.DateOnly, day, v.plainView().zone)
		if err != nil {
			c.Add("/expires", cron.Problem{Rule: cron.RuleDate, Given: day})
		}
		k.Expires = last.AddDate(0, 0, 1)
	}
	for _, text := range strings.Fields(strings.ReplaceAll(v.form("allowFrom"), ",", " ")) {
		prefix, ok := cron.ParsePrefix(text)
		if !ok {
			c.Add("/allowFrom", cron.Problem{Rule: cron.RuleAddressRange, Given: text})
			prefix = netip.Prefix{}
		}
		k.AllowFrom = append(k.AllowFrom, prefix)
	}
	k.Operator = v.form("operator") != ""
	return c.Err()
}

func revokeKey(v *visit) error {
	if err := v.web.service.DeleteAPIKey(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	return v.after(pathKeys, "revoked")
}
