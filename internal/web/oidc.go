package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
)

const (
	pathIssuers    = pathSignIn + "/oidc/"
	pathIdentities = pathSignInSettings + "/identities/"
	pathInvitation = root + "/invitation/"

	// issuerCookie begins the name of the cookie that binds a sign-in at an issuer to the browser.
	issuerCookie = "punctual-oidc-"

	maxToken = 100 // bytes; tokens of links are shorter
)

// A browser comes to an issuer by a link and not by a form, because the content security policy lets forms lead nowhere else:
//
//	sign in, confirm, link, accept an invitation ──▶ issuer ──▶ callback ──▶ what the errand says
func (w *web) issuerRoutes() []route {
	return []route{
		{"GET", pathIssuers + "{name}", public, signInAtIssuer},
		{"GET", pathIssuers + "{name}/callback", public, issuerCallback},
		{"GET", pathConfirm + "/oidc/{name}", signedIn, confirmAtIssuer},
		{"GET", pathIdentities + "{name}", signedIn, linkAtIssuer},
		{"POST", pathIdentities + "remove", signedIn, unlinkIdentity},
	}
}

// issuer is an issuer of OpenID Connect by which people can sign in.
type issuer struct {
	Name  string // in addresses
	Title string // on buttons
	URL   string // by which identities name it
}

// errand is what a sign-in at an issuer is for. The issuer's answer brings it back.
type errand struct {
	For        purpose `json:"for"`
	Next       string  `json:"next,omitempty"`
	Invitation string  `json:"invitation,omitempty"` // its token
	Person     int64   `json:"person,omitempty"`     // who links
}

type purpose int

const (
	toSignIn purpose = iota + 1
	toConfirm
	toLink
)

func signInAtIssuer(v *visit) error {
	e := errand{For: toSignIn, Next: v.next(), Invitation: v.r.URL.Query().Get("invitation")}
	switch s := v.actor.Session; {
	case len(e.Invitation) > maxToken:
		return cron.Missing(cron.SubjectLink)
	case e.Invitation != "" && v.foreign():
		return v.redirect(pathInvitation + url.PathEscape(e.Invitation))
	case s != nil && !s.Second && e.Invitation == "":
		return v.redirect(e.Next)
	}
	return v.toIssuer(e)
}

func confirmAtIssuer(v *visit) error {
	if v.foreign() {
		return v.redirect(withNext(pathConfirm, v.next()))
	}
	return v.toIssuer(errand{For: toConfirm, Next: v.next()})
}

func linkAtIssuer(v *visit) error {
	switch {
	case v.foreign():
		return v.redirect(pathSignInSettings)
	case !v.fresh():
		return v.redirect(withNext(pathConfirm, pathSignInSettings))
	}
	return v.toIssuer(errand{For: toLink, Person: v.actor.Person.ID})
}

// foreign tells whether another site has led the browser here. It may be one that wants a person to do what the page does
// without being asked.
func (v *visit) foreign() bool {
	from := v.r.Header.Get("Sec-Fetch-Site")
	return from != "" && from != "same-origin" && from != "none"
}

// toIssuer sends the browser to the issuer that the path names.
func (v *visit) toIssuer(e errand) error {
	carry, err := json.Marshal(e)
	if err == nil && len(carry) > auth.MaxCarry {
		e.Next = root
		carry, err = json.Marshal(e)
	}
	if err != nil {
		return err
	}
	name := v.r.PathValue("name")
	to, err := v.web.oidc.Start(v.ctx(), v.web.now(), auth.IssuerRequest{Name: name, From: v.actor.Address,
		Callback: v.baseURL() + pathIssuers + name + "/callback", Fresh: e.For == toConfirm, Carry: string(carry)})
	if err != nil {
		return v.issuerFailed(e, err)
	}
	v.setCookie(issuerCookie+name, to.State, to.Until)
	http.Redirect(v.w, v.r, to.URL, http.StatusSeeOther)
	return nil
}

