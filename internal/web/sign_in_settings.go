package web

import (
	"encoding/base64"
	"html/template"
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/service"
)

const pathSignInSettings = root + "/settings/sign-in"

func (w *web) signInSettingsRoutes() []route {
	return []route{
		{"GET", pathSignInSettings, signedIn, showSignInSettings},
		{"POST", pathSignInSettings + "/password", signedIn, changePassword},
		{"POST", pathSignInSettings + "/password/remove", signedIn, removePassword},
		{"POST", pathSignInSettings + "/totp", signedIn, beginTOTP},
		{"POST", pathSignInSettings + "/totp/enable", signedIn, enableTOTP},
		{"POST", pathSignInSettings + "/totp/disable", signedIn, disableTOTP},
		{"POST", pathSignInSettings + "/recovery-codes", signedIn, newRecoveryCodes},
		{"POST", pathSignInSettings + "/passkeys", signedIn, addPasskey},
		{"POST", pathSignInSettings + "/passkeys/begin", signedIn, beginPasskey},
		{"POST", pathSignInSettings + "/passkeys/{id}", signedIn, renamePasskey},
		{"POST", pathSignInSettings + "/passkeys/{id}/remove", signedIn, deletePasskey},
	}
}

// signInSettingsPage lists the ways by which a person signs in.
type signInSettingsPage struct {
	view
	Form       form
	Profile    service.Profile
	Passkeys   bool
	Identities []linkedIdentity
	Unlinked   []issuer // that do not know the person
}

// linkedIdentity is an identity with the name of its issuer.
type linkedIdentity struct {
	cron.Identity
	Name string
}

func showSignInSettings(v *visit) error { return v.signInSettingsPage(http.StatusOK, newForm()) }

func (v *visit) signInSettingsPage(status int, f form) error {
	p := signInSettingsPage{Form: f, Passkeys: v.passkeys()}
	var err error
	if p.view, err = v.view("sign-in"); err != nil {
		return err
	}
	p.Profile = v.profile
	names, linked := map[string]string{}, map[string]bool{}
	for _, i := range v.web.issuers {
		names[i.URL] = i.Title
	}
	for _, id := range p.Profile.Identities {
		name, ok := names[id.Issuer]
		if !ok {
			name = id.Issuer // one that is not configured any more
		}
		p.Identities = append(p.Identities, linkedIdentity{id, name})
		linked[id.Issuer] = true
	}
	for _, i := range v.web.issuers {
		if !linked[i.URL] {
			p.Unlinked = append(p.Unlinked, i)
		}
	}
	return v.render(status, "sign-in-settings", p)
}

// signInSettingsFailed shows the page again with what went wrong.
func (v *visit) signInSettingsFailed(err error) error {
	f, status, err := v.rejectedSignIn(err, "password")
	if err != nil {
		return err
	}
	return v.signInSettingsPage(status, f)
}

func changePassword(v *visit) error {
	if v.form("password") == "" {
		return v.signInSettingsFailed(&cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Pointer: "/password",
			Rule: cron.RuleMandatory}}})
	}
	return v.setPassword(v.form("password"), "password")
}

func removePassword(v *visit) error { return v.setPassword("", "removed") }

func (v *visit) setPassword(password, done string) error {
	in, err := v.web.service.ChangePassword(v.ctx(), v.actor, password)
	if err != nil {
		return v.signInSettingsFailed(err)
	}
	return v.enter(in, pathSignInSettings+"?done="+done)
}

// totpPage shows the secret for an authenticator app, once.
type totpPage struct {
	view
	Form  form
	Setup service.TOTPSetup
	Image template.URL // the secret as a QR code
}

func beginTOTP(v *visit) error {
	setup, err := v.web.service.BeginTOTP(v.ctx(), v.actor)
	if err != nil {
		return v.signInSettingsFailed(err)
	}
	return v.totpPage(http.StatusOK, newForm(), setup)
}

func (v *visit) totpPage(status int, f form, setup service.TOTPSetup) error {
	p := totpPage{Form: f, Setup: setup}
	var err error
	if p.view, err = v.view("sign-in"); err != nil {
		return err
	}
	p.Image = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(setup.QR))
	return v.render(status, "totp", p)
}

// enableTOTP takes the first code of an app. After a wrong one the page has the same secret again.
func enableTOTP(v *visit) error {
	codes, err := v.web.service.EnableTOTP(v.ctx(), v.actor, v.form("state"), v.form("code"))
	if err != nil {
		f, status, err := v.rejectedSignIn(err, "code")
		if err != nil {
			return err
		}
		setup, err := v.web.service.TOTPSetup(v.ctx(), v.actor, v.form("state"))
		if err != nil {
			return v.signInSettingsFailed(err)
		}
		return v.totpPage(status, f, setup)
	}
	return v.recoveryCodes(codes)
}

func disableTOTP(v *visit) error {
	if err := v.web.service.DisableTOTP(v.ctx(), v.actor); err != nil {
		return v.signInSettingsFailed(err)
	}
	return v.after(pathSignInSettings, "removed")
}

// recoveryCodesPage shows new recovery codes, once.
type recoveryCodesPage struct {
	view
	Codes []string
}

func newRecoveryCodes(v *visit) error {
	codes, err := v.web.service.NewRecoveryCodes(v.ctx(), v.actor)
	if err != nil {
		return v.signInSettingsFailed(err)
	}
	return v.recoveryCodes(codes)
}

func (v *visit) recoveryCodes(codes []string) error {
	p := recoveryCodesPage{Codes: codes}
	var err error
	if p.view, err = v.view("sign-in"); err != nil {
		return err
	}
	return v.render(http.StatusOK, "recovery-codes", p)
}

func beginPasskey(v *visit) error {
	return v.begin(v.web.service.BeginPasskey(v.ctx(), v.actor, v.baseURL()))
}

func addPasskey(v *visit) error {
	if _, err := v.web.service.AddPasskey(v.ctx(), v.actor, *v.passkeyAnswer()); err != nil {
		return v.signInSettingsFailed(err)
	}
	return v.after(pathSignInSettings, "saved")
}

func renamePasskey(v *visit) error {
	if err := v.web.service.RenamePasskey(v.ctx(), v.actor, v.pathID("id"), v.form("title")); err != nil {
		return v.signInSettingsFailed(err)
	}
	return v.after(pathSignInSettings, "saved")
}

func deletePasskey(v *visit) error {
	if err := v.web.service.DeletePasskey(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return v.signInSettingsFailed(err)
	}
	return v.after(pathSignInSettings, "removed")
}
