package api

import (
	"context"
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// invitation is an open invitation. Times are Unix seconds.
type invitation struct {
	InvitationID int64  `json:"invitationId"`
	Email        string `json:"email"`
	Role         string `json:"role"`
	InvitedBy    string `json:"invitedBy"`
	Created      int64  `json:"created"`
	Expires      int64  `json:"expires"`
}

func newInvitation(i *service.Invitation) invitation {
	return invitation{i.ID, i.Email, i.Role.String(), i.Inviter, i.Created.Unix(), i.Expires.Unix()}
}

func (a *api) listInvitations(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	invitations, err := a.service.Invitations(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		Invitations []invitation `json:"invitations"`
		Next        *string      `json:"next"`
	}{Invitations: make([]invitation, len(invitations))}
	for i := range invitations {
		answer.Invitations[i] = newInvitation(&invitations[i])
	}
	return reply(w, answer)
}

// createInvitation invites somebody. The link is shown only when no mail was sent with it.
func (a *api) createInvitation(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, personBody, "invitation")
	if err != nil {
		return err
	}
	var (
		p     wire.Problems
		email string
		role  cron.Role
	)
	o := wire.NewObject(body, "/invitation", &p)
	o.Skip("invitationId", "invitedBy", "created", "expires")
	o.MustHave("email")
	o.Text("email", &email)
	wire.Choice(o, "role", &role, wire.RoleNames)
	a.tellIgnored(w, r, outer, "/invitation", p.Unread())
	if err := p.Err(); err != nil {
		return err
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		i, err := a.service.Invite(ctx, actor, email, role+cron.RoleViewer)
		if err != nil {
			return cron.Under("/invitation", err)
		}
		answer := struct {
			InvitationID int64   `json:"invitationId"`
			Mailed       bool    `json:"mailed"`
			Path         *string `json:"path"` // of the link, to be sent by other means; null when it was mailed
		}{InvitationID: i.ID, Mailed: i.Mailed}
		if i.Token != "" {
			answer.Path = new(service.InvitationPath + i.Token)
		}
		return reply(w, answer)
	})
}

func (a *api) deleteInvitation(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.RevokeInvitation(r.Context(), actor, pathID(r, "invitationId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