// issuerCallback is where an issuer sends the browser back to.
func issuerCallback(v *visit) error {
	name, state := v.r.PathValue("name"), ""
	if cookie, err := v.r.Cookie(v.cookieName(issuerCookie + name)); err == nil {
		state = cookie.Value
		v.dropCookie(issuerCookie + name)
	}
	id, err := v.web.oidc.Finish(v.ctx(), v.web.now(), auth.IssuerAnswer{Name: name, State: state,
		Query: v.r.URL.Query(), From: v.actor.Address})
	var e errand
	_ = json.Unmarshal([]byte(id.Carry), &e) // it was sealed; without one it stays empty
	if err != nil {
		return v.issuerFailed(e, err)
	}
	if s := v.actor.Session; e.For != toSignIn && (s == nil || s.Second || e.For == toLink && v.actor.Person.ID != e.Person) {
		return v.issuerFailed(e, &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectIdentity,
			Problems: []cron.Problem{{Rule: cron.RuleIssuerState, Given: id.Config.Title}}})
	}
	if e.For == toLink {
		if err := v.web.service.LinkIdentity(v.ctx(), v.actor, id); err != nil {
			return v.issuerFailed(e, err)
		}
		return v.after(pathSignInSettings, "saved")
	}
	var in service.SignedIn
	if e.For == toConfirm {
		in, err = v.web.service.ConfirmByOIDC(v.ctx(), v.actor, id)
	} else {
		in, err = v.web.service.SignInByOIDC(v.ctx(), v.client(), id, e.Invitation)
	}
	if err != nil {
		return v.issuerFailed(e, err)
	}
	return v.enter(in, v.afterIssuer(e))
}

// afterIssuer is the page to which a sign-in at an issuer leads: that of the invitation for a person who was known, and still
// has to accept it.
func (v *visit) afterIssuer(e errand) string {
	if e.Invitation == "" {
		return e.Next
	}
	if _, err := v.web.service.Invitation(v.ctx(), e.Invitation); err != nil {
		return root
	}
	return pathInvitation + url.PathEscape(e.Invitation)
}

// issuerFailed shows the page that the person came from with what went wrong.
func (v *visit) issuerFailed(e errand, err error) error {
	fault, ok := errors.AsType[*cron.Error](err)
	if !ok || len(fault.Problems) == 0 {
		return err
	}
	status := statuses[fault.Kind]
	switch fault.Kind {
	case cron.Unauthorized, cron.Forbidden: // there is nothing that the browser could authenticate by
		status = http.StatusForbidden
	case cron.Unavailable, cron.TooMany, cron.Conflict:
	default:
		return err
	}
	if fault.Err != nil && fault.Problems[0].Rule != cron.RuleIssuerState { // which anybody can cause
		v.web.logger.WarnContext(v.ctx(), "a sign-in at an issuer failed", slog.Any("error", fault.Err))
	}
	v.retryAfter(status, fault)
	f := form{Problem: v.catalogue.Problem(fault.Problems[0])}
	s := v.actor.Session
	known := s != nil && !s.Second
	switch {
	case e.For == toConfirm && known:
		v.comeFrom(pathConfirm, e.Next)
		return v.confirmPage(status, f)
	case e.For == toLink && known:
		v.comeFrom(pathSignInSettings, "")
		if fault.Problems[0].Rule == cron.RuleFresh {
			return err
		}
		return v.signInSettingsPage(status, f)
	case e.Invitation != "":
		v.comeFrom(pathInvitation+url.PathEscape(e.Invitation), "")
		v.r.SetPathValue("token", e.Invitation)
		return v.invitationPage(status, f)
	case known: // such as one who goes back to a callback
		return v.redirect(root)
	}
	v.comeFrom(pathSignIn, e.Next)
	return v.signInPage(status, f)
}

// comeFrom makes the visit one of another page: the forms of pages lead on to where the page says that it is.
func (v *visit) comeFrom(path, next string) {
	v.r = v.r.Clone(v.ctx())
	v.r.URL = &url.URL{Path: path}
	if next != "" {
		v.r.URL.RawQuery = url.Values{"next": {next}}.Encode()
	}
}

func unlinkIdentity(v *visit) error {
	if err := v.web.service.UnlinkIdentity(v.ctx(), v.actor, v.form("issuer"), v.form("subject")); err != nil {
		return v.signInSettingsFailed(err)
	}
	return v.after(pathSignInSettings, "removed")
}
