package web

import (
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/service"
)

func (w *web) signUpRoutes() []route {
	return []route{
		{"GET", root + "/sign-up", public, showSignUp},
		{"POST", root + "/sign-up", public, signUp},
		{"GET", root + "/sign-up/{token}", public, showCompleteSignUp},
		{"POST", root + "/sign-up/{token}", public, completeSignUp},
		{"POST", root + "/sign-up/{token}/passkey", public, beginPasskeyOf(cron.LinkSignUp)},
	}
}

func showSignUp(v *visit) error { return v.signUpPage(http.StatusOK, newForm(), "") }

func (v *visit) signUpPage(status int, f form, sent string) error {
	features := v.web.service.Features()
	if !features.SignUp {
		return &cron.Error{Kind: cron.Forbidden, Problems: []cron.Problem{{Rule: cron.RuleSignUpClosed}}}
	}
	return v.render(status, "sign-up", sendPage{v.plainView(), f, features.Mail, sent})
}

func signUp(v *visit) error {
	if err := v.web.service.SignUp(v.ctx(), v.client(), v.form("email")); err != nil {
		f, status, err := v.rejected(err, "email")
		if err != nil {
			return err
		}
		return v.signUpPage(status, f, "")
	}
	return v.signUpPage(http.StatusOK, newForm(), v.form("email"))
}

// completeSignUpPage is for somebody whose address is confirmed.
type completeSignUpPage struct {
	view
	Form     form
	Link     service.LinkInfo
	Passkeys bool
	Action   string
}

func showCompleteSignUp(v *visit) error { return v.completeSignUpPage(http.StatusOK, newForm()) }

func (v *visit) completeSignUpPage(status int, f form) error {
	link, err := v.web.service.SignUpLink(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	return v.render(status, "complete-sign-up", completeSignUpPage{view: v.plainView(), Form: f.with("email", link.Email),
		Link: link, Passkeys: v.passkeys(), Action: v.r.URL.Path})
}

func completeSignUp(v *visit) error {
	in, err := v.web.service.CompleteSignUp(v.ctx(), v.client(), v.r.PathValue("token"), v.personForm())
	if err != nil {
		f, status, err := v.rejectedSignIn(err, "password", "name")
		if err != nil {
			return err
		}
		return v.completeSignUpPage(status, f)
	}
	return v.enter(in, root)
}
