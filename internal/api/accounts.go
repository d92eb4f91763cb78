package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// managedAccount is an account as the operator of the service sees it. Times are Unix seconds.
type managedAccount struct {
	AccountID       int64            `json:"accountId"`
	Email           string           `json:"email"`
	Title           string           `json:"title"`
	Plan            string           `json:"plan"`
	Limits          map[string]int64 `json:"limits"` // those that differ from the plan
	PrivateNetworks bool             `json:"privateNetworks"`
	Enabled         bool             `json:"enabled"`
	Created         int64            `json:"created"`
	Deletes         *int64           `json:"deletes"`
}

func newManagedAccount(a *cron.Account) managedAccount {
	limits := map[string]int64{}
	maps.Copy(limits, a.Overrides)
	return managedAccount{
		a.ID, a.Email, a.Title, a.Plan, limits, a.Access == cron.AccessAll, !a.Disabled, a.Created.Unix(),
		wire.UnixOrNull(a.Deletes),
	}
}

func (a *api) listAccounts(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	accounts, err := a.service.Accounts(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		Accounts []managedAccount `json:"accounts"`
		Next     *string          `json:"next"`
	}{Accounts: make([]managedAccount, len(accounts))}
	for i := range accounts {
		answer.Accounts[i] = newManagedAccount(&accounts[i])
	}
	return reply(w, answer)
}

func (a *api) getManagedAccount(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	account, err := a.service.Account(r.Context(), actor, accountName(r))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Account managedAccount `json:"account"`
	}{newManagedAccount(&account)})
}

// accountName is the account of the path as the service takes it: by its number, and never the empty name.
func accountName(r *http.Request) string { return strconv.FormatInt(pathID(r, "accountId"), 10) }

// accountForm is what an operator may set of an account. A nil member is not given.
type accountForm struct {
	email           string
	plan            *string
	limits          cron.Overrides
	privateNetworks *bool
	enabled         *bool
}

func (a *api) readAccountForm(w http.ResponseWriter, r *http.Request) (accountForm, error) {
	body, outer, err := wire.ReadMember(w, r, accountBody, "account")
	if err != nil {
		return accountForm{}, err
	}
	var (
		p wire.Problems
		f accountForm
	)
	o := wire.NewObject(body, "/account", &p)
	o.Skip("accountId", "title", "created", "deletes")
	o.Text("email", &f.email)
	f.plan = given(o, "plan", wire.Object.Text)
	f.privateNetworks = given(o, "privateNetworks", wire.Object.Boolean)
	f.enabled = given(o, "enabled", wire.Object.Boolean)
	if o.Has("limits") {
		f.limits = cron.Overrides{}
		limits := o.Object("limits")
		limits.All(func(name string, _ json.RawMessage) {
			var n int64
			wire.Integer(limits, name, &n, 0, wire.MaxID)
			f.limits[name] = n
		})
	}
	a.tellIgnored(w, r, outer, "", p.Unread())
	return f, p.Err()
}

// given reads a member, and is nil when it is absent.
func given[T any](o wire.Object, name string, read func(o wire.Object, name string, to *T)) *T {
	if !o.Has(name) {
		return nil
	}
	to := new(T)
	read(o, name, to)
	return to
}

func (a *api) createAccount(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	f, err := a.readAccountForm(w, r)
	if err != nil {
		return err
	}
	plan, access := cron.PlanDefault, cron.AccessAll
	if f.plan != nil {
		plan = *f.plan
	}
	if f.privateNetworks != nil {
		access = accessOf(*f.privateNetworks)
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		account, err := a.service.CreateAccount(ctx, actor, f.email, plan, access)
		if err != nil {
			return cron.Under("/account", err)
		}
		return reply(w, struct {
			AccountID int64 `json:"accountId"`
		}{account.ID})
	})
}

// accessOf is which networks the jobs of an account may reach.
func accessOf(private bool) cron.Access {
	if private {
		return cron.AccessAll
	}
	return cron.AccessGlobal
}

func (a *api) changeAccount(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	f, err := a.readAccountForm(w, r)
	if err != nil {
		return err
	}
	change := service.AccountChange{Plan: f.plan, Overrides: f.limits, Enabled: f.enabled}
	if f.privateNetworks != nil {
		change.Access = new(accessOf(*f.privateNetworks))
	}
	err = a.service.ChangeAccount(r.Context(), actor, accountName(r), change)
	if e, ok := errors.AsType[*cron.LimitError](err); ok {
		problem := e.Problem
		problem.Pointer = wire.Pointer("limits", e.Name)
		err = wire.Invalid(problem)
	}
	if err != nil {
		return cron.Under("/account", err)
	}
	return reply(w, struct{}{})
}

// deleteAccount deletes an account in 7 days, or at once if the query says so.
func (a *api) deleteAccount(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p   wire.Problems
		now bool
	)
	wire.Query(r, &p).Boolean("now", &now)
	if err := p.Err(); err != nil {
		return err
	}
	if err := a.service.DeleteAccount(r.Context(), actor, accountName(r), now); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
