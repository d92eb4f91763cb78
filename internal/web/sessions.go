package web

import (
	"net/http"

	"punctual/internal/cron"
)

const pathSessions = root + "/settings/sessions"

func (w *web) sessionRoutes() []route {
	return []route{
		{"GET", pathSessions, signedIn, showSessions},
		{"POST", pathSessions + "/end-others", signedIn, endOtherSessions},
		{"POST", pathSessions + "/{id}/end", signedIn, endSession},
	}
}

// sessionsPage lists where a person is signed in.
type sessionsPage struct {
	view
	Sessions []sessionRow
}

// sessionRow is a session as the page shows it.
type sessionRow struct {
	cron.Session
	Device  string
	WayName string
	Current bool
}

func showSessions(v *visit) error {
	var p sessionsPage
	var err error
	if p.view, err = v.view("sessions"); err != nil {
		return err
	}
	sessions, err := v.web.service.Sessions(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		p.Sessions = append(p.Sessions, sessionRow{s, v.device(s.UserAgent), v.wayName(s.Way), s.ID == v.actor.Session.ID})
	}
	return v.render(http.StatusOK, "sessions", p)
}

// wayName says how somebody signed in.
func (v *visit) wayName(way string) string {
	switch way {
	case cron.WayPassword:
		return v.catalogue.Label("way.password")
	case cron.WayPasskey:
		return v.catalogue.Label("way.passkey")
	case cron.WayOIDC:
		return v.catalogue.Label("way.oidc")
	}
	return v.catalogue.Label("way.link")
}

func endSession(v *visit) error {
	if err := v.web.service.EndSession(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	return v.after(pathSessions, "ended")
}

func endOtherSessions(v *visit) error {
	if err := v.web.service.EndOtherSessions(v.ctx(), v.actor); err != nil {
		return err
	}
	return v.after(pathSessions, "ended")
}
