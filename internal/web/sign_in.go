package web

import (
	"errors"
	"net/http"
	"slices"

	"punctual/internal/cron"
	"punctual/internal/service"
)

func (w *web) signInRoutes() []route {
	return []route{
		{"GET", pathSignIn, public, showSignIn},
		{"POST", pathSignIn, public, signIn},
		{"GET", pathCode, half, showCode},
		{"POST", pathCode, half, enterCode},
		{"POST", root + "/sign-out", half, signOut},
	}
}

// signInPage asks for an e-mail address and a password, or offers other ways.
type signInPage struct {
	view
	Form     form
	Features service.Features
	Passkeys bool
	Issuers  []issuer
	IsSetUp  bool // somebody can sign in
}

func showSignIn(v *visit) error {
	if s := v.actor.Session; s != nil && !s.Second {
		return v.redirect(v.next())
	}
	return v.signInPage(http.StatusOK, newForm())
}

func (v *visit) signInPage(status int, f form) error {
	isSetUp, err := v.web.isSetUp(v.ctx())
	if err != nil {
		return err
	}
	return v.render(status, "sign-in", signInPage{view: v.plainView(), Form: f, Features: v.web.service.Features(),
		Passkeys: v.passkeys(), Issuers: v.web.issuers, IsSetUp: isSetUp})
}

func signIn(v *visit) error {
	in, err := v.web.service.SignIn(v.ctx(), v.client(), v.form("email"), v.form("password"))
	if err != nil {
		return v.signInFailed(err)
	}
	return v.enter(in, v.next())
}

// signInFailed shows the page of the sign-in again with what went wrong.
func (v *visit) signInFailed(err error) error {
	f, status, err := v.rejectedSignIn(err)
	if err != nil {
		return err
	}
	return v.signInPage(status, f)
}

// rejectedSignIn is rejected for forms with proofs of identity, whose errors may also be of the kinds Unauthorized and
// Forbidden: they are about what was typed.
func (v *visit) rejectedSignIn(err error, fields ...string) (f form, status int, _ error) {
	rules := []cron.Rule{cron.RuleSignIn, cron.RuleCode, cron.RuleCodeUsed, cron.RulePasskey, cron.RuleChallengeUsed}
	if e, ok := errors.AsType[*cron.Error](err); ok && len(e.Problems) > 0 && slices.Contains(rules, e.Problems[0].Rule) {
		typed := *e
		typed.Kind = cron.Invalid
		err = &typed
	}
	return v.rejected(err, fields...)
}

// codePage asks for the second factor.
type codePage struct {
	view
	Form form
}

func showCode(v *visit) error {
	if !v.actor.Session.Second {
		return v.redirect(v.next())
	}
	return v.render(http.StatusOK, "code", codePage{v.plainView(), newForm()})
}

func enterCode(v *visit) error {
	in, left, err := v.web.service.SecondFactor(v.ctx(), v.actor, v.form("code"))
	if err != nil {
		f, status, err := v.rejectedSignIn(err, "code")
		if err != nil {
			return err
		}
		return v.render(status, "code", codePage{v.plainView(), f})
	}
	if left >= 0 { // a recovery code was used, and the person should know how many are left
		return v.enter(in, pathSignInSettings+"?done=recovered")
	}
	return v.enter(in, v.next())
}

func signOut(v *visit) error {
	if err := v.web.service.SignOut(v.ctx(), v.actor); err != nil {
		return err
	}
	v.dropCookie("punctual")
	return v.after(pathSignIn, "signed-out")
}
