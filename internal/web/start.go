package web

import (
	"net/http"

	"punctual/internal/service"
)

func (w *web) startRoutes() []route {
	return []route{
		{"GET", root, signedIn, showStart},
		{"POST", root + "/account", signedIn, switchAccount},
		{"GET", root + "/settings", signedIn, showSettings},
	}
}

// startPage is the first page after the sign-in.
type startPage struct {
	view
	Standing service.Standing
	BaseURL  string
}

func showStart(v *visit) error {
	p := startPage{BaseURL: v.baseURL()}
	var err error
	if p.view, err = v.view("overview"); err != nil {
		return err
	}
	if p.Account.ID != 0 && !p.Account.Disabled {
		if p.Standing, err = v.web.service.Standing(v.ctx(), v.actor); err != nil {
			return err
		}
	}
	return v.render(http.StatusOK, "start", p)
}

// switchAccount makes the session look at another account.
func switchAccount(v *visit) error {
	if err := v.web.service.SwitchAccount(v.ctx(), v.actor, parseID(v.form("account"))); err != nil {
		return err
	}
	return v.redirect(root)
}

// showSettings lists the settings, for phones, whose navigation has no room for them.
func showSettings(v *visit) error {
	p, err := v.view("settings")
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "settings", p)
}
