package web

import (
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/service"
)

const pathPeople = root + "/settings/people"

func (w *web) peopleRoutes() []route {
	return []route{
		{"GET", pathPeople, signedIn, showPeople},
		{"POST", pathPeople + "/invite", signedIn, invite},
		{"POST", pathPeople + "/leave", signedIn, leave},
		{"POST", pathPeople + "/{id}/role", signedIn, changeRole},
		{"POST", pathPeople + "/{id}/remove", signedIn, removePerson},
		{"POST", pathPeople + "/invitations/{id}/revoke", signedIn, revokeInvitation},
	}
}

// peoplePage lists the members of an account, and who is invited.
type peoplePage struct {
	view
	Form        form
	People      []cron.Membership
	List        listing
	Invitations []service.Invitation
	Roles       []cron.Role // that the person may give
	Mail        bool
	Made        *service.Invitation // that was just made, with its link
	Link        string
}

func showPeople(v *visit) error {
	return v.peoplePage(http.StatusOK, peoplePage{Form: newForm("role", "editor")})
}

func (v *visit) peoplePage(status int, p peoplePage) error {
	var err error
	if p.view, err = v.view("people"); err != nil {
		return err
	}
	all, err := v.web.service.People(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	p.People, p.List = paged(v, all, func(m cron.Membership) int64 { return m.PersonID },
		func(m cron.Membership) []string { return []string{m.Person.Name, m.Person.Email} })
	if p.Role == cron.RoleOwner {
		if p.Invitations, err = v.web.service.Invitations(v.ctx(), v.actor); err != nil {
			return err
		}
	}
	for r := cron.RoleViewer; r <= p.Role; r++ {
		p.Roles = append(p.Roles, r)
	}
	p.Mail = v.web.service.Features().Mail
	return v.render(status, "people", p)
}

// peopleFailed shows the page again with what went wrong.
func (v *visit) peopleFailed(err error) error {
	f, status, err := v.rejected(err, "email")
	if err != nil {
		return err
	}
	return v.peoplePage(status, peoplePage{Form: f})
}

func invite(v *visit) error {
	role, _ := cron.ParseRole(v.form("role")) // none is refused
	made, err := v.web.service.Invite(v.ctx(), v.actor, v.form("email"), role)
	if err != nil {
		return v.peopleFailed(err)
	}
	p := peoplePage{Form: newForm("role", "editor"), Made: &made}
	if made.Token != "" {
		p.Link = v.baseURL() + root + "/invitation/" + made.Token
	}
	return v.peoplePage(http.StatusOK, p)
}

func revokeInvitation(v *visit) error {
	if err := v.web.service.RevokeInvitation(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return v.peopleFailed(err)
	}
	return v.after(pathPeople, "revoked")
}

func changeRole(v *visit) error {
	role, _ := cron.ParseRole(v.form("role")) // none is refused
	if err := v.web.service.ChangeRole(v.ctx(), v.actor, v.pathID("id"), role); err != nil {
		return v.peopleFailed(err)
	}
	return v.after(pathPeople, "saved")
}

func removePerson(v *visit) error {
	if err := v.web.service.RemovePerson(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return v.peopleFailed(err)
	}
	return v.after(pathPeople, "removed")
}

func leave(v *visit) error {
	if err := v.web.service.Leave(v.ctx(), v.actor); err != nil {
		return v.peopleFailed(err)
	}
	return v.after(root, "left")
}
