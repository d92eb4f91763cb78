package web

import (
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/service"
)

func (w *web) setupRoutes() []route {
	return []route{
		{"GET", root + "/setup/{token}", public, showSetup},
		{"POST", root + "/setup/{token}", public, setUp},
		{"POST", root + "/setup/{token}/passkey", public, beginPasskeyOf(cron.LinkSetup)},
	}
}

// setupPage is for the first person, who becomes the operator of the service, or for one that sets a new password.
type setupPage struct {
	view
	Form     form
	Link     service.LinkInfo
	Passkeys bool
	Action   string
}

func showSetup(v *visit) error {
	link, err := v.web.service.SetupLink(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	return v.setupPage(http.StatusOK, link, newForm("email", link.Email))
}

func (v *visit) setupPage(status int, link service.LinkInfo, f form) error {
	return v.render(status, "setup", setupPage{view: v.plainView(), Form: f, Link: link, Action: v.r.URL.Path,
		Passkeys: v.passkeys()})
}

func setUp(v *visit) error {
	in, err := v.web.service.SetUpOperator(v.ctx(), v.client(), v.r.PathValue("token"), v.personForm())
	if err == nil {
		return v.enter(in, root)
	}
	f, status, err := v.rejectedSignIn(err, "email", "password")
	if err != nil {
		return err
	}
	link, err := v.web.service.SetupLink(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	return v.setupPage(status, link, f)
}

// personForm is what somebody new gives.
func (v *visit) personForm() service.PersonForm {
	f := service.PersonForm{
		Email: v.form("email"), Password: v.form("password"), Name: v.form("name"), Zone: v.form("zone"),
		Language: "",
	}
	if response := v.form("response"); response != "" {
		f.Passkey = v.passkeyAnswer()
	}
	return f
}

// passkeyAnswer is what the script of the page sends when it has registered a passkey. Its title is the name of the
// authenticator, as far as that is known.
func (v *visit) passkeyAnswer() *service.PasskeyAnswer {
	return &service.PasskeyAnswer{State: v.form("state"), Response: []byte(v.form("response"))}
}
