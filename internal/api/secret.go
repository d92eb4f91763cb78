package api

import (
	"context"
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// secret is a secret without its value. Times are Unix seconds.
type secret struct {
	SecretID int64   `json:"secretId"`
	Name     string  `json:"name"`
	Created  int64   `json:"created"`
	Updated  int64   `json:"updated"`
	Jobs     int     `json:"jobs"`
	JobIDs   []int64 `json:"jobIds"` // the first of them
}

func newSecret(s *cron.Secret) secret {
	return secret{s.ID, s.Name, s.Created.Unix(), s.Updated.Unix(), s.Jobs, append([]int64{}, s.JobIDs...)}
}

func (a *api) listSecrets(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p     wire.Problems
		query = wire.Query(r, &p)
		after int64
		limit = wire.DefaultSecretsPage
	)
	wire.Integer(query, "cursor", &after, 1, wire.MaxID)
	wire.Integer(query, "limit", &limit, 1, wire.MaxSecretsPage)
	if err := p.Err(); err != nil {
		return err
	}
	secrets, next, err := a.service.Secrets(r.Context(), actor, after, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Secrets []secret `json:"secrets"`
		Next    *string  `json:"next"` // the cursor of the next page; null at the end
	}{Secrets: make([]secret, len(secrets))}
	if next != 0 {
		answer.Next = new(strconv.FormatInt(next, 10))
	}
	for i := range secrets {
		answer.Secrets[i] = newSecret(&secrets[i])
	}
	return reply(w, answer)
}

func (a *api) createSecret(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, secretBody, "secret")
	if err != nil {
		return err
	}
	var (
		p           wire.Problems
		name, value string
	)
	o := wire.NewObject(body, "", &p)
	o.Skip("secretId", "created", "updated", "jobs", "jobIds")
	o.Text("name", &name)
	o.Text("value", &value)
	a.tellIgnored(w, r, outer, "/secret", p.Unread())
	made, err := a.service.NewSecret(actor, name, value)
	if err = cron.JoinProblems(p.Err(), err); err != nil {
		return cron.Under("/secret", err)
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		if err := a.service.AddSecret(ctx, actor, &made); err != nil {
			return err
		}
		return reply(w, struct {
			SecretID int64 `json:"secretId"`
		}{made.ID})
	})
}

// changeSecret gives a secret another value. The name stays, since jobs refer to it.
func (a *api) changeSecret(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, secretBody, "secret")
	if err != nil {
		return err
	}
	var (
		p     wire.Problems
		value *string
	)
	o := wire.NewObject(body, "", &p)
	o.Skip("secretId", "created", "updated", "jobs", "jobIds")
	if o.Has("value") {
		value = new(string)
		o.Text("value", value)
	}
	a.tellIgnored(w, r, outer, "/secret", p.Unread())
	if err = p.Err(); err == nil {
		err = a.service.SetSecret(r.Context(), actor, pathID(r, "secretId"), value)
	}
	if err != nil {
		return cron.Under("/secret", err)
	}
	return reply(w, struct{}{})
}

func (a *api) deleteSecret(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteSecret(r.Context(), actor, pathID(r, "secretId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
