package web

import (
	"net/http"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

const pathSecrets = root + "/settings/secrets"

func (w *web) secretRoutes() []route {
	return []route{
		{"GET", pathSecrets, signedIn, showSecrets},
		{"POST", pathSecrets, signedIn, createSecret},
		{"GET", pathSecrets + "/{id}", signedIn, showSecret},
		{"POST", pathSecrets + "/{id}", signedIn, setSecret},
		{"POST", pathSecrets + "/{id}/delete", signedIn, deleteSecret},
	}
}

// secretsPage lists the secrets of the account, without their values.
type secretsPage struct {
	view
	Form    form
	Secrets []cron.Secret
	pages
}

func showSecrets(v *visit) error { return v.secretsPage(http.StatusOK, newForm()) }

func (v *visit) secretsPage(status int, f form) error {
	p := secretsPage{Form: f}
	var err error
	if p.view, err = v.view("secrets"); err != nil {
		return err
	}
	var next int64
	if p.Secrets, next, err = v.web.service.Secrets(v.ctx(), v.actor, parseID(v.r.URL.Query().Get("after")), pageRows); err != nil {
		return err
	}
	if next != 0 {
		p.NextPage = pathSecrets + "?after=" + strconv.FormatInt(next, 10)
	}
	return v.render(status, "secrets", p)
}

func createSecret(v *visit) error {
	s, err := v.web.service.NewSecret(v.actor, v.form("name"), v.secretValue())
	if err == nil {
		err = v.web.service.AddSecret(v.ctx(), v.actor, &s)
	}
	if err != nil {
		f, status, err := v.rejected(err, "name", "value")
		if err != nil {
			return err
		}
		return v.secretsPage(status, f)
	}
	return v.after(pathSecrets, "secret-made")
}

// secretPage replaces the value of one secret, and says which jobs use it.
type secretPage struct {
	view
	Form   form
	Secret cron.Secret
	More   int // jobs that are not listed
}

// Reference is what jobs write for the value.
func (p secretPage) Reference() string { return "%secret:" + p.Secret.Name + "%" }

func showSecret(v *visit) error { return v.secretPage(http.StatusOK, newForm()) }

func (v *visit) secretPage(status int, f form) error {
	p := secretPage{Form: f}
	var err error
	if p.view, err = v.view("secrets"); err != nil {
		return err
	}
	if p.Secret, err = v.secret(); err != nil {
		return err
	}
	p.More = p.Secret.Jobs - len(p.Secret.JobIDs)
	return v.render(status, "secret", p)
}

// secret is that of the path.
func (v *visit) secret() (cron.Secret, error) {
	id := v.pathID("id")
	list, _, err := v.web.service.Secrets(v.ctx(), v.actor, id-1, 1)
	if err == nil && (len(list) == 0 || list[0].ID != id) {
		err = cron.Missing(cron.SubjectSecret)
	}
	if err != nil {
		return cron.Secret{}, err
	}
	return list[0], nil
}

// secretValue is the value that was typed, without the end of its line, which pasted files have.
func (v *visit) secretValue() string { return strings.TrimRight(v.form("value"), "\r\n") }

func setSecret(v *visit) error {
	value := v.secretValue()
	if err := v.web.service.SetSecret(v.ctx(), v.actor, v.pathID("id"), &value); err != nil {
		f, status, err := v.rejected(err, "value")
		if err != nil {
			return err
		}
		return v.secretPage(status, f)
	}
	return v.after(pathSecrets, "secret-set")
}

func deleteSecret(v *visit) error {
	if err := v.web.service.DeleteSecret(v.ctx(), v.actor, v.pathID("id")); err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.secretPage(status, f)
	}
	return v.after(pathSecrets, "removed")
}
