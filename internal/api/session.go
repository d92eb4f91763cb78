package api

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// session is a sign-in of a person. Times are Unix seconds.
type session struct {
	SessionID int64  `json:"sessionId"`
	Way       string `json:"way"`
	Console   bool   `json:"console"`
	Current   bool   `json:"current"`
	Address   string `json:"address"`
	UserAgent string `json:"userAgent"`
	Created   int64  `json:"created"`
	SignedIn  int64  `json:"signedIn"`
	LastSeen  int64  `json:"lastSeen"`
	Expires   int64  `json:"expires"`
}

func newSession(s, current *cron.Session) session {
	return session{
		s.ID, s.Way, s.Console, current != nil && s.ID == current.ID, s.Address, s.UserAgent, s.Created.Unix(),
		s.SignedIn.Unix(), s.LastSeen.Unix(), s.Expires.Unix(),
	}
}

func (a *api) listSessions(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	sessions, err := a.service.Sessions(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		Sessions []session `json:"sessions"`
		Next     *string   `json:"next"`
	}{Sessions: make([]session, len(sessions))}
	for i := range sessions {
		answer.Sessions[i] = newSession(&sessions[i], actor.Session)
	}
	return reply(w, answer)
}

// createSession signs a person in, whose token then stands where an API key does. It has no cookie, and needs no key.
func (a *api) createSession(w http.ResponseWriter, r *http.Request, _ cron.Actor) error {
	address := a.proxies.Client(r)
	body, outer, err := wire.ReadMember(w, r, personBody, "session")
	if err != nil {
		return err
	}
	var (
		p                     wire.Problems
		email, password, code string
	)
	o := wire.NewObject(body, "/session", &p)
	o.MustHave("email")
	o.Text("email", &email)
	o.MustHave("password")
	o.Text("password", &password)
	o.Text("code", &code)
	a.tellIgnored(w, r, outer, "/session", p.Unread())
	if err := p.Err(); err != nil {
		return err
	}
	client := service.Client{Address: address, UserAgent: r.UserAgent(), Language: languageOf(r).Tag}
	in, err := a.service.SignInWithCode(r.Context(), client, email, password, code)
	if err != nil {
		return err
	}
	return reply(w, struct {
		SessionID int64  `json:"sessionId"`
		Token     string `json:"token"`
		Expires   int64  `json:"expires"`
	}{in.Session.ID, in.Token, in.Session.Expires.Unix()})
}

func (a *api) deleteSession(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.EndSession(r.Context(), actor, pathID(r, "sessionId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
