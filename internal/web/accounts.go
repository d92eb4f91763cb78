package web

import (
	"net/http"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/service"
)

const (
	pathAccounts = root + "/settings/accounts"
	pathEveryone = root + "/settings/everyone"
)

func (w *web) operatorRoutes() []route {
	return []route{
		{"GET", pathAccounts, signedIn, showAccounts},
		{"POST", pathAccounts, signedIn, createAccount},
		{"POST", pathAccounts + "/{id}/plan", signedIn, changePlan},
		{"POST", pathAccounts + "/{id}/enable", signedIn, enableAccount(true)},
		{"POST", pathAccounts + "/{id}/disable", signedIn, enableAccount(false)},
		{"POST", pathAccounts + "/{id}/delete", signedIn, deleteAccountOf},
		{"GET", pathEveryone, signedIn, showEveryone},
		{"POST", pathEveryone + "/{id}/enable", signedIn, enablePerson(true)},
		{"POST", pathEveryone + "/{id}/disable", signedIn, enablePerson(false)},
		{"POST", pathEveryone + "/{id}/operator", signedIn, makeOperator(true)},
		{"POST", pathEveryone + "/{id}/no-operator", signedIn, makeOperator(false)},
	}
}

// accountsPage lists all accounts of the service, for its operators.
type accountsPage struct {
	view
	Form form
	All  []cron.Account
	List listing

	plans []string
}

func showAccounts(v *visit) error {
	return v.accountsPage(http.StatusOK, newForm("plan", cron.PlanDefault))
}

func (v *visit) accountsPage(status int, f form) error {
	p := accountsPage{Form: f, plans: v.web.plans}
	var err error
	if p.view, err = v.view("accounts"); err != nil {
		return err
	}
	all, err := v.web.service.Accounts(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	p.All, p.List = paged(v, all, func(a cron.Account) int64 { return a.ID }, func(a cron.Account) []string { return []string{a.Title, a.Email} })
	return v.render(status, "accounts", p)
}

// planList is a list of plans for an account, to choose from.
type planList struct {
	ID     int64
	Plans  []string
	Chosen string
}

// PlanList offers the plans, with that of the account chosen.
func (p accountsPage) PlanList(a cron.Account) planList {
	return planList{a.ID, p.plans, a.Plan}
}

// NewAccount is an account that is still to be made.
func (p accountsPage) NewAccount() cron.Account { return cron.Account{Plan: p.Form.Value("plan")} }

// accountsFailed shows the page again with what went wrong.
func (v *visit) accountsFailed(err error) error {
	f, status, err := v.rejected(err, "email", "plan")
	if err != nil {
		return err
	}
	return v.accountsPage(status, f)
}

func createAccount(v *visit) error {
	access := cron.AccessAll
	if v.form("public") != "" {
		access = cron.AccessGlobal
	}
	if _, err := v.web.service.CreateAccount(v.ctx(), v.actor, v.form("email"), v.form("plan"), access); err != nil {
		return v.accountsFailed(err)
	}
	return v.after(pathAccounts, "saved")
}

// accountOfPath is the account that the path names, as the service takes it.
func (v *visit) accountOfPath() string { return strconv.FormatInt(v.pathID("id"), 10) }

// changePlan keeps the limits that differ for the account.
func changePlan(v *visit) error {
	account, err := v.web.service.Account(v.ctx(), v.actor, v.accountOfPath())
	if err != nil {
		return err
	}
	change := service.PlanChange{Plan: v.form("plan"), Overrides: account.Overrides}
	if err := v.web.service.SetPlan(v.ctx(), v.actor, v.accountOfPath(), change); err != nil {
		return v.accountsFailed(err)
	}
	return v.after(pathAccounts, "saved")
}

func enableAccount(enabled bool) handler {
	return func(v *visit) error {
		if err := v.web.service.SetAccountEnabled(v.ctx(), v.actor, v.accountOfPath(), enabled); err != nil {
			return v.accountsFailed(err)
		}
		return v.after(pathAccounts, "saved")
	}
}

// deleteAccountOf deletes an account in seven days.
func deleteAccountOf(v *visit) error {
	if err := v.web.service.DeleteAccount(v.ctx(), v.actor, v.accountOfPath(), false); err != nil {
		return v.accountsFailed(err)
	}
	return v.after(pathAccounts, "saved")
}

// everyonePage lists all people of the service, for its operators.
type everyonePage struct {
	view
	Form form
	All  []cron.Person
	List listing
}

func showEveryone(v *visit) error { return v.everyonePage(http.StatusOK, newForm()) }

func (v *visit) everyonePage(status int, f form) error {
	p := everyonePage{Form: f}
	var err error
	if p.view, err = v.view("everyone"); err != nil {
		return err
	}
	all, err := v.web.service.AllPeople(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	p.All, p.List = paged(v, all, func(p cron.Person) int64 { return p.ID }, func(p cron.Person) []string { return []string{p.Name, p.Email} })
	return v.render(status, "everyone", p)
}

func enablePerson(enabled bool) handler {
	return func(v *visit) error {
		return v.changedEveryone(v.web.service.SetPersonEnabled(v.ctx(), v.actor, v.pathID("id"), enabled))
	}
}

func makeOperator(operator bool) handler {
	return func(v *visit) error {
		return v.changedEveryone(v.web.service.SetPersonOperator(v.ctx(), v.actor, v.pathID("id"), operator))
	}
}

func (v *visit) changedEveryone(err error) error {
	if err == nil {
		return v.after(pathEveryone, "saved")
	}
	f, status, err := v.rejected(err)
	if err != nil {
		return err
	}
	return v.everyonePage(status, f)
}
