package web

import (
	"net/http"

	"punctual/internal/service"
)

func (w *web) lostPasswordRoutes() []route {
	return []route{
		{"GET", root + "/lost-password", public, showLostPassword},
		{"POST", root + "/lost-password", public, lostPassword},
		{"GET", root + "/password/{token}", public, showReset},
		{"POST", root + "/password/{token}", public, resetPassword},
	}
}

// sendPage asks for the e-mail address to which a link is sent, and then says so. That tells nobody whether the address is
// known.
type sendPage struct {
	view
	Form form
	Mail bool
	Sent string // the address
}

func showLostPassword(v *visit) error { return v.lostPasswordPage(http.StatusOK, newForm(), "") }

func (v *visit) lostPasswordPage(status int, f form, sent string) error {
	return v.render(status, "lost-password", sendPage{v.plainView(), f, v.web.service.Features().Mail, sent})
}

func lostPassword(v *visit) error {
	if err := v.web.service.LostPassword(v.ctx(), v.client(), v.form("email")); err != nil {
		f, status, err := v.rejected(err, "email")
		if err != nil {
			return err
		}
		return v.lostPasswordPage(status, f, "")
	}
	return v.lostPasswordPage(http.StatusOK, newForm(), v.form("email"))
}

// resetPage sets another password.
type resetPage struct {
	view
	Form form
	Link service.LinkInfo
}

func showReset(v *visit) error { return v.resetPage(http.StatusOK, newForm()) }

func (v *visit) resetPage(status int, f form) error {
	link, err := v.web.service.PasswordLink(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	return v.render(status, "reset", resetPage{v.plainView(), f, link})
}

func resetPassword(v *visit) error {
	in, err := v.web.service.ResetPassword(v.ctx(), v.client(), v.r.PathValue("token"), v.form("password"))
	if err != nil {
		f, status, err := v.rejected(err, "password")
		if err != nil {
			return err
		}
		return v.resetPage(status, f)
	}
	return v.enter(in, root)
}
