package web

import (
	"errors"
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/service"
)

func (w *web) invitationRoutes() []route {
	return []route{
		{"GET", root + "/invitation/{token}", public, showInvitation},
		{"POST", root + "/invitation/{token}", public, acceptInvitation},
		{"POST", root + "/invitation/{token}/passkey", public, beginPasskeyOf(cron.LinkInvitation)},
	}
}

// invitationPage is for somebody who is invited into an account. Whoever is known signs in first.
type invitationPage struct {
	view
	Form       form
	Invitation service.Invitation
	Passkeys   bool
	Action     string
	Someone    *cron.Person // who is signed in
	Issuers    []issuer
	Token      string
}

func showInvitation(v *visit) error { return v.invitationPage(http.StatusOK, newForm()) }

func (v *visit) invitationPage(status int, f form) error {
	token := v.r.PathValue("token")
	i, err := v.web.service.Invitation(v.ctx(), token)
	if err != nil {
		return err
	}
	p := invitationPage{view: v.plainView(), Form: f, Invitation: i, Action: v.r.URL.Path, Passkeys: v.passkeys(),
		Issuers: v.web.issuers, Token: token}
	if s := v.actor.Session; s != nil && !s.Second {
		p.Someone = v.actor.Person
	}
	if p.Form.values == nil || p.Form.Value("email") == "" { // it cannot be changed
		p.Form = p.Form.with("email", i.Email)
	}
	return v.render(status, "invitation", p)
}

func acceptInvitation(v *visit) error {
	actor := v.actor
	if s := actor.Session; s != nil && s.Second {
		return errSignIn
	}
	in, err := v.web.service.AcceptInvitation(v.ctx(), v.client(), actor, v.r.PathValue("token"), v.personForm())
	if err == nil {
		if in.Token == "" { // the session goes on
			return v.redirect(root)
		}
		return v.enter(in, root)
	}
	if e, ok := errors.AsType[*cron.Error](err); ok && len(e.Problems) > 0 && e.Problems[0].Rule == cron.RuleSignInFirst {
		return v.redirect(withNext(pathSignIn, v.r.URL.Path))
	}
	f, status, err := v.rejectedSignIn(err, "password", "name")
	if err != nil {
		return err
	}
	return v.invitationPage(status, f)
}
