package web

import "net/http"

func (w *web) startRoutes() []route {
	return []route{
		{"POST", root + "/account", signedIn, switchAccount},
		{"GET", root + "/settings", signedIn, showSettings},
	}
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
