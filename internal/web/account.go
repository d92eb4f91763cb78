package web

import (
	"io"
	"log/slog"
	"net/http"
	"time"
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
	w := &download{ResponseWriter: v.w, name: "punctual-" + v.web.now().UTC().Format(time.DateOnly) + ".json"}
	err := v.web.service.Export(v.ctx(), v.actor, w)
	if err != nil && w.begun {
		v.web.logger.ErrorContext(v.ctx(), "an export ended early", slog.Any("error", err))
		panic(http.ErrAbortHandler) // so that the browser does not take a part for the whole
	}
	return err
}

// download sets the headers of a file with its first byte: until then an error can be a page.
type download struct {
	http.ResponseWriter
	name  string
	begun bool
}

var _ io.Writer = (*download)(nil)

// Write sends a part of the file.
func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.Header().Set("Content-Type", "application/json")
		d.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
	return d.ResponseWriter.Write(p)
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
