package web

import (
	"io"
	"net/http"
	"time"

	"punctual/internal/cron"
	"punctual/internal/download"
)

const pathAccount = root + "/settings/account"

func (w *web) accountRoutes() []route {
	return []route{
		{"GET", pathAccount, signedIn, showAccount},
		{"POST", pathAccount, signedIn, changeAccount},
		{"GET", pathAccount + "/export", signedIn, exportAccount},
		{"POST", pathAccount + "/delete", signedIn, deleteAccount},
		{"POST", pathAccount + "/keep", signedIn, keepAccount},
	}
}

// accountPage is what an owner may do with an account.
type accountPage struct {
	view
	Form, DeleteForm form
}

func showAccount(v *visit) error { return v.accountPage(http.StatusOK, accountPage{}) }

func (v *visit) accountPage(status int, p accountPage) error {
	var err error
	if p.view, err = v.view("account"); err != nil {
		return err
	}
	if !p.May("owner") {
		return needsRole(cron.RoleOwner)
	}
	if p.Form.values == nil {
		p.Form = newForm("title", p.Account.Title)
	}
	return v.render(status, "account", p)
}

func changeAccount(v *visit) error {
	if err := v.web.service.Rename(v.ctx(), v.actor, v.form("title")); err != nil {
		f, status, err := v.rejected(err, "title")
		if err != nil {
			return err
		}
		return v.accountPage(status, accountPage{Form: f})
	}
	return v.after(pathAccount, "saved")
}

// exportAccount sends all data of the account as a file. It may be long, so nothing of it is kept in memory.
func exportAccount(v *visit) error {
	if !v.web.exports.Enter(v.actor.Person.ID, personExports) {
		return busy()
	}
	defer v.web.exports.Leave(v.actor.Person.ID)
	name := "punctual-" + v.web.now().UTC().Format(time.DateOnly) + ".json"
	return download.JSON(v.w, v.r, name, v.web.logger, func(out io.Writer) error {
		return v.web.service.Export(v.ctx(), v.actor, out)
	})
}

func deleteAccount(v *visit) error {
	if _, err := v.web.service.RequestDeletion(v.ctx(), v.actor, v.form("typed")); err != nil {
		f, status, err := v.rejected(err, "typed")
		if err != nil {
			return err
		}
		return v.accountPage(status, accountPage{DeleteForm: f})
	}
	return v.redirect(pathAccount)
}

func keepAccount(v *visit) error {
	if err := v.web.service.CancelDeletion(v.ctx(), v.actor); err != nil {
		return err
	}
	return v.after(pathAccount, "kept")
}
