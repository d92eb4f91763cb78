package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

// sessionCookie is the name of the cookie with the token of a session. Over TLS its prefix keeps other hosts of the domain
// from setting it.
func (v *visit) sessionCookie() string { return v.cookieName("punctual") }

func (v *visit) cookieName(name string) string {
	if v.secure {
		return "__Host-" + name
	}
	return name
}

// setCookie sets a cookie that scripts and other sites' forms do not see. It lasts as long as the browser runs when expires
// is zero.
func (v *visit) setCookie(name, value string, expires time.Time) {
	http.SetCookie(v.w, &http.Cookie{Name: v.cookieName(name), Value: value, Path: "/", Expires: expires,
		Secure: v.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// dropCookie takes a cookie away.
func (v *visit) dropCookie(name string) {
	http.SetCookie(v.w, &http.Cookie{Name: v.cookieName(name), Path: "/", MaxAge: -1,
		Secure: v.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// identify finds out who is there by the cookie of the session, if there is one.
func (v *visit) identify() error {
	v.actor.Way, v.actor.Language, v.actor.Address = cron.WayConsole, v.catalogue.Tag, v.web.proxies.Client(v.r)
	cookie, err := v.r.Cookie(v.sessionCookie())
	if err != nil {
		return nil // there is none
	}
	actor, err := v.web.auth.AuthenticateSession(v.ctx(), v.web.now(), cookie.Value, v.actor.Address)
	switch {
	case cron.KindOf(err) == cron.Unauthorized || cron.KindOf(err) == cron.Forbidden:
		return nil // it has ended
	case err != nil:
		return err
	}
	if err := v.web.service.SessionUsed(v.ctx(), v.web.now(), actor); cron.KindOf(err) == cron.Unauthorized {
		return nil // it went unused for too long
	} else if err != nil {
		v.web.logger.WarnContext(v.ctx(), "the use of a session could not be noted", slog.Any("error", err))
	}
	v.actor = actor
	if chosen := actor.Person.Language; chosen != "" {
		v.catalogue = message.Choose(chosen, message.Languages())
	}
	v.actor.Language = v.catalogue.Tag
	return nil
}

// client is who signs in.
func (v *visit) client() service.Client {
	return service.Client{Address: v.actor.Address, UserAgent: v.r.UserAgent(), Language: v.catalogue.Tag, Console: true}
}

// fresh tells whether the person has proved recently who they are.
func (v *visit) fresh() bool { return v.actor.Session != nil && v.actor.Session.Fresh(v.web.now()) }

// enter gives the browser the token of a session, and sends it to a page: that for the second factor if it is missing.
func (v *visit) enter(in service.SignedIn, next string) error {
	v.setCookie("punctual", in.Token, in.Session.Expires)
	if in.Second {
		return v.redirect(withNext(pathCode, next))
	}
	return v.redirect(localPath(next))
}

// withNext is the address of a page that leads on to another one.
func withNext(path, next string) string {
	if next = localPath(next); next == root {
		return path
	}
	return path + "?" + url.Values{"next": {next}}.Encode()
}

// next is where a page leads on to.
func (v *visit) next() string {
	if v.r.Method == http.MethodPost {
		return localPath(v.form("next"))
	}
	return localPath(v.r.URL.Query().Get("next"))
}
