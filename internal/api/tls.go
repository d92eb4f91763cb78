package api

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// tlsMaterial is what an account adds to TLS, in PEM. The private key is never shown.
type tlsMaterial struct {
	CABundle          string `json:"caBundle"`
	Certificate       string `json:"certificate"`
	CertificateExpiry *int64 `json:"certificateExpiry"` // Unix seconds; null without a certificate
}

func (a *api) getTLS(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	m, err := a.service.TLS(r.Context(), actor)
	if err != nil {
		return err
	}
	return reply(w, struct {
		TLS tlsMaterial `json:"tls"`
	}{tlsMaterial{m.Roots, m.Certificate, wire.UnixOrNull(m.CertificateExpiry())}})
}

// setTLS replaces all of it.
func (a *api) setTLS(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, tlsBody, "tls")
	if err != nil {
		return err
	}
	var (
		m cron.TLSMaterial
		p wire.Problems
	)
	o := wire.NewObject(body, "", &p)
	o.Skip("certificateExpiry")
	o.Text("caBundle", &m.Roots)
	o.Text("certificate", &m.Certificate)
	o.Text("privateKey", &m.Key)
	a.tellIgnored(w, r, outer, "/tls", p.Unread())
	if err = p.Err(); err == nil {
		err = a.service.SetTLS(r.Context(), actor, m)
	}
	if err != nil {
		return cron.Under("/tls", err)
	}
	return reply(w, struct{}{})
}

func (a *api) deleteTLS(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteTLS(r.Context(), actor); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
