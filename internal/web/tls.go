package web

import (
	"net/http"
	"strings"
	"time"

	"punctual/internal/cron"
)

const pathTLS = root + "/settings/tls"

func (w *web) tlsRoutes() []route {
	return []route{
		{"GET", pathTLS, signedIn, showTLS},
		{"POST", pathTLS + "/authorities", signedIn, setAuthorities},
		{"POST", pathTLS + "/authorities/remove", signedIn, removeAuthorities},
		{"POST", pathTLS + "/client", signedIn, setClient},
		{"POST", pathTLS + "/client/remove", signedIn, removeClient},
	}
}

// shownCertificates is how many certificates of a text the page describes.
const shownCertificates = 20

// expiringCertificate is how long before its end a certificate should be renewed.
const expiringCertificate = 14 * 24 * time.Hour

// tlsPage is the TLS material of the account: whom its jobs trust, and by which certificate they show who they are.
type tlsPage struct {
	view
	Authorities certificates
	Client      certificates
	RootsForm   form
	ClientForm  form
}

// certificates are the facts of a text in PEM.
type certificates struct {
	List []cron.CertificateFact
	More int // that are not described
}

func factsOf(pem string) certificates {
	list, count := cron.CertificateFacts(pem, shownCertificates)
	return certificates{list, count - len(list)}
}

func showTLS(v *visit) error { return v.tlsPage(http.StatusOK, tlsPage{}) }

func (v *visit) tlsPage(status int, p tlsPage) error {
	var err error
	if p.view, err = v.view("tls"); err != nil {
		return err
	}
	m, err := v.web.service.TLS(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	p.Authorities, p.Client = factsOf(m.Roots), factsOf(m.Certificate)
	return v.render(status, "tls", p)
}

// Ends says how a certificate stands: expired, soon to expire, or valid.
func (p tlsPage) Ends(c cron.CertificateFact) state {
	t := p.labels.Label
	switch left := c.Expires.Sub(p.now); {
	case left <= 0:
		return state{"bad", "circle-x", t("tls.expired")}
	case p.now.Before(c.Begins):
		return state{"warn", "clock-alert", t("tls.not-yet")}
	case left < expiringCertificate:
		return state{"warn", "clock-alert", t("tls.expires-soon")}
	}
	return state{"good", "circle-check", t("tls.valid")}
}

func setAuthorities(v *visit) error {
	roots := pemText(v.form("caBundle"))
	if roots == "" {
		f := form{values: v.r.PostForm, errors: map[string]string{"caBundle": v.catalogue.Problem(cron.Problem{Rule: cron.RuleMandatory})}}
		return v.tlsPage(http.StatusUnprocessableEntity, tlsPage{RootsForm: f})
	}
	return v.changeTLS(cron.TLSChange{Roots: &roots}, "saved")
}

func removeAuthorities(v *visit) error { return v.changeTLS(cron.TLSChange{Roots: new("")}, "removed") }

func setClient(v *visit) error {
	m := cron.TLSMaterial{Certificate: pemText(v.form("certificate")), Key: pemText(v.form("privateKey"))}
	if m.Empty() {
		f := form{values: v.r.PostForm, errors: map[string]string{"certificate": v.catalogue.Problem(cron.Problem{Rule: cron.RuleMandatory})}}
		return v.tlsPage(http.StatusUnprocessableEntity, tlsPage{ClientForm: f})
	}
	return v.changeTLS(cron.TLSChange{Client: &m}, "saved")
}

func removeClient(v *visit) error {
	return v.changeTLS(cron.TLSChange{Client: &cron.TLSMaterial{}}, "removed")
}

func (v *visit) changeTLS(c cron.TLSChange, done string) error {
	err := v.web.service.ChangeTLS(v.ctx(), v.actor, c)
	if err == nil {
		return v.after(pathTLS, done)
	}
	f, status, err := v.rejected(err, "caBundle", "certificate", "privateKey")
	if err != nil {
		return err
	}
	f = f.with("privateKey", "") // is not sent back
	if c.Roots != nil {
		return v.tlsPage(status, tlsPage{RootsForm: f})
	}
	return v.tlsPage(status, tlsPage{ClientForm: f})
}

// pemText is a text in PEM as it was before a browser ended its lines with CR and LF.
func pemText(text string) string {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n")
	if text == "" {
		return ""
	}
	return text + "\n"
}
