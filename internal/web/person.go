package web

import (
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

const pathPerson = root + "/settings/person"

func (w *web) personRoutes() []route {
	return []route{
		{"GET", pathPerson, signedIn, showPerson},
		{"POST", pathPerson, signedIn, changePerson},
		{"POST", pathPerson + "/email", signedIn, changeEmail},
		{"POST", pathPerson + "/delete", signedIn, deletePerson},
		{"GET", root + "/email/{token}", public, showEmailLink},
		{"POST", root + "/email/{token}", public, confirmEmail},
	}
}

// personPage is what a person may say of themselves.
type personPage struct {
	view
	Form, EmailForm, DeleteForm form
	Zones                       []string
	Languages                   []*message.Catalogue
	Mail                        bool
	Sent                        string // the new address, to which a link was just sent
}

func showPerson(v *visit) error { return v.personPage(http.StatusOK, personPage{}) }

// personPage shows the page with the forms of p; those that were not sent hold what is stored.
func (v *visit) personPage(status int, p personPage) error {
	var err error
	if p.view, err = v.view("person"); err != nil {
		return err
	}
	if p.Form.values == nil {
		p.Form = newForm("name", p.Person.Name, "zone", p.Person.Zone, "language", p.Person.Language, "theme", p.Person.Theme)
	}
	p.Zones, p.Languages, p.Mail = cron.ZoneNames(), message.Languages(), v.web.service.Features().Mail
	return v.render(status, "person", p)
}

func changePerson(v *visit) error {
	name, zone, language, theme := v.form("name"), v.form("zone"), v.form("language"), v.form("theme")
	_, err := v.web.service.ChangeProfile(v.ctx(), v.actor,
		service.ProfileChange{Name: &name, Zone: &zone, Language: &language, Theme: &theme})
	if err != nil {
		f, status, err := v.rejected(err, "name", "zone")
		if err != nil {
			return err
		}
		return v.personPage(status, personPage{Form: f})
	}
	return v.after(pathPerson, "saved")
}

func changeEmail(v *visit) error {
	if err := v.web.service.ChangeEmail(v.ctx(), v.actor, v.form("email")); err != nil {
		f, status, err := v.rejected(err, "email")
		if err != nil {
			return err
		}
		return v.personPage(status, personPage{EmailForm: f})
	}
	return v.personPage(http.StatusOK, personPage{Sent: v.form("email")})
}

func deletePerson(v *visit) error {
	if err := v.web.service.DeletePerson(v.ctx(), v.actor, v.form("typed")); err != nil {
		f, status, err := v.rejected(err, "typed")
		if err != nil {
			return err
		}
		return v.personPage(status, personPage{DeleteForm: f})
	}
	v.dropCookie("punctual")
	return v.after(pathSignIn, "deleted")
}

// emailPage confirms the new address of a person.
type emailPage struct {
	view
	Form form
	Link service.LinkInfo
}

func showEmailLink(v *visit) error { return v.emailPage(http.StatusOK, newForm()) }

func (v *visit) emailPage(status int, f form) error {
	link, err := v.web.service.EmailLink(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	return v.render(status, "email", emailPage{v.plainView(), f, link})
}

func confirmEmail(v *visit) error {
	if err := v.web.service.ConfirmEmail(v.ctx(), v.client(), v.r.PathValue("token")); err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.emailPage(status, f)
	}
	if v.actor.Session != nil {
		return v.after(pathPerson, "email")
	}
	return v.after(pathSignIn, "email")
}
