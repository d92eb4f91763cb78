package web

import (
	"log/slog"
	"net/http"
	"time"

	"punctual/internal/cron"
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

// exportStall is how long a browser may take for a part of a file.
const exportStall = 30 * time.Second

// exportAccount sends all data of the account as a file. It may be long, so nothing of it is kept in memory.
func exportAccount(v *visit) error {
	if !v.web.exports.Enter(v.actor.Person.ID, personExports) {
		return busy()
	}
	defer v.web.exports.Leave(v.actor.Person.ID)
	file := &download{w: v.w, connection: http.NewResponseController(v.w),
		name: "punctual-" + v.web.now().UTC().Format(time.DateOnly) + ".json"}
	err := v.web.service.Export(v.ctx(), v.actor, file)
	if err == nil || !file.begun {
		return err
	}
	if v.ctx().Err() == nil {
		v.web.logger.WarnContext(v.ctx(), "an export was broken off", slog.Any("error", err))
	}
	panic(http.ErrAbortHandler) // so that the browser does not take a part for the whole
}

// download is a file of JSON that is sent. Its headers are set with its first byte: until then an error can be a page. The
// browser has some time for each part, and not for the whole.
type download struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	name       string
	begun      bool
}

// Write sends a part of the file.
func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		_ = d.connection.SetReadDeadline(time.Time{}) // the server's would end the request
		d.w.Header().Set("Content-Type", "application/json")
		d.w.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
	_ = d.connection.SetWriteDeadline(time.Now().Add(exportStall)) // not supported where nothing can stall
	return d.w.Write(p)
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
