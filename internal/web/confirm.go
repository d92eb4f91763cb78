package web

import (
	"net/http"

	"punctual/internal/service"
)

func (w *web) confirmRoutes() []route {
	return []route{
		{"GET", pathConfirm, signedIn, showConfirm},
		{"POST", pathConfirm, signedIn, confirm},
		{"POST", pathConfirm + "/passkey", signedIn, confirmByPasskey},
		{"POST", pathConfirm + "/passkey/begin", signedIn, beginConfirm},
	}
}

// confirmPage asks a person who is signed in to prove again who they are.
type confirmPage struct {
	view
	Form     form
	Profile  service.Profile
	Passkeys bool
	Linked   []issuer // that know the person
}

func showConfirm(v *visit) error { return v.confirmPage(http.StatusOK, newForm()) }

func (v *visit) confirmPage(status int, f form) error {
	p := confirmPage{Form: f, Passkeys: v.passkeys()}
	var err error
	if p.view, err = v.view(""); err != nil {
		return err
	}
	p.Profile = v.profile
	for _, i := range v.web.issuers {
		for _, known := range p.Profile.Identities {
			if known.Issuer == i.URL {
				p.Linked = append(p.Linked, i)
			}
		}
	}
	return v.render(status, "confirm", p)
}

func confirm(v *visit) error {
	in, err := v.web.service.Confirm(v.ctx(), v.actor, service.Proof{Password: v.form("password"), Code: v.form("code")})
	return v.confirmed(in, err)
}

func confirmByPasskey(v *visit) error {
	in, err := v.web.service.ConfirmByPasskey(v.ctx(), v.actor, v.form("state"), []byte(v.form("response")))
	return v.confirmed(in, err)
}

func (v *visit) confirmed(in service.SignedIn, err error) error {
	if err == nil {
		return v.enter(in, v.next())
	}
	f, status, err := v.rejectedSignIn(err, "password", "code")
	if err != nil {
		return err
	}
	return v.confirmPage(status, f)
}

func beginConfirm(v *visit) error {
	return v.begin(v.web.service.BeginConfirm(v.ctx(), v.actor, v.baseURL()))
}
